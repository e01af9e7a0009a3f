"""The superior down for days, slow, losing answers, workers killed: equal sets at the end, each once, in order.

Three simulated days pass while ratings are made by the same call that the pages make (`rating_give`, in a
process of its own: HTTP would measure the client).  What a citizen and a clerk wait for is measured over HTTP, in
rounds that hold each behaviour of the superior once, so that what else the machine does falls on all alike.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

import urllib3

from tests.support.live import CHECKOUT, Installation
from tests.support.reports import post, write_services

LEVELS = (5, 4, 3, 2, 1)
WELL = "正常"
# How the superior may be, as its sandbox is told; the three simulated days are the last three.
BEHAVIOURS = {WELL: {"mode": "up"}, "停机": {"mode": "down"}, "变慢": {"slow": 0.5}, "丢一成答复": {"lose": 0.1}}
DAYS = tuple(name for name in BEHAVIOURS if name != WELL)
PRESSES = 6  # citizens' presses and clerks' steps in each part of a round
CLERK = "reviewer"
# Well against well, forty rounds come out between 0.92 and 1.02, twelve between 0.82 and 1.19 (measured on an idle
# machine of two cores): the same press takes 7 ms in one minute and 11 in the next.
ROUNDS, FLUTTER = 40, 1.1


@dataclass
class Steps:
    """Seconds that citizens and clerks waited, by behaviour of the superior; one median per round."""

    citizen: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in BEHAVIOURS})
    clerk: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in BEHAVIOURS})

    @staticmethod
    def ratio(of: dict[str, list[float]], name: str) -> float:
        """The typical round's time under a behaviour, over the same round's while all is well."""
        return median(bad / well for bad, well in zip(of[name], of[WELL], strict=True))

    def slower(self) -> list[str]:
        """Under which behaviours somebody waits longer than while all is well, by more than rounds differ anyway."""
        return [name for name in DAYS for of in (self.citizen, self.clerk) if self.ratio(of, name) > FLUTTER]

    def __str__(self) -> str:
        told = "、".join(
            f"{name} {self.ratio(self.citizen, name):.2f}／{self.ratio(self.clerk, name):.2f}" for name in DAYS
        )
        return f"群众按下／工作人员一步，与省平台正常时之比：{told}"


@dataclass(frozen=True)
class Outage:
    services: int
    ratings: int
    negatives: int
    kills: int
    pressing: float  # seconds in which the ratings were made
    drained: float  # seconds from the superior's return until nothing waited
    left: int  # messages that waited at its return
    steps: Steps
    database: str

    @property
    def messages(self) -> int:
        return self.services + self.ratings + self.negatives

    def __str__(self) -> str:
        return (
            f"{self.database}：{self.services:,} 件、{self.ratings:,} 评（{self.messages:,} 条），杀 {self.kills} 次，"
            f"恢复后 {self.left:,} 条 {self.drained:.0f} 秒送完（每秒 {self.left / max(self.drained, 0.1):.0f} 条）；{self.steps}"
        )


class Workers:
    """More `minping jobs` beside the installation's own, all killed at once and started anew every `kill_every` s."""

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
            for at, process in enumerate(self.processes):
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
                self.kills += 1
                self.processes[at] = self._start()

    def stop(self) -> None:
        """End them in order: the message in hand is finished."""
        self.ending.set()
        self.thread.join()
        for process in self.processes:
            process.terminate()
        codes = [process.wait(timeout=120) for process in self.processes]
        self.log.close()
        # One that was only just starting has not begun to listen for the end, and has nothing in hand.
        assert set(codes) <= {0, -signal.SIGTERM}, f"任务进程没有好好结束：{codes}"


def run(
    services: int, *, database: str = "", workers: int = 2, kill_every: float = 60.0, patience: float = 120,
    rounds: int = ROUNDS,
) -> Outage:  # fmt: skip
    """One outage; raises AssertionError where anything is lost, twice or out of order."""
    random.seed(services)
    samples = rounds * len(BEHAVIOURS) * PRESSES
    with Installation(database) as live:
        urls = _report(live, services + samples, "S")
        steps = _measure(live, urls[:samples], rounds)
        rest = urls[samples:]
        live.behave(**BEHAVIOURS[DAYS[0]])
        team = Workers(live, workers, kill_every)
        start = time.monotonic()
        try:
            for day, name in enumerate(DAYS):
                live.behave(**BEHAVIOURS[name])
                _rate(live, rest[day :: len(DAYS)])
                assert live.cli("clock", "+1d").returncode == 0
            pressing = time.monotonic() - start
            left, start = live.waiting(), time.monotonic()
            live.behave(mode="up")
            live.wait_for(live.settled, patience, "没有送完")
            drained = time.monotonic() - start
        finally:
            team.stop()
        negatives = _compare(live, services + samples)
    name = "PostgreSQL" if database else "SQLite"
    count = services + samples
    return Outage(count, count, negatives, team.kills, pressing, drained, left, steps, name)


