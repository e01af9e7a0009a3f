"""The public pages are for everyone: axe, the keyboard alone, narrow and enlarged, high contrast, a slow line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import translation
from django.utils.translation import gettext
from playwright.sync_api import Browser, expect

from minping import law
from minping.evaluate.channels.link.pages import TRIES_A_MINUTE
from minping.kernel.language import LANGUAGES, level_label
from tests.support import browser as browsers
from tests.support.axe import for_everyone, violations
from tests.support.browser import picture
from tests.support.catalogue import HAN
from tests.support.live import Installation
from tests.support.reports import service
from tests.support.staff import sign_in
from tests.support.world import FRIDAY

pytestmark = [pytest.mark.browser]
LEVELS = ["非常满意", "满意", "基本满意", "不满意", "非常不满意"]
RULES = law.at("350213005", FRIDAY.date())


@pytest.fixture(scope="module")
def live() -> Iterator[Installation]:
    """An office behind a reverse proxy, as real ones are."""
    installation = Installation(os.environ.get("MINPING_DATABASE", ""))
    (installation.home / "minping.toml").write_text('trusted_proxies = ["127.0.0.1"]\n')
    with installation:
        yield installation


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browsers.browser() as started:
        yield started


def invited(live: Installation, case_no: str, days: int = 0, **more: str) -> str:
    """The address of an invitation, of a service that ended `days` ago."""
    told = {**service(live, case_no), **more}
    if days:
        before = datetime.fromisoformat(told["served_at"]) - timedelta(days=days)
        told["accepted_at"] = told["served_at"] = before.isoformat()
    status, answer = live.call("POST", "/api/v1/services", live.key(), told)
    assert status == 200, answer
    return str(answer["invitation_url"])


SPEAKERS = {"zh-CN": "zh-hans", "zh-TW": "zh-hant", "en-US": "en"}
ADDRESSES = (f"198.51.100.{number}" for number in range(1, 250))  # as the proxy names them


class Person:
    """Somebody whose browser asks for a language, and what is wrong with the pages met on the way."""

    def __init__(self, live: Installation, chromium: Browser, locale: str, **where: Any) -> None:
        self.live = live
        self.code = SPEAKERS[locale]
        self.context = chromium.new_context(locale=locale, **where)
        self.screen = self.context.new_page()
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

    def fill(self, label: str, text: str) -> None:
        self.screen.get_by_label(self.say(label)).fill(text)

    def reach(self, heading: str) -> None:
        expect(self.screen.get_by_role("heading", name=self.say(heading))).to_be_visible()

    def look(self, name: str, keep: str = "") -> None:
        """At each width axe, and whether the page must be scrolled sideways; `keep` names a picture."""
        if keep:
            suffix = {"zh-hans": "", "zh-hant": "-hant", "en": "-en"}[self.code]
            picture(self.screen, f"channels/{keep}{suffix}", ("phone", "tablet", "desktop"))
        name = f"{self.code} {name}"
        assert self.screen.evaluate("document.documentElement.lang") == LANGUAGES[self.code].tag, name
        self.screen.evaluate("document.querySelectorAll('details').forEach(more => { more.open = true; })")
        self.found += for_everyone(self.screen, name)

    def sound(self) -> None:
        found, self.found = self.found, []
        assert not found, "\n".join(found)


@pytest.fixture(scope="module", params=SPEAKERS)
def person(request: pytest.FixtureRequest, live: Installation, chromium: Browser) -> Person:
    return Person(live, chromium, request.param)


@pytest.fixture(scope="module")
def codes(live: Installation, chromium: Browser) -> tuple[str, str]:
    """The addresses of a window's poster and of one that has been replaced; codes are made with the posters."""
    office = sign_in(live, chromium, "operator")
    office.goto(f"{live.url}/codes/")
    with office.expect_download():
        office.get_by_role("button", name="制作全部海报").click()
    office.goto(f"{live.url}/codes/")
    here, gone = (
        office.locator("tr", has_text=f"{number}号窗口").locator("a").first.get_attribute("href") for number in (3, 6)
    )
    office.locator("tr", has_text="6号窗口").get_by_role("button", name="停用并换新码").click()
    office.context.close()
    assert here and gone
    return here, gone


def test_axe_finds_nothing_on_the_pages_before_and_beside_a_rating(
    live: Installation, person: Person, codes: tuple[str, str]
) -> None:
    """Where people begin, and where a wrong step leads: in each language as the browser asks, no choice made."""
    for path, keep in (("/", "home"), ("/about", "about"), ("/receipt", "lookup"), ("/mine/", "mine")):
        person.open(path, keep=f"link-{keep}")
    for path in ("/r/" + "x" * 22, "/nowhere", "/w/nothing"):
        person.open(path, status=404)
    here, gone = codes
    person.open(f"{gone}/dead", "the address of an act", status=405)
    person.open(gone, "window code retired", status=410)
    person.open(here, "window code")
    person.fill("办事时登记的手机号", "13800000000")
    person.press(person.say("获取验证码"))
    expect(person.screen.get_by_label(person.say("短信里的六位数字"))).to_be_visible()
    person.look("window digits")
    person.sound()


