"""The public pages are for everyone: axe, the keyboard alone, narrow and enlarged, high contrast, a slow line."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.support import browser as browsers
from tests.support.browser import picture
from tests.support.live import Installation
from tests.support.reports import service
from tests.support.staff import sign_in

pytestmark = [pytest.mark.browser]
WIDTHS = (320, 768, 1280)
LEVELS = ["非常满意", "满意", "基本满意", "不满意", "非常不满意"]
WIDER = """[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth)
  .map(e => e.tagName + '.' + e.className).slice(-6)"""
HEAVIEST = 60_000  # bytes of HTML, CSS and scripts of one page on the wire


@pytest.fixture(scope="module")
def live() -> Iterator[Installation]:
    with Installation(os.environ.get("MINPING_DATABASE", "")) as installation:
        yield installation


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browsers.browser() as started:
        yield started


def invited(live: Installation, case_no: str) -> str:
    """The address of a new service's invitation."""
    status, told = live.call("POST", "/api/v1/services", live.key(), service(live, case_no))
    assert status == 200, told
    return str(told["invitation_url"])


def sound(screen: Page, name: str) -> list[str]:
    """What axe finds at each width, and each width that must be scrolled sideways; empty is good."""
    found = []
    for width in WIDTHS:
        screen.set_viewport_size({"width": width, "height": 900})
        told = Axe().run(screen).response["violations"]
        found += [f"{name} {width}: {v['id']} {[n['html'][:160] for n in v['nodes']]}" for v in told]
        over = screen.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            wide = screen.evaluate(WIDER)
            found.append(f"{name} {width}: {over} px too wide {wide}")
    return found


def open_pages(live: Installation) -> list[str]:
    """Addresses that anyone may open without an invitation."""
    return ["/", "/about", "/receipt", "/login", "/terminal/", "/terminal/case", "/tablet/", "/mine/"]


def test_axe_finds_nothing_on_any_public_page_and_none_scrolls_sideways(live: Installation, chromium: Browser) -> None:
    screen = browsers.page(chromium)
    found: list[str] = []
    for path in open_pages(live):
        answer = screen.goto(live.url + path)
        assert answer is not None and answer.status == 200, path
        found += sound(screen, path)
    address = invited(live, "ALL-0001")
    screen.goto(address)
    found += sound(screen, "tiles")
    screen.goto(address + "?elder=1")
    found += sound(screen, "tiles, elder")
    screen.get_by_role("button", name="不满意", exact=True).click()
    expect(screen.get_by_role("heading", name="已保存：不满意")).to_be_visible()
    for summary in screen.locator("details > summary").all():
        summary.click()
    found += sound(screen, "reasons")
    screen.get_by_label("想说的话").fill("等了两小时")
    screen.get_by_role("button", name="提交").click()
    expect(screen.locator(".receipt-code")).to_be_visible()
    found += sound(screen, "receipt")
    screen.goto(live.url + "/r/" + "x" * 22)
    found += sound(screen, "unknown")
    office = sign_in(live, chromium, "operator")
    office.goto(f"{live.url}/codes/")
    with office.expect_download():  # the codes are made with the posters
        office.get_by_role("button", name="制作全部海报").click()
    office.goto(f"{live.url}/codes/")
    window = office.locator("tr", has_text="3号窗口").locator("a").first.get_attribute("href")
    screen.goto(f"{live.url}{window}")
    expect(screen.get_by_label("办事时登记的手机号")).to_be_visible()
    found += sound(screen, "window code")
    screen.get_by_label("办事时登记的手机号").fill("13800000000")
    screen.get_by_role("button", name="获取验证码").click()
    expect(screen.get_by_label("短信里的六位数字")).to_be_visible()
    found += sound(screen, "window digits")
    assert not found, "\n".join(found)


def test_axe_finds_nothing_on_the_terminal_from_the_slip_to_the_receipt(live: Installation, chromium: Browser) -> None:
    status, told = live.call("POST", "/api/v1/services", live.key(), service(live, "ALL-0006"))
    assert status == 200, told
    screen = browsers.page(chromium, "tablet")
    screen.goto(f"{live.url}/terminal/")
    screen.get_by_label("凭条码").fill(told["slip_code"])
    screen.get_by_role("button", name="下一步").click()
    expect(screen.get_by_role("heading", name="您对这次服务满意吗？")).to_be_visible()
    found = sound(screen, "terminal tiles")
    screen.get_by_role("button", name="不满意", exact=True).click()
    expect(screen.get_by_label("想说的话")).to_be_visible()
    found += sound(screen, "terminal reasons")
    screen.get_by_role("button", name="提交").click()
    expect(screen.locator(".receipt-code")).to_be_visible()
    found += sound(screen, "terminal receipt")
    assert not found, "\n".join(found)


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
    context = chromium.new_context(viewport={"width": 640, "height": 450}, locale="zh-CN", forced_colors="active")
    screen = context.new_page()
    for place in (address, f"{live.url}/about", f"{live.url}/receipt"):
        screen.goto(place)
        screen.evaluate("document.documentElement.style.fontSize = '200%'")
        over = screen.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, f"{place.removeprefix(live.url)[:8]} is {over} px too wide"
    screen.goto(address)
    for tile in screen.locator("button.tile").all():
        assert tile.evaluate("e => getComputedStyle(e).borderTopStyle") == "solid", "a tile keeps its edge"
        assert tile.evaluate("e => getComputedStyle(e).borderTopWidth") != "0px"
        expect(tile).to_be_visible()


def test_a_public_page_weighs_less_than_60_kb(live: Installation, chromium: Browser) -> None:
    for place in (invited(live, "ALL-0005"), f"{live.url}/", f"{live.url}/about"):
        screen = browsers.page(chromium, "phone")  # an empty store each time
        screen.goto(place, wait_until="load")
        weight = screen.evaluate(
            "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
            ".reduce((sum, e) => sum + e.transferSize, 0)"
        )
        assert 3_000 < weight < HEAVIEST, f"{weight} bytes"


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
