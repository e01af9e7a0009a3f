"""One measurement each, in a process of its own: `python -m bench.measures NAME SCALE` prints JSON."""

from __future__ import annotations

import cProfile
import http.client
import json
import os
import pstats
import signal
import socket
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
from bench.below import below
from bench.office import office
from bench.relay import relay

ROW = "测" * 100  # 300 bytes


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


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
    sets, ask = _raw_sets(connect(), mark)
    return {"one": scale / one, "eight": scale // 4 * 8 / eight, "set": sets, "ask": ask}


def _raw_sets(connection: Any, mark: str) -> tuple[float, float]:
    """Rows a second in sets of 10,000 with one commit each (bare driver, no index but the key), and one answer in ms."""
    batches = [[(2_000_000_000 + start + n, ROW) for n in range(10_000)] for start in range(0, 100_000, 10_000)]
    start = time.perf_counter()
    for batch in batches:
        connection.execute("BEGIN")
        if mark == "%s":
            with connection.cursor() as cursor, cursor.copy("COPY raw FROM STDIN") as copy:
                copy.write("".join(f"{key}\t{text}\n" for key, text in batch))
        else:
            connection.executemany("INSERT INTO raw VALUES (?, ?)", batch)
        connection.execute("COMMIT")
    sets = 100_000 / (time.perf_counter() - start)
    times = []
    for n in range(500):
        start = time.perf_counter()
        connection.execute(f"SELECT text FROM raw WHERE id = {mark}", (2_000_000_000 + n * 100,)).fetchone()
        times.append(time.perf_counter() - start)
    return sets, median(times) * 1000


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
    return {"rate": scale / took, **spread(times), **_checked(scale + 1), **_profiled_ratings()}


def _profiled_ratings() -> dict[str, Any]:
    """Five hundred more, in groups as the writer makes them, in one thread."""
    if not os.environ.get("BENCH_PROFILE"):
        return {}
    from django.db import transaction

    from minping.evaluate.services import Press, ratings_give
    from minping.kernel import clock

    presses = [
        Press(url.rsplit("/", 1)[1], 5, clock.now(), "mobile", "link", (), ROW)
        for url in _invitations(500, 800_000_000)
    ]

    def work() -> None:
        for start in range(0, 500, 8):
            with transaction.atomic():
                ratings_give(presses[start : start + 8])

    return _profiled(work)


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

    os.environ["PORT"] = port = str(free_port())
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
    """Services taken in, in batches of 10,000, from JSON text to commit and answer: one client, and one per core."""
    world.ready()
    alone, spent = _clients([(0, scale)])
    count = os.cpu_count() or 1
    together, _ = _clients([(10_000_000 * (n + 1), scale) for n in range(count)])
    return {"rate": together, "alone": alone, "cpu": spent, **_profiled(lambda: intake_client(900_000_000, 20_000))}


def _clients(parts: list[tuple[int, int]]) -> tuple[float, float]:
    """Clients that begin at the same moment, each a process of its own: services a second in all, and what one
    service costs a client in microseconds of processor (which a busy machine does not change)."""
    clients = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.measures", "intake_client", str(first), str(count)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for first, count in parts
    ]  # fmt: skip
    for client in clients:
        assert client.stdout is not None
        assert client.stdout.readline() == "ready\n"
    start = time.perf_counter()
    for client in clients:
        assert client.stdin is not None
        client.stdin.write("go\n")
        client.stdin.flush()
    spent = [float(client.stdout.readline()) for client in clients if client.stdout is not None]
    took = time.perf_counter() - start
    assert [client.wait() for client in clients] == [0] * len(clients)
    taken = sum(count for _, count in parts)
    return taken / took, sum(spent) / taken * 1e6


