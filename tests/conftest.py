"""Every test works in a home folder of its own making, never in the developer's."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

os.environ["MINPING_HOME"] = tempfile.mkdtemp(prefix="minping-test-")
os.environ["MINPING_SANDBOX"] = "1"
os.environ["MINPING_PROVINCE"] = ""
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "minping.site.settings")
# Playwright's own loop must not make Django think that tests are asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

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
    settings.MINPING_GROUP_COMMIT = False  # type: ignore[attr-defined]
    yield
    registry.forget()


@pytest.fixture
def here() -> Path:
    return home().path
