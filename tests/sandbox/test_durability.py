"""What was answered is kept: across an orderly end, a kill -9 in full load, and a restart."""

from __future__ import annotations

import itertools
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from urllib3.exceptions import HTTPError

from minping.sandbox import StoreError, serve

from .conftest import TOKEN, Sender


def launch(store: Path, port: int = 0) -> tuple[subprocess.Popen[str], str]:
    """The real command in a process of its own, and its address."""
    command = [
        sys.executable,
        "-m",
        "minping.sandbox",
        "--port",
        str(port),
        "--store",
        str(store),
        "--token",
        TOKEN,
    ]
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )
    # The log is drained for as long as the process lives: a full pipe would stop it.
    assert process.stdout is not None
    first = process.stdout.readline()
    stderr = process.stderr
    assert stderr is not None
    threading.Thread(target=lambda: [None for _ in stderr], daemon=True).start()
    return process, first.split()[-1].rstrip("/")


def test_a_kill_9_in_full_load_loses_nothing_that_was_answered(store: Path) -> None:
    answered: dict[str, str] = {}
    numbers = itertools.count()
    for _ in range(3):
        process, url = launch(store)
        sender = Sender(url)
        stop = threading.Event()

        def work(sender: Sender = sender, stop: threading.Event = stop) -> None:
            while not stop.is_set():
                case_no = f"办件{next(numbers):06d}"
                try:
                    answered[case_no] = sender.send("service", case_no)["reference"]
                except HTTPError:
                    return

        workers = [threading.Thread(target=work) for _ in range(8)]
        for worker in workers:
            worker.start()
        time.sleep(0.7)
        process.kill()
        process.wait()
        stop.set()
        for worker in workers:
            worker.join()
    assert len(answered) > 100
    with serve("127.0.0.1", 0, store, TOKEN) as province:
        records = {row["case_no"]: row["reference"] for row in province.received(kind="service")}
    assert {case_no: records.get(case_no) for case_no in answered} == answered
    with sqlite3.connect(store) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_the_next_start_has_all(store: Path, how: signal.Signals) -> None:
    process, url = launch(store)
    sender = Sender(url)
    reference = sender.send("service")["reference"]
    process.send_signal(how)
    assert process.wait(10) == 0
    assert not store.with_name(store.name + "-wal").exists()
    process, url = launch(store)
    try:
        sender = Sender(url)
        assert sender.send("service") == {"status": 200, "result": "duplicate", "reference": reference}
        assert "…0001" in sender.pool.request("GET", url + "/").data.decode()
    finally:
        process.terminate()
        process.wait(10)


def test_a_stop_answers_what_is_under_way_and_does_not_wait_for_idle_connections(store: Path) -> None:
    province = serve("127.0.0.1", 0, store, TOKEN).start()
    sender = Sender(province.url)
    assert sender.send("service")["result"] == "accepted"  # leaves an idle connection open
    started = time.monotonic()
    province.stop()
    province.stop()
    assert time.monotonic() - started < 2
    with pytest.raises(HTTPError):
        sender.send("service")


def test_a_stop_cuts_a_slow_message_short_without_storing_it(store: Path) -> None:
    province = serve("127.0.0.1", 0, store, TOKEN).start()
    province.behave(slow=60)
    failures: list[Exception] = []

    def work() -> None:
        try:
            Sender(province.url).send("service")
        except HTTPError as error:
            failures.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    time.sleep(0.3)
    province.stop()
    worker.join(5)
    assert len(failures) == 1
    with serve("127.0.0.1", 0, store, TOKEN) as again:
        assert again.received() == []


def test_the_same_port_and_store_can_be_served_again_at_once(store: Path) -> None:
    with serve("127.0.0.1", 0, store, TOKEN) as first:
        Sender(first.url).send("service")
        port = int(first.url.rsplit(":", 1)[1])
    with serve("127.0.0.1", port, store, TOKEN) as second:
        assert Sender(second.url).send("rating")["result"] == "accepted"


def test_a_taken_port_is_named_with_the_cure(store: Path) -> None:
    with serve("127.0.0.1", 0, store, TOKEN) as taken:
        port = taken.url.rsplit(":", 1)[1]
        command = [
            sys.executable,
            "-m",
            "minping.sandbox",
            "--port",
            port,
            "--store",
            str(store),
            "--token",
            TOKEN,
        ]
        ended = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, encoding="utf-8")
    assert ended.returncode == 1
    assert port in ended.stderr and "--port" in ended.stderr and "Traceback" not in ended.stderr


def test_a_file_that_is_no_store_of_ours_is_named_and_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("不是数据库" * 100, "utf-8")
    with pytest.raises(StoreError, match=r"notes\.txt"):
        serve("127.0.0.1", 0, other, TOKEN)
    assert other.read_text("utf-8") == "不是数据库" * 100
