"""工作台: views, lines, the next one after a decision; each within the own scope and in a fixed number of queries."""

from __future__ import annotations

from typing import Any

import pytest

from minping.evaluate.states import RatingKind
from minping.feedback import view as cases
from minping.feedback.models import Case
from minping.feedback.states import DECISIONS, CaseState
from minping.kernel import work
from minping.kernel.models import JournalEntry
from minping.rectify import view as orders
from minping.registry import queries as registry
from minping.site.context import SECTIONS
from tests.support.world import Story, beijing, rate, receive, service_row, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]


def negatives(count: int) -> list[Case]:
    for service in receive(*(service_row(f"D-{n}") for n in range(count))):
        rate(service, 2)
    return list(Case.objects.order_by("id"))


def test_a_line_says_level_item_first_words_and_time_left() -> None:
    negatives(1)
    page = signed_in("reviewer").get("/desk/verify/").content.decode()
    for words in ("不满意", "城乡居民基本医疗保险参保登记", "同样的证明交了两次。", "3号窗口"):
        assert words in page


def test_the_neighbouring_subdistrict_sees_nothing_and_cannot_open_by_address() -> None:
    (case,) = negatives(1)
    other = signed_in("neighbour")
    assert "同样的证明" not in other.get("/desk/verify/").content.decode()
    assert other.get(f"/desk/verify/{case.pk}/").status_code == 404
    assert other.post(f"/cases/{case.pk}/confirm/").status_code == 403
    assert other.post(f"/cases/{case.pk}/identity/", {"purpose": "verify"}).status_code == 403


def test_the_rated_window_sees_its_order_without_who_and_without_the_minute() -> None:
    order = Story().confirmed()
    page = signed_in("window3").get(f"/desk/rectify/{order.case_id}/").content.decode()
    assert "同样的证明" in page
    assert "15:20" not in page
    assert "13800000000" not in page
    assert signed_in("window5").get(f"/desk/rectify/{order.case_id}/").status_code == 404


def test_the_rated_window_may_not_decide_on_its_own_negative() -> None:
    (case,) = negatives(1)
    browser = signed_in("window3")
    for address in ("confirm", "identity", "call"):
        assert browser.post(f"/cases/{case.pk}/{address}/").status_code == 403
    assert Case.objects.get().state == "verifying"


def test_after_a_decision_the_next_case_appears() -> None:
    first, second = negatives(2)
    reviewer = signed_in("reviewer")
    reviewer.post(f"/cases/{first.pk}/call/", {"outcome": "answered", "words": "属实"})
    page = reviewer.post(f"/cases/{first.pk}/confirm/", follow=True).content.decode()
    assert second.number in page
    assert f"{first.number} 已认定属实" in page
    assert '<h1 class="name" tabindex="-1" autofocus>' in page  # the keyboard goes on at its heading


def test_a_form_sent_back_keeps_what_was_typed() -> None:
    (case,) = negatives(1)
    answer = signed_in("reviewer").post(
        f"/cases/{case.pk}/call/", {"outcome": "answered", "words": "", "recording_no": "L-77"}
    )
    assert answer.status_code == 422
    assert "L-77" in answer.content.decode()