def _report(live: Installation, count: int, name: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        file, links = Path(folder) / f"{name}.csv", Path(folder) / f"{name}.tsv"
        write_services(file, count, live.now())
        done = live.cli("services", "import", str(file), "--links", str(links))
        assert done.returncode == 0, done.stdout + done.stderr
        return [line.split("\t")[2] for line in links.read_text().splitlines()]


# --- what citizens and clerks wait for ------------------------------------------------------------


def _measure(live: Installation, urls: list[str], rounds: int) -> Steps:
    """Rounds of the same presses and clerks' steps under each behaviour; in every second round the other way about."""
    steps, clerk, given = Steps(), Clerk(live), iter(enumerate(urls))
    for number in range(rounds):
        order = list(BEHAVIOURS) if number % 2 == 0 else list(BEHAVIOURS)[::-1]
        for name in order:
            live.behave(**BEHAVIOURS[name])
            pressed = [_press(live, url, LEVELS[n % 5]) for _ in range(PRESSES) for n, url in [next(given)]]
            steps.citizen[name].append(median(pressed))
            steps.clerk[name].append(median(clerk.step() for _ in range(PRESSES)))
    return steps


def _press(live: Installation, url: str, level: int) -> float:
    start = time.monotonic()
    status = post(live, url, level=level, text="停机时照样评")
    assert status == 303, f"评价没有收下：{status}"
    return time.monotonic() - start


class Clerk:
    """One who verifies negatives: opens the list and the case, and notes a call that nobody answered."""

    def __init__(self, live: Installation) -> None:
        self.live, self.cookies = live, {}
        self.http = urllib3.PoolManager(retries=False, timeout=60)
        self._get("/login")
        self._post("/login", username=CLERK, password=live.passwords()[CLERK])

    def step(self) -> float:
        """Seconds for the list, its first case, and one act on it."""
        start = time.monotonic()
        found = re.search(r'href="/desk/verify/([0-9a-f-]{36})/', self._get("/desk/verify/"))
        if found:
            self._post(f"/cases/{found[1]}/call/", outcome="no_answer", words="")
        return time.monotonic() - start

    def _get(self, path: str) -> str:
        return self._ask("GET", path, None).data.decode()

    def _post(self, path: str, **fields: str) -> None:
        fields["csrfmiddlewaretoken"] = self.cookies["csrftoken"]
        answer = self._ask("POST", path, urlencode(fields).encode())
        assert answer.status in (302, 303), f"{path} {answer.status}"

    def _ask(self, method: str, path: str, body: bytes | None) -> urllib3.BaseHTTPResponse:
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        headers |= (
            {"Content-Type": "application/x-www-form-urlencoded", "Referer": self.live.url + path} if body else {}
        )
        answer = self.http.request(method, self.live.url + path, body=body, headers=headers, redirect=False)
        for told in answer.headers.getlist("set-cookie"):
            name, _, value = told.split(";")[0].partition("=")
            self.cookies[name] = value
        return answer


# --- many ratings ---------------------------------------------------------------------------------


def _rate(live: Installation, urls: list[str]) -> None:
    """Rate each invitation, in turn by the five levels, in a process of its own."""
    tokens = "".join(url.rsplit("/", 1)[-1] + "\n" for url in urls)
    done = subprocess.run(
        [sys.executable, "-m", "tests.show.outage"], input=tokens, env=live.env, cwd=CHECKOUT, text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def press_all() -> None:
    """`python -m tests.show.outage`: rate the tokens of standard input by the call that the pages make."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "minping.site.settings")
    django.setup()
    from minping.evaluate.services import Press, rating_give
    from minping.kernel import clock

    def one(pair: tuple[int, str]) -> None:
        number, token = pair
        rating_give(
            Press(
                token=token,
                level=LEVELS[number % 5],
                at=clock.now(),
                channel="mobile",
                proof="link",
                text="停机时照样评",
            )
        )

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(one, enumerate(sys.stdin.read().split())))


# --- what both sides have -------------------------------------------------------------------------


def _compare(live: Installation, count: int) -> int:
    """Both sides equal by level, each record once, and in each case the service before the rating; how many cases."""
    services, ratings, cases = live.received("service"), live.received("rating"), live.received("case")
    for name, rows in (("服务", services), ("评价", ratings)):
        numbers = {row["case_no"] for row in rows}
        assert len(rows) == len(numbers) == count, f"{name}：应为 {count}，收到 {len(rows)}，办件 {len(numbers)}"
    ours = Counter(dict(live.rows("SELECT level, count(*) FROM evaluate_rating GROUP BY level")))
    assert sum(ours.values()) == count, ours
    assert Counter(row["level"] for row in ratings) == ours, "逐级不相等"
    assert set(ours) == set(LEVELS), ours
    negative = {row["case_no"] for row in ratings if row["level"] <= 2}
    assert {row["case_no"] for row in cases} == negative, "差评件与差评不相等"
    assert sum(row["times_differing"] for row in (*services, *ratings)) == 0, "同一条两次送的不一样"
    first = {row["case_no"]: row["reference"] for row in services}
    assert all(first[row["case_no"]] < row["reference"] for row in ratings), "评价先于服务到达"
    second = {row["case_no"]: row["reference"] for row in ratings}
    assert all(second[row["case_no"]] < row["reference"] for row in cases), "差评件先于评价到达"
    reconciled = live.cli("reconcile")
    assert reconciled.returncode == 0, reconciled.stdout
    return len(cases)


if __name__ == "__main__":
    press_all()