def test_axe_finds_nothing_on_any_state_of_a_rating_page(live: Installation, person: Person) -> None:
    """Open, rated, negative with its case, default, expired, a package; each also for the elders."""
    screen, say = person.screen, person.say
    silent = invited(live, f"ALL-0-{person.code}", days=10)  # its default is made while the rest is looked at
    address = invited(live, f"ALL-1-{person.code}")
    person.open(address + "?elder=1", "tiles, elder")
    person.open(address + "?elder=0", "tiles", keep="link-rate")
    person.press(person.level(2))
    expect(screen.get_by_label(say("想说的话"))).to_be_visible()
    person.look("reasons", "link-reasons")
    person.open(screen.url + "&elder=1", "reasons, elder")
    person.fill("想说的话", "等了两小时")
    person.press(say("提交"))
    expect(screen.locator(".receipt-code")).to_be_visible()
    person.look("receipt, elder")
    person.open(address + "?elder=0", "receipt", keep="link-receipt")
    person.press(say("向纪检反映"))
    person.look("report")
    screen.goto(address)
    code = screen.locator(".receipt-code").inner_text()
    person.open("/receipt", "lookup")
    person.fill("回执号（16 位数字）", "1")
    person.press(say("查询"))
    person.look("no such receipt")
    person.fill("回执号（16 位数字）", code)
    person.press(say("查询"))
    expect(screen.locator(".receipt-code")).to_be_visible()
    person.look("receipt found")
    one = invited(live, f"ALL-2-{person.code}", package_no=f"P-{person.code}")
    invited(live, f"ALL-3-{person.code}", package_no=f"P-{person.code}")
    person.open(one + "/package", "package")
    person.press(person.level(3))
    expect(screen.get_by_label(say("想说的话"))).to_be_visible()
    person.look("package reasons")
    person.press(say("提交"))
    person.look("package given")
    person.open(invited(live, f"ALL-9-{person.code}", days=500), "expired", status=410, keep="link-expired")
    live.wait_for(lambda: "默认" in live.http.request("GET", silent).data.decode(), 30, "没有记默认")
    person.open(silent, "default", keep="link-default")
    person.open(silent + "?say=1", "late voice")
    person.sound()


@pytest.mark.django_db
@pytest.mark.parametrize("locale", SPEAKERS)
def test_axe_finds_nothing_on_any_page_that_says_what_went_wrong(
    live: Installation, chromium: Browser, locale: str
) -> None:
    person = Person(live, chromium, locale, extra_http_headers={"X-Forwarded-For": next(ADDRESSES)})
    screen, say = person.screen, person.say
    screen.goto(f"{live.url}/receipt")
    token = screen.locator("[name=csrfmiddlewaretoken]").input_value()
    wrong: dict[str, str | float | bool] = {"code": "1", "csrfmiddlewaretoken": token}
    seen = [screen.request.post(f"{live.url}/receipt", form=wrong).status for _ in range(TRIES_A_MINUTE + 1)]
    assert seen[-2:] == [404, 429], "counted by the person's own address, through the proxy"
    person.fill("回执号（16 位数字）", "1")
    person.press(say("查询"))
    person.look("receipt, too many tries")
    screen.goto(f"{live.url}/receipt")
    person.context.clear_cookies()
    person.fill("回执号（16 位数字）", "1")
    person.press(say("查询"))
    person.look("403_csrf")
    # What only a fault brings about is shown by its own template under the office's own address.
    shown: dict[str, str] = {}
    screen.route("**/broken", lambda route: route.fulfill(body=shown["page"], content_type="text/html; charset=utf-8"))
    for name in ("400", "403", "409", "429", "500"):
        with translation.override(person.code):
            shown["page"] = render_to_string(f"{name}.html", request=RequestFactory().get("/broken"))
        person.open("/broken", name)
    person.sound()


