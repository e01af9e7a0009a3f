"""Time-ordered identifiers (RFC 9562 version 7): they spread over partitions and need no sequence."""

from __future__ import annotations

import os
import uuid
from datetime import datetime

from minping.kernel import clock


def uuid7(at: datetime | None = None) -> uuid.UUID:
    """A UUIDv7 of the instant `at` (default: now): 48 bits of milliseconds, 74 random bits."""
    milliseconds = int((at or clock.now()).timestamp() * 1000)
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)


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
