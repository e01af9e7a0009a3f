"""Sentences as sound (8 kHz, 16 bit, mono), made once by a speech program and kept; and what a voice looks like."""

from __future__ import annotations

import array
import asyncio
import hashlib
import math
import os
from collections.abc import Sequence
from pathlib import Path

RATE = 8000  # samples a second, of two bytes
SOX = ("sox", "-t", "wav", "-", "-r", str(RATE), "-c", "1", "-b", "16", "-e", "signed-integer", "-t", "raw", "-")
PAUSE = b"\0" * (2 * RATE // 4)
LOUD = 400  # of 32768: a voice on a line, not its hiss


class Mute(Exception):
    """The speech program is not there or failed."""


class Voice:
    """Speaks by `command`, which takes the text on its input and gives a WAV; a sentence is made once."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self.command, self.folder = tuple(command), folder / "speech"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def sound(self, sentences: Sequence[str]) -> bytes:
        """The sentences one after the other, a breath between them.  Raises Mute."""
        return PAUSE.join([await self._one(sentence) for sentence in sentences]) + PAUSE

    async def _one(self, sentence: str) -> bytes:
        name = hashlib.sha256("\0".join((*self.command, sentence)).encode()).hexdigest()
        file = self.folder / f"{name}.raw"
        if not file.exists():
            fresh = file.with_name(f"{name}.{os.getpid()}.new")
            fresh.write_bytes(await _piped(SOX, await _piped(self.command, sentence.encode())))
            fresh.rename(file)
        return file.read_bytes()


async def _piped(command: Sequence[str], given: bytes) -> bytes:
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except OSError as failure:
        raise Mute(f"没有 {command[0]}，请装上：apt-get install espeak-ng sox") from failure
    made, said = await process.communicate(given)
    if process.returncode != 0 or not made:
        raise Mute(f"{command[0]}：{said.decode(errors='replace')[-200:]}")
    return made


def tone(hertz: int = 1000, seconds: float = 0.3) -> bytes:
    """The sound after which one speaks."""
    count = int(RATE * seconds)
    wave = (int(8000 * math.sin(2 * math.pi * hertz * n / RATE)) for n in range(count))
    return array.array("h", wave).tobytes()


def loud(pcm: bytes) -> bool:
    """Whether somebody speaks in these samples."""
    samples = array.array("h", pcm[: len(pcm) // 2 * 2])
    return bool(samples) and math.sqrt(sum(s * s for s in samples) / len(samples)) > LOUD
