"""Members of staff in a browser."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.support import browser as browsers
from tests.support.live import Installation


def sign_in(live: Installation, chromium: Browser, username: str) -> Page:
    """The page of one who has signed in to the demonstration office."""
    page = browsers.page(chromium, "desktop")
    page.goto(f"{live.url}/login")
    page.get_by_label("账号").fill(username)
    page.get_by_label("密码").fill(live.passwords()[username])
    page.get_by_role("button", name="登录").click()
    expect(page).not_to_have_url(f"{live.url}/login")
    return page
