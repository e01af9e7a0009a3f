"""一件事 in a browser: an overall rating, one item on its own, one case, each item's record above (minan/3.4.3, R10)."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.support import browser as browsers
from tests.support.browser import picture
from tests.support.live import Installation
from tests.support.reports import service

pytestmark = [pytest.mark.browser]
ALL = ("phone", "tablet", "desktop")
CASES = ("YJS-0001", "YJS-0002", "YJS-0003")


@pytest.fixture
def live() -> Iterator[Installation]:
    with Installation(os.environ.get("MINPING_DATABASE", "")) as installation:
        yield installation


def test_one_press_rates_the_whole_and_ones_own_word_on_an_item_prevails_above(live: Installation) -> None:
    key, address = live.key(), {}
    for case_no in CASES:
        told = {**service(live, case_no, "13800000000"), "package_no": "TC-20261120-01"}
        status, answer = live.call("POST", "/api/v1/services", key, told)
        assert status == 200, answer
        address[case_no] = answer["invitation_url"]
    with browsers.browser() as chromium:
        phone = browsers.page(chromium, "phone")
        phone.goto(address[CASES[0]])
        phone.get_by_role("link", name="对整件事一次总评").click()
        expect(phone.get_by_role("heading", name="这件事一共办了 3 项，您总体满意吗？")).to_be_visible()
        picture(phone, "channels/package-ask", ALL)
        phone.get_by_role("button", name="不满意", exact=True).click()
        expect(phone.get_by_role("heading", name="总评已保存：不满意")).to_be_visible()
        phone.get_by_label("想说的话").fill("同样的证明交了三次。")
        picture(phone, "channels/package-reasons", ALL)
        phone.get_by_role("button", name="提交").click()
        expect(phone.get_by_text("不满意（套餐总评）").first).to_be_visible()
        picture(phone, "channels/package-done", ALL)
        phone.goto(address[CASES[1]])
        phone.get_by_role("link", name="单独评价这一项").click()
        phone.get_by_role("button", name="满意", exact=True).click()
        phone.get_by_role("button", name="跳过").click()
        phone.goto(f"{address[CASES[0]]}/package")
        expect(phone.get_by_text("满意（评价）", exact=False)).to_be_visible()

    def above() -> dict[str, dict[str, object]]:
        last: dict[str, dict[str, object]] = {}
        for row in live.received("rating"):
            body = row.get("body", row)
            if row.get("revision", 1) >= last.get(row["case_no"], {}).get("revision", 0):  # type: ignore[operator]
                last[row["case_no"]] = {**body, "revision": row.get("revision", 1)}
        return last

    live.wait_for(lambda: {n: b["level"] for n, b in above().items()} == dict(zip(CASES, (2, 4, 2), strict=True)), 60,
                  "各项的评价没有到省平台")  # fmt: skip
    assert [above()[case_no].get("entry", "person") for case_no in CASES] == ["package", "person", "package"]
    assert above()[CASES[0]]["text"] == "同样的证明交了三次。"
    assert len(live.received("case")) == 1
    assert live.cli("verify").returncode == 0
    assert live.cli("reconcile").returncode == 0
