"""网上大厅 from the end of the service to the province's record: the hall leads to our page, or asks on its own (minan/3.4.1).

The hall is a web server of its own on loopback with a key for its unit, as a department's system would be.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlencode

import pytest
from playwright.sync_api import expect

from tests.support import browser as browsers
from tests.support.browser import picture
from tests.support.live import Installation
from tests.support.reports import service

pytestmark = [pytest.mark.browser]
ALL = ("phone", "tablet", "desktop")
TOKEN = "token"


class Hall(ThreadingHTTPServer):
    """Pages of a hall: `/mine` leads to the rating page of a case, `/own` asks in its own form and reports it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.live: Installation
        self.key = ""

    def ask(self, path: str, **body: object) -> dict[str, object]:
        status, told = self.live.call("POST", path, self.key, body)
        assert status == 200, told
        return dict(told)


class Page(BaseHTTPRequestHandler):
    server: Hall

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/mine":
            (case_no,) = parse_qs(query)["case"]
            address = self.server.ask(
                "/api/v1/invitations", organization_code="minan-center", case_no=case_no, service_no=1, channel="pc",
                return_url=f"{self.server.url}/back",
            )["invitation_url"]  # fmt: skip
            self.say(f"<a href='{address}'>去评价</a>")
        elif path == "/own":
            buttons = "".join(f"<button name=level value={level}>{level}</button>" for level in range(1, 6))
            self.say(f"<form method=post action=/own?{query}>{buttons}</form>")
        else:
            self.say("大厅首页")

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        (token,) = parse_qs(self.path.partition("?")[2])[TOKEN]
        told = self.server.ask("/api/v1/ratings", token=token, level=int(form["level"][0]), channel="mobile")
        self.say(f"<p id=told>{json.dumps(told['receipt'])}</p>")

    def say(self, body: str) -> None:
        page = f"<!doctype html><html lang=zh-CN><meta charset=utf-8><title>网上大厅</title><body>{body}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def hall() -> Iterator[Hall]:
    server = Hall()
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def here() -> Iterator[tuple[Installation, Hall]]:
    with hall() as office:
        live = Installation(os.environ.get("MINPING_DATABASE", ""))
        live.home.joinpath("minping.toml").write_text(f"return_origins = {json.dumps([office.url])}\n", "utf-8")
        with live:
            office.live, office.key = live, live.key(can="services:write,invitations:read,ratings:write")
            yield live, office


def test_a_hall_leads_to_our_page_and_back_or_asks_on_its_own_and_both_reach_the_province(
    here: tuple[Installation, Hall],
) -> None:
    live, office = here
    for case_no in ("HALL-0001", "HALL-0002"):
        told = office.ask("/api/v1/services", **service(live, case_no, "13800000000"))
    with browsers.browser() as chromium:
        person = browsers.page(chromium, "desktop")
        person.goto(f"{office.url}/mine?case=HALL-0001")
        person.get_by_role("link", name="去评价").click()
        person.get_by_role("button", name="非常不满意", exact=True).click()
        person.get_by_label("想说的话").fill("网上交过的材料，窗口又要了一遍。")
        person.get_by_role("button", name="提交").click()
        back = person.get_by_role("link", name="返回")
        expect(back).to_be_visible()
        picture(person, "channels/hall-receipt", ALL)
        back.click()
        expect(person.get_by_text("大厅首页")).to_be_visible()

        phone = browsers.page(chromium, "phone")
        token = str(told["invitation_url"]).rsplit("/", 1)[-1]
        phone.goto(f"{office.url}/own?{urlencode({TOKEN: token})}")
        phone.get_by_role("button", name="4").click()
        expect(phone.locator("#told")).to_be_visible()
    live.wait_for(lambda: len(live.received("rating")) == 2, 60, "评价没有到省平台")
    said = {row.get("body", row)["level"]: row.get("body", row) for row in live.received("rating")}
    assert (said[1]["channel"], said[1]["text"]) == ("pc", "网上交过的材料，窗口又要了一遍。")
    assert (said[4]["channel"], said[4]["proof"]) == ("mobile", "link")
    live.wait_for(lambda: live.received("case"), 60, "差评件没有到省平台")
    assert live.cli("verify").returncode == 0
