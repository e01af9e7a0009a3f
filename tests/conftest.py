"""Every test works in a home folder of its own making, never in the developer's."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from minping.kernel.home import home
from minping.registry import queries as registry
from tests.support import ready

# Whole files are given to the workers in this order (scripts/test: --dist loadfile --no-loadscope-reorder): what takes
# long by itself must not begin when the rest has ended.  Seconds of processors, as measured on SQLite with all that the
# tests start; what is not named takes few.  pytest-django puts what uses its database before the journeys.
LONG = {
    "test_levels.py": 60, "test_every_move.py": 50, "test_for_everyone.py": 45, "test_channel_tablet.py": 40,
    "test_case_roads.py": 36, "test_case_decisions.py": 35, "test_outage.py": 33, "test_channel_ivr.py": 30,
    "test_messages.py": 25, "test_inbox.py": 24, "test_story.py": 24, "test_answering.py": 22, "test_callbacks.py": 19,
    "test_tickets.py": 18, "test_thousand.py": 17, "test_kill.py": 16, "test_kill_at_each_write.py": 14,
    "test_channel_terminal.py": 14, "test_channel_mine.py": 12, "test_channel_hall.py": 12, "test_channel_phone.py": 12,
    "test_channel_package.py": 12, "test_channel_qr.py": 12, "test_staff_pages.py": 40,
    "test_killed.py": 10,
}  # fmt: skip


# What stands on no database of ours, or only shows pages that are the same on either: run on SQLite alone.  Of the
# tables of moves the pages' half is here (a page asks the service and draws); the services' half runs on both.  So it
# is with the channels: their services on both, the walk through one with a browser here (`make show-channels`: both);
# the tablet, the package and the four channels at once, where presses race and workers are killed, run on both.
WALKS = ("hall", "mine", "phone", "qr", "sms", "terminal")
ONCE = (
    "tests/law/", "tests/sandbox/", "tests/journeys/test_for_everyone.py", "tests/journeys/test_floods.py",
    *(f"tests/journeys/test_channel_{walk}.py" for walk in WALKS),
    "tests/feedback/test_every_move.py::test_the_page_", "tests/rectify/test_every_move.py::test_the_page_",
    "tests/supervise/test_every_move.py::test_the_page_",
)  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(ONCE):
            item.add_marker(pytest.mark.once)
    items.sort(key=lambda item: -LONG.get(item.path.name, 10 if "journeys" in item.path.parts else 0))


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """The test database is there before Django looks: a copy of the tables that this run made once."""
    return True


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    from django.db import connection

    told = connection.settings_dict
    if connection.vendor == "sqlite":
        ready.own_file(Path(told["TEST"]["NAME"]))  # in the home folder of this process alone
    else:
        told["TEST"]["NAME"] = f"{told['NAME']}_test_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
        ready.own_database(os.environ["MINPING_DATABASE"], told["TEST"]["NAME"])


@pytest.fixture(autouse=True)
def _fresh(settings: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No kept registry, no moved clock and no noted heads from the test before."""
    here = home()
    registry.forget()
    for file in (here.clock_file, here.heads):
        file.unlink(missing_ok=True)
    shutil.rmtree(here.path / "uploads", ignore_errors=True)
    settings.MINPING_GROUP_COMMIT = False  # type: ignore[attr-defined]
    # The registry is read once a test: on a busy machine its two seconds pass between two counted requests.
    monkeypatch.setattr(registry, "KEEP_SECONDS", 3600.0)
    # Argon2 is slow on purpose; that it is what a real installation uses is a test of its own.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # type: ignore[attr-defined]
    yield
    registry.forget()


@pytest.fixture
def here() -> Path:
    return home().path


@pytest.fixture
def world(db: None) -> None:
    """The registry and the accounts of the fixed cast."""
    from tests.support.world import registry_world

    registry_world()
