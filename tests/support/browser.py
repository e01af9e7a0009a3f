"""A real Chromium, and pictures of what it shows at phone, tablet and desktop width."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support import services

WIDTHS = {"phone": (390, 844), "tablet": (820, 1180), "desktop": (1440, 900)}
# How long a page may take to show what a test waits for.  Two runs share the machine with their installations, so
# five seconds said "slow here", not "wrong"; where a time is the point, the test names its own.
expect.set_options(timeout=15_000)
PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=services.chromium(), args=services.CHROMIUM_FLAGS)
        try:
            yield started
        finally:
            started.close()


def page(started: Browser, width: str = "desktop") -> Page:
    wide, high = WIDTHS[width]
    return started.new_context(viewport={"width": wide, "height": high}, locale="zh-CN").new_page()


def picture(of: Page, name: str, widths: tuple[str, ...] = ("phone", "desktop")) -> None:
    """Keep a picture per width, where the run is asked to (`MINPING_PICTURES=1`); always look for overflow."""
    of.wait_for_load_state()  # a press may still be on its way to the next page
    before = of.viewport_size
    for width in widths:
        wide, high = WIDTHS[width]
        of.set_viewport_size({"width": wide, "height": high})
        over = of.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, f"{name} 在 {width} 宽度下横向溢出 {over} 像素"
        if os.environ.get("MINPING_PICTURES"):
            PICTURES.mkdir(parents=True, exist_ok=True)
            of.screenshot(path=PICTURES / f"{name}-{width}.png", full_page=False)
    if before:
        of.set_viewport_size(before)
