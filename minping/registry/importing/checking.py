"""Each row against its sheet's declaration: everything that is wrong, each time with what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from minping.registry.importing.reading import BadRow, Book, Row
from minping.registry.importing.sheets import BY_NAME, SHEETS, Column, Key, Sheet
from minping.registry.models import Package


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of the database, in the words of a file."""

    pk: Any
    live: bool
    values: dict[str, Any]


Snapshot = dict[str, dict[Key, Stored]]


def stored() -> Snapshot:
    """The whole registry as it is, in a fixed number of queries."""
    links: dict[str, list[str]] = {}
    for package, item in Package.items.through.objects.order_by("item_id").values_list("package_id", "item_id"):
        links.setdefault(package, []).append(item)
    found: Snapshot = {}
    for sheet in SHEETS:
        single = [column for column in sheet.columns if not column.many]
        names = [column.lookup or column.name for column in single]
        rows = found[sheet.name] = {}
        for pk, retired_at, *data in sheet.model._default_manager.order_by("pk").values_list(
            "pk", "retired_at", *names
        ):
            values = {column.name: value or "" for column, value in zip(single, data, strict=True)}
            if sheet.name == "packages":
                values["items"] = tuple(links.get(pk, ()))
            rows[sheet.key_of(values)] = Stored(pk, retired_at is None, values)
    return found


@dataclass
class Checked:
    """The good rows of a file by sheet and key, all keys it names, the derived paths, and the bad rows."""

    good: dict[str, dict[Key, Row]] = field(default_factory=dict)
    named: dict[str, set[Key]] = field(default_factory=dict)
    bad: list[BadRow] = field(default_factory=list)


def check(book: Book, known: Snapshot, stays: Callable[[Sheet, Key], bool]) -> Checked:
    """Judge every row of `book` by itself and against the others and the database.

    `stays` says of a stored row that this import will not retire it though the file lacks it.
    """
    checked = Checked(bad=list(book.bad))
    spoiled = {(bad.sheet, bad.row) for bad in book.bad}
    for sheet in SHEETS:
        if sheet.name in book.rows:
            _keys(sheet, book.rows[sheet.name], checked)
    for sheet in SHEETS:
        if sheet.name not in book.rows:
            continue
        good = checked.good[sheet.name] = {}
        first: dict[Key, int] = {}
        for row in book.rows[sheet.name]:
            wrong = [*_columns(sheet, row, checked, known, book, stays)]
            key = sheet.key_of(row.values)
            if all(key) and first.setdefault(key, row.number) != row.number:
                heading = sheet.column(sheet.key[-1]).heading
                wrong.append((
                    heading,
                    f"{heading}“{sheet.label(key)}”与第 {first[key]} 行重复。同一代码只能有一行，请改正或删去一行。",
                ))  # fmt: skip
            checked.bad.extend(BadRow(sheet.title, row.number, heading, reason) for heading, reason in wrong)
            if not wrong and (sheet.title, row.number) not in spoiled:
                good[key] = row
    for name in ("areas", "organizations"):
        if name in book.rows:
            _circles(BY_NAME[name], checked)
    _paths(checked, known)
    order = {sheet.title: place for place, sheet in enumerate(SHEETS)}
    checked.bad.sort(key=lambda bad: (order.get(bad.sheet, -1), bad.sheet, bad.row))
    return checked


def _keys(sheet: Sheet, rows: Iterable[Row], checked: Checked) -> None:
    checked.named[sheet.name] = {key for row in rows if all(key := sheet.key_of(row.values))}


def _columns(
    sheet: Sheet, row: Row, checked: Checked, known: Snapshot, book: Book, stays: Callable[[Sheet, Key], bool]
) -> Iterable[tuple[str, str]]:
    for column in sheet.in_file:
        value = row.values[column.name]
        if not value:
            if column.required:
                yield column.heading, f"“{column.heading}”没有填。请补上。"
            continue
        parts = value if isinstance(value, tuple) else (value,)
        for part in parts:
            wrong = _form(column, part)
            if wrong is None and column.refers:
                wrong = _reference(column, part, row.values, checked, known, book, stays)
            if wrong is not None:
                yield column.heading, wrong


