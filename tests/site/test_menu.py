"""The side bar: the stages of the chain in their order, what waits in each, the empty folded, one's place always shown."""

from __future__ import annotations

import re
from typing import Any

import pytest

from minping.site.context import GROUPS, SECTIONS
from minping.site.desk import QUEUES, STAGE_OF
from tests.support.world import Story, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
CHAIN = ["评价", "反馈", "改进", "监督", "考核"]
NAV = re.compile(r'<nav id="menu".*?</nav>', re.DOTALL)
FOLDED = re.compile(r"<details>.*?</details>", re.DOTALL)


def groups(username: str, address: str) -> dict[str, dict[str, Any]]:
    return {group["label"]: group for group in signed_in(username).get(address).context["groups"]}


def menu(username: str, address: str) -> str:
    found = NAV.search(signed_in(username).get(address).content.decode())
    assert found
    return found[0]


def test_the_stages_stand_in_the_order_of_the_chain_and_each_section_in_one_of_them() -> None:
    assert [label for label, _ in GROUPS][1:6] == CHAIN
    assert set(STAGE_OF.values()) <= set(CHAIN)
    assert STAGE_OF.keys() == QUEUES.keys()
    names = [name for _, name, _ in SECTIONS]
    assert len(names) == len(set(names))


def test_a_stage_shows_what_waits_in_it_and_the_empty_views_are_folded_behind_one_word() -> None:
    Story().reported()
    shown = groups("head", "/desk/mine/")
    assert [label for label in shown if label in CHAIN] == ["评价", "反馈", "改进", "监督", "考核"]
    waiting = {label: [(view["label"], view["count"]) for view in group["views"]] for label, group in shown.items()}
    assert waiting["改进"] == [("待验收", 1)]
    assert not shown["改进"]["folded"] and shown["反馈"]["folded"]
    assert list(shown)[-1] == "其他视图"
    assert ("待审批", 0) in waiting["其他视图"] and ("待验收", 1) not in waiting["其他视图"]
    page = menu("head", "/desk/mine/")
    assert "待审批" in page and "待审批" not in FOLDED.sub("", page)  # there without script, behind a fold
    assert "待验收" in FOLDED.sub("", page)


def test_the_view_one_is_in_is_never_folded_and_is_the_one_place_named() -> None:
    page = menu("head", "/desk/approve/")
    assert page.count('aria-current="page"') == 1
    assert re.search(r'aria-current="page"><span>待审批', FOLDED.sub("", page))
    assert not groups("head", "/desk/approve/")["反馈"]["folded"]


@pytest.mark.parametrize(("username", "address", "place"), [
    ("head", "/desk/approve/", "待审批"), ("head", "/indicators/", "指标"), ("operator", "/registry", "登记簿"),
    ("reviewer", "/desk/due20261120/", "11月20日到期"),
])  # fmt: skip
def test_the_button_that_opens_the_menu_on_a_phone_names_the_place(username: str, address: str, place: str) -> None:
    page = signed_in(username).get(address).content.decode()
    button = re.search(r'<button class="menu" type="button" popovertarget="menu">(.*?)</button>', page)
    assert button
    assert re.sub(r"<[^>]+>", "", button[1]).strip() == f"菜单，现在在：☰ {place}"


def test_outside_the_work_place_nothing_is_folded() -> None:
    page = menu("head", "/indicators/")
    assert "<details" not in page
    assert page.count('aria-current="page"') == 1


def test_the_menu_costs_no_query_of_its_own(django_assert_num_queries: Any) -> None:
    Story().reported()
    browser = signed_in("head")
    browser.get("/password")
    with django_assert_num_queries(3):  # the session, the account, its roles
        browser.get("/password")


def test_whoever_has_no_queue_begins_at_what_is_theirs_and_not_at_the_devices() -> None:
    assert signed_in("operator").get("/desk/").headers["Location"] not in ("/ask/", "/devices/", "/codes/", "/texts/")
