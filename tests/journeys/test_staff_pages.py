"""Every staff page of one office with something in it: found by its links, and asked by axe at a phone's, a tablet's and a
desk's width; nothing on it must be scrolled sideways but a table in its box, which the keyboard reaches.

The pages are rendered by Django first and then shown to the browser from memory: no server, and the seconds are axe's.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test.utils import CaptureQueriesContext
from playwright.sync_api import Page, Route, expect

from minping.kernel.models import Account, Assignment
from minping.registry import queries as registry
from tests.support import browser as browsers
from tests.support.axe import sound
from tests.support.world import FRIDAY, PASSWORD, Story, rate, receive, service_row, signed_in, ticket

pytestmark = [pytest.mark.django_db, pytest.mark.browser, pytest.mark.once]
HOST = "http://testserver"
WHO = ("head", "reviewer", "window3", "unit", "operator", "auditor", "discipline")
OWN = ("/desk/", "/desk/mine/")  # where each begins, with what is theirs
MOST = 26  # queries of one page, of a case with everything on it; lists have budgets of their own beside each stage
STEPS = ("negative", "called", "confirmed", "reported", "accepted", "followed")
NAMES = [  # what stands in an address for a thing: one page of each kind is enough
    (re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}"), "U"), (re.compile(r"/\d+"), "/N"), (re.compile(r"due\d{8}"), "dueN"),
    (re.compile(r"^/desk/(?!calendar)\w+/"), "/desk/V/"),
    (re.compile(r"/indicators/\w+/\w+/"), "/indicators/I/P/"),
]  # fmt: skip
NO_PAGE = re.compile(
    r"^/(static|api|r|w|terminal|tablet|mine|receipt|about|login|logout)\b|^/$|export|\.(csv|xlsx|pdf|svg|png)|/form/?$"
)


@pytest.fixture
def office(world: None) -> None:
    """Cases in every state of the road, a ticket, quiet ratings, and the officer of discipline."""
    officer = Account.objects.create_account("discipline", "纪检人员", PASSWORD, staff_code="g01")
    Assignment.objects.create(account=officer, role="discipline", organization_code="minan")
    for number, step in enumerate(STEPS):
        getattr(Story(f"P-{number}"), step)()
    for number, service in enumerate(receive(*(service_row(f"Q-{n}") for n in range(6)))):
        rate(service, 5 if number % 2 else 4)
    ticket(at=FRIDAY)


def kind(address: str) -> str:
    """An address without what it is of: pages of one kind differ in their rows alone."""
    parts = urlsplit(address)
    path = parts.path
    for pattern, name in NAMES:
        path = pattern.sub(name, path)
    return path + "?" + ",".join(sorted(word.split("=")[0] for word in parts.query.split("&")))


def pages() -> Iterator[tuple[str, str, str, int]]:
    """(who, address, page, queries) of every kind of page that a person reaches by links from the work place."""
    seen: set[str] = set()
    for username in WHO:
        browser, waiting, known = signed_in(username), ["/desk/", "/password"], set()
        while waiting:
            address = waiting.pop(0)
            if address in known or NO_PAGE.search(address):
                continue
            known.add(address)
            if kind(address) in seen and address not in OWN:
                continue
            registry.directory(fresh=True)
            with CaptureQueriesContext(connection) as asked:
                answer = browser.get(address)
            if answer.status_code in (301, 302):
                waiting.insert(0, urljoin(address, answer["Location"]))
                continue
            if "html" not in answer["Content-Type"]:
                continue
            assert answer.status_code == 200, (username, address)
            page = answer.content.decode()
            links = [unescape(link) for link in re.findall(r'<a\b[^>]*href="([^"#]+)', page)]
            waiting += [urljoin(address, link) for link in links if not urlsplit(link).netloc]
            if kind(address) not in seen:
                seen.add(kind(address))
                yield username, address, page, len(asked)


def from_memory(shown: dict[str, str]) -> object:
    def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path.startswith("/static/"):
            file = finders.find(path.removeprefix("/static/"))
            if file is None:
                route.abort()
            else:
                route.fulfill(body=Path(file).read_bytes(), content_type=mimetypes.guess_type(path)[0] or "text/plain")
        else:
            route.fulfill(body=shown["page"], content_type="text/html; charset=utf-8")

    return answer


PAPER = 672  # CSS pixels between the margins of an A4 sheet (178 mm)
BARE = """[...document.querySelectorAll('tbody th')].filter(e => e.textContent.trim() && !e.innerText.trim()).length"""


def on_paper(screen: Page, name: str) -> list[str]:
    """What a printed page would cut off at its edge, and how many rows would have lost their name."""
    screen.set_viewport_size({"width": PAPER, "height": 950})
    screen.emulate_media(media="print")
    wide, bare = screen.evaluate("document.documentElement.scrollWidth"), screen.evaluate(BARE)
    screen.emulate_media(media="screen")
    return [f"{name} 打印：{wide} px 宽，{bare} 行没有名称"] if wide > PAPER or bare else []


def test_no_staff_page_shuts_anybody_out_and_none_asks_the_database_without_end(office: None) -> None:
    found = list(pages())
    assert len(found) > 30, [address for _, address, _, _ in found]
    wrong = [f"{who} {address}: {asked} 次查询" for who, address, _, asked in found if asked > MOST]
    with browsers.browser() as chromium:
        screen, shown = browsers.page(chromium), {"page": ""}
        screen.route("**/*", from_memory(shown))
        for who, address, page, _ in found:
            shown["page"] = page
            screen.goto(HOST + "/page")
            wrong += sound(screen, f"{who} {address}")
            wrong += on_paper(screen, f"{who} {address}")
    assert wrong == [], "\n".join(wrong)


def test_on_a_phone_the_menu_opens_by_the_keyboard_without_script_and_shuts_again(office: None) -> None:
    page = signed_in("head").get("/desk/accept/").content.decode()
    with browsers.browser() as chromium:
        screen = chromium.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False).new_page()
        screen.route("**/*", from_memory({"page": page}))
        screen.goto(HOST + "/page")
        menu, button = screen.get_by_role("navigation", name="栏目"), screen.get_by_role("button", name="待验收")
        expect(menu).not_to_be_visible()
        screen.keyboard.press("Tab")
        expect(screen.get_by_role("link", name="跳到正文")).to_be_focused()  # the first stop leads past the frame
        button.focus()
        screen.keyboard.press("Enter")
        expect(menu).to_be_visible()
        expect(menu.get_by_role("link", name="待验收")).to_have_attribute("aria-current", "page")
        expect(menu.get_by_role("link", name="待审批")).not_to_be_visible()
        menu.get_by_text("其他视图").click()
        expect(menu.get_by_role("link", name="待审批")).to_be_visible()
        screen.keyboard.press("Escape")
        expect(menu).not_to_be_visible()