def test_the_last_working_day_is_soon(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    negatives(1)
    from minping.kernel import clock

    monkeypatch.setattr(clock, "now", lambda: beijing("2026-11-24 09:00"))
    assert "同样的证明" in signed_in("reviewer").get("/desk/soon/").content.decode()
    monkeypatch.setattr(clock, "now", lambda: beijing("2026-11-20 16:00"))
    assert "同样的证明" not in signed_in("reviewer").get("/desk/soon/").content.decode()


@pytest.mark.parametrize("username", ["window3", "unit", "reviewer", "head", "operator", "auditor"])
def test_each_section_shown_opens(username: str) -> None:
    browser = signed_in(username)
    page = browser.get("/desk/", follow=True)
    assert page.status_code == 200
    sections = [section for group in page.context["groups"] for section in group["entries"]]
    for section in sections:
        assert browser.get(section["url"], follow=True).status_code == 200, section["label"]
    shown = {section["label"] for section in sections}
    assert shown < {label for label, _, _ in SECTIONS}


def test_the_queries_of_a_page_do_not_grow_with_the_cases(django_assert_max_num_queries: Any) -> None:
    negatives(3)
    browser = signed_in("reviewer")
    browser.get("/desk/verify/")
    with django_assert_max_num_queries(8):
        browser.get("/desk/verify/")
    for service in receive(*(service_row(f"E-{n}") for n in range(work.PAGE + 10))):
        rate(service, 1, tags=())
    registry.directory(fresh=True)  # it is kept for two seconds, which a slow machine may have spent
    with django_assert_max_num_queries(8):
        page = browser.get("/desk/verify/")
    assert page.content.decode().count('class="line"') == work.PAGE
    following = browser.get(page.context["page"]["next"])
    assert following.content.decode().count('class="line"') >= 13


@pytest.mark.parametrize("source", [cases, orders], ids=["case", "order"])
def test_every_state_in_which_somebody_has_to_act_has_a_view_for_whoever_may(source: Any) -> None:
    views = {view.id: view.permission for view in source.VIEWS}
    elsewhere = {CaseState.CONFIRMED}  # its order waits, not the case; what the head may do is press
    for state in {state for move in source.MOVES.moves for state in move.source} - elsewhere:
        moves = [*source.MOVES.from_state(state), *(DECISIONS.from_state(state) if source is cases else ())]
        may = {move.permission for move in moves} - {""}
        shown = {views[name] for name, held in source.STATE_OF.items() if held == state} - {orders.PRESS}
        assert bool(may) == bool(shown), state
        assert shown <= may, state


def test_a_line_says_its_number_and_what_is_to_be_done_next() -> None:
    (case,) = negatives(1)
    page = signed_in("reviewer").get("/desk/verify/").content.decode()
    assert case.number in page
    assert "待核实：电话核实后认定" in page


def test_what_waits_on_the_superior_is_not_among_what_i_have_to_do() -> None:
    (case,) = negatives(1)
    Case.objects.filter(pk=case.pk).update(state="revoking", due_at=None)
    browser = signed_in("head")
    assert case.number in browser.get("/desk/superior/").content.decode()
    assert "等上级决定" in browser.get("/desk/superior/").content.decode()
    assert case.number not in browser.get("/desk/mine/").content.decode()


def test_a_decision_leads_to_the_line_behind_it_in_the_view_it_was_opened_from() -> None:
    negatives(3)
    browser = signed_in("reviewer")
    first, middle, last = (Case.objects.get(number=row["number"]) for row in browser.get("/desk/mine/").context["rows"])
    browser.post(f"/cases/{middle.pk}/call/", {"outcome": "answered", "words": "属实"})
    page = browser.get(f"/desk/mine/{middle.pk}/")
    url = next(action["url"] for action in page.context["actions"] if action["verb"] == "confirm")
    following = browser.post(url, follow=True)
    assert following.redirect_chain[0][0].startswith("/desk/mine/?next=")
    assert following.context["case"]["id"] == last.pk
    assert f"{middle.number} 已认定属实" in following.content.decode()
    assert [row["number"] for row in following.context["rows"]] == [first.number, last.number]


def test_the_call_on_the_way_to_a_decision_keeps_the_view_and_the_line() -> None:
    negatives(2)
    browser = signed_in("reviewer")
    first = Case.objects.get(number=browser.get("/desk/mine/").context["rows"][0]["number"])
    page = browser.get(f"/desk/mine/{first.pk}/")
    url = next(action["url"] for action in page.context["actions"] if action["verb"] == "call")
    form = browser.get(url)
    assert form.context["action"] == url
    back = browser.post(url, {"outcome": "answered", "words": "属实"})
    assert back["Location"].startswith(f"/desk/mine/{first.pk}/?from=mine&line=")


def test_a_skip_shows_the_next_changes_nothing_and_comes_round_at_the_end() -> None:
    negatives(2)
    browser = signed_in("reviewer")
    first, last = (Case.objects.get(number=row["number"]) for row in browser.get("/desk/verify/").context["rows"])
    before = sorted(Case.objects.values_list("pk", "state", "revision"))
    second = browser.get(browser.get(f"/desk/verify/{first.pk}/").context["skip_url"])
    assert second.context["case"]["id"] == last.pk
    again = browser.get(second.context["skip_url"])
    assert again.context["case"]["id"] == first.pk
    assert sorted(Case.objects.values_list("pk", "state", "revision")) == before


def test_a_skip_on_the_last_line_of_a_page_goes_on_to_the_next_page() -> None:
    negatives(work.PAGE + 2)
    browser = signed_in("reviewer")
    rows = browser.get("/desk/verify/").context["rows"]
    page = browser.get(browser.get(rows[-1]["url"]).context["skip_url"])
    assert page.context["case"]["number"] not in {row["number"] for row in rows}
    assert len(page.context["rows"]) == 2
    assert page.context["rows"][0]["selected"]


def test_a_made_up_view_in_the_address_of_an_act_is_not_followed() -> None:
    (case,) = negatives(1)
    browser = signed_in("reviewer")
    browser.post(f"/cases/{case.pk}/call/", {"outcome": "answered", "words": "属实"})
    answer = browser.post(f"/cases/{case.pk}/confirm/?from=../../evil.example/&line=x")
    assert answer["Location"] == "/desk/verify/?next=1"


def test_the_page_of_a_case_from_an_overall_rating_opens_and_says_so() -> None:
    """A package's case (R10): the journal calls its rating by a kind of its own."""
    (case,) = negatives(1)
    entry = JournalEntry.objects.get(action="rating.first")
    for kind in RatingKind:
        JournalEntry.objects.bulk_create([
            JournalEntry(
                at=entry.at, action=f"rating.{kind}", actor="rater", organization_code="minan-center",
                subject=case.rating_id, data=entry.data, leaves=b"",
            )
        ])  # fmt: skip
    page = signed_in("reviewer").get(f"/desk/verify/{case.pk}/").content.decode()
    assert all(f"收到{kind.label}「不满意」" in page for kind in RatingKind)
