"""The dry run: what a file would add, change and retire, field by field, and what keeps it from being imported."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from minping.registry.importing.checking import Checked, Snapshot, check, stored
from minping.registry.importing.reading import BadRow, Book, Row
from minping.registry.importing.sheets import SHEETS, Column, Key, Sheet

Scope = tuple[str, ...] | None


@dataclass(frozen=True)
class Change:
    """One field's old and new value, in the words of a person."""

    column: str
    heading: str
    old: str
    new: str


@dataclass(frozen=True)
class Step:
    """The fate of one row.  `values` is what will stand; `changes` says what differs from before."""

    sheet: Sheet
    key: Key
    name: str
    values: dict[str, Any]
    row: int = 0
    pk: Any = None
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Count:
    sheet: str
    added: int
    changed: int
    retired: int
    same: int


@dataclass(frozen=True)
class Plan:
    """What an import would do.  Nothing is written before `registry_import(plan)`, and nothing if any row is bad.

    `scope` limits it to organisations below these paths (None: all); `moved` are retired
    organisations whose path follows their parent's.
    """

    book: Book
    scope: Scope = None
    add: tuple[Step, ...] = ()
    change: tuple[Step, ...] = ()
    retire: tuple[Step, ...] = ()
    same: dict[str, int] = field(default_factory=dict)
    moved: tuple[Step, ...] = ()
    bad: tuple[BadRow, ...] = ()
    known: Snapshot = field(default_factory=dict, repr=False)

    @property
    def empty(self) -> bool:
        return not (self.add or self.change or self.retire or self.moved)

    @property
    def counts(self) -> tuple[Count, ...]:
        """One line per sheet of the file."""

        def of(steps: tuple[Step, ...], sheet: Sheet) -> int:
            return sum(step.sheet is sheet for step in steps)

        return tuple(
            Count(
                s.title, of(self.add, s), of(self.change, s), of(self.retire, s), self.same.get(s.name, 0)
            )
            for s in SHEETS
            if s.name in self.book.rows
        )  # fmt: skip

    def summary(self) -> str:
        """The dry run for a terminal: one line per sheet, then every change, field by field."""
        lines = [f"{c.sheet}：新增 {c.added}，更改 {c.changed}，停用 {c.retired}，不变 {c.same}" for c in self.counts]
        for step in self.change:
            fields = "；".join(f"{c.heading} “{c.old}” → “{c.new}”" for c in step.changes)
            lines.append(f"  更改 {step.sheet.title} {step.sheet.label(step.key)}：{fields}")
        lines += [f"  停用 {step.sheet.title} {step.sheet.label(step.key)} {step.name}" for step in self.retire]
        return "\n".join(lines)

    @property
    def fingerprint(self) -> str:
        """What was looked at: a plan made again over a registry that others changed has another one."""
        fates = [
            [verb, step.sheet.name, step.key, step.values, [(c.column, c.old, c.new) for c in step.changes]]
            for verb in ("add", "change", "retire", "moved")
            for step in getattr(self, verb)
        ]
        said = json.dumps([fates, self.scope, len(self.bad)], ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()


def plan(book: Book, scope: Scope = None) -> Plan:
    """Compare `book` with the registry.  Reads only, in a fixed number of queries.

    Only sheets that the file has are compared: what stands in such a sheet of the
    database and not in the file is to be retired.  With `scope` (paths), rows of other
    organisations are neither retired nor accepted, and what is common to all stays.
    """
    known = stored()
    shared = scope is None or _whole(known, scope)

    def stays(sheet: Sheet, key: Key) -> bool:
        if not sheet.by_organization:
            return not shared
        was = known["organizations"].get((key[0],))
        return was is not None and not _within(str(was.values["path"]), scope)

    checked = check(book, known, stays)
    bad = list(checked.bad)
    if scope is not None:
        bad += list(_outside(checked, known, scope))
    add: list[Step] = []
    change: list[Step] = []
    retire: list[Step] = []
    same: dict[str, int] = {}
    for sheet in SHEETS:
        if sheet.name not in book.rows or sheet.name in book.broken:
            continue
        before = known[sheet.name]
        for key, row in checked.good[sheet.name].items():
            step = _step(sheet, key, row, known)
            if step.pk is None:
                add.append(step)
            elif step.changes:
                change.append(step)
            else:
                same[sheet.name] = same.get(sheet.name, 0) + 1
        for key, was in before.items():
            if was.live and key not in checked.named[sheet.name] and not stays(sheet, key):
                retire.append(Step(sheet, key, str(was.values.get("name", "")), was.values, pk=was.pk))
    return Plan(
        book, scope, tuple(add), tuple(change), tuple(retire), same, tuple(_moved(checked, known)), tuple(bad), known
    )


def _step(sheet: Sheet, key: Key, row: Row, known: Snapshot) -> Step:
    was = known[sheet.name].get(key)
    name = str(row.values.get("name", ""))
    if was is None:
        return Step(sheet, key, name, dict(row.values), row.number)
    changes = [
        Change(c.name, c.heading, _shown(c, was.values[c.name]), _shown(c, row.values[c.name]))
        for c in sheet.columns
        if _plain(was.values[c.name]) != _plain(row.values[c.name])
    ]
    if not was.live:
        changes.append(Change("retired_at", "状态", "停用", "启用"))
    return Step(sheet, key, name, dict(row.values), row.number, was.pk, tuple(changes))


def _plain(value: Any) -> Any:
    return tuple(sorted(value)) if isinstance(value, tuple) else value


def _shown(column: Column, value: Any) -> str:
    return "、".join(value) if isinstance(value, tuple) else column.shown(str(value))


def _path(sheet: Sheet, key: Key, checked: Checked, known: Snapshot) -> str:
    """The path of the organisation a row belongs to, as it will be; empty where there is none."""
    row = checked.good.get("organizations", {}).get((key[0],))
    if row is not None:
        return str(row.values["path"])
    was = known["organizations"].get((key[0],))
    return str(was.values["path"]) if was else ""


def _within(path: str, scope: Scope) -> bool:
    return scope is None or any(path.startswith(top) for top in scope)


def _whole(known: Snapshot, scope: tuple[str, ...]) -> bool:
    return all(_within(str(was.values["path"]), scope) for was in known["organizations"].values() if was.live)


def _outside(checked: Checked, known: Snapshot, scope: tuple[str, ...]) -> Iterable[BadRow]:
    """Rows that only someone with a wider scope may import."""
    shared = _whole(known, scope)
    for sheet in SHEETS:
        for key, row in checked.good.get(sheet.name, {}).items():
            step = _step(sheet, key, row, known)
            heading = sheet.column(sheet.key[0]).heading
            if not sheet.by_organization:
                if step.changes and not shared:
                    reason = f"{sheet.title}由各单位共用，您不能更改“{step.name}”。请删去这一行，或由总管理员导入。"
                    yield BadRow(sheet.title, row.number, heading, reason)
                continue
            was = known[sheet.name].get(key)
            old = str(was.values["path"]) if was and sheet.name == "organizations" else ""
            new = _path(sheet, key, checked, known)  # empty: its organisation's own row is bad and is named there
            if (new and not _within(new, scope)) or (old and not _within(old, scope)):
                reason = f"机构“{key[0]}”不在您的管理范围内。请删去这一行，或由上级管理员导入。"
                yield BadRow(sheet.title, row.number, heading, reason)


def _moved(checked: Checked, known: Snapshot) -> Iterable[Step]:
    """Retired organisations stay below their parents when those move, so that scopes keep holding them."""
    moves = {
        str(was.values["path"]): str(row.values["path"])
        for key, row in checked.good.get("organizations", {}).items()
        if (was := known["organizations"].get(key)) and was.values["path"] != row.values["path"]
    }
    if not moves:
        return
    for key, was in known["organizations"].items():
        if key in checked.named["organizations"]:
            continue
        path = str(was.values["path"])
        above = max((top for top in moves if path.startswith(top)), key=len, default=None)
        if above is not None:
            values = {**was.values, "path": moves[above] + path[len(above) :]}
            sheet = next(s for s in SHEETS if s.name == "organizations")
            yield Step(sheet, key, str(was.values["name"]), values, pk=was.pk)
