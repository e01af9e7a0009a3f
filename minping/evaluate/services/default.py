"""Silence for the days of the rule becomes a default, a record of its own kind (minan/3.4.4, R2).

Set-based: a batch is one transaction with a handful of statements, whatever its size.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection, transaction

from minping import law
from minping.evaluate.events import DefaultsMade
from minping.evaluate.models import DefaultOutcome, Service
from minping.evaluate.states import Outcome
from minping.kernel import bulk, events, ids, journal
from minping.kernel.access import SYSTEM
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
    # The row's own address spares ten thousand look-ups by key; it holds for the length of the statement.
    row, locked = ("ctid", "FOR UPDATE SKIP LOCKED") if connection.vendor == "postgresql" else ("rowid", "")
    moment = bulk.raw_instant(at)
    table = Service._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET outcome = %s, outcome_at = %s WHERE outcome = %s AND {row} IN "
            f"(SELECT {row} FROM {table} WHERE outcome = 'none' AND default_due_at <= %s "
            f"ORDER BY default_due_at LIMIT %s {locked}) RETURNING {', '.join(_READ)}",
            [Outcome.DEFAULT, moment, Outcome.NONE, moment, most],
        )
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _write(rows: list[tuple[Any, ...]], at: datetime) -> None:
    """The defaults with their messages and their leaves, by columns: a million of them in a minute."""
    services, areas, organizations, cases, numbers, rules, told = zip(*rows, strict=True)
    if connection.vendor != "sqlite":
        services = tuple([service.hex for service in services])
    ends = {moment: bulk.instant(moment) for moment in set(told)}
    due = [ends[moment] for moment in told]
    # The rule in force when the silence ended, not when the job ran.
    known = {pair: _level(*pair) for pair in set(zip(areas, due, strict=True))}
    levels = [known[pair] for pair in zip(areas, due, strict=True)]
    made = ids.uuid7_many(len(rows), at)
    bulk.insert_columns(DefaultOutcome, _COLUMNS, (made, services, levels, rules, due))
    messages_enqueue(
        map(Draft, ["default"] * len(rows), services, areas, organizations, cases, numbers, due, levels), at=at
    )
    leaves = journal.leaves_of(DefaultOutcome._meta.label_lower, made, (services, levels, rules, due))
    journal.write("defaults.made", at=at, actor=SYSTEM.name, leaves=leaves, count=len(rows), clause="minan/3.4.4")


def _level(area: str, due_at: datetime) -> int:
    rules = law.at(area, due_at.astimezone(law.BEIJING).date())
    return int(rules.value("default_level").value)
