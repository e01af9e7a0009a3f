"""Rate limit, several workers, back-off, shut-down and faults of our own (failures.md B1, B2, B6; R of delivery)."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from minping.kernel import clock, outbox
from minping.kernel.home import home
from minping.sandbox import Server, serve
from minping.upstream import building, provinces, services
from minping.upstream.models import OutboxMessage, Target
from minping.upstream.services import RETRY_CEILING, Throttle, messages_deliver
from tests.support.world import receive, service_row
from tests.upstream.conftest import drain


@pytest.fixture
def province(settings: Any, tmp_path: Any) -> Iterator[Server]:
    with serve("127.0.0.1", 0, str(tmp_path / "province.sqlite3"), home().keys()["province"]) as server:
        settings.MINPING_PROVINCE = server.url
        provinces._driver.cache_clear()
        yield server


def slots(throttle: Throttle, count: int) -> list[float]:
    throttle.reserve(count)
    return sorted(throttle.slots)


@pytest.mark.django_db
@pytest.mark.usefixtures("world")
def test_b6_the_slots_of_all_workers_together_keep_the_superiors_rate() -> None:
    """The counter stands in the target's row, so that neither a loop nor a second worker begins it anew."""
    Target.objects.create(code="p")
    taken = [slot for worker in range(4) for slot in slots(Throttle("p", 20), 25)]
    taken.sort()
    gaps = [later - earlier for earlier, later in itertools.pairwise(taken)]
    assert len(taken) == 100 and min(gaps) > 0.049
    Target.objects.update(next_slot=0)  # a pause: what was not used is lost, no burst makes up for it
    again = slots(Throttle("p", 20), 10)
    assert again[0] >= clock.wall() - 1 and again[-1] - again[0] > 0.44


@pytest.mark.django_db
@pytest.mark.usefixtures("world")
def test_b6_messages_leave_no_faster_than_the_profile_allows(speaking: Any) -> None:
    province = speaking("370000")  # 20 a second
    arrived: list[float] = []
    answer = province._answer
    province._listener.answer = lambda request: (arrived.append(time.monotonic()), answer(request))[1]
    receive(*(service_row(f"C-{n}") for n in range(12)))
    start = time.monotonic()
    messages_deliver(holder="test")
    assert len(arrived) == 12
    # None before its slot; a busy machine may make the first late, and that is not a burst.
    assert all(at - start >= number / 20 * 0.9 for number, at in enumerate(sorted(arrived)))


@pytest.mark.django_db
@pytest.mark.usefixtures("world")
def test_b1_back_off_grows_to_a_ceiling_with_jitter_and_never_ends(province: Server) -> None:
    province.behave(mode="garbage")
    receive(*(service_row(f"C-{n}") for n in range(20)))
    OutboxMessage.objects.update(attempts=11)
    messages_deliver(holder="test")
    waits = [(row.next_try_at - clock.now()).total_seconds() for row in OutboxMessage.objects.all()]
    ceiling = RETRY_CEILING.total_seconds()
    assert all(ceiling * 0.68 < wait < ceiling * 1.31 for wait in waits)
    assert len({round(wait) for wait in waits}) > 5  # not all at the same moment
    OutboxMessage.objects.update(attempts=500, next_try_at=clock.now() - timedelta(seconds=1))
    messages_deliver(holder="test")
    assert OutboxMessage.objects.filter(state="waiting").count() == 20
    province.behave(mode="up")
    drain()
    assert len(province.received(kind="service")) == 20


@pytest.mark.django_db
@pytest.mark.usefixtures("world")
def test_at_the_end_of_the_program_the_message_in_hand_is_finished_and_the_rest_given_back(province: Server) -> None:
    receive(*(service_row(f"C-{n}") for n in range(30)))
    asked = [0]

    def stopping() -> bool:
        asked[0] += 1
        return asked[0] > 8

    messages_deliver(holder="test", stopping=stopping)
    sent = len(province.received(kind="service"))
    assert sent == 8
    assert OutboxMessage.objects.filter(state="accepted").count() == sent  # what has gone is settled
    left = OutboxMessage.objects.filter(state="waiting")
    assert left.count() == 22
    assert not left.exclude(claimed_by="").exists() and not left.exclude(attempts=0).exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("world")
def test_a_slow_superior_does_not_outlast_the_claim(province: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot begin before the claim ends is given back, so that no other worker sends it a second time."""
    monkeypatch.setattr(services, "SEND_SECONDS", 0.2)
    province.behave(mode="slow", delay=0.15)
    receive(*(service_row(f"C-{n}") for n in range(30)))
    messages_deliver(holder="test")
    done = OutboxMessage.objects.filter(state="accepted").count()
    assert 4 <= done < 30
    assert all(one["times_received"] == 1 for one in province.received(kind="service"))
    assert services.SEND_SECONDS < outbox.CLAIM_SECONDS


@pytest.mark.django_db
@pytest.mark.usefixtures("world")
def test_b2_what_exists_here_is_not_thereby_there_and_every_try_bears_the_same_key(province: Server) -> None:
    province.behave(mode="unavailable")
    receive()
    drain(3)
    row = OutboxMessage.objects.get()
    key = building.key_of(row)
    assert (row.state, row.attempts > 1) == ("waiting", True)
    province.behave(mode="up")
    drain()
    row.refresh_from_db()
    assert building.key_of(row) == key == province.received(kind="service")[0]["id"]


@pytest.mark.django_db
@pytest.mark.usefixtures("world")
def test_b4_a_fault_of_our_own_in_one_message_is_loud_and_stops_no_other(
    province: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(service_row("C-1"), service_row("C-2"))
    send = type(provinces.driver()).send

    def broken(self: Any, key: str, message: Any) -> Any:
        if message.case_no == "C-1":
            raise KeyError("ours")
        return send(self, key, message)

    monkeypatch.setattr(type(provinces.driver()), "send", broken)
    messages_deliver(holder="test")
    assert dict(OutboxMessage.objects.values_list("case_no", "state")) == {"C-1": "refused", "C-2": "accepted"}
    assert OutboxMessage.objects.get(case_no="C-1").error_code == "LOCAL_ERROR"


@pytest.mark.django_db
@pytest.mark.usefixtures("world")
def test_b1_no_state_is_a_dead_end_that_nobody_sees(province: Server) -> None:
    """Every state that is not the end is either tried again by itself or stands in a list of the desk.

    A morning check is a test row: a job takes it out again, and it is shown where the devices are.  A rehearsed
    probe has come as far as it may, and is shown with its superior.
    """
    from minping.upstream.pages.lists import TABS
    from minping.upstream.states import MessageState

    listed = {state for tab in TABS for state in tab.states}
    assert listed == set(MessageState) - {MessageState.CHECK, MessageState.REHEARSED}
