"""Silence for the days of the rule becomes a default, a record of its own kind (minan/3.4.4, R2).

Set-based: a batch is one transaction with a handful of statements, whatever its size.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from minping import law
from minping.evaluate.events import DefaultsMade
from minping.evaluate.models import DefaultOutcome, Service
from minping.evaluate.states import Outcome
from minping.kernel import bulk, events, ids, journal
from minping.kernel.access import SYSTEM
from minping.kernel.home import home
from minping.upstream.services import Draft, messages_enqueue

BATCH = 10_000

_COLUMNS = ("id", "service", "level", "rule", "made_at")
_READ = (
    "id", "area_code", "organization_code", "case_no", "service_no", "default_rule", "default_due_at",
)  # fmt: skip


def defaults_make(*, at: datetime, most: int = BATCH) -> int:
    """Make the defaults that are due at `at`, at most `most`; returns how many.

    The fact's time is the end of the silence, whenever the job comes round.  A person
    who rates in the same moment wins or loses by the row lock, never both.
    """
    with transaction.atomic():
        rows = _spend(at, most)
        if not rows:
            return 0
        _write(rows, at)
        events.publish(DefaultsMade(len(rows), at))
    return len(rows)


def _spend(at: datetime, most: int) -> list[tuple[Any, ...]]:
    """Compare and set, as one statement: the silent services that are due are spent, and told."""
    locked = "FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    moment = bulk.raw_instant(at)
    table = Service._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET outcome = %s, outcome_at = %s WHERE outcome = %s AND id IN "
            f"(SELECT id FROM {table} WHERE outcome = 'none' AND default_due_at <= %s "
            f"ORDER BY default_due_at LIMIT %s {locked}) RETURNING {', '.join(_READ)}",
            [Outcome.DEFAULT, moment, Outcome.NONE, moment, most],
        )
        found = cursor.fetchall()
    return [(bulk.identifier(row[0]), *row[1:-1], bulk.instant(row[-1])) for row in found]


def _write(rows: list[tuple[Any, ...]], at: datetime) -> None:
    label = DefaultOutcome._meta.label_lower
    key = home().key("journal")
    levels: dict[tuple[str, Any], int] = {}
    records: list[tuple[UUID, UUID, int, str, datetime]] = []
    leaves: list[bytes] = []
    drafts: list[Draft] = []
    for service, area, organization, case_no, service_no, rule, due_at in rows:
        level = levels.get((area, due_at))
        if level is None:
            # The rule in force when the silence ended, not when the job ran.
            rules = law.at(area, due_at.astimezone(law.BEIJING).date())
            level = levels[(area, due_at)] = int(rules.value("default_level").value)
        identifier = ids.uuid7(at)
        records.append((identifier, service, level, rule, due_at))
        leaves.append(identifier.bytes + journal.digest(label, (service, level, rule, due_at), key))
        drafts.append(Draft("default", service, area, organization, case_no, service_no, due_at, level))
    bulk.insert(DefaultOutcome, _COLUMNS, records)
    messages_enqueue(drafts, at=at)
    journal.write(
        "defaults.made", at=at, actor=SYSTEM.name, leaves=b"".join(leaves), count=len(rows), clause="minan/3.4.4"
    )
