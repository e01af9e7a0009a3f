"""The window tablet in a real browser, from the end of a service to the province's record.

Nobody of the staff touches it; the line breaks and comes back; each press arrives once.
"""

from __future__ import annotations

import os
import random
import re
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from minping.evaluate.channels.tablet.stream import LINES
from tests.support import browser as browsers
from tests.support.browser import picture
from tests.support.live import Installation, kill, serving
from tests.support.reports import ITEM, post

pytestmark = [pytest.mark.browser]
KILLS = int(os.environ.get("MINPING_KILLS", "3"))  # make show-channels: 20


@pytest.fixture(scope="module")
def live() -> Iterator[Installation]:
    with Installation(os.environ.get("MINPING_DATABASE", "")) as installation:
        yield installation


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browsers.browser() as started:
        yield started


@pytest.fixture(scope="module")
def key(live: Installation) -> str:
    return live.key(can="services:write,devices:write")


class Office:
    """The operator's page of devices."""

    def __init__(self, live: Installation, chromium: Browser, username: str = "operator") -> None:
        self.live = live
        self.page = browsers.page(chromium)
        self.page.goto(f"{live.url}/login")
        self.page.get_by_label("账号").fill(username)
        self.page.get_by_label("密码").fill(live.passwords()[username])
        self.page.get_by_role("button", name="登录").click()
        expect(self.page).not_to_have_url(f"{live.url}/login")

    def code(self, device: str) -> str:
        self.page.goto(f"{self.live.url}/devices/")
        self.page.get_by_role("button", name=re.compile(rf"配对 {device}$")).click()
        return self.page.locator("#pairing-code").inner_text().replace("-", "")


def tablet(live: Installation, chromium: Browser, office: Office, device: str) -> Page:
    """A browser paired as the device, as by scanning the picture."""
    context: BrowserContext = chromium.new_context(viewport={"width": 1180, "height": 820}, locale="zh-CN")
    page = context.new_page()
    page.goto(f"{live.url}/tablet/pair#{office.code(device)}")
    page.get_by_role("button", name="配对").click()
    expect(page.locator("#sign")).to_have_text("在线")
    return page


def ended(
    live: Installation, key: str, case_no: str, window: str = "03", name: str = "欧阳甲乙", **more: object
) -> str:
    now = live.now()
    status, answer = live.call("POST", "/api/v1/services", key, {
        "organization_code": "minan-center", "case_no": case_no, "service_no": 1, "service_name": "办结",
        "item_code": ITEM, "window_code": window, "staff_code": f"w{window}", "handling": "hall", "case_state": 3,
        "accepted_at": now, "served_at": now, "finished_at": now,
        "applicant": {"kind": "person", "name": name, "cert_type": "111",
                      "cert_no": f"3502131900010{sum(map(ord, name)) % 90000 + 10000}", "phone": "13800000000"}, **more,
    })  # fmt: skip
    assert status == 200, answer
    url: str = answer["invitation_url"]
    return url


def levels(live: Installation) -> dict[str, int]:
    return {row["case_no"]: row["level"] for row in live.received("rating")}


@pytest.fixture(scope="module")
def office(live: Installation, chromium: Browser) -> Office:
    return Office(live, chromium)


@pytest.fixture(scope="module")
def window3(live: Installation, chromium: Browser, office: Office) -> Page:
    page = tablet(live, chromium, office, "tablet-03")
    picture(office.page, "channels/tablet-pairing", ("phone", "tablet", "desktop"))
    return page


