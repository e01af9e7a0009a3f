"""Answering for it, in a real browser against a whole installation (minan/5.2).

Repeated negatives → 问责提醒 → the window's explanation → the leader's decision → what was done, sent back once →
accepted by another; and a clue to 纪检 that the administrator cannot open though the database and the home folder are
theirs, and that the officer opens in the browser.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import browser as browsers
from tests.support.browser import picture
from tests.support.live import CHECKOUT, Installation
from tests.support.office import act, called, ended, look, office

pytestmark = [pytest.mark.browser]
PASSPHRASE = "只在测试里用的口令-纪检"
WORDS = "窗口的人打电话来，说再给差评就别想办成。"
PICTURE = b"\xff\xd8\xff\xe0 a telephone"
SIZES = ("phone", "tablet", "desktop")


live, chromium, staff = office("window3", "unit", "reviewer", "head", "operator", "discipline")


def negative(live: Installation, case_no: str) -> str:
    """A service ends and its person says 不满意; returns the receipt code."""
    told = live.http.request(
        "POST", ended(live, case_no), body=json.dumps({"level": 2, "tags": ["210"], "text": "材料交了两次。"}).encode(),
        headers={"Content-Type": "application/json", "Accept": "application/json"},
    )  # fmt: skip
    code: str = json.loads(told.data)["receipt"]
    return code


def confirmed(live: Installation, page: Page) -> None:
    """The reviewer calls back and confirms the first that waits."""
    called(live, page, words="情况属实。").get_by_role("button", name="属实，转办整改").click()
    expect(page.get_by_text("已认定属实，转办整改。")).to_be_visible()


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


def test_what_was_ordered_is_reported_sent_back_and_accepted_by_another(
    live: Installation, staff: dict[str, Page]
) -> None:
    unit, head, window3 = staff["unit"], staff["head"], staff["window3"]
    look(live, unit, "improving")
    expect(unit.get_by_text("五个工作日内停收重复材料。").first).to_be_visible()
    act(unit, "报送改进情况", improvement="已经口头要求窗口注意。")
    expect(unit.get_by_text("已办：报送改进情况。")).to_be_visible()
    unit.goto(head_url := look(live, head, "improved").url)
    expect(unit.get_by_role("button", name="改进通过验收")).to_have_count(0)  # nobody accepts their own
    picture(head, "inquiry-improved", SIZES)
    act(head, "退回补充改进", reason="口头要求不算，要看到一次收齐的清单。")
    expect(head.get_by_text("已办：退回补充改进。")).to_be_visible()

    look(live, unit, "improving")
    expect(unit.get_by_text("口头要求不算，要看到一次收齐的清单。").first).to_be_visible()
    act(unit, "报送改进情况", improvement="一次收齐的清单已经贴在窗口，系统不再要第二次。")
    look(live, head, "improved").get_by_role("button", name="改进通过验收").click()
    expect(head.get_by_text("已办：改进通过验收。")).to_be_visible()
    window3.goto(head_url.replace("/improved/", "/mine/"))
    expect(window3.get_by_text("已处理").first).to_be_visible()
    expect(window3.get_by_text("一次收齐的清单已经贴在窗口").first).to_be_visible()
    unit.goto(f"{live.url}/desk/improving/")
    expect(unit.get_by_text("这里没有要办的件")).to_be_visible()


def minping(live: Installation, *arguments: str) -> str:
    """The command on the officer's own machine: no home folder, the passphrase typed."""
    done = subprocess.run(
        [sys.executable, "-m", "minping.cli", "clue", *arguments], cwd=CHECKOUT, input=f"{PASSPHRASE}\n",
        capture_output=True, text=True, check=False,
        env={name: value for name, value in live.env.items() if not name.startswith("MINPING_")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def silent(page: Page) -> list[str]:
    """From now on, whatever the page asks of any server."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if not request.url.startswith("blob:") else None)
    return asked


def opened(page: Page, key: Path, passphrase: str = PASSPHRASE) -> None:
    page.get_by_label("私钥文件").set_input_files(key)
    page.get_by_label("私钥口令").fill(passphrase)
    page.get_by_role("button", name="打开", exact=True).click()


def saved(page: Page, name: str, where: Path) -> Path:
    with page.expect_download() as waiting:
        page.get_by_role("link", name=name).click()
    waiting.value.save_as(where)
    return where


def key_made(page: Page, where: Path) -> tuple[str, str]:
    """The officer makes the key in the reader; returns its public half and its fingerprint."""
    asked = silent(page)
    page.get_by_text("做一把新的私钥").click()
    page.get_by_label("新的口令").fill(PASSPHRASE)
    page.get_by_label("再输一遍口令").fill(PASSPHRASE)
    page.get_by_role("button", name="做私钥").click()
    expect(page.get_by_role("heading", name="私钥做好了")).to_be_visible(timeout=60_000)
    picture(page, "reader-key", SIZES)
    saved(page, "保存私钥文件", where)
    assert asked == []
    return page.locator("#half").input_value(), page.locator("#mark").inner_text()


def test_a_clue_to_the_discipline_organ_that_the_administrator_cannot_open(
    live: Installation, chromium: Browser, staff: dict[str, Page], tmp_path: Path
) -> None:
    officer, head, operator = staff["discipline"], staff["head"], staff["operator"]
    key = tmp_path / "key.jwe"
    officer.goto(f"{live.url}/clues/reader/")
    public, mark = key_made(officer, key)
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
    phone.get_by_label("照片或材料").set_input_files({"name": "通话.jpg", "mimeType": "image/jpeg", "buffer": PICTURE})
    phone.get_by_role("button", name="封好，交给纪检").click()
    expect(phone.get_by_role("heading", name="已收到，已经封好")).to_be_visible()

    # The administrator: every page, and every byte of the machine that is not the database server's.
    for address in ("/clues/", "/journal/", "/supervise/", "/desk/"):
        operator.goto(f"{live.url}{address}")
        assert "线索-" not in operator.content()
    held = [file.read_bytes() for file in live.home.rglob("*") if file.is_file()]
    assert not any(WORDS.encode() in one or PICTURE in one for one in held)

    # The officer, in the browser: the key, the passphrase and the words stay in it.
    officer.goto(f"{live.url}/clues/")
    picture(officer, "clues", SIZES)
    officer.get_by_role("button", name="在浏览器里打开").click()
    asked = silent(officer)
    opened(officer, key, "不是这个口令啊啊啊")
    expect(officer.get_by_text("私钥打不开：请核对私钥文件和口令。")).to_be_visible()
    opened(officer, key)
    expect(officer.get_by_text(WORDS)).to_be_visible()
    expect(officer.get_by_text("评价人反映")).to_be_visible()
    picture(officer, "reader", SIZES)
    assert saved(officer, "保存附件：通话.jpg", tmp_path / "附件.jpg").read_bytes() == PICTURE
    assert officer.evaluate("fetch('/clues/').then(() => 'reached', () => 'refused')") == "refused"
    assert officer.evaluate("fetch('https://example.invalid/').then(() => 'reached', () => 'refused')") == "refused"
    assert [url for url in asked if "example.invalid" not in url and not url.endswith("/clues/")] == []

    # And as a file, opened by the command on a machine of the officer's own.
    officer.goto(f"{live.url}/clues/")
    with officer.expect_download() as waiting:
        officer.get_by_role("button", name="取出密封件").click()
    sealed = tmp_path / "sealed.json"
    waiting.value.save_as(sealed)
    assert WORDS.encode() not in sealed.read_bytes()
    assert WORDS in minping(live, "open", str(sealed), "--key", str(key))
    officer.goto(f"{live.url}/clues/")
    takes = officer.get_by_role("region", name="取件记录")
    expect(takes.get_by_text("在浏览器里打开")).to_be_visible()
    expect(takes.get_by_text("取出文件")).to_be_visible()

    phone.goto(f"{live.url}/receipt")
    phone.get_by_label("回执号（16 位数字）").fill(code)
    phone.get_by_role("button", name="查询").click()
    expect(phone.get_by_text("已转交")).to_be_visible()
    phone.context.close()

    look(live, staff["reviewer"], "verify")
    staff["reviewer"].get_by_role("link", name="移送违纪违法线索").click()
    expect(staff["reviewer"].get_by_text(mark)).to_be_visible()
    picture(staff["reviewer"], "clue-hand-in", SIZES)
