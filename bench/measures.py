"""One measurement each, in a process of its own: `python -m bench.measures NAME SCALE` prints JSON."""

from __future__ import annotations

import cProfile
import http.client
import json
import os
import pstats
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlencode, urlsplit

from bench import world
from bench.relay import relay

ROW = "测" * 100  # 300 bytes


def spread(seconds: list[float]) -> dict[str, float]:
    """p50 and p99 in milliseconds."""
    return {"p50": median(seconds) * 1000, "p99": quantiles(seconds, n=100)[98] * 1000}


def many(clients: int, work: Callable[[int], list[float]]) -> tuple[float, list[float]]:
    """Run `work` in threads; the wall time, and every single time."""
    times: list[float] = []
    threads = [threading.Thread(target=lambda n=n: times.extend(work(n))) for n in range(clients)]  # type: ignore[misc]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start, times


def raw(scale: int) -> dict[str, Any]:
    """Single-row commits of the bare driver: one connection, and eight."""
    url, home = os.environ.get("MINPING_DATABASE", ""), os.environ["MINPING_HOME"]

    def connect() -> Any:
        if url:
            import psycopg

            return psycopg.connect(url, autocommit=True)
        connection = sqlite3.connect(f"{home}/raw.sqlite3", timeout=60, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    connect().execute("CREATE TABLE raw (id bigint PRIMARY KEY, text text)")
    mark = "%s" if url else "?"

    def client(number: int, count: int, first: int) -> list[float]:
        connection, times = connect(), []
        for n in range(count):
            start = time.perf_counter()
            connection.execute(f"INSERT INTO raw VALUES ({mark}, {mark})", (first + number * 10_000_000 + n, ROW))
            times.append(time.perf_counter() - start)
        return times

    one, _ = many(1, lambda n: client(n, scale, 0))
    eight, _ = many(8, lambda n: client(n, scale // 4, 1_000_000_000))
    return {"one": scale / one, "eight": scale // 4 * 8 / eight}


def ratings(scale: int) -> dict[str, Any]:
    """Whole ratings by eight threads of one process, each answered after its commit."""
    urls = _invitations(scale)
    from django.db import connection

    from minping.evaluate.services import Press, rating_give
    from minping.kernel import clock

    def client(number: int) -> list[float]:
        times = []
        for n in range(number, scale, 8):
            start = time.perf_counter()
            level = 2 if n % 10 == 0 else 5
            rating_give(
                Press(
                    urls[n].rsplit("/", 1)[1], level, clock.now(), "mobile", "link", ("210",) if level == 2 else (), ROW
                )
            )
            times.append(time.perf_counter() - start)
        connection.close()
        return times

    rating_give(Press(_invitations(1, 900_000_000)[0].rsplit("/", 1)[1], 5, clock.now(), "mobile", "link", (), ""))
    took, times = many(8, client)
    return {"rate": scale / took, **spread(times), **_checked(scale + 1)}


def _invitations(count: int, first: int = 0) -> list[str]:
    world.ready()
    from minping.evaluate import tokens
    from minping.evaluate.services import services_receive
    from minping.kernel import clock

    at = clock.now()
    urls: list[str] = []
    for start in range(first, first + count, 10_000):
        given = world.parsed(start, min(10_000, first + count - start), at)
        urls += [
            tokens.invitation_url(a.service_id)
            for a in services_receive(given, by=world.reporter(), at=at)
            if a.service_id
        ]
    return urls


def _checked(ratings: int) -> dict[str, Any]:
    """The same run proves itself: every answer is a row, and the record verifies."""
    from minping.evaluate.models import Rating
    from minping.kernel import journal

    while journal.seal():
        pass
    kept = Rating.objects.count()
    return {"kept": kept, "right": kept == ratings and journal.verify().clean}


def pages(scale: int) -> dict[str, Any]:
    """Whole ratings over HTTP, eight clients on kept connections, pages served as `minping serve` does."""
    urls = _invitations(scale + 64)
    from minping.cli.serve import web_command

    os.environ["PORT"] = port = "8479"
    server = subprocess.Popen(web_command(), start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        posts = [
            (urlsplit(url).path, urlencode({"level": 2 if n % 10 == 0 else 5, "text": ROW}))
            for n, url in enumerate(urls)
        ]
        client = subprocess.run(
            [sys.executable, "-m", "bench.load", port], input=json.dumps(posts), capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        told = json.loads(client.stdout)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)
    return {**told, **_checked(scale + 64)}


def _wait(port: str) -> None:
    for _ in range(200):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=2)
            connection.request("GET", "/login")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("网页没有启动")


def intake(scale: int) -> dict[str, Any]:
    """Services taken in, in batches of 10,000, from JSON text to commit."""
    world.ready()
    from minping.evaluate.schemas import ServiceIn
    from minping.evaluate.services import services_receive
    from minping.kernel import clock

    at = clock.now()
    bodies = [json.dumps(world.rows(start, 10_000, at)) for start in range(0, scale, 10_000)]
    profile = cProfile.Profile()
    took = 0.0
    for number, body in enumerate(bodies):
        start = time.perf_counter()
        services_receive([ServiceIn.model_validate(row) for row in json.loads(body)], by=world.reporter(), at=at)
        took += time.perf_counter() - start
        if number == 0:
            took = 0.0  # the first batch warms up
    extra = world.parsed(scale, 10_000, at)
    profile.enable()
    services_receive(extra, by=world.reporter(), at=at)
    profile.disable()
    return {"rate": (scale - 10_000) / took, "where": where(profile)}


def where(profile: cProfile.Profile) -> list[str]:
    """The eight functions that most of the time goes to."""
    stats: Any = pstats.Stats(profile)
    total = stats.total_tt or 1
    top = sorted(stats.stats.items(), key=lambda item: item[1][2], reverse=True)[:8]
    return [f"{name[2].strip('<>')} {share[2] / total:.0%}" for name, share in top]


def defaults(scale: int) -> dict[str, Any]:
    """Silence becomes defaults, set by set, over `scale` services."""
    _invitations(scale)
    from datetime import timedelta

    from minping.evaluate.services import defaults_make
    from minping.kernel import clock

    later = clock.now() + timedelta(days=9)
    start, made = time.perf_counter(), 0
    while count := defaults_make(at=later):
        made += count
    took = time.perf_counter() - start
    return {"made": made, "seconds": took, "rate": made / took}


def worklist(scale: int) -> dict[str, Any]:
    """The work list's pages at `scale` open cases."""
    _invitations(scale)
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from minping.evaluate import tokens
    from minping.evaluate.models import Rating, Service
    from minping.evaluate.services import Press, ratings_give
    from minping.kernel import clock
    from minping.kernel.models import Account

    ids = list(Service.objects.values_list("id", flat=True))
    from django.db import transaction

    for start in range(0, len(ids), 500):
        with transaction.atomic():
            ratings_give([
                Press(tokens.invitation_token(i), 2, clock.now(), "mobile", "link", ("210",), ROW)
                for i in ids[start : start + 500]
            ])  # fmt: skip
    assert Rating.objects.count() == scale
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    client = Client()
    client.force_login(Account.objects.get(username="reviewer"), backend="django.contrib.auth.backends.ModelBackend")
    shown: dict[str, Any] = {}
    for view in ("verify", "mine", "soon"):
        client.get(f"/desk/{view}/")
        times = []
        for _ in range(30):
            start_at = time.perf_counter()
            assert client.get(f"/desk/{view}/").status_code == 200
            times.append(time.perf_counter() - start_at)
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/desk/{view}/")
        in_database = sum(float(q["time"]) for q in queries.captured_queries)
        shown[view] = {
            "p50": median(times) * 1000, "p95": quantiles(times, n=20)[18] * 1000, "queries": len(queries),
            "database": in_database * 1000,
        }  # fmt: skip
    return shown


MEASURES = {m.__name__: m for m in (raw, ratings, pages, intake, defaults, worklist, relay)}

if __name__ == "__main__":
    print(json.dumps(MEASURES[sys.argv[1]](int(sys.argv[2]))))
