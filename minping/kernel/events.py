"""What happens because of an event is one row in `minping/chain.py`; this only looks it up.

Events carry sets, are frozen dataclasses in the past tense, and are published in
the transaction that made them, so that what follows happens wholly or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string


@cache
def table(name: str) -> Any:
    """A table of `minping/chain.py` by its name: how an earlier stage asks what a later one answers."""
    return import_string(f"{settings.MINPING_CHAIN}.{name}")


def _chain() -> Mapping[type, tuple[Callable[[Any], None], ...]]:
    chain: Mapping[type, tuple[Callable[[Any], None], ...]] = table("CHAIN")
    return chain


def publish(*events: object) -> None:
    """Run what the chain says follows from each event, in order, in this transaction."""
    for event in events:
        for follow in _chain()[type(event)]:
            follow(event)