def test_from_the_end_of_the_service_to_the_provinces_record_without_a_hand_of_the_staff(
    live: Installation, key: str, window3: Page
) -> None:
    picture(window3, "channels/tablet-idle", ("phone", "tablet", "desktop"))
    ended(live, key, "MA-TAB-0417")
    expect(window3.locator("#rate")).to_be_visible()  # within a second: measured by bench, part `tablets`
    expect(window3.locator("#whom")).to_have_text("欧阳**")
    expect(window3.locator("#tail")).to_have_text("办件尾号 0417")
    shown = window3.content()
    assert "欧阳甲" not in shown and "13800000000" not in shown and "MA-TAB" not in shown
    assert window3.locator(":checked, [aria-pressed=true], .tile:focus").count() == 0
    picture(window3, "channels/tablet-rate", ("phone", "tablet", "desktop"))
    window3.locator("#rate").get_by_role("button", name="不满意", exact=True).click()
    expect(window3.get_by_role("heading", name="已收下")).to_be_visible()
    expect(window3.locator("#saved-note")).to_have_text("您选了“不满意”。")
    window3.get_by_label("同样内容的证明材料被要求多次提交").check()
    window3.get_by_label("想说的话").fill("同样的证明交了两次。")
    picture(window3, "channels/tablet-reasons", ("phone", "tablet", "desktop"))
    window3.get_by_role("button", name="提交").click()
    expect(window3.get_by_text("回执号")).to_be_visible()
    picture(window3, "channels/tablet-thanks", ("phone", "tablet", "desktop"))
    live.wait_for(lambda: "MA-TAB-0417" in levels(live), 20, "评价没有送到")
    (above,) = (row for row in live.received("rating") if row["case_no"] == "MA-TAB-0417")
    assert (above["level"], above["tags"], above["text"], above["channel"], above["proof"]) == (
        2, ["210"], "同样的证明交了两次。", "tablet", "business_system",
    )  # fmt: skip
    assert "offline" not in above
    window3.get_by_role("button", name="完成").click()
    expect(window3.locator("#idle")).to_be_visible()


def test_after_a_minute_a_countdown_and_then_nothing_is_left_but_the_invitation(
    live: Installation, key: str, chromium: Browser, office: Office
) -> None:
    page = tablet(live, chromium, office, "tablet-04")
    page.clock.install()
    page.reload()
    expect(page.locator("#sign")).to_have_text("在线")
    url = ended(live, key, "MA-IDLE-0001", "04")
    expect(page.locator("#rate")).to_be_visible()
    page.clock.run_for(59_000)
    expect(page.locator("#ending")).to_be_hidden()
    page.clock.run_for(11_000)
    expect(page.locator("#ending")).to_be_visible()
    assert 18 <= int(page.locator("#seconds").text_content() or 0) <= 21
    picture(page, "channels/tablet-countdown", ("phone", "tablet", "desktop"))
    page.get_by_role("button", name="我还在").click()
    page.clock.run_for(500)
    expect(page.locator("#ending")).to_be_hidden()
    page.locator("#rate").get_by_role("button", name="评价说明").click()
    expect(page.get_by_role("heading", name="谁看得到什么")).to_be_visible()
    page.clock.run_for(61_000)
    expect(page.locator("#ending")).to_be_visible()  # the explanation is left alone like any page
    page.clock.run_for(30_000)
    expect(page.locator("#idle")).to_be_visible()
    assert "欧阳" not in page.content() and "0001" not in page.locator("#rate").inner_html()
    assert live.http.request("GET", url).status == 200  # the phone may still
    _, state = live.call("GET", "/api/v1/services/minan-center/MA-IDLE-0001/1", key)
    assert state["outcome"] == "none"
    page.context.close()


def test_the_next_persons_service_takes_the_place_of_one_that_nobody_touched(
    live: Installation, key: str, chromium: Browser, office: Office
) -> None:
    page = tablet(live, chromium, office, "tablet-05")
    ended(live, key, "MA-NEXT-0001", "05", "群众甲")
    expect(page.locator("#tail")).to_have_text("办件尾号 0001")
    ended(live, key, "MA-NEXT-0002", "05", "众人乙")
    expect(page.locator("#tail")).to_have_text("办件尾号 0002")
    ended(live, key, "MA-NEXT-0003", "05", "众人乙")  # the same person's second service waits its turn
    time.sleep(1)
    expect(page.locator("#tail")).to_have_text("办件尾号 0002")
    page.locator("#rate").get_by_role("button", name="满意", exact=True).first.click()
    page.get_by_role("button", name="跳过").click()
    page.get_by_role("button", name="完成").click()
    expect(page.locator("#tail")).to_have_text("办件尾号 0003")
    page.get_by_role("button", name="现在不评").click()
    expect(page.locator("#idle")).to_be_visible()
    page.reload()  # what has ended does not come back
    expect(page.locator("#sign")).to_have_text("在线")
    expect(page.locator("#idle")).to_be_visible()
    page.context.close()


