"""Administrative area codes: 6 digits (province, city, district), 9 (street, town), 12 (community)."""

from __future__ import annotations

from functools import lru_cache

from minping.law.errors import LawError

NATIONAL = "000000"


def normal(code: str) -> str:
    """The shortest form of a code: 350213000000 is 350213, 350213005000 is 350213005.

    Raises LawError when it is no area code.
    """
    text = code if isinstance(code, str) else str(code)
    if not (text.isascii() and text.isdigit() and len(text) in (6, 9, 12)):
        raise LawError(
            "LAW_AREA",
            f"“{code}”不是行政区划代码。请用 6 位（省、市、区县）、9 位（街道、镇）或 12 位（社区）数字。",
        )
    while len(text) > 6 and text.endswith("000"):
        text = text[:-3]
    if text != NATIONAL and text.startswith("00"):
        raise LawError("LAW_AREA", f"“{code}”不是行政区划代码：没有以 00 开头的省级代码。请核对后再填。")
    return text


@lru_cache(maxsize=65536)
def ancestors(code: str) -> tuple[str, ...]:
    """The area itself and every area above it, nearest first, ending with the national ``000000``."""
    own = normal(code)
    district = own[:6]
    steps = [own[:12], own[:9], district, district[:4] + "00", district[:2] + "0000", NATIONAL]
    return tuple(dict.fromkeys(steps))
