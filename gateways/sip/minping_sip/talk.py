"""One conversation: say what the contract says, wait for what it asks, report it; nothing is decided here."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minping_sip.contract import Away, Minping, Refused
from minping_sip.media import HungUp, Media
from minping_sip.speech import RATE, Voice, tone

log = logging.getLogger("minping_sip")

AWAY_FIRST = "您好，评价系统暂时连不上，现在不能评价。请过一会儿再打，或者用短信里的链接评价。再见。"
AWAY_LATER = "评价系统暂时连不上。您刚才的选择已经存下，恢复以后自动补报。再见。"
TROUBLE = "对不起，电话系统出了差错，请过一会儿再打。再见。"
GUARD = 0.7  # seconds: the second half of a double press does not answer the next question
LULL = 5.0  # seconds of silence that end a spoken reason

Turn = dict[str, Any]


class Talk:
    """`folder` holds the recordings, under references that say nothing of the person."""

    def __init__(
        self, media: Media, minping: Minping, voice: Voice, folder: Path, hang_up: Callable[[], object]
    ) -> None:
        self.media, self.minping, self.voice, self.hang_up = media, minping, voice, hang_up
        self.folder = folder / "recordings"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._deaf_until = 0.0

    async def run(self, turn: Turn) -> None:
        """From the first answer of the contract to the end of the call, whichever side ends it."""
        call, step = turn["call"], turn["step"]
        try:
            while turn["take"] != "nothing":
                heard = await self._ask(turn)
                turn = await self.minping.event(call, step, **heard)
                step = turn["step"]
            await self._say(turn["say"])
        except Away:
            await self.apologise(AWAY_LATER)
        except Refused as refused:
            log.error("call %s: refused, %s", call, refused.code)
            await self.apologise(TROUBLE)
        except HungUp:
            await self._last_words(call, turn)
        self.hang_up()
        try:
            await self.minping.event(call, step, kind="hung_up")
        except (Away, Refused) as failure:
            log.warning("call %s: its end is reported later (%s)", call, failure)

    async def apologise(self, sentence: str) -> None:
        with contextlib.suppress(HungUp):
            await self._say([sentence])

    async def _last_words(self, call: str, turn: Turn) -> None:
        """Who speaks and hangs up has spoken."""
        if turn["take"] == "words" and (sound := self.media.heard()):
            try:
                await self.minping.event(call, turn["step"], kind="words", recording=self._keep(sound))
            except (Away, Refused) as failure:
                log.warning("call %s: words are reported later (%s)", call, failure)

    async def _say(self, sentences: list[str]) -> None:
        await self.media.first(self.media.say(await self.voice.sound(sentences)))

    async def _ask(self, turn: Turn) -> dict[str, Any]:
        """What is heard in answer to a turn."""
        self.media.forget_keys()
        self._deaf_until = asyncio.get_running_loop().time() + GUARD
        sound = await self.voice.sound(turn["say"])
        key = await self.media.first(self._key(turn), self._spoken(sound))
        self.media.hush()
        if key:
            return {"kind": "key", "key": key}
        if turn["take"] == "words":
            return await self._record(turn)
        key = await self.media.first(self._key(turn), self._wait(turn["seconds"]))
        return {"kind": "key", "key": key} if key else {"kind": "silence"}

    async def _spoken(self, sound: bytes) -> str:
        await self.media.say(sound)
        return ""

    async def _wait(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return ""

    async def _lull(self) -> str:
        await self.media.silence(LULL)
        return ""

    async def _key(self, turn: Turn) -> str:
        """The next key that answers this turn.  Where words are asked for, only the keys that it names end them."""
        while True:
            key = await self.media.key()
            late_half = asyncio.get_running_loop().time() < self._deaf_until
            if not late_half and (turn["take"] == "key" or key in turn["keys"]):
                return key

    async def _record(self, turn: Turn) -> dict[str, Any]:
        await self.media.first(self.media.say(tone()))
        self.media.listen()
        key = await self.media.first(self._key(turn), self._wait(turn["seconds"]), self._lull())
        sound = self.media.heard()
        if sound and key != "*":
            return {"kind": "words", "recording": self._keep(sound)}
        return {"kind": "key", "key": key} if key else {"kind": "silence"}

    def _keep(self, sound: bytes) -> str:
        """Keep a recording, for its owner's eyes only; its reference is random."""
        reference = secrets.token_hex(8)
        handle = os.open(self.folder / f"{reference}.wav", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream, wave.open(stream, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(sound)
        return reference
