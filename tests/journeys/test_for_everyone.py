"""The public pages are for everyone: axe, the keyboard alone, narrow and enlarged, high contrast, a slow line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import translation
from django.utils.translation import gettext
from playwright.sync_api import Browser, expect

from minping import law
from minping.kernel.language import LANGUAGES, level_label
from tests.support import browser as browsers
from tests.support.axe import WIDER, WIDTHS, sound
from tests.support.browser import picture
from tests.support.catalogue import HAN
from tests.support.live import Installation
from tests.support.reports import service
from tests.support.staff import sign_in
from tests.support.world import FRIDAY

pytestmark = [pytest.mark.browser]
LEVELS = ["非常满意", "满意", "基本满意", "不满意", "非常不满意"]
RULES = law.at("350213005", FRIDAY.date())
HEAVIEST = 60_000  # bytes of HTML, CSS and scripts of one page on the wire


@pytest.fixture(scope="module")
def live() -> Iterator[Installation]:
    with Installation(os.environ.get("MINPING_DATABASE", "")) as installation:
        yield installation


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browsers.browser() as started:
        yield started


def invited(live: Installation, case_no: str, **more: str) -> str:
    """The address of a new service's invitation."""
    status, told = live.call("POST", "/api/v1/services", live.key(), {**service(live, case_no), **more})
    assert status == 200, told
    return str(told["invitation_url"])


SPEAKERS = {"zh-CN": ("zh-hans", WIDTHS), "zh-TW": ("zh-hant", WIDTHS[:1]), "en-US": ("en", WIDTHS[:1])}


class Person:
    """Somebody whose browser asks for a language, and what is wrong with the pages met on the way."""

    def __init__(self, live: Installation, chromium: Browser, locale: str) -> None:
        self.live = live
        self.code, self.axe_widths = SPEAKERS[locale]
        self.screen = chromium.new_context(locale=locale).new_page()
        self.found: list[str] = []

    def say(self, text: str) -> str:
        """A sentence of the house as this person reads it."""
        with translation.override(self.code):
            return gettext(text)

    def level(self, number: int) -> str:
        with translation.override(self.code):
            return level_label(RULES, number)

    def open(self, path: str, name: str = "", status: int = 200, keep: str = "") -> None:
        answer = self.screen.goto(path if path.startswith("http") else self.live.url + path)
        assert answer is not None and answer.status == status, path
        self.look(name or path, keep)

    def press(self, text: str) -> None:
        """A press that leads to another page."""
        with self.screen.expect_navigation():
            self.tap(text)

    def tap(self, text: str) -> None:
        self.screen.get_by_role("button", name=text, exact=True).click()

    def look(self, name: str, keep: str = "") -> None:
        """axe where it is due, and at each width whether the page must be scrolled sideways; `keep` names a picture."""
        if keep:
            suffix = {"zh-hans": "", "zh-hant": "-hant", "en": "-en"}[self.code]
            picture(self.screen, f"channels/link-{keep}{suffix}", ("phone", "tablet", "desktop"))
        name = f"{self.code} {name}"
        assert self.screen.evaluate("document.documentElement.lang") == LANGUAGES[self.code].tag, name
        self.screen.evaluate("document.querySelectorAll('details').forEach(more => { more.open = true; })")
        self.found += sound(self.screen, name, self.axe_widths)


@pytest.fixture(scope="module", params=SPEAKERS)
def person(request: pytest.FixtureRequest, live: Installation, chromium: Browser) -> Person:
    return Person(live, chromium, request.param)


@pytest.fixture(scope="module")
def window_code(live: Installation, chromium: Browser) -> str:
    """The address of a window's poster; the codes are made with the posters."""
    office = sign_in(live, chromium, "operator")
    office.goto(f"{live.url}/codes/")
    with office.expect_download():
        office.get_by_role("button", name="制作全部海报").click()
    office.goto(f"{live.url}/codes/")
    address = office.locator("tr", has_text="3号窗口").locator("a").first.get_attribute("href")
    office.context.close()
    assert address
    return address


