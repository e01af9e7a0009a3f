"""Answering for it, in a real browser against a whole installation (minan/5.2).

Repeated negatives → 问责提醒 → the window's explanation → the leader's decision → improved → accepted; and a clue to
纪检 that the administrator cannot open though the database and the home folder are theirs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import browser as browsers
from tests.support.browser import picture
from tests.support.live import CHECKOUT, Installation
from tests.support.staff import sign_in

pytestmark = [pytest.mark.browser]
PASSPHRASE = "只在测试里用的口令-纪检"
WORDS = "窗口的人打电话来，说再给差评就别想办成。"
SIZES = ("phone", "tablet", "desktop")


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
    return {name: sign_in(live, chromium, name) for name in ("window3", "reviewer", "head", "operator", "discipline")}


def negative(live: Installation, case_no: str) -> str:
    """A service ends and its person says 不满意; returns the receipt code."""
    now = live.now()
    status, answer = live.call("POST", "/api/v1/services", live.key(), {
        "organization_code": "minan-center", "case_no": case_no, "service_no": 1, "service_name": "办结",
        "item_code": "XN35021300520MINPINGDEMO2026001", "window_code": "03", "staff_code": "w03", "handling": "hall",
        "case_state": 3, "accepted_at": now, "served_at": now, "finished_at": now,
        "applicant": {"kind": "person", "name": "群众甲", "cert_type": "111", "cert_no": "350213190001010011", "phone": "13800000000"},
    })  # fmt: skip
    assert status == 200, answer
    told = live.http.request(
        "POST", answer["invitation_url"], body=json.dumps({"level": 2, "tags": ["210"], "text": "材料交了两次。"}).encode(),
        headers={"Content-Type": "application/json", "Accept": "application/json"},
    )  # fmt: skip
    code: str = json.loads(told.data)["receipt"]
    return code


def confirmed(live: Installation, page: Page) -> None:
    """The reviewer calls back and confirms the first that waits."""
    page.goto(f"{live.url}/desk/verify/")
    page.locator(".queue .line").first.click()
    page.get_by_role("link", name="记录回访").click()
    page.get_by_label("接通", exact=True).check()
    page.get_by_label("对方的话").fill("情况属实。")
    page.get_by_role("button", name="保存记录").click()
    page.get_by_role("button", name="属实，转办整改").click()
    expect(page.get_by_text("已认定属实，转办整改。")).to_be_visible()


def look(live: Installation, page: Page, view: str) -> Page:
    page.goto(f"{live.url}/desk/{view}/")
    page.locator(".queue .line").first.click()
    return page


def act(page: Page, label: str, **fields: str) -> None:
    page.locator("details.act summary").get_by_text(label, exact=True).click()
    form = page.locator("details.act[open]")
    for name, value in fields.items():
        field = form.locator(f"[name={name}]")
        if field.evaluate("e => e.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    form.get_by_role("button", name=label, exact=True).click()


def test_repeated_negatives_are_answered_for(live: Installation, staff: dict[str, Page]) -> None:
    for number in range(3):
        negative(live, f"MA-REPEAT-{number}")
        confirmed(live, staff["reviewer"])
    window3, head = staff["window3"], staff["head"]
    look(live, window3, "answering")
    expect(window3.get_by_role("heading", name="窗口反复被差评：3号窗口")).to_be_visible()
    expect(window3.get_by_role("heading", name="所列差评（3 件计入）")).to_be_visible()
    picture(window3, "inquiry-window", SIZES)
    act(window3, "提交情况说明", explanation="系统两天停机，材料只能重复核对。已改为一次收齐。")
    expect(window3.get_by_text("已办：提交情况说明。")).to_be_visible()

    look(live, head, "judging")
    expect(head.get_by_text("系统两天停机")).to_be_visible()
    picture(head, "inquiry-head", SIZES)
    act(head, "限期整改", measure="improve", reason="五个工作日内停收重复材料。")
    expect(head.get_by_text("已办：限期整改。")).to_be_visible()
    window3.goto(f"{live.url}/desk/answering/")  # the notice about the person is not at the window's desk
    expect(window3.get_by_text("这里没有要办的件")).to_be_visible()
    window3.goto(f"{live.url}/own/")
    expect(window3.get_by_text("人员：窗口三号")).to_be_visible()
    picture(window3, "own", SIZES)
    head.goto(f"{live.url}/supervise/")
    expect(head.get_by_text("限期整改中")).to_be_visible()
    picture(head, "supervise", SIZES)


def minping(live: Installation, *arguments: str) -> str:
    """The command on the officer's own machine: no home folder, the passphrase typed."""
    done = subprocess.run(
        [sys.executable, "-m", "minping.cli", "clue", *arguments], cwd=CHECKOUT, input=f"{PASSPHRASE}\n",
        capture_output=True, text=True, check=False,
        env={name: value for name, value in live.env.items() if not name.startswith("MINPING_")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_clue_to_the_discipline_organ_that_the_administrator_cannot_open(
    live: Installation, chromium: Browser, staff: dict[str, Page], tmp_path: Path
) -> None:
    officer, head, operator = staff["discipline"], staff["head"], staff["operator"]
    key = tmp_path / "key.pem"
    told = dict(line.split("：", 1) for line in minping(live, "keygen", str(key)).splitlines() if "：" in line)
    public = next(value for name, value in told.items() if name.startswith("公钥"))
    mark = next(value for name, value in told.items() if name.startswith("指纹"))
    officer.goto(f"{live.url}/clues/")
    officer.get_by_label("管哪个单位").select_option("minan")
    officer.get_by_label("纪检机关的名称").fill("翔安区纪委监委")
    officer.get_by_label("公钥", exact=True).fill(public)
    officer.get_by_role("button", name="登记，等核对").click()
    head.goto(f"{live.url}/clues/")
    head.get_by_label("公钥指纹").fill(mark)
    head.get_by_role("button", name="指纹一致，启用").click()
    expect(head.get_by_text("公钥已启用")).to_be_visible()

    code = negative(live, "MA-CLUE-1")
    phone = browsers.page(chromium, "phone")
    phone.goto(f"{live.url}/receipt")
    phone.get_by_label("回执号（16 位数字）").fill(code)
    phone.get_by_role("button", name="查询").click()
    picture(phone, "receipt-report", ("phone",))
    phone.get_by_role("button", name="向纪检反映").click()
    assert code.replace(" ", "") not in phone.url.replace("%20", "")
    picture(phone, "report", SIZES)
    phone.get_by_label("发生了什么").fill(WORDS)
    phone.get_by_role("button", name="封好，交给纪检").click()
    expect(phone.get_by_role("heading", name="已收到，已经封好")).to_be_visible()

    # The administrator: every page, and every byte of the machine that is not the database server's.
    for address in ("/clues/", "/journal/", "/supervise/", "/desk/"):
        operator.goto(f"{live.url}{address}")
        assert "线索-" not in operator.content()
    held = [file.read_bytes() for file in live.home.rglob("*") if file.is_file()]
    assert not any(WORDS.encode() in one for one in held)

    officer.goto(f"{live.url}/clues/")
    with officer.expect_download() as waiting:
        officer.get_by_role("button", name="取出密封件").click()
    sealed = tmp_path / "sealed.json"
    waiting.value.save_as(sealed)
    assert WORDS.encode() not in sealed.read_bytes()
    assert WORDS in minping(live, "open", str(sealed), "--key", str(key))
    officer.goto(f"{live.url}/clues/")
    expect(officer.get_by_role("heading", name="取件记录")).to_be_visible()
    picture(officer, "clues", SIZES)

    phone.goto(f"{live.url}/receipt")
    phone.get_by_label("回执号（16 位数字）").fill(code)
    phone.get_by_role("button", name="查询").click()
    expect(phone.get_by_text("已转交")).to_be_visible()

    look(live, staff["reviewer"], "verify")
    staff["reviewer"].get_by_role("link", name="移送违纪违法线索").click()
    expect(staff["reviewer"].get_by_text(mark)).to_be_visible()
    picture(staff["reviewer"], "clue-hand-in", SIZES)
    phone.context.close()
