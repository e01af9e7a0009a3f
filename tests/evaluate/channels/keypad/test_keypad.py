"""Old key-pads: a key is read by its model's table, silence is no level, a reason is asked for and never invented."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from minping.evaluate import tokens
from minping.evaluate.channels.keypad.models import KeypadEvent
from minping.evaluate.channels.tablet.models import DeviceEvent
from minping.evaluate.models import Rating, Service
from minping.feedback.models import Case
from minping.kernel import clock
from minping.kernel.access import SYSTEM, key_create
from minping.registry.models import Device, Window
from tests.evaluate.channels.tablet.test_tablet import entry, report, tablet
from tests.support.world import rate, receive, service_row

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]


@pytest.fixture(autouse=True)
def keypad(world: None) -> Device:
    window = Window.objects.get(organization_id="minan-center", code="03")
    return Device.objects.create(organization_id="minan-center", code="k03", kind="keypad", window=window)


def send(key: str, event_id: str = "1", permission: str = "devices:write", **more: Any) -> tuple[int, dict[str, Any]]:
    secret = key_create(
        organization_code="minan-center", permissions=[permission], label="旧装置", by=SYSTEM, at=clock.now()
    )
    told = {
        "organization_code": "minan-center", "device_code": "k03", "model": "five_keys", "key": key,
        "event_id": event_id, **more,
    }  # fmt: skip
    answer = Client().post(
        "/api/v1/devices/events", json.dumps(told), content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )  # fmt: skip
    return answer.status_code, answer.json()


def ended(case_no: str = "MA-K-1", ago: int = 0, **more: Any) -> Service:
    at = clock.now()
    return receive(service_row(case_no, served_at=at - timedelta(minutes=ago), **more), at=at)[0]


@pytest.mark.parametrize(
    ("model", "key", "level"),
    [("five_keys", "3", 5), ("five_keys", "2", 4), ("five_keys", "1", 3), ("five_keys", "0", 2), ("five_keys", "5", 1),
     ("four_keys", "1", 5), ("four_keys", "4", 2)],
)  # fmt: skip
def test_a_key_is_read_in_the_code_system_of_its_model(model: str, key: str, level: int) -> None:
    service = ended()
    status, answer = send(key, model=model)
    assert (status, answer["result"]) == (200, "rated")
    rating = Rating.objects.get(service=service)
    assert (rating.level, rating.channel, rating.device_code, rating.tags, rating.text) == (
        level,
        "keypad",
        "k03",
        [],
        "",
    )


def test_a_time_out_is_recorded_as_offered_and_not_answered_and_never_as_a_level() -> None:
    service = ended()
    assert send("-2")[1]["result"] == "offered_not_answered"
    assert not Rating.objects.exists()
    kept = KeypadEvent.objects.get()
    assert (kept.service_id, kept.key, kept.rating_id) == (service.pk, "-2", None)
    service.refresh_from_db()
    assert service.outcome == "none"  # the invitation stays open for the phone


def test_a_code_outside_the_table_and_a_model_without_one_stop() -> None:
    ended()
    assert send("4")[1]["error"]["code"] == "key_unknown"
    assert send("3", model="six_keys")[1]["error"]["code"] == "key_unknown"
    assert send("3", device_code="d03")[1]["error"]["code"] == "device_not_registered"
    assert not Rating.objects.exists() and not KeypadEvent.objects.exists()


def test_a_key_for_which_no_service_waits_rates_nothing_and_stays_on_record() -> None:
    ended(ago=11)
    ended("MA-K-2", window_code="05", staff_code="w05")
    assert send("3")[1]["result"] == "no_service"
    assert not Rating.objects.exists() and KeypadEvent.objects.count() == 1


def test_a_key_rates_the_last_service_of_its_window_or_the_one_it_names() -> None:
    first, second, third = ended("MA-K-1", 3), ended("MA-K-2", 2), ended("MA-K-3", 1)
    send("3", "1")
    send("2", "2", case_no="MA-K-1")
    assert {r.service_id: r.level for r in Rating.objects.all()} == {third.pk: 5, first.pk: 4}
    send("1", "3")
    assert Rating.objects.get(service=second).level == 3


def test_the_same_event_sent_again_is_answered_as_the_first_time() -> None:
    ended("MA-K-1"), ended("MA-K-2")
    first, again = send("0")[1], send("0")[1]
    assert first == again and Rating.objects.count() == 1


def test_a_negative_key_opens_a_case_without_words_and_asks_for_the_reason_at_the_windows_tablet() -> None:
    browser = tablet("d03")
    service = ended()
    send("5")
    rating = Rating.objects.get(service=service)
    assert (rating.tags, rating.text) == ([], "")  # nothing is put into anyone's mouth
    assert Case.objects.get().rating_id == rating.pk
    asked = DeviceEvent.objects.get(kind="reason")
    (shown,) = [e for e in browser.get("/tablet/events").json()["events"] if e["kind"] == "reason"]
    assert (shown["id"], shown["level"]) == (asked.pk, 1)
    report(browser, entry("words", event=asked.pk, level=1, tags=["110"], text="等了两小时。"))
    rating.refresh_from_db()
    assert (rating.level, rating.text) == (1, "等了两小时。")


def test_the_phone_may_give_the_reason_that_the_key_had_no_room_for_and_nothing_else() -> None:
    service = ended()
    send("0")
    phone = Client()
    address = f"/r/{tokens.invitation_token(service.pk)}"
    assert "?step=reasons" in phone.get(address).content.decode()
    assert "已保存：不满意" in phone.get(f"{address}?step=reasons").content.decode()
    refused = phone.post(address, {"step": "reasons", "level": "5", "text": "很好"})  # another level is no reason
    assert refused.status_code == 409
    said = {"step": "reasons", "level": "2", "tags": "210", "text": "同样的证明交了两次。"}
    assert phone.post(address, said).status_code == 303
    rating = Rating.objects.get(service=service)
    assert (rating.level, rating.tags, rating.text, rating.channel) == (2, ["210"], "同样的证明交了两次。", "keypad")
    assert phone.post(address, {**said, "text": "别的话"}).status_code == 409  # it has its reason now
    assert "?step=reasons" not in phone.get(address).content.decode()


def test_a_reason_missing_on_another_channel_or_after_the_time_for_changes_is_not_given_by_the_link() -> None:
    service = ended()
    rate(service, 2, at=clock.now(), tags=None, text=None)
    phone = Client()
    address = f"/r/{tokens.invitation_token(service.pk)}"
    assert phone.post(address, {"step": "reasons", "level": "2", "text": "迟到的话"}).status_code == 409
    Rating.objects.update(channel="keypad", change_until=clock.now())
    assert phone.post(address, {"step": "reasons", "level": "2", "text": "迟到的话"}).status_code == 409


def test_a_positive_key_asks_nothing() -> None:
    tablet("d03")
    ended()
    send("3")
    assert not DeviceEvent.objects.filter(kind="reason").exists()


def test_a_service_already_rated_keeps_its_one_rating() -> None:
    service = ended()
    send("3", "1")
    assert send("0", "2", case_no=service.case_no)[1]["error"] == "already_rated"
    assert Rating.objects.get().level == 5


def test_only_a_key_for_devices_may_report_them() -> None:
    assert send("3", permission="services:write")[0] == 403
