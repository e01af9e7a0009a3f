"""The window tablet: pairing, what it is told, what it reports, the morning check."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client

from minping.evaluate.channels.tablet import queries, stream, view
from minping.evaluate.channels.tablet import services as tablets
from minping.evaluate.channels.tablet.models import Credential, DeviceEvent, EventNote, MorningCheck
from minping.evaluate.models import Rating, Service
from minping.evaluate.states import Outcome
from minping.kernel import clock
from minping.kernel.errors import Forbidden, Invalid
from minping.kernel.models import Account, JournalEntry
from minping.registry.models import Device, Window
from minping.upstream import queries as upstream_queries
from minping.upstream.models import OutboxMessage
from minping.upstream.services import checks_return, messages_deliver
from tests.support.world import FRIDAY, actor, rate, receive, service_row

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
KIND = DeviceEvent.Kind


def device(code: str = "d03") -> Device:
    return Device.objects.get(code=code)


def paired(code: str = "d03", at: datetime | None = None) -> tuple[Credential, str]:
    at = at or clock.now()
    secret = tablets.pairing_start(device_id=device(code).pk, by=actor("operator", at), at=at)
    return tablets.device_pair(code=secret, at=at)


def tablet(code: str = "d03") -> Client:
    """A browser that is the paired device."""
    browser = Client()
    _, secret = paired(code)
    browser.cookies["mp_device"] = secret
    return browser


def ended(case_no: str = "MA-T-0417", **more: Any) -> Service:
    return receive(service_row(case_no, served_at=clock.now(), **more))[0]


def report(browser: Client, *entries: dict[str, Any], now: datetime | None = None) -> list[dict[str, Any]]:
    told = {"now": (now or clock.now()).isoformat(), "waiting": len(entries), "entries": entries}
    answer = browser.post("/tablet/report", json.dumps(told), content_type="application/json")
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["entries"]
    return found


def entry(type: str, **more: Any) -> dict[str, Any]:
    return {"id": str(uuid4()), "type": type, "at": clock.now().isoformat(), **more}


# --- pairing -----------------------------------------------------------------------------------


def test_a_pairing_code_is_used_once() -> None:
    now = clock.now()
    code = tablets.pairing_start(device_id=device().pk, by=actor("operator", now), at=now)
    credential, secret = tablets.device_pair(code=f" {code[:5].lower()}-{code[5:]} ", at=now + timedelta(minutes=9))
    assert tablets.credential_find(secret).pk == credential.pk
    with pytest.raises(tablets.PairingRefused):
        tablets.device_pair(code=code, at=now + timedelta(minutes=9))


def test_a_pairing_code_ends_after_ten_minutes_and_when_the_next_is_made() -> None:
    now = clock.now()
    first, second = (tablets.pairing_start(device_id=device().pk, by=actor("operator", now), at=now) for _ in "12")
    with pytest.raises(tablets.PairingRefused):
        tablets.device_pair(code=first, at=now)
    with pytest.raises(tablets.PairingRefused):
        tablets.device_pair(code=second, at=now + timedelta(minutes=10))


def test_only_who_manages_devices_pairs_and_only_a_tablet_with_a_window() -> None:
    with pytest.raises(Forbidden):
        tablets.pairing_start(device_id=device().pk, by=actor("head"), at=FRIDAY)
    Device.objects.filter(code="d05").update(window=None)
    with pytest.raises(Invalid):
        tablets.pairing_start(device_id=device("d05").pk, by=actor("operator"), at=FRIDAY)


def test_neither_a_code_nor_a_credential_is_stored_in_clear() -> None:
    now = clock.now()
    code = tablets.pairing_start(device_id=device().pk, by=actor("operator", now), at=now)
    _, secret = tablets.device_pair(code=code, at=now)
    rows = [*Credential.objects.values(), *device().pairing_codes.values(), *JournalEntry.objects.values()]
    assert code not in str(rows) and secret not in str(rows)


def test_a_new_pairing_and_a_revocation_each_end_the_credential_before() -> None:
    _, first = paired()
    _, second = paired()
    with pytest.raises(tablets.DeviceUnknown):
        tablets.credential_find(first)
    now = clock.now()
    tablets.credential_revoke(device_id=device().pk, by=actor("operator", now), at=now)
    with pytest.raises(tablets.DeviceUnknown):
        tablets.credential_find(second)
    assert DeviceEvent.objects.get().kind == KIND.STOP
    actions = set(JournalEntry.objects.values_list("action", flat=True))
    assert actions >= {"device.pairing", "device.paired", "device.revoked"}


def test_guessing_at_codes_ends_after_ten_tries_a_minute() -> None:
    from django.core.cache import cache

    cache.clear()
    browser = Client()
    answers = [browser.post("/tablet/pair", {"code": "AAAAAAAAAA"}).content.decode() for _ in range(11)]
    assert "不对" in answers[9] and "太频繁" in answers[10]
    cache.clear()


# --- offers --------------------------------------------------------------------------------------


def test_a_service_that_ends_is_offered_at_its_own_window_without_anyone_doing_anything() -> None:
    three, five = tablet("d03"), tablet("d05")
    ended()
    (shown,) = three.get("/tablet/events").json()["events"]
    assert shown["kind"] == "offer" and shown["item_name"] == "城乡居民基本医疗保险参保登记"
    assert five.get("/tablet/events").json()["events"] == []


def test_what_was_rated_by_phone_is_withdrawn_from_the_tablet_and_what_it_took_itself_is_not() -> None:
    browser, other = tablet("d03"), tablet("d05")
    by_phone, here = ended(), ended("MA-T-0418")
    offers = {row["case_tail"]: row for row in browser.get("/tablet/events").json()["events"]}
    after = max(row["id"] for row in offers.values())
    rate(by_phone, 5, at=clock.now())
    (told,) = browser.get(f"/tablet/events?after={after}").json()["events"][-1:]
    assert (told["kind"], told["of"]) == ("rated", offers["0417"]["of"])
    assert set(told) == {"id", "kind", "left", "of"}, "neither the level nor the person"
    report(browser, entry("note", event=offers["0417"]["id"], what="elsewhere"))
    assert EventNote.objects.get().get_what_display() == "已在别处评价，已清屏"
    report(browser, entry("press", event=offers["0418"]["id"], level=4))
    assert Rating.objects.get(service=here).level == 4
    assert DeviceEvent.objects.filter(kind=KIND.RATED).count() == 1
    assert other.get("/tablet/events").json()["events"] == []


def test_it_says_for_whom_by_surname_and_the_cases_last_four_digits_only() -> None:
    browser = tablet()
    person = {
        "kind": "person",
        "name": "欧阳一二",
        "cert_type": "111",
        "cert_no": "350213190001010011",
        "phone": "13800000000",
    }
    ended(applicant=person)
    told = browser.get("/tablet/events").content.decode()
    assert '"欧阳**"' in told and '"0417"' in told
    for secret in ("一二", "350213190001010011", "13800000000", "MA-T-0417"):
        assert secret not in told


@pytest.mark.parametrize(
    ("kind", "name", "called"),
    [
        ("person", "群众甲", "群**"),
        ("person", "欧阳", "欧**"),
        ("legal", "某某有限公司", "单位办件"),
        ("person", "", "**"),
    ],
)
def test_how_a_person_is_called_on_a_screen_in_a_hall(kind: str, name: str, called: str) -> None:
    assert view.surname({"kind": kind, "name": name}) == called


def test_what_ended_more_than_ten_minutes_ago_is_left_to_the_phone() -> None:
    tablet()
    receive(service_row("MA-T-1", served_at=clock.now() - timedelta(minutes=11)), at=clock.now())
    assert not DeviceEvent.objects.exists()
    receive(service_row("MA-T-2", served_at=clock.now() - timedelta(minutes=9)), at=clock.now())
    assert DeviceEvent.objects.count() == 1


def test_an_office_without_paired_tablets_pays_one_query_for_the_offers(django_assert_num_queries: Any) -> None:
    service = ended("MA-T-1")
    with django_assert_num_queries(1):
        assert tablets.offers_make([service.pk], at=clock.now()) == 0


def test_a_thousand_services_are_offered_in_a_fixed_number_of_queries(django_assert_max_num_queries: Any) -> None:
    services = receive(*(service_row(f"MA-T-{n}", served_at=clock.now()) for n in range(1000)))
    tablet()
    with django_assert_max_num_queries(5):
        assert tablets.offers_make([service.pk for service in services], at=clock.now()) == 1000


def test_a_reconnect_is_told_again_what_has_not_ended_and_nothing_that_has() -> None:
    browser = tablet()
    ended("MA-T-0001")
    ended("MA-T-0002")
    first, second = DeviceEvent.objects.order_by("pk")
    assert [e["id"] for e in browser.get(f"/tablet/events?after={second.pk}").json()["events"]] == [first.pk, second.pk]
    report(browser, entry("note", event=first.pk, what="left"))
    assert [e["id"] for e in browser.get("/tablet/events").json()["events"]] == [second.pk]


def test_what_was_rated_on_the_phone_is_not_offered_any_more() -> None:
    browser = tablet()
    service = ended()
    Service.objects.filter(pk=service.pk).update(outcome=Outcome.RATING)
    assert browser.get("/tablet/events").json()["events"] == []


# --- reports -------------------------------------------------------------------------------------


def test_a_press_is_a_rating_with_device_channel_proof_and_both_times() -> None:
    browser = tablet()
    service = ended()
    event = DeviceEvent.objects.get()
    hours_off = datetime(2020, 1, 1, 3, 0, tzinfo=UTC)
    told = entry("press", event=event.pk, level=2, offline=True) | {"at": hours_off.isoformat()}
    (answer,) = report(browser, told, now=hours_off)
    assert answer["done"] and re.fullmatch(r"\d{4} \d{4} \d{4} \d{4}", answer["receipt"])
    rating = Rating.objects.get(service=service)
    assert (rating.level, rating.channel, rating.proof, rating.device_code) == (2, "tablet", "business_system", "d03")
    assert rating.offline and rating.pressed_at == hours_off
    assert abs((rating.rated_at - clock.now()).total_seconds()) < 60  # the server's order, not the device's clock
    assert Credential.objects.get(revoked_at=None).skew < -3600
    assert set(EventNote.objects.values_list("what", flat=True)) == {"pressed"}


def test_the_same_press_delivered_three_times_is_one_rating() -> None:
    browser = tablet()
    ended()
    told = entry("press", event=DeviceEvent.objects.get().pk, level=4)
    receipts = {report(browser, told)[0]["receipt"] for _ in range(3)}
    assert len(receipts) == 1 and Rating.objects.count() == 1


def test_reasons_and_another_level_follow_the_press_by_its_own_id() -> None:
    browser = tablet()
    ended()
    press = entry("press", event=DeviceEvent.objects.get().pk, level=1)
    report(
        browser, press, entry("words", press=press["id"], level=2),
        entry("words", press=press["id"], level=2, tags=["210"], text="同样的证明交了两次。"),
    )  # fmt: skip
    rating = Rating.objects.get()
    assert (rating.level, rating.tags, rating.text) == (2, ["210"], "同样的证明交了两次。")


def test_a_device_rates_only_what_it_was_offered_itself() -> None:
    tablet("d03")
    other = tablet("d05")
    ended()
    (answer,) = report(other, entry("press", event=DeviceEvent.objects.get().pk, level=5))
    assert answer["error"]["code"] == "not_found" and not Rating.objects.exists()


def test_two_tablets_at_one_window_offer_the_same_service_and_take_one_rating() -> None:
    Device.objects.create(
        organization_id="minan-center",
        code="d03b",
        kind="tablet",
        window=Window.objects.get(code="03", organization_id="minan-center"),
    )
    one, other = tablet("d03"), tablet("d03b")
    ended()
    events = {event.device.code: event.pk for event in DeviceEvent.objects.select_related("device")}
    assert set(events) == {"d03", "d03b"}
    (first,) = report(one, entry("press", event=events["d03"], level=2))
    (second,) = report(other, entry("press", event=events["d03b"], level=5))
    assert "receipt" in first and second["done"] and second["error"]["code"] == "already_rated"
    assert Rating.objects.get().level == 2
    assert other.get("/tablet/events").json()["events"] == [], "nor does a reload offer it again"


def test_a_refused_press_is_final_and_told_and_holds_back_no_other() -> None:
    browser = tablet()
    one, two = ended("MA-T-0001"), ended("MA-T-0002")
    Service.objects.filter(pk=one.pk).update(closes_at=clock.now())
    events = {event.service_id: event.pk for event in DeviceEvent.objects.all()}
    answers = report(
        browser, entry("press", event=events[one.pk], level=5), entry("press", event=events[two.pk], level=5)
    )
    assert [answer["done"] for answer in answers] == [True, True]
    assert answers[0]["error"]["code"] == "invitation_closed" and "receipt" in answers[1]
    assert EventNote.objects.get(event=events[one.pk]).what == "refused"


def test_no_report_without_the_devices_credential_and_none_as_a_form() -> None:
    assert Client().post("/tablet/report", "{}", content_type="application/json").status_code == 401
    assert tablet().post("/tablet/report", {"now": "x"}).status_code == 422


def test_staff_see_of_an_event_what_became_of_it_and_never_the_level() -> None:
    browser = tablet()
    ended()
    report(browser, entry("press", event=DeviceEvent.objects.get().pk, level=1))
    columns = {field.name for model in (DeviceEvent, EventNote, MorningCheck) for field in model._meta.fields}
    assert "level" not in columns
    page = office("head").get("/devices/").content.decode()
    assert "非常不满意" not in page


def test_the_story_of_each_event_is_kept_and_shown_without_the_choice() -> None:
    browser = tablet()
    ended("MA-T-0001")
    ended("MA-T-0002")
    first = DeviceEvent.objects.earliest("pk")
    old = (clock.now() - timedelta(hours=5)).isoformat()
    report(browser, entry("note", event=first.pk, what="shown") | {"at": old})
    report(browser, entry("note", event=first.pk, what="shown"), entry("press", event=first.pk, level=1))
    page = office("head").get(f"/devices/{device().pk}/").content.decode()
    assert page.count("已显示") == 1 and "已作答" in page and "装置钟" in page
    assert "没有显示出来" in page  # the second never reached the screen
    assert "不满意" not in page
    assert office("reviewer").get(f"/devices/{device().pk}/").status_code == 403


def test_the_page_preselects_nothing_and_hints_at_nothing() -> None:
    page = re.sub(r'<template id="words".*?</template>', "", tablet().get("/tablet/").content.decode())
    assert "checked" not in re.sub(r'id="checked"', "", page) and "aria-pressed" not in page
    page = page[: page.index('id="reasons"')]  # the reasons are the law's own words
    for hint in ("五星", "好评", "求", "满意就", "支持"):
        assert hint not in page
    tiles = re.findall(r'<button class="tile" type="button" data-level="(\d)">', page)
    assert tiles == ["5", "4", "3", "2", "1"]


# --- the morning check ---------------------------------------------------------------------------


def test_the_morning_check_travels_to_the_outbox_and_back_and_is_counted_nowhere() -> None:
    browser = tablet()
    told = entry("check")
    report(browser, told)
    report(browser, told)  # delivered twice: one check
    assert OutboxMessage.objects.get().state == "check"
    assert upstream_queries.counts(["minan-center", "minan"]) == {}
    messages_deliver(holder="test")
    assert OutboxMessage.objects.get().state == "check"  # the province is never told
    assert browser.get("/tablet/events").json()["events"] == []
    assert checks_return(at=clock.now()) == 1 and checks_return(at=clock.now()) == 0
    assert not OutboxMessage.objects.exists() and not Rating.objects.exists() and not Service.objects.exists()
    check = MorningCheck.objects.get()
    assert check.returned_at is not None
    (back,) = browser.get("/tablet/events").json()["events"]
    assert (back["kind"], back["check"]) == ("checked", str(check.pk))


def office(username: str) -> Client:
    browser = Client()
    account = Account.objects.get(username=username)
    browser.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
    return browser


MONDAY = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)  # 周一 09:00 in Beijing


def test_the_heads_page_lists_windows_unchecked_devices_silent_and_windows_without_ratings() -> None:
    paired("d03", MONDAY - timedelta(hours=1))
    paired("d05", MONDAY - timedelta(minutes=1))
    found = queries.overview(["minan-center"], "350213005", MONDAY)
    assert [(window.code, past) for window, _, past in found.unchecked] == [("03", True), ("05", True)]
    assert [line.device.code for line in found.silent] == ["d03"]
    assert [(window.code, services) for window, services in found.quiet] == [("03", 0), ("05", 0)]
    check = MorningCheck.objects.create(
        id=uuid4(), device=device("d05"), pressed_at=MONDAY, received_at=MONDAY, returned_at=None
    )
    assert len(queries.overview(["minan-center"], "350213005", MONDAY).unchecked) == 2  # it has not come back
    MorningCheck.objects.filter(pk=check.pk).update(returned_at=MONDAY)
    found = queries.overview(["minan-center"], "350213005", MONDAY)
    assert [window.code for window, _, _ in found.unchecked] == ["03"]
    assert queries.overview(["minan-center"], "350213005", MONDAY + timedelta(days=5)).unchecked == []  # 周六


def test_a_window_without_a_device_is_named_and_nobody_is_told_that_all_is_checked() -> None:
    assert queries.overview(["minan-center"], "350213005", MONDAY).bare == []
    Device.objects.filter(window__isnull=False).update(retired_at=MONDAY)
    found = queries.overview(["minan-center"], "350213005", MONDAY)
    assert [window.code for window in found.bare] == ["03", "05"]
    page = office("head").get("/devices/").content.decode()
    assert 'id="bare"' in page
    assert "都检查过了" not in page


def test_a_unit_that_opens_at_an_hour_of_its_own_is_late_by_its_own() -> None:
    paired("d03", MONDAY)
    window = device("d03").window
    assert window is not None
    unit = window.organization
    for hour, past in (("09:00", True), ("09:30", False)):
        unit.opens_at = hour
        unit.save()
        found = queries.overview([unit.code], "350213005", MONDAY)
        assert [(said, late) for one, said, late in found.unchecked if one.code == "03"] == [(hour, past)]
        assert found.late == len(found.unchecked) * past


def test_the_heads_page_costs_a_fixed_number_of_queries(django_assert_num_queries: Any) -> None:
    paired("d03")
    with django_assert_num_queries(5):
        queries.overview(["minan-center"], "350213005", clock.now())


def test_the_neighbour_sees_none_of_our_devices() -> None:
    from minping.kernel.models import Assignment

    account = Account.objects.get(username="neighbour")
    Assignment.objects.create(account=account, role="operator", organization_code="neighbour")
    page = office("neighbour").get("/devices/").content.decode()
    assert "d03" not in page
    assert office("window3").get("/devices/").status_code == 403
    assert office("neighbour").post(f"/devices/{device().pk}/pair").status_code == 403


def test_the_code_is_shown_once_in_the_registry_as_letters_and_as_a_picture() -> None:
    browser = office("operator")
    page = browser.post(f"/devices/{device().pk}/pair").content.decode()
    (code,) = re.findall(r'id="pairing-code">([A-Z0-9]{5}-[A-Z0-9]{5})<', page)
    assert "data:image/svg+xml" in page
    assert code not in browser.get("/devices/").content.decode()
    tablet_browser = Client()
    assert tablet_browser.post("/tablet/pair", {"code": code}).status_code == 303
    cookie = tablet_browser.cookies["mp_device"]
    assert cookie["httponly"] and cookie["path"] == "/tablet" and cookie["samesite"] == "Lax"
    assert tablet_browser.get("/tablet/").status_code == 200


# --- the watcher ---------------------------------------------------------------------------------


def row(kind: str = "stop", ago: float = 0.0, pk: int | None = None) -> DeviceEvent:
    return DeviceEvent.objects.create(
        id=pk, device=device(), kind=kind, at=clock.now(), until=clock.now() + timedelta(minutes=5),
        written=clock.wall() - ago,
    )  # fmt: skip


def test_the_watcher_hands_each_event_out_once_also_one_that_commits_below_a_later_number() -> None:
    here: frozenset[UUID] = frozenset({device().pk})
    watcher = stream.Watcher()
    row(pk=1000, ago=3600)
    row(pk=1005)
    assert len(watcher.look(here)) == 1
    row(pk=1003)  # its transaction was slower
    assert len(watcher.look(here)) == 1
    assert watcher.look(here) == []
    assert watcher.floor == 1000


def test_the_watcher_forgets_what_is_a_minute_old() -> None:
    here: frozenset[UUID] = frozenset({device().pk})
    watcher = stream.Watcher()
    watcher.floor = 0
    for _ in range(3):
        row(ago=61)
    assert len(watcher.look(here)) == 3
    assert watcher.seen == {} and watcher.floor == DeviceEvent.objects.latest("pk").pk
    assert watcher.look(here) == []


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8002", True),
        ("https://127.0.0.1", "127.0.0.1:8002", True),
        ("http://evil.example", "127.0.0.1:8002", False),
        ("http://evil.example", "evil.example", False),
        ("", "127.0.0.1:8002", False),
    ],
)
def test_only_our_own_pages_may_read_an_open_line(origin: str, host: str, allowed: bool) -> None:
    assert (stream.allowed_origin({"origin": origin, "host": host}) is not None) is allowed
