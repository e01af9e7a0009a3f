"""人工电话 from the end of the service to the province's record: the operator's page, marked as such everywhere (R12)."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.support import browser as browsers
from tests.support.browser import picture
from tests.support.live import Installation
from tests.support.reports import service
from tests.support.staff import sign_in

pytestmark = [pytest.mark.browser]
ALL = ("phone", "tablet", "desktop")


@pytest.fixture
def live() -> Iterator[Installation]:
    with Installation(os.environ.get("MINPING_DATABASE", "")) as installation:
        yield installation


def test_what_is_said_on_the_telephone_reaches_the_province_as_entered_by_an_operator(live: Installation) -> None:
    status, told = live.call("POST", "/api/v1/services", live.key(), service(live, "PH-0001", "13800000000"))
    assert status == 200, told
    with browsers.browser() as chromium:
        desk = sign_in(live, chromium, "reviewer")
        desk.goto(f"{live.url}/ask/")
        desk.get_by_role("button", name="取下一位").click()
        assert desk.locator("input:checked, a[href^='tel:']").count() == 0
        desk.get_by_role("button", name="查看电话").click()
        expect(desk.get_by_text("13800000000")).to_be_visible()
        picture(desk, "channels/phone-ask", ALL)
        desk.get_by_label("接通，作了评价").check()
        desk.get_by_label("不满意", exact=True).check()
        desk.get_by_label("对方的话").fill("等了两小时。")
        desk.get_by_label("录音编号").fill("L-2026-0001")
        desk.get_by_role("button", name="保存记录").click()
        expect(desk.get_by_text("这次电话已记录")).to_be_visible()
        desk.goto(f"{live.url}/desk/verify/")
        desk.locator(".queue .line").first.click()
        expect(desk.get_by_text("人工电话代录")).to_be_visible()
        rater = browsers.page(chromium, "phone")
        rater.goto(told["invitation_url"])
        expect(rater.get_by_text("人工电话代录")).to_be_visible()
        picture(rater, "channels/phone-receipt", ALL)
    live.wait_for(lambda: live.received("rating"), 60, "评价没有到省平台")
    said = live.received("rating")[0]
    said = said.get("body", said)
    assert (said["level"], said["text"], said["channel"], said["proof"]) == (2, "等了两小时。", "phone", "phone_reply")
    assert said["entry"] == "operator"
    assert live.cli("verify").returncode == 0
