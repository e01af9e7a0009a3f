"""The five indicators, counted by hand.  November 2026 begins on a Sunday; the 2nd is a Monday."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from minping.assess.indicators import Indicator, by_child, by_point, indicators, trend
from minping.assess.models import QuarterReport
from minping.assess.periods import Quarter, midnight
from minping.assess.units import Unit, unit_of
from minping.kernel import due
from minping.kernel.errors import Invalid, NotFound
from minping.law.rules import Rules
from minping.registry import queries as registry
from minping.registry.models import Organization
from tests.assess import world
from tests.assess.world import OFFICE, beijing, case, default, negative, order, rating, service

pytestmark = pytest.mark.usefixtures("office")
NOVEMBER = (date(2026, 11, 1), date(2026, 11, 30))  # Sunday to Monday
LATER = date(2026, 12, 31)  # Thursday


def found(unit: str = OFFICE, as_of: Any = LATER, period: tuple[date, date] = NOVEMBER) -> dict[str, Indicator]:
    return {one.id: one for one in indicators(unit, *period, as_of)}


# --- 5.1.1 参与度 --------------------------------------------------------------------------------


def test_participation_counts_own_ratings_over_services_of_hall_agent_point_and_terminal() -> None:
    rating(service("2026-11-02"), 5, "2026-11-02")
    rating(service("2026-11-03", handling="terminal"), 2, "2026-11-03")
    service("2026-11-04", organization=world.POINT, window="D1", handling="agent_point")
    rating(service("2026-11-05", handling="online"), 5, "2026-11-05")
    one = found()["participation"]
    assert (one.numerator, one.denominator, one.value) == (2, 3, 0.666667)
    assert (one.services, one.cases, one.ratings, one.clause) == (3, 3, 2, "minan/5.1.1")


def test_a_default_and_a_late_word_are_no_participation_and_stand_apart() -> None:
    silent = service("2026-11-02")
    default(silent)
    rating(silent, 1, "2026-11-20", kind="supplementary")
    one = found()["participation"]
    assert (one.numerator, one.denominator, one.defaults, one.supplementary) == (0, 1, 1, 1)


# --- 5.1.2 好评率 --------------------------------------------------------------------------------


def test_praise_is_very_satisfied_and_satisfied_over_all_services_not_over_ratings() -> None:
    for level in (5, 4, 3, 2, 1):
        rating(service("2026-11-02"), level, "2026-11-02")
    service("2026-11-02")
    one = found()["praise"]
    assert (one.numerator, one.denominator, one.value, one.ratings) == (2, 6, 0.333333, 5)


def test_the_share_of_an_overall_rating_counts_until_there_is_a_word_of_ones_own() -> None:
    part, other = service("2026-11-02"), service("2026-11-02")
    for one in (part, other):
        rating(one, 2, "2026-11-02", kind="package")
    rating(part, 5, "2026-11-03")
    praise = found()["praise"]
    assert (praise.numerator, praise.denominator, praise.ratings) == (1, 2, 2)
    before = found(as_of=date(2026, 11, 2))["praise"]
    assert (before.numerator, before.denominator, before.ratings) == (0, 2, 2)


def test_praise_is_always_given_with_and_without_the_defaults() -> None:
    rating(service("2026-11-02"), 5, "2026-11-02")
    default(service("2026-11-02"))
    default(service("2026-11-02"))
    service("2026-11-02")
    one = found()["praise"]
    assert (one.numerator, one.denominator, one.defaults) == (3, 4, 2)
    told = one.as_json()
    assert told["value"] == 0.75
    assert told["without_defaults"] == {"numerator": 1, "value": 0.25}
    assert told["with_defaults"] == {"numerator": 3, "value": 0.75}


def test_a_late_word_does_not_change_the_praise_that_the_default_gave() -> None:
    silent = service("2026-11-02")
    default(silent)
    rating(silent, 1, "2026-11-20", kind="supplementary")
    assert found()["praise"].numerator == 1


def test_praise_keeps_the_first_rating_when_the_person_rates_again() -> None:
    bad = negative("2026-11-02")
    rating(bad.service, 5, "2026-11-20", kind="rerating")
    one = found()["praise"]
    assert (one.numerator, one.denominator, one.ratings) == (0, 1, 1)


def test_services_and_cases_stand_side_by_side() -> None:
    service("2026-11-02", case_no="SAME", number=1)
    service("2026-11-03", case_no="SAME", number=2)
    service("2026-11-03", case_no="SAME", organization=world.POINT, window="D1")  # another office's number
    one = found()["praise"]
    assert (one.services, one.cases) == (3, 2)


def test_an_invalid_rating_counts_until_it_is_revoked_and_is_shown() -> None:
    world.revoked(case(negative("2026-11-02")), "2026-11-05", "2026-11-12")
    before, pending, gone = (found(as_of=date(2026, 11, day)) for day in (4, 9, 13))  # Wednesday, Monday, Friday

    def read(of: dict[str, Any]) -> tuple[int, ...]:
        one = of["praise"]
        return one.denominator, one.ratings, one.invalid, one.pending_revocation, one.revoked

    assert [read(of) for of in (before, pending, gone)] == [(1, 1, 0, 0, 0), (1, 1, 1, 1, 0), (0, 0, 1, 0, 1)]
    assert [of["rectified"].revoked for of in (before, pending, gone)] == [0, 0, 1]
    assert gone["rectified"].denominator == 0  # however late it was verified


# --- 5.1.3 整改办结率 ----------------------------------------------------------------------------


def test_a_negative_handled_in_time_at_every_step_is_done() -> None:
    opened = case(negative("2026-11-02"), confirmed="2026-11-03")
    order(opened, "2026-11-10", reported="2026-11-09", accepted="2026-11-11")
    one = found()["rectified"]
    assert (one.numerator, one.denominator, one.value, one.services, one.cases) == (1, 1, 1.0, 1, 1)


@pytest.mark.parametrize(
    ("confirmed", "reported", "accepted"),
    [
        ("", "", ""),  # never verified
        ("2026-11-06", "2026-11-09", "2026-11-11"),  # verified on Friday, due on Wednesday
        ("2026-11-03", "", ""),  # never rectified
        ("2026-11-03", "2026-11-11", "2026-11-12"),  # reported on Wednesday, due on Tuesday
    ],
)
def test_a_negative_whose_limit_ran_out_is_due_and_not_done(confirmed: str, reported: str, accepted: str) -> None:
    opened = case(negative("2026-11-02"), confirmed=confirmed, due="2026-11-04")
    if confirmed:
        order(opened, "2026-11-10", reported=reported, accepted=accepted)
    one = found()["rectified"]
    assert (one.numerator, one.denominator) == (0, 1)


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        (date(2026, 11, 2), (0, 0)),  # Monday: received, open
        (date(2026, 11, 4), (0, 0)),  # Wednesday: the last day to verify is not over on that day
        (date(2026, 11, 10), (0, 0)),  # Tuesday: the last day to rectify
        (date(2026, 11, 11), (0, 1)),  # Wednesday: overdue
    ],
)
def test_what_is_open_and_not_yet_due_counts_neither_above_nor_below(as_of: date, expected: tuple[int, int]) -> None:
    order(case(negative("2026-11-02"), confirmed="2026-11-04", due="2026-11-04"), "2026-11-10")
    one = found(as_of=as_of)["rectified"]
    assert (one.numerator, one.denominator) == expected


def test_reported_in_time_and_waiting_for_acceptance_counts_neither_way() -> None:
    order(case(negative("2026-11-02"), confirmed="2026-11-03"), "2026-11-10", reported="2026-11-10")
    assert found()["rectified"].denominator == 0


def test_a_second_round_under_way_is_open_again_and_late_when_its_own_limit_passes() -> None:
    opened = case(negative("2026-11-02"), confirmed="2026-11-03")
    order(
        opened, "2026-11-10", reported="2026-11-05", accepted="2026-11-06", followed="2026-11-09",
        follow_up="unsolved", state="unsolved",
    )  # fmt: skip
    order(opened, "2026-11-16", assigned_at=beijing("2026-11-09", 15))
    assert found(as_of=date(2026, 11, 8))["rectified"].numerator == 1  # Sunday: the first round stood accepted
    assert found(as_of=date(2026, 11, 16))["rectified"].denominator == 0  # Monday: the second is open
    late = found(as_of=date(2026, 11, 17))["rectified"]  # Tuesday
    assert (late.numerator, late.denominator) == (0, 1)


def test_a_negative_that_its_giver_took_back_is_none() -> None:
    case(
        negative("2026-11-02"),
        state="closed",
        result="changed_by_rater",
        closed_at=beijing("2026-11-02", 11, 10),
    )
    assert found()["rectified"].denominator == 0


def test_a_report_sent_back_after_a_past_day_still_stood_on_that_day() -> None:
    opened = case(negative("2026-11-02"), confirmed="2026-11-03")
    back = order(opened, "2026-11-10", reported="2026-11-13", accepted="2026-11-13")
    world.moved(back, "report", beijing("2026-11-10"))  # Tuesday, in time
    world.moved(back, "return", beijing("2026-11-12"))  # Thursday
    world.moved(back, "report", beijing("2026-11-13"))  # Friday
    assert found(as_of=date(2026, 11, 11))["rectified"].denominator == 0  # Wednesday: reported in time
    assert found(as_of=date(2026, 11, 12))["rectified"].denominator == 1  # Thursday: sent back, so overdue
    assert found()["rectified"].numerator == 0  # a poor report buys no time


# --- 5.1.4 回访整改率 ----------------------------------------------------------------------------


def _solved(**last: Any) -> Indicator:
    opened = case(negative("2026-11-02"), confirmed="2026-11-03")
    order(opened, "2026-11-10", reported="2026-11-09", accepted="2026-11-10", **last)
    return found()["follow_up"]


def test_solved_on_the_call_back_counts() -> None:
    assert _solved(followed="2026-11-12").numerator == 1


@pytest.mark.parametrize("answer", ["partly", "unsolved"])
def test_partly_or_not_solved_does_not_count(answer: str) -> None:
    one = _solved(followed="2026-11-12", follow_up=answer)
    assert (one.numerator, one.denominator) == (0, 1)


def test_accepted_but_not_called_back_stays_below_the_line() -> None:
    one = _solved()
    assert (one.numerator, one.denominator) == (0, 1)


@pytest.mark.parametrize(("level", "content"), [(5, 1), (3, 1), (2, 0), (1, 0)])
def test_the_rerating_is_the_last_word(level: int, content: int) -> None:
    bad = negative("2026-11-02")
    opened = case(bad, confirmed="2026-11-03")
    again = rating(bad.service, level, "2026-11-14", kind="rerating")
    order(
        opened,
        "2026-11-10",
        reported="2026-11-09",
        accepted="2026-11-10",
        followed="2026-11-12",
        rerating=again,
    )
    assert found()["follow_up"].numerator == content
    assert found(as_of=date(2026, 11, 13))["follow_up"].numerator == 1  # Friday: before it, the call-back stood


def test_what_was_never_accepted_is_not_asked() -> None:
    order(case(negative("2026-11-02"), confirmed="2026-11-03"), "2026-11-10", reported="2026-11-09")
    assert found()["follow_up"].denominator == 0


def test_real_name_negatives_are_told_apart() -> None:
    for proof, followed in (("link", "2026-11-12"), ("none", "")):
        opened = case(negative("2026-11-02", proof=proof), confirmed="2026-11-03")
        order(opened, "2026-11-10", reported="2026-11-09", accepted="2026-11-10", followed=followed)
    one = found()["follow_up"]
    assert (one.numerator, one.denominator, one.real_name) == (1, 2, (1, 1))


# --- 5.1.5 通报 ----------------------------------------------------------------------------------

YEAR = (date(2026, 1, 1), date(2026, 12, 31))  # Thursday to Thursday


def sent(quarter: int, on: str) -> None:
    fields = due.clock(world.AREA, "quarter_report", Quarter(2026, quarter).closing)
    QuarterReport.objects.create(
        organization_code=OFFICE, organization_name="民安街道办事处", year=2026, quarter=quarter, figures={},
        digest="0" * 64, rule_version="x", sent_at=beijing(on), sent_by="account:head", sent_by_label="街道负责人",
        **fields,
    )  # fmt: skip


def test_reports_sent_in_time_stand_over_the_quarters_due() -> None:
    sent(1, "2026-04-10")  # Friday
    sent(2, "2026-08-03")  # Monday, weeks too late
    one = found(as_of=date(2026, 11, 30), period=YEAR)["reporting"]
    assert (one.numerator, one.denominator) == (1, 3)  # the third was never sent, the fourth is not over
    assert not one.small_sample


def test_a_quarter_not_yet_due_counts_once_it_is_sent() -> None:
    assert found(as_of=date(2026, 4, 8), period=YEAR)["reporting"].denominator == 0  # Wednesday
    sent(1, "2026-04-08")
    one = found(as_of=date(2026, 4, 8), period=YEAR)["reporting"]
    assert (one.numerator, one.denominator) == (1, 1)


def rule_is(monkeypatch: pytest.MonkeyPatch, wanted: str, word: str) -> None:
    real = Rules.value

    def ruled(self: Rules, name: str) -> Any:
        return replace(real(self, name), value=word) if name == wanted else real(self, name)

    monkeypatch.setattr(Rules, "value", ruled)


def begins(day: str) -> None:
    Organization.objects.filter(pk=OFFICE).update(reports_from=day)
    registry.forget()


@pytest.mark.parametrize(
    ("day", "rule", "owed"),
    [("", "containing", 3), ("2026-04-20", "containing", 2), ("2026-04-20", "next", 1), ("2026-04-01", "containing", 2),
     ("2026-03-31", "containing", 3), ("2026-03-31", "next", 2), ("2027-01-01", "containing", 0)],
)  # fmt: skip
def test_no_quarter_before_an_office_began_is_owed(
    day: str, rule: str, owed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    begins(day)
    rule_is(monkeypatch, "report_first", rule)
    one = found(as_of=date(2026, 11, 30), period=YEAR)["reporting"]
    assert (one.numerator, one.denominator) == (0, owed)


def test_a_report_sent_for_a_quarter_before_it_began_counts_all_the_same() -> None:
    begins("2026-07-01")
    sent(1, "2026-04-10")
    one = found(as_of=date(2026, 11, 30), period=YEAR)["reporting"]
    assert (one.numerator, one.denominator) == (1, 2)


def ends(day: str) -> None:
    Organization.objects.filter(pk=OFFICE).update(retired_at=datetime.fromisoformat(f"{day}:00+08:00"))
    registry.forget()


@pytest.mark.parametrize(
    ("moment", "rule", "owed"),
    [("2026-05-20T10:00", "containing", 2), ("2026-05-20T10:00", "before", 1), ("2026-06-30T23:59", "containing", 2),
     ("2026-07-01T00:00", "containing", 3), ("2026-07-01T00:00", "before", 2), ("2025-12-31T23:59", "containing", 0),
     ("2027-01-01T00:00", "before", 3)],
)  # fmt: skip
def test_no_quarter_after_an_office_ended_is_owed(
    moment: str, rule: str, owed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends(moment)
    rule_is(monkeypatch, "report_last", rule)
    one = found(as_of=date(2026, 11, 30), period=YEAR)["reporting"]
    assert (one.numerator, one.denominator) == (0, owed)
    later = found(as_of=date(2027, 11, 30), period=(date(2027, 1, 1), date(2027, 12, 31)))["reporting"]
    assert later.denominator == 0  # and in no year after


def test_a_report_sent_after_an_office_ended_counts_and_the_quarter_of_its_end_may_still_be_late() -> None:
    ends("2026-05-20T10:00")
    sent(1, "2026-04-10")
    sent(2, "2026-08-03")  # the figures of its last weeks, too late
    sent(3, "2026-10-09")
    one = found(as_of=date(2026, 11, 30), period=YEAR)["reporting"]
    assert (one.numerator, one.denominator) == (2, 3)


def test_a_window_owes_no_report() -> None:
    one = found(unit=f"{world.CENTER}/W1", period=YEAR)["reporting"]
    assert (one.denominator, one.value) == (0, None)


# --- as of, scope, honesty ----------------------------------------------------------------------


def test_the_figures_of_a_past_day_can_be_had_again_at_any_later_day() -> None:
    silent, bad = service("2026-11-02"), negative("2026-11-03")
    before = [one.as_json() for one in indicators(OFFICE, *NOVEMBER, date(2026, 11, 5))]  # Thursday
    default(silent)
    opened = case(bad, confirmed="2026-11-09", due="2026-11-05")
    order(opened, "2026-11-16", reported="2026-11-10", accepted="2026-11-11", followed="2026-11-12")
    rating(service("2026-11-06"), 5, "2026-11-06")
    rating(service("2026-11-04", received_at=beijing("2026-11-10")), 5, "2026-11-10")  # reported here later
    assert [one.as_json() for one in indicators(OFFICE, *NOVEMBER, date(2026, 11, 5))] == before
    assert found()["praise"].denominator == 4


def test_a_change_of_mind_after_midnight_leaves_the_day_before_as_it_was() -> None:
    mild = rating(service("2026-11-02"), 5, "2026-11-02", hour=23)
    world.changed(mild, 3, beijing("2026-11-03", 0, 5))
    assert found(as_of=date(2026, 11, 2))["praise"].numerator == 1  # Monday
    assert found(as_of=date(2026, 11, 3))["praise"].numerator == 0  # Tuesday


def test_both_days_of_the_period_count_by_beijing_time() -> None:
    for day, hour in (("2026-10-31", 23), ("2026-11-01", 0), ("2026-11-30", 23), ("2026-12-01", 0)):
        service(day, hour=hour)
    assert found()["praise"].services == 2


def test_a_unit_is_all_below_it_and_a_neighbour_is_not() -> None:
    service("2026-11-02")
    service("2026-11-02", organization=world.POINT, window="D1")
    service("2026-11-02", organization="NB", window="")
    assert found()["praise"].services == 2
    assert found("NB")["praise"].services == 1
    assert found(f"{world.CENTER}/W1")["praise"].services == 1


def test_nothing_below_the_line_is_no_number_and_never_zero() -> None:
    for one in found().values():
        assert one.value is None


def test_fewer_than_the_rules_minimum_is_a_small_sample() -> None:
    for _ in range(29):
        service("2026-11-02")
    assert found()["praise"].small_sample
    service("2026-11-02")
    assert not found()["praise"].small_sample


def test_every_indicator_names_the_rules_that_made_it() -> None:
    one = found()["praise"]
    assert one.rule_version.startswith(f"{world.AREA}@")
    assert one.clause == "minan/5.1.2"


def test_an_unknown_unit_window_or_period_is_refused_by_name() -> None:
    for unit in ("XX", f"{world.CENTER}/W9"):
        with pytest.raises(NotFound):
            indicators(unit, *NOVEMBER, LATER)
    with pytest.raises(Invalid):
        indicators(OFFICE, date(2026, 11, 2), date(2026, 11, 1), LATER)


# --- drill-down ---------------------------------------------------------------------------------


def _busy() -> None:
    for number in range(6):
        where = [("MA-C", "W1"), ("MA-C", "W2"), ("MA-C", ""), ("MA-P1", "D1"), ("MA", ""), ("MA-C", "OLD")][number]
        placed = {"organization": where[0], "window": where[1]}
        for level in (5, 4, 2):
            rating(service("2026-11-02", **placed), level, "2026-11-02")
        default(service("2026-11-02", **placed))
        opened = case(negative("2026-11-03", **placed), confirmed="2026-11-04")
        order(opened, "2026-11-11", reported="2026-11-10", accepted="2026-11-11", followed="2026-11-12")


@pytest.mark.parametrize("unit", [OFFICE, world.CENTER])
def test_the_lines_of_the_drill_down_sum_up_to_the_unit(unit: str) -> None:
    _busy()
    whole, lines = found(unit), by_child(unit, *NOVEMBER, LATER)
    for n, id in enumerate(whole):
        assert sum(line.indicators[n].numerator for line in lines) == whole[id].numerator, id
        assert sum(line.indicators[n].denominator for line in lines) == whole[id].denominator, id


def test_the_centre_is_drilled_down_to_its_windows_also_retired_and_unrecorded_ones() -> None:
    _busy()
    assert [line.part.label for line in by_child(world.CENTER, *NOVEMBER, LATER)] == [
        "OLD", "窗口一号", "窗口二号", "未记窗口",
    ]  # fmt: skip


def test_a_line_equals_what_its_own_page_says() -> None:
    _busy()
    for line in [*by_child(OFFICE, *NOVEMBER, LATER), *by_point(OFFICE, *NOVEMBER, LATER)]:
        if line.part.unit is None or line.part.window_code == "OLD":
            continue
        for one, same in zip(line.indicators, indicators(line.part.unit, *NOVEMBER, LATER), strict=True):
            assert one == same


def test_the_quarter_looks_at_every_window_and_agent_point() -> None:
    _busy()
    assert [line.part.label for line in by_point(OFFICE, *NOVEMBER, LATER)] == [
        "民安街道办事处 未记窗口", "便民服务中心 OLD", "便民服务中心 窗口一号", "便民服务中心 窗口二号",
        "便民服务中心 未记窗口", "某社区代办点",
    ]  # fmt: skip


def test_the_trend_gives_each_quarter_by_itself() -> None:
    rating(service("2026-08-03"), 5, "2026-08-03")
    service("2026-11-02")
    points = trend(OFFICE, date(2026, 11, 23), LATER)
    assert [point.quarter.short for point in points] == ["26年1季", "26年2季", "26年3季", "26年4季"]
    assert [(p.indicators[1].numerator, p.indicators[1].denominator) for p in points] == [
        (0, 0), (0, 0), (1, 1), (0, 1),
    ]  # fmt: skip


def test_the_number_of_statements_does_not_grow_with_the_data(django_assert_num_queries: Any) -> None:
    _busy()
    for _ in range(2):
        office = kept(OFFICE)
        with django_assert_num_queries(3):
            indicators(office, *YEAR, LATER)
        with django_assert_num_queries(3):
            by_child(office, *YEAR, LATER)
        with django_assert_num_queries(3):
            trend(office, date(2026, 12, 31), LATER)
        _busy_again()


def kept(unit: str) -> Unit:
    """The unit, with the registry read just now, so that none of its statements are counted."""
    registry.directory(fresh=True)
    return unit_of(unit)


def _busy_again() -> None:
    for number in range(10):
        opened = case(negative(f"2026-11-{number + 5:02}"), confirmed="2026-11-18")
        order(opened, "2026-11-25", reported="2026-11-20", accepted="2026-11-21")


def test_midnight_is_beijings() -> None:
    assert midnight(date(2026, 11, 2)).utcoffset() == timedelta(hours=8)
