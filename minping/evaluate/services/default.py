"""Silence for the days of the rule becomes a default, a record of its own kind (minan/3.4.4, R2).

Set-based: a batch is one transaction with a handful of statements, whatever its size.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
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
LANES = 2  # batches at once on PostgreSQL: one is written while the other is made

_COLUMNS = ("id", "service", "level", "rule", "made_at")
_READ = (
    "id", "area_code", "organization_code", "case_no", "service_no", "default_rule", "default_due_at",
)  # fmt: skip


def defaults_round(*, at: datetime) -> bool:
    """One batch, or where the database lets writers work side by side as many as it may; True where more may be due."""
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        return defaults_make(at=at) == BATCH

    def lane(_: int) -> int:
        try:
            return defaults_make(at=at)
        finally:
            connection.close()

    first = defaults_make(at=at)
    if first < BATCH:  # the rule: little is due at once
        return False
    with ThreadPoolExecutor(LANES) as pool:
        return BATCH in list(pool.map(lane, range(LANES)))


def defaults_make(*, at: datetime, most: int = BATCH) -> int:
    """Make the defaults that are due at `at`, at most `most`; returns how many.

    The fact's time is the end of the silence, whenever the job comes round.  A person
    who rates in the same moment wins or loses by the row lock, never both.
    """
    with bulk.undisturbed(), transaction.atomic():
        rows = _spend(at, most)
        if not rows:
            return 0
        events.publish(_write(rows, at))
    return len(rows)


_ADDRESS = {
    "postgresql": ("ctid", "= ANY(ARRAY", "FOR UPDATE SKIP LOCKED"),
    "sqlite": ("rowid", "IN ", ""),
}  # vendor: address of a row, among, lock
# After a flood of services the statistics are old: without this each batch would read and sort all that is due.
_IN_ORDER = "SET LOCAL enable_bitmapscan = off; SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off"


def _spend(at: datetime, most: int) -> list[tuple[Any, ...]]:
    """Compare and set, as one statement: the silent services that are due are spent, and told."""
    # The row's own address spares ten thousand look-ups by key; it holds for the length of the statement.
    row, among, locked = _ADDRESS[connection.vendor]
    moment = bulk.raw_instant(at)
    table = Service._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_IN_ORDER)
        cursor.execute(
            f"UPDATE {table} SET outcome = %s, outcome_at = %s WHERE outcome = %s AND {row} {among}"
            f"(SELECT {row} FROM {table} WHERE outcome = 'none' AND origin = '' AND default_due_at <= %s "
            f"ORDER BY default_due_at LIMIT %s {locked}{')' if '(' in among else ''}) RETURNING {', '.join(_READ)}",
            [Outcome.DEFAULT, moment, Outcome.NONE, moment, most],
        )
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _write(rows: list[tuple[Any, ...]], at: datetime) -> DefaultsMade:
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
    return DefaultsMade(len(rows), at, services, organizations, cases, numbers, due)


def _level(area: str, due_at: datetime) -> int:
    rules = law.at(area, due_at.astimezone(law.BEIJING).date())
    return int(rules.value("default_level").value)
