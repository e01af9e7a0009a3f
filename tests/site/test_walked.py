"""What a walk through every page with fresh eyes found broken, so that it stays repaired."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from minping import law
from minping.kernel import due
from tests.support.world import FRIDAY, rate, receive, signed_in

ROOT = Path(law.__file__).resolve().parents[1]


def test_every_counted_text_brings_the_words_of_its_counter() -> None:
    """Without them rate.js stops at the first one, and the guard against a second press with it."""
    counted = [
        (path.name, tag) for path in ROOT.rglob("templates/**/*.html")
        for tag in re.findall(r"<textarea[^\n]*?data-max=[^\n]*", path.read_text(encoding="utf-8"))
    ]  # fmt: skip
    assert len(counted) > 3
    assert [name for name, tag in counted if "data-written=" not in tag or "data-over=" not in tag] == []


@pytest.mark.django_db
@pytest.mark.usefixtures("world")
def test_where_a_ruling_is_the_source_people_read_it_in_their_language() -> None:
    rules = law.at(settings.MINPING_AREA, FRIDAY.date())
    assert rules.limit("rerate").source.startswith("ruling"), "else this test says nothing"
    about = Client().get("/about").content.decode()
    assert "裁定（" in about and "ruling" not in about
    assert "ruling" not in due.clock(settings.MINPING_AREA, "quarter_report", FRIDAY)["due_rule"]


@pytest.mark.django_db
@pytest.mark.usefixtures("world")
def test_sentences_of_the_english_explanation_stand_apart() -> None:
    words = re.sub(r"</?(span|a)\b[^>]*>", "", Client().get("/about?lang=en").content.decode())
    assert re.findall(r"[a-z][.;][A-Z][a-z]+ ", words) == []


@pytest.mark.django_db
@pytest.mark.usefixtures("world")
def test_a_refusal_leads_staff_back_to_their_desk() -> None:
    refused = signed_in("window3").get("/journal/")
    assert refused.status_code == 403
    assert "回到工作台" in refused.content.decode()
    assert "回到工作台" not in Client().get("/nowhere").content.decode()


@pytest.mark.django_db
@pytest.mark.usefixtures("world")
def test_an_act_sent_after_the_session_ended_leads_back_to_its_page_and_never_to_a_blank_one() -> None:
    sent = Client().post("/desk/find/", {"text": "x"}, headers={"Referer": "http://testserver/desk/mine/?next=1"})
    assert sent["Location"] == "/login?next=%2Fdesk%2Fmine%2F%3Fnext%3D1&sent_to=%2Fdesk%2Ffind%2F"
    strange = Client().post("/desk/find/", {"text": "x"}, headers={"Referer": "https://example.org/desk/"})
    assert strange["Location"] == "/login?next=&sent_to=%2Fdesk%2Ffind%2F"
    kept = signed_in("reviewer").get("/desk/find/", headers={"Accept": "text/html"})
    assert kept.status_code == 405
    assert "回到工作台" in kept.content.decode()


@pytest.mark.django_db
@pytest.mark.usefixtures("world")
def test_the_journal_names_ways_and_clauses_as_people_do() -> None:
    rate(receive()[0], 1)
    words = signed_in("auditor").get("/journal/").content.decode()
    assert "渠道 " in words and "依据 方案" in words
    assert "渠道 mobile" not in words and "minan/" not in words
