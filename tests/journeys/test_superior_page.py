"""A person rates on the province's page, as family (a) hands it out: from the link to the receipt (minan/3.4.2)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from minping.sandbox.families import Province
from tests.support import browser as browsers
from tests.support.axe import sound
from tests.support.browser import picture
from tests.support.live import Installation
from tests.support.reports import service
from tests.support.rules import on_the_superiors_page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browsers.browser() as started:
        yield started


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An office of an area that lets people rate on the province's page, and speaks to it as Fujian's gateway."""
    installation = Installation(os.environ.get("MINPING_DATABASE", ""))
    rules = on_the_superiors_page(tmp_path_factory.mktemp("law") / "rules")
    installation.env |= {
        "MINPING_RULES": str(rules), "MINPING_PROVINCE": f"{installation.province}/fj",
        "MINPING_PROVINCE_PROFILE": "350000",
    }  # fmt: skip
    assert installation.cli("init").returncode == 0  # its keys, from which the sandbox derives what it asks for
    key = json.loads((installation.home / "keys.json").read_text())["province"]
    credentials = Province(key, lambda: 0.0).credentials("fj")
    (installation.home / "province.json").write_text(json.dumps(credentials))
    with installation:
        yield installation


def invited(live: Installation, key: str, case_no: str) -> str:
    told = service(live, case_no, "13800000000")
    told["finished_at"] = told["served_at"]  # the gateway asks for it
    status, answer = live.call("POST", "/api/v1/services", key, told)
    assert status == 200, answer
    return str(answer["invitation_url"])


def test_from_the_link_to_the_provinces_page_and_back_to_the_receipt(live: Installation, chromium: Browser) -> None:
    key = live.key()
    url = invited(live, key, "MA-PAGE-0001")
    phone = browsers.page(chromium, "phone")
    phone.goto(f"{url}?via=qr")
    picture(phone, "channels/superior-away", ("phone", "tablet", "desktop"))
    assert sound(phone, "to the province's page") == []
    phone.get_by_role("button", name="去省平台评价").click()
    expect(phone).to_have_url(re.compile(re.escape(live.province) + "/fj/page/"))
    phone.get_by_label("想说的话").fill("同样的证明交了两次。")
    phone.get_by_role("button", name="不满意", exact=True).click()
    expect(phone).to_have_url(re.compile(re.escape(live.url) + "/rated/"))
    # It comes back by itself, without a reload of ours and without script.
    expect(phone.get_by_role("heading", name="谢谢，您的评价已收到")).to_be_visible(timeout=30_000)
    expect(phone.locator(".words")).to_have_text("同样的证明交了两次。")
    picture(phone, "channels/superior-receipt", ("phone",))
    phone.goto(url)
    expect(phone.locator(".receipt-code")).to_be_visible()
    rows = live.rows("SELECT level, channel, proof, text FROM evaluate_rating")
    assert rows == [(2, "qr", "superior", "同样的证明交了两次。")]
    assert live.rows("SELECT count(*) FROM feedback_case") == [(1,)]
    assert [row["level"] for row in live.received("rating")] == [2]
    phone.context.close()


def test_while_the_province_is_down_the_same_link_takes_the_rating_here(live: Installation, chromium: Browser) -> None:
    key = live.key()
    url = invited(live, key, "MA-PAGE-0002")
    live.behave(mode="down")
    phone = browsers.page(chromium, "phone")
    phone.goto(url)
    phone.get_by_role("button", name="去省平台评价").click()
    expect(phone.get_by_text("省平台的评价页暂时打不开，请在这里评。")).to_be_visible()
    picture(phone, "channels/superior-down", ("phone", "tablet", "desktop"))
    phone.get_by_role("button", name="非常满意").click()
    phone.get_by_role("button", name="跳过").click()
    expect(phone.locator(".receipt-code")).to_be_visible()
    phone.context.close()
    live.behave(mode="up")
    live.wait_for(lambda: {row["level"] for row in live.received("rating")} == {2, 5}, 60, "没有报送到省平台")


def test_the_pages_explain_themselves_at_every_step(live: Installation, chromium: Browser, tmp_path: Path) -> None:
    """Gone to the province and not rated there: both ways stay open."""
    live.behave(mode="up")
    url = invited(live, live.key(), "MA-PAGE-0003")
    phone = browsers.page(chromium, "phone")

    def lead() -> bool:
        phone.goto(url)
        with phone.expect_navigation():
            phone.get_by_role("button", name="去省平台评价").click()
        if "/fj/page/" in phone.url:
            return True
        # After its silence nobody is kept waiting for half a minute, and a person presses a few times, not twenty.
        phone.wait_for_timeout(4_000)
        return False

    live.wait_for(lead, 60, "省平台恢复之后没有再用它的评价页")
    phone.goto(url)
    expect(phone.get_by_role("button", name="再去省平台评价")).to_be_visible()
    picture(phone, "channels/superior-again", ("phone", "tablet", "desktop"))
    assert sound(phone, "not yet back from the province's page") == []
    phone.get_by_role("link", name="在这里评").click()
    expect(phone.get_by_role("button", name="满意")).to_have_count(5)
    phone.context.close()
