"""What one file says about another must hold: permissions of roles, conflicts, who is reminded, ids in code maps, rulings."""

from __future__ import annotations

from collections.abc import Iterator

from minping.law import model, schema
from minping.law.book import Book, Version
from minping.law.errors import LawError, broken


def crosscheck(book: Book) -> list[LawError]:
    """Every reference from one file to another that leads nowhere."""
    return [*_permissions(book), *_reminders(book), *_code_maps(book), *_rulings(book)]


def _ids(book: Book, name: str) -> set[str]:
    spec = schema.LISTS[name]
    found = book.items.get(("lists", name), {})
    return {str(getattr(row, spec.key)) for group in found.values() for v in group for row in v.payload}


def _rows(book: Book, name: str) -> Iterator[tuple[Version, int, object]]:
    for group in book.items.get(("lists", name), {}).values():
        for version in group:
            for index, row in enumerate(version.payload):
                yield version, index, row


def _permissions(book: Book) -> Iterator[LawError]:
    known, conflicts = _ids(book, "permissions"), _ids(book, "conflicts")
    checks = (
        ("roles", "may", known, "permissions.yaml"),
        ("permissions", "implies", known, "permissions.yaml"),
        ("never", "conflicts", conflicts, "conflicts.yaml"),
    )
    for name, field, allowed, file in checks:
        for version, index, row in _rows(book, name):
            for missing in sorted(getattr(row, field) - allowed):
                key = f"{version.place}.rows[{index}].{field}"
                yield _nowhere(version, key, missing, file)
    for version, index, row in _rows(book, "never"):
        if getattr(row, "id", "") not in known:
            key = f"{version.place}.rows[{index}].id"
            yield _nowhere(version, key, getattr(row, "id", ""), "permissions.yaml")


def _reminders(book: Book) -> Iterator[LawError]:
    """Only roles that there are; and a list that says less than another would leave a clock without anybody to tell."""
    roles, steps = _ids(book, "roles"), _ids(book, "reminders")
    for version, index, row in _rows(book, "reminders"):
        for occasion in model.OCCASIONS:
            for missing in (one for one in getattr(row, occasion) if one not in roles):
                yield _nowhere(version, f"{version.place}.rows[{index}].{occasion}", missing, "roles.yaml")
    for group in book.items.get(("lists", "reminders"), {}).values():
        for version in group:
            if lost := steps - {row.id for row in version.payload}:
                wrong = f"没有写这些步骤提醒谁：{'、'.join(sorted(lost))}"
                yield broken("LAW_REMINDERS", version.file, f"{version.place}.rows", wrong, "请把每一步都写上")


def _code_maps(book: Book) -> Iterator[LawError]:
    for key, version in book.versions():
        if key[0] == "codes":
            known = _ids(book, version.payload.kind)
            for missing in sorted(set(version.payload.codes) - known):
                place = f"{version.place}.rows.{missing}"
                yield _nowhere(version, place, missing, f"{version.payload.kind}.yaml")


def _rulings(book: Book) -> Iterator[LawError]:
    for version, index, row in _rows(book, "rulings"):
        if getattr(row, "id", "") not in book.clauses:
            key = f"{version.place}.rows[{index}].id"
            yield _nowhere(version, key, getattr(row, "id", ""), "clauses.yaml")


def _nowhere(version: Version, key: str, missing: str, file: str) -> LawError:
    cure = f"请核对写法，或先在 {file} 里登记"
    return broken("LAW_REFERENCE", version.file, key, f"“{missing}”在 {file} 里没有", cure)