def test_the_page_opens_and_keeps_a_press_while_the_line_is_down_and_delivers_it_once(
    live: Installation, key: str, window3: Page
) -> None:
    window3.evaluate("navigator.serviceWorker.ready.then(() => true)")
    ended(live, key, "MA-OFF-0001")
    expect(window3.locator("#tail")).to_have_text("办件尾号 0001")
    window3.context.set_offline(True)
    window3.locator("#rate").get_by_role("button", name="非常满意", exact=True).click()
    window3.get_by_role("button", name="跳过").click()
    expect(window3.locator("#sign")).to_have_text(re.compile(r"等待 \d"), timeout=15_000)
    picture(window3, "channels/tablet-offline", ("phone", "tablet", "desktop"))
    window3.reload()  # the page itself is kept too, and so is the press
    expect(window3.locator("#idle")).to_be_visible()
    expect(window3.locator("#sign")).to_have_text(re.compile(r"等待 \d"), timeout=15_000)
    window3.context.set_offline(False)
    expect(window3.locator("#sign")).to_have_text("在线", timeout=15_000)
    live.wait_for(lambda: "MA-OFF-0001" in levels(live), 20, "离线的评价没有送到")
    (above,) = (row for row in live.received("rating") if row["case_no"] == "MA-OFF-0001")
    assert above["level"] == 5 and above["offline"] is True and above["pressed_at"]


def test_a_tablet_that_cannot_hold_an_open_line_asks_and_misses_nothing(
    live: Installation, key: str, chromium: Browser, office: Office
) -> None:
    page = tablet(live, chromium, office, "tablet-02")
    page.context.route("**/tablet/stream*", lambda route: route.abort())
    page.reload()
    ended(live, key, "MA-ASK-0001", "02")
    expect(page.locator("#tail")).to_have_text("办件尾号 0001", timeout=10_000)
    page.locator("#rate").get_by_role("button", name="基本满意").click()
    page.get_by_role("button", name="跳过").click()
    live.wait_for(lambda: levels(live).get("MA-ASK-0001") == 3, 20, "评价没有送到")
    page.context.close()


def test_the_morning_check_comes_back_and_the_head_sees_which_windows_did_not(
    live: Installation, window3: Page, chromium: Browser
) -> None:
    window3.get_by_role("button", name="晨检").click()
    expect(window3.locator("#checked")).to_have_text(re.compile("晨检正常"), timeout=15_000)
    head = Office(live, chromium, "head")
    head.page.goto(f"{live.url}/devices/")
    expect(head.page.get_by_text(re.compile(r"\d\d:\d\d 正常"))).to_be_visible()
    assert head.page.get_by_role("button", name=re.compile("配对")).count() == 0
    picture(head.page, "channels/tablet-devices", ("phone", "tablet", "desktop"))
    head.page.get_by_role("link", name="tablet-03").click()
    expect(head.page.get_by_text("晨检回来了").first).to_be_visible()
    picture(head.page, "channels/tablet-story", ("phone", "tablet", "desktop"))
    healthy = live.call("GET", "/api/v1/healthz", "")[1]
    assert healthy["outbox"]["waiting"] == 0
    told = [row for kind in ("service", "rating", "default", "case") for row in live.received(kind)]
    assert not [row for row in told if row["case_no"].startswith("check")]  # the province never hears of it


def test_who_rates_by_phone_finds_no_tiles_on_the_tablet_any_more(live: Installation, key: str, window3: Page) -> None:
    link = ended(live, key, "MA-ELSE-0903", name="群众戊")
    expect(window3.locator("#tail")).to_have_text("办件尾号 0903")
    assert post(live, link, level=5) == 303
    expect(window3.locator("#thanks-h")).to_have_text("这次服务已经评价过了")
    expect(window3.locator("#rate")).to_be_hidden()
    assert "群众" not in window3.content() and "0903" not in window3.content()
    window3.get_by_role("button", name="完成").click()
    expect(window3.locator("#idle")).to_be_visible()


def test_a_revoked_device_says_so_within_a_moment(live: Installation, chromium: Browser, office: Office) -> None:
    page = tablet(live, chromium, office, "tablet-06")
    office.page.goto(f"{live.url}/devices/")
    office.page.get_by_role("button", name=re.compile("停用 tablet-06")).click()
    expect(page.get_by_role("heading", name="这台装置已停用")).to_be_visible()
    expect(page.locator("#sign")).to_have_text("停用")
    picture(page, "channels/tablet-stopped", ("phone", "tablet", "desktop"))
    page.context.close()


