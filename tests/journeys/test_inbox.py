"""The work place in a real browser: keys through the lines, skip, find, and the overseer's page of all units."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.test_case_decisions import negative
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
    for case_no in ("INBOX-1", "INBOX-2"):
        negative(live, chromium, case_no)
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