def intake_client(first: int, count: int, wait: bool = False) -> None:
    """What the API does with a call, without HTTP: text, rows, commit, answers."""
    from minping.evaluate import tokens
    from minping.evaluate.schemas import services_of
    from minping.evaluate.services import services_receive
    from minping.kernel import clock

    at, by = clock.now(), world.reporter()

    def take(start: int, rows: int, body: str) -> None:
        given = services_of(body, rows)
        assert given is not None
        url = tokens.invitation_urls()
        json.dumps([answer.as_json(url) for answer in services_receive(given, by=by, at=at)])

    bodies = [(start, json.dumps(world.rows(start, 10_000, at))) for start in range(first, first + count, 10_000)]
    take(first + 5_000_000, 100, json.dumps(world.rows(first + 5_000_000, 100, at)))  # warms up
    if wait:
        print("ready", flush=True)
        sys.stdin.readline()
    began = time.process_time()
    for start, body in bodies:
        take(start, 10_000, body)
    if wait:
        print(time.process_time() - began, flush=True)


# Whose functions belong to what, by the first part of a file name that fits.
GROUPS = (
    ("pydantic", "JSON、格式校验"),
    ("json", "JSON、格式校验"),
    ("hashlib", "摘要、签名、封存"),
    ("hmac", "摘要、签名、封存"),
    ("aead", "摘要、签名、封存"),
    ("HASH", "摘要、签名、封存"),
    ("kernel/privacy", "摘要、签名、封存"),
    ("kernel/journal", "日志"),
    ("kernel/ids", "编号"),
    ("urandom", "编号"),
    ("uuid.py", "编号"),
    ("kernel/bulk", "成批写入的换算"),
    ("isoformat", "成批写入的换算"),
    ("psycopg", "数据库"),
    ("sqlite", "数据库"),
    ("executemany", "数据库"),
    ("django/template", "模板"),
    ("django/utils", "模板"),
    ("django/db", "Django 读写"),
    ("django/", "Django 其他"),
    ("upstream", "上送队列"),
    ("minping", "民评其他"),
)


def _profiled(work: Callable[[], object]) -> dict[str, Any]:
    """Where the time goes, by group of functions, where it is asked for (`--profile`)."""
    if not os.environ.get("BENCH_PROFILE"):
        return {}
    profile = cProfile.Profile()
    profile.enable()
    work()
    profile.disable()
    stats: Any = pstats.Stats(profile)
    groups: dict[str, float] = {}
    for (file, _, name), told in stats.stats.items():
        where = f"{file} {name}"
        group = next((label for part, label in GROUPS if part in where), "Python 其他")
        groups[group] = groups.get(group, 0.0) + told[2]
    total = sum(groups.values()) or 1
    return {"where": sorted(((name, spent / total) for name, spent in groups.items()), key=lambda p: -p[1])}


def defaults(scale: int) -> dict[str, Any]:
    """Silence becomes defaults, set by set, over `scale` services, as the job does it; then all is verified."""
    _services(scale)
    from datetime import timedelta

    from minping.evaluate.models import DefaultOutcome
    from minping.evaluate.services import defaults_make, defaults_round
    from minping.kernel import clock, journal

    later = clock.now() + timedelta(days=9)
    start, began = time.perf_counter(), time.process_time()
    while defaults_round(at=later):
        pass
    took, spent = time.perf_counter() - start, time.process_time() - began
    made = DefaultOutcome.objects.count()
    while journal.seal():
        pass
    right = made == scale and journal.verify().clean
    found = {"made": made, "seconds": took, "rate": made / took, "cpu": spent / made * 1e6, "right": right}
    if os.environ.get("BENCH_PROFILE"):
        _services(10_000, 900_000_000)
        found |= _profiled(lambda: defaults_make(at=later))
    return found


