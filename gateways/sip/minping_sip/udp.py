"""SIP over UDP on Python 3.11, where aiosipua 0.7.1's own transport does not start.

Up to CPython 3.11 the transports of `create_datagram_endpoint` are no instances of
`asyncio.DatagramTransport`, which the library asserts.  Everything else of it is used as it is.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiosipua.transport import UdpSipTransport


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, owner: UdpSipTransport) -> None:
        self.owner = owner

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self.owner._dispatch(data, (str(addr[0]), int(addr[1])))


class Udp(UdpSipTransport):
    async def start(self) -> None:
        """Bind the address; each datagram is one message."""
        loop = asyncio.get_running_loop()
        made, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), local_addr=self.local_addr)
        self._udp_transport = made
