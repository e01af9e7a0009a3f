"""When limits end: the cases an official can read, an independent count, and properties over many days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import chinese_calendar
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from minping import law

AREA = "350213005"
CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "deadlines.yaml").read_text("utf-8"))
LIMIT = law.at(AREA, date(2026, 7, 1)).limit("rectify")


def moment(text: str) -> datetime:
    """“2026-09-29 15:00 周二”, in Beijing; a wrong weekday is a wrong case."""
    day, clock, weekday = text.split()
    found = datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=law.BEIJING)
    assert law.WEEKDAYS[found.weekday()] == weekday, f"{day} 是{law.WEEKDAYS[found.weekday()]}"
    return found


def last_day(text: str) -> date:
    """“2026-10-12 周一”; a wrong weekday is a wrong case."""
    day, weekday = text.split()
    found = date.fromisoformat(day)
    assert law.WEEKDAYS[found.weekday()] == weekday, f"{day} 是{law.WEEKDAYS[found.weekday()]}"
    return found


def midnight_after(day: date) -> datetime:
    """24:00 Beijing of a day, as UTC."""
    return (datetime(day.year, day.month, day.day, tzinfo=law.BEIJING) + timedelta(days=1)).astimezone(UTC)


@pytest.mark.parametrize("case", CASES, ids=[f"{c['起算']} {c['时限']}" for c in CASES])
def test_a_limit_ends_on_the_day_an_official_counts(case: dict[str, Any]) -> None:
    start = moment(case["起算"])
    limit = law.at(AREA, start).limit(case["时限"])
    due = law.due(limit, start)
    assert (due.last_day, law.WEEKDAYS[due.last_day.weekday()]) == (
        last_day(case["届满"]),
        case["届满"].split()[1],
    )
    assert due.at == midnight_after(last_day(case["届满"])) and due.at.tzinfo is UTC
    assert due.clause == case["条款"] == limit.clause
    assert due.provisional is case.get("暂定", False)
    assert (due.limit_id, due.value, due.unit) == (case["时限"], limit.value, limit.unit)


def test_the_cases_cover_the_days_that_go_wrong() -> None:
    text = "".join(case["起算"] + case["届满"] for case in CASES)
    make_up = ["2026-10-10", "2026-09-20", "2026-02-14", "2026-02-28", "2026-05-09", "2026-12-31"]
    assert [day for day in make_up if day not in text] == []


def test_a_due_time_names_the_notice_that_made_it() -> None:
    in_2026 = law.due(LIMIT, moment("2026-09-29 15:00 周二"))
    assert in_2026.edition == "国办 2026 年放假安排"
    across = law.due(LIMIT, moment("2026-12-31 15:00 周四"))
    assert "2027 年暂定日历" in across.edition and across.provisional
    turn = law.due(LIMIT, moment("2022-12-29 15:00 周四"))
    assert turn.edition == "国办 2022 年放假安排；国办 2023 年放假安排" and not turn.provisional


def test_minutes_are_exact_and_need_no_calendar() -> None:
    limit = law.at(AREA, date(2026, 10, 1)).limit("change")
    start = datetime(2026, 10, 1, 23, 50, 7, tzinfo=law.BEIJING)
    due = law.due(limit, start)
    assert due.at == start + timedelta(minutes=15) and due.at.tzinfo is UTC
    assert not due.provisional


def test_the_time_zone_of_the_start_does_not_matter() -> None:
    start = moment("2026-09-30 00:00 周三")
    assert law.due(LIMIT, start) == law.due(LIMIT, start.astimezone(UTC))


def test_a_start_without_time_zone_is_refused() -> None:
    with pytest.raises(law.LawError, match="时区"):
        law.due(LIMIT, datetime(2026, 9, 29, 15))
    with pytest.raises(law.LawError, match="时区"):
        law.left(datetime(2026, 9, 29, 15), datetime(2026, 9, 29, 15, tzinfo=UTC))


def test_a_start_outside_the_calendar_is_refused_in_words() -> None:
    for year in (1999, 2100):
        with pytest.raises(law.LawError, match="2008 年至 2100 年"):
            law.due(LIMIT, datetime(year, 12, 31, tzinfo=law.BEIJING))


# --- an independent count, and properties ------------------------------------------------------------

STARTS = st.datetimes(datetime(2019, 1, 1), datetime(2026, 12, 1)).map(lambda d: d.replace(tzinfo=law.BEIJING))


def limit_of(value: int, unit: str) -> law.Limit:
    return law.Limit("x", "x", value, unit, "x", "R1", "x", AREA, date(2021, 11, 18), date(2026, 11, 23), "nothing")


@settings(max_examples=400, deadline=None)
@given(start=STARTS, days=st.integers(1, 15))
def test_working_days_are_never_early_and_never_a_day_late(start: datetime, days: int) -> None:
    due = law.due(limit_of(days, "working_day"), start)
    # Counted by hand with another library's calendar: the start day does not count.
    day, passed = start.date(), 0
    while passed < days:
        day += timedelta(days=1)
        passed += chinese_calendar.is_workday(day)
    assert due.last_day == day
    assert due.at == midnight_after(day)


@settings(max_examples=200, deadline=None)
@given(start=STARTS, days=st.integers(1, 400))
def test_natural_days_are_never_early_and_never_a_day_late(start: datetime, days: int) -> None:
    due = law.due(limit_of(days, "natural_day"), start)
    assert due.at == midnight_after(start.date() + timedelta(days=days))
    assert timedelta(days=days) < due.at - start <= timedelta(days=days + 1)


@settings(max_examples=200, deadline=None)
@given(
    first=STARTS,
    later=st.timedeltas(timedelta(0), timedelta(days=40)),
    days=st.integers(1, 30),
    unit=st.sampled_from(["working_day", "natural_day", "minute"]),
)
def test_a_later_start_never_ends_earlier(first: datetime, later: timedelta, days: int, unit: str) -> None:
    limit = limit_of(days, unit)
    assert law.due(limit, first).at <= law.due(limit, first + later).at
    assert law.due(limit, first).at < law.due(limit_of(days + 1, unit), first).at


@settings(max_examples=200, deadline=None)
@given(start=STARTS, days=st.integers(1, 15))
def test_what_is_left_at_the_start_is_the_whole_limit(start: datetime, days: int) -> None:
    due = law.due(limit_of(days, "working_day"), start)
    left = law.left(due.at, start)
    assert (left.working_days, left.overdue) == (days, False)


# --- what is left --------------------------------------------------------------------------------------

LEFT = [
    ("2026-09-29 15:00 周二", "剩 5 个工作日", False),
    ("2026-10-03 09:00 周六", "剩 4 个工作日", False),
    ("2026-10-10 09:00 周六", "剩 1 个工作日", True),
    ("2026-10-11 09:00 周日", "剩 1 个工作日", True),
    ("2026-10-12 23:59 周一", "今天到期", True),
    ("2026-10-13 00:00 周二", "超 1 个工作日", False),
    ("2026-10-17 09:00 周六", "超 4 个工作日", False),
]


@pytest.mark.parametrize(("now", "text", "soon"), LEFT, ids=[row[0] for row in LEFT])
def test_what_is_left_is_said_in_working_days(now: str, text: str, soon: bool) -> None:
    due = law.due(LIMIT, moment("2026-09-29 15:00 周二"))
    left = law.left(due.at, moment(now))
    assert left.text == text
    assert left.soon(law.at(AREA, date(2026, 10, 1)).limit("due_soon")) is soon


def test_over_is_over_also_on_the_weekend_after() -> None:
    due = law.due(LIMIT, moment("2026-07-10 09:00 周五"))
    assert due.last_day == date(2026, 7, 17)
    assert law.left(due.at, moment("2026-07-18 09:00 周六")).text == "已超期"
    assert law.left(due.at, due.at - timedelta(microseconds=1)).text == "今天到期"
    assert law.left(due.at, due.at).overdue


def test_a_natural_limit_that_ends_in_a_holiday_says_days() -> None:
    due = law.due(limit_of(7, "natural_day"), moment("2026-09-29 15:00 周二"))
    assert law.left(due.at, moment("2026-10-01 15:00 周四")).text == "剩 5 天（均非工作日）"


def test_minutes_left_are_said_in_minutes() -> None:
    now = moment("2026-10-08 15:00 周四")
    assert law.left(law.due(limit_of(15, "minute"), now).at, now).text == "剩 15 分钟"
    assert law.left(law.due(limit_of(130, "minute"), now).at, now).text == "剩 2 小时"


def test_the_end_of_due_soon_counted_from_now_bounds_the_list_of_those_due_soon() -> None:
    # The work list asks the database for due <= this instant; both ways must agree on every day.
    soon = law.at(AREA, date(2026, 9, 1)).limit("due_soon")
    due = law.due(LIMIT, moment("2026-09-29 15:00 周二"))
    now = moment("2026-09-25 08:00 周五")
    while now < due.at:
        assert law.left(due.at, now).soon(soon) is (due.at <= law.due(soon, now).at), now
        now += timedelta(hours=7)
