"""Reminders: before, at and after a due time; in working hours; gathered; none after closing (minan/5.2)."""

from __future__ import annotations

import shutil
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minping import law
from minping.feedback import services as feedback
from minping.feedback.models import Case
from minping.feedback.states import CaseState
from minping.kernel import due, notices
from minping.kernel.models import Account, Assignment, Notice
from minping.law.loader import open_folder
from minping.law.rules import rules_of
from minping.rectify import services as rectify
from minping.rectify.models import Order
from minping.rectify.notices import RECTIFYING, VERIFYING
from minping.rectify.states import OrderState
from minping.registry import queries as registry
from minping.supervise.notices import RUNNING
from tests.support.world import Story, actor, beijing

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]


def made(at: str) -> list[tuple[str, str]]:
    notices.notices_make(at=beijing(at))
    return sorted(Notice.objects.values_list("kind", "account"))


def test_before_it_is_over_who_must_act_is_told_once_and_then_the_head_each_working_day() -> None:
    Story().negative()  # Friday 11-20; over after Tuesday 11-24
    assert made("2026-11-23 09:00") == [("soon", "reviewer")]
    assert made("2026-11-24 16:00") == [("soon", "reviewer")]  # once
    assert made("2026-11-25 09:00") == [("late", "head"), ("soon", "reviewer")]
    assert len(made("2026-11-25 15:00")) == 2
    assert len(made("2026-11-26 09:00")) == 3


@pytest.mark.parametrize("at", ["2026-11-25 07:59", "2026-11-25 18:00", "2026-11-28 10:00", "2026-11-29 10:00"])
def test_nobody_is_reminded_outside_the_hours(at: str) -> None:
    Story().negative()
    assert made(at) == []


def test_where_nobody_holds_the_role_its_deputy_is_told() -> None:
    Account.objects.filter(username="head").update(is_active=False)
    Story().negative()
    assert made("2026-11-25 09:00") == [("late", "reviewer")]


def test_the_unit_is_told_of_a_rectification_and_nobody_after_it_reported() -> None:
    story = Story()
    story.confirmed()  # over after Friday 11-27
    assert made("2026-11-27 09:00") == [("soon", "unit")]
    Notice.objects.all().delete()
    story = Story("MA20261120-0418")
    story.reported()
    made("2026-12-03 09:00")
    assert Case.objects.get(pk=Notice.objects.get().subject).rated[0].case_no == "MA20261120-0417"


CLOCKS = [*(f"case_{state}" for state in VERIFYING), *(f"order_{state}" for state in RECTIFYING)]
INQUIRIES = [f"inquiry_{state}" for state in RUNNING]


def test_the_law_says_of_every_clock_whom_to_tell_and_of_no_other() -> None:
    rows = law.at("350213005", date(2026, 11, 24)).reminders
    assert sorted(rows) == sorted([*CLOCKS, *INQUIRIES])


def test_while_the_leader_is_to_agree_the_leader_is_reminded() -> None:
    case = Story().negative()
    Case.objects.filter(pk=case.pk).update(state=CaseState.PROPOSED)
    assert made("2026-11-24 09:00") == [("soon", "head")]


def test_an_areas_file_says_from_a_day_on_who_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = Path(law.__file__).parent
    shutil.copy(shipped / "clauses.yaml", tmp_path)
    shutil.copytree(shipped / "areas", tmp_path / "areas")
    text = (shipped / "areas/000000/reminders.yaml").read_text("utf-8")
    row = "label: 核实差评, soon: [reviewer, head], due: [head, reviewer], daily: [head, reviewer]"
    assert row in text
    mine = text.replace(row, "label: 核实差评, soon: [head], due: [reviewer], daily: [unit, head]")
    (tmp_path / "areas/350213005/reminders.yaml").write_text(mine.replace("2019-12-03", "2026-11-25"), "utf-8")
    book = open_folder(tmp_path)
    monkeypatch.setattr(law, "at", lambda area, on: rules_of(book, area, on))
    Story().negative()  # over after Tuesday 11-24
    assert made("2026-11-24 09:00") == [("soon", "reviewer")]  # the day before the street's own list
    assert made("2026-11-25 09:00") == [("late", "reviewer"), ("soon", "reviewer")]
    assert made("2026-11-26 09:00") == [("late", "reviewer"), ("late", "unit"), ("soon", "reviewer")]


def test_who_took_over_an_order_is_reminded_of_it_and_the_first_unit_no_more() -> None:
    order = Story().confirmed()  # over after Friday 11-27
    agent = Account.objects.create_account("agent", "代办点责任人", "只在测试里用的口令-2026", staff_code="a09")
    Assignment.objects.create(account=agent, role="unit", organization_code="minan-agent-01")
    registry.forget()
    rectify.order_transfer(
        order_id=order.pk, organization_code="minan-agent-01", reason="材料由代办点收取。", by=actor("reviewer"),
        at=order.assigned_at,
    )  # fmt: skip
    assert made("2026-11-27 09:00") == [("given", "agent"), ("soon", "agent")]