def test_what_waits_on_a_revoked_tablet_comes_after_it_is_paired_anew(
    live: Installation, key: str, chromium: Browser, office: Office
) -> None:
    page = tablet(live, chromium, office, "tablet-06")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    ended(live, key, "MA-GONE-0001", "06")
    expect(page.locator("#tail")).to_have_text("办件尾号 0001")
    page.context.set_offline(True)
    page.locator("#rate [data-level='1']").click()
    page.get_by_role("button", name="跳过").click()
    expect(page.locator("#sign")).to_have_text(re.compile(r"等待 \d"), timeout=15_000)
    office.page.goto(f"{live.url}/devices/")
    office.page.get_by_role("button", name=re.compile("停用 tablet-06")).click()
    page.context.set_offline(False)
    expect(page.locator("#sign")).to_have_text("停用", timeout=15_000)
    assert "MA-GONE-0001" not in levels(live)
    page.goto(f"{live.url}/tablet/pair#{office.code('tablet-06')}")
    page.get_by_role("button", name="配对").click()
    expect(page.locator("#sign")).to_have_text("在线", timeout=15_000)
    live.wait_for(lambda: levels(live).get("MA-GONE-0001") == 1, 20, "停用前存下的一按丢了")
    page.context.close()


def test_what_stands_between_and_says_no_in_the_servers_place_refuses_no_press(
    live: Installation, key: str, chromium: Browser, office: Office
) -> None:
    """A proxy without its server, or a portal that wants a sign-in, answers 4xx too: the press waits."""
    page = tablet(live, chromium, office, "tablet-04")
    ended(live, key, "MA-PROXY-0777", "04", "群众丁")
    expect(page.locator("#tail")).to_have_text("办件尾号 0777")
    for status in (404, 401, 422):
        page.context.route("**/tablet/report", between(status))
        if status == 404:
            page.locator("#rate [data-level='2']").click()
            page.get_by_role("button", name="跳过").click()
        expect(page.locator("#sign")).to_have_text(re.compile(r"等待 \d"), timeout=15_000)
        page.wait_for_timeout(1200)
        expect(page.locator("#stopped")).to_be_hidden()
        page.context.unroute("**/tablet/report")
    expect(page.locator("#sign")).to_have_text("在线", timeout=45_000)
    live.wait_for(lambda: levels(live).get("MA-PROXY-0777") == 2, 30, "被中间挡住的一按丢了")
    page.context.close()


def test_a_press_while_a_quiet_report_is_under_way_is_answered_at_once(
    live: Installation, key: str, chromium: Browser, office: Office
) -> None:
    """A quiet tablet reports every half minute: who presses in that moment need not wait for the next report."""
    page = tablet(live, chromium, office, "tablet-04")
    page.clock.install()
    page.reload()
    expect(page.locator("#sign")).to_have_text("在线")
    ended(live, key, "MA-WAKE-0888", "04", "群众己")
    expect(page.locator("#tail")).to_have_text("办件尾号 0888")
    page.wait_for_timeout(500)  # "shown" is reported
    held: list[Route] = []
    page.context.route("**/tablet/report", lambda route: held.append(route))
    for _ in range(50):
        if not held:
            page.clock.run_for(1000)
    page.locator("#rate [data-level='5']").click()
    page.get_by_role("button", name="跳过").click()
    expect(page.get_by_role("heading", name="谢谢，您的评价已收下")).to_be_visible()
    (quiet,) = held
    assert not (quiet.request.post_data_json or {})["entries"]
    page.context.unroute("**/tablet/report")  # it goes on, and its answer comes
    expect(page.get_by_text("回执号")).to_be_visible()
    page.context.close()


def between(status: int) -> Callable[[Route], None]:
    return lambda route: route.fulfill(status=status, body="<h1>no</h1>", content_type="text/html")


def test_after_an_upgrade_a_page_that_nobody_stands_before_opens_itself_anew_once(
    live: Installation, key: str, chromium: Browser, office: Office
) -> None:
    page = tablet(live, chromium, office, "tablet-05")

    def upgraded(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "version": "the next one"})

    page.clock.install()
    page.reload()
    page.context.route("**/tablet/report", upgraded)
    ended(live, key, "MA-UP-0001", "05", "群众丙")
    expect(page.locator("#rate")).to_be_visible()
    loads: list[str] = []
    page.on("load", lambda _: loads.append("load"))
    page.clock.run_for(40_000)
    page.wait_for_timeout(500)
    expect(page.locator("#rate")).to_be_visible()
    assert not loads, "not under a person's eyes"
    page.get_by_role("button", name="现在不评").click()
    for _ in range(8):
        page.clock.run_for(20_000)
        page.wait_for_timeout(400)
    expect(page.locator("#sign")).to_have_text("在线")
    assert loads == ["load"], "once, though the kept page still says the old version"
    page.context.close()


