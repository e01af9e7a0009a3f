"""What has happened in the stage 评价."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from minping.evaluate.models import Rating, Service


@dataclass(frozen=True)
class ServicesReceived:
    """Business systems reported services; each has its invitation (R11)."""

    ids: tuple[UUID, ...]
    at: datetime


@dataclass(frozen=True)
class RatingsGiven:
    """People pressed a level; the pairs hold first, supplementary and re-ratings alike;
    `held` names the ratings whose reasons are about to follow."""

    pairs: tuple[tuple[Service, Rating], ...]
    at: datetime
    held: frozenset[UUID] = frozenset()


@dataclass(frozen=True)
class RatingsChanged:
    """People changed their mind within the minutes allowed; `before` are the levels they had given."""

    pairs: tuple[tuple[Service, Rating], ...]
    before: tuple[int, ...]
    at: datetime


@dataclass(frozen=True)
class DefaultsMade:
    """Seven natural days passed in silence (minan/3.4.4); the columns tell of which services and when it ended."""

    count: int
    at: datetime
    services: Sequence[UUID]
    organizations: Sequence[str]
    cases: Sequence[str]
    numbers: Sequence[int]
    due: Sequence[datetime]
