"""Reads of the call-backs: whom we call, what waits and what died, for the page and for the health check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Min, QuerySet

from minping.evaluate.channels.hall.models import Announcement, Subscriber
from minping.evaluate.channels.hall.states import AnnouncementState

SILENT_MOST = timedelta(days=1)  # a subscriber that has not answered for longer is a matter for a person


def subscribers(organizations: Iterable[str]) -> QuerySet[Subscriber]:
    """Those in use, oldest first."""
    return Subscriber.objects.filter(organization_code__in=list(organizations), retired_at=None).order_by("pk")


def announcements(organizations: Iterable[str], state: AnnouncementState) -> QuerySet[Announcement]:
    """The rows in one state, each with its subscriber."""
    rows = Announcement.objects.filter(target__organization_code__in=list(organizations), state=state)
    return rows.select_related("target")


def counts(organizations: Iterable[str]) -> Mapping[tuple[UUID, str], int]:
    """How many are unfinished, by subscriber and state."""
    unfinished = [AnnouncementState.WAITING, AnnouncementState.DEAD]
    rows = Announcement.objects.filter(target__organization_code__in=list(organizations), state__in=unfinished)
    return {(target, state): n for target, state, n in
            rows.order_by().values_list("target", "state").annotate(n=Count("id"))}  # fmt: skip


def health(now: datetime) -> dict[str, Any]:
    """Figures for the health check: not well while something is dead or a subscriber has been silent for a day."""
    waiting = Announcement.objects.filter(state=AnnouncementState.WAITING).aggregate(
        n=Count("id"), oldest=Min("created_at")
    )
    dead = Announcement.objects.filter(state=AnnouncementState.DEAD).count()
    silent = Subscriber.objects.filter(retired_at=None, enabled=True, silent_since__isnull=False)
    since = list(silent.values_list("pk", "silent_since"))
    return {
        "ok": dead == 0 and all(moment is None or now - moment < SILENT_MOST for _, moment in since),
        "waiting": waiting["n"],
        "oldest_seconds": round((now - waiting["oldest"]).total_seconds()) if waiting["oldest"] else 0,
        "dead": dead,
        "silent_targets": [str(pk) for pk, _ in since],
    }