def test_one_devices_secret_holds_a_few_lines_and_no_more(
    live: Installation, chromium: Browser, office: Office
) -> None:
    page = tablet(live, chromium, office, "tablet-02")
    secret = next(one["value"] for one in page.context.cookies(f"{live.url}/tablet/") if one["name"] == "mp_device")
    page.context.close()
    head = f"GET /tablet/stream HTTP/1.1\r\nHost: 127.0.0.1:{live.stream_port}\r\nCookie: mp_device={secret}\r\n\r\n"
    lines = []
    for _ in range(LINES + 3):
        line = socket.create_connection(("127.0.0.1", live.stream_port), timeout=10)
        line.sendall(head.encode())
        assert b" 200 " in line.recv(4096)
        lines.append(line)

    def ends(line: socket.socket) -> bool:
        line.settimeout(2)
        try:
            while not (told := line.recv(4096)).endswith(b"0\r\n\r\n"):
                if not told:
                    return True
        except TimeoutError:
            return False
        return True

    assert [ends(line) for line in lines] == [True] * 3 + [False] * LINES, "the oldest give way"
    for line in lines:
        line.close()


def test_a_negative_key_on_the_old_pad_is_asked_for_its_reason_on_the_tablet(
    live: Installation, key: str, chromium: Browser, office: Office
) -> None:
    page = tablet(live, chromium, office, "tablet-01")
    ended(live, key, "MA-KEY-0001", "01")
    expect(page.locator("#rate")).to_be_visible()
    status, answer = live.call("POST", "/api/v1/devices/events", key, {
        "organization_code": "minan-center", "device_code": "keypad-01", "model": "five_keys", "key": "0",
        "event_id": "1",
    })  # fmt: skip
    assert (status, answer["result"]) == (200, "rated"), answer
    expect(page.get_by_role("heading", name="按键器已收到您的评价")).to_be_visible()
    picture(page, "channels/keypad-reason", ("phone", "tablet", "desktop"))
    page.get_by_label("想说的话").fill("等了两小时。")
    page.get_by_role("button", name="提交").click()
    live.wait_for(lambda: levels(live).get("MA-KEY-0001") == 2, 90, "按键没有送到")
    (above,) = (row for row in live.received("rating") if row["case_no"] == "MA-KEY-0001")
    assert (above["channel"], above["text"]) == ("keypad", "等了两小时。")
    page.context.close()


def test_killed_between_press_and_answer_again_and_again_every_press_arrives_once(
    live: Installation, key: str, window3: Page
) -> None:
    """The pages die at a random moment around each press; the person sees nothing of it, and nothing is lost."""
    random.seed(20261124)
    expected = {}
    for number in range(KILLS):
        live.wait_for(live.well, 60, "杀过之后没有恢复")
        case_no, level = f"MA-KILL-{number:04d}", 1 + number % 5
        ended(live, key, case_no, name=f"群众{chr(0x4E00 + number)}")
        expect(window3.locator("#tail")).to_have_text(f"办件尾号 {number:04d}", timeout=30_000)
        pause = random.choice([0.0, 0.0, 0.005, 0.02, 0.05])
        also = serving(live.stream_port) if number % 5 == 0 else []  # the open line breaks as well
        if number % 2:  # before the press: it must be kept and delivered later
            kill(serving(live.port))
        window3.locator(f"#rate [data-level='{level}']").click()
        time.sleep(pause)
        kill(serving(live.port) + also)
        expected[case_no] = level
        window3.get_by_role("button", name="跳过").click()
        window3.get_by_role("button", name="完成").click()
    live.wait_for(lambda: set(expected) <= set(levels(live)), 150, "不是每一按都送到了")
    told = Counter(row["case_no"] for row in live.received("rating"))
    assert {case: n for case, n in told.items() if case in expected and n != 1} == {}
    assert {case: levels(live)[case] for case in expected} == expected
    expect(window3.locator("#sign")).to_have_text("在线", timeout=30_000)
    assert live.cli("verify").returncode == 0
