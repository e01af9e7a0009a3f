"""A stored due time: the instant, and the rule, clause and calendar edition that made it (principle 4).

Lateness is derived from it.  A due that touches a year without a published calendar
is provisional, and is computed anew, on record, when the calendar is loaded.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models

from minping import law


class Due(models.Model):
    """Fields of a running clock; `due_at` is empty while none runs."""

    clock_from = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    due_limit = models.CharField(max_length=40, blank=True)
    due_rule = models.CharField(max_length=120, blank=True)
    due_clause = models.CharField(max_length=40, blank=True)
    due_edition = models.CharField(max_length=120, blank=True)
    due_provisional = models.BooleanField(default=False)

    class Meta:
        abstract = True


def clock(area_code: str, limit_id: str, start: datetime) -> dict[str, Any]:
    """The due fields of a clock that starts at `start`, by the law of that day."""
    limit = law.at(area_code, start.astimezone(law.BEIJING).date()).limit(limit_id)
    due = law.due(limit, start)
    return {
        "clock_from": start,
        "due_at": due.at,
        "due_limit": limit_id,
        "due_rule": f"{limit.label}：{limit.value} {law.UNIT_LABELS[limit.unit]}，{limit.source}",
        "due_clause": limit.clause,
        "due_edition": due.edition,
        "due_provisional": due.provisional,
    }


STOPPED: dict[str, Any] = {
    "clock_from": None, "due_at": None, "due_limit": "", "due_rule": "", "due_clause": "", "due_edition": "",
    "due_provisional": False,
}  # fmt: skip
