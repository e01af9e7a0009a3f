"""Signed call-backs: each fact announced once to each who asked, in order, whatever the receiver does (minan/3.4.1)."""

from __future__ import annotations

import json
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from standardwebhooks import Webhook, WebhookVerificationError

from minping.evaluate.channels.hall import addresses, announce, subscribers, wire
from minping.evaluate.channels.hall.addresses import AddressRefused, found, place_of
from minping.evaluate.channels.hall.announce import announcements_deliver
from minping.evaluate.channels.hall.models import Announcement, Subscriber, SubscriberSecret
from minping.evaluate.services import defaults_make
from minping.kernel import clock, journal
from minping.kernel.errors import Forbidden, Invalid, Stale
from minping.kernel.models import JournalEntry
from tests.support import receiver as receivers
from tests.support.receiver import Receiver, receiving
from tests.support.world import Story, actor, rate, receive, service_row, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
ALL = ("rating.given", "default.made", "case.closed")


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with receiving() as made:
        settings.MINPING_CALLBACK_ORIGINS = (made.origin,)
        yield made


def registered(
    at_address: str, *, organization: str = "minan", events: tuple[str, ...] = ALL
) -> tuple[Subscriber, str]:
    return subscribers.subscriber_register(
        organization_code=organization, label="网上大厅", address=at_address, events=events, by=actor("operator"),
        at=clock.now(),
    )  # fmt: skip


def drain(rounds: int = 30) -> None:
    """Deliver until nothing waits, with the pauses taken out."""
    for _ in range(rounds):
        if not Announcement.objects.filter(state="waiting").exists():
            return
        once()


def once(**more: Any) -> None:
    """One round with the pauses taken out; the stories play some days ago, the trying begins now."""
    values = {"next_try_at": clock.now() - timedelta(seconds=1), "claimed_until": 0, "tried_from": clock.now(), **more}
    Announcement.objects.filter(state="waiting").update(**values)
    Subscriber.objects.update(next_probe=0)
    announcements_deliver(holder="test")


def ended() -> Story:
    """A negative, put right and rated again: its case is closed."""
    story = Story()
    story.followed()
    rate(story.service, 5, at=story.later())
    return story


# --- what is told, to whom ---------------------------------------------------------------------


def test_each_fact_is_announced_once_and_says_nothing_but_numbers(receiver: Receiver) -> None:
    registered(receiver.url)
    story = ended()
    rated = Story("MA20261120-0418", at=story.at)
    rate(rated.service, 5, at=rated.later(), text="只有他自己知道的话")
    drain()
    told = [(one.content["data"]["case_no"][-1], one.content["type"]) for one in receiver.heard]
    assert [kind for case, kind in told if case == "7"] == ["rating.given", "rating.given", "case.closed"]
    assert [kind for case, kind in told if case == "8"] == ["rating.given"]
    for one in receiver.heard:
        assert set(one.content) == {"type", "timestamp", "data"}
        assert set(one.content["data"]) == {"organization_code", "case_no", "service_no", "reference", "test"}
        assert not any(
            word in one.body.decode() for word in ("群众", "350213190001010011", "13800000000", "level", "话")
        )
    assert len(set(receiver.identifiers())) == 4


def test_defaults_are_announced_by_the_set(receiver: Receiver) -> None:
    registered(receiver.url, events=("default.made",))
    services = receive(*(service_row(f"C-{n}") for n in range(70)))
    assert defaults_make(at=services[0].default_due_at) == 70
    rate(receive(service_row("C-100"))[0], 5)
    drain()
    assert {one.content["data"]["reference"] for one in receiver.heard} == {str(one.pk) for one in services}
    assert {one.content["type"] for one in receiver.heard} == {"default.made"}


def test_a_subscriber_learns_of_its_own_organisation_only(receiver: Receiver) -> None:
    registered(receiver.url, organization="minan-agent-01")
    rate(receive()[0], 5)
    assert not Announcement.objects.exists()


