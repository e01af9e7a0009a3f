"""Three languages on every public page, chosen by the person or the browser; what is stored and sent knows none of it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.utils import translation

from minping.evaluate import tokens
from minping.evaluate.channels.qr.services import window_codes_make
from minping.evaluate.channels.sms.models import Text
from minping.evaluate.channels.sms.words import words_of
from minping.evaluate.models import Rating
from minping.evaluate.services import defaults_make
from minping.feedback.models import Case
from minping.kernel.language import LANGUAGES
from minping.kernel.models import JournalEntry
from minping.kernel.traditional import traditional
from minping.rectify import services as rectify
from minping.upstream.models import OutboxMessage
from tests.support.catalogue import HAN, catalogue
from tests.support.world import FRIDAY, OTHER_ITEM, Story, actor, receive, service_row, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
SPOKEN = ("alt", "aria-label", "title", "placeholder", "data-stop", "data-written", "data-over")
EMPTY = {"meta", "link", "input", "br", "img", "hr", "path", "circle", "rect"}


class Words(HTMLParser):
    """The words of a page by the language that each says it is in."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, str]] = []
        self.said: list[tuple[str, str]] = []

    @property
    def lang(self) -> str:
        return self.open[-1][1] if self.open else ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        lang = given.get("lang") or self.lang
        self.said += [(lang, given[name] or "") for name in SPOKEN if name in given]
        if tag not in EMPTY:
            self.open.append((tag, lang))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A drawing's part: closed as it opens, it closes nothing else."""
        self.handle_starttag(tag, attrs)
        if tag not in EMPTY:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open and self.open[-1][0] not in ("script", "style"):
            names = (
                self.open[-1][0] == "title" and self.lang == "en"
            )  # a title holds a name and cannot say its language
            self.said.append(("zh-CN" if names else self.lang, data.strip()))


def words(response: HttpResponse) -> list[tuple[str, str]]:
    reader = Words()
    reader.feed(response.content.decode())
    return reader.said


def wrong(response: HttpResponse, code: str) -> list[str]:
    """What is on the page and not in its language; the person's own words are marked so."""
    tag = LANGUAGES[code].tag
    said = [text for lang, text in words(response) if lang == tag and not text.startswith(OWN_WORDS)]
    if code == "en":
        return [text for text in said if HAN.search(text)]
    if code == "zh-hant":
        # Converting twice is not converting once (干 in 干擾): what was made from the catalogue is right as it is.
        made = {traditional(key) for key in catalogue() if isinstance(key, str)}
        return [text for text in said if traditional(text) != text and text not in made]
    return []


OWN_WORDS = ("等了两个小时", "同样的证明")


@pytest.fixture(autouse=True)
def no_counters() -> None:
    cache.clear()


def speaking(code: str) -> Client:
    """A browser whose person has chosen; the terminal keeps its own choice."""
    client = Client()
    client.cookies["mp_lang"] = client.cookies["mp_terminal_lang"] = code
    return client


def say(client: Client, address: str, level: int, text: str = OWN_WORDS[0]) -> None:
    client.post(address, {"step": "level", "level": level})
    client.post(address, {"step": "reasons", "level": level, "tags": ["210"] if level == 2 else [], "text": text})


def pages(client: Client) -> Iterator[tuple[str, Any]]:
    """Every public page in every state that has words of its own."""
    one, other, third = receive(
        service_row("L-1"), service_row("L-2", window_code="05", staff_code="w05"), service_row("L-3")
    )
    address = f"/r/{tokens.invitation_token(one.pk)}"
    for path in ("/", "/about", "/receipt", "/nowhere", "/r/unknown", "/w/unknown", "/terminal/case", "/?elder=1"):
        yield path, client.get(path)
    yield "dead, told", client.post("/w/unknown/dead", headers={"Sec-Fetch-Mode": "navigate"})
    yield "receipt, unknown", client.post("/receipt", {"code": "1"})
    yield "tiles", client.get(address)
    yield "tiles, elder", client.get(f"{address}?elder=1")
    yield "no level", client.post(address, {"step": "level", "level": ""})
    client.post(address, {"step": "level", "level": 2})
    yield "reasons", client.get(f"{address}?step=reasons")
    yield "too long", client.post(address, {"step": "reasons", "level": 2, "text": "x" * 50_000})
    client.post(address, {"step": "reasons", "level": 2, "tags": ["210", "214"], "text": OWN_WORDS[0]})
    yield "receipt", client.get(address)
    code = tokens.receipt_code(Rating.objects.get(service=one).pk)
    yield "receipt, found", client.post("/receipt", {"code": code})
    yield (
        "rated already",
        Client(headers={"Cookie": client.cookies.output(header="", sep=";")}).post(address, {"level": 4}),
    )
    row = next(point for point in window_codes_make(by=actor("head"), at=FRIDAY) if point.window_name == "3号窗口")
    yield "window", client.get(f"/w/{row.code}")
    yield "window, no phone", client.post(f"/w/{row.code}", {"step": "phone", "phone": "12"})
    asked = client.post(f"/w/{row.code}", {"step": "phone", "phone": "13800000000"})
    yield "window, digits", asked
    identifier = asked.context["identifier"]
    yield "window, wrong digits", client.post(f"/w/{row.code}", {"step": "digits", "id": identifier, "digits": "0"})
    yield "window, no id", client.post(f"/w/{row.code}", {"step": "digits", "id": "x", "digits": "0"})
    proven = {"step": "digits", "id": identifier, "digits": tokens.phone_code(UUID(identifier))}
    yield "window, which", client.post(f"/w/{row.code}", proven)
    yield "window, digits spent", client.post(f"/w/{row.code}", proven)
    yield "terminal, no slip", client.post("/terminal/", {"code": "1"})
    client.post("/terminal/", {"code": tokens.slip_code(third.pk)})
    yield "terminal, tiles", client.get("/terminal/rate")
    client.post("/terminal/rate", {"step": "level", "level": 1})
    yield "terminal, reasons", client.get("/terminal/rate")
    client.post("/terminal/rate", {"step": "reasons", "level": 1, "text": ""})
    yield "terminal, receipt", client.get("/terminal/rate?step=done")
    client.post("/terminal/", {"code": tokens.slip_code(third.pk)})
    yield "terminal, over", client.get("/terminal/rate")
    assert other


