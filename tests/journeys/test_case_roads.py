"""The roads of a confirmed negative in a real browser: over 国庆 and over a New Year that no notice has settled,
a package passed on to the unit at fault, one that was not solved, and a citizen whom nobody reaches.

One installation whose clock begins on Tuesday 2026-09-29 and only goes forward (minan/4.2.2, 4.2.3, R1, R5, R10).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.test_case_decisions import act, called, look, negative
from tests.site.test_calendar import notice
from tests.support import browser as browsers
from tests.support.browser import picture
from tests.support.live import Installation
from tests.support.reports import service
from tests.support.staff import sign_in

pytestmark = [pytest.mark.browser]
WIDTHS = ("phone", "tablet", "desktop")


@pytest.fixture(scope="module")
def live() -> Iterator[Installation]:
    installation = Installation(os.environ.get("MINPING_DATABASE", ""))
    begin = datetime.fromisoformat("2026-09-29T10:00:00+08:00").timestamp() - time.time()
    (installation.home / "clock.json").write_text(json.dumps({"shift_seconds": begin}))
    with installation:
        yield installation


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browsers.browser() as started:
        yield started


@pytest.fixture(scope="module")
def staff(live: Installation, chromium: Browser) -> dict[str, Page]:
    return {name: sign_in(live, chromium, name) for name in ("unit", "reviewer", "head")}


def confirmed(live: Installation, chromium: Browser, staff: dict[str, Page], case_no: str) -> Page:
    """Negative, called back, confirmed; the reviewer's page of the case."""
    negative(live, chromium, case_no)
    page = called(live, staff["reviewer"])
    address = page.url
    page.get_by_role("button", name="属实，转办整改").click()
    expect(page.get_by_text("已认定属实，转办整改。")).to_be_visible()
    page.goto(address)
    return page


def rectified(live: Installation, staff: dict[str, Page]) -> None:
    """The unit reports on the first of its list, and the head accepts."""
    unit = look(live, staff["unit"], "rectify")
    act(unit, "报送整改情况", measures="已开通系统内核验，不再要求重复提交证明。")
    expect(unit.get_by_text("整改情况已报送，等待验收。")).to_be_visible()
    look(live, staff["head"], "accept").get_by_role("button", name="验收通过").click()
    expect(staff["head"].get_by_text("验收通过，等待回访。")).to_be_visible()


def call_again(live: Installation, page: Page, outcome: str, answer: str = "", words: str = "") -> Page:
    """Record a call after the rectification."""
    look(live, page, "follow")
    page.get_by_role("link", name="记录整改回访").click()
    page.get_by_label(outcome, exact=True).check()
    if answer:
        page.get_by_label(answer, exact=True).check()
    if words:
        page.get_by_label("对方的话").fill(words)
    page.get_by_role("button", name="保存记录").click()
    return page


def test_over_the_national_day_the_holidays_do_not_count_and_the_page_says_by_which_calendar(
    live: Installation, chromium: Browser, staff: dict[str, Page]
) -> None:
    page = confirmed(live, chromium, staff, "ROAD-GUOQING")
    clock = page.get_by_role("region", name="时限")
    # Five working days from Tuesday 9-29: Wednesday 9-30, then 10-08, 10-09, 10-10 (make-up Saturday), 10-12.
    expect(clock).to_contain_text("10月12日 周一 24:00 前")
    expect(clock).to_contain_text("国办 2026 年放假安排")
    expect(clock).not_to_contain_text("暂定")
    picture(page, "case-national-day", WIDTHS)
    unit = staff["unit"]
    unit.goto(f"{live.url}/desk/calendar/?month=2026-10")
    expect(unit.locator("td", has_text="国庆节").first).to_contain_text("休")
    picture(unit, "desk-calendar", WIDTHS)
    unit.locator("td", has=unit.locator('time[datetime="2026-10-12"]')).get_by_role("link").click()
    expect(unit.get_by_role("heading", name="10月12日到期")).to_be_visible()
    expect(unit.locator(".queue .line")).to_have_count(1)


def test_not_solved_is_reopened_with_a_new_clock_and_the_superior_is_told(
    live: Installation, staff: dict[str, Page]
) -> None:
    rectified(live, staff)
    reviewer = call_again(live, staff["reviewer"], "接通", "没有解决", "还是要交两次。")
    expect(reviewer.get_by_text("回访已记录：未解决，已重新转办。")).to_be_visible()
    unit = look(live, staff["unit"], "rectify")
    expect(unit.get_by_text("整改（第 2 次）")).to_be_visible()
    expect(unit.get_by_role("region", name="时限")).to_contain_text("10月12日 周一 24:00 前")
    picture(unit, "case-reopened", WIDTHS)
    live.wait_for(lambda: live.received("case") and live.received("case")[-1]["rounds"] == 2, 30, "没有报告上级")


