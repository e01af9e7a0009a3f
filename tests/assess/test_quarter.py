"""The quarter's report: due ten working days after the quarter, frozen when it is sent (minan/4.2.4)."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.db import IntegrityError, transaction

from minping.assess import quarter as reports
from minping.assess.clusters import clusters
from minping.assess.models import QuarterReport
from minping.assess.periods import Period, Quarter, quarter_of, quarters_ended_in
from minping.assess.queries import report_due
from minping.assess.services import (
    QuarterAlreadySent,
    QuarterNotOver,
    QuarterNotOwed,
    quarter_send,
    send_refusal,
)
from minping.assess.units import unit_of
from minping.kernel import journal
from minping.kernel.clock import beijing as in_beijing
from minping.kernel.errors import Forbidden, Invalid
from minping.kernel.models import JournalEntry
from tests.assess import world
from tests.assess.world import HEAD, OFFICE, UNIT, beijing

pytestmark = pytest.mark.usefixtures("office")
FOURTH = Quarter(2026, 4)
JANUARY = beijing("2027-01-05")  # Tuesday


@pytest.mark.parametrize(
    ("number", "last_day"),
    [
        (1, "2026-04-15"),  # Wednesday; 清明 holiday on Monday 6 April
        (2, "2026-07-14"),  # Tuesday
        (3, "2026-10-20"),  # Tuesday; 国庆 1 to 7 October, Saturday the 10th is worked
    ],
)
def test_a_report_is_due_ten_working_days_after_its_quarter(number: int, last_day: str) -> None:
    due_at = report_due(world.AREA, Quarter(2026, number))
    assert due_at is not None
    assert in_beijing(due_at).strftime("%H:%M:%S") == "00:00:00"  # 24:00 of the day before
    assert in_beijing(due_at).date() == date.fromordinal(date.fromisoformat(last_day).toordinal() + 1)


def test_no_report_was_owed_before_the_plan_was_in_force() -> None:
    assert report_due(world.AREA, Quarter(2021, 3)) is None


def test_quarters_are_known_by_their_last_day() -> None:
    assert quarters_ended_in(Period(date(2026, 3, 31), date(2026, 9, 29))) == (
        Quarter(2026, 1),
        Quarter(2026, 2),
    )
    assert quarter_of(date(2026, 12, 31)) == FOURTH
    assert FOURTH.back(-1) == Quarter(2027, 1) and FOURTH.back(4) == Quarter(2025, 4)
    with pytest.raises(Invalid):
        Quarter(2026, 5)


def test_what_was_sent_stands_as_it_was_whatever_happens_later() -> None:
    world.november()
    unit = unit_of(OFFICE)
    report = quarter_send(unit, FOURTH, by=HEAD, at=JANUARY)
    before = QuarterReport.objects.get().figures
    world.rating(world.service("2026-11-06", received_at=beijing("2027-01-06")), 5, "2027-01-06")
    world.negative("2026-12-01")
    kept = QuarterReport.objects.get()
    assert kept.figures == before
    assert kept.digest == reports.digest(kept.figures) == report.digest
    assert reports.figures(unit, FOURTH, beijing("2027-01-07"))["indicators"] != before["indicators"]


def test_the_figures_sent_can_be_had_again_as_of_the_moment_of_sending() -> None:
    world.november()
    unit = unit_of(OFFICE)
    report = quarter_send(unit, FOURTH, by=HEAD, at=JANUARY)
    world.default(world.service("2026-12-30", received_at=beijing("2027-01-06")))
    assert reports.digest(reports.figures(unit, FOURTH, JANUARY)) == report.digest


def test_a_report_is_sent_once() -> None:
    unit = unit_of(OFFICE)
    quarter_send(unit, FOURTH, by=HEAD, at=JANUARY)
    with pytest.raises(QuarterAlreadySent):
        quarter_send(unit, FOURTH, by=HEAD, at=JANUARY)
    first = QuarterReport.objects.get()
    first.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        first.save(force_insert=True)


def test_sending_is_on_record_and_a_forged_figure_is_found() -> None:
    report = quarter_send(unit_of(OFFICE), FOURTH, by=HEAD, at=JANUARY)
    entry = JournalEntry.objects.get(action="quarter.sent")
    assert (entry.actor, entry.subject, entry.facts["digest"]) == (HEAD.name, report.pk, report.digest)

    def found() -> list[str]:
        return [finding.kind for finding in journal.verify().findings if str(report.pk) in finding.where]

    assert found() == []
    QuarterReport.objects.update(figures={**report.figures, "year": 2025})
    assert found() == ["altered"]


def test_the_clock_of_the_duty_is_kept_with_its_rule_and_calendar() -> None:
    report = quarter_send(unit_of(OFFICE), Quarter(2026, 3), by=HEAD, at=beijing("2026-10-12"))
    assert report.due_clause == "minan/4.2.4"
    assert "10 个工作日" in report.due_rule
    assert report.due_at == datetime(2026, 10, 20, 16, tzinfo=UTC)  # 24:00 of Tuesday
    assert not report.due_provisional


def test_only_a_quarter_that_is_over_is_sent_by_who_may_for_who_owes_it() -> None:
    office, center = unit_of(OFFICE), unit_of(world.CENTER)
    last_moment = beijing("2026-12-31", 23, 59)
    assert isinstance(send_refusal(office, FOURTH, by=HEAD, at=last_moment), QuarterNotOver)
    assert isinstance(send_refusal(office, FOURTH, by=UNIT, at=JANUARY), Forbidden)
    assert isinstance(send_refusal(unit_of("NB"), FOURTH, by=HEAD, at=JANUARY), Forbidden)
    assert isinstance(send_refusal(center, FOURTH, by=HEAD, at=JANUARY), QuarterNotOwed)
    assert send_refusal(office, FOURTH, by=HEAD, at=JANUARY) is None
    with pytest.raises(QuarterNotOver):
        quarter_send(office, FOURTH, by=HEAD, at=last_moment)


def test_negatives_are_gathered_by_item_place_reason_and_where_they_meet() -> None:
    world.november()
    found = clusters(unit_of(OFFICE), date(2026, 10, 1), date(2026, 12, 31), JANUARY)  # Thursday to Thursday
    assert found.negatives == 7
    assert [(line.label, line.count) for line in found.items] == [("居住证办理", 7)]
    assert [(line.code, line.count) for line in found.places] == [
        ("MA-C/W1", 5), ("MA-C/W2", 1), ("MA-P1/D1", 1),
    ]  # fmt: skip
    assert [(line.code, line.count) for line in found.tags] == [("210", 5), ("213", 4), ("115", 1)]
    assert [(line.label, line.count) for line in found.clusters] == [
        ("MA-C W1：同样内容的证明材料被要求多次提交", 4), ("MA-C W1：窗口人员业务不熟练", 3),
    ]  # fmt: skip


def test_a_small_window_has_counts_but_no_rate_to_be_ranked_by() -> None:
    world.november()
    content = reports.figures(unit_of(OFFICE), FOURTH, JANUARY)
    assert {point["rates"]["praise"] for point in content["points"] if point["counts"]["services"]} == {"样本过少"}
