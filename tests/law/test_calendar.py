"""The working-day calendar against two independent libraries, and what holds without a notice."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import chinese_calendar
import holidays
import pytest

from minping import law

YEARS = range(2019, 2027)
PUBLIC = Path(__file__).resolve().parents[3] / "shared" / "data" / "holidays"


def days_of(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days)]


@pytest.mark.parametrize("year", YEARS)
def test_every_day_is_as_in_chinese_calendar(year: int) -> None:
    calendar = law.calendar()
    differing = [d for d in days_of(year) if calendar.is_working_day(d) != chinese_calendar.is_workday(d)]
    assert differing == []


@pytest.mark.parametrize("year", YEARS)
def test_every_day_is_as_in_holidays(year: int) -> None:
    calendar, china = law.calendar(), holidays.country_holidays("CN", years=[year, year + 1])
    differing = [d for d in days_of(year) if calendar.is_working_day(d) != china.is_working_day(d)]
    assert differing == []


@pytest.mark.parametrize("year", range(2021, 2027))
@pytest.mark.skipif(not PUBLIC.is_dir(), reason="公开放假数据不在旁边的文件夹里")
def test_the_shipped_years_hold_the_same_days_and_addresses_as_the_public_data(year: int) -> None:
    raw = json.loads((PUBLIC / f"{year}.json").read_text("utf-8"))
    edition = law.calendar().editions[year]
    assert list(edition.notices) == raw["papers"]
    assert {str(d) for d in edition.off} == {r["date"] for r in raw["days"] if r["isOffDay"]}
    assert {str(d) for d in edition.work} == {r["date"] for r in raw["days"] if not r["isOffDay"]}


def test_every_shipped_year_has_a_number_and_an_address() -> None:
    editions = law.calendar().editions
    assert list(editions) == list(YEARS)
    for year, edition in editions.items():
        assert edition.name == f"国办 {year} 年放假安排"
        assert edition.number.startswith("国办发明电〔") and edition.notices


def test_a_notice_may_rule_the_last_days_of_the_year_before() -> None:
    calendar = law.calendar()
    assert calendar.is_working_day(date(2018, 12, 29))  # 周六，2019 年的通知调为上班
    assert not calendar.is_working_day(date(2018, 12, 31))  # 周一，2019 年的通知调为放假
    assert "2019" in calendar.edition(date(2018, 12, 31))
    assert calendar.name_of(date(2018, 12, 31)) == "元旦"


def test_a_day_off_and_a_make_up_day_have_a_name() -> None:
    calendar = law.calendar()
    assert calendar.name_of(date(2026, 10, 10)) == "国庆节"
    assert calendar.name_of(date(2026, 2, 17)) == "春节"
    assert calendar.name_of(date(2026, 7, 15)) == ""


def test_a_year_without_notice_is_provisional_and_says_so() -> None:
    calendar = law.calendar()
    assert calendar.is_provisional(2027) and not calendar.is_provisional(2026)
    assert calendar.edition(date(2027, 3, 1)) == "2027 年暂定日历（放假通知未载入）"


def test_a_provisional_year_leaves_out_weekends_and_the_fixed_statutory_days_only() -> None:
    calendar = law.calendar()
    fixed = {(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)}
    for day in days_of(2027):
        expected = day.weekday() < 5 and (day.month, day.day) not in fixed
        assert calendar.is_working_day(day) is expected, day


def test_the_second_of_may_is_statutory_only_since_2025() -> None:
    calendar = law.calendar()
    assert (5, 2) in calendar.fixed_days(2025) and (5, 2) not in calendar.fixed_days(2024)


@pytest.mark.parametrize("day", [date(2026, 12, n) for n in range(27, 32)])
def test_the_last_three_days_of_december_wait_for_the_next_notice(day: date) -> None:
    assert law.calendar().covering(day.toordinal(), day.toordinal())[1] is (day.day >= 29)


def test_a_day_outside_the_calendar_is_refused_in_words() -> None:
    with pytest.raises(law.LawError, match="2008 年至 2100 年"):
        law.calendar().is_working_day(date(2101, 1, 1))
