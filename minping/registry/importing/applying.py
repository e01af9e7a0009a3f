"""The import itself: one transaction, a handful of statements, one journal row; retired, never deleted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, models, transaction

from minping.kernel import bulk, ids, journal
from minping.kernel.access import Actor
from minping.kernel.errors import Forbidden, Problem, Stale
from minping.registry import queries
from minping.registry.importing import planning
from minping.registry.importing.planning import Plan, Step
from minping.registry.importing.sheets import SHEETS, Key, Sheet
from minping.registry.models import Package

TOLD = 500  # rows that the journal names one by one; beyond it gives their number
LOCK = 0x6D70_7265  # PostgreSQL: one import at a time


class ImportRefused(Problem):
    code = "import_refused"
    status = 422
    message = "文件里有 {count} 处问题，一行也没有导入。第一处：{first}"
    cure = "请按列出的原因改好后重新导入。"


class RegistryMoved(Stale):
    code = "registry_moved"
    message = "您核对期间，登记簿被别人改过，这次没有导入。"
    cure = "请重新核对改动后再确认。"


def registry_import(plan: Plan, *, by: Actor, at: datetime) -> Plan:
    """Do what `plan` says, wholly or not at all, and write it down in the journal.

    A signed-in person must hold `registry.import` for the whole scope of the plan; the
    command line and the demonstration act for the owner of the machine.  The plan is
    made again inside the transaction: returns that plan.

    Raises ImportRefused (a row is bad), RegistryMoved (no longer what was looked at),
    Forbidden.
    """
    if by.account_id is not None:
        held = {grant.path for grant in by.scopes("registry.import") if not grant.window_code}
        if plan.scope is None or not plan.scope or not set(plan.scope) <= held:
            raise Forbidden()
    _refuse_bad(plan)
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        fresh = planning.plan(plan.book, plan.scope)
        _refuse_bad(fresh)
        if fresh.fingerprint != plan.fingerprint:
            raise RegistryMoved()
        _write(fresh, at)
        journal.write(
            "registry.imported", at=at, actor=by.name, source=plan.book.source, digest=plan.book.digest,
            counts={c.sheet: [c.added, c.changed, c.retired, c.same] for c in fresh.counts}, rows=_told(fresh),
        )  # fmt: skip
        transaction.on_commit(queries.forget)
    queries.forget()
    return fresh


def _refuse_bad(plan: Plan) -> None:
    if plan.bad:
        first = plan.bad[0]
        said = f"{first.sheet} 第 {first.row} 行，{first.reason}"
        raise ImportRefused(f"文件里有 {len(plan.bad)} 处问题，一行也没有导入。第一处：{said}")


def _told(plan: Plan) -> dict[str, Any]:
    """Which rows, by code: never their values, for a display name may be a person's."""
    told: dict[str, Any] = {
        "added": [[s.sheet.name, *s.key] for s in plan.add[:TOLD]],
        "changed": [[s.sheet.name, *s.key, [c.column for c in s.changes]] for s in plan.change[:TOLD]],
        "retired": [[s.sheet.name, *s.key] for s in plan.retire[:TOLD]],
    }
    return {verb: rows for verb, rows in told.items() if rows}


def _write(plan: Plan, at: datetime) -> None:
    windows = {key: was.pk for key, was in plan.known["windows"].items()}
    for sheet in SHEETS:
        added = [step for step in plan.add if step.sheet is sheet]
        changed = [step for step in (*plan.change, *plan.moved) if step.sheet is sheet]
        moved = {id(step) for step in plan.moved}
        retired = [step for step in plan.retire if step.sheet is sheet]
        names = [column.name for column in sheet.columns if not column.many]
        own_id = isinstance(sheet.model._meta.pk, models.UUIDField)
        rows = []
        for step in added:
            row = _row(sheet, step, names, windows)
            if own_id:
                identifier = ids.uuid7(at)
                row = [identifier, *row]
                if sheet.name == "windows":
                    windows[step.key] = identifier
            rows.append(row)
        bulk.insert(sheet.model, tuple(["id", *names] if own_id else names), rows)
        returning = [step for step in changed if id(step) not in moved]
        _update(sheet, names, [(step.pk, _row(sheet, step, names, windows)) for step in changed])
        _update(sheet, ["retired_at"], [(step.pk, [None]) for step in returning])
        _update(sheet, ["retired_at"], [(step.pk, [bulk.raw_instant(at)]) for step in retired])
    _links(plan)


def _row(sheet: Sheet, step: Step, names: Sequence[str], windows: dict[Key, Any]) -> list[Any]:
    """A step's values in the order of `names`, foreign keys as what they point to."""
    row: list[Any] = []
    for name in names:
        column = sheet.column(name)
        value = step.values[name]
        if column.refers and not value:
            row.append(None)
        elif column.refers == "windows":
            row.append(windows[(step.values["organization"], value)])
        else:
            row.append(value)
    return row


def _update(sheet: Sheet, names: Sequence[str], rows: Sequence[tuple[Any, list[Any]]]) -> None:
    """Set `names` of the rows with these keys: one prepared statement, whatever their number."""
    if not rows:
        return
    meta = sheet.model._meta
    quote = connection.ops.quote_name
    columns = [str(meta.get_field(name).column) for name in names]  # type: ignore[union-attr]
    assert meta.pk is not None
    settings = ", ".join(f"{quote(column)} = %s" for column in columns)
    sql = f"UPDATE {quote(meta.db_table)} SET {settings} WHERE {quote(str(meta.pk.column))} = %s"
    uuid = isinstance(meta.pk, models.UUIDField)
    windowed = [sheet.column(name).refers == "windows" if name != "retired_at" else False for name in names]
    data = [
        [
            *(bulk.raw_id(v) if w and v is not None else v for v, w in zip(values, windowed, strict=True)),
            bulk.raw_id(pk) if uuid else pk,
        ]
        for pk, values in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(sql, data)


def _links(plan: Plan) -> None:
    """Which items a package holds is a field of the package: set it to what the file says."""
    through = Package.items.through
    old: set[tuple[str, str]] = set()
    new: set[tuple[str, str]] = set()
    for step in (*plan.add, *plan.change):
        if step.sheet.name == "packages":
            was = plan.known["packages"].get(step.key)
            old.update((step.key[0], item) for item in (was.values["items"] if was else ()))
            new.update((step.key[0], item) for item in step.values["items"])
    bulk.insert(through, ("package", "item"), sorted(new - old))
    gone = sorted(old - new)
    if gone:
        quote = connection.ops.quote_name
        sql = f"DELETE FROM {quote(through._meta.db_table)} WHERE package_id = %s AND item_id = %s"
        with connection.cursor() as cursor:
            cursor.executemany(sql, gone)
