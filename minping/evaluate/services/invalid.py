"""A rating that the superior has revoked: the one way to `Outcome.INVALID` (R7)."""

from __future__ import annotations

from datetime import datetime

from minping.evaluate.models import Rating, Service
from minping.evaluate.states import Outcome, RatingKind


def service_invalidate(*, rating: Rating, at: datetime) -> None:
    """The service's outcome becomes invalid where the revoked rating made it; the rating stays readable for ever.

    A revoked supplementary or repeated rating changes no outcome: it had made none (R3, R9).
    """
    services = Service.objects.filter(outcome=Outcome.RATING)
    if rating.kind == RatingKind.FIRST:
        services = services.filter(pk=rating.service_id)
    elif rating.kind == RatingKind.PACKAGE:  # the overall rating falls wherever no word of one's own stands (R10)
        own = Rating.objects.filter(kind=RatingKind.FIRST).values("service")
        services = services.filter(ratings__package=rating.package_id).exclude(pk__in=own)
    else:
        return
    Service.objects.filter(pk__in=services.values("pk")).update(outcome=Outcome.INVALID, outcome_at=at)