def test_axe_finds_nothing_on_any_public_page_and_none_scrolls_sideways(
    live: Installation, person: Person, window_code: str
) -> None:
    """One way through every public page, in each language: as the browser asks, no choice made."""
    screen, say = person.screen, person.say
    for path, keep in (("/", "home"), ("/about", "about"), ("/receipt", "lookup"), ("/mine/", "mine")):
        person.open(path, keep=keep)
    for path in ("/r/" + "x" * 22, "/nowhere", "/w/nothing"):
        person.open(path, status=404)
    address = invited(live, f"ALL-1-{person.code}")
    person.open(address + "?elder=1", "tiles, elder")
    person.open(address + "?elder=0", "tiles", keep="rate")
    person.press(person.level(2))
    expect(screen.get_by_label(say("想说的话"))).to_be_visible()
    person.look("reasons", "reasons")
    screen.get_by_label(say("想说的话")).fill("等了两小时")
    person.press(say("提交"))
    expect(screen.locator(".receipt-code")).to_be_visible()
    person.look("receipt", "receipt")
    person.press(say("向纪检反映"))
    person.look("report")
    screen.goto(address)
    code = screen.locator(".receipt-code").inner_text()
    screen.goto(f"{live.url}/receipt")
    screen.get_by_label(say("回执号（16 位数字）")).fill("1")
    person.press(say("查询"))
    person.look("no such receipt")
    screen.get_by_label(say("回执号（16 位数字）")).fill(code)
    person.press(say("查询"))
    expect(screen.locator(".receipt-code")).to_be_visible()
    person.look("receipt found")
    person.open(window_code, "window code")
    screen.get_by_label(say("办事时登记的手机号")).fill("13800000000")
    person.press(say("获取验证码"))
    expect(screen.get_by_label(say("短信里的六位数字"))).to_be_visible()
    person.look("window digits")
    one = invited(live, f"ALL-2-{person.code}", package_no=f"P-{person.code}")
    invited(live, f"ALL-3-{person.code}", package_no=f"P-{person.code}")
    person.open(one + "/package", "package")
    person.press(person.level(3))
    expect(screen.get_by_label(say("想说的话"))).to_be_visible()
    person.look("package reasons")
    person.press(say("提交"))
    person.look("package given")
    assert not person.found, "\n".join(person.found)


def test_axe_finds_nothing_on_the_terminal_from_the_slip_to_the_receipt(live: Installation, person: Person) -> None:
    """A terminal is asked by the person alone: its browser's language counts for nothing."""
    status, told = live.call("POST", "/api/v1/services", live.key(), service(live, f"ALL-4-{person.code}"))
    assert status == 200, told
    screen, say = person.screen, person.say
    person.found = []
    screen.goto(f"{live.url}/terminal/")
    assert screen.evaluate("document.documentElement.lang") == "zh-CN"
    screen.locator("nav.languages a").nth(list(LANGUAGES).index(person.code)).click()
    person.look("terminal")
    screen.get_by_role("link", name=say("没有凭条？用办件编号和手机")).click()
    person.look("terminal case")
    screen.go_back()
    screen.get_by_label(say("凭条码（16 位数字）")).fill(told["slip_code"])
    person.press(say("下一步"))
    expect(screen.get_by_role("heading", name=say("您对这次服务满意吗？"))).to_be_visible()
    person.look("terminal tiles")
    person.press(person.level(2))
    expect(screen.get_by_label(say("想说的话"))).to_be_visible()
    person.look("terminal reasons")
    person.press(say("提交"))
    expect(screen.locator(".receipt-code")).to_be_visible()
    person.look("terminal receipt")
    assert not person.found, "\n".join(person.found)


