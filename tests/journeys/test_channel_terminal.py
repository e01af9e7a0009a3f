"""自助终端 from the end of the service to the province's record, in a real browser (minan/3.4.2)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import browser as browsers
from tests.support.axe import sound
from tests.support.browser import picture
from tests.support.live import Installation
from tests.support.reports import service

pytestmark = [pytest.mark.browser]
WIDTHS = ("phone", "tablet", "desktop")
COOKIE = "mp_terminal_device"  # by which a paired terminal is known


@pytest.fixture(scope="module")
def live() -> Iterator[Installation]:
    with Installation(os.environ.get("MINPING_DATABASE", "")) as installation:
        yield installation


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browsers.browser() as started:
        yield started


def reported(live: Installation, case_no: str, phone: str = "") -> dict[str, str]:
    status, told = live.call("POST", "/api/v1/services", live.key(), service(live, case_no, phone))
    assert status == 200, told
    answer: dict[str, str] = told
    return answer


def press_digits(screen: Page, digits: str) -> None:
    """By the keys on the glass."""
    pad = screen.get_by_role("group", name="数字键")
    for digit in digits:
        pad.get_by_role("button", name=digit, exact=True).click()


def kept(screen: Page, name: str) -> None:
    picture(screen, f"channels/terminal-{name}", WIDTHS)


def test_the_slip_in_the_hand_becomes_a_rating_at_the_province_and_the_screen_forgets(
    live: Installation, chromium: Browser
) -> None:
    slip = reported(live, "MA-TERMINAL-0001")["slip_code"]
    screen = browsers.page(chromium, "tablet")
    screen.goto(f"{live.url}/terminal/")
    kept(screen, "start")
    press_digits(screen, slip.replace(" ", ""))
    screen.get_by_role("button", name="下一步").click()
    expect(screen.get_by_role("heading", name="您对这次服务满意吗？")).to_be_visible()
    kept(screen, "rate")
    screen.get_by_role("button", name="不满意", exact=True).click()
    screen.get_by_label("想说的话").fill("等了两小时")
    kept(screen, "reasons")
    screen.get_by_role("button", name="提交").click()
    expect(screen.locator(".receipt-code")).to_have_text(re.compile(r"^\d{4} \d{4} \d{4} \d{4}$"))
    kept(screen, "done")
    screen.get_by_role("link", name="完成").click()
    expect(screen.get_by_label("凭条码")).to_have_value("")
    screen.go_back()
    expect(screen.get_by_label("凭条码")).to_be_visible()
    assert "等了两小时" not in screen.content(), "going back shows nothing of the person before"

    live.wait_for(lambda: live.received("rating"), 20, "评价没有送到")
    (above,) = live.received("rating")
    assert (above["level"], above["text"], above["channel"], above["proof"]) == (2, "等了两小时", "terminal", "link")
    log = (live.home / "serve.log").read_text("utf-8")
    assert slip not in log and slip.replace(" ", "") not in log


def test_case_number_and_phone_and_a_terminal_left_alone_is_wiped(live: Installation, chromium: Browser) -> None:
    url = reported(live, "MA-TERMINAL-0002", "13800000000")["invitation_url"]
    screen = browsers.page(chromium, "tablet")
    screen.clock.install()
    screen.goto(f"{live.url}/terminal/")
    screen.get_by_role("link", name="没有凭条").click()
    screen.get_by_label("办件编号").fill("MA-TERMINAL-0002")
    press_digits(screen, "13800000000")
    kept(screen, "case")
    screen.get_by_role("button", name="发验证码").click()
    expect(screen.get_by_role("heading", name="请输入验证码")).to_be_visible()
    kept(screen, "code")
    live.wait_for(lambda: texted(live), 20, "验证码没有写进文件夹")
    press_digits(screen, texted(live))
    screen.get_by_role("button", name="下一步").click()
    expect(screen.get_by_role("heading", name="您对这次服务满意吗？")).to_be_visible()

    screen.clock.run_for(50_000)
    expect(screen.get_by_text("秒后清除本页")).to_be_hidden()
    screen.clock.run_for(11_000)
    expect(screen.get_by_role("button", name="继续")).to_be_visible()
    kept(screen, "countdown")
    screen.get_by_role("button", name="继续").click()
    expect(screen.get_by_role("button", name="继续")).to_be_hidden()
    screen.clock.run_for(91_000)
    expect(screen.get_by_label("凭条码")).to_be_visible()
    screen.goto(f"{live.url}/terminal/rate")
    expect(screen.get_by_label("凭条码")).to_be_visible()

    phone = browsers.page(chromium, "phone")
    phone.goto(url)
    expect(phone.get_by_role("heading", name="您对这次服务满意吗？")).to_be_visible()


def test_the_terminals_own_software_leads_straight_to_the_tiles_and_no_script_is_needed(
    live: Installation, chromium: Browser
) -> None:
    told = reported(live, "MA-TERMINAL-0003")
    screen = browsers.page(chromium, "tablet")
    screen.goto(f"{live.url}/terminal/#r={told['invitation_url']}")
    expect(screen.get_by_role("heading", name="您对这次服务满意吗？")).to_be_visible()
    assert screen.url == f"{live.url}/terminal/rate"

    plain = chromium.new_context(
        java_script_enabled=False, locale="zh-CN", viewport={"width": 820, "height": 1180}
    ).new_page()
    plain.goto(f"{live.url}/terminal/")
    plain.get_by_label("凭条码").fill(told["slip_code"])
    plain.get_by_role("button", name="下一步").click()
    plain.get_by_role("button", name="满意", exact=True).click()
    plain.get_by_role("button", name="跳过").click()
    expect(plain.get_by_role("heading", name="谢谢，您的评价已收到")).to_be_visible()


def test_the_pages_that_are_seldom_met_are_sound_too(live: Installation, chromium: Browser) -> None:
    """Which of several services of one case; and a terminal whose credential has ended."""
    for number in (1, 2):
        row = {
            **service(live, "MA-TERMINAL-0004", "13800000000"),
            "service_no": number,
            "service_name": f"第{number}次",
        }
        assert live.call("POST", "/api/v1/services", live.key(), row)[0] == 200
    before = texted(live)
    screen = browsers.page(chromium, "tablet")
    screen.goto(f"{live.url}/terminal/")
    screen.get_by_role("link", name="没有凭条").click()
    screen.get_by_label("办件编号").fill("MA-TERMINAL-0004")
    press_digits(screen, "13800000000")
    screen.get_by_role("button", name="发验证码").click()
    live.wait_for(lambda: texted(live) != before, 20, "验证码没有写进文件夹")
    press_digits(screen, texted(live))
    screen.get_by_role("button", name="下一步").click()
    expect(screen.get_by_role("button", name=re.compile("第2次"))).to_be_visible()
    wrong = sound(screen, "terminal, which service")
    screen.context.add_cookies([{"name": COOKIE, "value": "ended", "url": f"{live.url}/terminal/"}])
    assert (answer := screen.goto(f"{live.url}/terminal/")) is not None and answer.status == 401
    assert wrong + sound(screen, "terminal, out of use") == []


def texted(live: Installation) -> str:
    """The latest six digits that the installation without a gateway wrote into its folder."""
    latest = ""
    for file in sorted((live.home / "sms").glob("*.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            found = re.search(r"验证码 (\d{6})", json.dumps(json.loads(line), ensure_ascii=False))
            latest = found[1] if found else latest
    return latest
