"""Reads of 反馈: the work list, one case as its page shows it, counts for reconciliation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime

from django.db.models import Count
from django.db.models.functions import TruncDate

from minping.feedback.models import Case
from minping.kernel.clock import BEIJING
from minping.upstream.watch import Record


def counts_by_day_level(start: datetime, end: datetime) -> Mapping[tuple[date, str, int | None], int]:
    """Cases by day of their opening and level, for the reconciliation with the superior."""
    rows = (
        Case.objects.rated()
        .filter(opened_at__gte=start, opened_at__lt=end)
        .annotate(day=TruncDate("opened_at", tzinfo=BEIJING))
        .values_list("day", "level")
        .annotate(n=Count("id"))
    )
    return {(day, "case", level): n for day, level, n in rows}


def records_between(start: datetime, end: datetime) -> Iterator[Record]:
    """Every case that must be above, one by one, for the reconciliation that names rows."""
    rows = Case.objects.rated().filter(opened_at__gte=start, opened_at__lt=end)
    for pk, at, level, organization in rows.values_list("id", "opened_at", "level", "organization_code").iterator():
        yield Record("case", pk, at.astimezone(BEIJING).date(), level, "", organization)
