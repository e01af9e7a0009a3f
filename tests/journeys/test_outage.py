"""The short form of the three-day outage (the long one is `make show-delivery`)."""

from __future__ import annotations

import os

from tests.show import outage


def test_after_an_outage_with_killed_workers_both_sides_are_equal_each_once_in_order() -> None:
    result = outage.run(260, database=os.environ.get("MINPING_DATABASE", ""), workers=2, kill_every=4.0, patience=150)
    assert (result.services, result.ratings) == (300, 300)
    assert result.kills >= 1
