"""Ids follow the time, and those made for "now" follow each other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from minping.kernel import clock, ids

pytestmark = pytest.mark.once
NOON = datetime(2026, 11, 25, 4, tzinfo=UTC)


def test_ids_made_within_one_millisecond_are_in_the_order_of_their_making(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    made = [ids.uuid7() for _ in range(10_000)]
    assert made == sorted(set(made))
    assert all(one.version == 7 and one.variant == "specified in RFC 4122" for one in made[:10])


def test_a_clock_that_is_set_back_does_not_turn_the_order_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON + timedelta(hours=1))
    before = ids.uuid7()
    monkeypatch.setattr(clock, "now", lambda: NOON)
    assert ids.uuid7() > before


def test_two_threads_never_get_the_same_place() -> None:
    with ThreadPoolExecutor(4) as pool:
        made = [
            one for many in pool.map(lambda _: [ids.uuid7().int >> 64 for _ in range(2000)], range(4)) for one in many
        ]
    assert len(set(made)) == len(made)


def test_the_ids_of_an_instant_lie_behind_its_floor() -> None:
    assert ids.uuid7_floor(NOON) <= ids.uuid7(NOON) < ids.uuid7_floor(NOON + timedelta(milliseconds=1))
