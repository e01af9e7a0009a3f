"""What a page does to people: axe at the widths asked for, and at each width whether it must be scrolled sideways."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page

WIDTHS = (320, 768, 1280)
WIDER = """[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth)
  .map(e => e.tagName + '.' + e.className).slice(-6)"""
SOURCE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
# The library's own call serialises every rule that passed; what is wrong is all that is asked for here.
RUN = """async options => (await axe.run(document, {resultTypes: ['violations'], ...options})).violations
  .map(v => v.id + ' ' + v.nodes.map(n => n.html.slice(0, 160)).join(' | '))"""


def violations(screen: Page, **options: Any) -> list[str]:
    """What axe finds on the page as it stands; it is put into the page once."""
    if not screen.evaluate("typeof axe === 'object'"):
        screen.evaluate(SOURCE)
    found: list[str] = screen.evaluate(RUN, options)
    return found


# Run with a key pressed before, so that what gets the focus shows it as to somebody without a mouse.
UNSEEN = """() => {
  const shown = e => e.getClientRects().length && getComputedStyle(e).visibility !== 'hidden' && !e.disabled;
  const edge = s => s.outlineStyle !== 'none' || s.boxShadow !== 'none';
  return [...document.querySelectorAll('a[href], button, input:not([type=hidden]), textarea, select, summary')]
    .filter(shown).filter(e => {
      e.focus();
      const label = e.closest('label');
      return document.activeElement !== e || !(edge(getComputedStyle(e)) || label && edge(getComputedStyle(label)));
    }).map(e => e.outerHTML.slice(0, 120));
}"""
# Where the system's own few colours rule, what can be pressed is told from text by its edge or its line; boxes to tick
# are drawn by the system.
EDGELESS = """() => [...document.querySelectorAll('a[href]:not(.house), button, input:not([type=hidden], [type=checkbox], [type=radio]), ' +
  'textarea, select')]
  .filter(e => e.getClientRects().length).filter(e => {
    const s = getComputedStyle(e), border = s.borderBottomStyle !== 'none' && s.borderBottomWidth !== '0px';
    return !border && !s.textDecorationLine.includes('underline');
  }).map(e => e.outerHTML.slice(0, 120))"""
# HTML, CSS, scripts and pictures as they travel, kept by the browser or not; what a page asks for later is not its weight.
WEIGHT = """() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')
  .filter(e => ['link', 'script', 'img', 'css'].includes(e.initiatorType))]
  .reduce((sum, e) => sum + e.encodedBodySize + 300, 0)"""
HEAVIEST = 60_000  # bytes of one page on the wire
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def sound(screen: Page, name: str, axe_widths: Collection[int] = WIDTHS) -> list[str]:
    """What is wrong with the page as it stands, at each width without loading it again; empty is good."""
    found = []
    screen.wait_for_load_state()
    for width in WIDTHS:
        screen.set_viewport_size({"width": width, "height": 900})
        if width in axe_widths:
            found += [f"{name} {width}: {wrong}" for wrong in violations(screen)]
        if (over := screen.evaluate(WIDE)) > 0:
            found.append(f"{name} {width}: {over} px too wide {screen.evaluate(WIDER)}")
    return found


def for_everyone(screen: Page, name: str) -> list[str]:
    """What is wrong with a public page, for whoever comes.

    Beside `sound`: by keyboard (each stop shows where the focus is), in forced colours, with letters of twice the size
    on the 640 px that 200 % zoom leaves of 1280; and its weight.
    """
    found = sound(screen, name)
    screen.keyboard.press("Tab")
    found += [f"{name}: no focus to be seen on {place}" for place in screen.evaluate(UNSEEN)]
    screen.emulate_media(forced_colors="active")
    found += [f"{name}: no edge in forced colours {place}" for place in screen.evaluate(EDGELESS)]
    screen.emulate_media(forced_colors="none")
    screen.set_viewport_size({"width": 640, "height": 450})
    screen.evaluate("document.documentElement.style.fontSize = '200%'")
    if (over := screen.evaluate(WIDE)) > 0:
        found.append(f"{name}: enlarged, {over} px too wide {screen.evaluate(WIDER)}")
    screen.evaluate("document.documentElement.style.fontSize = ''")
    if not 3_000 < (weight := screen.evaluate(WEIGHT)) < HEAVIEST:
        found.append(f"{name}: {weight} bytes")
    return found
