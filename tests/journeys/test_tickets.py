"""Grievances from elsewhere in a real browser: one duplicate, one in doubt, a file, one from paper (minan/6.2).

One installation.  A hotline over the interface, a reviewer at the pages; the province must hear of one case only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from minping.registry.importing import cells
from tests.journeys.test_case_decisions import called, look
from tests.journeys.test_case_roads import call_again, rectified
from tests.support import browser as browsers
from tests.support.browser import picture
from tests.support.live import Installation
from tests.support.reports import service
from tests.support.staff import sign_in

pytestmark = [pytest.mark.browser]
WIDTHS = ("phone", "tablet", "desktop")
NUMBER = "XM20261125000017"
RATED = "等了两个小时，同样的证明又交一次。"
CALLED = "刚才在中心办医保，同样的证明要交两次，窗口不听解释。"


@pytest.fixture(scope="module")
def live() -> Iterator[Installation]:
    with Installation(os.environ.get("MINPING_DATABASE", "")) as installation:
        yield installation


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browsers.browser() as started:
        yield started


@pytest.fixture(scope="module")
def staff(live: Installation, chromium: Browser) -> dict[str, Page]:
    return {name: sign_in(live, chromium, name) for name in ("unit", "reviewer", "head")}


def served(live: Installation, case_no: str, phone: str) -> str:
    """A service that has ended; where its person may rate it."""
    status, answer = live.call("POST", "/api/v1/services", live.key(), service(live, case_no, phone))
    assert status == 200, answer
    return str(answer["invitation_url"])


def said(live: Installation, number: str, words: str, phone: str, **more: Any) -> dict[str, Any]:
    """A ticket as the hotline has it, with an answer wanted by tomorrow."""
    now = datetime.fromisoformat(live.now())
    return {
        "number": number, "organization_code": "minan-center", "said_at": now.isoformat(), "words": words,
        "demanded_at": (now + timedelta(hours=20)).isoformat(), "person": {"name": "群众甲", "phone": phone}, **more,
    }  # fmt: skip


def hotline(live: Installation, method: str, path: str, body: Any = None) -> Any:
    status, answer = live.call(method, f"/api/v1/tickets/hotline{path}", live.key(can="tickets:hotline"), body)
    assert status == 200, answer
    return answer


def test_a_duplicate_of_a_negative_is_handled_once_and_answered_once_under_its_own_number(
    live: Installation, chromium: Browser, staff: dict[str, Page]
) -> None:
    address = served(live, "MA-12345-1", "13800000000")
    phone = browsers.page(chromium, "phone")
    phone.goto(address)
    phone.get_by_role("button", name="非常不满意", exact=True).click()
    phone.get_by_label("想说的话").fill(RATED)
    phone.get_by_role("button", name="提交").click()
    expect(phone.locator(".receipt-code")).to_be_visible()
    ticket = said(live, NUMBER, CALLED, "13800000000")
    told = hotline(live, "POST", "", ticket)
    assert (told["status"], told["state"]) == ("accepted", "joined")
    assert hotline(live, "POST", "", ticket) == {**told, "status": "known"}

    reviewer = look(live, staff["reviewer"], "verify")
    expect(staff["reviewer"].locator(".queue .line")).to_have_count(1)
    for words in (RATED, CALLED):
        expect(reviewer.locator("blockquote", has_text=words).first).to_be_visible()
    expect(reviewer.get_by_text(NUMBER).first).to_be_visible()
    expect(reviewer.get_by_text("比本件自己的时限更近")).to_be_visible()
    picture(reviewer, "ticket-joined", WIDTHS)

    called(live, reviewer).get_by_role("button", name="属实，转办整改").click()
    expect(reviewer.get_by_text("已认定属实，转办整改。")).to_be_visible()
    rectified(live, staff)
    call_again(live, reviewer, "接通", "解决了", "可以了。")
    assert hotline(live, "GET", "/answers")["answers"] == []  # not before the end
    phone.goto(address)
    phone.get_by_role("link", name="整改之后，再评一次").click()
    phone.get_by_role("button", name="满意", exact=True).click()
    phone.get_by_role("button", name="跳过").click()
    expect(phone.get_by_text("您已再次评价。")).to_be_visible()
    live.wait_for(lambda: live.received("case")[-1]["state"] == "closed", 30, "没有办结")

    (answer,) = hotline(live, "GET", "/answers")["answers"]
    assert (answer["number"], answer["result"]) == (NUMBER, "办结")
    assert "系统内核验" in answer["text"]
    assert not any(word in str(answer) for word in ("群众甲", "13800000000", RATED, CALLED))
    reviewer.goto(f"{live.url}/tickets/?show=answers")
    expect(reviewer.get_by_text(NUMBER).first).to_be_visible()
    picture(reviewer, "ticket-answers", WIDTHS)
    hotline(live, "POST", "/receipts", [{"number": NUMBER, "receipt_no": "HZ-2026-7"}])
    assert hotline(live, "GET", "/answers")["answers"] == []
    assert hotline(live, "GET", f"/{NUMBER}")["answers"][0]["receipt_no"] == "HZ-2026-7"
    reviewer.goto(f"{live.url}/tickets/?show=all")
    reviewer.get_by_role("link", name=NUMBER).click()
    expect(reviewer.get_by_text("HZ-2026-7")).to_be_visible()
    told_above = live.received("case")
    assert len({one["case_number"] for one in told_above}) == 1
    assert told_above[-1]["joined"] == [f"hotline:{NUMBER}"]


def test_one_that_may_be_about_two_services_is_decided_by_a_person(live: Installation, staff: dict[str, Page]) -> None:
    for case_no in ("MA-12345-2", "MA-12345-3"):
        served(live, case_no, "13900000000")
    told = hotline(live, "POST", "", said(live, "XM20261125000018", "医保没有办下来，说法前后不一样。", "13900000000"))
    assert (told["state"], told["case_number"]) == ("matching", "")
    reviewer = staff["reviewer"]
    reviewer.goto(f"{live.url}/tickets/")
    picture(reviewer, "ticket-list", WIDTHS)
    reviewer.get_by_role("link", name="XM20261125000018").click()
    expect(reviewer.get_by_role("button", name="就是这一件")).to_have_count(2)
    assert "13900000000" not in reviewer.content()
    picture(reviewer, "ticket-decide", WIDTHS)
    reviewer.get_by_role("button", name="就是这一件").first.click()
    expect(reviewer.get_by_text("XM20261125000018 办理中")).to_be_visible()
    look(live, reviewer, "verify")
    expect(reviewer.get_by_text("医保没有办下来").first).to_be_visible()
    picture(reviewer, "ticket-case", WIDTHS)


def test_a_hotline_without_an_interface_sends_a_workbook(
    live: Installation, staff: dict[str, Page], tmp_path: Path
) -> None:
    headings = ["工单编号", "机构代码", "反映时间", "要求答复时间", "反映内容", "姓名", "手机号"]
    now = datetime.fromisoformat(live.now())
    when, until = f"{now:%Y-%m-%d %H:%M}", f"{now + timedelta(days=7):%Y-%m-%d %H:%M}"
    rows = [
        [number, "minan-center", moment, until, "大厅没有叫号，来了不知道找谁。", "群众乙", ""]
        for number, moment in (("XM20261125000101", when), ("XM20261125000102", "昨天"))
    ]
    file = tmp_path / "热线来件.xlsx"
    file.write_bytes(cells.written([("来件", headings, rows)]))
    reviewer = staff["reviewer"]
    reviewer.goto(f"{live.url}/tickets/")
    reviewer.get_by_role("link", name="导入来件：12345 热线").click()
    reviewer.get_by_label("文件").set_input_files(str(file))
    reviewer.get_by_role("button", name="试导入").click()
    expect(reviewer.get_by_text("可以收下 1 行，有问题 1 行")).to_be_visible()
    assert "群众乙" not in reviewer.content()
    picture(reviewer, "ticket-import", WIDTHS)
    reviewer.get_by_role("button", name="收下可以收的 1 行").click()
    expect(reviewer.get_by_text("收下 1 行，退回 1 行").first).to_be_visible()
    assert hotline(live, "GET", "/XM20261125000101")["state"] == "joined"


def test_what_came_on_paper_is_typed_in_and_says_so(live: Installation, staff: dict[str, Page]) -> None:
    served(live, "MA-12345-9", "13700000000")
    reviewer = staff["reviewer"]
    now = f"{datetime.fromisoformat(live.now()):%Y-%m-%dT%H:%M}"
    reviewer.goto(f"{live.url}/tickets/")
    reviewer.get_by_role("link", name="录入来件").click()
    reviewer.get_by_label("来源", exact=True).select_option(label="“办不成事”窗口")
    reviewer.get_by_label("来件编号").fill("BBC-7")
    reviewer.get_by_label("反映的是哪个单位").select_option("minan-center")
    reviewer.get_by_label("反映的时间").fill(now)
    reviewer.get_by_label("反映的内容").fill("跑了三次，还差一份材料说不清。")
    picture(reviewer, "ticket-typed", WIDTHS)
    reviewer.get_by_role("button", name="收下").click()
    expect(reviewer.get_by_text("手工录入").first).to_be_visible()

    reviewer.goto(f"{live.url}/tickets/")
    reviewer.get_by_role("link", name="录入上级转来的差评").click()
    reviewer.get_by_label("上级的编号").fill("翔审督〔2026〕3号")
    reviewer.get_by_label("被评价的单位").select_option("minan-center")
    reviewer.get_by_label("办件编号").fill("MA-12345-9")
    reviewer.get_by_label("非常不满意", exact=True).check()
    reviewer.get_by_label("评价的时间").fill(now)
    reviewer.get_by_label("评价的渠道").select_option(label="短信")
    reviewer.get_by_label("评价人的话").fill("没有人管。")
    picture(reviewer, "ticket-negative", WIDTHS)
    reviewer.get_by_role("button", name="收下").click()
    expect(reviewer.get_by_text("没有人管。").first).to_be_visible()
    expect(reviewer.get_by_text("翔审督〔2026〕3号").first).to_be_visible()
    picture(reviewer, "ticket-superior", WIDTHS)
    assert live.cli("verify").returncode == 0