def _services(count: int, first: int = 0) -> None:
    """Services that have come in, without their addresses."""
    world.ready()
    from minping.evaluate.services import services_receive
    from minping.kernel import clock

    at = clock.now()
    for start in range(first, first + count, 10_000):
        rows = world.parsed(start, min(10_000, first + count - start), at)
        services_receive(rows, by=world.reporter(), at=at)


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
        began = time.process_time()
        for _ in range(30):
            start_at = time.perf_counter()
            assert client.get(f"/desk/{view}/").status_code == 200
            times.append(time.perf_counter() - start_at)
        spent = (time.process_time() - began) / 30 * 1000
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/desk/{view}/")
        in_database = sum(float(q["time"]) for q in queries.captured_queries)
        shown[view] = {
            "p50": median(times) * 1000, "p95": quantiles(times, n=20)[18] * 1000, "queries": len(queries),
            "database": in_database * 1000, "cpu": spent,
        }  # fmt: skip
    return {**shown, **_profiled(lambda: [client.get("/desk/mine/") for _ in range(20)])}


def tablets(scale: int) -> dict[str, Any]:
    """`scale` tablets on open lines of one process: from a service's report to its event at the device; memory each."""
    secrets = world.tablets(scale)
    from minping.cli.serve import stream_command
    from minping.evaluate.schemas import ServiceIn
    from minping.evaluate.services import services_receive
    from minping.kernel import clock

    os.environ["MINPING_STREAM_PORT"] = port = str(free_port())
    server = subprocess.Popen(stream_command(), start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        time.sleep(2)
        empty = resident(server.pid)
        client = subprocess.Popen(
            [sys.executable, "-m", "bench.lines", port], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert client.stdin is not None and client.stdout is not None
        client.stdin.write(json.dumps(secrets) + "\n")
        client.stdin.flush()
        assert client.stdout.readline().strip() == "connected"
        time.sleep(1)
        full, cpu = resident(server.pid), processor(server.pid)
        time.sleep(5)
        idle = (processor(server.pid) - cpu) / 5
        sent: dict[str, float] = {}
        # One service after the other, then as many at once: a busy hall, and a hall where the clock strikes.
        for first, count in [*((n, 1) for n in range(scale)), (scale, scale)]:
            at = clock.now()
            rows = world.rows(first, count, at)
            for row in rows:
                row["window_code"] = f"b{int(row['case_no'][-4:]) % scale:04d}"
                row["staff_code"], row["served_at"] = None, at.isoformat()  # what ended long ago is left to the phone
                sent[row["case_no"][-4:]] = time.time()
            services_receive([ServiceIn.model_validate(row) for row in rows], by=world.reporter(), at=at)
            time.sleep(0.03)
        client.stdin.write(f"{2 * scale}\n")
        client.stdin.close()
        seen = json.loads(client.stdout.readline())
        client.wait(20)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)
    times = [at - sent[tail] for tail, (_, at) in seen.items()]
    right = len(seen) == 2 * scale and all(number == int(tail) % scale for tail, (number, _) in seen.items())
    return {
        **spread(times),
        "devices": scale,
        "each": (full - empty) / scale,
        "process": full,
        "idle": idle,
        "right": right,
    }


def _family(pid: int) -> list[int]:
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [pid, *(int(child) for child in children.stdout.split())]


def resident(pid: int) -> float:
    """Resident kilobytes of a process and its children."""
    told = subprocess.run(
        ["ps", "-o", "rss=", "-p", ",".join(map(str, _family(pid)))], capture_output=True, text=True, check=True
    )
    return float(sum(map(int, told.stdout.split())))


def processor(pid: int) -> float:
    """Seconds of processor time of a process and its children so far."""
    ticks = 0
    for one in _family(pid):
        with open(f"/proc/{one}/stat", encoding="ascii") as file:
            ticks += sum(map(int, file.read().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


MEASURES = {m.__name__: m for m in (raw, ratings, pages, intake, defaults, worklist, office, tablets, relay, below)}

if __name__ == "__main__":
    if sys.argv[1] == "intake_client":
        import django

        django.setup()
        intake_client(int(sys.argv[2]), int(sys.argv[3]), wait=True)
    else:
        print(json.dumps(MEASURES[sys.argv[1]](int(sys.argv[2]))))
