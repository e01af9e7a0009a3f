"""时限日历: how many are due by the end of each day, holidays and provisional days said; each day opens its lines."""

from __future__ import annotations

from typing import Any

import pytest

from minping.kernel import clock
from tests.support.world import FRIDAY, Story, beijing, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: FRIDAY)


def days(username: str, month: str = "") -> dict[str, dict[str, Any]]:
    page = signed_in(username).get("/desk/calendar/", {"month": month} if month else {})
    assert page.status_code == 200
    return {day["iso"]: day for week in page.context["weeks"] for day in week if day["inside"]}


def test_each_day_says_how_many_are_due_by_its_end_and_opens_exactly_these() -> None:
    case = Story("A-1").negative()  # Friday: due by Tuesday 24
    late = Story("A-2", at=beijing("2026-11-23 09:00")).negative()  # Monday: by Wednesday 25
    found = days("reviewer")
    assert {iso: day["count"] for iso, day in found.items() if day["count"]} == {"2026-11-24": 1, "2026-11-25": 1}
    for iso, number in (("2026-11-24", case.number), ("2026-11-25", late.number)):
        page = signed_in("reviewer").get(found[iso]["url"])
        assert [row["number"] for row in page.context["rows"]] == [number]
    assert "11月24日到期" in signed_in("reviewer").get(found["2026-11-24"]["url"]).content.decode()


def test_everyone_sees_their_own_duties_only() -> None:
    Story("A-1").negative()
    Story("A-2").confirmed()  # five working days: by Friday 27
    assert {iso for iso, day in days("reviewer").items() if day["count"]} == {"2026-11-24"}
    assert {iso for iso, day in days("unit").items() if day["count"]} == {"2026-11-27"}
    assert {iso for iso, day in days("window3").items() if day["count"]} == {"2026-11-27"}
    assert not any(day["count"] for day in days("neighbour").values())


def test_holidays_and_make_up_days_are_said() -> None:
    october = days("reviewer", "2026-10")
    assert (october["2026-10-01"]["mark"], october["2026-10-01"]["name"]) == ("休", "国庆节")
    make_up = [iso for iso, day in (days("reviewer", "2026-09") | october).items() if day["mark"] == "班"]
    assert make_up
    assert not october["2026-10-01"]["provisional"]


def test_what_no_notice_has_settled_is_said_to_be_provisional() -> None:
    january = days("reviewer", "2027-01")
    assert all(day["provisional"] for day in january.values())
    page = signed_in("reviewer").get("/desk/calendar/", {"month": "2027-01"}).content.decode()
    assert "放假安排尚未公布" in page


@pytest.mark.parametrize("month", ["2026-13", "x", "1990-01", "2026-1", "'"])
def test_a_month_that_is_none_is_told(month: str) -> None:
    assert signed_in("reviewer").get("/desk/calendar/", {"month": month}).status_code == 404


@pytest.mark.parametrize("view", ["due20261332", "due", "duex", "due202611240"])
def test_a_day_that_is_none_is_told(view: str) -> None:
    assert signed_in("reviewer").get(f"/desk/{view}/").status_code == 404


def test_after_a_decision_the_next_of_the_day_appears() -> None:
    first, second = Story("A-1").called(), Story("A-2").negative()
    Story("A-3", at=beijing("2026-11-23 09:00")).negative()
    browser = signed_in("reviewer")
    page = browser.get(f"/desk/due20261124/{first.pk}/")
    url = next(action["url"] for action in page.context["actions"] if action["verb"] == "confirm")
    page = browser.post(url, follow=True)
    assert page.redirect_chain[0][0].startswith("/desk/due20261124/")
    assert page.context["case"]["id"] == second.pk


def test_the_counts_are_one_query_however_many_cases(django_assert_max_num_queries: Any) -> None:
    browser = signed_in("reviewer")
    for more in (1, 6):
        for number in range(more):
            Story(f"Q-{more}-{number}").negative()
        browser.get("/desk/calendar/")
        with django_assert_max_num_queries(8):
            browser.get("/desk/calendar/")
