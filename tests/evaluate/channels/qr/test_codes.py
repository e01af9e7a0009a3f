"""Slips, windows' codes and posters: what each leads to, whom it proves, and what is counted (minan/3.4.1, 6.3.1, R12)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client

from minping.evaluate import tokens
from minping.evaluate.arrival import LINK, Arrival, arrival_of, sign
from minping.evaluate.channels.qr import codes, queries, services
from minping.evaluate.channels.qr.models import DeadScan, WindowCode
from minping.evaluate.channels.sms.models import PhoneCode
from minping.evaluate.models import Rating, Service
from minping.kernel import clock
from minping.kernel.errors import Forbidden
from minping.kernel.models import Account
from minping.registry import queries as registry
from minping.registry.models import Window
from tests.support.services import require
from tests.support.world import FRIDAY, actor, receive, service_row

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]

NOW = FRIDAY + timedelta(hours=1)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def desk(username: str = "operator") -> Client:
    browser = Client()
    browser.force_login(Account.objects.get(username=username), backend="django.contrib.auth.backends.ModelBackend")
    return browser


def code_of(window: str = "03") -> WindowCode:
    services.window_codes_make(by=actor("operator"), at=NOW)
    return WindowCode.objects.get(organization_code="minan-center", window_code=window, retired_at=None)


# --- slips -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", ["58", "80"])
def test_a_slip_shows_the_service_and_nobodys_name_or_telephone(width: str) -> None:
    service = receive()[0]
    page = Client().get(f"/r/{tokens.invitation_token(service.pk)}/slip?width={width}").content.decode()
    assert f"slip w{width}" in page and service.item_name in page and service.case_tail in page
    assert "群众甲" not in page and "13800000000" not in page and service.case_no not in page


def test_the_slips_code_says_the_services_own_link() -> None:
    token = tokens.invitation_token(receive()[0].pk)
    assert Client().get(f"/r/{token}/qr.svg").content.lstrip().startswith(b"<?xml")
    assert Client().get(f"/r/{token}/qr.png").content.startswith(b"\x89PNG")
    assert codes.slip_address(token).endswith(f"/r/{token}?via=qr")


def test_a_slip_is_printed_only_by_who_holds_the_invitation() -> None:
    case = receive()[0].case_no
    for ending in ("slip", "qr.svg", "qr.png"):
        assert desk().get(f"/r/{case}/{ending}").status_code == 404


def test_a_rating_by_the_slip_is_one_by_qr() -> None:
    token = tokens.invitation_token(receive()[0].pk)
    page = Client().get(f"/r/{token}?via=qr").content.decode()
    action = re.search(r'action="([^"]+)"', page)
    assert action is not None
    Client().post(action[1], {"level": "4", "step": "level"})
    assert Rating.objects.values_list("channel", "proof").get() == ("qr", "link")


def test_a_proof_is_for_one_service_and_cannot_be_written_by_hand() -> None:
    one, other = receive(service_row("MA20261120-0001"), service_row("MA20261120-0002"))
    proven = Arrival("qr", "phone_code")
    via = sign(one.pk, proven)
    assert arrival_of(via, tokens.invitation_token(one.pk)) == proven
    assert arrival_of(via, tokens.invitation_token(other.pk)) == LINK
    for forged in ("phone_code", via[:-1], via + "x", ""):
        assert arrival_of(forged, tokens.invitation_token(one.pk)) == LINK


# --- the window's code -----------------------------------------------------------------------------


def prove(row: WindowCode, phone: str = "13800000000", browser: Client | None = None) -> str:
    browser = browser or Client()
    asked = browser.post(f"/w/{row.code}", {"step": "phone", "phone": phone}).content.decode()
    identifier = re.search(r'name="id" value="([^"]+)"', asked)
    assert identifier is not None
    code = PhoneCode.objects.get(pk=identifier[1])
    said = {"step": "digits", "id": identifier[1], "digits": tokens.phone_code(code.pk)}
    return browser.post(f"/w/{row.code}", said).content.decode()


def test_a_windows_code_never_leads_straight_to_the_tiles() -> None:
    service = receive()[0]
    page = Client().get(f"/w/{code_of().code}").content.decode()
    assert 'name="level"' not in page and 'name="phone"' in page
    assert service.item_name not in page and tokens.invitation_token(service.pk) not in page


def test_the_phone_on_the_record_finds_its_service_and_proves_the_person() -> None:
    service = receive()[0]
    page = prove(code_of())
    link = re.search(r'href="(/r/[^"]+)"', page)
    assert link is not None and service.item_name in page
    address = link[1].replace("&amp;", "&")
    tiles = Client().get(address).content.decode()
    action = re.search(r'action="([^"]+)"', tiles)
    assert action is not None
    Client().post(action[1].replace("&amp;", "&"), {"level": "2", "step": "level"})
    rating = Rating.objects.get()
    assert (rating.channel, rating.proof, rating.service_id) == ("qr", "phone_code", service.pk)


@pytest.mark.parametrize(("window", "phone"), [("05", "13800000000"), ("03", "13800000001")])
def test_another_window_or_another_phone_finds_nothing(window: str, phone: str) -> None:
    service = receive()[0]
    page = prove(code_of(window), phone)
    assert tokens.invitation_token(service.pk) not in page and "没有待您评价的服务" in page


def test_a_wrong_code_shows_nothing_and_may_be_tried_again() -> None:
    receive()
    row = code_of()
    asked = Client().post(f"/w/{row.code}", {"step": "phone", "phone": "13800000000"}).content.decode()
    identifier = re.search(r'name="id" value="([^"]+)"', asked)
    assert identifier is not None
    right = tokens.phone_code(PhoneCode.objects.get().pk)
    wrong = f"{(int(right) + 1) % 10**6:06d}"
    answer = Client().post(f"/w/{row.code}", {"step": "digits", "id": identifier[1], "digits": wrong})
    page = answer.content.decode()
    assert answer.status_code == 422 and "/r/" not in page and identifier[1] in page


def test_a_service_that_has_its_rating_is_not_offered_again() -> None:
    service = receive()[0]
    Client().post(f"/r/{tokens.invitation_token(service.pk)}", {"level": "5", "step": "level"})
    assert "没有待您评价的服务" in prove(code_of())
    assert Service.objects.get().outcome == "rating"


# --- making, retiring, counting --------------------------------------------------------------------


def test_one_press_gives_each_live_window_its_code_and_keeps_those_that_are_there() -> None:
    first = {point.window_code: point.code for point in services.window_codes_make(by=actor("operator"), at=NOW)}
    again = services.window_codes_make(by=actor("head"), at=NOW)
    assert {point.window_code: point.code for point in again} == first
    assert [(p.organization_code, p.window_code) for p in again] == [
        ("minan-agent-01", "01"), ("minan-center", "03"), ("minan-center", "05"),
    ]  # fmt: skip
    assert all(point.code for point in again)


def test_nobody_without_the_permission_and_no_neighbour_makes_codes_here() -> None:
    with pytest.raises(Forbidden):
        services.window_codes_make(by=actor("neighbour"), at=NOW)
    assert desk("reviewer").post("/codes/posters.pdf").status_code == 403
    assert WindowCode.objects.count() == 0


def test_the_code_of_a_window_that_is_gone_retires_with_it() -> None:
    row = code_of("05")
    Window.objects.filter(code="05").update(retired_at=NOW)
    registry.forget()
    services.window_codes_make(by=actor("operator"), at=NOW)
    row.refresh_from_db()
    assert row.retired_at is not None
    assert Client().get(f"/w/{row.code}").status_code == 410


def test_dead_and_retired_codes_are_counted_by_people_not_by_previews_and_shown_to_the_office() -> None:
    old = code_of()
    desk().post(f"/codes/{old.code}/replace")
    assert Client().get(f"/w/{old.code}").status_code == 410
    assert Client().get("/w/neverours").status_code == 404
    assert DeadScan.objects.count() == 0  # opening writes nothing (principle 10)
    for code in (old.code, old.code, "neverours", code_of().code):
        Client().post(f"/w/{code}/dead")
    counted = {row.label: row.count for row in queries.dead(["minan-center"], NOW.date())}
    assert sorted(counted.values()) == [1, 2]
    page = desk("head").get("/codes/").content.decode()
    assert old.code in page and "失效码" in page
    assert old.code not in desk("head").get("/registry").content.decode()


def test_the_office_makes_a_poster_for_every_window_and_agent_point_as_one_pdf() -> None:
    require("chromium")  # which brings the Chinese fonts
    receive()
    answer = desk().post("/codes/posters.pdf")
    assert answer.status_code == 200 and answer["Content-Type"] == "application/pdf"
    made = answer.content
    assert made.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page[^s]", made)) == 3
    assert b"13800000000" not in made


def test_without_a_chinese_font_no_poster_of_empty_boxes_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minping.kernel.pdf.CHINESE", ())
    answer = desk().post("/codes/posters.pdf", follow=True)
    assert "没有中文字体" in answer.content.decode() and "fonts-noto-cjk" in answer.content.decode()
