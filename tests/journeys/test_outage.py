"""The short form of the three-day outage (the long one is `make show-delivery`)."""

from __future__ import annotations

import os

from tests.show import outage


def test_after_an_outage_with_killed_workers_both_sides_are_equal_each_once_in_order() -> None:
    result = outage.run(
        1200, database=os.environ.get("MINPING_DATABASE", ""), workers=2, kill_every=2.0, patience=150, rounds=2
    )
    assert (result.services, result.ratings) == (1248, 1248)
    assert result.messages == 1248 * 2 + result.negatives
    assert result.kills >= 2
    # How long a citizen and a clerk wait is shown, not asserted: on a busy machine a test of time is a coin.
