"""Beijing time: all stored instants are UTC, every calendar question is asked in +08:00."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Final

from minping.law.errors import LawError

# China has kept +08:00 without summer time since 1991, so a fixed offset is exact for all our dates.
BEIJING: Final = timezone(timedelta(hours=8), "北京时间")


def beijing_date(moment: date) -> date:
    """The calendar day in Beijing of an aware instant; a plain date is returned as it is."""
    if not isinstance(moment, datetime):
        return moment
    if moment.tzinfo is None:
        raise naive(moment)
    return moment.astimezone(BEIJING).date()


def naive(moment: datetime) -> LawError:
    """The refusal of an instant without a time zone."""
    return LawError("LAW_NAIVE", f"时刻 {moment} 没有写明时区，无法确定是哪一天。请带上 +08:00 之类的时区。")
