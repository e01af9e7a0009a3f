"""Every test works in a home folder of its own making, never in the developer's."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from minping.kernel.home import home
from minping.registry import queries as registry


@pytest.fixture(autouse=True)
def _fresh(settings: object) -> Iterator[None]:
    """No kept registry, no moved clock and no noted heads from the test before."""
    here = home()
    registry.forget()
    for file in (here.clock_file, here.heads):
        file.unlink(missing_ok=True)
    shutil.rmtree(here.path / "uploads", ignore_errors=True)
    settings.MINPING_GROUP_COMMIT = False  # type: ignore[attr-defined]
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
