"""Street → district → city: processes and databases of their own, one level down for a day (issue 5, 3c).

A street on SQLite, its district and the city on PostgreSQL, each with its own pages and
jobs; beside them a second street of the district and a street that reports to the city itself.  In the end the same
records stand at every level, by number; the district's and the city's indicators are the sums; a negative given at
the street was revoked by the district, another by the city; and every journal verifies.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from minping.kernel.clock import BEIJING
from tests.support.ready import CHECKOUT, own_database, own_file
from tests.support.services import answers, free_port, on_postgresql

POSTGRES = os.environ.get("MINPING_DATABASE", "")
A, B, C, DISTRICT, CITY = "minan", "xindian", "hongtang", "xiangan", "xiamen"


class Level:
    """One level with a home, a database and, while it is up, its pages and jobs."""

    def __init__(self, area: str, above: Level | None = None, key: str = "", postgres: bool = False) -> None:
        self.home = Path(tempfile.mkdtemp(prefix=f"minping-level-{area}-"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        database = f"sqlite:///{self.home / 'minping.sqlite3'}"
        if postgres and POSTGRES.startswith("postgresql"):
            database = own_database(POSTGRES, f"level_{os.getpid()}_{area}")
        self.database = database
        lines = {"database": database, "area": area, "base_url": self.url, "province": above.url if above else ""}
        told = "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items())
        profile = "minping" if above else "end"
        self.home.joinpath("minping.toml").write_text(f'{told}province_profile = "{profile}"\nsandbox = true\n')
        if key:
            self.home.joinpath("province.json").write_text(json.dumps({"key": key}))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MINPING_", "DJANGO_"))}
        self.env = {
            **kept, "MINPING_HOME": str(self.home), "PORT": str(self.port),
            "DJANGO_SETTINGS_MODULE": "minping.site.settings",
        }  # fmt: skip
        self.processes: list[subprocess.Popen[bytes]] = []
        self.shift = 0
        self.log = self.home / "log.txt"
        if database.startswith("sqlite"):  # tables are made once: only keys are a home's own
            own_file(self.home / "minping.sqlite3")
        self.run("-m", "minping.cli", "init", "--sandbox")

    def run(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words], env=self.env, cwd=CHECKOUT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr[-3000:]}"
        return done.stdout

    def act(self, verb: str, /, **given: Any) -> Any:
        return json.loads(self.run("-m", "tests.support.level_acts", verb, json.dumps(given)))

    def acts(self, *acts: tuple[str, dict[str, Any]]) -> list[Any]:
        """Several in one process: starting one costs more than what it does."""
        found: list[Any] = self.act("many", acts=[list(one) for one in acts])
        return found

    def rows(self, sql: str, *given: str) -> list[tuple[Any, ...]]:
        """What stands in this level's database, read from outside."""
        if self.database.startswith("sqlite"):
            with closing(sqlite3.connect(self.home / "minping.sqlite3", timeout=20)) as connection:
                return connection.execute(sql, given).fetchall()
        import psycopg

        with psycopg.connect(self.database) as connection:
            return connection.execute(sql.replace("?", "%s"), given).fetchall()  # type: ignore[arg-type,call-overload]

    def waiting(self) -> int:
        return int(self.rows("SELECT count(*) FROM upstream_outboxmessage WHERE state = 'waiting'")[0][0])

    def stands(self, number: str) -> dict[str, Any]:
        """A case as this level has it."""
        found = self.rows(
            "SELECT c.state, c.result, s.outcome, c.supervised_at IS NOT NULL, r.authority, r.reference "
            "FROM feedback_case c JOIN evaluate_service s ON s.id = c.service_id "
            "LEFT JOIN feedback_revocation r ON r.case_id = c.id WHERE c.number = ?", number,
        )  # fmt: skip
        names = ("state", "result", "outcome", "supervised", "authority", "reference")
        return dict(zip(names, found[0], strict=True)) if found else {}

    def start(self, pages: bool = True) -> None:
        for what in ("web", "jobs") if pages else ("jobs",):
            with self.log.open("ab") as log:
                self.processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "minping.cli", what], env=self.env, cwd=CHECKOUT, stdout=log,
                        stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                    )
                )  # fmt: skip
        if pages:
            until(lambda: answers(f"{self.url}/login"), 60, lambda: self.log.read_text()[-2000:])

    def stop(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.processes = []

    def later(self, days: int) -> None:
        """Move this level's clock as `minping clock` does, without a process for it."""
        self.shift += days * 86400
        fresh = self.home / "clock.new"
        fresh.write_text(json.dumps({"shift_seconds": self.shift}))
        fresh.replace(self.home / "clock.json")

    @property
    def today(self) -> date:
        return datetime.fromtimestamp(time.time() + self.shift, BEIJING).date()


def until(true: Callable[[], object], seconds: float, why: Callable[[], object]) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, why()
        time.sleep(0.5)


@pytest.fixture(scope="module")
def levels() -> Iterator[dict[str, Level]]:
    """City, district and three streets, each with its registry, keys and accounts."""
    city = Level("350200", postgres=True)
    _, key_district, key_c = city.acts(
        ("level", {"code": CITY, "area": "350200", "below": [[DISTRICT, "350213", "authority"], [C, "350206001", "office"]]}),
        ("key", {"organization": DISTRICT}), ("key", {"organization": C}),
    )  # fmt: skip
    district = Level("350213", above=city, key=key_district, postgres=True)
    _, key_a, key_b = district.acts(
        ("level", {"code": DISTRICT, "area": "350213", "below": [[A, "350213005", "office"], [B, "350213006", "office"]]}),
        ("key", {"organization": A}), ("key", {"organization": B}),
    )  # fmt: skip
    made = {"city": city, "district": district}
    for name, area, above, key in (
        ("a", "350213005", district, key_a), ("b", "350213006", district, key_b), ("c", "350206001", city, key_c),
    ):  # fmt: skip
        made[name] = Level(area, above=above, key=key)
    for name, code, area in (("a", A, "350213005"), ("b", B, "350213006"), ("c", C, "350206001")):
        made[name].act("street", code=code, area=area)
    try:
        for name, level in made.items():
            level.start(pages=name in ("city", "district"))
        yield made
    finally:
        for level in made.values():
            level.stop()


def settled(levels: dict[str, Level], seconds: float = 120) -> None:
    """Nothing waits anywhere: what was made below has arrived at the top, and what was sent down has come back."""

    def quiet() -> bool:
        return all(not levels[name].waiting() for name in ("a", "b", "c", "district"))

    until(quiet, seconds, lambda: {name: level.act("well") for name, level in levels.items()})


def reaches(level: Level, number: str, seconds: float = 60, **wanted: Any) -> None:
    def there() -> bool:
        now = level.stands(number)
        return all(now.get(name) == value for name, value in wanted.items())

    until(there, seconds, lambda: (number, wanted, level.stands(number), level.act("well")))


def everywhere(levels: dict[str, Level], days: int) -> None:
    for name in ("city", "district", "a", "b", "c"):  # those above first: nobody is ahead of their clock
        levels[name].later(days)


def summed(*parts: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    names = (
        "numerator",
        "denominator",
        "services",
        "cases",
        "ratings",
        "defaults",
        "supplementary",
        "invalid",
        "pending_revocation",
    )
    return [
        (rows[0]["id"], *(sum(row[name] for row in rows) for name in names)) for rows in zip(*parts, strict=True)
    ]  # fmt: skip


@pytest.mark.skipif(not on_postgresql(), reason="三级两种库，在 PostgreSQL 那一轮跑")
def test_a_chain_of_levels_with_one_down_for_a_day(levels: dict[str, Level]) -> None:
    a, b, c, district, city = (levels[name] for name in ("a", "b", "c", "district", "city"))
    start = a.today
    first = a.act("serve", street=A, prefix="A1", levels=[5, 2, 1, 2, 3, None, 4, 1, None, 2])
    b.act("serve", street=B, prefix="B1", levels=[5, 4, 2, None, 1])
    c.act("serve", street=C, prefix="C1", levels=[2, 5, None])
    settled(levels)
    assert district.stands(first[0])["state"] == "verifying"

    # The district is down for a day: nobody below notices, and nothing is lost.
    district.stop()
    everywhere(levels, 1)
    second = a.acts(
        ("apply", {"number": first[0]}), ("apply", {"number": first[1]}), ("apply", {"number": first[2]}),
        ("rectified", {"number": first[3], "follow_up": "solved"}), ("confirmed", {"number": first[4]}),
        ("serve", {"street": A, "prefix": "A2", "levels": [4, 1, None, 5]}),
    )[-1]  # fmt: skip
    b.act("serve", street=B, prefix="B2", levels=[1, 5])
    assert a.waiting() > 10
    assert len(second) == 1
    district.start()
    settled(levels)
    for number in first[:3]:
        assert district.stands(number)["authority"] == "district"
        assert city.stands(number)["state"] == "revoking"

    # It counts until the level with the authority has decided, and then at no level (R7).
    granted, _, _, _ = district.acts(
        ("decide", {"number": first[0], "verb": "grant"}), ("decide", {"number": first[1], "verb": "deny"}),
        ("decide", {"number": first[2], "verb": "refer"}), ("press", {"number": first[4]}),
    )  # fmt: skip
    for level in (a, district, city):
        reaches(level, first[0], state="closed", result="revoked", outcome="invalid", reference=granted)
        reaches(level, first[1], state="confirmed", outcome="rating")
    reaches(city, first[2], authority="city")
    reaches(a, first[4], supervised=True)
    by_city = city.act("decide", number=first[2], verb="grant")
    for level in (city, district, a):
        reaches(level, first[2], state="closed", outcome="invalid", reference=by_city)

    # A negative that was given at the district goes down, and its case is opened where the service was rendered.
    district.act("negative", organization=f"{A}-center", case_no="A2-0001", service_no=1, level=1)
    opened = (
        "SELECT c.number FROM feedback_case c JOIN evaluate_service s ON s.id = c.service_id WHERE s.case_no = ? "
        "AND s.service_no = 1"
    )
    until(lambda: a.rows(opened, "A2-0001"), 60, lambda: a.act("well"))
    down = a.rows(opened, "A2-0001")[0][0]
    for level in (a, district, city):
        reaches(level, down, state="verifying")

    everywhere(levels, 40)  # silence has become defaults, limits have run out, and a quarter is over
    settled(levels)
    year, quarter = (start.year, (start.month - 1) // 3 + 1)
    a.act("report", unit=A, year=year, quarter=quarter)
    everywhere(levels, 30)
    # The time for rating again is over for every order that was solved: the street's own job closes it first.
    waiting = "SELECT state FROM rectify_order WHERE state = ?"
    until(lambda: not any(levels[name].rows(waiting, "solved") for name in ("a", "b", "c")), 120, lambda: a.act("well"))
    settled(levels)

    days = ("", str(start), str(start + timedelta(days=1)), str(start + timedelta(days=20)))
    asked = {"start": str(start - timedelta(days=3)), "end": str(start + timedelta(days=60))}
    codes = {"a": A, "b": B, "c": C, "district": DISTRICT, "city": CITY}
    told = {
        name: levels[name].acts(
            ("records", {}), ("well", {}), *[("indicators", {"unit": code, **asked, "as_of": day}) for day in days]
        )
        for name, code in codes.items()
    }  # fmt: skip

    # The same records, by number, at every level.
    held = {name: found[0] for name, found in told.items()}
    assert merged(held["a"], held["b"]) == held["district"]
    assert merged(held["district"], held["c"]) == held["city"]
    assert sum(map(len, held["city"].values())) > 60

    # The same figures, now and as of days before, during and after the outage.
    for number, day in enumerate(days, start=2):
        rows = {name: found[number] for name, found in told.items()}
        assert summed(rows["a"], rows["b"]) == summed(rows["district"]), day
        assert summed(rows["district"], rows["c"]) == summed(rows["city"]), day
    assert [row["denominator"] > 0 for row in told["city"][2]].count(True) == 5

    for name, level in levels.items():
        wrong = told[name][1]
        assert (wrong["verify"], wrong["errors"]) == ([], []), (name, wrong)
        if name != "city":
            assert "没有差异" in level.run("-m", "minping.cli", "reconcile", "--from", str(start))


def merged(*levels: dict[str, list[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in levels:
        for name, ids in one.items():
            found.setdefault(name, []).extend(ids)
    return {name: sorted(ids) for name, ids in found.items()}
