"""The work place in a real browser: keys through the lines, skip, find, and the overseer's page of all units."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.journeys.test_case_decisions import called, look, negative
from tests.support import browser as browsers
from tests.support.browser import picture
from tests.support.live import Installation
from tests.support.staff import sign_in

pytestmark = [pytest.mark.browser]
WIDTHS = ("phone", "tablet", "desktop")


@pytest.fixture(scope="module")
def live() -> Iterator[Installation]:
    with Installation(os.environ.get("MINPING_DATABASE", "")) as installation:
        yield installation


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browsers.browser() as started:
        yield started


def test_a_list_is_worked_through_by_keys_and_a_number_finds_its_case(live: Installation, chromium: Browser) -> None:
    for case_no, words in (
        ("INBOX-1", "同样的证明交了两次，窗口说系统里查不到。"),
        ("INBOX-2", "排队等了一个上午，没有人说要等多久。"),
    ):
        negative(live, chromium, case_no, words)
    page = sign_in(live, chromium, "reviewer")
    page.goto(f"{live.url}/desk/verify/")
    lines = page.locator(".queue .line")
    expect(page.locator("[data-keys]")).to_be_visible()
    picture(page, "inbox-list", WIDTHS)
    page.keyboard.press("j")
    expect(lines.nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(lines.nth(1)).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(lines.nth(0)).to_have_attribute("aria-current", "true")
    picture(page, "inbox-case", WIDTHS)
    page.keyboard.press("s")
    expect(lines.nth(1)).to_have_attribute("aria-current", "true")
    page.get_by_label("编号，或评价、整改里的文字").fill("INBOX-1")
    page.get_by_role("button", name="查", exact=True).click()
    expect(page.locator(".pane .name")).to_be_visible()
    assert "INBOX" not in page.url

    head = sign_in(live, chromium, "head")
    head.goto(f"{live.url}/units/")
    expect(head.get_by_role("heading", name="各单位")).to_be_visible()
    picture(head, "inbox-units", WIDTHS)


def shown(page: Page, number: int, name: str) -> None:
    """A picture of the walk in docs/walk.md, at the width at which the work is done; on a phone nothing overflows.

    What axe finds wrong is a failure here, too.
    """
    page.wait_for_load_state()
    told = [f"{v['id']} {[n['html'][:120] for n in v['nodes']]}" for v in Axe().run(page).response["violations"]]
    assert told == [], name
    page.evaluate("scrollTo(0, 0)")
    picture(page, f"walk/{number:02d}-{name}", WIDTHS if name in ("list", "case") else ("desktop",))


def test_the_walk_from_signing_in_to_the_closed_case(live: Installation, chromium: Browser) -> None:
    """Each page of docs/walk.md, in its order; what a newcomer is told to press is pressed here."""
    template = "〔单位〕〔窗口〕已停止重复收取材料，〔今天〕起改为系统内核验。"
    page = browsers.page(chromium, "desktop")
    page.goto(f"{live.url}/login")
    shown(page, 1, "sign-in")
    reviewer, unit, head, window = (sign_in(live, chromium, who) for who in ("reviewer", "unit", "head", "window3"))

    reviewer.goto(f"{live.url}/templates/new/")
    reviewer.get_by_label("名称").fill("停止重复收取")
    reviewer.get_by_label("内容").fill(template)
    reviewer.get_by_role("button", name="保存").click()
    expect(reviewer.get_by_text("模板已保存。")).to_be_visible()
    shown(reviewer, 12, "templates")

    reviewer.goto(f"{live.url}/desk/mine/")
    shown(reviewer, 2, "list")
    reviewer.locator(".queue .line").first.click()
    expect(reviewer.locator(".queue .line[aria-current]")).to_have_count(1)
    shown(reviewer, 3, "case")
    number = reviewer.locator(".pane .meta .code").first.inner_text()
    reviewer.get_by_role("link", name="记录回访").click()
    shown(reviewer, 4, "call")
    called(live, reviewer)
    expect(reviewer.get_by_role("button", name="属实，转办整改")).to_be_visible()
    shown(reviewer, 5, "decide")
    reviewer.get_by_role("button", name="属实，转办整改").click()
    expect(reviewer.get_by_text(f"{number} 已认定属实，转办整改。")).to_be_visible()

    look(live, unit, "rectify")
    unit.locator("details.act summary").get_by_text("报送整改情况", exact=True).click()
    form = unit.locator("details.act[open]")
    form.locator("[name=template]").select_option(label="停止重复收取")
    form.get_by_role("button", name="插入模板").click()
    expect(unit.get_by_label("做了什么")).to_have_value(re.compile("^民安街道便民服务中心3号窗口.*已停止重复收取材料"))
    shown(unit, 6, "report")
    unit.locator("details.act[open]").get_by_role("button", name="报送整改情况").click()
    expect(unit.get_by_text("整改情况已报送，等待验收。")).to_be_visible()

    look(live, head, "accept")
    shown(head, 7, "accept")
    head.get_by_role("button", name="验收通过").click()
    expect(head.get_by_text("验收通过，等待回访。")).to_be_visible()

    look(live, reviewer, "follow")
    reviewer.get_by_role("link", name="记录整改回访").click()
    shown(reviewer, 8, "follow-up")
    reviewer.get_by_label("接通", exact=True).check()
    reviewer.get_by_label("对方的话").fill("可以了，一趟就办好。")
    reviewer.get_by_label("解决了", exact=True).check()
    reviewer.get_by_role("button", name="保存记录").click()
    expect(reviewer.get_by_text("回访已记录：待再评。")).to_be_visible()
    assert live.cli("clock", "+40d").returncode == 0  # the days for a re-rating pass: it is voluntary
    live.wait_for(lambda: "closed" in {case["state"] for case in live.received("case")}, 40, "没有办结")
    reviewer.goto(f"{live.url}/desk/done/")
    expect(reviewer.locator(".queue .line")).to_have_count(1)
    reviewer.locator(".queue .line").first.click()
    expect(reviewer.locator(".queue .line[aria-current]")).to_have_count(1)
    shown(reviewer, 9, "closed")
    for kind in ("PDF", "Word"):  # a file leaves the page as it is, and its buttons to the next press
        with reviewer.expect_download():
            reviewer.get_by_role("button", name=f"下载 {kind}").click()

    negative(live, chromium, "WALK-2")
    look(live, window, "appeal")
    window.locator("details.act summary").get_by_text("提出申诉", exact=True).click()
    shown(window, 10, "appeal")
    act_form = window.locator("details.act[open]")
    act_form.locator("[name=reason]").fill("当天系统停机，已当面说明。")
    act_form.get_by_role("button", name="提出申诉").click()
    expect(window.get_by_text("已办：提出申诉。")).to_be_visible()

    reviewer.locator("#find-text").fill("参保登记")
    reviewer.get_by_role("button", name="查", exact=True).click()
    expect(reviewer.get_by_role("heading", name="查到的件")).to_be_visible()
    expect(reviewer.locator(".queue .line")).to_have_count(3)
    assert "参保" not in reviewer.url
    shown(reviewer, 11, "found")
    reviewer.goto(f"{live.url}/desk/calendar/")
    shown(reviewer, 13, "calendar")
    reviewer.goto(f"{live.url}/desk/mine/?batch=1")
    shown(reviewer, 14, "batch")
    reviewer.locator("input[name=case]").first.check()
    reviewer.get_by_placeholder("标记").first.fill("明天再打")
    reviewer.locator("#batch").get_by_role("button", name="标记", exact=True).click()
    expect(reviewer.get_by_text("办成 1 件")).to_be_visible()
    reviewer.goto(f"{live.url}/desk/marked/")
    expect(reviewer.locator(".line .chip.mark")).to_have_text("明天再打")
    head.goto(f"{live.url}/units/")
    shown(head, 15, "units")
