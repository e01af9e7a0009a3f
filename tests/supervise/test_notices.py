"""A 问责提醒 reminds as a case does: who must act, in hours, gathered, and of nothing that is done (minan/5.2)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minping import law
from minping.kernel import due, notices
from minping.kernel.models import Account, Assignment, Notice
from minping.supervise import services
from minping.supervise.models import Inquiry
from minping.supervise.notices import RUNNING
from minping.supervise.states import InquiryState
from tests.supervise.world import decide, inquiry_of
from tests.support.world import actor, beijing, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
HEADS = [("late", "head"), ("late", "inside")]  # of the office, and of the centre itself


def made(inquiry: Inquiry, at: str) -> list[tuple[str, str]]:
    notices.notices_make(at=beijing(at))
    return sorted(Notice.objects.filter(subject=inquiry.pk).values_list("kind", "account"))


def of(inquiry: Inquiry, username: str) -> list[str]:
    """What this person is reminded of about the inquiry, as their own page says it."""
    return [one["label"] for one in notices.notices_of(actor(username)) if one["number"] == inquiry.number]


def gathered(at: str) -> int:
    return notices.notices_gather(area_code="350213005", at=beijing(at))


def test_who_must_explain_is_told_before_and_the_leader_when_the_days_are_over() -> None:
    inquiry = inquiry_of()  # opened on Sunday 11-22: to be explained by the end of Wednesday 11-25
    assert made(inquiry, "2026-11-23 09:00") == []
    assert made(inquiry, "2026-11-24 09:00") == [("soon", "unit")]
    assert made(inquiry, "2026-11-25 16:00") == [("soon", "unit")]  # once
    assert made(inquiry, "2026-11-26 09:00") == [*HEADS, ("soon", "unit")]
    assert len(made(inquiry, "2026-11-26 17:00")) == 3
    assert len(made(inquiry, "2026-11-27 09:00")) == 5  # each working day
    assert len(made(inquiry, "2026-11-28 09:00")) == 5  # Saturday


def test_each_step_tells_the_one_whose_turn_it_is() -> None:
    inquiry = inquiry_of()
    services.inquiries_lapse(at=inquiry.due_at)  # type: ignore[arg-type]
    inquiry.refresh_from_db()  # without an explanation the leader decides: by Thursday 12-03
    assert made(inquiry, "2026-12-02 09:00") == [("soon", "head"), ("soon", "inside")]
    order = decide(inquiry, "order", "head", beijing("2026-12-03 10:00"), measure="improve", reason="改好。")
    Notice.objects.all().delete()  # to be improved by Thursday 12-10
    assert made(order, "2026-12-10 09:00") == [("soon", "unit")]
    gathered("2026-12-10 09:30")
    assert of(order, "unit") == ["将超时"]
    told = decide(order, "report", "window3", beijing("2026-12-10 10:00"), improvement="一次收齐。")
    assert of(told, "unit") == []  # what is done is not spoken of, though the clock goes on
    made(told, "2026-12-10 11:00")
    gathered("2026-12-10 11:30")
    assert of(told, "head") == ["将超时"]
    decide(told, "accept", "head", beijing("2026-12-10 12:00"))
    assert of(told, "head") == []
    Notice.objects.all().delete()
    assert made(told, "2026-12-11 09:00") == []


def test_of_a_window_without_a_unit_the_windows_own_people_are_told_and_no_neighbouring_window() -> None:
    Assignment.objects.filter(role="unit").delete()
    assert made(inquiry_of(), "2026-11-24 09:00") == [("soon", "window3")]


def test_where_no_leader_is_there_the_deputy_is_told() -> None:
    Account.objects.filter(username__in=("head", "inside")).update(is_active=False)
    assert ("late", "reviewer") in made(inquiry_of(), "2026-11-26 09:00")


def test_a_reminder_of_an_inquiry_says_its_number_and_a_link_that_its_reader_may_open() -> None:
    inquiry = inquiry_of()
    made(inquiry, "2026-11-24 09:00")
    assert gathered("2026-11-24 09:04") == 0
    assert gathered("2026-11-24 09:05") > 0
    told = next(one for one in notices.notices_of(actor("unit")) if one["number"] == inquiry.number)
    assert told == {"number": inquiry.number, "label": "将超时", "url": f"/desk/mine/{inquiry.pk}/"}
    page = signed_in("unit")
    assert inquiry.number in page.get("/desk/mine/").content.decode()
    assert page.get(told["url"]).status_code == 200


SILENT = [state for state in InquiryState if state not in RUNNING]


@pytest.mark.parametrize("state", SILENT)
def test_an_inquiry_that_waits_for_nobody_here_reminds_nobody_whatever_its_clock_says(state: InquiryState) -> None:
    inquiry = inquiry_of()
    made(inquiry, "2026-11-24 09:00")
    Inquiry.objects.filter(pk=inquiry.pk).update(state=state)
    gathered("2026-11-24 10:00")
    assert not Notice.objects.filter(subject=inquiry.pk).exists()
    for at in ("2026-11-24 11:00", "2026-11-26 09:00", "2026-12-25 09:00"):
        assert made(inquiry, at) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    begin=st.integers(0, 3650),
    step=st.sampled_from(sorted(RUNNING)),
    hours=st.lists(st.integers(0, 14 * 24), min_size=1, max_size=6),
)
def test_whenever_the_job_runs_what_it_makes_is_in_hours_due_and_once_a_day(
    begin: int, step: str, hours: list[int]
) -> None:
    """An inquiry in any step with a due time anywhere in ten years, the job at random moments around it."""
    limit = {"opened": "inquiry_explain", "answered": "inquiry_decide"}.get(step, "inquiry_improve")
    with transaction.atomic():
        start = datetime(2021, 11, 18, 10, 30, tzinfo=law.BEIJING) + timedelta(days=begin)
        inquiry = Inquiry.objects.filter(kind="window").first() or inquiry_of()
        Inquiry.objects.filter(pk=inquiry.pk).update(state=step, **due.clock(inquiry.area_code, limit, start))
        for moment in sorted(hours):
            notices.notices_make(at=start + timedelta(hours=moment))
        rows = list(Notice.objects.filter(subject=inquiry.pk))
        for row in rows:
            assert notices.in_hours(inquiry.area_code, row.made_at)
            assert (row.made_at >= row.due_at) == (row.kind == "late")
            assert row.made_at >= row.due_at or law.left(row.due_at, row.made_at).working_days <= 1
        told = [(row.account, row.kind, row.day) for row in rows]
        assert len(told) == len(set(told))
        if any(notices.in_hours(inquiry.area_code, start + timedelta(hours=moment)) for moment in hours[-1:]):
            late = start + timedelta(hours=hours[-1]) >= due.clock(inquiry.area_code, limit, start)["due_at"]
            assert not late or any(row.kind == "late" for row in rows)
        transaction.set_rollback(True)


def test_many_clocks_cost_as_many_queries_as_few() -> None:
    first = inquiry_of()
    with CaptureQueriesContext(
        connection,
    ) as few:
        notices.notices_make(at=beijing("2026-11-26 09:00"))
    Notice.objects.all().delete()
    for number in range(30):
        Inquiry.objects.create(
            **{
                field.attname: getattr(first, field.attname)
                for field in Inquiry._meta.concrete_fields
                if field.attname not in ("id", "number", "key")
            },
            number=f"问责-多-{number}",
            key=f"多{number}",
        )
    with CaptureQueriesContext(connection) as many:
        assert notices.notices_make(at=beijing("2026-11-26 09:00")) > 60
    assert len(many) == len(few)
