"""Reads of the channel: the recordings of what a person said, and how the telephone system fares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Q

from minping.evaluate.channels.ivr.models import Call
from minping.evaluate.channels.ivr.states import CallOutcome, Direction
from minping.evaluate.models import Service
from minping.kernel import privacy


def recordings_of(service: Service) -> list[str]:
    """The telephone system's references of the recordings about this service.

    A voice tells who it is: only for those for whom the identity has just been opened, on record.
    """
    calls = Call.objects.filter(service=service, rating__isnull=False, said__isnull=False).order_by("started_at")
    said = (privacy.unseal_json(bytes(call.said or b""), call.place) for call in calls)
    return [one["recording"] for one in said if one["recording"]]


DAYS = 30


@dataclass(frozen=True)
class Tally:
    """Calls of the last days: for each outcome how many we made and how many came in; when the last one was."""

    rows: list[tuple[str, int, int]]
    last: datetime | None


def tally(codes: Sequence[str], at: datetime) -> Tally:
    """How the telephone system fares, in one query; never a level.  A call about no service belongs to nobody and
    is counted for all."""
    counted = (
        Call.objects.filter(
            Q(service__organization_code__in=codes) | Q(service=None), started_at__gt=at - timedelta(DAYS)
        )
        .values("outcome")
        .annotate(
            out=Count("pk", filter=Q(direction=Direction.OUTGOING)),
            came=Count("pk", filter=Q(direction=Direction.INCOMING)),
            last=Max("started_at"),
        )
        .order_by()
    )
    found = {row["outcome"]: row for row in counted}
    labels = [("", "正在进行"), *((str(outcome), outcome.label) for outcome in CallOutcome)]
    rows = [(label, found[name]["out"], found[name]["came"]) for name, label in labels if name in found]
    return Tally(rows, max((row["last"] for row in found.values()), default=None))
