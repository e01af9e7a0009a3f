"""查件: by number, within one's own scope, and nothing typed in any address."""

from __future__ import annotations

from typing import Any

import pytest

from minping.feedback.models import Case
from tests.support.world import Story, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]


def found(username: str, number: str) -> str:
    return signed_in(username).post("/desk/find/", {"number": number})["Location"]


def test_a_case_is_found_by_its_number_with_or_without_the_word_and_by_the_number_of_the_service() -> None:
    case = Story("S-1").negative()
    for typed in (case.number, f" {case.number.removeprefix('差评-').lower()} ", "S-1"):
        assert found("reviewer", typed) == f"/desk/mine/{case.pk}/"


def test_a_part_of_a_number_or_the_words_of_a_rating_find_nothing() -> None:
    case = Story("S-1").negative()
    for typed in (case.number[:-1], "S-", "同样的证明", "群众甲", "13800000000", "%", ""):
        assert found("reviewer", typed) == "/desk/"


def test_nobody_finds_what_they_may_not_open_and_what_is_typed_stands_in_no_address() -> None:
    order = Story("S-1").confirmed()
    assert found("neighbour", "S-1") == "/desk/"
    assert found("window5", order.case.number) == "/desk/"
    assert found("window3", order.case.number) == f"/desk/mine/{order.case_id}/"
    assert signed_in("window3").get(found("window3", "S-1")).status_code == 200
    assert signed_in("reviewer").get("/desk/find/", {"number": "S-1"}).status_code == 405


def test_several_cases_of_one_number_are_shown_as_lines() -> None:
    Story("S-1").negative()
    other = Story("S-2").negative()
    Case.objects.filter(pk=other.pk).update(service=Case.objects.exclude(pk=other.pk).get().service)
    page = signed_in("reviewer").post("/desk/find/", {"number": "S-1"})
    assert page.content.decode().count('class="line"') == 2


def test_a_search_costs_the_same_however_many_cases_there_are(django_assert_num_queries: Any) -> None:
    from minping.site.find import cases_found
    from tests.support.world import actor

    Story("S-1").negative()
    who = actor("reviewer")
    for more in (0, 8):
        for number in range(more):
            Story(f"T-{number}").negative()
        cases_found(who, "S-1")
        with django_assert_num_queries(2):
            assert len(cases_found(who, "S-1")) == 1
