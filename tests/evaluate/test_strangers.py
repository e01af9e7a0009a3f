"""Whatever a stranger types, scans or sends to a public page, it answers as a page and nothing is rated by it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.core.cache import cache
from django.test import Client

from minping.evaluate import tokens
from minping.evaluate.channels.qr.models import WindowCode
from minping.evaluate.channels.qr.services import window_codes_make
from minping.evaluate.models import Rating, Service
from minping.kernel import clock
from tests.support.world import FRIDAY, actor, receive

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
NASTY = {
    "nul": "a\0b",
    "controls": "".join(map(chr, range(32))) + "\x7f\x85",
    "right to left": "\u202eetar\u202c\u2067x",
    "zero width": "1\u200b2\u200d3\ufeff4",
    "wide": "１２３４５６７８９０１２３４５６",
    "other digits": "١٢٣٤٥٦٧٨٩٠١٢٣٤٥٦",
    "four bytes": "𠮷😀" * 300,
    "long": "9" * 50_000,
    "markup": "<script>'\"%s%00{{7*7}}",
    "private": "\ue000\uffff\U0010ffff",
    "minus": "-1",
}


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    cache.clear()
    monkeypatch.setattr(clock, "now", lambda: FRIDAY + timedelta(hours=1))
    yield
    cache.clear()


@pytest.fixture
def service() -> Service:
    return receive()[0]


@pytest.fixture
def code() -> str:
    window_codes_make(by=actor("operator"), at=FRIDAY)
    return WindowCode.objects.filter(retired_at=None).values_list("code", flat=True)[0]


@pytest.mark.parametrize("nasty", NASTY.values(), ids=NASTY)
def test_no_address_breaks(service: Service, nasty: str) -> None:
    typed = quote(nasty[:2000], safe="")
    here = f"/r/{tokens.invitation_token(service.pk)}"
    browser = Client(raise_request_exception=False)
    paths = [
        f"/r/{typed}",
        f"/r/{typed}/slip",
        f"/r/{typed}/package",
        f"/w/{typed}",
        f"/rated/{typed}/",
        f"{here}/{typed}",
    ]
    paths += [f"{here}?{name}={typed}" for name in ("via", "back", "step", "page", "say", "lang", "elder")]
    paths += [f"{here}/slip?width={typed}", f"/terminal/?lang={typed}", f"/about?lang={typed}", f"/mine/?x={typed}"]
    paths += [
        f"/mine/callback?state={typed}&code={typed}",
        f"/tablet/events?after={typed}",
        f"/terminal/about?step={typed}",
    ]
    broken = {path[:60]: status for path in paths if (status := browser.get(path).status_code) >= 500}
    assert broken == {}
    assert not Rating.objects.exists()


@pytest.mark.parametrize("nasty", NASTY.values(), ids=NASTY)
def test_no_field_breaks_and_none_of_it_is_a_rating(service: Service, code: str, nasty: str) -> None:
    here = f"/r/{tokens.invitation_token(service.pk)}"
    forms = [
        (here, {"step": "level", "level": nasty}),
        (here, {"step": nasty, "level": nasty, "tags": nasty, "text": nasty, "change_token": nasty}),
        (f"{here}/package", {"step": nasty, "level": nasty, "tags": nasty}),
        ("/receipt", {"code": nasty}),
        ("/receipt", {"code": nasty, "step": "add", "text": nasty}),
        ("/report/", {"code": nasty, "step": "send", "words": nasty, "contact": nasty}),
        (f"/w/{code}", {"step": "phone", "phone": nasty}),
        (f"/w/{code}", {"step": "digits", "id": nasty, "digits": nasty}),
        (f"/w/{quote(nasty[:2000], safe='')}/dead", {}),
        ("/terminal/", {"code": nasty}),
        ("/terminal/case", {"case_no": nasty, "phone": nasty}),
        ("/terminal/case", {"case_no": nasty, "phone": "13800000000"}),
        ("/terminal/code", {"code": nasty}),
        ("/terminal/rate", {"step": "level", "level": nasty}),
        ("/tablet/pair", {"code": nasty}),
        ("/login", {"username": nasty, "password": nasty}),
    ]
    browser = Client(raise_request_exception=False)
    browser.cookies.load({"mp_terminal": "x", "mp_change": "y", "mp_device": "z", "mp_lang": "w", "mp_look": "v"})
    answers = {f"{path[:24]} {sorted(form)}": browser.post(path, form).status_code for path, form in forms}
    assert {place: status for place, status in answers.items() if status >= 500} == {}
    assert not Rating.objects.exists()


@pytest.mark.parametrize("kind", ["application/xml", "text/plain", "multipart/form-data", "application/json", ""])
def test_a_body_of_another_kind_is_no_press(service: Service, kind: str) -> None:
    here = f"/r/{tokens.invitation_token(service.pk)}"
    browser = Client(raise_request_exception=False)
    for body in (b"", b"level=5", b"<level>5</level>", b"\xff\xfe\x00", b'[{"level":5}]', b'{"level":5'):
        assert 400 <= browser.post(here, body, content_type=kind).status_code < 500
    assert not Rating.objects.exists()


@pytest.mark.parametrize("length", ["2097153", "99999999999999999999", "-1", "٣", "x"])
def test_what_is_too_long_is_refused_unread(service: Service, length: str) -> None:
    browser = Client(raise_request_exception=False, CONTENT_LENGTH=length)
    for path in (f"/r/{tokens.invitation_token(service.pk)}", "/receipt", "/terminal/case", "/tablet/report", "/login"):
        answer = browser.generic("POST", path, b"level=5", "application/x-www-form-urlencoded", CONTENT_LENGTH=length)
        assert answer.status_code == 413, path
    assert not Rating.objects.exists()


def test_ten_thousand_letters_of_four_bytes_arrive_as_they_were_written(service: Service) -> None:
    here = f"/r/{tokens.invitation_token(service.pk)}"
    words = "𠮷" * 9_997 + "\u202e\u200b😀"
    browser = Client()
    browser.post(here, {"step": "level", "level": "2"})
    browser.post(here, {"step": "reasons", "level": "2", "text": words})
    assert Rating.objects.get().text == words
    page = browser.get(here).content.decode()
    assert words in page and "\u202e" not in page.replace(words, ""), (
        "what turns the direction stays within its own words"
    )
