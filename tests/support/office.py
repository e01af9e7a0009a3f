"""One installation for a file of journeys, its browser, its staff; and what staff do on every page of the desk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.support import browser as browsers
from tests.support.live import Installation
from tests.support.staff import sign_in


def office(*usernames: str) -> tuple[Callable[..., Any], ...]:
    """The fixtures `live`, `chromium`, `staff` of a module, the staff signed in: `live, chromium, staff = office(…)`."""

    @pytest.fixture(scope="module", name="live")
    def live() -> Iterator[Installation]:
        with Installation(os.environ.get("MINPING_DATABASE", "")) as installation:
            yield installation

    @pytest.fixture(scope="module", name="chromium")
    def chromium() -> Iterator[Browser]:
        with browsers.browser() as started:
            yield started

    @pytest.fixture(scope="module", name="staff")
    def staff(live: Installation, chromium: Browser) -> dict[str, Page]:
        return {name: sign_in(live, chromium, name) for name in usernames}

    return live, chromium, staff


def ended(live: Installation, case_no: str) -> str:
    """A service ends at window three; returns the address at which its person may rate it."""
    now = live.now()
    status, answer = live.call("POST", "/api/v1/services", live.key(), {
        "organization_code": "minan-center", "case_no": case_no, "service_no": 1, "service_name": "办结",
        "item_code": "XN35021300520MINPINGDEMO2026001", "window_code": "03", "staff_code": "w03", "handling": "hall",
        "case_state": 3, "accepted_at": now, "served_at": now, "finished_at": now,
        "applicant": {"kind": "person", "name": "群众甲", "cert_type": "111", "cert_no": "350213190001010011", "phone": "13800000000"},
    })  # fmt: skip
    assert status == 200, answer
    address: str = answer["invitation_url"]
    return address


def look(live: Installation, page: Page, view: str) -> Page:
    """Open a view of the desk, and the first that waits in it."""
    page.goto(f"{live.url}/desk/{view}/")
    page.locator(".queue .line").first.click()
    return page


def called(live: Installation, page: Page, view: str = "verify", words: str = "说是点错了。") -> Page:
    """The reviewer calls back the first that waits."""
    look(live, page, view)
    page.get_by_role("link", name="记录回访").click()
    page.get_by_label("接通", exact=True).check()
    page.get_by_label("对方的话").fill(words)
    page.get_by_role("button", name="保存记录").click()
    return page


def act(page: Page, label: str, **fields: str) -> None:
    """Open the fold of a move, fill in what it asks, and press its button."""
    page.locator("details.act summary").get_by_text(label, exact=True).click()
    form = page.locator("details.act[open]")
    for name, value in fields.items():
        field = form.locator(f"[name={name}]")
        if field.evaluate("e => e.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    form.get_by_role("button", name=label, exact=True).click()
