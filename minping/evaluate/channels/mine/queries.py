"""One's own services that wait for a word."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from minping.evaluate.models import Service
from minping.evaluate.queries import open_of
from minping.evaluate.states import RatingKind

MOST = 50


def waiting_for(person: bytes, at: datetime) -> list[tuple[Service, RatingKind]]:
    """Newest first, at most `MOST`: those that the person received, or saw through as somebody's agent."""
    mine = Q(applicant__certificate_index=person) | Q(applicant__agent_index=person)
    found = Service.objects.filter(mine, closes_at__gt=at).prefetch_related("ratings").order_by("-served_at", "-pk")
    return open_of(found[: MOST * 2], at)[:MOST]
