"""A real sandbox province on loopback, and a sender that knows nothing but HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3

from minping.sandbox import Server, serve

TOKEN = "sandbox-secret"


@dataclass
class Sender:
    """Posts messages and reads back; one connection pool, no retries of its own."""

    url: str
    pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(maxsize=16, retries=False, timeout=10)
    )

    def post(self, path: str, body: object, token: str = TOKEN) -> urllib3.BaseHTTPResponse:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        bearer = {"Authorization": f"Bearer {token}"}
        return self.pool.request("POST", self.url + path, body=raw, headers=bearer)

    def send(self, kind: str, case_no: str = "办件0001", revision: int = 1, **more: Any) -> dict[str, Any]:
        """Post one message; the JSON answer with its ``status``. Raises urllib3's errors without one."""
        answer = self.post("/v1/messages", message(kind, case_no, revision, **more))
        return {"status": answer.status, **answer.json()}

    def fill_in(self, fields: dict[str, str]) -> urllib3.BaseHTTPResponse:
        """Send the page's form as a browser without script does; redirects are not followed."""
        raw, form = urlencode(fields), {"Content-Type": "application/x-www-form-urlencoded"}
        return self.pool.request("POST", self.url + "/behaviour", body=raw, headers=form, redirect=False)

    def get(self, path: str) -> Any:
        answer = self.pool.request("GET", self.url + path)
        assert answer.status == 200, answer.data
        return answer.json()

    def received(self, kind: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.get(f"/received?kind={kind}")
        return rows


def message(kind: str, case_no: str = "办件0001", revision: int = 1, **more: Any) -> dict[str, Any]:
    """A whole message of the kind; 2026-11-23 is a Monday."""
    level = {} if kind in ("service", "case") else {"level": 4 if kind == "default" else 2}
    return {
        "id": f"{kind}:{case_no}:{more.get('service_no', 1)}:{more.get('case_number', '')}:{revision}",
        "kind": kind,
        "revision": revision,
        "area_code": "350213005",
        "organization_code": "ORG-1",
        "case_no": case_no,
        "service_no": 1,
        "fact_at": "2026-11-23T10:00:00+08:00",
        **level,
        **more,
    }


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "province.sqlite3"


@pytest.fixture
def province(store: Path) -> Iterator[Server]:
    with serve("127.0.0.1", 0, store, TOKEN) as server:
        yield server


@pytest.fixture
def sender(province: Server) -> Iterator[Sender]:
    sender = Sender(province.url)
    yield sender
    sender.pool.clear()