@pytest.mark.parametrize("code", ["zh-hant", "en"])
def test_no_public_page_has_a_word_in_another_language(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minping.kernel.clock.now", lambda: FRIDAY)
    found = []
    for name, response in pages(speaking(code)):
        assert f'<html lang="{LANGUAGES[code].tag}"' in response.content.decode(), name
        assert response.headers["Content-Language"] == LANGUAGES[code].tag, name
        found += [f"{name}: {text}" for text in wrong(response, code)]
    assert found == []


def states(client: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Any]]:
    """The invitation's page in the states that time and other people bring about."""

    def at(moment: datetime) -> None:
        monkeypatch.setattr("minping.kernel.clock.now", lambda: moment)

    story = Story("L-9")
    story.reported()
    address = f"/r/{tokens.invitation_token(story.service.pk)}"
    at(story.at)
    yield "case, reported", client.get(address)
    rectify.order_accept(order_id=story.order(Case.objects.get()).pk, by=actor("head", story.at), at=story.later())
    rectify.follow_up_record(
        order_id=story.order(Case.objects.get()).pk, outcome="answered", answer="partly", words="好一些了。", recording_no="L-2",
        by=actor("reviewer", story.at), at=story.later(),
    )  # fmt: skip
    at(story.at)
    yield "rating again", client.get(f"{address}?say=1")
    yield "case, followed", client.get(address)
    whole = {"package_no": "P-1"}
    first, *_ = receive(service_row("L-7", **whole), service_row("L-8", item_code=OTHER_ITEM, **whole))
    package = f"/r/{tokens.invitation_token(first.pk)}/package"
    at(FRIDAY)
    yield "package", client.get(package)
    client.post(package, {"step": "level", "level": 3})
    yield "package, reasons", client.get(f"{package}?step=reasons")
    yield "package, given", client.get(package)
    (late,) = receive(service_row("L-5"))
    at(late.default_due_at + timedelta(hours=1))
    defaults_make(at=late.default_due_at + timedelta(hours=1))
    address = f"/r/{tokens.invitation_token(late.pk)}"
    yield "default", client.get(address)
    yield "after the default", client.get(f"{address}?say=1")
    at(late.closes_at + timedelta(hours=1))
    yield "closed", client.get(f"{address}?say=1")


@pytest.mark.parametrize("code", ["zh-hant", "en"])
def test_what_others_and_time_bring_about_is_told_in_the_language_of_the_page(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for name, response in states(speaking(code), monkeypatch):
        assert response.status_code in (200, 410), name
        found += [f"{name}: {text}" for text in wrong(response, code)]
    assert found == []


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("", "zh-hans"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh-hans"), ("zh", "zh-hans"), ("zh-SG", "zh-hans"),
        ("zh-TW", "zh-hant"), ("zh-HK,zh;q=0.9,en;q=0.8", "zh-hant"), ("zh-Hant-MO", "zh-hant"), ("zh-Hant", "zh-hant"),
        ("en-GB,en;q=0.9,zh;q=0.1", "en"), ("EN", "en"), ("fr-FR, en;q=0.5", "en"), ("fr-FR", "zh-hans"), ("*", "zh-hans"),
        ("zh;q=0.3,en;q=0.4", "en"), ("en;q=0", "zh-hans"), ("x" * 3000, "zh-hans"), ("en\";q=1", "zh-hans"),
    ],
)  # fmt: skip
def test_the_browser_is_understood(asked: str, code: str) -> None:
    response = Client().get("/receipt", headers={"Accept-Language": asked})
    assert f'<html lang="{LANGUAGES[code].tag}"' in response.content.decode()
    assert "Accept-Language" in response.headers["Vary"]
    assert "mp_lang" not in response.cookies, "what the browser says is asked each time and kept nowhere"


