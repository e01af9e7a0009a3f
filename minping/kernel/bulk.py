"""Write sets, not loops: thousands of rows in one statement on either database.

`bulk_create` builds a model instance and a long VALUES list per batch; intake and
the default job write a million rows, so rows go to the driver as plain tuples
(`executemany` on SQLite, COPY on PostgreSQL), their values turned over column by column.
The few rows of a group commit go by prepared statements (kernel/statements.py).
"""

from __future__ import annotations

import gc
import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.db import connection, models

from minping.kernel.statements import prepared

Row = Sequence[Any]
Column = Sequence[Any]
FEW = 64  # up to here a prepared INSERT costs fewer round trips than COPY
CHUNK = 2000  # rows of a COPY handed over at once: the server reads them while the next ones are written
_SPECIAL = re.compile(r"[\\\t\n\r]")
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold the cycle collector off while a set is worked: its rows hold no cycles, and each new ten thousand
    of them would have it walk everything there is (a quarter of the time of an intake)."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _text(moment: datetime) -> str:
    """As Django itself writes an instant on SQLite: texts are compared, so the form must be the same."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(" ")[:-6]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


_SQLITE: tuple[tuple[type[Any], Callable[[Any], Any]], ...] = (
    (models.UUIDField, lambda v: v if type(v) is str else v.hex),
    (models.DateTimeField, _text),
    (models.JSONField, _json),
)
_POSTGRES: tuple[tuple[type[Any], Callable[[Any], Any]], ...] = ((models.JSONField, _json),)


def _column(convert: Callable[[Any], Any] | None, values: Column) -> Column:
    if convert is None:
        return values
    return [None if v is None else convert(v) for v in values]


def _copy_text(values: Column) -> Column:
    if not _SPECIAL.search("".join(values)):  # hardly ever: one look at the whole column, not one a value
        return values
    return [v.translate(_ESCAPES) for v in values]


# How a value of each type stands in a COPY (text format), a whole column at once.
_COPY: dict[type[Any], Callable[[Column], Column]] = {
    str: _copy_text,
    int: lambda values: list(map(str, values)),
    float: lambda values: list(map(repr, values)),
    bool: lambda values: ["t" if v else "f" for v in values],
    bytes: lambda values: ["\\\\x" + v.hex() for v in values],
    uuid.UUID: lambda values: [v.hex for v in values],
    datetime: lambda values: list(map(str, values)),
}


def _copy_column(jsonb: bool, values: Column) -> Column:
    if jsonb:
        return _copy_text([_json(v) for v in values])
    kinds = set(map(type, values))
    if len(kinds) == 1 and (form := _COPY.get(next(iter(kinds)))):
        return form(values)
    # Some are null, or of a type derived from one of those above (such as a StrEnum).
    return ["\\N" if v is None else _COPY[_kind(v)]([v])[0] for v in values]


def _kind(value: Any) -> type[Any]:
    return next(known for known in type(value).__mro__ if known in _COPY)


@lru_cache(maxsize=64)
def _plan(model: type[models.Model], columns: tuple[str, ...], copied: bool) -> tuple[str, tuple[Any, ...]]:
    fields: list[Any] = [model._meta.get_field(name) for name in columns]
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    names = ", ".join(quote(f.column) for f in fields)
    written = [_value_field(f) for f in fields]
    if not copied:
        sql = f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(fields))})"
        forms = _SQLITE if connection.vendor == "sqlite" else _POSTGRES
        return sql, tuple(next((c for kind, c in forms if isinstance(f, kind)), None) for f in written)
    return f"COPY {table} ({names}) FROM STDIN", tuple(isinstance(f, models.JSONField) for f in written)


def _value_field(field: Any) -> models.Field[Any, Any]:
    """The field that says how a value is written: a foreign key writes as what it points to."""
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return field  # type: ignore[no-any-return]


def insert(model: type[models.Model], columns: tuple[str, ...], rows: Iterable[Row]) -> int:
    """Insert `rows` (tuples in the order of `columns`, values as a model would hold them, a UUID also as 32 digits).

    Returns the number written.  Raises IntegrityError as the database does; the
    caller's transaction then holds nothing of it.
    """
    data = list(rows)
    if data:
        insert_columns(model, columns, list(zip(*data, strict=True)))
    return len(data)


def insert_columns(model: type[models.Model], columns: tuple[str, ...], values: Sequence[Column]) -> None:
    """The same by columns: values of one type are turned over in one go, which is what makes a set fast."""
    copied = connection.vendor == "postgresql" and len(values[0]) > FEW
    sql, forms = _plan(model, columns, copied)
    with prepared() as cursor:
        if not copied:
            turned = [_column(form, column) for form, column in zip(forms, values, strict=True)]
            cursor.executemany(sql, zip(*turned, strict=True))
            return
        with cursor.copy(sql) as copy:
            for start in range(0, len(values[0]), CHUNK):
                parts = [column[start : start + CHUNK] for column in values]
                turned = [_copy_column(form, part) for form, part in zip(forms, parts, strict=True)]
                copy.write(("\n".join(map("\t".join, zip(*turned, strict=True))) + "\n").encode())


def instant(value: Any) -> datetime:
    """An instant as either driver returns it from a raw query, made aware (UTC)."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    moment: datetime = value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def identifier(value: Any) -> uuid.UUID:
    """A UUID as either driver returns it from a raw query."""
    return value if isinstance(value, uuid.UUID) else uuid.UUID(value)


def raw_instant(moment: datetime) -> Any:
    """An instant as the driver wants it in a raw statement."""
    if connection.vendor == "sqlite":
        return _text(moment)
    return moment


def raw_id(value: uuid.UUID) -> Any:
    """A UUID as the driver wants it in a raw statement."""
    return value.hex if connection.vendor == "sqlite" else value


def raw_list(values: Sequence[str]) -> Any:
    """Many texts as one value of a raw statement: `json_each(%s)` on SQLite, `ANY(%s)` on PostgreSQL."""
    return json.dumps(values) if connection.vendor == "sqlite" else list(values)