def test_a_fact_that_is_rolled_back_is_announced_to_nobody(receiver: Receiver) -> None:
    from django.db import transaction

    registered(receiver.url)
    with pytest.raises(RuntimeError), transaction.atomic():
        rate(receive()[0], 5)
        assert Announcement.objects.count() == 1
        raise RuntimeError
    assert not Announcement.objects.exists()


# --- the signature -----------------------------------------------------------------------------


def test_an_independent_implementation_verifies_and_refuses_what_was_touched_or_is_replayed(receiver: Receiver) -> None:
    _, secret = registered(receiver.url)
    rate(receive()[0], 5)
    drain()
    (one,) = receiver.heard
    assert Webhook(secret).verify(one.body, one.headers)["type"] == "rating.given"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(one.body.replace(b"0417", b"0418"), one.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(wire.secret_make()).verify(one.body, one.headers)
    old = {**one.headers, "webhook-timestamp": str(int(one.headers["webhook-timestamp"]) - 3600)}
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(secret).verify(one.body, old)


def test_after_a_change_old_and_new_secret_both_verify_and_then_the_new_one_alone(receiver: Receiver) -> None:
    subscriber, first = registered(receiver.url)
    second = subscribers.secret_change(subscriber_id=subscriber.pk, by=actor("operator"), at=clock.now())
    rate(receive(service_row("C-1"))[0], 5)
    drain()
    for secret in (first, second):
        assert Webhook(secret).verify(receiver.heard[0].body, receiver.heard[0].headers)
    SubscriberSecret.objects.filter(until__isnull=False).update(until=clock.now() - timedelta(seconds=1))
    rate(receive(service_row("C-2"))[0], 5)
    drain()
    assert Webhook(second).verify(receiver.heard[1].body, receiver.heard[1].headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(first).verify(receiver.heard[1].body, receiver.heard[1].headers)
    subscribers.secret_change(subscriber_id=subscriber.pk, by=actor("operator"), at=clock.now())
    subscribers.secret_change(subscriber_id=subscriber.pk, by=actor("operator"), at=clock.now())
    assert len(announce.keys_of(subscriber, clock.now() + timedelta(seconds=1))) == 2  # a leaked one can be got rid of


def test_the_secret_is_sealed_and_in_no_row_of_the_journal(receiver: Receiver) -> None:
    _, secret = registered(receiver.url)
    kept = b"".join(bytes(one.sealed) for one in SubscriberSecret.objects.all())
    assert secret.encode() not in kept and b64encode(secret.encode()) not in kept
    assert not JournalEntry.objects.filter(data__contains=secret[6:30]).exists()


def test_the_example_in_the_documentation_verifies_what_we_send(receiver: Receiver) -> None:
    _, secret = registered(receiver.url)
    rate(receive()[0], 5)
    drain()
    page = (Path(__file__).parents[4] / "docs" / "api.md").read_text("utf-8")
    example = page.partition("```python\n")[2].partition("```")[0]
    given: dict[str, Any] = {}
    exec(compile(example, "api.md", "exec"), given)
    one = receiver.heard[0]
    assert given["verified"](secret, one.headers, one.body)["type"] == "rating.given"
    for wrong in (
        {**one.headers, "webhook-timestamp": str(int(time.time()) - 301)},
        {**one.headers, "webhook-id": "rating_given_x"},
        {**one.headers, "webhook-signature": "v1,AAAA"},
    ):
        assert given["verified"](secret, wrong, one.body) is None
    assert given["verified"](secret, one.headers, one.body + b" ") is None


# --- whatever the receiver does ----------------------------------------------------------------


def test_down_means_one_probe_nothing_lost_and_the_order_kept(receiver: Receiver) -> None:
    registered(receiver.url)
    receiver.down()
    for service in receive(*(service_row(f"C-{n}") for n in range(20))):
        rate(service, 5)
    once()
    once()
    assert sum(Announcement.objects.values_list("attempts", flat=True)) == 2
    one = Subscriber.objects.get()
    assert one.silent_since is not None and one.failures == 2 and one.next_probe > clock.wall()
    assert not announcements_deliver(holder="test")  # between two probes nobody is called
    receiver.up()
    drain()
    cases = [heard.content["data"]["case_no"] for heard in receiver.heard]
    assert sorted(cases) == sorted(f"C-{n}" for n in range(20))
    assert Subscriber.objects.get().silent_since is None


@pytest.mark.parametrize("mood", [500, 404, 301, 503])
def test_what_is_not_taken_is_tried_again_with_growing_pauses(receiver: Receiver, mood: int) -> None:
    receiver.respond = receivers.status(mood, f"Location: {receiver.origin}/elsewhere")
    registered(receiver.url)
    rate(receive()[0], 5)
    once()
    row = Announcement.objects.get()
    assert (row.state, row.attempts, row.status, row.error[:8]) == ("waiting", 1, mood, f"对方答复 {mood}")
    assert len(receiver.heard) == 1  # a redirect is not followed
    assert row.next_try_at > clock.now()
    waits = []
    for attempts in (0, 3, 6, 20):
        Announcement.objects.update(attempts=attempts)
        once()
        waits.append((Announcement.objects.get().next_try_at - clock.now()).total_seconds())
    if mood == 503:
        assert max(waits) <= 30  # the circuit's own pace
    else:
        assert waits == sorted(waits) and announce.CEILING.total_seconds() * 0.69 < waits[-1] < 4700
    receiver.respond = receivers.status(204)
    once()
    assert Announcement.objects.get().state == "delivered"
    assert len(set(receiver.identifiers())) == 1


def test_200_with_garbage_is_taken_and_nothing_of_it_is_kept(receiver: Receiver) -> None:
    receiver.respond = receivers.garbage_body
    registered(receiver.url)
    rate(receive()[0], 5)
    once()
    row = Announcement.objects.get()
    assert (row.state, row.error) == ("delivered", "")


@pytest.mark.parametrize(
    ("mood", "says"),
    [(receivers.garbage, "不是 HTTP"), (receivers.drip, "没有答复"), (receivers.slow(5), "没有答复")],
    ids=["garbage", "drip", "slow"],
)  # fmt: skip
def test_who_does_not_answer_in_time_or_in_http_has_not_answered(
    receiver: Receiver, mood: receivers.Respond, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "TOTAL_SECONDS", 0.6)
    receiver.respond = mood
    registered(receiver.url)
    rate(receive()[0], 5)
    begun = time.monotonic()
    once()
    assert time.monotonic() - begun < 3
    row = Announcement.objects.get()
    assert (row.state, row.status) == ("waiting", None)
    assert says in row.error


def test_an_endless_answer_is_not_read_to_its_end(receiver: Receiver) -> None:
    receiver.respond = receivers.endless
    registered(receiver.url)
    rate(receive()[0], 5)
    begun = time.monotonic()
    once()
    assert time.monotonic() - begun < 3
    assert Announcement.objects.get().state == "delivered"


def test_a_slow_subscriber_does_not_hold_another_up(receiver: Receiver, settings: Any) -> None:
    with receiving() as other:
        settings.MINPING_CALLBACK_ORIGINS = (receiver.origin, other.origin)
        receiver.respond = receivers.slow(1.0)
        registered(receiver.url)
        registered(other.url)
        for service in receive(*(service_row(f"C-{n}") for n in range(8))):
            rate(service, 5)
        begun = time.monotonic()
        once()
        took = time.monotonic() - begun
        assert len(other.heard) == 8
        assert 4 <= len(receiver.heard) < 8 and took < 8  # its lane ended; the rest was given back
        assert not Announcement.objects.filter(state="waiting").exclude(claimed_by="").exists()


def test_the_order_of_a_case_holds_even_where_its_first_is_not_taken(receiver: Receiver) -> None:
    receiver.respond = receivers.status(500)
    registered(receiver.url)
    story = ended()
    rate(receive(service_row("C-2"), at=story.at)[0], 5, at=story.at)
    once()
    once()
    assert {one.content["type"] for one in receiver.heard} == {"rating.given"}
    receiver.respond = receivers.status(200)
    drain()
    mine = [one.content["type"] for one in receiver.heard if one.content["data"]["case_no"].startswith("MA")]
    assert mine[-1] == "case.closed" and mine.count("case.closed") == 1


# --- what dies, and what a person does ---------------------------------------------------------


def in_vain() -> None:
    """A round after 73 hours of trying."""
    once(tried_from=clock.now() - timedelta(hours=73))


def test_what_is_answered_and_never_taken_dies_loudly_and_can_be_replayed(receiver: Receiver) -> None:
    receiver.respond = receivers.status(422)
    registered(receiver.url)
    rate(receive()[0], 5)
    row = Announcement.objects.get()
    once()
    assert Announcement.objects.get().state == "waiting"
    in_vain()
    assert Announcement.objects.get().state == "dead"
    entry = JournalEntry.objects.get(action="callback.dead")
    assert entry.subject == row.subject and "422" in entry.data
    page = signed_in("operator").get("/callbacks/").content.decode()
    assert "1 条回调送不到" in page and "对方答复 422" in page
    told = Client().get("/api/v1/healthz").json()["callbacks"]
    assert (told["ok"], told["dead"]) == (False, 1)
    receiver.respond = receivers.status(200)
    answer = signed_in("operator").post(f"/callbacks/rows/{row.pk}/replay/", follow=True)
    assert "已重新排队" in answer.content.decode()
    drain()
    assert Announcement.objects.get().state == "delivered"
    assert Client().get("/api/v1/healthz").json()["callbacks"]["ok"] is True


def test_silence_alone_kills_nothing(receiver: Receiver) -> None:
    registered(receiver.url)
    receiver.down()
    rate(receive()[0], 5)
    in_vain()
    assert Announcement.objects.get().state == "waiting"
    Subscriber.objects.update(silent_since=clock.now() - timedelta(days=2))
    assert Client().get("/api/v1/healthz").json()["callbacks"]["ok"] is False  # but it is not silent about it


def test_what_is_given_up_lets_the_rest_of_its_case_go(receiver: Receiver) -> None:
    receiver.respond = receivers.status(400)
    registered(receiver.url)
    ended()
    first = Announcement.objects.filter(event="rating.given").earliest("pk")
    in_vain()
    receiver.respond = receivers.status(200)
    once()
    assert Announcement.objects.get(event="case.closed").state == "waiting"
    with pytest.raises(Invalid):
        subscribers.announcement_drop(announcement_id=first.pk, reason=" ", by=actor("operator"), at=clock.now())
    subscribers.announcement_drop(announcement_id=first.pk, reason="对方不要", by=actor("operator"), at=clock.now())
    with pytest.raises(Stale):
        subscribers.announcement_replay(announcement_id=first.pk, by=actor("operator"), at=clock.now())
    drain()
    assert Announcement.objects.get(event="case.closed").state == "delivered"


def test_switched_off_nothing_is_called_and_nothing_is_lost(receiver: Receiver) -> None:
    subscriber, _ = registered(receiver.url)
    by, at = actor("operator"), clock.now()
    with pytest.raises(Invalid):
        subscribers.subscriber_switch(subscriber_id=subscriber.pk, enabled=False, reason="", by=by, at=at)
    subscribers.subscriber_switch(subscriber_id=subscriber.pk, enabled=False, reason="对方升级", by=by, at=at)
    rate(receive()[0], 5)
    once()
    assert receiver.heard == []
    subscribers.subscriber_switch(subscriber_id=subscriber.pk, enabled=True, reason="升级好了", by=by, at=at)
    once()
    assert len(receiver.heard) == 1
    rate(receive(service_row("C-2"))[0], 5)
    subscribers.subscriber_retire(subscriber_id=subscriber.pk, reason="系统下线", by=by, at=at)
    rate(receive(service_row("C-3"))[0], 5)
    assert sorted(Announcement.objects.values_list("state", flat=True)) == ["delivered", "dropped"]
    once()
    assert len(receiver.heard) == 1
    assert announce.keys_of(subscriber, at) == []


def test_the_test_button_sends_a_marked_real_row_through_the_real_queue(receiver: Receiver) -> None:
    subscriber, secret = registered(receiver.url, events=("case.closed",))
    answer = signed_in("operator").post(f"/callbacks/{subscriber.pk}/test/", follow=True)
    assert "测试已经排队" in answer.content.decode()
    assert Announcement.objects.get().event == "callback.test"
    once()
    (one,) = receiver.heard
    told = Webhook(secret).verify(one.body, one.headers)
    assert (told["type"], told["data"]["test"]) == ("callback.test", True)
    assert Announcement.objects.get().state == "delivered"


def test_every_act_is_in_the_journal_and_a_touched_address_shows(receiver: Receiver) -> None:
    subscriber, _ = registered(receiver.url)
    by, at = actor("operator"), clock.now()
    subscribers.secret_change(subscriber_id=subscriber.pk, by=by, at=at)
    subscribers.subscriber_test(subscriber_id=subscriber.pk, by=by, at=at)
    once()
    subscribers.subscriber_switch(subscriber_id=subscriber.pk, enabled=False, reason="试", by=by, at=at)
    actions = set(JournalEntry.objects.values_list("action", flat=True))
    assert actions >= {
        "callback.registered", "callback.secret", "callback.secret_changed", "callback.secret_ends", "callback.tested",
        "callbacks.delivered", "callback.switched",
    }  # fmt: skip
    journal.seal()
    assert journal.verify().findings == ()
    Subscriber.objects.update(address="https://elsewhere.example.test/")
    assert len(journal.verify().findings) == 1


# --- where a call may go -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:1/x", "http://hall.example.test/x", "https://hall.example.test.evil.test/x",
        "https://hall.example.test@evil.test/x", "https://hall.example.test/x?token=1", "https://hall.example.test/x#f",
        "https://hall.example.test\\@evil.test/", "https://hall.example.test/\r\nX: y", "https://大厅.example.test/",
        "ftp://hall.example.test/", "https://hall.example.test/" + "x" * 300, "",
    ],
)  # fmt: skip
def test_an_address_outside_the_list_is_not_registered(address: str, settings: Any) -> None:
    settings.MINPING_CALLBACK_ORIGINS = ("https://hall.example.test", "http://hall.example.test")
    with pytest.raises(AddressRefused):
        registered(address)
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1", "10.1.2.3", "192.168.0.9", "172.16.4.4", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "::1", "fe80::1%1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1", "::127.0.0.1",
    ],
)  # fmt: skip
def test_a_name_that_leads_inside_is_not_called(ip: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MINPING_CALLBACK_ORIGINS = ("https://hall.example.test",)
    answers = [(socket.AF_INET, 0, 0, "", ("93.184.215.14", 443)), (socket.AF_INET, 0, 0, "", (ip, 443))]
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *_, **__: answers)
    place = place_of("https://hall.example.test/x")
    with pytest.raises(AddressRefused, match="内部地址"):
        found(place)
    answer = wire.post("https://hall.example.test/x", identifier="i", seconds=1, body=b"{}", keys=[])
    assert answer.silent and "内部地址" in answer.error


