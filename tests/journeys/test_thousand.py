"""A thousand services, two hundred ratings, eight hundred defaults, a province that was down for three days."""

from __future__ import annotations

import os
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.live import Installation
from tests.support.reports import post, write_services


@pytest.fixture(scope="module")
def live() -> Iterator[Installation]:
    with Installation(os.environ.get("MINPING_DATABASE", "")) as installation:
        yield installation


def test_each_outcome_arrives_once_though_the_province_was_down_and_lost_answers(
    live: Installation, tmp_path: Path
) -> None:
    total, rated = 1000, 200
    file, links = tmp_path / "services.csv", tmp_path / "links.tsv"
    write_services(file, total, live.now())
    live.behave(mode="down")
    done = live.cli("services", "import", str(file), "--links", str(links))
    assert done.returncode == 0, done.stdout + done.stderr
    urls = [line.split("\t")[2] for line in links.read_text().splitlines()]
    assert len(urls) == total

    # While the province is down people rate as ever; three simulated days go by.
    levels = [5, 4, 3, 2, 1]
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda n: post(live, urls[n], level=levels[n % 5], text=f"第{n}位"), range(rated)))
    assert Counter(given) == {303: rated}
    for _ in range(3):
        assert live.cli("clock", "+1d").returncode == 0
    assert live.received("service") == []
    live.behave(lose=0.1)
    live.wait_for(lambda: len(live.received("rating")) == rated, 90, "评价没有全部送到")
    assert live.cli("clock", "+5d").returncode == 0
    live.wait_for(lambda: len(live.received("default")) == total - rated, 90, "默认没有全部送到")
    live.wait_for(lambda: len(live.received("case")) == 80, 30, "差评件没有全部送到")

    for kind, count in {"service": total, "rating": rated, "default": total - rated, "case": 80}.items():
        rows = live.received(kind)
        assert len(rows) == len({(row["case_no"], row["service_no"]) for row in rows}) == count
    assert Counter(row["level"] for row in live.received("rating")) == dict.fromkeys(levels, 40)
    both = {r["case_no"] for r in live.received("rating")} & {r["case_no"] for r in live.received("default")}
    assert both == set()
    live.behave(mode="up")
    live.wait_for(live.settled, 60, "没有恢复正常")

    key = live.key()
    day = live.now()[:10]
    _, indicators = live.call("GET", f"/api/v1/indicators?unit=minan-center&from=2026-01-01&to={day}", key)
    row = next(r for r in indicators if r["id"] == "participation")
    assert (row["numerator"], row["denominator"], row["defaults"]) == (rated, total, total - rated)
    reconciled = live.cli("reconcile")
    assert reconciled.returncode == 0, reconciled.stdout
    assert "没有差异" in reconciled.stdout

    clean = live.cli("verify")
    assert clean.returncode == 0, clean.stdout
    changed = change_one_byte(live)
    found = live.cli("verify")
    assert found.returncode == 1
    assert re.search(changed, found.stdout.replace("-", "")), found.stdout


def change_one_byte(live: Installation) -> str:
    """Change one letter of one rating by SQL, past the program; returns the rating's id."""
    statement = "SELECT id FROM evaluate_rating WHERE text LIKE '第7位'"
    change = "UPDATE evaluate_rating SET text = '第8位' WHERE text = '第7位'"
    if "MINPING_DATABASE" in live.env:
        import psycopg

        with psycopg.connect(live.env["MINPING_DATABASE"]) as connection:
            row = connection.execute(statement).fetchone()
            connection.execute(change)
            assert row is not None
            return str(row[0].hex)
    with sqlite3.connect(live.home / "minping.sqlite3", timeout=30) as embedded:
        found = embedded.execute(statement).fetchone()
        embedded.execute(change)
        return str(found[0])
