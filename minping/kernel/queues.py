"""The first lines of queues and how many wait in them, by work that does not grow with what waits.

An index on (organisation, state, sort, id) holds the lines of *one* organisation in their
order; of several together it holds no order, and a database asked for them with IN reads
and sorts all of them.  So each organisation (or window) of a scope is asked for its own
first lines, all in one statement, and only those few are merged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F, QuerySet

from minping.kernel import bulk
from minping.kernel.errors import NotFound
from minping.kernel.work import Scope

MOST_PARTS = 200  # of one statement; a wider scope is asked for as a whole (SQLite joins 500 SELECTs at most)
_ORGANIZATION, _WINDOW = "\x01organization", "\x01window"  # stand for themselves in no database
_NONE = "none"


@dataclass(frozen=True)
class Queue:
    """Rows of a model that wait, as a queryset within a scope; `name` is its own among all queues."""

    name: str
    rows: Callable[[Scope], QuerySet[Any]]
    scope: Scope
    field: str = "due_at"
    newest_first: bool = False


@dataclass(frozen=True)
class Key:
    """Where a line stands: its queue, what it is sorted by (None: no clock runs, last), its record."""

    queue: str
    sort: datetime | None
    id: UUID

    def __str__(self) -> str:
        return f"{self.sort.isoformat() if self.sort else _NONE}~{self.id.hex}"


def key_of(text: str) -> Key:
    """The key as an address carries it.  Raises NotFound."""
    sort, _, identifier = text.partition("~")
    try:
        return Key("", None if sort == _NONE else datetime.fromisoformat(sort), UUID(identifier))
    except ValueError as failure:
        raise NotFound("没有这一页。", cure="请从第一页看起。") from failure


Statement = tuple[str, list[Any]]
_templates: dict[tuple[str, bool], Statement] = {}


def _compiled(queue: Queue, scope: Scope) -> Statement:
    rows = queue.rows(scope).order_by().annotate(q_sort=F(queue.field), q_id=F("pk")).values_list("q_sort", "q_id")
    sql, params = rows.query.sql_with_params()
    return sql, list(params)


def _parts(queue: Queue) -> Iterator[Statement]:
    """One statement for each organisation and window of the scope, made from a template: compiling is dear."""
    scope = queue.scope
    parts = [(code, "") for code in scope.organizations] + list(scope.windows)
    if len(parts) > MOST_PARTS:
        yield _compiled(queue, scope)
        return
    for organization, window in parts:
        kind = (queue.name, bool(window))
        if kind not in _templates:
            marked = Scope((), ((_ORGANIZATION, _WINDOW),)) if window else Scope((_ORGANIZATION,), ())
            _templates[kind] = _compiled(queue, marked)
        sql, params = _templates[kind]
        here = {_ORGANIZATION: organization, _WINDOW: window}
        yield sql, [here.get(value, value) if isinstance(value, str) else value for value in params]


def _union(parts: Sequence[Statement]) -> Statement:
    return " UNION ALL ".join(sql for sql, _ in parts), [value for _, params in parts for value in params]


def first(queues: Sequence[Queue], *, most: int, after: Key | None = None, until: datetime | None = None) -> list[Key]:
    """The first `most` lines of the queues together (all sorted the same way), in one query.

    `after` begins behind a line, `until` keeps those due up to then.
    """
    parts: list[Statement] = []
    newest = any(queue.newest_first for queue in queues)
    way, beyond = ("DESC", "<") if newest else ("ASC", ">")
    # Lines without a running clock come last: PostgreSQL's index has them there, SQLite's has them first.
    whole = connection.vendor == "postgresql" and after is None and until is None and not newest
    for number, queue in enumerate(queues):
        for sql, params in _parts(queue):
            head = f"SELECT * FROM (SELECT {number} AS q, q_sort, q_id FROM ({sql}) AS t WHERE "
            if after is None or after.sort is not None:
                where, values = "TRUE" if whole else "q_sort IS NOT NULL", list(params)
                if until is not None:
                    where, values = f"{where} AND q_sort <= %s", [*values, bulk.raw_instant(until)]
                if after is not None and after.sort is not None:
                    start = bulk.raw_instant(after.sort)
                    where += f" AND q_sort {beyond}= %s AND (q_sort {beyond} %s OR q_id > %s)"
                    values += [start, start, bulk.raw_id(after.id)]
                parts.append((f"{head}{where} ORDER BY q_sort {way}, q_id LIMIT {most}) AS part", values))
            if until is None and not newest and not whole:
                where, values = "q_sort IS NULL", list(params)
                if after is not None and after.sort is None:
                    where, values = f"{where} AND q_id > %s", [*values, bulk.raw_id(after.id)]
                parts.append((f"{head}{where} ORDER BY q_id LIMIT {most}) AS part", values))
    if not parts:
        return []
    sql, params = _union(parts)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT q, q_sort, q_id FROM ({sql}) AS lines "
            f"ORDER BY CASE WHEN q_sort IS NULL THEN 1 ELSE 0 END, q_sort {way}, q_id LIMIT {most}",
            params,
        )
        found = cursor.fetchall()
    return [
        Key(queues[number].name, None if sort is None else bulk.instant(sort), bulk.identifier(identifier))
        for number, sort, identifier in found
    ]


def counts(queues: Sequence[Queue], *, cap: int, until: datetime) -> list[tuple[int, int]]:
    """Of each queue how many wait, and how many of them are due by `until`: each up to `cap`, all in one query."""
    numbers: list[Statement] = []
    for queue in queues:
        parts = list(_parts(queue))
        for where, more in (("", []), (" WHERE q_sort <= %s", [bulk.raw_instant(until)])):
            limited = [
                (f"SELECT * FROM (SELECT 1 AS one FROM ({sql}) AS t{where} LIMIT {cap}) AS part", [*params, *more])
                for sql, params in parts
            ]
            sql, params = _union(limited or [("SELECT 1 AS one WHERE 1 = 0", [])])
            numbers.append((f"(SELECT COUNT(*) FROM (SELECT one FROM ({sql}) AS u LIMIT {cap}) AS c)", params))
    if not numbers:
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(sql for sql, _ in numbers)}", [v for _, params in numbers for v in params])
        found = cursor.fetchone() or ()
    return list(zip(found[::2], found[1::2], strict=True))


def days(queues: Sequence[Queue], *, since: datetime, until: datetime) -> list[tuple[datetime, int]]:
    """How many of the queues' lines stand at each instant later than `since` and up to `until`, in one query."""
    parts: list[Statement] = []
    for queue in queues:
        for sql, params in _parts(queue):
            parts.append(
                (
                    f"SELECT * FROM (SELECT q_sort, COUNT(*) AS n FROM ({sql}) AS t WHERE q_sort > %s AND q_sort <= %s "
                    "GROUP BY q_sort) AS part",
                    [*params, bulk.raw_instant(since), bulk.raw_instant(until)],
                )
            )
    if not parts:
        return []
    sql, params = _union(parts)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT q_sort, SUM(n) FROM ({sql}) AS lines GROUP BY q_sort ORDER BY q_sort", params)
        return [(bulk.instant(sort), int(count)) for sort, count in cursor.fetchall()]