def test_an_inner_network_that_the_setting_names_is_called(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MINPING_CALLBACK_ORIGINS = ("https://hall.example.test",)
    settings.MINPING_CALLBACK_NETWORKS = ("10.1.2.0/24",)
    monkeypatch.setattr(
        addresses.socket, "getaddrinfo", lambda *_, **__: [(socket.AF_INET, 0, 0, "", ("10.1.2.3", 443))]
    )
    assert found(place_of("https://hall.example.test/x")).ips == ("10.1.2.3",)


def test_a_certificate_is_checked_against_the_name(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(place: Receiver) -> wire.Answer:
        settings.MINPING_CALLBACK_ORIGINS = (place.origin,)
        return wire.post(place.url, identifier="i", seconds=1, body=b"{}", keys=[])

    right, wrong = (receivers.certificate(tmp_path, name) for name in ("localhost", "elsewhere.example.test"))
    with receiving(right) as good, receiving(wrong) as bad:
        answer = call(good)
        assert answer.status is None and "加密连接" in answer.error  # nobody vouches for it
        trusting = ssl.create_default_context()
        trusting.load_verify_locations(right)
        trusting.load_verify_locations(wrong)
        monkeypatch.setattr(wire, "_tls", lambda: trusting)
        assert call(good).delivered
        answer = call(bad)  # vouched for, but it is another's
        assert answer.status is None and "加密连接" in answer.error
        assert good.heard[0].headers["host"] == f"localhost:{good.port}" and bad.heard == []


def test_an_origin_taken_off_the_list_is_called_no_more(receiver: Receiver, settings: Any) -> None:
    registered(receiver.url)
    rate(receive()[0], 5)
    settings.MINPING_CALLBACK_ORIGINS = ()
    once()
    assert receiver.heard == []
    assert "不在允许的名单里" in Announcement.objects.get().error


# --- who may -----------------------------------------------------------------------------------


def test_only_the_operator_registers_and_sees_the_secret_once(receiver: Receiver) -> None:
    form = {
        "organization_code": "minan", "label": "网上大厅", "address": receiver.url, "events": ["rating.given"],
    }  # fmt: skip
    for username in ("head", "reviewer", "auditor"):
        assert signed_in(username).post("/callbacks/new/", form).status_code == 403
    browser = signed_in("operator")
    first = browser.post("/callbacks/new/", form)
    assert "whsec_" in first.content.decode() and first.headers["Cache-Control"] == "no-store"
    assert "whsec_" not in browser.get("/callbacks/").content.decode()
    subscriber = Subscriber.objects.get()
    again = browser.post(f"/callbacks/{subscriber.pk}/secret/", {"sure": "1"})
    assert "whsec_" in again.content.decode()
    refused = browser.post("/callbacks/new/", {**form, "address": "https://evil.example.test/"})
    assert refused.status_code == 422 and "不在允许的名单里" in refused.content.decode()
    none = browser.post("/callbacks/new/", {**form, "events": []})
    assert "至少选一项" in none.content.decode()
    assert Subscriber.objects.count() == 1


def test_a_neighbour_sees_nothing_and_may_do_nothing(receiver: Receiver) -> None:
    from minping.kernel.models import Assignment

    subscriber, _ = registered(receiver.url)
    rate(receive()[0], 5)
    Assignment.objects.filter(account__username="neighbour").update(role="operator")
    browser = signed_in("neighbour")
    page = browser.get("/callbacks/?state=waiting").content.decode()
    assert receiver.url not in page and "还没有回调对象" in page and "0417" not in page
    with pytest.raises(Forbidden):
        subscribers.subscriber_test(subscriber_id=subscriber.pk, by=actor("neighbour"), at=clock.now())
    assert browser.post(f"/callbacks/{subscriber.pk}/retire/", {"reason": "x"}).status_code == 403
    row = Announcement.objects.get()
    assert browser.post(f"/callbacks/rows/{row.pk}/replay/").status_code == 403


def test_the_page_costs_the_same_whatever_waits(receiver: Receiver, django_assert_max_num_queries: Any) -> None:
    registered(receiver.url)
    for service in receive(*(service_row(f"C-{n}") for n in range(30))):
        rate(service, 5)
    browser = signed_in("operator")
    browser.get("/callbacks/?state=waiting")
    with django_assert_max_num_queries(9):
        browser.get("/callbacks/?state=waiting")


def test_where_nobody_is_registered_a_rating_costs_one_small_query(django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(1):
        announce.announcements_enqueue(announce.Event.RATING_GIVEN, [], at=clock.now())


def test_the_body_is_the_same_letters_at_every_try(receiver: Receiver) -> None:
    receiver.respond = receivers.status(500)
    registered(receiver.url)
    rate(receive()[0], 5)
    once()
    once()
    assert receiver.heard[0].body == receiver.heard[1].body
    assert json.loads(receiver.heard[0].body)["timestamp"].endswith("+08:00")
