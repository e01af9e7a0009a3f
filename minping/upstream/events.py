"""What has happened in 上送: what came back, and what came down from a superior."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from minping.upstream.messages import ForwardedDown, NegativeReceived, SupervisionDown, ValidityContent


@dataclass(frozen=True)
class ChecksReturned:
    """Marked test rows were taken out of the outbox again; `subjects` are the checks they stood for."""

    subjects: tuple[UUID, ...]
    at: datetime


@dataclass(frozen=True)
class DecisionCameDown:
    """The superior's answer to an application for revocation, under its own number (R7)."""

    decision: ValidityContent
    at: datetime


@dataclass(frozen=True)
class ForwardCameDown:
    """The level that had an application for revocation passed it on (minan/4.2.2)."""

    told: ForwardedDown
    at: datetime


@dataclass(frozen=True)
class SupervisionCameDown:
    """A superior presses for a rectification, on record (minan/4.2.3)."""

    told: SupervisionDown
    at: datetime


@dataclass(frozen=True)
class RatingCameDown:
    """A rating given on the superior's own page, or a negative that it sent down; `taken` is told by the stage below."""

    incoming_id: UUID
    rating: NegativeReceived
    at: datetime
    typed: bool = False  # by a person, from the superior's paper or telephone
