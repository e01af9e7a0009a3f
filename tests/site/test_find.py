"""查件: by number, words, item, window, level, state and period; within one's own scope; nothing typed in an address."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from minping.evaluate.services import rating_give
from minping.feedback.models import Case
from minping.kernel import work
from minping.rectify import words
from minping.rectify.models import CaseText
from tests.support.world import OTHER_ITEM, Story, actor, beijing, press, rate, receive, service_row, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]


def found(username: str, text: str) -> str:
    return signed_in(username).post("/desk/find/", {"text": text})["Location"]


def numbers(username: str, **asked: str) -> list[str]:
    """The numbers of the lines that are shown."""
    page = signed_in(username).post("/desk/find/", asked, follow=True)
    assert page.redirect_chain[-1][0] == "/desk/found/", page.content.decode()
    return [row["number"] for row in page.context["rows"]]


def said(case_no: str, text: str, *, level: int = 2, **more: Any) -> Case:
    """A negative rating with these words."""
    (service,) = receive(service_row(case_no, **more))
    return Case.objects.get(rating=rate(service, level, text=text, tags=()))


def test_a_case_is_found_by_its_number_with_or_without_the_word_and_by_the_number_of_the_service() -> None:
    case = Story("S-1").negative()
    for typed in (case.number, f" {case.number.removeprefix('差评-').lower()} ", "S-1"):
        assert found("reviewer", typed) == f"/desk/mine/{case.pk}/"


@pytest.mark.parametrize("typed", ["群众甲", "13800000000", "350213190001010011", "没说过的话", "' OR 1=1 --"])
def test_a_name_a_telephone_and_what_nobody_said_find_nothing(typed: str) -> None:
    Story("S-1").negative()
    assert numbers("reviewer", text=typed) == []


@pytest.mark.parametrize("typed", ["%", "", "证", "*", "。"])
def test_too_little_to_look_for_is_told_and_nothing_is_looked_for(typed: str) -> None:
    Story("S-1").negative()
    assert found("reviewer", typed) == "/desk/"


@pytest.mark.parametrize("typed", ["证明交了", "同样的 两次", "医疗保险", "3号窗口", "材料被要求多次提交"])
def test_words_of_the_rater_the_item_the_window_and_the_reason_find_the_case(typed: str) -> None:
    case = Story("S-1").negative()
    said("S-2", "等了一个上午。", item_code=OTHER_ITEM, window_code="05", staff_code="w05")
    assert numbers("reviewer", text=typed) == [case.number]


@pytest.mark.parametrize("text", ["坐著轮椅等𠮷野家㐀𪚥", "emoji😀服务，。|\\&<>\"'", "Wi-Fi 断了 ABC123"])
def test_rare_characters_and_signs_are_found_as_they_were_said(text: str) -> None:
    case = said("S-1", text)
    Story("S-2").negative()
    assert numbers("reviewer", text=text[:6]) == [case.number]


def test_the_words_of_the_measures_find_the_case_and_so_does_an_appeal() -> None:
    order = Story("S-1").reported()
    assert numbers("reviewer", text="系统内核验") == [order.case.number]
    assert numbers("unit", text="系统内核验") == [order.case.number]


def test_each_condition_narrows_and_all_together_find_the_one() -> None:
    first = said("S-1", "排队太久。", served_at=beijing("2026-10-12 10:00"))
    second = said("S-2", "排队太久。", level=1, item_code=OTHER_ITEM, window_code="05", staff_code="w05")
    both = [second.number, first.number]
    assert numbers("reviewer", text="排队") == both
    assert numbers("reviewer", level="1") == [second.number]
    assert numbers("reviewer", item="优待证") == [second.number]
    assert numbers("reviewer", window="3号") == [first.number]
    assert numbers("reviewer", since="2026-10-12", until="2026-10-12") == [first.number]
    assert numbers("reviewer", since="2026-11-01") == [second.number]
    assert numbers("reviewer", state="verifying") == both
    assert numbers("reviewer", text="排队", state="closed") == []
    assert numbers("reviewer", text="排队", item="优待证", window="5号", level="1", since="2026-11-20",
                   until="2026-11-20", state="verifying") == [second.number]  # fmt: skip


def test_whole_months_are_the_offices_own_and_no_day_of_the_next() -> None:
    """Asked of the index alone; a case of half past midnight in Beijing is still of the month before in London."""
    early, late = (
        said(name, "排队太久。", served_at=beijing(at)) for name, at in (("S-1", "2026-10-31 23:30"), ("S-2", "2026-11-01 00:30"))
    )  # fmt: skip
    for since, until, wanted in (
        ("2026-10-01", "2026-10-31", [early]), ("2026-11-01", "2026-11-30", [late]),
        ("2026-10-01", "2026-11-30", [late, early]), ("2026-10-01", "2026-11-01", [late, early]),
        ("2026-10-02", "2026-10-31", [early]), ("2001-01-01", "2026-10-31", [early]),
    ):  # fmt: skip
        assert numbers("reviewer", since=since, until=until) == [case.number for case in wanted]


def test_the_cases_of_one_unit_are_found_from_the_page_of_all_units() -> None:
    case = Story("S-1").negative()
    page = signed_in("head").get("/units/").content.decode()
    assert 'name="unit" value="minan-center"' in page
    assert numbers("head", unit="minan-center") == [case.number]
    assert numbers("head", unit="minan-agent-01") == []
    assert numbers("neighbour", unit="minan-center") == []  # naming a unit opens nothing


def test_a_wrong_period_or_choice_is_told() -> None:
    browser = signed_in("reviewer")
    for asked in (
        {"since": "2026-13-01"},
        {"until": "9999-12-31"},
        {"since": "0001-01-01", "until": "2026-11-01"},
        {"since": "2026-11-02", "until": "2026-11-01"},
        {"state": "x"},
        {"unit": "x"},
    ):
        assert browser.post("/desk/find/", asked)["Location"] == "/desk/"


def test_nobody_finds_what_they_may_not_open_and_what_is_typed_stands_in_no_address() -> None:
    order = Story("S-1").confirmed()
    for username in ("neighbour", "window5", "operator"):
        browser = signed_in(username)
        for typed in ("S-1", order.case.number, "同样的证明"):
            browser.post("/desk/find/", {"text": typed})
            assert not browser.get("/desk/found/", follow=True).context.get("rows")
    assert found("window3", "S-1") == f"/desk/mine/{order.case_id}/"
    assert numbers("window3", text="同样的证明") == [order.case.number]
    assert signed_in("window3").get(f"/desk/found/{order.case_id}/").status_code == 200
    assert signed_in("reviewer").get("/desk/find/", {"text": "S-1"}).status_code == 405


def test_an_order_is_found_by_the_unit_that_has_it_and_no_longer_by_the_one_that_passed_it_on() -> None:
    from minping.kernel.models import Account, Assignment
    from minping.rectify import services as rectify

    order = Story("S-1").confirmed()
    account = Account.objects.create_account("agent", "代办点责任人", "只在测试里用的口令-2026", staff_code="g01")
    Assignment.objects.create(account=account, role="unit", organization_code="minan-agent-01")
    assert numbers("agent", text="同样的证明") == []
    rectify.order_transfer(
        order_id=order.pk, organization_code="minan-agent-01", reason="材料由代办点收。", by=actor("head"),
        at=beijing("2026-11-23 09:00"),
    )  # fmt: skip
    assert numbers("agent", text="同样的证明") == [order.case.number]
    assert numbers("unit", text="同样的证明") == []
    assert signed_in("agent").get(f"/desk/found/{order.case_id}/").status_code == 200


def test_several_cases_of_one_number_are_shown_as_lines() -> None:
    Story("S-1").negative()
    other = Story("S-2").negative()
    Case.objects.filter(pk=other.pk).update(service=Case.objects.exclude(pk=other.pk).get().service)
    assert len(numbers("reviewer", text="S-1")) == 2


def test_a_changed_word_is_found_as_it_is_now_and_no_longer_as_it_was() -> None:
    (service,) = receive(service_row("C-1"))
    receipt = rating_give(press(service, 2, text="等了一个上午。"))
    rating_give(press(service, 2, text="态度生硬。", change=receipt.change_token))
    case = Case.objects.get()
    assert numbers("reviewer", text="态度生硬") == [case.number]
    assert numbers("reviewer", text="一个上午") == []


def test_what_was_found_is_worked_like_any_other_view_and_paged() -> None:
    for service in receive(*(service_row(f"P-{n}") for n in range(work.PAGE + 3))):
        rate(service, 2)
    browser = signed_in("reviewer")
    page = browser.post("/desk/find/", {"text": "同样的证明"}, follow=True)
    shown = [row["number"] for row in page.context["rows"]]
    rest = browser.get(page.context["page"]["next"])
    shown += [row["number"] for row in rest.context["rows"]]
    assert len(shown) == len(set(shown)) == work.PAGE + 3
    assert rest.context["page"]["next"] == ""
    first, second = page.context["rows"][:2]
    case = browser.get(first["url"])
    assert case.context["case"]["number"] == first["number"]
    assert browser.get(case.context["skip_url"]).context["case"]["number"] == second["number"]


def test_the_index_says_what_the_records_say_after_every_step() -> None:
    """No second store that drifts (failures.md D11): the row is what is worked out afresh, and the index has it."""
    stories = [Story(f"I-{n}") for n in range(4)]
    stories[0].followed("unsolved")
    stories[1].followed()
    stories[2].reported()
    stories[3].negative()
    told = words.words_of(list(Case.objects.values_list("pk", flat=True)))
    assert dict(CaseText.objects.values_list("case_id", "words")) == told
    for case_id, text in told.items():
        for token in text.split():
            assert case_id in {found for _, found in words.found([frozenset({token})], most=10)}


def test_a_case_from_before_there_was_an_index_is_found_once_its_words_are_filled_in() -> None:
    case = Story("I-OLD").negative()
    told = words.words_of([case.pk])
    CaseText.objects.all().delete()
    assert words.words_fill() == 1
    assert dict(CaseText.objects.values_list("case_id", "words")) == told
    assert words.words_fill() == 0


def test_a_search_costs_the_same_however_many_cases_there_are(django_assert_max_num_queries: Any) -> None:
    Story("S-1").negative()
    browser = signed_in("reviewer")
    for more in (0, 12):
        for number in range(more):
            Story(f"T-{number}").negative()
        browser.post("/desk/find/", {"text": "同样的证明"})
        browser.get("/desk/found/")
        with django_assert_max_num_queries(
            9 if connection.vendor == "sqlite" else 10
        ):  # its newest rows, then its index
            assert len(browser.get("/desk/found/").context["rows"]) == more + 1
