"""What a page does to people: axe at the widths asked for, and at each width whether it must be scrolled sideways."""

from __future__ import annotations

from collections.abc import Collection

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WIDTHS = (320, 768, 1280)
ONLY_WRONG = {"resultTypes": ["violations"]}  # what passes is not written up node by node: half the time
WIDER = """[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth)
  .map(e => e.tagName + '.' + e.className).slice(-6)"""


def sound(screen: Page, name: str, axe_widths: Collection[int] = WIDTHS) -> list[str]:
    """What is wrong with the page as it stands, each in a line; empty is good."""
    found = []
    screen.wait_for_load_state()
    for width in WIDTHS:
        screen.set_viewport_size({"width": width, "height": 900})
        if width in axe_widths:
            told = Axe().run(screen, options=ONLY_WRONG).response["violations"]
            found += [f"{name} {width}: {v['id']} {[n['html'][:160] for n in v['nodes']]}" for v in told]
        over = screen.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            found.append(f"{name} {width}: {over} px too wide {screen.evaluate(WIDER)}")
    return found
