"""Kill -9 of pages and jobs at random moments under load: nothing lost, nothing twice.

A load of clients reports services and rates them, and remembers each answer that
arrived.  What was answered must be there, once, here and at the province.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import urllib3

from tests.support.live import Installation
from tests.support.reports import post, service


@dataclass
class Answered:
    """What the clients were told: cases kept, and levels kept by case."""

    services: set[str] = field(default_factory=set)
    ratings: dict[str, int] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Result:
    kills: int
    services: int
    ratings: int
    database: str

    def __str__(self) -> str:
        return f"{self.database}：杀 {self.kills} 次，{self.services} 件、{self.ratings} 评，不丢不重，核验通过"


def _client(live: Installation, key: str, number: int, told: Answered, stop: threading.Event) -> None:
    http = urllib3.PoolManager(retries=False, timeout=20)
    live_client = Installation.__new__(Installation)
    live_client.__dict__.update(live.__dict__, http=http)
    count = 0
    while not stop.is_set():
        count += 1
        case_no = f"K-{number}-{count:06d}"
        try:
            status, answer = live_client.call("POST", "/api/v1/services", key, service(live, case_no))
            if status != 200:
                told.refused[f"service {status}"] += 1
                continue
            told.services.add(case_no)
            if count % 3 == 0:
                continue  # some never rate
            level = 1 + count % 5
            status = post(live_client, answer["invitation_url"], level=level, text=f"第{count}条")
            if status == 303:
                told.ratings[case_no] = level
            else:
                told.refused[f"rating {status}"] += 1
        except (urllib3.exceptions.HTTPError, ValueError):
            time.sleep(0.05)  # no answer arrived: it may or may not be kept, and both are right


def _children(live: Installation) -> list[int]:
    """Process ids of pages, jobs and their workers; not of the supervisor, not of the province."""
    assert live.process is not None
    told = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in told.splitlines()[1:]]
    family, found = {live.process.pid}, []
    for _ in range(3):
        for pid, parent, arguments in rows:
            if int(parent) in family and int(pid) not in family:
                family.add(int(pid))
                if " sandbox " not in f" {arguments} ":
                    found.append(int(pid))
    return found


def run(kills: int, database: str | None = None, seed: int = 20261123) -> Result:
    """Kill `kills` times under load, let it come to rest, and compare; raises AssertionError where it differs."""
    random.seed(seed)
    told, stop = Answered(), threading.Event()
    with Installation(database or "") as live:
        key = live.key()
        live.behave(lose=0.05)
        clients = [threading.Thread(target=_client, args=(live, key, n, told, stop)) for n in range(4)]
        for client in clients:
            client.start()
        for _ in range(kills):
            # Under load, not while it starts: some answers must have come since the last kill.
            enough = len(told.services) + 8
            live.wait_for(lambda enough=enough: len(told.services) >= enough, 90, "杀过之后没有再启动")  # type: ignore[misc]
            time.sleep(random.uniform(0, 1))
            victims = _children(live)
            for pid in random.sample(victims, k=random.randint(1, len(victims))) if victims else ():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        live.wait_for(live.well, 90, "杀过之后没有恢复")
        stop.set()
        for client in clients:
            client.join(timeout=60)
        live.behave(mode="up")
        assert live.cli("clock", "+9d").returncode == 0
        live.wait_for(lambda: _at_rest(live, told), 240, "没有全部送到")
        _compare(live, told)
        clean = live.cli("verify")
        assert clean.returncode == 0, clean.stdout
    return Result(kills, len(told.services), len(told.ratings), "PostgreSQL" if database else "SQLite")


def _at_rest(live: Installation, told: Answered) -> bool:
    if not live.settled():
        return False
    sent = {kind: len(live.received(kind)) for kind in ("service", "rating", "default")}
    return sent["service"] >= len(told.services) and sent["rating"] + sent["default"] == sent["service"]


def _compare(live: Installation, told: Answered) -> None:
    rows = {kind: live.received(kind) for kind in ("service", "rating", "default", "case")}
    for kind, records in rows.items():
        twice = [case for case, n in Counter(r["case_no"] for r in records).items() if n > 1]
        assert not twice, f"{kind} 重复：{twice[:5]}"
    lost = told.services - {r["case_no"] for r in rows["service"]}
    assert not lost, f"答复过的服务不见了：{sorted(lost)[:5]}"
    levels = {r["case_no"]: r["level"] for r in rows["rating"]}
    wrong = {case: level for case, level in told.ratings.items() if levels.get(case) != level}
    assert not wrong, f"答复过的评价不见了或变了：{list(wrong.items())[:5]}"
    both = set(levels) & {r["case_no"] for r in rows["default"]}
    assert not both, f"既有评价又有默认：{sorted(both)[:5]}"
    assert live.cli("reconcile").returncode == 0
