"""The story of the first issue, in a real browser, against a whole installation.

A service ends; she presses 不满意; the reviewer calls and confirms; the unit rectifies
with a document; the head accepts; she is called back and rates again; the case closes;
all of it is at the province; the head sees the numbers.  Nothing is done by editing a row.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import browser as browsers
from tests.support.browser import picture
from tests.support.live import Installation

pytestmark = [pytest.mark.browser]


@pytest.fixture(scope="module")
def live() -> Iterator[Installation]:
    with Installation(os.environ.get("MINPING_DATABASE", "")) as installation:
        yield installation


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browsers.browser() as started:
        yield started


def report(live: Installation, key: str, case_no: str) -> str:
    now = live.now()
    item = "XN35021300520MINPINGDEMO2026001"
    status, answer = live.call("POST", "/api/v1/services", key, {
        "organization_code": "minan-center", "case_no": case_no, "service_no": 1, "service_name": "办结",
        "item_code": item, "window_code": "03", "staff_code": "w03", "handling": "hall", "case_state": 3,
        "accepted_at": now, "served_at": now, "finished_at": now,
        "applicant": {"kind": "person", "name": "群众甲", "cert_type": "111", "cert_no": "350213190001010011", "phone": "13800000000"},
    })  # fmt: skip
    assert status == 200, answer
    url: str = answer["invitation_url"]
    return url


class Staff:
    """One signed-in member of staff in a browser of the own."""

    def __init__(self, live: Installation, chromium: Browser, username: str, width: str = "desktop") -> None:
        self.live = live
        self.page = browsers.page(chromium, width)
        self.page.goto(f"{live.url}/login")
        self.page.get_by_label("账号").fill(username)
        self.page.get_by_label("密码").fill(live.passwords()[username])
        self.page.get_by_role("button", name="登录").click()
        expect(self.page).not_to_have_url(f"{live.url}/login")

    def open(self, view: str) -> Page:
        self.page.goto(f"{self.live.url}/desk/{view}/")
        self.page.locator(".queue .line").first.click()
        return self.page


def indicator(live: Installation, key: str, name: str) -> dict[str, Any]:
    day = live.now()[:10]
    _, rows = live.call("GET", f"/api/v1/indicators?unit=minan-center&from={day[:8]}01&to={day}", key)
    found: dict[str, Any] = next(row for row in rows if row["id"] == name)
    return found


def test_the_story_from_a_press_to_the_closed_case(live: Installation, chromium: Browser, tmp_path: Any) -> None:
    key = live.key()
    url = report(live, key, "MA-STORY-0417")
    silent = report(live, key, "MA-STORY-0418")

    # She opens the link on her phone.
    phone = browsers.page(chromium, "phone")
    phone.goto(url)
    picture(phone, "rate", ("phone", "tablet", "desktop"))
    expect(phone.get_by_role("button", name="满意")).to_have_count(5)
    assert phone.locator("input:checked, option[selected], .tile[aria-pressed=true]").count() == 0
    phone.get_by_role("button", name="不满意", exact=True).click()
    expect(phone.get_by_role("heading", name="已保存：不满意")).to_be_visible()
    phone.get_by_text("更多").first.click()
    phone.get_by_label("同样内容的证明材料被要求多次提交").check()
    phone.get_by_label("想说的话").fill("同样的证明交了两次。\n窗口说系统里查不到。")
    picture(phone, "reasons", ("phone", "tablet", "desktop"))
    phone.get_by_role("button", name="提交").click()
    expect(phone.locator(".receipt-code")).to_have_text(re.compile(r"^\d{4} \d{4} \d{4} \d{4}$"))
    picture(phone, "receipt", ("phone", "tablet", "desktop"))
    code = phone.locator(".receipt-code").inner_text()

    # The rating travels upward, word for word.
    live.wait_for(lambda: live.received("rating"), 20, "评价没有送到")
    (above,) = live.received("rating")
    assert (above["level"], above["tags"], above["text"]) == (2, ["210"], "同样的证明交了两次。\n窗口说系统里查不到。")

    # The reviewer calls her back, and confirms.
    reviewer = Staff(live, chromium, "reviewer")
    page = reviewer.open("verify")
    picture(page, "desk", ("phone", "tablet", "desktop"))
    expect(page.get_by_text("同样的证明交了两次").first).to_be_visible()
    expect(page.get_by_text("2 个工作日").first).to_be_visible()
    page.get_by_role("link", name="记录回访").click()
    assert "13800000000" not in page.content()
    page.get_by_role("button", name="查看电话").click()
    expect(page.get_by_text("13800000000")).to_be_visible()
    picture(page, "call", ("phone", "tablet", "desktop"))
    page.get_by_label("接通", exact=True).check()
    page.get_by_label("对方的话").fill("情况属实，跑了两趟。")
    page.get_by_label("录音编号").fill("L-20261124-01")
    page.get_by_role("button", name="保存记录").click()
    page.get_by_role("button", name="属实，转办整改").click()
    expect(page.get_by_text("已认定属实，转办整改。")).to_be_visible()

    # The unit reports what it did, with a document; it is not told who she is.
    unit = Staff(live, chromium, "unit")
    page = unit.open("rectify")
    picture(page, "rectify", ("phone", "tablet", "desktop"))
    assert "群众甲" not in page.content()
    assert "13800000000" not in page.content()
    document = tmp_path / "整改说明.pdf"
    document.write_bytes(b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n")
    page.locator("summary", has_text="报送整改情况").click()
    page.get_by_label("做了什么").fill("已开通系统内核验，不再要求重复提交证明。")
    page.locator("#report-evidence").set_input_files(str(document))
    page.get_by_role("button", name="报送整改情况").click()
    expect(page.get_by_text("整改情况已报送，等待验收。")).to_be_visible()

    # Someone else accepts it.
    head = Staff(live, chromium, "head")
    page = head.open("accept")
    picture(page, "accept", ("phone", "desktop"))
    page.get_by_role("button", name="验收通过").click()
    expect(page.get_by_text("验收通过，等待回访。")).to_be_visible()

    # She is called back and says it is solved.
    page = reviewer.open("follow")
    page.get_by_role("link", name="记录整改回访").click()
    page.get_by_label("接通", exact=True).check()
    page.get_by_label("对方的话").fill("可以了，这次一趟就办好了。")
    page.get_by_label("解决了", exact=True).check()
    page.get_by_role("button", name="保存记录").click()
    expect(page.get_by_text("回访已记录：待再评。")).to_be_visible()

    # By the same link she rates again; the case closes.
    phone.goto(url)
    phone.get_by_role("link", name="整改之后，再评一次").click()
    picture(phone, "rerate", ("phone",))
    phone.get_by_role("button", name="满意", exact=True).click()
    phone.get_by_role("button", name="跳过").click()
    expect(phone.get_by_text("您已再次评价。")).to_be_visible()
    picture(phone, "closed", ("phone", "desktop"))
    phone.goto(f"{live.url}/receipt")
    phone.get_by_label("回执号").fill(code)
    phone.get_by_role("button", name="查询").click()
    expect(phone.get_by_text("不满意").first).to_be_visible()

    # The result is at the province: one record of the case, closed, with the re-rating.
    live.wait_for(lambda: [c for c in live.received("case") if c["state"] == "closed"], 20, "结果没有送到")
    (case,) = live.received("case")
    assert (case["result"], case["follow_up"], case["rerated"]) == ("rerated", "solved", True)
    assert [r["level"] for r in live.received("rerating")] == [4]
    assert [r["level"] for r in live.received("rating")] == [2]

    # The head sees the numbers, and that each opens onto its rows.
    for name, parts in {"participation": (1, 2), "rectified": (1, 1), "follow_up": (1, 1)}.items():
        row = indicator(live, key, name)
        assert (row["numerator"], row["denominator"]) == parts, row
    page = head.page
    page.goto(f"{live.url}/indicators/")
    picture(page, "indicators", ("phone", "tablet", "desktop"))

    # The second person never rates: after seven natural days, 默认满意, marked as such everywhere.
    assert live.cli("clock", "+8d").returncode == 0
    live.wait_for(lambda: live.received("default"), 20, "默认没有送到")
    (default,) = live.received("default")
    assert (default["case_no"], default["level"]) == ("MA-STORY-0418", 4)
    _, state = live.call("GET", "/api/v1/services/minan-center/MA-STORY-0418/1", key)
    assert state["outcome"] == "default"
    phone.goto(silent)
    expect(phone.get_by_text("默认不是您的评价")).to_be_visible()
    picture(phone, "default", ("phone",))
    assert len(live.received("rating")) == 1

    assert live.cli("verify").returncode == 0
    for name, address in {
        "done": "desk/done/", "delivery": "delivery/", "registry": "registry", "quarter": "quarter/",
        "accounts": "accounts/", "journal": "journal/",
    }.items():  # fmt: skip
        who = {"registry": "operator", "accounts": "operator", "delivery": "operator", "journal": "auditor"}
        staff = Staff(live, chromium, who[name]) if name in who else head
        answer = staff.page.goto(f"{live.url}/{address}")
        assert answer is not None and answer.ok, f"{name}: {answer and answer.status}\n{live.tail()}"
        picture(staff.page, name, ("phone", "tablet", "desktop"))


def test_it_works_without_script_and_by_keyboard_alone(live: Installation, chromium: Browser) -> None:
    url = report(live, live.key(), "MA-NOSCRIPT-01")
    page = chromium.new_context(java_script_enabled=False, locale="zh-CN").new_page()
    page.goto(url)
    for _ in range(30):  # to the fourth tile: 不满意
        page.keyboard.press("Tab")
        if page.locator("button[value='2']:focus").count():
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="已保存：不满意")).to_be_visible()
    page.get_by_role("button", name="跳过").click()
    expect(page.locator(".receipt-code")).to_be_visible()


def test_a_preview_bot_and_a_second_look_spend_nothing(live: Installation, chromium: Browser) -> None:
    key = live.key()
    url = report(live, key, "MA-BOT-01")
    for _ in range(5):
        assert live.http.request("GET", url, headers={"User-Agent": "WeChat-LinkPreview"}).status == 200
        live.http.request("HEAD", url)
    _, state = live.call("GET", "/api/v1/services/minan-center/MA-BOT-01/1", key)
    assert state["outcome"] == "none"
