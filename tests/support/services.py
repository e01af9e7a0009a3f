"""What the tests take from the machine: a browser, a free port, real processes, and the parts it lacks.

`scripts/test` looks for the parts once and hands over what is missing in MINPING_LEFT_OUT; a test that needs
a part asks for it here, and is skipped with that same reason. Under MINPING_REQUIRE_ALL=1 (`.ci/run`) it
fails.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ROOT / ".venv" / "bin" / "minping"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
# No sandbox: the tests may run as root, and only ever open our own pages. The rest keeps it off the network.
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# A server takes its port seconds after it was looked for, and nothing else may be given it meanwhile: the ports lie
# below those of outgoing connections, and each worker of the two runs beside each other has a share of its own.
PORTS, SHARES = (12_000, 32_000), 16
PATIENCE = 10.0  # seconds a process may take to end after it was asked to


def left_out() -> dict[str, str]:
    """The parts that this machine lacks, each with its reason (`part=reason;part=reason`)."""
    pairs = (entry.partition("=") for entry in os.environ.get("MINPING_LEFT_OUT", "").split(";"))
    return {part: reason for part, _, reason in pairs if part}


def refuse(reason: str) -> NoReturn:
    """Skip the test with the reason, or fail it where everything is required."""
    if os.environ.get("MINPING_REQUIRE_ALL") == "1":
        pytest.fail(f"本次运行不允许缺少：{reason}", pytrace=False)
    pytest.skip(reason)


def require(part: str) -> None:
    """Go on only when the machine has the part (`chromium` or `postgresql`)."""
    if reason := left_out().get(part):
        refuse(reason)


def on_postgresql() -> bool:
    """Whether this run stands on PostgreSQL (it stands on SQLite otherwise)."""
    return os.environ.get("MINPING_DATABASE", "").startswith("postgresql:")


def chromium() -> str:
    """The browser's program, for Playwright's `executable_path`."""
    require("chromium")
    for name in (os.environ.get("CHROMIUM"), *CHROMIUM_NAMES):
        if name and (path := shutil.which(name)):
            return path
    refuse("没有 Chromium：请用 make test 运行，它会装上；或者用 CHROMIUM 指明程序的位置")


def own_ports() -> list[int]:
    """This worker's ports, from a random one on: other runs of the tests on this machine may be under way."""
    worker = int("".join(filter(str.isdigit, os.environ.get("PYTEST_XDIST_WORKER", ""))) or 0)
    wide = (PORTS[1] - PORTS[0]) // SHARES
    first = PORTS[0] + (2 * worker + on_postgresql()) % SHARES * wide
    start = random.randrange(wide)
    return [first + (start + n) % wide for n in range(wide)]


@cache
def _ports() -> Iterator[int]:
    return cycle(own_ports())


def free_port() -> int:
    """A port of loopback that nobody listens on now, not given to anybody of late."""
    for port in _ports():
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable: the ports go round")


def answers(url: str, *, timeout: float = 2.0) -> bool:
    """Whether an HTTP server gives any answer at the address, an error page included."""
    try:
        urllib.request.urlopen(url, timeout=timeout).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    url: str,
    log: Path,
    env: Mapping[str, str] | None = None,
    seconds: float = 60.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server from the moment that `url` answers until the block ends; its output goes to `log`.

    It is ended as Ctrl-C ends it, and killed only after PATIENCE seconds. Raises AssertionError, with the end
    of the log, when it stops by itself or does not answer within `seconds`.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + seconds
        while not answers(url):
            ended = process.poll() is not None
            if ended or time.monotonic() > deadline:
                what = f"已自行结束（{process.returncode}）" if ended else f"{seconds:.0f} 秒内没有应答"
                raise AssertionError(f"{command[0]} {what}：\n{tail(log)}")
            time.sleep(0.1)
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> int:
    """End a process started by `running`, with all that it started, and give its exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
    with suppress(ProcessLookupError):
        # The group is ours alone (start_new_session): whatever is still in it was left behind.
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def tail(log: Path, lines: int = 30) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def minping(*arguments: str, home: Path, env: Mapping[str, str] | None = None) -> str:
    """Run one command of the installed program on a home and give what it printed.

    Raises AssertionError, with its output, when its exit code is not 0.
    """
    done = subprocess.run(
        [str(COMMAND), *arguments, "--home", str(home)],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"minping {' '.join(arguments)}：{done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout
