"""The sandbox province: a real HTTP server that plays the provincial system, for demonstration and tests.

No province offers a public sandbox (facts/interfaces.md, section 7), and what matters about the real ones is
how they fail. This one speaks protocol v1, keeps what it answered for across a kill -9, and can be told to be
slow, down, refusing, unavailable, duplicating, babbling, or to lose its answer after accepting.

Beside protocol v1 it speaks two real families: Fujian-like under /fj/ and Shandong/Beijing-like under /sd/ and /bj/
(families.py).

It stands apart on purpose: it imports nothing else of minping, and beyond the standard library only SM3 and SM4 of
`cryptography` (its SM2 is its own), so that no mistake can be made twice in the same way on both ends.

    from minping.sandbox import serve
    with serve("127.0.0.1", 0, "province.sqlite3", "secret") as province:
        province.behave(lose=0.1)
        ... province.url ...
"""

from minping.sandbox.behaviour import BehaviourError
from minping.sandbox.server import Server, serve
from minping.sandbox.store import StoreError

__all__ = ["BehaviourError", "Server", "StoreError", "serve"]
