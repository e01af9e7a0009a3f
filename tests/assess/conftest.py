"""Each test of 考核 stands on the same small registry."""

from __future__ import annotations

import pytest

from tests.assess import world


@pytest.fixture
def office(db: None) -> None:
    world.registry_made()
