"""The clocks of a case over every day of ten years, and over pauses anywhere in them (R1, R4, R5)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import count

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minping import law
from minping.kernel import due
from minping.law import BEIJING

AREA = "350213005"
FIRST, LAST = date(2021, 11, 18), date(2031, 11, 17)  # from the plan's first day
CALENDAR = law.calendar()


def moment(day: date, hour: float = 12) -> datetime:
    return datetime.combine(day, time.min, BEIJING) + timedelta(hours=hour)


def working(after: date, upto: date) -> int:
    """Working days later than `after` and not later than `upto`, counted one by one."""
    days = (after + timedelta(days=n) for n in range(1, (upto - after).days + 1))
    return sum(CALENDAR.is_working_day(day) for day in days)


def nth(after: date, wanted: int) -> date:
    for n in count(1):
        if working(after, after + timedelta(days=n)) == wanted:
            return after + timedelta(days=n)
    raise AssertionError


@pytest.mark.parametrize(("limit", "days"), [("verify", 2), ("rectify", 5)])
def test_on_every_day_of_ten_years_the_clock_is_never_early_and_never_late_by_a_day(limit: str, days: int) -> None:
    for ordinal in range(FIRST.toordinal(), LAST.toordinal() + 1):
        start = date.fromordinal(ordinal)
        told = due.clock(AREA, limit, moment(start, (ordinal % 24) + 0.5))
        last = law.last_day(told["due_at"])
        assert told["due_at"] == moment(last + timedelta(days=1), 0), start
        assert CALENDAR.is_working_day(last), start
        assert working(start, last) == days, start


instants = st.integers(FIRST.toordinal(), LAST.toordinal())
hours = st.floats(0, 23.9)


@settings(max_examples=1500, deadline=None)
@given(start=instants, run=st.integers(0, 12), pause=st.integers(0, 40), at=hours, again=hours)
@example(start=date(2026, 9, 28).toordinal(), run=2, pause=9, at=10, again=9)  # over 国庆
@example(start=date(2026, 12, 29).toordinal(), run=1, pause=6, at=10, again=9)  # over a New Year not yet published
def test_a_pause_takes_no_day_and_gives_none(start: int, run: int, pause: int, at: float, again: float) -> None:
    begun, paused = date.fromordinal(start), date.fromordinal(start + run)
    resumed = paused + timedelta(days=pause)
    before = due.clock(AREA, "rectify", moment(begun))["due_at"]
    stop, go = moment(paused, at), moment(resumed, again)
    if run == 0 and stop < moment(begun):
        stop = moment(begun)
    go = max(go, stop)
    left = law.left(before, stop).working_days
    after = due.resumed(AREA, "rectify", go, left, stop, before)["due_at"]
    if stop >= before or paused == resumed:
        assert after == before  # what is over stays over, and a pause within a day is none
        return
    last = law.last_day(after)
    assert CALENDAR.is_working_day(last)
    assert last >= resumed
    if left:
        assert working(begun, paused) + working(resumed, last) == 5
    else:
        assert last == (resumed if CALENDAR.is_working_day(resumed) else nth(resumed, 1))


def test_over_the_national_day_the_holidays_do_not_count() -> None:
    told = due.clock(AREA, "rectify", moment(date(2026, 9, 29)))  # Tuesday
    last = law.last_day(told["due_at"])
    assert last > date(2026, 10, 7)
    assert working(date(2026, 9, 29), last) == 5
    assert not told["due_provisional"]


def test_over_a_new_year_without_a_published_calendar_the_due_time_says_that_it_is_provisional() -> None:
    told = due.clock(AREA, "rectify", moment(date(2026, 12, 30)))
    assert told["due_provisional"]
    paused = due.resumed(AREA, "rectify", moment(date(2026, 12, 30)), 3, moment(date(2026, 12, 28)), told["due_at"])
    assert paused["due_provisional"]
