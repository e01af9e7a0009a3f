"""What every test and every installation begins with, made once in a run and copied from then on.

Making the tables takes four seconds of a processor and the demonstration office two more (Argon2): with some
thirty installations on two databases that was minutes.  Whoever needs one first makes it; the other workers wait.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

CHECKOUT = Path(__file__).resolve().parents[2]
OFFICE = "from minping.cli.serve import prepare; prepare(demo=True, story=False)"


def environment() -> dict[str, str]:
    """This process's own, without what would lead an installation elsewhere; light passwords in a run of tests."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MINPING_", "DJANGO_"))}
    return {**kept, "DJANGO_SETTINGS_MODULE": "tests.support.settings"} if "TEST_SHARED" in kept else kept


def copied_database(url: str, name: str, template: str = "template1") -> str:
    """A new database on the PostgreSQL server of `url`: empty, or a copy of `template`."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}"')  # type: ignore[call-overload]
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')  # type: ignore[call-overload]
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@cache
def shared() -> Path:
    """The folder that the workers of one run share (tests/support/isolated.py), or one for this program alone."""
    if given := os.environ.get("TEST_SHARED"):
        return Path(given)
    own = tempfile.mkdtemp(prefix="minping-shared-")
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    return Path(own)


@cache
def _made(kind: str, database: str) -> tuple[Path, str]:
    """The home folder and, on PostgreSQL, the name of the template of `tables` or `office`."""
    home = shared() / kind / ("postgresql" if database else "sqlite")
    name = f"{shared().name}-{kind}"
    home.mkdir(parents=True, exist_ok=True)
    with (home.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = home.parent / f"done-{home.name}"
        if not done.exists():
            env = {**environment(), "MINPING_HOME": str(home), "MINPING_PROVINCE": "http://127.0.0.1:9"}
            env.setdefault("DJANGO_SETTINGS_MODULE", "minping.site.settings")
            command = ["-m", "minping.cli", "migrate"]
            template = "template1"
            if kind == "office":
                tables, template = _made("tables", database)
                if not database:
                    shutil.copy(tables / "minping.sqlite3", home)
                command = ["-c", OFFICE]
            if database:
                env["MINPING_DATABASE"] = copied_database(database, name, template)
            subprocess.run([sys.executable, *command], env=env, cwd=CHECKOUT, check=True)
            (home / "minping.toml").unlink(missing_ok=True)  # it names this place
            done.touch()
    return home, name if database else ""


def own_database(url: str, name: str) -> str:
    """A database of one's own on the PostgreSQL server of `url`, with all tables and nothing in them."""
    return copied_database(url, name, _made("tables", url)[1])


def own_file(to: Path) -> None:
    """The same on SQLite: a file with all tables and nothing in them."""
    shutil.copy(_made("tables", "")[0] / "minping.sqlite3", to)


def office(home: Path, database: str, name: str) -> str:
    """Copy the demonstration office as its first start leaves it, keys and accounts too; returns its database's URL."""
    made, template = _made("office", database)
    shutil.copytree(made, home, dirs_exist_ok=True)
    return copied_database(database, name, template) if database else ""
