"""The first lines of queues and how many wait in them, by work that does not grow with what waits.

An index on (organisation, state, sort, id) holds the lines of *one* organisation in their
order; of several together it holds no order, and a database asked for them with IN reads
and sorts all of them.  So each organisation (or window) of a scope is asked for its own
first lines, all in one statement, and only those few are merged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
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
    """Rows of a model that wait, as a queryset within a scope; `name` is its own among all queues.

    `groups` are the fields by which `standing` tells them apart.
    """

    name: str
    rows: Callable[[Scope], QuerySet[Any]]
    scope: Scope
    field: str = "due_at"
    newest_first: bool = False
    groups: tuple[str, ...] = ()


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
Asked = tuple[int, list[Any], list[Place]]  # number of a queue, the values its statement is asked with, where
_templates: dict[tuple[str, bool], Statement] = {}


def _compiled(queue: Queue, scope: Scope) -> Statement:
    told = {"q_sort": F(queue.field), "q_id": F("pk")} | {f"q_{n}": F(field) for n, field in enumerate(queue.groups)}
    rows = queue.rows(scope).order_by().annotate(**told).values_list(*told)
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


def _correlated(statement: Statement, other: Mapping[int, str] = MappingProxyType({})) -> Statement:
    """A statement for one place, as one for each row of `u`; `other` names the column for values that are not its place."""
    sql, params = statement
    asked = [other.get(n) or (_COLUMN.get(v, "%s") if isinstance(v, str) else "%s") for n, v in enumerate(params)]
    told = "".join(text + name for text, name in zip(sql.split("%s"), [*asked, ""], strict=True))
    return told, [value for value, name in zip(params, asked, strict=True) if name == "%s"]


def _rows(places: Sequence[Place]) -> Statement:
    """The places as the rows of `u`."""
    rows = " UNION ALL ".join(["SELECT %s AS organization, %s AS code"] * len(places))
    return f"({rows}) AS u", [code for place in places for code in place]


def _lateral(sql: str, asked: Sequence[Asked], one: Callable[[Statement], Statement], columns: str) -> Statement:
    """`one` of the lines of every queue that asks the same, of every place: planned once for all of them."""
    differ = [n for n, values in enumerate(zip(*(params for _, params, _ in asked), strict=True)) if len({*values}) > 1]
    rows = [(number, *place, *(params[n] for n in differ)) for number, params, places in asked for place in places]
    told, params = one(_correlated((sql, asked[0][1]), {n: f"u.p{n}" for n in differ}))
    arrays = ", ".join(["%s::int[]", *["%s::text[]"] * (2 + len(differ))])
    names = ", ".join(["q", "organization", "code", *(f"p{n}" for n in differ)])
    return (
        f"SELECT u.q, {columns} FROM unnest({arrays}) AS u({names}) CROSS JOIN LATERAL ({told}) AS part",
        [*map(list, zip(*rows, strict=True)), *params],
    )


def _parts(queues: Sequence[Queue], one: Callable[[Statement], Statement], columns: str) -> Iterator[Statement]:
    """`one` of the lines of each queue and place, behind the number of its queue.

    Views differ in little but the state they ask for: where the database knows LATERAL, those of one shape are one part.
    """
    if connection.vendor == "postgresql":
        shapes: dict[tuple[Any, ...], list[Asked]] = defaultdict(list)
        for number, queue in enumerate(queues):
            for (sql, params), places in _groups(queue):
                shapes[sql, *(value for value in params if not isinstance(value, str))].append((number, params, places))
        for (sql, *_), asked in shapes.items():
            yield _lateral(sql, asked, one, columns)
        return
    for number, queue in enumerate(queues):
        for statement, places in _groups(queue):
            for organization, window in places:
                here = {_ORGANIZATION: organization, _WINDOW: window}
                told, values = one((statement[0], [here.get(v, v) if isinstance(v, str) else v for v in statement[1]]))
                yield f"SELECT {number} AS q, {columns} FROM ({told}) AS part", values


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
    for where, more, order in kinds:

        def lines(of: Statement, where: str = where, more: list[Any] = more, order: str = order) -> Statement:
            sql = f"SELECT q_sort, q_id FROM ({of[0]}) AS t WHERE {where} ORDER BY {order} LIMIT {most}"
            return sql, [*of[1], *more]

        parts += _parts(queues, lines, "part.q_sort, part.q_id")
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


def _counted(queues: Sequence[Queue], cap: int, until: str | datetime) -> Iterator[Statement]:
    """(queue, how many, how many of them by `until`) of each place, each up to `cap`.

    PostgreSQL's index has the lines without a running clock last, so that the first `cap` answer both; SQLite's has
    them first, so it counts twice.
    """
    if connection.vendor == "postgresql":

        def counted(of: Statement) -> Statement:
            first = f"SELECT q_sort FROM ({of[0]}) AS t ORDER BY q_sort LIMIT {cap}"
            both = "COUNT(*) AS n, COUNT(*) FILTER (WHERE q_sort <= %s) AS soon"
            return f"SELECT {both} FROM ({first}) AS c", [until, *of[1]]

        yield from _parts(queues, counted, "part.n, part.soon")
        return
    for number, queue in enumerate(queues):
        for statement, places in _groups(queue):
            (source, values), (sql, params) = _rows(places), _correlated(statement)
            one = f"(SELECT COUNT(*) FROM (SELECT 1 FROM ({sql}) AS t{{where}} LIMIT {cap}) AS c)"
            both = f"{one.format(where='')} AS n, {one.format(where=' WHERE q_sort <= %s')} AS soon"
            yield f"SELECT {number} AS q, {both} FROM {source}", [*params, *params, until, *values]


def counts(queues: Sequence[Queue], *, cap: int, until: datetime) -> list[tuple[int, int]]:
    """Of each queue how many wait, and how many of them are due by `until`: each up to `cap`, all in one query."""
    parts = list(_counted(queues, cap, bulk.raw_instant(until)))
    if not parts:
        return [(0, 0)] * len(queues)
    sql, params = _union(parts)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT q, SUM(n), SUM(soon) FROM ({sql}) AS counted GROUP BY q", params)
        found = {number: (min(int(n), cap), min(int(soon), cap)) for number, n, soon in cursor.fetchall()}
    return [found.get(number, (0, 0)) for number in range(len(queues))]


def standing(queues: Sequence[Queue], *, now: datetime) -> list[tuple[str, tuple[str, ...], int, int, datetime | None]]:
    """Of each queue and each value of its `groups`: how many lines, how many over their time, since when the longest.

    All in one query.  (queue, groups, how many, how many over, the earliest due time that is over); the queues
    have as many groups as each other.
    """
    until = bulk.raw_instant(now)
    groups = [f"q_{n}" for n in range(len(queues[0].groups))] if queues else []

    def counted(of: Statement) -> Statement:
        over = "CASE WHEN q_sort <= %s THEN q_sort END"
        figures = f"COUNT(*) AS n, COUNT({over}) AS late, MIN({over}) AS oldest"
        return f"SELECT {', '.join(groups)}, {figures} FROM ({of[0]}) AS t GROUP BY {', '.join(groups)}", [
            until, until, *of[1],
        ]  # fmt: skip

    parts = list(_parts(queues, counted, ", ".join(f"part.{name}" for name in (*groups, "n", "late", "oldest"))))
    if not parts:
        return []
    with connection.cursor() as cursor:
        cursor.execute(*_union(parts))
        return [
            (
                queues[row[0]].name,
                tuple(row[1:-3]),
                row[-3],
                row[-2],
                None if row[-1] is None else bulk.instant(row[-1]),
            )
            for row in cursor.fetchall()
        ]


def days(queues: Sequence[Queue], *, since: datetime, until: datetime) -> list[tuple[datetime, int]]:
    """How many of the queues' lines stand at each instant later than `since` and up to `until`, in one query."""

    def counted(of: Statement) -> Statement:
        sql = f"SELECT q_sort, COUNT(*) AS n FROM ({of[0]}) AS t WHERE q_sort > %s AND q_sort <= %s GROUP BY q_sort"
        return sql, [*of[1], bulk.raw_instant(since), bulk.raw_instant(until)]

    parts = list(_parts(queues, counted, "part.q_sort, part.n"))
    if not parts:
        return []
    sql, params = _union(parts)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT q_sort, SUM(n) FROM ({sql}) AS lines GROUP BY q_sort ORDER BY q_sort", params)
        return [(bulk.instant(sort), int(count)) for sort, count in cursor.fetchall()]
