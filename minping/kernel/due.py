"""A stored due time: the instant, and the rule, clause and calendar edition that made it (principle 4).

Lateness is derived from it.  A due that touches a year without a published calendar
is provisional, and is computed anew, on record, when the calendar is loaded.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
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
        "due_rule": f"{limit.label}：{limit.value} {law.UNIT_LABELS[limit.unit]}，{law.spoken(limit.source)}",
        "due_clause": limit.clause,
        "due_edition": due.edition,
        "due_provisional": due.provisional,
    }


def resumed(
    area_code: str, limit_id: str, at: datetime, days: int, paused_at: datetime | None, old_due: datetime
) -> dict[str, Any]:
    """The due fields of a paused clock that goes on at `at` with `days` working days left when it paused.

    The day of resuming does not count (R1).  A clock that was over stays over; one that
    was in its last day, or resumes on the day of its pause, loses and gains nothing.
    """
    limit = law.at(area_code, at.astimezone(law.BEIJING).date()).limit(limit_id)
    same_day = paused_at is not None and law.beijing_date(paused_at) == law.beijing_date(at)
    over = paused_at is not None and paused_at >= old_due
    if same_day or over:
        last = law.last_day(old_due).toordinal()
        edition, provisional = law.calendar().covering(min(law.beijing_date(at).toordinal() + 1, last), last)
        moment = old_due
    else:
        found = law.due(replace(limit, value=days), at) if days > 0 else _today(limit, at)
        moment, edition, provisional = found.at, found.edition, found.provisional
    return {
        "clock_from": at,
        "due_at": moment,
        "due_limit": limit_id,
        "due_rule": f"{limit.label}：申诉复核期间暂停，恢复之日起还有 {max(days, 0)} 个工作日，{law.spoken(limit.source)}",
        "due_clause": limit.clause,
        "due_edition": edition,
        "due_provisional": provisional,
    }


def _today(limit: law.Limit, at: datetime) -> law.Due:
    """The end of today where it is a working day, else of the next one: a last day is never a day off."""
    today = law.beijing_date(at)
    return law.due(replace(limit, value=1), at - timedelta(days=1) if law.calendar().is_working_day(today) else at)


STOPPED: dict[str, Any] = {
    "clock_from": None, "due_at": None, "due_limit": "", "due_rule": "", "due_clause": "", "due_edition": "",
    "due_provisional": False,
}  # fmt: skip
