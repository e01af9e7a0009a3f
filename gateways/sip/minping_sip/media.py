"""The sound of one call: a steady stream of 20 ms frames out; keys (RFC 4733) and voice in."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from aiortp import RTPSession
from aiortp.dtmf import DtmfReceiver

from minping_sip.speech import RATE, loud

SECONDS = 0.02
FRAME = int(RATE * SECONDS) * 2  # bytes
QUIET = b"\0" * FRAME


class Session(RTPSession):
    """Hears the hosts in `trusted` only, so that nobody who finds the port presses keys in someone's call.

    A source that begins anew (RFC 3550: another SSRC) counts its time anew: its next key is not the last one again.
    """

    trusted: frozenset[str] = frozenset()

    def _handle_rtp(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr[0] in self.trusted:
            super()._handle_rtp(data, addr)

    def _remote_ssrc_changed(self, ssrc: int) -> None:
        super()._remote_ssrc_changed(ssrc)
        self._dtmf_receiver = DtmfReceiver(self._dispatch_dtmf)


class HungUp(Exception):
    """The other side is gone."""


class Media:
    """Silence is sent where there is nothing to say, so that no box on the way takes the call for dead."""

    def __init__(self, session: RTPSession) -> None:
        self.session = session
        self.gone = asyncio.Event()
        self._keys: asyncio.Queue[str] = asyncio.Queue()
        self._out: deque[bytes] = deque()
        self._said = asyncio.Event()
        self._heard: bytearray | None = None
        self._quiet_since = 0.0
        session.on_dtmf = lambda key, _: self._keys.put_nowait(key)
        session.on_audio = self._hear
        self._stream = asyncio.create_task(self._send())

    async def _send(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self.session.send_audio_pcm_auto(self._out.popleft() if self._out else QUIET)
            if not self._out:
                self._said.set()
            due += SECONDS
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def say(self, pcm: bytes) -> None:
        """Returns when the last of it has been sent."""
        self._said.clear()
        self._out.extend(pcm[at : at + FRAME].ljust(FRAME, b"\0") for at in range(0, len(pcm), FRAME))
        await self._said.wait()

    def hush(self) -> None:
        """Stop speaking."""
        self._out.clear()

    async def key(self) -> str:
        return await self._keys.get()

    def forget_keys(self) -> None:
        """Keys pressed before a question do not answer it."""
        while not self._keys.empty():
            self._keys.get_nowait()

    def listen(self) -> None:
        self._heard, self._quiet_since = bytearray(), asyncio.get_running_loop().time()

    def _hear(self, pcm: bytes, _: int) -> None:
        if self._heard is not None:
            self._heard += pcm
            if loud(pcm):
                self._quiet_since = asyncio.get_running_loop().time()

    async def silence(self, seconds: float) -> None:
        """Returns when nobody has spoken for so long."""
        while (left := self._quiet_since + seconds - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(left)

    def heard(self) -> bytes:
        """What was heard since `listen`; empty where nobody spoke for a fifth of a second at least."""
        sound, self._heard = bytes(self._heard or b""), None
        frames = (sound[at : at + FRAME] for at in range(0, len(sound), FRAME))
        return sound if sum(map(loud, frames)) * SECONDS >= 0.2 else b""

    async def first(self, *waits: Any) -> Any:
        """The result of whichever comes first; the others are given up.  Raises HungUp when the line goes."""
        gone = asyncio.ensure_future(self.gone.wait())
        tasks = [asyncio.ensure_future(wait) for wait in waits]
        try:
            done, _ = await asyncio.wait([gone, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task in done:
                    return task.result()
            raise HungUp
        finally:
            for task in (gone, *tasks):
                task.cancel()

    async def close(self) -> None:
        self._stream.cancel()
        await self.session.close()
