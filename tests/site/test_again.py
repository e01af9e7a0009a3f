"""A session that ended while somebody wrote costs nobody a word: it is carried through the sign-in, shown and sent again."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from minping.feedback.models import Case
from minping.kernel.models import Assignment
from minping.site import again
from tests.support.world import PASSWORD, Story, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
WORDS = "已电话核实：当天只开一个窗口，属实。“两头跑”三个字是本人原话。"


def sent_without_a_session(case: Case, browser: Client) -> Any:
    return browser.post(
        f"/cases/{case.pk}/call/", {"outcome": "answered", "words": WORDS, "recording_no": "L-77"},
        headers={"referer": f"http://testserver/desk/verify/{case.pk}/"}, follow=True,
    )  # fmt: skip


def carried(page: str) -> str:
    found = re.search(r'name="carried" value="([^"]*)"', page)
    assert found
    from html import unescape

    return unescape(found[1])


def test_the_words_come_through_the_sign_in_and_one_press_sends_them() -> None:
    case, browser = Story().negative(), Client()
    answer = sent_without_a_session(case, browser)
    assert answer.redirect_chain[0][1] == 307 and answer.status_code == 200
    page = answer.content.decode()
    assert "登录已过期" in page and WORDS not in re.sub(r'value="[^"]*"', "", page)
    assert not Session.objects.exists()  # a stranger's words fill no table of ours
    signing = {"username": "reviewer", "next": f"/desk/verify/{case.pk}/", "carried": carried(page)}
    wrong = browser.post("/login", {**signing, "password": "不对"})
    assert wrong.status_code == 422 and carried(wrong.content.decode()) == signing["carried"]
    shown = browser.post("/login", {**signing, "password": PASSWORD})
    assert WORDS in shown.content.decode() and not case.calls.exists()
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', shown.content.decode()))
    assert fields["recording_no"] == "L-77"
    browser.post(
        f"/cases/{case.pk}/call/", {name: value for name, value in fields.items() if name != "csrfmiddlewaretoken"}
    )
    assert case.calls.get().recording_no == "L-77"


def test_what_may_not_be_done_is_refused_when_it_arrives_whoever_signs_in() -> None:
    case, browser = Story().negative(), Client()
    page = sent_without_a_session(case, browser).content.decode()
    browser.post("/login", {"username": "window3", "password": PASSWORD, "carried": carried(page)})
    assert browser.post(f"/cases/{case.pk}/call/", {"outcome": "answered", "words": WORDS}).status_code == 403


def test_a_right_that_was_withdrawn_meanwhile_costs_nobody_a_word() -> None:
    case, browser = Story().negative(), signed_in("reviewer")
    said = {"outcome": "answered", "words": WORDS, "recording_no": "L-77"}
    for role in ("operator", "clerk"):  # without the page at all, and without this case
        Assignment.objects.filter(account__username="reviewer").update(role=role)
        answer = browser.post(f"/cases/{case.pk}/call/", said)
        assert (answer.status_code, answer["Cache-Control"]) == (403, "no-store")
        page = answer.content.decode()
        assert "您写的内容没有提交" in page and WORDS in page and "L-77" not in page
    assert WORDS not in browser.get("/login", follow=True).content.decode()  # kept nowhere
    assert not case.calls.exists()


def test_who_signed_in_again_in_another_tab_gets_the_words_of_the_first_back() -> None:
    """Their form still has the token of before.  Without a session nothing is shown: it may be another site's form."""
    case = Story().negative()
    browser, stranger = Client(enforce_csrf_checks=True), Client(enforce_csrf_checks=True)
    token = str(browser.get("/login").context["csrf_token"])
    signing = {"username": "reviewer", "password": PASSWORD, "csrfmiddlewaretoken": token}
    assert browser.post("/login", signing).status_code == 303  # a new token comes with it
    for here in (browser, stranger):
        refused = here.post(f"/cases/{case.pk}/call/", {"words": WORDS, "csrfmiddlewaretoken": token})
        page = refused.content.decode()
        assert refused.status_code == 403 and "403_csrf" in page
        assert (WORDS in page) == (refused.headers.get("Cache-Control") == "no-store") == (here is browser)
    assert not case.calls.exists()


def test_a_unit_that_has_the_case_no_more_gets_its_words_back_and_a_stranger_is_shown_nothing() -> None:
    case = Story().negative()
    page = signed_in("neighbour").post(f"/cases/{case.pk}/move/confirm/", {"reason": WORDS})
    assert page.status_code == 403 and WORDS in page.content.decode()
    stranger = Client().post("/r/nothing", {"text": WORDS})
    assert stranger.status_code >= 400 and WORDS not in stranger.content.decode()


def test_no_password_is_given_back() -> None:
    browser = signed_in("reviewer")
    answer = browser.post("/accounts/new/", {"username": "x", "password": PASSWORD, "note": "写了几个字"})
    assert answer.status_code in (403, 404) and PASSWORD not in answer.content.decode()


def test_a_password_is_not_carried_and_an_empty_form_only_leads_to_the_sign_in() -> None:
    browser = Client()
    said = {"old_password": PASSWORD, "new_password1": "x", "new_password2": "x"}
    assert browser.post("/password", said).status_code == 302
    answer = browser.post("/password", {**said, "note": "字"}, follow=True).content.decode()
    assert PASSWORD not in answer


@pytest.mark.parametrize(
    "told",
    ["", "[]", "{", '{"to": "/", "fields": []}', '{"to": "https://elsewhere.example/", "fields": []}', '{"to": "/r/x", "fields": [["a", "b"]]}',
     json.dumps({"to": "/desk/", "fields": 7}), json.dumps({"to": "//elsewhere.example/desk/", "fields": []}), "x" * (again.MOST + 1)],
)  # fmt: skip
def test_what_did_not_come_from_here_is_not_offered(told: str) -> None:
    assert again.opened(told) == {}
    answer = Client().post("/login", {"username": "reviewer", "password": PASSWORD, "carried": told})
    assert answer.status_code == 303


def test_too_much_to_carry_is_left_and_who_is_signed_in_is_sent_on() -> None:
    case = Story().negative()
    page = Client().post(f"/cases/{case.pk}/call/", {"words": "字" * (again.MOST + 1)}, follow=True).content.decode()
    assert 'name="carried"' not in page
    assert signed_in("reviewer").post("/login?sent_to=/desk/", {"words": WORDS}).status_code == 302