def test_the_person_chooses_without_script_and_the_choice_is_kept_and_goes_before_the_browsers() -> None:
    client = Client(headers={"Accept-Language": "zh-TW"})
    page = client.get("/receipt?elder=1").content.decode()
    links = re.findall(r'<a href="([^"]+)" lang="([^"]+)"', page)
    assert [lang for _, lang in links] == ["zh-CN", "zh-Hant", "en"]
    assert re.search(r'lang="zh-Hant"[^>]*aria-current="true"', page)
    address = html.unescape(links[2][0])
    assert "elder=1" in address, "the other look is kept"
    chosen = client.get(address)
    kept = chosen.cookies["mp_lang"]
    assert (kept.value, kept["httponly"], kept["samesite"], kept["path"]) == ("en", True, "Lax", "/")
    assert '<html lang="en"' in client.get("/about").content.decode()
    client.post("/receipt?lang=zh-hant", {"code": "1"})
    assert client.cookies["mp_lang"].value == "en", "only a link chooses"
    for nonsense in ("fr", "EN", "../en", "zh-hans'", ""):
        assert "mp_lang" not in client.get("/about", {"lang": nonsense}).cookies


def test_a_link_to_choose_keeps_what_the_address_says_of_the_way_here() -> None:
    (service,) = receive()
    page = Client().get(f"/r/{tokens.invitation_token(service.pk)}?via=qr&back=x").content.decode()
    assert page.count("?via=qr&amp;back=x&amp;lang=") == len(LANGUAGES)


def test_the_staffs_pages_stay_as_they_are() -> None:
    browser = signed_in("operator")
    browser.cookies["mp_lang"] = "en"
    for path in ("/codes/", "/login", "/tablet/pair", "/accounts/"):
        page = (browser if path not in ("/login",) else speaking("en")).get(path).content.decode()
        assert '<html lang="zh-CN"' in page, path
        assert 'class="languages"' not in page, path


def test_a_terminal_speaks_to_each_person_anew() -> None:
    client = Client(headers={"Accept-Language": "en"})
    assert '<html lang="zh-CN"' in client.get("/terminal/").content.decode(), "its browser is nobody's"
    chosen = client.get("/terminal/?lang=en")
    assert chosen.cookies["mp_terminal_lang"]["path"] == "/terminal/"
    assert not chosen.cookies["mp_terminal_lang"]["max-age"]
    assert "mp_lang" not in chosen.cookies
    assert '<html lang="en"' in client.get("/terminal/case").content.decode()
    assert '<html lang="en"' in client.post("/terminal/", {"code": "1"}).content.decode()
    assert '<html lang="zh-CN"' in client.get("/terminal/").content.decode(), "the first page is the next person's"
    assert '<html lang="zh-CN"' in client.get("/terminal/case").content.decode()


def told_of(code: str) -> tuple[list[Any], list[Any], list[Any]]:
    """All that is stored, sent upward and put into the journal of one negative rating, given in that language."""
    (service,) = receive(service_row("S-" + code[-2:]))
    say(speaking(code), f"/r/{tokens.invitation_token(service.pk)}", 2)
    rating = Rating.objects.get(service=service)
    stored = [rating.level, rating.tags, rating.text, rating.channel, rating.proof, rating.tags_version]
    messages = OutboxMessage.objects.filter(case_no=service.case_no).order_by("kind", "revision")
    sent = [(row.kind, row.level, row.revision) for row in messages]
    rows = JournalEntry.objects.filter(subject__in=[service.pk, rating.pk]).order_by("id")
    return stored, sent, [(row.action, row.actor, sorted(json.loads(row.data))) for row in rows]


def test_what_is_stored_and_sent_is_the_same_in_each_language() -> None:
    simplified, hant, english = (told_of(code) for code in LANGUAGES)
    assert simplified == hant == english
    assert simplified[0][1] == ["210"]


def test_the_program_face_speaks_simplified_whatever_the_browser_asks() -> None:
    answer = Client(headers={"Accept-Language": "en", "Accept": "application/json"}).get("/r/unknown")
    assert "这个评价链接不存在" in json.loads(answer.content)["error"]["message"]


def test_a_text_message_is_simplified_though_it_was_asked_for_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    receive(service_row())
    monkeypatch.setattr("minping.kernel.clock.now", lambda: FRIDAY)
    row = window_codes_make(by=actor("head"), at=FRIDAY)[0]
    speaking("en").post(f"/w/{row.code}", {"step": "phone", "phone": "13800000000"})
    text = Text.objects.get(purpose="phone_code")
    plain = words_of(text, None)
    with translation.override("en"):
        assert words_of(text, None) == plain
    assert HAN.search(plain)
