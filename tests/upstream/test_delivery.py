"""Good and bad by one road, once, in order, whatever the superior does (minan/3.1.2, 3.4.1; failures A, B)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from minping.evaluate.services import defaults_make
from minping.kernel import clock
from minping.kernel.access import Actor, Grant
from minping.kernel.errors import Forbidden, Invalid, Stale
from minping.kernel.home import home
from minping.sandbox import Server, serve
from minping.upstream import services
from minping.upstream.desk import OwnWork, message_checked, message_done_by_hand, message_replay, target_switch
from minping.upstream.models import Exchange, OutboxMessage, Target
from minping.upstream.services import messages_deliver
from tests.support.world import Story, actor, press, rate, receive, service_row

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]


@pytest.fixture
def province(settings: Any, tmp_path: Any) -> Iterator[Server]:
    """A real server on loopback that does as it is told."""
    with serve("127.0.0.1", 0, str(tmp_path / "province.sqlite3"), home().keys()["province"]) as server:
        settings.MINPING_PROVINCE = server.url.rstrip("/")
        yield server


def drain(rounds: int = 60) -> int:
    """Deliver until nothing waits, with the pauses taken out; returns how many rounds it took."""
    for number in range(rounds):
        OutboxMessage.objects.filter(state="waiting").update(next_try_at=clock.now() - timedelta(seconds=1))
        Target.objects.update(next_probe=0)
        OutboxMessage.objects.update(claimed_until=0)
        if not OutboxMessage.objects.filter(state="waiting").exists():
            return number
        messages_deliver(holder="test")
    return rounds


def kinds(server: Server) -> Counter[str]:
    return Counter(record["kind"] for record in server.received())


def test_every_level_travels_by_the_same_road(province: Server) -> None:
    for level, service in enumerate(receive(*(service_row(f"C-{n}") for n in range(1, 6))), start=1):
        rate(service, level)
    drain()
    assert sorted(record["level"] for record in province.received(kind="rating")) == [1, 2, 3, 4, 5]
    assert kinds(province) == {"service": 5, "rating": 5, "case": 2}
    assert set(OutboxMessage.objects.values_list("state", flat=True)) == {"accepted"}


def test_the_words_arrive_as_they_were_written(province: Server) -> None:
    text = "一，二。三|四&<五>“六”😀𠮷\n第二行\t完,"
    rate(receive()[0], 2, text=text)
    drain()
    assert province.received(kind="rating")[0]["text"] == text


def test_a_service_comes_before_its_rating_even_in_one_batch(province: Server) -> None:
    rate(receive()[0], 5)
    messages_deliver(holder="test")
    assert kinds(province) == {"service": 1}  # the rating waits for its service's receipt
    messages_deliver(holder="test")
    assert kinds(province) == {"service": 1, "rating": 1}


def test_down_means_one_probe_not_a_flood_and_nothing_is_lost(province: Server) -> None:
    province.behave(mode="down")
    receive(*(service_row(f"C-{n}") for n in range(30)))
    messages_deliver(holder="test")
    Target.objects.update(next_probe=0)
    OutboxMessage.objects.update(next_try_at=clock.now() - timedelta(seconds=1))
    before = OutboxMessage.objects.filter(attempts__gt=0).count()
    messages_deliver(holder="test")
    assert sum(OutboxMessage.objects.values_list("attempts", flat=True)) == before + 1
    target = Target.objects.get()
    assert target.silent_since is not None
    assert target.failures >= 2
    province.behave(mode="up")
    drain()
    assert kinds(province) == {"service": 30}
    assert Target.objects.get().silent_since is None


def test_while_the_province_is_down_a_citizen_rates_as_ever(province: Server) -> None:
    province.behave(mode="down")
    service = receive()[0]
    messages_deliver(holder="test")
    assert rate(service, 1, tags=(), text="照样能评").level == 1


def test_an_answer_lost_after_acceptance_does_not_make_two(province: Server) -> None:
    province.behave(lose=0.1)
    for service in receive(*(service_row(f"C-{n}") for n in range(40))):
        rate(service, 5)
    drain()
    assert kinds(province) == {"service": 40, "rating": 40}
    assert not OutboxMessage.objects.exclude(state="accepted").exists()
    assert Exchange.objects.filter(outcome="AlreadyDone").exists()


@pytest.mark.parametrize("mode", ["slow", "duplicate", "garbage", "unavailable"])
def test_the_other_moods_of_a_province_end_well_too(province: Server, mode: str) -> None:
    province.behave(mode=mode, rate=0.3, delay=0.01)
    receive(*(service_row(f"C-{n}") for n in range(10)))
    drain(5)
    province.behave(mode="up")
    drain()
    assert kinds(province) == {"service": 10}


def test_a_refusal_is_loud_kept_and_can_be_sent_again(province: Server) -> None:
    province.behave(mode="refuse", code="E_ITEM")
    service = receive()[0]
    rate(service, 5)
    drain(3)
    row = OutboxMessage.objects.get(kind="service")
    assert (row.state, row.error_code) == ("refused", "E_ITEM")
    assert OutboxMessage.objects.get(kind="rating").state == "waiting"  # what follows in the case waits for it
    province.behave(mode="up")
    message_replay(message_id=row.pk, by=actor("operator"), at=clock.now())
    drain()
    assert kinds(province) == {"service": 1, "rating": 1}


def test_what_was_sent_and_answered_is_kept_sealed(province: Server) -> None:
    receive()
    drain()
    proof = Exchange.objects.get()
    assert proof.outcome == "Accepted"
    assert "群众甲".encode() not in bytes(proof.sent)


def test_a_change_of_mind_after_sending_is_an_update_of_the_same_record(province: Server) -> None:
    service = receive()[0]
    receipt = services_rate(service, 5)
    drain()
    services_rate(service, 2, change=receipt.change_token, at=receipt.rating.rated_at + timedelta(minutes=5))
    drain()
    (record,) = province.received(kind="rating")
    assert (record["level"], record["revision"]) == (2, 2)


def services_rate(service: Any, level: int, **more: Any) -> Any:
    from minping.evaluate.services import rating_give

    return rating_give(press(service, level, **more))


def test_a_default_travels_as_a_default(province: Server) -> None:
    service = receive()[0]
    defaults_make(at=service.default_due_at)
    drain()
    (record,) = province.received(kind="default")
    assert (record["level"], "minan/3.4.4" in record["made_by_rule"]) == (4, True)
    assert province.received(kind="rating") == []


def test_the_whole_story_arrives_and_the_case_is_one_record_with_its_result(province: Server) -> None:
    story = Story()
    story.followed()
    rate(story.service, 5, at=story.later(), tags=(), text="")
    drain()
    (case,) = province.received(kind="case")
    assert (case["state"], case["result"], case["rerated"]) == ("closed", "rerated", True)
    assert kinds(province) == {"service": 1, "rating": 1, "case": 1, "rerating": 1}


def test_two_workers_never_take_the_same_message(province: Server) -> None:
    receive(*(service_row(f"C-{n}") for n in range(5)))
    first = services._claim("sandbox", "one", clock.now(), 100)
    second = services._claim("sandbox", "two", clock.now(), 100)
    assert (len(first), len(second)) == (5, 0)
    OutboxMessage.objects.update(claimed_until=clock.wall() - 1)  # the first worker was killed
    assert len(services._claim("sandbox", "two", clock.now(), 100)) == 5


def test_a_worker_killed_between_the_answer_and_its_commit_leaves_one_record_on_both_sides(
    province: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for service in receive(*(service_row(f"C-{n}") for n in range(4))):
        rate(service, 2)
    settle, killed = services._settle, [True]

    def die(*told: Any) -> None:
        if killed:
            killed.clear()
            raise KeyboardInterrupt  # nothing after the answer runs
        settle(*told)

    monkeypatch.setattr(services, "_settle", die)
    with pytest.raises(KeyboardInterrupt):
        messages_deliver(holder="killed")
    assert not OutboxMessage.objects.exclude(state="waiting").exists() and not Exchange.objects.exists()
    assert not messages_deliver(holder="next")  # its claim still holds
    drain()
    assert set(OutboxMessage.objects.values_list("state", flat=True)) == {"accepted"}
    assert kinds(province) == {"service": 4, "rating": 4, "case": 4}
    assert Exchange.objects.filter(outcome="AlreadyDone").count() == 4


def test_without_an_interface_everything_goes_to_a_person_and_nothing_is_called_reported(settings: Any) -> None:
    rate(receive()[0], 2)
    while messages_deliver(holder="test"):
        pass
    assert set(OutboxMessage.objects.values_list("state", flat=True)) == {"manual"}
    files = list(home().outbox.rglob("*.json"))
    assert len(files) >= 3
    assert not any("群众甲" in file.read_text() or "13800000000" in file.read_text() for file in files)


def test_a_person_settles_it_with_the_provinces_number(settings: Any) -> None:
    receive()
    messages_deliver(holder="test")
    row = OutboxMessage.objects.get()
    with pytest.raises(Invalid):
        message_done_by_hand(message_id=row.pk, reference=" ", by=actor("operator"), at=clock.now())
    message_done_by_hand(message_id=row.pk, reference="FJ-20261120-1", by=actor("operator"), at=clock.now())
    row.refresh_from_db()
    assert (row.state, row.reference) == ("checking", "FJ-20261120-1")
    with pytest.raises(Stale):
        message_done_by_hand(message_id=row.pk, reference="again", by=actor("operator"), at=clock.now())
    with pytest.raises(OwnWork):  # the second look is another person's
        message_checked(message_id=row.pk, right=True, by=actor("operator"), at=clock.now())
    message_checked(message_id=row.pk, right=True, by=actor("head"), at=clock.now())
    row.refresh_from_db()
    assert row.state == "by_hand"


def test_what_the_second_look_finds_wrong_is_done_again(settings: Any) -> None:
    receive()
    messages_deliver(holder="test")
    row = OutboxMessage.objects.get()
    message_done_by_hand(message_id=row.pk, reference="FJ-2026-2", by=actor("operator"), at=clock.now())
    message_checked(message_id=row.pk, right=False, by=actor("head"), at=clock.now())
    row.refresh_from_db()
    assert (row.state, row.reference, row.entered_by) == ("manual", "", "")


@pytest.mark.usefixtures("world")
def test_who_answers_for_a_part_of_the_office_cannot_switch_a_target() -> None:
    part = Actor("account:part", "中心管理员", (Grant(frozenset({"delivery.act"}), "/minan/minan-center/"),))
    with pytest.raises(Forbidden):
        target_switch(code="sandbox", enabled=False, reason="省平台升级", by=part, at=clock.now())


def test_a_target_switched_off_sends_nothing_and_says_why(province: Server) -> None:
    receive()
    with pytest.raises(Invalid):
        target_switch(code="sandbox", enabled=False, reason="", by=actor("operator"), at=clock.now())
    target_switch(code="sandbox", enabled=False, reason="省平台升级", by=actor("operator"), at=clock.now())
    assert messages_deliver(holder="test") is False
    assert province.received() == []
    target_switch(code="sandbox", enabled=True, reason="升级完成", by=actor("operator"), at=clock.now())
    drain()
    assert kinds(province) == {"service": 1}
