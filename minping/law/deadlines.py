"""When a limit ends (ruling R1), and how much of it is left.

The start day does not count; a limit in days ends at 24:00 Beijing time of its last day; minutes are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from minping.law.model import Limit
from minping.law.overlay import calendar
from minping.law.times import BEIJING, naive
from minping.law.workdays import Calendar

_MOST = 65536


@dataclass(frozen=True, slots=True)
class Due:
    """The end of a limit, with what made it: stored beside the fact, and recomputed while provisional.

    ``at`` is aware UTC and is the first instant after the limit: at ``at`` it is over.
    """

    at: datetime
    limit_id: str
    value: int
    unit: str
    clause: str
    edition: str
    provisional: bool

    @property
    def last_day(self) -> date:
        """The last day of the limit in Beijing, to its end."""
        return last_day(self.at)


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a limit; ``working_days`` counts from tomorrow, and is negative when overdue."""

    text: str
    working_days: int
    overdue: bool

    def soon(self, limit: Limit) -> bool:
        """Whether it counts as 将超时: not over, and within the given limit (``due_soon``)."""
        return not self.overdue and self.working_days <= limit.value


def due(limit: Limit, start: datetime) -> Due:
    """When ``limit`` ends that started at the aware instant ``start``.

    LawError for an instant without a time zone or outside the calendar (2008 to 2100).
    """
    if start.tzinfo is None:
        raise naive(start)
    if limit.unit == "minute":
        at = start.astimezone(UTC) + timedelta(minutes=limit.value)
        return Due(at, limit.id, limit.value, limit.unit, limit.clause, "", False)
    book = calendar()
    ordinal = start.astimezone(BEIJING).toordinal()
    key = (limit.id, limit.unit, limit.value, limit.clause, ordinal)
    known = _dues.of(book)
    found = known.get(key)
    if found is None:
        if len(known) >= _MOST:
            known.clear()
        found = known[key] = _due(book, limit, ordinal)
    return found


def left(due_at: datetime, now: datetime) -> Left:
    """How much of a limit is left at ``now``, in words: “剩 1 个工作日”, “今天到期”, “超 1 个工作日”."""
    for moment in (due_at, now):
        if moment.tzinfo is None:
            raise naive(moment)
    book = calendar()
    today, last = now.astimezone(BEIJING).toordinal(), last_day(due_at).toordinal()
    days = book.between(today, last)
    if now >= due_at:
        # At least one day, as the limit is over even on the weekend that follows it.
        return Left(f"超 {-days} 个工作日" if days else "已超期", days, True)
    if last == today:
        return Left(_today(due_at, now), 0, False)
    text = f"剩 {days} 个工作日" if days else f"剩 {last - today} 天（均非工作日）"
    return Left(text, days, False)


def last_day(due_at: datetime) -> date:
    """The Beijing day on which a limit that is over at ``due_at`` was last open."""
    return (due_at.astimezone(BEIJING) - timedelta(microseconds=1)).date()


def _today(due_at: datetime, now: datetime) -> str:
    end = due_at.astimezone(BEIJING)
    if (end.hour, end.minute) == (0, 0):
        return "今天到期"
    minutes = -(-(due_at - now) // timedelta(minutes=1))
    return f"剩 {minutes} 分钟" if minutes < 60 else f"剩 {minutes // 60} 小时"


def _due(book: Calendar, limit: Limit, ordinal: int) -> Due:
    if limit.unit == "natural_day":
        # Natural days need no notice, so no later notice can change them.
        last, edition, provisional = ordinal + limit.value, "自然日", False
    else:
        last = book.nth_after(ordinal, limit.value)
        edition, provisional = book.covering(ordinal + 1, last)
    at = datetime.combine(date.fromordinal(last + 1), datetime.min.time(), BEIJING).astimezone(UTC)
    return Due(at, limit.id, limit.value, limit.unit, limit.clause, edition, provisional)


_Key = tuple[str, str, int, str, int]


class _Dues:
    """Due times already computed, for the calendar in use; a new calendar starts afresh."""

    def __init__(self) -> None:
        self._for: tuple[Calendar | None, dict[_Key, Due]] = (None, {})

    def of(self, book: Calendar) -> dict[_Key, Due]:
        owner, known = self._for
        if owner is not book:
            known = {}
            self._for = (book, known)
        return known


_dues = _Dues()