def gathered(at: str) -> int:
    return notices.notices_gather(area_code="350213005", at=beijing(at))


def test_they_come_together_after_five_quiet_minutes_or_two_hours() -> None:
    Story().negative()
    made("2026-11-24 09:00")
    assert gathered("2026-11-24 09:04") == 0
    assert gathered("2026-11-24 09:05") == 1
    Notice.objects.update(gathered_at=None)
    first = Notice.objects.get()
    Notice.objects.bulk_create(
        Notice(
            kind="late", subject=first.subject, number=first.number, account=first.account, step="verify",
            due_at=first.due_at, day=first.day, made_at=beijing(f"2026-11-24 {time}"),
        )
        for time in ["10:58"]
    )  # fmt: skip
    assert gathered("2026-11-24 10:59") == 0  # not quiet, not yet two hours
    assert gathered("2026-11-24 11:00") == 2


def test_what_is_done_is_not_spoken_of() -> None:
    story = Story()
    case = story.called()
    made("2026-11-24 09:00")
    feedback.case_confirm(case_id=case.pk, note="", by=actor("reviewer"), at=beijing("2026-11-24 09:01"))
    assert gathered("2026-11-24 09:30") == 0
    assert not Notice.objects.exists()
    assert notices.notices_of(actor("reviewer")) == []


def test_a_reminder_says_the_number_and_a_link_and_nothing_else() -> None:
    case = Story().negative()
    made("2026-11-24 09:00")
    gathered("2026-11-24 09:10")
    (told,) = notices.notices_of(actor("reviewer", case.opened_at + timedelta(days=4)))
    assert told == {"number": case.number, "label": "将超时", "url": f"/desk/mine/{case.pk}/"}


def test_over_every_hour_of_ten_years_nobody_is_reminded_outside_the_hours() -> None:
    calendar, spoken = law.calendar(), 0
    for ordinal in range(date(2021, 11, 18).toordinal(), date(2031, 11, 18).toordinal()):
        day = date.fromordinal(ordinal)
        for hour in (0, 7, 8, 12, 17, 18, 23) if ordinal % 30 else range(24):
            at = datetime.combine(day, time(hour, 59), law.BEIJING)
            may = calendar.is_working_day(day) and 8 <= hour < 18
            assert notices.in_hours("350213005", at) == may, at
            spoken += may
    assert spoken > 7000


CASES = [state for state in CaseState if state not in VERIFYING]
ORDERS = [state for state in OrderState if state not in RECTIFYING]


@pytest.mark.parametrize("state", CASES)
def test_a_case_whose_verification_is_over_reminds_nobody_whatever_its_clock_says(state: CaseState) -> None:
    case = Story().negative()
    made("2026-11-24 09:00")
    Case.objects.filter(pk=case.pk).update(state=state)
    assert gathered("2026-11-24 10:00") == 0
    for at in ("2026-11-24 11:00", "2026-11-25 09:00", "2026-12-25 09:00"):
        assert made(at) == []


@pytest.mark.parametrize("state", ORDERS)
def test_an_order_that_waits_for_no_rectification_reminds_nobody(state: OrderState) -> None:
    order = Story().confirmed()
    made("2026-11-27 09:00")
    Order.objects.filter(pk=order.pk).update(state=state)
    assert gathered("2026-11-27 10:00") == 0
    for at in ("2026-11-27 11:00", "2026-11-30 09:00", "2026-12-30 09:00"):
        assert made(at) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(begin=st.integers(0, 3650), hours=st.lists(st.integers(0, 14 * 24), min_size=1, max_size=6))
def test_whenever_the_job_runs_what_it_makes_is_in_hours_due_and_once_a_day(begin: int, hours: list[int]) -> None:
    """A case with a due time anywhere in ten years, the job at random moments around it."""
    with transaction.atomic():
        start = datetime(2021, 11, 18, 10, 30, tzinfo=law.BEIJING) + timedelta(days=begin)
        case = Case.objects.first() or Story().negative()
        clock = due.clock(case.area_code, "verify", start)
        Case.objects.filter(pk=case.pk).update(state="verifying", **clock)
        for moment in sorted(hours):
            notices.notices_make(at=start + timedelta(hours=moment))
        for row in Notice.objects.all():
            assert notices.in_hours(case.area_code, row.made_at)
            assert (row.made_at >= row.due_at) == (row.kind == "late")
            assert row.made_at >= row.due_at or law.left(row.due_at, row.made_at).working_days <= 1
        told = Notice.objects.values_list("account", "kind", "day")
        assert len(told) == len(set(told))
        transaction.set_rollback(True)
