"""What remains of the numbered failures that delivery could repeat, each by its number (shared/facts/failures.md)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from minping.evaluate.services import defaults_make
from minping.kernel import clock
from minping.registry import queries as registry
from minping.registry.models import Organization, Window
from minping.upstream import building, watch
from minping.upstream.models import Exchange, OutboxMessage
from tests.support.world import FRIDAY, rate, receive, service_row
from tests.upstream.conftest import SPEAKS, Speak, drain
from tests.upstream.test_families import FAMILIES, states

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]


def test_a2_b9_silence_goes_up_as_level_4_marked_and_never_as_anybodys_rating(speaking: Speak) -> None:
    province = speaking("370000")
    early = FRIDAY - timedelta(days=14)
    service = receive(service_row("C-1", served_at=early))[0]
    assert defaults_make(at=service.default_due_at - timedelta(seconds=1)) == 0  # not a second before the period ends
    defaults_make(at=service.default_due_at)
    drain()
    (record,) = province.received(kind="default")
    assert (record["level"], record["isdefault"], record.get("pf")) == (4, "1", None)  # no channel: nobody pressed
    assert province.received(kind="rating") == []


@FAMILIES
def test_a3_a5_b11_the_time_above_is_the_time_of_the_record_to_the_second(speaking: Speak, profile: str) -> None:
    province = speaking(profile)
    for level, service in enumerate(receive(*(service_row(f"C-{n}") for n in range(1, 6))), start=1):
        rate(service, level, at=service.served_at + timedelta(seconds=level), text="有话" if level < 3 else "")
    drain()
    for one in province.received(kind="rating"):
        said = FRIDAY + timedelta(seconds=one["level"])
        assert one["assessTime"] == clock.beijing(said).strftime("%Y-%m-%d %H:%M:%S")


@FAMILIES
def test_a7_b13_where_a_reason_is_demanded_and_none_was_given_a_person_is_asked_and_none_is_invented(
    speaking: Speak, profile: str
) -> None:
    province = speaking(profile)
    rate(receive()[0], 2, tags=(), text="")
    drain()
    row = OutboxMessage.objects.get(kind="rating")
    assert (row.state, row.error_code) == ("refused", "LOCAL_REQUIRED")
    assert "没有选原因也没有写话" in row.error
    assert province.received(kind="rating") == []


def test_a8_b10_what_is_called_arrived_has_the_superiors_own_number_and_its_proof(speaking: Speak) -> None:
    speaking("370000")
    rate(receive()[0], 5)
    drain()
    for row in OutboxMessage.objects.filter(state="accepted"):
        assert row.reference
        assert Exchange.objects.filter(message=row, outcome="Accepted").count() == 1
    assert states()["accepted"] == 2


@FAMILIES
def test_a9_b18_without_who_received_it_nothing_is_sent_and_nobody_is_put_in_their_place(
    speaking: Speak, profile: str
) -> None:
    province = speaking(profile)
    unknown = {"kind": "person", "name": "群众甲", "cert_type": "111", "cert_no": "350213190001010011", "phone": ""}
    one, two = receive(service_row("C-1", applicant=unknown), service_row("C-2"))
    for service in (one, two):
        rate(service, 5)
    drain()
    stopped = OutboxMessage.objects.filter(case_no="C-1", state="refused")
    assert stopped.count() == 1
    assert stopped.get().error_code == "LOCAL_REQUIRED"
    assert {row["case_no"].removeprefix("37") for row in province.received()} == {"C-2"}


def test_b17_each_service_of_a_case_keeps_its_own_number_and_the_state_is_another_field(speaking: Speak) -> None:
    province = speaking("370000")
    first, second = receive(
        service_row("C-1", service_name="受理", case_state=2), service_row("C-1", service_no=2, service_name="办结")
    )
    rate(first, 5)
    rate(second, 4)
    drain()
    assert [(r["service_no"], r["proStatus"]) for r in province.received(kind="service")] == [("1", "2"), ("2", "3")]
    assert [(r["service_no"], r["level"]) for r in province.received(kind="rating")] == [("1", 5), ("2", 4)]


def test_b20_a_message_tried_again_in_another_month_is_the_same_record(speaking: Speak) -> None:
    province = speaking("370000")
    service = receive()[0]
    rate(service, 5)
    keys = {building.key_of(row) for row in OutboxMessage.objects.all()}
    province.behave(lose=1.0)
    drain(1)
    OutboxMessage.objects.update(next_try_at=clock.now() - timedelta(days=40))  # it waited past the end of a month
    province.behave(mode="up")
    drain()
    assert {building.key_of(row) for row in OutboxMessage.objects.all()} == keys
    assert not any(str(FRIDAY.year) in key or key[-2:] == "11" for key in keys)  # nothing of a date chooses a place
    assert len(province.received(kind="rating")) == len(province.received(kind="service")) == 1


def test_b22_what_waited_over_midnight_goes_all_the_same(speaking: Speak) -> None:
    """Nothing selects by "created today": neither a message nor, in its own tests, an invitation."""
    province = speaking("370000")
    rate(receive(service_row("C-1", served_at=FRIDAY - timedelta(days=3)))[0], 5)
    OutboxMessage.objects.update(created_at=FRIDAY - timedelta(days=3), fact_at=FRIDAY - timedelta(days=3))
    drain()
    assert len(province.received(kind="rating")) == 1


def test_d4_each_target_has_its_own_row_and_its_own_state(speaking: Speak) -> None:
    province = speaking("370000")
    rate(receive()[0], 5)
    drain()
    row = OutboxMessage.objects.get(kind="rating")
    other = {f.name: getattr(row, f.name) for f in OutboxMessage._meta.fields if f.name != "id"}
    OutboxMessage.objects.create(**{**other, "target": "another", "state": "waiting"})
    drain(2)
    assert dict(OutboxMessage.objects.filter(kind="rating").values_list("target", "state")) == {
        "370000": "accepted", "another": "waiting",
    }  # fmt: skip
    province.behave(mode="refuse", code="E")
    rate(receive(service_row("C-2"))[0], 5)
    drain(3)
    assert states()["refused"] == 1  # and it stands on the desk, and healthz is 503: test_a_refusal_is_loud…


@pytest.mark.parametrize("profile", SPEAKS)
def test_d5_a_probe_goes_by_the_road_of_the_ratings_or_not_at_all(speaking: Speak, profile: str) -> None:
    """The test event is a marked real row of the same outbox; a superior that cannot mark it is sent none."""
    province = speaking(profile)
    assert watch.probe_send(at=clock.now()) is False
    assert province.received() == []
    assert not OutboxMessage.objects.exists()


def test_d8_a_message_says_where_it_was_on_the_day_whatever_was_renamed_since(speaking: Speak) -> None:
    province = speaking("370000")
    rate(receive()[0], 5)
    before = Organization.objects.get(code="minan-center").name
    Organization.objects.filter(code="minan-center").update(name="改了名的中心")
    Window.objects.filter(organization_id="minan-center", code="03").update(name="改了名的窗口")
    registry.forget()
    drain()
    (told,) = province.received(kind="service")
    assert told["orgName"] == before


@FAMILIES
def test_a16_a_tag_that_only_we_know_is_never_sent_as_another(speaking: Speak, profile: str) -> None:
    province = speaking(profile)
    rate(receive()[0], 2, tags=("210",), text="")
    drain()
    field = "appraisald" if profile == "350000" else "evalDetail"
    assert [one[field] for one in province.received(kind="rating")] == ["210"]
