"""The superior down for days, slow, losing answers, workers killed: equal sets at the end, each once, in order."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.support.live import CHECKOUT, Installation
from tests.support.reports import post, write_services

LEVELS = (5, 4, 3, 2, 1)


@dataclass(frozen=True)
class Outage:
    services: int
    ratings: int
    kills: int
    drained: float  # seconds from the superior's return until nothing waited
    before: float  # median seconds of a citizen's press while the superior is well
    during: float  # the same while it is down
    database: str

    def __str__(self) -> str:
        return (
            f"{self.database}：{self.services} 件、{self.ratings} 评，杀 {self.kills} 次，{self.drained:.0f} 秒送完"
            f"（每秒 {(self.services + self.ratings) / max(self.drained, 0.1):.0f} 条）；"
            f"群众按下的中位时间 停机前 {self.before * 1000:.0f}、停机中 {self.during * 1000:.0f} 毫秒"
        )


class Workers:
    """More `minping jobs` beside the installation's own; killed and started anew while `kill_every` passes."""

    def __init__(self, live: Installation, count: int, kill_every: float) -> None:
        self.live, self.kill_every, self.kills = live, kill_every, 0
        self.log = (live.home / "workers.log").open("ab")
        self.processes = [self._start() for _ in range(count)]
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._killer)
        self.thread.start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "minping.cli", "jobs"], env=self.live.env, cwd=CHECKOUT, stdout=self.log,
            stderr=self.log, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def _killer(self) -> None:
        while not self.ending.wait(self.kill_every * random.uniform(0.7, 1.3)):
            at = random.randrange(len(self.processes))
            os.kill(self.processes[at].pid, signal.SIGKILL)
            self.processes[at].wait()
            self.kills += 1
            self.processes[at] = self._start()

    def stop(self) -> None:
        """End them in order: the message in hand is finished."""
        self.ending.set()
        self.thread.join()
        for process in self.processes:
            process.terminate()
        codes = [process.wait(timeout=60) for process in self.processes]
        self.log.close()
        # One that was only just starting has not begun to listen for the end, and has nothing in hand.
        assert set(codes) <= {0, -signal.SIGTERM}, f"任务进程没有好好结束：{codes}"


def run(
    services: int, *, database: str = "", workers: int = 2, kill_every: float = 30.0, patience: float = 120
) -> Outage:
    """One outage; raises AssertionError where anything is lost, twice or out of order."""
    random.seed(services)
    with Installation(database) as live:
        urls = _report(live, services + 40, "S")
        before = _median(live, urls[:20])
        live.behave(mode="down")
        during = _median(live, urls[20:40])  # one after another, as before: only the superior differs
        team = Workers(live, workers, kill_every)
        try:
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda n: _press(live, urls[40 + n], LEVELS[n % 5]), range(services)))
            for _ in range(3):
                assert live.cli("clock", "+1d").returncode == 0
            start = time.monotonic()
            live.behave(lose=0.1, slow=0.02)
            live.wait_for(live.settled, patience, "没有送完")
            drained = time.monotonic() - start
            live.behave(mode="up")
        finally:
            team.stop()
        _compare(live, services + 40)
        kills = team.kills
    name = "PostgreSQL" if database else "SQLite"
    return Outage(services + 40, services + 40, kills, drained, before, during, name)


def _report(live: Installation, count: int, name: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        file, links = Path(folder) / f"{name}.csv", Path(folder) / f"{name}.tsv"
        write_services(file, count, live.now())
        done = live.cli("services", "import", str(file), "--links", str(links))
        assert done.returncode == 0, done.stdout + done.stderr
        return [line.split("\t")[2] for line in links.read_text().splitlines()]


def _press(live: Installation, url: str, level: int) -> float:
    start = time.monotonic()
    status = post(live, url, level=level, text="停机时照样评")
    assert status == 303, f"评价没有收下：{status}"
    return time.monotonic() - start


def _median(live: Installation, urls: list[str]) -> float:
    took = sorted(_press(live, url, LEVELS[n % 5]) for n, url in enumerate(urls))
    return took[len(took) // 2]


def _compare(live: Installation, count: int) -> None:
    """Both sides equal by level, each record once, and in each case the service before the rating."""
    services, ratings = live.received("service"), live.received("rating")
    for name, rows in (("服务", services), ("评价", ratings)):
        cases = {row["case_no"] for row in rows}
        assert len(rows) == len(cases) == count, f"{name}：应为 {count}，收到 {len(rows)}，办件 {len(cases)}"
    levels = Counter(row["level"] for row in ratings)
    wanted = Counter(LEVELS[n % 5] for n in range(count))  # 20, 20 and the rest: each begins anew at 5
    assert levels == wanted, levels
    assert sum(row["times_differing"] for row in (*services, *ratings)) == 0, "同一条两次送的不一样"
    first = {row["case_no"]: row["reference"] for row in services}
    assert all(first[row["case_no"]] < row["reference"] for row in ratings), "评价先于服务到达"
    reconciled = live.cli("reconcile")
    assert reconciled.returncode == 0, reconciled.stdout
