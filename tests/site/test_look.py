"""长辈版 is the person's own choice on every public page; how rating works is one press away."""

from __future__ import annotations

import gzip
from datetime import timedelta

import pytest
from django.test import Client

from minping.evaluate import tokens
from minping.kernel import clock
from minping.kernel.models import Account
from tests.support.world import rate, receive, service_row

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
LEVELS = ("非常满意", "满意", "基本满意", "不满意", "非常不满意")


def invitation() -> str:
    """The path of an invitation that is open now."""
    (service,) = receive(service_row(served_at=clock.now() - timedelta(minutes=9)))
    return f"/r/{tokens.invitation_token(service.pk)}"


def large(page: str) -> bool:
    return "elder" in page.split("<html")[1].split(">")[0]


def test_the_look_is_chosen_by_a_link_and_kept_on_every_public_page_until_changed() -> None:
    client, path = Client(), invitation()
    assert not large(client.get("/").content.decode())
    chosen = client.get(path + "?via=qr&elder=1")
    assert large(chosen.content.decode())
    assert 'action="' + path + '?via=qr"' in chosen.content.decode(), "how the person came is not lost"
    assert client.cookies["mp_look"].value == "1", "the choice and nothing of the person"
    for place in ("/", "/about", "/receipt", "/login", path):
        page = client.get(place).content.decode()
        assert large(page), place
        assert "读给我听" in page, place
    assert not large(client.get(path + "?elder=0").content.decode())
    assert not large(client.get(path).content.decode())


def test_a_word_that_is_no_look_is_not_kept() -> None:
    assert "mp_look" not in Client().get("/?elder=%3Cscript%3E").cookies


def test_the_terminal_keeps_nobodys_choice_and_the_desk_has_its_own_look() -> None:
    assert "mp_look" not in Client().get("/terminal/?elder=0").cookies
    client = Client()
    client.force_login(Account.objects.get(username="auditor"), backend="django.contrib.auth.backends.ModelBackend")
    client.cookies["mp_look"] = "1"
    assert not large(client.get("/journal/").content.decode())


def test_fewer_words_stand_before_the_elder() -> None:
    client, path = Client(), invitation()
    usual, elder = (client.get(path + query).content.decode() for query in ("", "?elder=1"))
    assert "<summary>我们承诺" not in usual
    assert "<summary>我们承诺" in elder
    assert all(f"<span>{level}</span>" in elder for level in LEVELS), "never a level less"


def test_how_rating_works_is_one_press_from_each_rating_page_and_says_the_four_things() -> None:
    client = Client()
    (service,) = receive(service_row(served_at=clock.now() - timedelta(minutes=9)))
    path = f"/r/{tokens.invitation_token(service.pk)}"
    for _ in ("tiles", "receipt"):
        assert 'href="/about"' in client.get(path).content.decode()
        rate(service, 2) if _ == "tiles" else None
    assert 'href="/about"' in client.get("/receipt").content.decode()
    about = client.get("/about").content.decode()
    for word in (*LEVELS, "给了差评以后", "核实", "整改", "回访", "谁看得到什么", "看不到", "没有评价会怎样", "默认"):
        assert word in about, word


def test_style_sheets_and_scripts_travel_small_and_pages_with_secrets_in_them_do_not() -> None:
    browser = Client(headers={"accept-encoding": "gzip"})
    sheet = browser.get("/static/minping/components.css")
    assert sheet["Content-Encoding"] == "gzip"
    assert b".tile" in gzip.decompress(b"".join(sheet.streaming_content))  # type: ignore[attr-defined]
    again = browser.get("/static/minping/components.css", headers={"if-none-match": sheet["ETag"]})
    assert again.status_code == 304
    assert "Content-Encoding" not in browser.get("/static/minping/components.css", headers={"range": "bytes=0-9"})
    assert "Content-Encoding" not in browser.get("/receipt")
