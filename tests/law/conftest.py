"""Fixtures of the law tests: no overlay leaks from one test to the next; a copy of the folder to break."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from minping import law


@pytest.fixture(autouse=True)
def _no_overlay() -> Iterator[None]:
    law.use_overlay(None)
    yield
    law.use_overlay(None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped rules folder, free to be broken."""
    shipped = Path(law.__file__).parent
    target = tmp_path / "law"
    target.mkdir()
    shutil.copy(shipped / "clauses.yaml", target)
    shutil.copytree(shipped / "areas", target / "areas")
    return target
