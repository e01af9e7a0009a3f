"""The working-day calendar: the State Council's notice of each year, and what holds until there is one.

Ruling R1: a working-day limit uses that calendar with its make-up days (调休). A year without a notice is
*provisional*: Monday to Friday without the statutory days that have a fixed date. The last three days of
December belong to two notices, since the next year's may still move them (as the 2019 one made
2018-12-31 a day off), so they stay provisional until that one is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from minping.law.errors import LawError

FIRST = date(2008, 1, 1)
LAST = date(2100, 12, 31)
_BASE = FIRST.toordinal()
_END = LAST.toordinal()
WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
# Days of a December that the next year's notice may rule.
SPILL_FROM = (12, 29)


@dataclass(frozen=True, slots=True)
class Edition:
    """One year's notice. ``off`` and ``work`` map each day to the holiday it belongs to.

    ``name`` is the text kept with every due time; ``number`` the 文号; ``notices`` the addresses.
    """

    year: int
    name: str
    number: str
    notices: tuple[str, ...]
    off: Mapping[date, str]
    work: Mapping[date, str]
    provisional: bool = False

    def same_days(self, other: Edition) -> bool:
        """Whether both rule every day alike."""
        return set(self.off) == set(other.off) and set(self.work) == set(other.work)


class Calendar:
    """Working days from 2008 to 2100, by the editions known. Immutable."""

    def __init__(self, editions: Mapping[int, Edition], statutory: Mapping[int, frozenset[tuple[int, int]]]):
        self.editions: Mapping[int, Edition] = MappingProxyType(dict(sorted(editions.items())))
        self._statutory = statutory
        off = {day.toordinal() for one in editions.values() for day in one.off}
        make_up = {day.toordinal() for one in editions.values() for day in one.work}
        for year in range(FIRST.year, LAST.year + 1):
            if year not in editions:
                off |= {date(year, month, day).toordinal() for month, day in self.fixed_days(year)}
        # days: every working day; passed[i]: how many of them up to and including day i. Both O(1) to ask.
        self._days: list[int] = []
        self._passed: list[int] = []
        self._working = bytearray(_END - _BASE + 1)
        for ordinal in range(_BASE, _END + 1):
            # 1 January of year 1, ordinal 1, was a Monday.
            if ordinal in make_up or ((ordinal - 1) % 7 < 5 and ordinal not in off):
                self._days.append(ordinal)
                self._working[ordinal - _BASE] = 1
            self._passed.append(len(self._days))
        self._texts: dict[tuple[int, int, bool], tuple[str, bool]] = {}

    def fixed_days(self, year: int) -> frozenset[tuple[int, int]]:
        """Statutory holidays with a fixed date, as (month, day), by the law of that year."""
        since = max((one for one in self._statutory if one <= year), default=None)
        return self._statutory[since] if since is not None else frozenset()

    def is_working_day(self, day: date) -> bool:
        """Whether offices work that day; for a provisional year, as far as is known."""
        return self._working[self._offset(day.toordinal())] == 1

    def is_provisional(self, year: int) -> bool:
        """True while no notice for that year is loaded."""
        return year not in self.editions

    def name_of(self, day: date) -> str:
        """The holiday a day off or a make-up day belongs to; empty for an ordinary day."""
        for year in (day.year + 1, day.year):
            edition = self.editions.get(year)
            if edition is not None:
                name = edition.off.get(day) or edition.work.get(day)
                if name:
                    return name
        return ""

    def edition(self, day: date) -> str:
        """What rules that day, e.g. “国办 2026 年放假安排”."""
        return self.covering(day.toordinal(), day.toordinal())[0]

    def nth_after(self, ordinal: int, count: int) -> int:
        """The ordinal of the ``count``-th working day after the day ``ordinal``, which does not count."""
        index = self._passed[self._offset(ordinal)] + count - 1
        if index >= len(self._days):
            raise _outside(date.fromordinal(ordinal))
        return self._days[index]

    def between(self, first: int, last: int) -> int:
        """How many working days lie after ``first`` up to and including ``last``; negative backwards."""
        return self._passed[self._offset(last)] - self._passed[self._offset(first)]

    def covering(self, first: int, last: int) -> tuple[str, bool]:
        """The editions that rule the days ``first`` to ``last``, as text, and whether one is provisional."""
        begin, end = date.fromordinal(first), date.fromordinal(last)
        # The last days of December are also the next notice's.
        spills = (end.month, end.day) >= SPILL_FROM
        key = (begin.year, end.year, spills)
        found = self._texts.get(key)
        if found is None:
            found = self._texts[key] = self._covering(*key)
        return found

    def _covering(self, first: int, last: int, spills: bool) -> tuple[str, bool]:
        names, provisional = [], False
        for year in range(first, last + 1 + spills):
            edition = self.editions.get(year)
            if edition is not None and year > last and not any(day.year == last for day in edition.off):
                continue
            provisional = provisional or edition is None
            names.append(edition.name if edition else f"{year} 年暂定日历（放假通知未载入）")
        return "；".join(names), provisional

    def _offset(self, ordinal: int) -> int:
        if _BASE <= ordinal <= _END:
            return ordinal - _BASE
        raise _outside(date.fromordinal(ordinal))


def _outside(day: date) -> LawError:
    return LawError(
        "LAW_CALENDAR_RANGE",
        f"工作日历只管 {FIRST.year} 年至 {LAST.year} 年，{day} 起算的期限超出了范围。请核对日期是否写错。",
    )
