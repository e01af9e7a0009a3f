"""A few kills in every run of the tests; `make show-main` makes a hundred on each database."""

from __future__ import annotations

import os

from tests.show import kill


def test_killed_at_random_moments_under_load_nothing_is_lost_and_nothing_is_twice() -> None:
    told = kill.run(3, os.environ.get("MINPING_DATABASE") or None)
    assert told.services > 20
    assert told.ratings > 10
