"""The disputed negative in a real browser, against a whole installation (minan/4.2.2, R7, R8).

An appeal upheld and revoked by the district; one dismissed, with an extension; malicious refused to one
person and granted to two; two reviewers in the same second.  Nothing is done by editing a row.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from urllib.parse import urlsplit

import pytest
import urllib3
from playwright.sync_api import Browser, Page, expect

from minping.feedback.pages import DONE
from tests.support import browser as browsers
from tests.support.browser import picture
from tests.support.live import Installation
from tests.support.office import act, called, ended, look, office

pytestmark = [pytest.mark.browser]
WHY = "监控和叫号记录都显示，这一天本人没有到过窗口，电话里也承认是替人出气。"


live, chromium, staff = office("window3", "unit", "reviewer", "second", "head")


def negative(live: Installation, chromium: Browser, case_no: str, words: str = "") -> None:
    """A service ends and its person says 不满意, with these words or none."""
    phone = browsers.page(chromium, "phone")
    phone.goto(ended(live, case_no))
    phone.get_by_role("button", name="不满意", exact=True).click()
    expect(phone.get_by_role("heading", name="已保存：不满意")).to_be_visible()
    if words:
        phone.get_by_label("想说的话").fill(words)
    # Said or skipped: else it waits a minute for reasons before it goes up.
    phone.get_by_role("button", name="提交" if words else "跳过").click()
    expect(phone.locator(".receipt-code")).to_be_visible()
    phone.context.close()


def test_an_appeal_upheld_goes_up_and_the_district_revokes_it(
    live: Installation, chromium: Browser, staff: dict[str, Page]
) -> None:
    negative(live, chromium, "MA-APPEAL-01")
    window = look(live, staff["window3"], "appeal")
    assert "13800000000" not in window.content()
    assert "群众甲" not in window.content()
    picture(window, "case-appeal", ("phone", "tablet", "desktop"))
    act(window, "提出申诉", reason="当天系统停机，窗口已当面说明。")
    expect(window.get_by_text("已办：提出申诉。")).to_be_visible()

    reviewer = called(live, staff["reviewer"], "review")
    reviewer.goto(f"{live.url}/desk/review/")
    reviewer.locator(".queue .line").first.click()
    picture(reviewer, "case-review", ("phone", "tablet", "desktop"))
    act(reviewer, "认定误评，申请撤销", statement="评价人说点错了，本意是满意。", document="回访录音 L-1")
    head = look(live, staff["head"], "approve")
    picture(head, "case-approve", ("phone", "tablet", "desktop"))
    head.get_by_role("button", name="同意，上报申请撤销").click()
    expect(head.get_by_text("已办：同意，上报申请撤销。")).to_be_visible()
    live.wait_for(lambda: live.received("case") and live.received("case")[-1]["state"] == "revoking", 20, "没有报上去")

    look(live, head, "superior")
    expect(head.locator(".chip", has_text="申请撤销中").first).to_be_visible()
    act(head, "上级已撤销", reference="翔审撤〔2026〕17号", text="经核属误评。")
    expect(head.get_by_text("已办：上级已撤销。")).to_be_visible()
    head.goto(f"{live.url}/desk/done/")
    head.locator(".queue .line").first.click()
    expect(head.get_by_text("翔审撤〔2026〕17号").first).to_be_visible()
    picture(head, "case-revoked", ("phone", "tablet", "desktop"))


def test_an_appeal_dismissed_is_rectified_and_a_complex_one_gets_one_extension(
    live: Installation, chromium: Browser, staff: dict[str, Page]
) -> None:
    negative(live, chromium, "MA-APPEAL-02")
    act(look(live, staff["window3"], "appeal"), "提出申诉", reason="窗口按规定办的。")
    reviewer = called(live, staff["reviewer"], "review")
    look(live, reviewer, "review")
    act(reviewer, "申诉不成立，转办整改", reason="确实要求重复提交。")
    expect(reviewer.get_by_text("已办：申诉不成立，转办整改。")).to_be_visible()
    unit = look(live, staff["unit"], "rectify")
    picture(unit, "case-rectify", ("phone", "tablet", "desktop"))
    assert unit.get_by_text("提出申诉").count() == 0  # once
    act(unit, "情况复杂，报计划申请延期", plan="分三步：先停收，再改系统，后培训。")
    expect(unit.get_by_text("延期申请已报负责人")).to_be_visible()
    head = look(live, staff["head"], "extension")
    expect(head.get_by_text("分三步：先停收，再改系统，后培训。").first).to_be_visible()  # what is decided on is seen
    picture(head, "case-extension", ("phone", "tablet", "desktop"))
    act(head, "同意延期", reason="确需改系统。")
    expect(head.get_by_text("已同意延期一次。")).to_be_visible()
    look(live, staff["unit"], "complex")
    expect(staff["unit"].get_by_text("复杂件延期整改期限").first).to_be_visible()


def test_malicious_is_refused_with_one_person_and_granted_with_two_of_different_units(
    live: Installation, chromium: Browser, staff: dict[str, Page]
) -> None:
    negative(live, chromium, "MA-MALICE-01")
    reviewer = called(live, staff["reviewer"])
    act(reviewer, "认定恶意，请第二人复核", statement=WHY, document="监控调取单〔2026〕3号")
    look(live, reviewer, "second")
    expect(reviewer.get_by_role("button", name="第二人复核：同意认定恶意")).to_have_count(0)
    head = look(live, staff["head"], "second")  # another person of the same office
    expect(head.get_by_role("button", name="第二人复核：同意认定恶意")).to_have_count(0)
    expect(head.get_by_text("您与提出人同属一个单位").first).to_be_attached()
    second = look(live, staff["second"], "second")
    picture(second, "case-second", ("phone", "tablet", "desktop"))
    second.get_by_role("button", name="第二人复核：同意认定恶意").click()
    expect(second.get_by_text("已办：第二人复核：同意认定恶意。")).to_be_visible()
    look(live, staff["head"], "approve").get_by_role("button", name="同意，上报申请撤销").click()
    expect(staff["head"].get_by_text("已办：同意，上报申请撤销。")).to_be_visible()


def test_two_reviewers_decide_the_same_case_in_the_same_second(
    live: Installation, chromium: Browser, staff: dict[str, Page]
) -> None:
    jars = {who: staff[who].context.cookies() for who in ("reviewer", "second")}  # a page belongs to one thread
    for turn in range(3):
        negative(live, chromium, f"MA-RACE-{turn}")
        page = called(live, staff["reviewer"])
        case_id = urlsplit(page.url).path.rstrip("/").split("/")[-1]
        barrier = Barrier(2)

        def press(who: str, verb: str, case_id: str = case_id, barrier: Barrier = barrier) -> str:
            cookies = {cookie.get("name", ""): cookie.get("value", "") for cookie in jars[who]}
            headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items()), "X-CSRFToken": cookies["csrftoken"]}
            pool = urllib3.PoolManager()
            barrier.wait()
            answer = pool.request(
                "POST", f"{live.url}/cases/{case_id}/move/{verb}/", fields={"statement": WHY}, encode_multipart=False,
                headers=headers, redirect=False,
            )  # fmt: skip
            if answer.status != 302:
                return f"{answer.status}"
            more = [one.split(";")[0] for one in answer.headers.getlist("Set-Cookie")]
            headers["Cookie"] = "; ".join([headers["Cookie"], *more])
            return pool.request("GET", live.url + answer.headers["Location"], headers=headers).data.decode()

        with ThreadPoolExecutor(2) as pool:
            told = list(pool.map(press, ("reviewer", "second"), ("confirm", "mistaken")))
        won = [text for text in told if DONE["confirm"] in text or DONE["mistaken"] in text]
        lost = [text for text in told if "刚刚被别人处理过" in text or "现在是“" in text]
        assert (len(won), len(lost)) == (1, 1), live.tail()
    assert live.cli("verify").returncode == 0
