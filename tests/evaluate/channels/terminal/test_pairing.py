"""A terminal of its own name: paired with one code, counted by itself, shown, ended for good (minan/3.4.2, 0051)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from minping.evaluate import tokens
from minping.evaluate.channels.sms.models import PhoneCode
from minping.evaluate.channels.tablet.models import Credential
from minping.evaluate.channels.tablet.services import DeviceUnknown, credential_find
from minping.evaluate.channels.terminal.device import COOKIE
from minping.evaluate.channels.terminal.models import Attempt
from minping.evaluate.models import Rating
from minping.kernel import clock
from minping.kernel.models import JournalEntry
from minping.registry.models import Device
from tests.evaluate.channels.tablet.test_tablet import tablet
from tests.support.world import FRIDAY, receive, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
SOON = FRIDAY + timedelta(minutes=5)


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    told = [SOON]
    monkeypatch.setattr(clock, "now", lambda: told[0])
    return lambda at: told.__setitem__(0, at)


@pytest.fixture
def device(world: None) -> Device:
    return Device.objects.create(organization_id="minan-center", code="t01", kind="terminal")


def code_for(device: Device) -> str:
    page = signed_in("operator").post(f"/devices/{device.pk}/pair").content.decode()
    found = re.search(r'id="pairing-code">([A-Z2-9-]+)<', page)
    assert found is not None, page
    return found[1]


def paired(device: Device) -> Client:
    browser = Client()
    answer = browser.post("/tablet/pair", {"code": code_for(device)})
    assert (answer.status_code, answer["Location"]) == (303, "/terminal/")
    return browser


def enter(browser: Client, code: str) -> int:
    return browser.post("/terminal/", {"code": code}).status_code


def wrong(browser: Client) -> int:
    return enter(browser, "0000 0000 0000 0000")


def test_a_rating_at_a_paired_terminal_says_which_one_it_was(device: Device) -> None:
    service = receive()[0]
    browser = paired(device)
    assert enter(browser, tokens.slip_code(service.pk)) == 303
    browser.post("/terminal/rate", {"step": "level", "level": "4"})
    rating = Rating.objects.get()
    assert (rating.channel, rating.device_code, rating.level) == ("terminal", "t01", 4)


def test_a_browser_without_a_credential_may_be_used_until_the_office_says_otherwise(
    settings: Any, device: Device
) -> None:
    service = receive()[0]
    plain = Client()
    assert enter(plain, tokens.slip_code(service.pk)) == 303
    settings.MINPING_TERMINAL_PAIRED_ONLY = True
    for answer in (Client().get("/terminal/"), Client().post("/terminal/", {"code": "1"}), plain.get("/terminal/rate")):
        assert answer.status_code == 401 and "还没有配对" in answer.content.decode()
    assert paired(device).get("/terminal/").status_code == 200


def test_the_code_is_spent_once_and_a_second_pairing_ends_the_first(device: Device) -> None:
    code = code_for(device)
    first, late = Client(), Client()
    assert first.post("/tablet/pair", {"code": code}).status_code == 303
    assert late.post("/tablet/pair", {"code": code}).status_code == 404
    second = paired(device)
    assert first.get("/terminal/").status_code == 401 and second.get("/terminal/").status_code == 200
    assert Credential.objects.filter(device=device, revoked_at=None).count() == 1


def test_a_terminal_put_out_of_use_takes_nothing_more_even_in_the_middle(device: Device) -> None:
    service = receive()[0]
    browser = paired(device)
    enter(browser, tokens.slip_code(service.pk))
    assert signed_in("operator").post(f"/devices/{device.pk}/revoke").status_code == 302
    for path in ("/terminal/", "/terminal/case", "/terminal/code", "/terminal/rate"):
        answer = browser.get(path)
        assert answer.status_code == 401 and "暂时不能用" in answer.content.decode(), path
    assert browser.post("/terminal/rate", {"step": "level", "level": "1"}).status_code == 401
    assert browser.post("/terminal/here").status_code == 401
    assert not Rating.objects.exists()
    assert JournalEntry.objects.filter(action="device.revoked").count() == 1


def test_wrong_tries_are_counted_by_terminal_and_not_by_the_address_they_share(device: Device) -> None:
    other = Device.objects.create(organization_id="minan-center", code="t02", kind="terminal")
    service = receive()[0]
    here, there, plain = paired(device), paired(other), Client()
    for _ in range(10):
        assert wrong(here) == 404
    assert wrong(here) == 429 and enter(here, tokens.slip_code(service.pk)) == 429
    assert wrong(there) == 404 and wrong(plain) == 404
    assert enter(there, tokens.slip_code(service.pk)) == 303
    assert Attempt.objects.values("address").distinct().count() == 3


def test_codes_asked_for_at_two_terminals_do_not_use_up_one_anothers(device: Device) -> None:
    other = Device.objects.create(organization_id="minan-center", code="t02", kind="terminal")
    receive()
    for browser in (paired(device), paired(other)):
        answer = browser.post("/terminal/case", {"case_no": "MA20261120-0417", "phone": "13800000000"})
        assert answer.status_code == 303
    assert PhoneCode.objects.values("address").distinct().count() == 2


def test_the_office_sees_whether_it_is_there(device: Device, now: Callable[[datetime], None]) -> None:
    browser = paired(device)
    desk = signed_in("operator")

    def state() -> str:
        page = desk.get("/devices/").content.decode()
        row = page[page.index('<span class="code">t01</span>') :]
        return row[: row.index("</tr>")]

    assert "在线" in state()
    now(SOON + timedelta(minutes=11))
    assert "失联" in state()
    assert browser.post("/terminal/here").status_code == 204
    assert "在线" in state() and "停用" in state()
    signed_in("operator").post(f"/devices/{device.pk}/revoke")
    assert "未配对" in state()


def test_one_kinds_secret_opens_nothing_of_the_other(device: Device) -> None:
    terminal, window = paired(device), tablet("d03")
    secret, other = terminal.cookies[COOKIE].value, window.cookies["mp_device"].value
    with pytest.raises(DeviceUnknown):
        credential_find(secret)
    with pytest.raises(DeviceUnknown):
        credential_find(other, kind="terminal")
    mixed = Client()
    mixed.cookies[COOKIE] = other
    assert mixed.get("/terminal/").status_code == 401
    forged = Client()
    forged.cookies[COOKIE] = "mpd_" + "A" * 43
    assert forged.get("/terminal/").status_code == 401
    assert terminal.cookies[COOKIE]["path"] == "/terminal/" and terminal.cookies[COOKIE]["httponly"]


@pytest.mark.parametrize("username", ["window3", "unit", "reviewer", "head", "auditor", "neighbour"])
def test_only_who_manages_devices_pairs_a_terminal(device: Device, username: str) -> None:
    assert signed_in(username).post(f"/devices/{device.pk}/pair").status_code == 403


def test_a_retired_terminal_is_paired_no_more_and_works_no_more(device: Device) -> None:
    browser = paired(device)
    Device.objects.filter(pk=device.pk).update(retired_at=SOON)
    assert browser.get("/terminal/").status_code == 401
    assert signed_in("operator").post(f"/devices/{device.pk}/pair").status_code == 422


@pytest.fixture
def written() -> Iterator[list[str]]:
    seen: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if re.match(r"\s*(INSERT|UPDATE|DELETE)", sql):
            seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield seen


def test_looking_at_a_terminal_writes_nothing_and_asks_for_its_credential_once(
    device: Device, written: list[str]
) -> None:
    browser = paired(device)
    written.clear()
    with connection.execute_wrapper(lambda execute, sql, *rest: asked.append(sql) or execute(sql, *rest)):
        asked: list[str] = []
        assert browser.get("/terminal/").status_code == 200
    assert written == []
    assert len([sql for sql in asked if "channel_tablet_credential" in sql]) == 1
