"""二维码 from the end of the service to the province's record: the office's poster, the phone code, the tiles (minan/3.4.1)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support import browser as browsers
from tests.support.axe import sound
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


def code_in_the_text(live: Installation) -> str:
    """The six digits as they went out, from the folder that stands for a gateway."""
    found: list[str] = []

    def came() -> bool:
        lines = [line for file in (live.home / "sms").glob("*.jsonl") for line in file.read_text("utf-8").splitlines()]
        found.extend(code for line in lines for code in re.findall(r"(?<!\d)\d{6}(?!\d)", json.loads(line)["text"]))
        return bool(found)

    live.wait_for(came, 30, "验证码没有发出")
    return found[-1]


def test_a_poster_leads_by_a_phone_code_to_the_service_and_a_slip_straight_to_it(
    live: Installation, tmp_path: Path
) -> None:
    key = live.key()
    for case_no in ("QR-0001", "QR-0002"):
        status, told = live.call("POST", "/api/v1/services", key, service(live, case_no, "13800000000"))
        assert status == 200, told
    with browsers.browser() as chromium:
        office = sign_in(live, chromium, "operator")
        office.goto(f"{live.url}/codes/")
        with office.expect_download() as made:
            office.get_by_role("button", name="制作全部海报").click()
        made.value.save_as(tmp_path / "posters.pdf")
        assert (tmp_path / "posters.pdf").read_bytes().startswith(b"%PDF")
        office.goto(f"{live.url}/codes/")
        picture(office, "channels/qr-codes", ALL)
        at_window_3 = office.locator("tr", has_text="3号窗口").locator("a").first.get_attribute("href")

        phone = browsers.page(chromium, "phone")
        phone.goto(f"{live.url}{at_window_3}")
        assert phone.locator(".tile").count() == 0
        picture(phone, "channels/qr-window", ALL)
        phone.get_by_label("办事时登记的手机号").fill("13800000000")
        phone.get_by_role("button", name="获取验证码").click()
        phone.get_by_label("短信里的六位数字").fill(code_in_the_text(live))
        phone.get_by_role("button", name="下一步").click()
        expect(phone.get_by_role("heading", name="您要评价哪一次服务？")).to_be_visible()
        picture(phone, "channels/qr-which", ALL)
        assert sound(phone, "qr, which service") == []
        phone.get_by_role("link", name=re.compile("0001$")).click()
        phone.get_by_role("button", name="不满意", exact=True).click()
        phone.get_by_label("想说的话").fill("同样的证明交了两次。")
        phone.get_by_role("button", name="提交").click()

        phone.goto(f"{told['invitation_url']}/slip?width=58")
        assert phone.get_by_role("img", name="评价二维码").evaluate("image => image.naturalWidth") > 0
        picture(phone, "channels/qr-slip", ALL)
        phone.goto(f"{told['invitation_url']}?via=qr")
        phone.get_by_role("button", name="满意", exact=True).click()
        phone.get_by_role("button", name="跳过").click()

        old = phone.context.browser.new_page(locale="zh-CN")  # type: ignore[union-attr]
        office.on("dialog", lambda dialog: dialog.accept())
        office.locator("tr", has_text="3号窗口").get_by_role("button").click()
        with old.expect_response(lambda answer: answer.url.endswith("/dead")):
            old.goto(f"{live.url}{at_window_3}")
        expect(old.get_by_role("heading", name="这个二维码已经停用")).to_be_visible()
        office.goto(f"{live.url}/codes/")
        expect(office.get_by_text("还有人扫到的失效码")).to_be_visible()
    live.wait_for(lambda: len(live.received("rating")) == 2, 60, "评价没有到省平台")
    said = {row.get("body", row)["level"]: row.get("body", row) for row in live.received("rating")}
    assert (said[2]["channel"], said[2]["proof"], said[2]["text"]) == ("qr", "phone_code", "同样的证明交了两次。")
    assert (said[4]["channel"], said[4]["proof"]) == ("qr", "link")
    assert live.cli("verify").returncode == 0
