"""Reconciliation that names rows, alarms, the probe, the retention of proofs (failures.md A1, A6, A8, B8, B10)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.urls import reverse

from minping import law
from minping.evaluate.models import Rating
from minping.kernel import clock
from minping.kernel.errors import Forbidden, Invalid, Stale
from minping.kernel.home import home
from minping.kernel.models import JournalEntry
from minping.sandbox import Server, serve
from minping.upstream import provinces, queries, watch
from minping.upstream.desk import message_checked, message_done_by_hand
from minping.upstream.models import Exchange, FromBelow, OutboxMessage, Subordinate, Target, Task
from minping.upstream.provinces import driver
from minping.upstream.services import messages_deliver
from tests.support.world import FRIDAY, actor, rate, receive, service_row, signed_in
from tests.upstream.conftest import Speak, drain

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
DAY = FRIDAY.astimezone(clock.BEIJING).date()  # Friday


@pytest.fixture
def province(settings: Any, tmp_path: Any) -> Iterator[Server]:
    with serve("127.0.0.1", 0, str(tmp_path / "province.sqlite3"), home().keys()["province"]) as server:
        settings.MINPING_PROVINCE = server.url
        provinces._driver.cache_clear()
        yield server


class Calls:
    """What a driver asks over the wire from now on."""

    def __init__(self, chosen: Any) -> None:
        self.made: list[tuple[str, str]] = []
        ask = chosen.caller.ask

        def heard(method: str, url: str, *rest: Any) -> Any:
            self.made.append((method, url))
            return ask(method, url, *rest)

        chosen.caller.ask = heard


def reconcile(first: date = DAY, last: date = DAY) -> list[watch.Line]:
    return watch.reconcile(first, last, at=clock.now())


def test_all_there_opens_nothing_and_says_ours_sent_arrived_and_seen_by_every_dimension(province: Server) -> None:
    one, two = receive(
        service_row("C-1"), service_row("C-2", organization_code="minan-agent-01", window_code="01", staff_code="")
    )
    rate(one, 5)
    rate(two, 1, channel="qr", text="慢")
    drain()
    lines = {(x.kind, x.level, x.channel, x.organization_code): x for x in reconcile()}
    assert set(lines) == {
        ("service", None, "", "minan-center"), ("service", None, "", "minan-agent-01"),
        ("rating", 5, "mobile", "minan-center"), ("rating", 1, "qr", "minan-agent-01"),
        ("case", 1, "", "minan-agent-01"),
    }  # fmt: skip
    assert all((x.ours, x.sent, x.arrived, x.seen, x.difference) == (1, 1, 1, 1, 0) for x in lines.values())
    assert not Task.objects.exists()


def test_a_difference_opens_one_task_that_names_the_rows(province: Server) -> None:
    services = receive(*(service_row(f"C-{n}") for n in range(3)))
    ratings = [rate(service, 2) for service in services]
    drain()
    OutboxMessage.objects.filter(subject=ratings[1].pk).delete()  # as a fault, or a hand, would lose it
    reconcile()
    (task,) = Task.objects.all()
    assert (task.kind, task.rows) == ("difference", [ratings[1].pk.hex])
    assert "不满意" in task.text and "本地 3" in task.text and "送达 2" in task.text
    reconcile()
    assert Task.objects.count() == 1


def test_what_the_superior_lost_is_named_though_it_had_said_yes(province: Server) -> None:
    first, second = (rate(service, 5) for service in receive(service_row("C-1"), service_row("C-2")))
    drain()
    province._store._db.execute("DELETE FROM records WHERE kind = 'rating' AND case_no = 'C-2'")
    lines = [line for line in reconcile() if line.kind == "rating"]
    assert [(line.arrived, line.seen, line.missing) for line in lines] == [(2, 1, (second.pk.hex,))]
    assert first.pk.hex not in Task.objects.get().rows


def test_equal_numbers_of_unequal_rows_still_differ(province: Server) -> None:
    """One missing and one too many make the same number: records are looked for one by one."""
    lost = rate(receive(service_row("C-1"))[0], 5)
    drain()
    OutboxMessage.objects.filter(subject=lost.pk).update(subject=UUID(int=7))
    (line,) = (line for line in reconcile() if line.kind == "rating")
    assert line.missing == (lost.pk.hex,)


def newly(subject: UUID, **changes: Any) -> None:
    """Its message was queued a minute ago and waits."""
    told = {"state": "waiting", "created_at": clock.now() - timedelta(minutes=1), **changes}
    OutboxMessage.objects.filter(subject=subject).update(**told)


def rating_line() -> watch.Line:
    (line,) = (line for line in reconcile() if line.kind == "rating")
    return line


def test_what_is_on_its_way_is_no_difference_yet_and_hides_none(province: Server) -> None:
    away, lost, there = (rate(service, 5) for service in receive(*(service_row(f"C-{n}") for n in range(3))))
    drain()
    newly(away.pk)
    line = rating_line()
    assert (line.ours, line.arrived, line.flying, line.missing) == (3, 2, 1, ())
    assert not Task.objects.exists()
    # One lost in the same line is named; so is one that the superior no longer has, and one that waits too long.
    OutboxMessage.objects.filter(subject=lost.pk).delete()
    assert rating_line().missing == (lost.pk.hex,)
    province._store._db.execute("DELETE FROM records WHERE kind = 'rating' AND case_no = 'C-2'")
    assert set(rating_line().missing) == {lost.pk.hex, there.pk.hex}
    newly(away.pk, created_at=clock.now() - timedelta(minutes=61))
    assert set(rating_line().missing) == {lost.pk.hex, there.pk.hex, away.pk.hex}
    # What was refused is on no way.
    newly(away.pk, state="refused")
    assert away.pk.hex in rating_line().missing


def test_the_tables_show_it_as_on_its_way_and_a_change_on_its_way_makes_up_for_nothing(province: Server) -> None:
    away, lost, changed = (rate(service, 5) for service in receive(*(service_row(f"C-{n}") for n in range(3))))
    drain()
    newly(away.pk)

    def told() -> tuple[int, int]:
        lines, _ = queries.reconciled(DAY, DAY, at=clock.now())
        (line,) = (line for line in lines if line.kind == "rating")
        return line.difference, line.flying

    assert told() == (0, 1)
    OutboxMessage.objects.filter(subject=lost.pk).delete()
    province._store._db.execute("DELETE FROM records WHERE kind = 'rating' AND case_no = 'C-1'")
    row = OutboxMessage.objects.get(subject=changed.pk)
    row.pk, row.revision, row.state, row.created_at = None, 2, "waiting", clock.now()
    row.save(force_insert=True)
    province._store._db.execute("DELETE FROM records WHERE kind = 'rating' AND case_no = 'C-0'")
    assert told() == (1, 1)
    page = signed_in("auditor").get(f"/delivery/?from={DAY}&to={DAY}").content.decode()
    assert "差 1，在途 1" in page


def test_a_day_of_which_something_was_on_its_way_is_looked_at_again(province: Server) -> None:
    away = rate(receive()[0], 5)
    drain()
    next_day = clock.beijing(FRIDAY + timedelta(days=1))
    morning = next_day.replace(hour=0, minute=5)
    newly(away.pk, created_at=morning - timedelta(minutes=10))
    watch.look(at=morning)
    assert (Target.objects.get().unsettled_from, Task.objects.count()) == (DAY, 0)
    OutboxMessage.objects.filter(subject=away.pk).delete()  # and then it is lost
    watch.look(at=morning + timedelta(days=1))
    assert Task.objects.get(kind="difference").rows == [away.pk.hex]
    assert Target.objects.get().unsettled_from is None


@pytest.mark.parametrize(
    ("n", "before", "since", "likely"),
    [
        (1, 1, 1, 1 / 2),
        (1, 10, 90, 1 / 10),
        (2, 2, 1, 1 / 3),
        (3, 10, 0, 1.0),
        (20, 80, 20, 0.0066),
        (5, 100, 38, 0.19),
    ],
)
def test_how_likely_a_silence_is_is_counted_and_not_estimated(n: int, before: int, since: int, likely: float) -> None:
    assert math.exp(watch.chance(n, before, since)) == pytest.approx(likely, rel=0.05)


def test_a_difference_that_has_since_arrived_closes_itself_and_a_lost_one_does_not(province: Server) -> None:
    late, lost = (rate(service, 5) for service in receive(service_row("C-1"), service_row("C-2")))
    OutboxMessage.objects.filter(subject=lost.pk).delete()
    reconcile()
    assert {len(task.rows) for task in Task.objects.all()} == {2}
    drain()
    services, ratings = (Task.objects.get(key__contains=f":{kind}:") for kind in ("service", "rating"))
    watch.look(at=clock.now())  # as the job does
    services.refresh_from_db()
    assert (services.closed_by, services.finding) == ("system", "所列各条此后都已送达")
    ratings.refresh_from_db()
    assert ratings.closed_at is None, "of the ratings one is still missing"
    assert sorted(Task.objects.get(closed_at__isnull=True).rows) == sorted([late.pk.hex, lost.pk.hex])


def test_a_person_closes_a_task_only_with_a_finding(province: Server) -> None:
    task = watch.task_open("difference", "k", "差一条", target="sandbox", rows=["1"], at=clock.now())
    assert task is not None
    with pytest.raises(Invalid):
        watch.task_close(task_id=task.pk, finding=" ", by=actor("operator"), at=clock.now())
    with pytest.raises(Forbidden):
        watch.task_close(task_id=task.pk, finding="x", by=actor("auditor"), at=clock.now())
    watch.task_close(task_id=task.pk, finding="已补录", by=actor("operator"), at=clock.now())
    with pytest.raises(Stale):
        watch.task_close(task_id=task.pk, finding="再来", by=actor("operator"), at=clock.now())
    assert watch.task_open("difference", "k", "又差", target="sandbox", rows=[], at=clock.now()) is not None


def test_a8_what_was_entered_by_hand_counts_only_after_the_second_look(settings: Any) -> None:
    receive()
    messages_deliver(holder="test")
    row = OutboxMessage.objects.get()
    message_done_by_hand(message_id=row.pk, reference="FJ-1", by=actor("operator"), at=clock.now())
    assert [(line.arrived, line.by_hand, line.missing) for line in reconcile()] == [(0, 1, ())]
    assert not Task.objects.exists()  # it is known, and stands in the manual queue
    message_checked(message_id=row.pk, right=True, by=actor("head"), at=clock.now())
    assert [line.arrived for line in reconcile()] == [1]


def test_a6_b8_negatives_left_behind_while_positives_arrive_raise_an_alarm(province: Server) -> None:
    bad = rate(receive(service_row("C-bad"))[0], 1, text="慢")
    OutboxMessage.objects.filter(subject=bad.pk).update(state="refused")
    for service in receive(*(service_row(f"C-{n}") for n in range(watch.POSITIVES))):
        rate(service, 5)
    drain()
    later = FRIDAY + timedelta(hours=2)
    OutboxMessage.objects.filter(state="refused").update(created_at=FRIDAY)
    assert watch.negatives_lag(at=later)
    (task,) = Task.objects.filter(kind="lag")
    assert task.rows == [str(OutboxMessage.objects.get(subject=bad.pk).pk)]
    OutboxMessage.objects.filter(subject=bad.pk).update(state="waiting", next_try_at=clock.now())
    drain()
    assert not watch.negatives_lag(at=later)


def test_a1_a_level_that_stays_away_longer_than_chance_allows_raises_an_alarm(province: Server) -> None:
    def arrive(levels: list[int], case_no: str = "") -> None:
        OutboxMessage.objects.bulk_create(
            OutboxMessage(
                target="sandbox", area_code="350213005", organization_code="minan-center", case_no=case_no or f"C-{OutboxMessage.objects.count() + n}", service_no=1,
                kind="rating", subject=UUID(int=OutboxMessage.objects.count() + n + 1), level=level, state="accepted",
                fact_at=FRIDAY, created_at=FRIDAY, next_try_at=FRIDAY,
            )
            for n, level in enumerate(levels)
        )  # fmt: skip

    at = FRIDAY + timedelta(days=1)
    arrive([5, 5, 4, 1] * 20)  # a quarter is level 1
    assert watch.silent_levels(at=at) == []
    arrive([5, 4] * 10)
    assert watch.silent_levels(at=at) == []  # 20 without one: about 0.7 %, chance may do that
    arrive([5, 4] * 50, "one case of many services")
    assert watch.silent_levels(at=at) == []
    arrive([5, 4] * 10)
    assert watch.silent_levels(at=at) == [1]
    assert "非常不满意" in Task.objects.get(kind="silence").text


def test_a1_a_level_that_never_came_and_one_that_a_child_keeps_back_raise_an_alarm(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Subordinate.objects.create(organization_code="minan")

    def below(first: int, levels: list[int]) -> None:
        FromBelow.objects.bulk_create(
            FromBelow(
                subordinate="minan", kind="rating", subject=UUID(int=first + n + 1), revision=1,
                organization_code="minan-center", case_no=f"C-{first + n}", service_no=1, level=level, fact_at=FRIDAY,
                received_at=FRIDAY, digest=b"",
            )
            for n, level in enumerate(levels)
        )  # fmt: skip

    at = FRIDAY + timedelta(days=1)
    below(0, [5, 4, 3, 2, 1] * 20)
    assert watch.silent_levels(at=at) == []
    below(1000, [5, 4, 3, 2] * 15)
    assert watch.silent_levels(at=at) == [1]
    task = Task.objects.get(kind="silence")
    assert task.target == "minan" and "民安街道办事处" in task.text and "非常不满意" in task.text
    FromBelow.objects.all().delete()
    Task.objects.all().delete()
    below(2000, [5, 4, 3, 2] * 10)
    assert watch.silent_levels(at=at) == []
    # Level 1 never came: were one in six the least, forty without it would be no chance.
    shipped = law.at("350213005", at.date())
    least = replace(shipped.value("silence_floor"), value=6)
    ruled = SimpleNamespace(value=lambda name: least if name == "silence_floor" else shipped.value(name))
    monkeypatch.setattr(watch.law, "at", lambda *_: ruled)
    assert watch.silent_levels(at=at) == [1]
    assert "从来没有出现过" in Task.objects.get(kind="silence").text


def test_the_probe_proves_that_a_level_1_can_travel_and_is_no_rating(province: Server) -> None:
    assert watch.probe_judge(at=FRIDAY) is None
    assert watch.probe_send(at=clock.now())
    drain()
    assert watch.probe_judge(at=clock.now()) is True
    assert [one["level"] for one in province.received(kind="probe")] == [1]
    assert province.received(kind="rating") == [] and not Rating.objects.exists()
    assert not reconcile() and not Task.objects.exists()


def test_a_probe_that_does_not_arrive_opens_a_task(province: Server) -> None:
    province.behave(mode="refuse", code="E_LEVEL_1")
    watch.probe_send(at=clock.now())
    drain(2)
    assert watch.probe_judge(at=clock.now() + timedelta(hours=2)) is False
    assert "非常不满意" in Task.objects.get(kind="probe").text


def test_where_no_probe_is_taken_none_is_sent(settings: Any) -> None:
    assert not watch.probe_send(at=clock.now())
    assert not OutboxMessage.objects.exists()


@pytest.mark.parametrize(("profile", "tokens"), [("350000", 1), ("370000", 0)])
def test_d5_a_real_province_gets_no_probe_it_stops_at_the_last_step_and_the_desk_says_so(
    speaking: Speak, profile: str, tokens: int
) -> None:
    server = speaking(profile)
    assert not watch.probe_send(at=clock.now())  # nothing has arrived yet that could be rehearsed
    rate(receive()[0], 5)
    drain()
    before = server.received()
    getattr(driver(), "_forget_token", lambda: None)()  # it is over: to be fit to send is to have a good one
    calls = Calls(driver())
    assert watch.probe_send(at=clock.now())
    drain()
    probe = queries.last_probe()
    assert probe is not None and (probe.state, probe.level) == ("rehearsed", 1)
    assert server.received() == before and [method for method, _ in calls.made] == ["GET"] * tokens
    assert not Exchange.objects.filter(message=probe).exists()
    assert watch.probe_judge(at=clock.now()) is True and not Task.objects.exists()
    page = signed_in("operator").get(reverse("delivery")).content.decode()
    assert "探测到发送前一步，没有发出" in page


def test_d5_what_would_stop_the_worst_level_before_the_wire_opens_a_task(
    speaking: Speak, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = speaking("370000")
    rate(receive()[0], 5)
    drain()
    mended = driver().profile  # type: ignore[attr-defined]
    level = {code: theirs for code, theirs in mended.codes["level"].items() if code != "1"}
    monkeypatch.setattr(driver(), "profile", replace(mended, codes={**mended.codes, "level": level}))
    watch.probe_send(at=clock.now())
    drain(3)
    assert watch.probe_judge(at=clock.now() + timedelta(hours=2)) is False
    assert "没有对应" in Task.objects.get(kind="probe").text
    assert Counter(one["kind"] for one in server.received())["rating"] == 1
    assert "没有走通" in signed_in("operator").get(reverse("delivery")).content.decode()


def test_d5_a_rehearsal_says_nothing_of_whether_the_superior_answers(speaking: Speak) -> None:
    server = speaking("370000")
    rate(receive()[0], 5)
    drain()
    server.behave(mode="down")
    Target.objects.update(failures=3, silent_since=clock.now(), next_probe=0)
    watch.probe_send(at=clock.now())
    messages_deliver(holder="test")
    assert queries.last_probe().state == "rehearsed"  # type: ignore[union-attr]
    assert Target.objects.get().failures == 3


def test_a1_beyond_the_last_step_the_silence_of_a_level_is_what_is_watched(speaking: Speak) -> None:
    """The probe passes and the province still gets no 非常不满意: by the number of what arrived that is told."""
    speaking("370000")
    rate(receive()[0], 5)
    drain()
    watch.probe_send(at=clock.now())
    drain()
    row = OutboxMessage.objects.get(kind="rating")
    OutboxMessage.objects.bulk_create(
        OutboxMessage(
            target=row.target, area_code=row.area_code, organization_code=row.organization_code, case_no=f"S-{n}",
            service_no=1, kind="rating", subject=UUID(int=n + 1), level=1 if n < 20 else 5, fact_at=clock.now(),
            created_at=clock.now(), state="accepted", next_try_at=clock.now(),
        )
        for n in range(800)
    )  # fmt: skip
    assert watch.probe_judge(at=clock.now()) is True
    assert 1 in watch.silent_levels(at=clock.now())
    assert "非常不满意" in Task.objects.get(key="level:1").text


def test_the_daily_look_happens_once_a_day_and_says_so_in_the_journal(province: Server) -> None:
    at = clock.now()
    watch.look(at=at)
    watch.look(at=at + timedelta(seconds=10))
    assert JournalEntry.objects.filter(action="reconciled").count() == 1
    watch.look(at=at + timedelta(days=1))
    assert JournalEntry.objects.filter(action="reconciled").count() == 2
    assert Target.objects.get().looked_on is not None


def test_proofs_are_kept_as_long_as_the_rule_says_and_those_of_open_messages_longer(province: Server) -> None:
    receive(service_row("C-1"), service_row("C-2"))
    drain()
    OutboxMessage.objects.filter(case_no="C-2").update(state="refused")
    at = clock.now()
    assert watch.proofs_clear(at=at + timedelta(days=1094)) == 0
    assert watch.proofs_clear(at=at + timedelta(days=1096)) == 1
    assert Exchange.objects.get().message.case_no == "C-2"
    assert JournalEntry.objects.filter(action="proofs.cleared").count() == 1
