"""People rate on the superior's page: led there by their own press, the outcome back once, by whichever way
(minan/3.4.2; interfaces.md §3 A and F)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import urllib3
from django.core.cache import cache
from django.test import Client

from minping.evaluate import tokens
from minping.evaluate.models import PageVisit, Rating, Service
from minping.evaluate.services import above
from minping.feedback.models import Case
from minping.kernel import clock
from minping.kernel.models import JournalEntry
from minping.law import rules
from minping.law.errors import LawError
from minping.law.loader import open_folder
from minping.sandbox import Server
from minping.upstream import profile as profiles
from minping.upstream import rating_page
from minping.upstream.models import Incoming, OutboxMessage, Target, Task
from minping.upstream.profile.loading import ROOT
from tests.support.rules import on_the_superiors_page
from tests.support.world import receive, service_row
from tests.upstream.conftest import Speak, drain
from tests.upstream.test_incoming import call_back

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world", "ruled")]
HTTP = urllib3.PoolManager(retries=False, timeout=10)


@pytest.fixture
def ruled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The area's rule: people rate on the superior's page."""
    monkeypatch.setattr(rules._shipped, "_book", open_folder(on_the_superiors_page(tmp_path / "rules")))
    rules._shipped.cache.clear()
    cache.clear()
    yield
    rules._shipped.cache.clear()


@pytest.fixture
def province(speaking: Speak) -> Server:
    return speaking("350000")


def served(case_no: str = "C-1") -> Service:
    now = clock.now()
    return receive(service_row(case_no, served_at=now - timedelta(minutes=5)), at=now)[0]


def link(service: Service) -> str:
    return f"/r/{tokens.invitation_token(service.pk)}"


def lead(service: Service, query: str = "") -> Any:
    return Client().post(link(service) + query, {"step": "superior"})


def press_above(address: str, level: int, text: str = "") -> str:
    """What the person does on the superior's page; where its answer leads back to."""
    answer = HTTP.request("POST", address, body=urlencode({"level": level, "text": text}), redirect=False)
    assert answer.status == 303, answer.data
    return answer.headers["location"]


def back_page(location: str) -> Any:
    parts = urlsplit(location)
    return Client().get(f"{parts.path}?{parts.query}")


def ask() -> None:
    above.results_ask(at=clock.now() + timedelta(minutes=1))


def test_the_invitation_leads_to_the_superiors_page_and_the_outcome_is_asked_for(province: Server) -> None:
    service = served()
    page = Client().get(link(service))
    assert "去省平台评价" in page.content.decode()
    assert 'name="level"' not in page.content.decode()
    led = lead(service)
    assert led.status_code == 303
    assert led["Location"].startswith(province.url + "/fj/page/")
    back = press_above(led["Location"], 2, "同样的证明交了两次，😀。")
    assert "正在从省平台取回" in back_page(back).content.decode()
    ask()
    rating = Rating.objects.get()
    assert (rating.level, rating.text, rating.proof, rating.channel) == (
        2,
        "同样的证明交了两次，😀。",
        "superior",
        "mobile",
    )
    assert Case.objects.get().rating_id == rating.pk  # the rest of the chain does not notice
    receipt = back_page(back).content.decode()
    assert tokens.receipt_code(rating.pk) in receipt
    assert "不满意" in receipt
    drain()
    assert OutboxMessage.objects.get(kind="rating").state == "unneeded"  # it came from there
    assert len(province.received(kind="rating")) == 1


def test_looking_writes_nothing_and_asks_nothing_of_the_superior(province: Server) -> None:
    service = served()
    before = JournalEntry.objects.count()
    for _ in range(3):
        assert Client(HTTP_USER_AGENT="MicroMessenger preview").get(link(service)).status_code == 200
        Client().head(link(service))
    assert not PageVisit.objects.exists()
    assert JournalEntry.objects.count() == before
    assert province.province.pages == {}
    assert province.province.tokens == {}


