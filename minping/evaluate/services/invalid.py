"""A rating that the superior has revoked: the one way to `Outcome.INVALID` (R7)."""

from __future__ import annotations

from datetime import datetime

from minping.evaluate.models import Rating, Service
from minping.evaluate.states import Outcome, RatingKind


def service_invalidate(*, rating: Rating, at: datetime) -> None:
    """The service's outcome becomes invalid where the revoked rating made it; the rating stays readable for ever.

    A revoked supplementary or repeated rating changes no outcome: it had made none (R3, R9).
    """
    if rating.kind == RatingKind.FIRST:
        Service.objects.filter(pk=rating.service_id, outcome=Outcome.RATING).update(
            outcome=Outcome.INVALID, outcome_at=at
        )
