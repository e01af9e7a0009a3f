"""A whole installation as its users meet it: `minping serve --demo` in processes of its own."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import urllib3

from minping.kernel.clock import BEIJING
from tests.support import ready
from tests.support.ready import CHECKOUT
from tests.support.services import free_port

__all__ = ["CHECKOUT", "Installation", "kill", "serving"]


def serving(port: int) -> list[int]:
    """The processes of the server that listens on the port: its master and its workers."""
    told = subprocess.run(["ps", "-ww", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    wanted = f"--port {port} "
    found = []
    for line in told.splitlines()[1:]:
        pid, _, arguments = line.strip().partition(" ")
        if wanted in f"{arguments} " and "granian" in arguments:
            found.append(int(pid))
    return found


def kill(processes: list[int]) -> None:
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


SLOW = 3  # two runs of the tests share a machine with their installations


class Installation:
    """Pages, jobs and a sandbox province on loopback, with a home folder of its own."""

    def __init__(self, database: str = "") -> None:
        self.home = Path(tempfile.mkdtemp(prefix="minping-live-"))
        self.port, province, self.stream_port = free_port(), free_port(), free_port()
        self.url, self.province = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{province}"
        self.http = urllib3.PoolManager(retries=urllib3.Retry(3, redirect=0, raise_on_redirect=False), timeout=30)
        self.env = {
            **ready.environment(),
            "MINPING_HOME": str(self.home),
            "PORT": str(self.port),
            "MINPING_PROVINCE": self.province,
        }
        self.env["MINPING_STREAM_PORT"] = str(self.stream_port)
        if url := ready.office(self.home, database, f"live_{os.getpid()}_{self.port}"):
            self.env["MINPING_DATABASE"] = url
        self.process: subprocess.Popen[bytes] | None = None
        self.keys: dict[tuple[str, str], str] = {}

    def start(self) -> Installation:
        self.log = (self.home / "serve.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "minping.cli", "serve", "--demo"], env=self.env, cwd=CHECKOUT,
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self.wait_for(self.well, 90, "没有启动")
        return self

    __enter__ = start

    def stop(self) -> int:
        """End it as Ctrl-C does; returns its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)  # should a test have failed while it was away
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=40)
        self.log.close()
        return code

    def __exit__(self, *_: object) -> None:
        self.stop()

    def away(self) -> None:
        """The pages are gone from one moment to the next, and nobody starts them again until `back`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        kill(serving(self.port))

    def back(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)
        self.wait_for(self.well, 60, "没有回来")

    def well(self) -> bool:
        try:
            return self.http.request("GET", f"{self.url}/api/v1/healthz", retries=False).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def settled(self) -> bool:
        """Well, and nothing waits to be sent: a lost answer leaves a message waiting that has arrived."""
        try:
            told = self.http.request("GET", f"{self.url}/api/v1/healthz", retries=False)
        except urllib3.exceptions.HTTPError:
            return False
        return told.status == 200 and json.loads(told.data)["outbox"]["waiting"] == 0

    def waiting(self) -> int:
        """Messages that wait to be sent upward."""
        told = json.loads(self.http.request("GET", f"{self.url}/api/v1/healthz", retries=False).data)
        return int(told["outbox"]["waiting"])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query finds in the installation's own database, past the program."""
        if "MINPING_DATABASE" in self.env:
            import psycopg

            with psycopg.connect(self.env["MINPING_DATABASE"]) as connection:
                return connection.execute(sql).fetchall()  # type: ignore[call-overload,no-any-return]
        with closing(sqlite3.connect(self.home / "minping.sqlite3", timeout=30)) as embedded:
            return embedded.execute(sql).fetchall()

    def wait_for(self, true: Callable[[], object], seconds: float, message: str) -> None:
        """`seconds` are those of an idle machine, to say when something is lost and not how fast it came."""
        end = time.monotonic() + SLOW * seconds
        while not true():
            assert time.monotonic() < end, f"{message}\n{self.tail()}"
            time.sleep(0.2)

    def tail(self, letters: int = 4000) -> str:
        """The end of the installation's one log."""
        return (self.home / "serve.log").read_text(encoding="utf-8", errors="replace")[-letters:]

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "minping.cli", *arguments], env=self.env, cwd=CHECKOUT, capture_output=True,
            text=True, check=False,
        )  # fmt: skip

    def key(self, organization: str = "minan-center", can: str = "services:write,indicators:read") -> str:
        """A key of the interface, made once and kept: each command is a process of its own."""
        if (organization, can) not in self.keys:
            made = self.cli("key", "create", "--org", organization, "--can", can)
            assert made.returncode == 0, made.stdout + made.stderr
            self.keys[organization, can] = made.stdout.split()[-1]
        return self.keys[organization, can]

    def passwords(self) -> dict[str, str]:
        lines = (self.home / "demo-accounts.txt").read_text("utf-8").splitlines()
        fields = [line.split("\t") for line in lines if line and not line.startswith("#")]
        return {field[0]: field[2] for field in fields}

    def call(self, method: str, path: str, key: str, body: Any = None) -> tuple[int, Any]:
        answer = self.http.request(
            method, self.url + path, body=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )  # fmt: skip
        return answer.status, json.loads(answer.data)

    def received(self, kind: str) -> list[dict[str, Any]]:
        answer = self.http.request("GET", f"{self.province}/received?kind={kind}")
        rows: list[dict[str, Any]] = json.loads(answer.data)
        return rows

    def behave(self, **told: Any) -> None:
        answer = self.http.request(
            "POST", f"{self.province}/behaviour", body=json.dumps(told).encode(),
            headers={"Content-Type": "application/json"},
        )  # fmt: skip
        assert answer.status == 200, answer.data

    def now(self) -> str:
        """The installation's own time, ISO with offset: as its processes reckon it, without starting one."""
        file = self.home / "clock.json"
        shift = float(json.loads(file.read_text())["shift_seconds"]) if file.exists() else 0.0
        return datetime.fromtimestamp(time.time() + shift, BEIJING).isoformat(timespec="seconds")
