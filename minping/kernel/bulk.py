"""Write sets, not loops: thousands of rows in one statement on either database.

`bulk_create` builds a model instance and a long VALUES list per batch; intake and
the default job write a million rows, so rows go to the driver as plain tuples
(`executemany` on SQLite, COPY on PostgreSQL).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.db import connection, models

Row = Sequence[Any]


def _sqlite_value(field: models.Field[Any, Any]) -> Callable[[Any], Any] | None:
    if isinstance(field, models.UUIDField):
        return lambda v: None if v is None else v.hex
    if isinstance(field, models.DateTimeField):
        return lambda v: None if v is None else _text(v)
    if isinstance(field, models.JSONField):
        return lambda v: json.dumps(v, ensure_ascii=False)
    return None


def _text(moment: datetime) -> str:
    """As Django itself writes an instant on SQLite: texts are compared, so the form must be the same."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ")


def _postgres_value(field: models.Field[Any, Any]) -> Callable[[Any], Any] | None:
    if isinstance(field, models.JSONField):
        return lambda v: json.dumps(v, ensure_ascii=False)
    return None


@lru_cache(maxsize=64)
def _plan(model: type[models.Model], columns: tuple[str, ...], vendor: str) -> tuple[str, tuple[Any, ...]]:
    fields: list[Any] = [model._meta.get_field(name) for name in columns]
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    names = ", ".join(quote(f.column) for f in fields)
    if vendor == "sqlite":
        sql = f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(fields))})"
        return sql, tuple(_sqlite_value(_value_field(f)) for f in fields)
    sql = f"COPY {table} ({names}) FROM STDIN"
    return sql, tuple(_postgres_value(_value_field(f)) for f in fields)


def _value_field(field: Any) -> models.Field[Any, Any]:
    """The field that says how a value is written: a foreign key writes as what it points to."""
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return field  # type: ignore[no-any-return]


def insert(model: type[models.Model], columns: tuple[str, ...], rows: Iterable[Row]) -> int:
    """Insert `rows` (tuples in the order of `columns`, values as a model would hold them).

    Returns the number written.  Raises IntegrityError as the database does; the
    caller's transaction then holds nothing of it.
    """
    data = list(rows)
    if not data:
        return 0
    vendor = connection.vendor
    sql, converters = _plan(model, columns, vendor)
    special = [(index, convert) for index, convert in enumerate(converters) if convert is not None]
    with connection.cursor() as cursor:
        if vendor == "sqlite":
            cursor.executemany(sql, _converted(data, special))  # type: ignore[arg-type]
        else:
            # COPY ends outside Django's cursor: without this a double key would not be an IntegrityError.
            with connection.wrap_database_errors, cursor.copy(sql) as copy:
                for row in _converted(data, special):
                    copy.write_row(row)
    return len(data)


def _converted(rows: list[Row], special: list[tuple[int, Callable[[Any], Any]]]) -> Iterable[Row]:
    for row in rows:
        if not special:
            yield row
            continue
        values = list(row)
        for index, convert in special:
            values[index] = convert(values[index])
        yield values


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
