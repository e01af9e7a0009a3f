"""Time-ordered identifiers (RFC 9562 version 7): they spread over partitions and need no sequence."""

from __future__ import annotations

import os
import threading
import uuid
from datetime import datetime

from minping.kernel import clock

_ticks = 0  # of the last id made for "now" in this process, in 4096ths of a millisecond
_turn = threading.Lock()


def uuid7(at: datetime | None = None) -> uuid.UUID:
    """A UUIDv7 of the instant `at`: 48 bits of milliseconds, 74 random bits; without `at` the next one after the last.

    Ids made for "now" follow each other in the order of their making, also within one
    millisecond and while the clock stands or is set back: the journal's order is the
    order of its ids (RFC 9562 §6.2, methods 1 and 3).
    """
    noise = int.from_bytes(os.urandom(10), "big")
    if at is None:
        ticks = _next()
        noise = (ticks & 0xFFF) << 64 | noise & (1 << 64) - 1
        milliseconds = ticks >> 12
    else:
        milliseconds = int(at.timestamp() * 1000)
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | noise
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)


def _next() -> int:
    global _ticks
    microseconds = int(clock.now().timestamp() * 1_000_000)
    with _turn:
        _ticks = max(_ticks + 1, (microseconds << 12) // 1000)
        return _ticks


def uuid7_floor(at: datetime) -> uuid.UUID:
    """The least UUIDv7 of the instant `at`: ids made before it are smaller, so a time is a range of keys."""
    return uuid.UUID(int=(int(at.timestamp() * 1000) & 0xFFFF_FFFF_FFFF) << 80)


def uuid7_many(count: int, at: datetime) -> list[uuid.UUID]:
    """`count` UUIDv7 of one instant, in their own order: a set that is written together lies together in an index."""
    milliseconds = int(at.timestamp() * 1000) & 0xFFFF_FFFF_FFFF
    head, noise = milliseconds << 80 | 0x7 << 76 | 0x2 << 62, os.urandom(10 * count)
    low, high = (1 << 62) - 1, 0xFFF << 64
    made = []
    for start in range(0, 10 * count, 10):
        bits = int.from_bytes(noise[start : start + 10], "big")
        made.append(head | bits & low | (bits >> 2) & high)
    made.sort()
    return [uuid.UUID(int=value) for value in made]
