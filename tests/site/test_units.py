"""各单位: every unit in scope, how many open, how many late, in which state and by how much."""

from __future__ import annotations

from typing import Any

import pytest

from minping.kernel import clock
from minping.kernel.queues import Queue
from minping.kernel.work import Scope
from minping.rectify.models import Order
from minping.site.units import KINDS, units_of
from tests.supervise.world import inquiry_of
from tests.support.world import Story, beijing, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]


@pytest.fixture(autouse=True)
def a_month_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: beijing("2026-12-21 09:00"))


def test_the_head_sees_each_unit_what_is_late_in_which_state_and_by_how_much() -> None:
    case, order = Story("U-1").negative(), Story("U-2").confirmed()
    page = signed_in("head").get("/units/")
    units = {unit["name"]: unit for unit in page.context["units"]}
    center = units["民安街道便民服务中心"]
    assert (center["open"], center["late"]) == (2, 2)
    assert {state["label"] for state in center["states"]} == {"待核实", "待整改"}
    assert all(state["over_text"].startswith("超 ") for state in center["states"])
    assert units["甲社区便民代办点"]["open"] == 0
    assert "邻街道办事处" not in units
    assert [line["number"] for line in page.context["lines"]] == [case.number, order.case.number]
    for line in page.context["lines"]:
        assert signed_in("head").get(line["url"]).status_code == 200


def test_the_auditor_sees_the_page_and_the_rated_window_does_not() -> None:
    Story("U-1").negative()
    assert signed_in("auditor").get("/units/").context["late"] == 1
    assert signed_in("window3").get("/units/").status_code == 403
    assert signed_in("neighbour").get("/units/").context["open"] == 0


def test_a_case_counts_once_whether_it_or_its_order_waits() -> None:
    order = Story("U-1").accepted()
    page = signed_in("head").get("/units/")
    assert page.context["open"] == 1
    Order.objects.filter(pk=order.pk).update(state="suspended")
    order.case.__class__.objects.filter(pk=order.case_id).update(state="appealed")
    assert signed_in("head").get("/units/").context["open"] == 1


def test_a_late_inquiry_is_listed_for_who_may_read_it_and_named_as_what_it_is() -> None:
    inquiry = inquiry_of()
    page = signed_in("head").get("/units/")
    center = next(unit for unit in page.context["units"] if unit["name"] == "民安街道便民服务中心")
    assert {"问责待说明", "待整改"} >= {state["label"] for state in center["states"]} >= {"问责待说明"}
    assert center["open"] == sum(state["n"] for state in center["states"])
    line = next(line for line in page.context["lines"] if line["number"] == inquiry.number)
    assert (line["state_label"], line["item_name"], line["clause"]) == ("问责待说明", inquiry.name, inquiry.due_clause)
    assert signed_in("head").get(line["url"]).status_code == 200


def test_the_queries_do_not_grow_with_cases_and_units(django_assert_max_num_queries: Any) -> None:
    Story("U-1").negative()
    browser = signed_in("head")
    browser.get("/units/")
    for more in (0, 6):
        for number in range(more):
            Story(f"V-{number}").confirmed()
        with django_assert_max_num_queries(8):
            browser.get("/units/")


def test_every_unit_is_listed_even_where_nothing_waits() -> None:
    everywhere = [
        Queue(name, kind.open, Scope(("a", "b"), ()), groups=(kind.unit, "state")) for name, kind in KINDS.items()
    ]
    assert [unit.code for unit in units_of(everywhere, clock.now())] == ["a", "b"]
