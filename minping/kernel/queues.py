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

MOST_PLACES = 200  # of one statement; a wider scope is asked for as a whole
BUNDLE = 200  # SELECTs side by side
_ORGANIZATION, _WINDOW = "\x01organization", "\x01window"  # stand for themselves in no database
_COLUMN = {_ORGANIZATION: "u.organization", _WINDOW: "u.code"}
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
Place = tuple[str, str]  # organisation, and the window where only one is meant
_templates: dict[tuple[str, bool], Statement] = {}


def _compiled(queue: Queue, scope: Scope) -> Statement:
    rows = queue.rows(scope).order_by().annotate(q_sort=F(queue.field), q_id=F("pk")).values_list("q_sort", "q_id")
    sql, params = rows.query.sql_with_params()
    return sql, list(params)


def _groups(queue: Queue) -> Iterator[tuple[Statement, list[Place]]]:
    """A statement for one place, and the places to ask it of.  Compiling is dear: each is made once a process."""
    scope = queue.scope
    if len(scope.organizations) + len(scope.windows) > MOST_PLACES:
        yield _compiled(queue, scope), [("", "")]
        return
    marked = Scope((_ORGANIZATION,), ()), Scope((), ((_ORGANIZATION, _WINDOW),))
    for one, places in zip(marked, ([(code, "") for code in scope.organizations], list(scope.windows)), strict=True):
        if places:
            kind = (queue.name, one is marked[1])
            if kind not in _templates:
                _templates[kind] = _compiled(queue, one)
            yield _templates[kind], places


def _correlated(statement: Statement) -> Statement:
    """A statement for one place, as one for each row of `u`."""
    sql, params = statement
    asked = [_COLUMN.get(value, "%s") if isinstance(value, str) else "%s" for value in params]
    told = "".join(text + name for text, name in zip(sql.split("%s"), [*asked, ""], strict=True))
    return told, [value for value, name in zip(params, asked, strict=True) if name == "%s"]


def _rows(places: Sequence[Place]) -> Statement:
    """The places as the rows of `u`."""
    rows = " UNION ALL ".join(["SELECT %s AS organization, %s AS code"] * len(places))
    return f"({rows}) AS u", [code for place in places for code in place]


def _parts(queue: Queue, one: Callable[[Statement], Statement], columns: str) -> Iterator[Statement]:
    """`one` of each place's own lines: planned once for all places where the database knows LATERAL, else for each."""
    for statement, places in _groups(queue):
        if connection.vendor == "postgresql":
            source, values = _rows(places)
            sql, params = one(_correlated(statement))
            yield f"SELECT {columns} FROM {source} CROSS JOIN LATERAL ({sql}) AS part", [*values, *params]
            continue
        for organization, window in places:
            here = {_ORGANIZATION: organization, _WINDOW: window}
            sql, params = one((statement[0], [here.get(v, v) if isinstance(v, str) else v for v in statement[1]]))
            yield f"SELECT {columns} FROM ({sql}) AS part", params


def _union(parts: Sequence[Statement]) -> Statement:
    """All of them in one statement; SQLite takes 500 side by side, so many are put together in bundles."""
    if len(parts) > BUNDLE:
        bundles = [_union(parts[start : start + BUNDLE]) for start in range(0, len(parts), BUNDLE)]
        return _union([(f"SELECT * FROM ({sql}) AS bundle", params) for sql, params in bundles])
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
    kinds: list[tuple[str, list[Any], str]] = []  # which lines, and in which order
    if after is None or after.sort is not None:
        where, more = "TRUE" if whole else "q_sort IS NOT NULL", list[Any]()
        if until is not None:
            where, more = f"{where} AND q_sort <= %s", [bulk.raw_instant(until)]
        if after is not None and after.sort is not None:
            start = bulk.raw_instant(after.sort)
            where += f" AND q_sort {beyond}= %s AND (q_sort {beyond} %s OR q_id > %s)"
            more += [start, start, bulk.raw_id(after.id)]
        kinds.append((where, more, f"q_sort {way}, q_id"))
    if until is None and not newest and not whole:
        where, more = "q_sort IS NULL", list[Any]()
        if after is not None and after.sort is None:
            where, more = f"{where} AND q_id > %s", [bulk.raw_id(after.id)]
        kinds.append((where, more, "q_id"))
    for number, queue in enumerate(queues):
        for where, more, order in kinds:

            def lines(of: Statement, where: str = where, more: list[Any] = more, order: str = order) -> Statement:
                sql = f"SELECT q_sort, q_id FROM ({of[0]}) AS t WHERE {where} ORDER BY {order} LIMIT {most}"
                return sql, [*of[1], *more]

            parts += _parts(queue, lines, f"{number} AS q, part.q_sort, part.q_id")
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


def _counted(queue: Queue, cap: int, until: str | datetime) -> Iterator[Statement]:
    """(how many, how many of them by `until`) of each place, each up to `cap`.

    PostgreSQL's index has the lines without a running clock last, so that the first `cap` answer both; SQLite's has
    them first, so it counts twice.
    """
    if connection.vendor == "postgresql":

        def counted(of: Statement) -> Statement:
            first = f"SELECT q_sort FROM ({of[0]}) AS t ORDER BY q_sort LIMIT {cap}"
            both = "COUNT(*) AS n, COUNT(*) FILTER (WHERE q_sort <= %s) AS soon"
            return f"SELECT {both} FROM ({first}) AS c", [until, *of[1]]

        yield from _parts(queue, counted, "part.n, part.soon")
        return
    for statement, places in _groups(queue):
        (source, values), (sql, params) = _rows(places), _correlated(statement)
        one = f"(SELECT COUNT(*) FROM (SELECT 1 FROM ({sql}) AS t{{where}} LIMIT {cap}) AS c)"
        both = f"{one.format(where='')} AS n, {one.format(where=' WHERE q_sort <= %s')} AS soon"
        yield f"SELECT {both} FROM {source}", [*params, *params, until, *values]


def counts(queues: Sequence[Queue], *, cap: int, until: datetime) -> list[tuple[int, int]]:
    """Of each queue how many wait, and how many of them are due by `until`: each up to `cap`, all in one query."""
    parts = [
        (f"SELECT {number} AS q, n, soon FROM ({sql}) AS of_place", params)
        for number, queue in enumerate(queues)
        for sql, params in _counted(queue, cap, bulk.raw_instant(until))
    ]
    if not parts:
        return [(0, 0)] * len(queues)
    sql, params = _union(parts)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT q, SUM(n), SUM(soon) FROM ({sql}) AS counted GROUP BY q", params)
        found = {number: (min(int(n), cap), min(int(soon), cap)) for number, n, soon in cursor.fetchall()}
    return [found.get(number, (0, 0)) for number in range(len(queues))]


def days(queues: Sequence[Queue], *, since: datetime, until: datetime) -> list[tuple[datetime, int]]:
    """How many of the queues' lines stand at each instant later than `since` and up to `until`, in one query."""

    def counted(of: Statement) -> Statement:
        sql = f"SELECT q_sort, COUNT(*) AS n FROM ({of[0]}) AS t WHERE q_sort > %s AND q_sort <= %s GROUP BY q_sort"
        return sql, [*of[1], bulk.raw_instant(since), bulk.raw_instant(until)]

    parts = [part for queue in queues for part in _parts(queue, counted, "part.q_sort, part.n")]
    if not parts:
        return []
    sql, params = _union(parts)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT q_sort, SUM(n) FROM ({sql}) AS lines GROUP BY q_sort ORDER BY q_sort", params)
        return [(bulk.instant(sort), int(count)) for sort, count in cursor.fetchall()]
