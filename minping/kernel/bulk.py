"""Write sets, not loops: thousands of rows in one statement on either database.

`bulk_create` builds a model instance and a long VALUES list per batch; intake and
the default job write a million rows, so rows go to the driver as plain tuples
(`executemany` on SQLite, COPY on PostgreSQL).  The few rows of a group commit go by
prepared statements, and are found by statements that Django compiled once.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

from django.db import connection, models

Row = Sequence[Any]
Record = TypeVar("Record", bound=models.Model)
FEW = 64  # up to here a prepared INSERT costs fewer round trips than COPY


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
def _plan(model: type[models.Model], columns: tuple[str, ...], vendor: str, few: bool) -> tuple[str, tuple[Any, ...]]:
    fields: list[Any] = [model._meta.get_field(name) for name in columns]
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    names = ", ".join(quote(f.column) for f in fields)
    if vendor == "sqlite" or few:
        sql = f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(fields))})"
        convert = _sqlite_value if vendor == "sqlite" else _postgres_value
        return sql, tuple(convert(_value_field(f)) for f in fields)
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
    few = len(data) <= FEW
    sql, converters = _plan(model, columns, vendor, few)
    special = [(index, convert) for index, convert in enumerate(converters) if convert is not None]
    with _prepared() as cursor:
        if vendor == "sqlite" or few:
            cursor.executemany(sql, _converted(data, special))
        else:
            with cursor.copy(sql) as copy:
                for row in _converted(data, special):
                    copy.write_row(row)
    return len(data)


@contextmanager
def _prepared() -> Iterator[Any]:
    """A cursor whose statements the server prepares: on PostgreSQL psycopg's own, on Django's connection."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            yield cursor
        return
    import psycopg

    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as raw:
        yield raw


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


@lru_cache(maxsize=256)
def _compiled(model: type[models.Model], column: str, count: int, vendor: str) -> tuple[str, list[str], Any, Any]:
    """Django's own statement for `count` values: built once, since building costs more than running."""
    marks = [number.to_bytes(2, "big") for number in range(count)]
    rows = model._default_manager.filter(**{f"{column}__in": marks}).order_by("pk").select_for_update()
    compiler = rows.query.get_compiler(connection=connection)
    sql, _ = compiler.as_sql()
    chosen = [expression for expression, _, _ in compiler.select]
    return sql, [expression.target.attname for expression in chosen], compiler, compiler.get_converters(chosen)


def locked(model: type[Record], column: str, values: Collection[bytes]) -> list[Record]:
    """The rows whose binary `column` is among `values`, locked, in the order of their keys.

    In one order, so that two workers that hold the same rows cannot block each other.
    """
    if not values:
        return []
    sql, names, compiler, converters = _compiled(model, column, len(values), connection.vendor)
    with _prepared() as cursor:
        cursor.execute(sql, tuple(values))
        found: Iterable[Any] = cursor.fetchall()
    if converters:
        found = compiler.apply_converters(found, converters)
    return [model.from_db(connection.alias, names, row) for row in found]


def update(model: type[models.Model], keys: Sequence[Any], changes: Mapping[str, Any], **where: Any) -> int:
    """Set `changes` on the rows with these `keys` that still say `where` (compare and set); returns how many."""
    plan = _sqlite_value if connection.vendor == "sqlite" else _postgres_value
    quote = connection.ops.quote_name

    def said(name: str, value: Any) -> tuple[str, Any]:
        field: Any = model._meta.pk if name == "pk" else model._meta.get_field(name)
        convert = plan(_value_field(field))
        return quote(field.column), convert(value) if convert else value

    sets = [said(name, value) for name, value in changes.items()]
    tests = [said(name, value) for name, value in where.items()]
    column = said("pk", None)[0]
    sql = (
        f"UPDATE {quote(model._meta.db_table)} SET {', '.join(f'{name} = %s' for name, _ in sets)}"
        f" WHERE {''.join(f'{name} = %s AND ' for name, _ in tests)}{column} IN ({', '.join(['%s'] * len(keys))})"
    )
    with _prepared() as cursor:
        cursor.execute(sql, [value for _, value in (*sets, *tests)] + [said("pk", key)[1] for key in keys])
        changed: int = cursor.rowcount
    return changed