def test_a_citizen_whom_nobody_reaches_is_tried_on_two_days_and_no_answer_is_invented(
    live: Installation, staff: dict[str, Page]
) -> None:
    rectified(live, staff)
    reviewer = staff["reviewer"]
    for _ in range(2):
        call_again(live, reviewer, "未接通")
    act_of = reviewer.get_by_role("button", name="回访：无法联系")
    look(live, reviewer, "follow")
    act_of.click()
    expect(reviewer.get_by_text("还不能认定无法联系")).to_be_visible()
    assert live.cli("clock", "+1d").returncode == 0
    call_again(live, reviewer, "未接通")
    look(live, reviewer, "follow")
    picture(reviewer, "case-unreached", WIDTHS)
    act_of.click()
    expect(reviewer.get_by_text("多次联系不上，等待评价人再评。")).to_be_visible()
    assert live.cli("clock", "+31d").returncode == 0
    live.wait_for(lambda: live.received("case")[-1]["state"] == "closed", 40, "没有办结")
    told = live.received("case")[-1]
    assert (told["result"], told["follow_up"]) == ("unreached", "unreached")


def test_a_package_is_one_case_for_its_items_and_goes_to_the_unit_at_fault(
    live: Installation, chromium: Browser, staff: dict[str, Page]
) -> None:
    key, address = live.key(), ""
    for case_no in ("ROAD-YJS-1", "ROAD-YJS-2"):
        told = {**service(live, case_no, "13800000000"), "package_no": "TC-ROAD-01"}
        status, answer = live.call("POST", "/api/v1/services", key, told)
        assert status == 200, answer
        address = address or answer["invitation_url"]
    phone = browsers.page(chromium, "phone")
    phone.goto(address)
    phone.get_by_role("link", name="对整件事一次总评").click()
    phone.get_by_role("button", name="不满意", exact=True).click()
    expect(phone.get_by_role("heading", name="总评已保存：不满意")).to_be_visible()
    phone.context.close()
    reviewer = staff["reviewer"]
    reviewer.goto(f"{live.url}/desk/verify/")
    expect(reviewer.locator(".queue .line")).to_have_count(1)
    expect(reviewer.locator(".queue .line .item")).to_contain_text("一件事（2 项）")
    called(live, reviewer)
    address = reviewer.url
    reviewer.get_by_role("button", name="属实，转办整改").click()
    reviewer.goto(address)
    reviewer.locator("details.act summary").get_by_text("转办给实际责任单位", exact=True).click()
    form = reviewer.locator("details.act[open]")
    form.get_by_label("转给哪个单位").select_option(label="民安街道甲社区便民代办点")
    form.get_by_label("为什么由它整改").fill("材料由代办点代收，是它收了两次。")
    picture(reviewer, "case-transfer", WIDTHS)
    form.get_by_role("button", name="转办给实际责任单位").click()
    expect(reviewer.get_by_text("已转办给实际责任单位，原时限照常计算。")).to_be_visible(timeout=20_000)
    reviewer.goto(address)
    expect(reviewer.locator(".pane dd", has_text="民安街道甲社区便民代办点").first).to_be_visible()
    staff["unit"].goto(f"{live.url}/desk/rectify/")
    expect(staff["unit"].locator(".queue .line")).to_have_count(0)


def test_over_a_new_year_without_a_notice_the_due_time_is_provisional_and_the_notice_moves_it_on_record(
    live: Installation, chromium: Browser, staff: dict[str, Page], tmp_path: Path
) -> None:
    now = datetime.fromisoformat(live.now())
    ahead = datetime.fromisoformat("2026-12-30T10:00:00+08:00") - now
    assert ahead > timedelta(0)
    assert live.cli("clock", f"+{ahead.total_seconds() / 60:.0f}m").returncode == 0
    staff = {name: sign_in(live, chromium, name) for name in ("reviewer", "unit")}
    page = confirmed(live, chromium, staff, "ROAD-NEWYEAR")
    clock = page.get_by_role("region", name="时限")
    expect(clock).to_contain_text("暂定")
    expect(clock).to_contain_text("公布后重新计算并留记录")
    before = clock.inner_text()
    picture(page, "case-provisional", WIDTHS)
    told = live.cli("law", "load-calendar", str(notice(tmp_path)))
    assert told.returncode == 0, told.stderr
    live.stop()
    live.start()  # every process reads the notice at its start
    page.reload()
    expect(clock).not_to_contain_text("暂定")
    expect(page.get_by_text("放假安排公布，整改时限重新计算").first).to_be_visible()
    assert clock.inner_text() != before
    assert live.cli("verify").returncode == 0
