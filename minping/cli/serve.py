"""`minping serve`: pages, jobs and (in a demonstration) a sandbox province as one command with one log.

The parent only watches: it passes the children's lines on, starts a dead one again,
and ends them all when it is told to stop or dies itself.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlsplit

from minping.kernel.home import Home, home

PR_SET_PDEATHSIG = 1
GRACE = 20.0


def web_command() -> list[str]:
    """How the pages are served: granian, one process on SQLite (one writer), two on PostgreSQL."""
    embedded = home().config().database.startswith("sqlite")
    port = os.environ.get("PORT", "8000")
    host = os.environ.get("MINPING_BIND", "127.0.0.1")
    return [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", port,
        "--workers", "1" if embedded else "2", "--blocking-threads", "16" if embedded else "8",
        "--backlog", "1024", "--backpressure", "1024", "--no-ws", "--log-level", "error",
        "--respawn-failed-workers", "minping.site.wsgi:application",
    ]  # fmt: skip


def stream_port() -> str:
    """The port of the devices' open lines: the one after the sandbox province's, unless told otherwise."""
    return os.environ.get("MINPING_STREAM_PORT") or str(int(os.environ.get("PORT", "8000")) + 2)


def stream_command() -> list[str]:
    """The open lines to the devices: one process for some thousand of them, beside the pages, not within."""
    return [
        sys.executable, "-m", "granian", "--interface", "asginl", "--host", os.environ.get("MINPING_BIND", "127.0.0.1"),
        "--port", stream_port(), "--workers", "1", "--backlog", "1024", "--backpressure", "8192", "--no-ws",
        "--log-level", "error", "--respawn-failed-workers", "minping.site.stream:application",
    ]  # fmt: skip


def prepare(demo: bool, story: bool) -> tuple[Home, list[tuple[str, list[str]]], list[str]]:
    """Settings, tables and the demonstration office; returns what is to run, and the accounts to show."""
    here = home()
    here.make()
    config = here.config()
    port = int(os.environ.get("PORT", "8000"))
    if demo:
        province = os.environ.get("MINPING_PROVINCE") or f"http://127.0.0.1:{port + 1}"
        config = replace(config, sandbox=True, base_url=f"http://127.0.0.1:{port}", province=province)
        here.save(config)
    elif not here.config_file.exists():
        here.save(config)
    os.environ["MINPING_HOME"] = str(here.path)
    from minping.cli.commands import migrate

    migrate()
    me = [sys.executable, "-m", "minping.cli"]
    os.environ["MINPING_STREAM_PORT"] = stream_port()  # the pages tell the devices
    children = [("页面", web_command()), ("推送", stream_command()), ("任务", [*me, "jobs"])]
    if demo:
        where = urlsplit(config.province)
        host, number = where.hostname or "127.0.0.1", str(where.port or 80)
        children.insert(0, ("沙盒", [*me, "sandbox", "--host", host, "--port", number]))
    return here, children, _demonstration(story) if demo else []


def _demonstration(story: bool) -> list[str]:
    """The demonstration office, made at the first start, with a month behind it; its accounts as lines to print."""
    from minping.kernel import clock
    from minping.kernel.access import SYSTEM
    from minping.kernel.models import Account
    from minping.registry import demo

    passwords = demo.load(by=SYSTEM, at=clock.now())
    if story:
        from minping.cli.story import tell

        tell(at=clock.now())
    names = dict(Account.objects.filter(username__in=passwords).values_list("username", "name"))
    return [
        f"    {username:<10} {password or '（已改）':<22} {names.get(username, '')}"
        for username, password in passwords.items()
    ]


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    """One process of the installation, in a group of its own, started again when it dies."""

    def __init__(self, name: str, command: list[str], say: Callable[[str], None]) -> None:
        self.name = name
        self.command = command
        self.say = say
        self.process: subprocess.Popen[bytes] | None = None
        self.pause = 0.2

    def start(self) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            start_new_session=True, preexec_fn=_die_with_parent,
        )  # fmt: skip
        threading.Thread(target=self._pass_on, args=(self.process,), daemon=True).start()

    def _pass_on(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.say(f"[{self.name}] {line.decode('utf-8', 'replace').rstrip()}")

    def watch(self) -> None:
        """Start again what died, a little later each time it dies young."""
        if self.process is None or self.process.poll() is None:
            return
        self.signal(signal.SIGKILL)  # its own children, should it have left any
        self.say(f"[{self.name}] 意外结束（{self.process.returncode}），重新启动")
        self.pause = min(2.0, self.pause * 2) if time.monotonic() - self.started < 10 else 0.2
        time.sleep(self.pause)
        self.start()

    def signal(self, number: int) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def end(self, until: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(timeout=max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.process.wait()


def run(*, demo: bool, story: bool = False) -> int:
    """Run until Ctrl-C or SIGTERM; then end the children in order and return 0."""
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda *_: stop.set())
    here, commands, accounts = prepare(demo, story)
    log = (here.log / "minping.log").open("a", encoding="utf-8", buffering=1)
    lock = threading.Lock()

    def say(line: str) -> None:
        with lock, suppress(ValueError, BrokenPipeError):
            print(line, flush=True)
            log.write(line + "\n")

    children = [Child(name, command, say) for name, command in commands]
    for child in children:
        child.start()
    threading.Thread(target=_welcome, args=(here, accounts, stop), daemon=True).start()
    while not stop.wait(0.3):
        for child in children:
            child.watch()
    print("\n正在结束……", flush=True)
    for child in reversed(children):
        child.signal(signal.SIGTERM)
    until = time.monotonic() + GRACE
    for child in reversed(children):
        child.end(until)
    print("已结束。数据保留在", here.path, flush=True)
    return 0


def _welcome(here: Home, accounts: list[str], stop: threading.Event) -> None:
    """Once the pages answer, say where everything is."""
    config = here.config()
    address = config.base_url
    for _ in range(300):
        if stop.wait(0.2):
            return
        with suppress(OSError):
            urllib.request.urlopen(f"{address}/login", timeout=2).close()
            break
    lines = ["", f"民评已启动   {address}/", f"  工作台     {address}/desk/"]
    if accounts:
        lines += [
            f"  沙盒省平台 {config.province}/",
            f"  接口文档   {address}/api/v1/docs",
            f"  报一次服务 照 README 的例子，先在那个终端里：BASE={address}",
            f"  数据目录   {here.path}",
            "  演示账号（密码只在本机，存于数据目录的 demo-accounts.txt）：",
            *accounts,
        ]
    lines += ["  按 Ctrl-C 结束。", ""]
    print("\n".join(lines), flush=True)