def test_the_tablet_speaks_to_each_person_and_axe_finds_nothing(live: Installation, chromium: Browser) -> None:
    office = sign_in(live, chromium, "operator")
    office.goto(f"{live.url}/devices/")
    office.get_by_role("button", name=re.compile(r"配对 tablet-03$")).click()
    code = office.locator("#pairing-code").inner_text().replace("-", "")
    person = Person(live, chromium, "en-US")
    screen = person.screen
    screen.goto(f"{live.url}/tablet/pair#{code}")
    screen.get_by_role("button", name="配对").click()
    expect(screen.locator("#sign")).to_have_text("在线")
    invited(live, "ALL-5")
    expect(screen.get_by_role("heading", name="您对这次服务满意吗？")).to_be_visible()
    for person.code in ("zh-hant", "en"):
        screen.get_by_role("button", name=LANGUAGES[person.code].name, exact=True).click()
        expect(screen.get_by_role("heading", name=person.say("您对这次服务满意吗？"))).to_be_visible()
        person.look("tablet tiles")
        if person.code == "en":
            shown = [text for text in screen.locator("#rate").inner_text().splitlines() if HAN.search(text)]
            assert shown == [line for line in shown if "登记" in line or "**" in line], "names alone are Chinese"
    picture(screen, "channels/tablet-english", ("phone", "tablet", "desktop"))
    person.tap("Dissatisfied")
    expect(screen.locator("#saved-note")).to_have_text("You chose “Dissatisfied”.")
    expect(screen.get_by_label("Proof of the same fact asked for several times")).to_be_visible()
    person.look("tablet reasons")
    person.tap("Skip")
    expect(screen.get_by_role("heading", name="Thank you, your rating has been taken")).to_be_visible()
    person.tap("Done")
    expect(screen.get_by_text("办完事后，这里会显示您的这一次服务")).to_be_visible()
    assert not person.found, "\n".join(person.found)


def test_the_keyboard_alone_rates_to_the_end(live: Installation, chromium: Browser) -> None:
    screen = browsers.page(chromium)
    screen.goto(invited(live, "ALL-0002"))

    def tab_to(text: str) -> None:
        for _ in range(40):
            screen.keyboard.press("Tab")
            here = screen.evaluate("document.activeElement.innerText || document.activeElement.name || ''")
            if here.strip() == text:
                outline = screen.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none", f"{text}: where the focus is cannot be seen"
                return
        raise AssertionError(f"Tab never reaches {text}")

    screen.keyboard.press("Tab")
    assert screen.evaluate("document.activeElement.className") == "skip", "the first stop leads past the header"
    tab_to("不满意")
    screen.keyboard.press("Enter")
    expect(screen.get_by_role("heading", name="已保存：不满意")).to_be_visible()
    screen.get_by_role("checkbox").first.wait_for()
    for _ in range(40):
        screen.keyboard.press("Tab")
        if screen.evaluate("document.activeElement.type") == "checkbox":
            break
    screen.keyboard.press("Space")
    expect(screen.get_by_role("checkbox").first).to_be_checked()
    tab_to("text")
    screen.keyboard.type("等了两小时")
    tab_to("提交")
    screen.keyboard.press("Enter")
    expect(screen.locator(".receipt-code")).to_be_visible()
    expect(screen.get_by_text("等了两小时")).to_be_visible()


def test_each_tile_is_called_by_its_own_level(live: Installation, chromium: Browser) -> None:
    screen = browsers.page(chromium, "phone")
    screen.goto(invited(live, "ALL-0003"))
    for level in LEVELS:
        expect(screen.get_by_role("button", name=level, exact=True)).to_have_count(1)
    expect(screen.locator("button.tile")).to_have_count(len(LEVELS))


