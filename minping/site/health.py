"""Whether the installation is well: database, jobs and outbox, with their figures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import DatabaseError, connection
from django.db.models import Count, Min
from django.http import HttpResponse, JsonResponse

from minping.chain import JOBS
from minping.evaluate.channels.hall import queries as callbacks
from minping.kernel import clock, jobs
from minping.kernel.models import JournalEntry
from minping.upstream.models import OutboxMessage, Target
from minping.upstream.states import MessageState

OLDEST = timedelta(days=1)  # a message that has waited longer than this is not "real time" (minan/4.2.1)


def figures() -> dict[str, Any]:
    """Each part with `ok` and its figures; never personal data."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        beats = jobs.health(JOBS)
        now = clock.now()
        waiting = OutboxMessage.objects.filter(state=MessageState.WAITING).aggregate(
            n=Count("id"), oldest=Min("created_at")
        )
        refused = OutboxMessage.objects.filter(state=MessageState.REFUSED).count()
        manual = OutboxMessage.objects.filter(state=MessageState.MANUAL).count()
        silent = Target.objects.filter(silent_since__isnull=False).values_list("code", flat=True)
        called_back = callbacks.health(now)
        unsealed = JournalEntry.objects.filter(seq__isnull=True).count()
    except DatabaseError as failure:
        return {"database": {"ok": False, "error": type(failure).__name__}}
    age = (now - waiting["oldest"]).total_seconds() if waiting["oldest"] else 0.0
    return {
        "database": {"ok": True, "kind": connection.vendor},
        "jobs": {"ok": all(age is not None for age in beats.values()), "seconds_since_beat": beats},
        "outbox": {
            "ok": refused == 0 and age < OLDEST.total_seconds(),
            "waiting": waiting["n"],
            "oldest_seconds": round(age),
            "refused": refused,
            "manual": manual,
            "silent_targets": list(silent),
        },
        "callbacks": called_back,
        "journal": {"unsealed": unsealed},
    }


def healthz() -> HttpResponse:
    """200 only when database, jobs and outbox are well; else 503, with the same figures."""
    parts = figures()
    well = {"database", "jobs", "outbox", "callbacks"} <= parts.keys() and all(
        part.get("ok", True) for part in parts.values()
    )
    return JsonResponse({"ok": well, **parts}, status=200 if well else 503)
