"""我的待评价 from the login at a real OpenID Connect provider to the province's record, and the hall is called back (R12)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from oidc_provider_mock import User, run_server_in_thread
from playwright.sync_api import Page, expect
from standardwebhooks import Webhook

from minping.kernel.language import LANGUAGES
from tests.support import browser as browsers
from tests.support.axe import sound
from tests.support.browser import picture
from tests.support.live import Installation
from tests.support.receiver import Receiver, receiving
from tests.support.reports import service
from tests.support.services import free_port
from tests.support.staff import sign_in

pytestmark = [pytest.mark.browser]
ALL = ("phone", "tablet", "desktop")
PERSON = User(sub="a-citizen", claims={"certNo": "350213190001010011", "certType": "10", "name": "群众甲"})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> Iterator[Installation]:
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # for the provider's side, on loopback
    port = free_port()
    installation = Installation(os.environ.get("MINPING_DATABASE", ""))
    (installation.home / "minping.toml").write_text(
        f"""callback_origins = ["{receiver.origin}"]
base_url = "{installation.url}"

[identity]
issuer = "http://localhost:{port}"
client_id = "minping"
client_secret = "a-secret-of-the-test"
label = "闽政通"
certificate = "certNo"
kind = "certType"
kinds = {{ 10 = "111" }}
""",
        encoding="utf-8",
    )
    with run_server_in_thread(port, require_nonce=True, user_claims=[PERSON]), installation:
        yield installation


def in_each_language(live: Installation, person: Page, name: str) -> list[str]:
    """What is wrong with the page of whoever is logged in; ends in Simplified Chinese, as it began."""
    found = []
    for code, one in reversed(LANGUAGES.items()):
        person.goto(f"{live.url}/mine/?lang={code}")
        expect(person.locator("html")).to_have_attribute("lang", one.tag)
        found += sound(person, f"{name}, {code}")
    return found


def test_who_logs_in_finds_his_own_service_rates_it_and_the_hall_is_told(
    live: Installation, receiver: Receiver
) -> None:
    with browsers.browser() as chromium:
        office = sign_in(live, chromium, "operator")
        office.goto(f"{live.url}/callbacks/")
        office.locator("summary", has_text="登记一个回调对象").click()
        office.get_by_label("对方系统的名称").fill("网上大厅")
        office.get_by_label("只告诉它哪个机构").select_option("minan")
        office.get_by_label("接收回调的网址").fill(receiver.url)
        office.get_by_label("作出评价").check()
        picture(office, "channels/callbacks-new", ALL)
        office.get_by_role("button", name="登记", exact=True).click()
        secret = office.locator("#callback-secret").inner_text()
        office.get_by_role("button", name="测试").click()
        live.wait_for(lambda: len(receiver.heard) == 1, 30, "测试没有送到")

        status, told = live.call("POST", "/api/v1/services", live.key(), service(live, "MINE-0001"))
        assert status == 200, told
        person = browsers.page(chromium, "phone")
        person.goto(f"{live.url}/mine/")
        found = sound(person, "mine, the way in")
        picture(person, "channels/mine-enter", ALL)
        person.get_by_role("link", name="用闽政通登录").click()
        expect(person).to_have_url(re.compile("localhost:.*code_challenge_method=S256"))
        person.get_by_role("button", name=PERSON.sub).click()
        expect(person).to_have_url(f"{live.url}/mine/")
        expect(person.get_by_text("办件尾号 0001")).to_be_visible()
        found += in_each_language(live, person, "mine, the list")
        picture(person, "channels/mine-list", ALL)
        kept = {cookie["name"] for cookie in person.context.cookies(live.url + "/mine/")}
        assert kept <= {"mp_mine", "csrftoken", "mp_lang"}
        person.get_by_role("link", name="评价这一次").click()
        person.get_by_role("button", name="非常满意").click()
        expect(person.get_by_role("heading", name="已保存：非常满意")).to_be_visible()
        person.goto(f"{live.url}/mine/")
        expect(person.get_by_text("没有待您评价的服务")).to_be_visible()
        found += in_each_language(live, person, "mine, nothing left")
        person.get_by_role("button", name="退出").click()
        expect(person.get_by_role("heading", name="已退出")).to_be_visible()
        found += sound(person, "mine, out")
        person.go_back()
        person.goto(f"{live.url}/mine/")
        expect(person.get_by_role("link", name="用闽政通登录")).to_be_visible()
        assert not found, "\n".join(found)

        live.wait_for(lambda: live.received("rating"), 90, "评价没有到省平台")
        said = live.received("rating")[0]
        said = said.get("body", said)
        assert (said["level"], said["channel"], said["proof"]) == (5, "pc", "identity_platform")
        live.wait_for(lambda: len(receiver.heard) == 2, 30, "没有回调")
        test, given = (Webhook(secret).verify(one.body, one.headers) for one in receiver.heard)
        assert (test["type"], given["type"]) == ("callback.test", "rating.given")
        assert given["data"]["case_no"] == "MINE-0001"
        office.goto(f"{live.url}/callbacks/?state=delivered")
        expect(office.locator("tbody tr")).to_have_count(2)
        picture(office, "channels/callbacks", ALL)
    log = live.tail(1_000_000)
    assert not any(word in log for word in ("350213190001010011", "群众甲", "a-citizen", secret))
    assert live.cli("verify").returncode == 0