@pytest.mark.parametrize(
    "told", [{"mode": "down"}, {"mode": "refuse", "code": "E_ITEM"}, {"mode": "garbage"}, {"mode": "unavailable"}]
)
def test_b7_a_superior_that_gives_no_page_never_keeps_a_person_from_rating(
    province: Server, told: dict[str, Any]
) -> None:
    service = served()
    province.behave(**told)
    led = lead(service, "?via=qr")
    assert (led.status_code, led["Location"]) == (303, f"{link(service)}?via=qr&page=ours")
    page = Client().get(led["Location"]).content.decode()
    assert "省平台的评价页暂时打不开" in page
    given = Client().post(led["Location"], {"level": "4", "step": "level"})
    assert given.status_code == 303
    visit = PageVisit.objects.get()
    assert visit.state == "ours"
    assert visit.why
    assert JournalEntry.objects.filter(action="visit.fell_back").count() == 1
    province.behave(mode="up")
    cache.clear()
    drain()
    assert [row["level"] for row in province.received(kind="rating")] == [4]
    assert Rating.objects.get().channel == "qr"


def test_b7_after_silence_the_next_person_is_not_kept_waiting(
    province: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    province.behave(mode="down")
    assert lead(served("C-1"))["Location"].endswith("page=ours")
    monkeypatch.setattr("minping.upstream.provinces.family.soap.SoapDriver.page", lambda *_, **__: 1 / 0)
    assert lead(served("C-2"))["Location"].endswith("page=ours")  # without asking


def test_a_switched_off_superior_is_not_asked(province: Server) -> None:
    Target.objects.create(code="350000", enabled=False, reason="省里升级")
    assert lead(served())["Location"].endswith("page=ours")
    assert province.province.tokens == {}


def test_answer_call_back_and_query_make_one_rating_together(province: Server) -> None:
    service = served()
    address = lead(service)["Location"]
    press_above(address, 1, "跑了三趟")
    (above_row,) = province.received(kind="rating")
    # By the answer: asked for the page again, the superior tells that there is a rating already.
    assert lead(service)["Location"] == link(service)
    assert Rating.objects.get().level == 1
    # By call-back, under the superior's own number, and by asking.
    told = {
        "reference": above_row["reference"], "organization_code": "minan-center", "case_no": "C-1", "service_no": 1,
        "level": 1, "rated_at": clock.beijing(clock.now()).isoformat(), "text": "跑了三趟", "channel": "mobile",
    }  # fmt: skip
    answered = call_back(told)
    assert answered.status_code == 200
    assert "duplicate" in answered.content.decode()
    ask()
    assert Rating.objects.count() == Case.objects.count() == Incoming.objects.count() == 1


def test_by_call_back_alone_it_comes_back_as_well(province: Server) -> None:
    service = served()
    lead(service, "?via=qr")
    told = {
        "reference": "FJ-1", "organization_code": "minan-center", "case_no": "C-1", "service_no": 1, "level": 3,
        "rated_at": clock.beijing(clock.now()).isoformat(),
    }  # fmt: skip
    assert call_back(told).status_code == 200
    assert call_back(told).status_code == 200
    rating = Rating.objects.get()
    assert (rating.level, rating.channel, rating.proof) == (3, "qr", "superior")  # the face that they came by
    ask()
    assert PageVisit.objects.get().state == "done"


def test_who_rated_on_both_pages_has_one_rating(province: Server) -> None:
    service = served()
    address = lead(service)["Location"]
    assert Client().post(f"{link(service)}?page=ours", {"level": "5", "step": "level"}).status_code == 303
    press_above(address, 5)
    ask()
    drain()
    assert Rating.objects.get().proof == "link"
    assert len(province.received(kind="rating")) == 1
    assert OutboxMessage.objects.get(kind="rating").state == "accepted"  # theirs by "already there"
    assert not Task.objects.filter(kind="incoming").exists()


def test_who_said_otherwise_above_still_has_one_rating_and_a_person_looks_at_the_difference(province: Server) -> None:
    service = served()
    address = lead(service)["Location"]
    Client().post(f"{link(service)}?page=ours", {"level": "5", "step": "level"})
    press_above(address, 1, "其实很不满意")
    drain()
    above.PageVisit.objects.update(state="led")
    call_back({
        "reference": province.received(kind="rating")[0]["reference"], "organization_code": "minan-center",
        "case_no": "C-1", "service_no": 1, "level": 1, "rated_at": clock.beijing(clock.now()).isoformat(),
    })  # fmt: skip
    assert Rating.objects.get().level == 5  # never changed here
    assert "与下发的不同" in Task.objects.get(kind="incoming").text


def test_the_halls_own_devices_show_our_page(province: Server) -> None:
    service = served()
    now = clock.now()
    assert [c for c in ("pc", "mobile", "qr", "sms") if not above.goes_above(service, c, now)] == []
    assert [c for c in ("tablet", "terminal", "keypad", "phone") if above.goes_above(service, c, now)] == []


def test_where_the_superior_has_no_page_the_rule_changes_nothing(settings: Any) -> None:
    settings.MINPING_PROVINCE = ""
    page = Client().get(link(served())).content.decode()
    assert page.count('name="level"') >= 5


def test_an_address_that_is_not_the_superiors_is_never_followed(
    province: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "minping.upstream.provinces.family.soap.SoapDriver.page", lambda *_, **__: "https://phish.example/rate"
    )
    led = lead(served())
    assert led["Location"].endswith("page=ours")
    assert "不在它的网站上" in PageVisit.objects.get().why


@pytest.mark.parametrize("address", ["javascript:alert(1)", "//evil.example/", "http://", "data:text/html,x", ""])
def test_only_web_addresses_have_an_origin(address: str) -> None:
    assert rating_page.origin(address) == ""


def test_the_return_address_rates_nothing_and_a_forged_one_shows_nothing(province: Server) -> None:
    service = served()
    back = press_above(lead(service)["Location"], 4)
    assert tokens.invitation_token(service.pk) not in back  # what the superior keeps in its logs opens nothing
    path = urlsplit(back).path
    assert Client().post(path, {"level": "1"}).status_code == 405
    assert Client().get(path[:-3] + "xy/").status_code == 404


def test_b21_the_press_and_the_addresses_carry_nothing_personal(province: Server) -> None:
    service = served()
    address = lead(service)["Location"]
    case = next(iter(province.province.pages.values()))
    for secret in ("群众甲", "350213190001010011", "13800000000", "C-1"):
        assert secret not in address
        assert secret not in case["backUrl"]


def building(folder: Path, *fields: str) -> Path:
    """Shandong's profile with a page whose address is built here, of these fields."""
    text = (ROOT / "370000" / "profile.yaml").read_text("utf-8")
    for old, new in (
        ("abilities: [", "abilities: [build_page, "),
        ("    paths:\n", "    paths:\n      page: /rate\n"),
        (
            "    messages:\n",
            "    messages:\n      page:\n        fields:\n" + "".join(f"          - {{{one}}}\n" for one in fields),
        ),
    ):
        text = text.replace(old, new, 1)
    file = folder / "built" / "profile.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_a_page_built_here_may_hold_numbers_and_codes_but_no_person(tmp_path: Path) -> None:
    with pytest.raises(LawError, match="个人信息"):
        profiles.read_file(building(tmp_path, "to: projectNo, take: key", "to: who, take: applicant.name"))
    read = profiles.read_file(building(tmp_path, "to: projectNo, take: key", "to: who, take: back"))
    assert read[0].messages["page"].fields[1].to == "who"


def test_a_page_that_is_built_here_leads_there_as_well(speaking: Speak, tmp_path: Path) -> None:
    province = speaking(str(building(tmp_path, "to: number, take: key", "to: back, take: back")), "/sd")
    address = lead(served())["Location"]
    assert address.startswith(f"{province.url}/sd/rate?number=37C-1&back=http")


def test_the_press_without_a_page_above_leads_to_ours(settings: Any) -> None:
    settings.MINPING_PROVINCE = ""
    assert lead(served())["Location"].endswith("page=ours")


def test_who_presses_without_end_fills_no_table_and_keeps_no_superior_busy(province: Server) -> None:
    service = served()
    for _ in range(above.MOST_VISITS + 2):
        answer = lead(service)
    assert answer.headers["location"].endswith("page=ours")  # rates here: nobody is turned away
    assert PageVisit.objects.filter(service=service).count() == above.MOST_VISITS
    assert JournalEntry.objects.filter(action="visit.opened").count() == above.MOST_VISITS
    assert 'name="level"' in Client().get(f"{link(service)}?page=ours").content.decode()
