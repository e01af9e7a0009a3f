"""The gateway is a program of its own: its folder is put on the path here, and nowhere in 民评."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import dumps, loads
from threading import Thread
from typing import Any

import pytest

from tests.support.telephone import GATEWAY

sys.path.insert(0, str(GATEWAY))


class Desk:
    """A stand-in for 民评's end of the line: remembers what came, and answers as it is told."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.status, self.code = 200, ""
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told = loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = desk.status
                if status == 200:
                    desk.heard.append({"path": self.path, **told})
                body = dumps(
                    {"call": "c", "step": 2, "say": [], "take": "nothing", "keys": "", "seconds": 0}
                    if status == 200
                    else {"error": {"code": desk.code, "message": "不行。"}}
                ).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.server.shutdown()
    made.server.server_close()