def _form(column: Column, value: str) -> str | None:
    if column.choices:
        if value in column.choices:
            return None
        return f"“{column.heading}”没有“{value}”这一种。应为：{'、'.join(column.choices.values())}。"
    if len(value) > column.longest:
        return f"“{column.heading}”有 {len(value)} 个字，最多 {column.longest} 个。请缩短。"
    if not re.fullmatch(column.pattern, value):
        return f"“{column.heading}”{column.shape}，现在是“{value}”（{len(value)} 位）。请核对。"
    mistake = column.wrong(value) if column.wrong else None
    return f"“{column.heading}”{mistake}，现在是“{value}”。请核对，没有可以留空。" if mistake else None


def _reference(
    column: Column,
    value: str,
    row: Mapping[str, Any],
    checked: Checked,
    known: Snapshot,
    book: Book,
    stays: Callable[[Sheet, Key], bool],
) -> str | None:
    """The row it points to must be there after the import: in the file's sheet, else live in the database."""
    target = BY_NAME[column.refers]
    key = (str(row[column.within]), value) if column.within else (value,)
    if target.name in book.broken or not all(key):
        return None  # said already where it is wrong
    whose = f"机构“{key[0]}”" if column.within else ""
    in_database = known[target.name].get(key)
    live = in_database is not None and in_database.live
    if target.name in book.rows:
        if key in checked.named[target.name] or (live and stays(target, key)):
            return None
        hint = "它不在本文件里，导入后会停用；" if live else ""
        return (
            f"“{column.heading}”：{whose}没有{target.title}“{value}”。{hint}请在“{target.title}”表里补上，或改正代码。"
        )
    if in_database is None:
        return f"“{column.heading}”：{whose}没有{target.title}“{value}”。请先导入它，或改正代码。"
    if not live:
        return (
            f"“{column.heading}”：{whose}{target.title}“{value}”已停用。请改用别的，或连同“{target.title}”表一起导入。"
        )
    return None


def _circles(sheet: Sheet, checked: Checked) -> None:
    """Rows whose parents lead back to themselves are bad, each with the circle."""
    good = checked.good[sheet.name]
    parents = {key[0]: str(row.values["parent"]) for key, row in good.items()}
    settled: dict[str, bool] = {"": True}
    for start in parents:
        trail: dict[str, None] = {}
        code = start
        while code in parents and code not in settled and code not in trail:
            trail[code] = None
            code = parents[code]
        sound = settled.get(code, code not in trail)
        circle = list(trail)[list(trail).index(code) :] if code in trail else []
        for step in trail:
            settled[step] = sound
        for step in circle:
            row = good[(step,)]
            heading = sheet.column("parent").heading
            around = " → ".join([*circle[circle.index(step) :], *circle[: circle.index(step)], step])
            reason = f"{heading}绕成了圈：{around}。请改正其中一行的{heading}。"
            checked.bad.append(BadRow(sheet.title, row.number, heading, reason))
    rounded = [key for key in good if not settled.get(key[0], True)]
    for key in rounded:
        del good[key]


def _paths(checked: Checked, known: Snapshot) -> None:
    """Write each organisation's path, codes from the top, into its row: `/minan/minan-center/`."""
    good = checked.good.get("organizations", {})
    parents = {key[0]: str(row.values["parent"]) for key, row in good.items()}
    paths: dict[str, str] = {}
    for key, row in list(good.items()):
        trail: list[str] = []
        code = key[0]
        while code and code not in paths and code in parents:
            trail.append(code)
            code = parents[code]
        above = paths.get(code)
        if above is None and code:  # the parent's own row is bad: keep to what is known of it
            before = known["organizations"].get((code,))
            above = str(before.values["path"]) if before else f"/{code}/"
        for step in reversed(trail):
            above = paths[step] = f"{above or '/'}{step}/"
        row.values["path"] = paths[key[0]]
        if len(paths[key[0]]) > 300:
            reason = f"上下级太多，各级代码连起来有 {len(paths[key[0]])} 位，最多 300 位。请缩短代码或减少层级。"
            checked.bad.append(BadRow("机构", row.number, "上级机构", reason))
            del good[key]
