"""A year's holiday notice is loaded: provisional due times become final, on record (R1, principle 4)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from minping import law
from minping.feedback.models import Case
from minping.kernel import due, journal
from minping.kernel.access import Actor
from minping.kernel.home import home
from minping.rectify.models import Order
from minping.supervise.models import Inquiry

# Which stored due of a record follows its running clock, by the limit that runs.
FIXED = {"verify": "verify_due_at", "rectify": "rectify_due_at", "extend": "rectify_due_at"}


CLOCKS: tuple[tuple[Any, str, str], ...] = (
    (Case, "case.due_recomputed", "pk"),
    (Order, "order.due_recomputed", "case_id"),
    (Inquiry, "inquiry.due_recomputed", "pk"),
)


def calendar_load(file: Path, *, by: Actor, at: datetime) -> tuple[str, int]:
    """Load the notice in `file` into the home folder; returns its title and how many due times moved.

    Raises LawError where the file is wrong; nothing is then changed.
    """
    edition = law.load_calendar(file, into=home().law)
    law.use_overlay(home().law)
    moved = 0
    with transaction.atomic():
        for model, action, subject in CLOCKS:
            for record in model.objects.select_for_update().filter(due_provisional=True):
                moved += _recompute(record, action, getattr(record, subject), by, at)
        journal.write(
            "law.calendar_loaded", at=at, actor=by.name, edition=str(getattr(edition, "title", edition)), moved=moved
        )
    return str(getattr(edition, "title", edition)), moved


def _recompute(record: Any, action: str, subject: Any, by: Actor, at: datetime) -> bool:
    before = record.due_at
    paused = getattr(record, "paused_days", None) if record.due_limit == "rectify" else None
    if paused is None:
        fields = due.clock(record.area_code, record.due_limit, record.clock_from)
    else:  # it went on after an appeal with the days it had left
        fields = due.resumed(
            record.area_code, record.due_limit, record.clock_from, paused, record.paused_at, record.rectify_due_at
        )
    fixed = FIXED.get(record.due_limit)
    if fixed and hasattr(record, fixed):
        fields[fixed] = fields["due_at"]
    for name, value in fields.items():
        setattr(record, name, value)
    record.save(update_fields=list(fields))
    journal.write(
        action, at=at, actor=by.name, organization_code=record.organization_code, subject=subject, records=[record],
        before=before, after=record.due_at, edition=record.due_edition,
        detail=f"{record.due_edition}" + ("" if before == record.due_at else "，时限有变"),
    )  # fmt: skip
    return bool(before != record.due_at)
