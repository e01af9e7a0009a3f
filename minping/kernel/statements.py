"""Statements of the rating path: built once by Django, prepared by the server, for the few rows of a group commit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

from django.db import connection, models

Record = TypeVar("Record", bound=models.Model)


@contextmanager
def prepared() -> Iterator[Any]:
    """A cursor whose statements the server prepares: on PostgreSQL psycopg's own, on Django's connection.

    Errors are Django's either way: a double key is an IntegrityError.
    """
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            yield cursor
        return
    import psycopg

    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as raw:
        yield raw


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
    with prepared() as cursor:
        cursor.execute(sql, tuple(values))
        found: Iterable[Any] = cursor.fetchall()
    if converters:
        found = compiler.apply_converters(found, converters)
    return [model.from_db(connection.alias, names, row) for row in found]


def update(model: type[models.Model], keys: Sequence[Any], changes: Mapping[str, Any], **where: Any) -> int:
    """Set `changes` on the rows with these `keys` that still say `where` (compare and set); returns how many."""
    quote = connection.ops.quote_name

    def said(name: str, value: Any) -> tuple[str, Any]:
        field: Any = model._meta.pk if name == "pk" else model._meta.get_field(name)
        return quote(field.column), field.get_db_prep_save(value, connection)

    sets = [said(name, value) for name, value in changes.items()]
    tests = [said(name, value) for name, value in where.items()]
    marked = [said("pk", key) for key in keys]
    sql = (
        f"UPDATE {quote(model._meta.db_table)} SET {', '.join(f'{name} = %s' for name, _ in sets)}"
        f" WHERE {''.join(f'{name} = %s AND ' for name, _ in tests)}"
        f"{marked[0][0]} IN ({', '.join(['%s'] * len(marked))})"
    )
    with prepared() as cursor:
        cursor.execute(sql, [value for _, value in (*sets, *tests, *marked)])
        changed: int = cursor.rowcount
    return changed
