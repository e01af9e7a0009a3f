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