def test_axe_finds_nothing_on_the_terminal_from_the_slip_to_the_receipt(live: Installation, person: Person) -> None:
    """A terminal is asked by the person alone: its browser's language counts for nothing."""
    status, told = live.call("POST", "/api/v1/services", live.key(), service(live, f"ALL-4-{person.code}"))
    assert status == 200, told
    screen, say = person.screen, person.say

    def begin() -> None:
        """The first page speaks the house's own language, whatever the person before has chosen."""
        expect(screen.locator("html")).to_have_attribute("lang", "zh-CN")
        screen.locator("nav.languages a").nth(list(LANGUAGES).index(person.code)).click()
        expect(screen.locator("html")).to_have_attribute("lang", LANGUAGES[person.code].tag)

    screen.goto(f"{live.url}/terminal/")
    begin()
    person.look("terminal")
    screen.get_by_role("link", name=say("评价说明")).click()
    person.reach("谁看得到什么")
    person.look("terminal about", keep="terminal-about")
    screen.get_by_role("link", name=say("返回")).first.click()
    screen.get_by_role("link", name=say("没有凭条？用办件编号和手机")).click()
    person.look("terminal case")
    person.fill("办件编号", "MA-NOBODY")
    person.fill("办事时登记的手机号", "13800000001")
    person.press(say("发验证码"))
    person.look("terminal code")
    screen.get_by_role("link", name=say("结束，清除")).click()
    begin()
    person.fill("凭条码（16 位数字）", "1")
    person.press(say("下一步"))
    person.look("terminal, wrong slip")
    person.fill("凭条码（16 位数字）", told["slip_code"])
    person.press(say("下一步"))
    person.reach("您对这次服务满意吗？")
    person.look("terminal tiles")
    person.press(person.level(2))
    expect(screen.get_by_label(say("想说的话"))).to_be_visible()
    person.look("terminal reasons")
    person.press(say("提交"))
    expect(screen.locator(".receipt-code")).to_be_visible()
    person.look("terminal receipt")
    screen.get_by_role("link", name=say("完成")).click()
    begin()
    person.fill("凭条码（16 位数字）", told["slip_code"])
    person.press(say("下一步"))
    person.look("terminal, rated already")
    for place in screen.locator("a[href]").all():
        href = place.get_attribute("href") or ""
        assert href.startswith(("/terminal/", "?")), f"{href} leads off the terminal"
    person.sound()


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

    def in_each_language(name: str, *, last: str = "en", keep: str = "") -> None:
        for person.code in sorted(LANGUAGES, key=lambda code: code == last):
            screen.get_by_role("button", name=LANGUAGES[person.code].name, exact=True).click()
            person.look(f"tablet {name}", keep)

    in_each_language("idle")
    person.tap("How it works")
    in_each_language("about", keep="tablet-about")
    assert screen.locator("#told a").count() == 0, "nothing leads off the device"
    screen.get_by_role("button", name="Back").first.click()
    expect(screen.locator("#idle")).to_be_visible()
    invited(live, "ALL-5")
    expect(screen.get_by_role("heading", name="您对这次服务满意吗？")).to_be_visible()
    in_each_language("tiles")
    shown = [text for text in screen.locator("#rate").inner_text().splitlines() if HAN.search(text)]
    assert shown == [line for line in shown if "登记" in line or "**" in line], "names alone are Chinese"
    picture(screen, "channels/tablet-english", ("phone", "tablet", "desktop"))
    screen.locator("#rate").get_by_role("button", name="How it works").click()
    screen.get_by_role("button", name="Back").last.click()
    person.tap("Dissatisfied")
    expect(screen.locator("#saved-note")).to_have_text("You chose “Dissatisfied”.")
    expect(screen.get_by_label("Proof of the same fact asked for several times")).to_be_visible()
    in_each_language("reasons")
    person.tap("Skip")
    expect(screen.get_by_role("heading", name="Thank you, your rating has been taken")).to_be_visible()
    person.look("tablet thanks")
    person.tap("Done")
    expect(screen.get_by_text("办完事后，这里会显示您的这一次服务")).to_be_visible()
    office.goto(f"{live.url}/devices/")
    office.get_by_role("button", name=re.compile("停用 tablet-03")).click()
    expect(screen.locator("#stopped")).to_be_visible()
    in_each_language("stopped")
    person.sound()


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


def test_in_forced_colours_a_tile_keeps_its_edge_and_what_is_chosen_has_more_than_colour(
    live: Installation, chromium: Browser
) -> None:
    context = chromium.new_context(viewport={"width": 640, "height": 450}, locale="en-US", forced_colors="active")
    screen = context.new_page()
    screen.goto(invited(live, "ALL-0004"))
    for tile in screen.locator("button.tile").all():
        assert tile.evaluate("e => getComputedStyle(e).borderTopStyle") == "solid"
        assert tile.evaluate("e => getComputedStyle(e).borderTopWidth") != "0px"
        expect(tile).to_be_visible()
    here = screen.locator(".languages [aria-current]")
    assert here.evaluate("e => getComputedStyle(e).borderBottomStyle") == "solid"


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
        assert violations(screen, **only) == [], place
        moving = screen.evaluate(
            "[...document.querySelectorAll('body *')].filter(e => { const s = getComputedStyle(e);"
            " return parseFloat(s.transitionDuration) > 0 || s.animationName !== 'none'; }).length"
        )
        assert moving == 0


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
