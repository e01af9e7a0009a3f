"""The reader: one page in one file, which opens a clue in the officer's own browser and needs nothing else.

Served by the installation with the sealed clue in it, or kept on the officer's own machine (`minping clue reader`),
where no later change of the server reaches it: always the same bytes, named by their hash (docs/decisions/0070).
No Django here, as in supervise/sealed.
"""

from __future__ import annotations

import base64
import hashlib
import html
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


@cache
def _parts() -> tuple[str, str, str]:
    whole, style, script = ((HERE / f"reader.{kind}").read_text("utf-8") for kind in ("html", "css", "js"))
    return whole, style, script


def _source(content: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() + "'"


@cache
def policy() -> str:
    """What the page may do: run its own script, and reach nothing, not even the server it came from."""
    _, style, script = _parts()
    return (
        f"default-src 'none'; script-src {_source(script)}; style-src {_source(style)}; "
        "base-uri 'none'; form-action 'none'"
    )  # fmt: skip


def page(sealed: bytes = b"") -> bytes:
    """The page; with a sealed file (supervise/sealed.file_of) that one stands in it already."""
    whole, style, script = _parts()
    filled = {
        "{policy}": html.escape(policy()),
        "{style}": f"<style>{style}</style>",  # in the page itself, as it is one file; its policy names their hashes
        "{script}": f"<script>{script}</script>",
    }
    filled["{sealed}"] = html.escape(sealed.decode())
    for name, value in filled.items():
        whole = whole.replace(name, value, 1)
    return whole.encode()


def mark() -> str:
    """The hash by which a copy of the page is known."""
    return hashlib.sha256(page()).hexdigest()