def test_letters_twice_as_large_and_forced_colours_lose_nothing(live: Installation, chromium: Browser) -> None:
    """200 % zoom of a 1280 px window is 640 CSS px; text alone enlarged is a root of twice the size."""
    address = invited(live, "ALL-0004")
    context = chromium.new_context(viewport={"width": 640, "height": 450}, locale="en-US", forced_colors="active")
    screen = context.new_page()
    for place in (
        address,
        *(live.url + path for path in ("/", "/about", "/receipt", "/terminal/?lang=en", "/nowhere")),
    ):
        screen.goto(place)
        screen.evaluate("document.documentElement.style.fontSize = '200%'")
        over = screen.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, f"{place.removeprefix(live.url)[:8]} is {over} px too wide {screen.evaluate(WIDER)}"
    screen.goto(address)
    for tile in screen.locator("button.tile").all():
        assert tile.evaluate("e => getComputedStyle(e).borderTopStyle") == "solid", "a tile keeps its edge"
        assert tile.evaluate("e => getComputedStyle(e).borderTopWidth") != "0px"
        expect(tile).to_be_visible()
    here = screen.locator(".languages [aria-current]")
    assert here.evaluate("e => getComputedStyle(e).borderBottomStyle") == "solid", "what is chosen has more than colour"


def test_who_asks_for_more_contrast_gets_it_and_who_asks_for_stillness_sees_nothing_move(
    live: Installation, chromium: Browser
) -> None:
    context = chromium.new_context(
        viewport={"width": 390, "height": 844}, locale="en-US", contrast="more", reduced_motion="reduce"
    )
    screen = context.new_page()
    for place in (invited(live, "ALL-0008"), f"{live.url}/about", f"{live.url}/receipt"):
        screen.goto(place)
        only = {
            "runOnly": {"type": "rule", "values": ["color-contrast-enhanced"]},
            "rules": {"color-contrast-enhanced": {"enabled": True}},
        }
        told = Axe().run(screen, options=only).response["violations"]
        assert [node["html"][:120] for rule in told for node in rule["nodes"]] == [], place
        moving = screen.evaluate(
            "[...document.querySelectorAll('body *')].filter(e => { const s = getComputedStyle(e);"
            " return parseFloat(s.transitionDuration) > 0 || s.animationName !== 'none'; }).length"
        )
        assert moving == 0


def test_a_public_page_weighs_less_than_60_kb(live: Installation, chromium: Browser, window_code: str) -> None:
    address = invited(live, "ALL-0005")
    heavy = {}
    for place in (address, f"{address}?elder=1&lang=en", "/", "/about?lang=en", "/receipt", window_code, "/terminal/"):
        screen = browsers.page(chromium, "phone")  # an empty store each time
        screen.goto(place if place.startswith("http") else live.url + place, wait_until="load")
        weight = screen.evaluate(
            "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
            ".reduce((sum, e) => sum + e.transferSize, 0)"
        )
        screen.context.close()
        if not 3_000 < weight < HEAVIEST:
            heavy[place] = weight
    assert heavy == {}


def test_the_browsers_own_voice_reads_the_elders_page_and_without_one_nothing_is_missed(
    live: Installation, chromium: Browser
) -> None:
    address = invited(live, "ALL-0007")
    screen = browsers.page(chromium, "phone")
    # What is handed to the browser's voice is looked at on its way: a headless browser has no voices.
    screen.add_init_script("speechSynthesis.speak = said => { window.heard = [said.text, said.lang]; }")
    screen.goto(address + "?elder=1")
    picture(screen, "public/elder", ("phone", "tablet", "desktop"))
    screen.get_by_role("button", name="读给我听").click()
    text, language = screen.evaluate("window.heard")
    assert language == "zh-CN"
    assert "您对这次服务满意吗？" in text
    assert all(level in text for level in LEVELS)
    assert "读给我听" not in text
    screen.get_by_role("button", name="停止朗读").click()
    expect(screen.get_by_role("button", name="读给我听")).to_be_visible()

    mute = chromium.new_context(
        viewport={"width": 390, "height": 844}, java_script_enabled=False, locale="zh-CN"
    ).new_page()
    mute.goto(address + "?elder=1")
    expect(mute.get_by_role("button", name="读给我听")).to_be_hidden()
    mute.get_by_role("button", name="满意", exact=True).click()
    expect(mute.get_by_role("heading", name="已保存：满意")).to_be_visible()
