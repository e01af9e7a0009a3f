"""文字检索: the words of a case, kept in the one database beside the case and looked up by its own index.

Chinese has no spaces, so a text is cut into pairs of neighbouring characters (bigrams); what somebody looks for is
cut the same way and must be there whole.  Place, month and level are tokens too, so that every fixed condition is
answered by the index.  Tokens are hexadecimal, which no database's own idea of a word can cut differently.

The row is worked out afresh from the case, its rating and its orders in the transaction that changes them
(chain.py); the index behind it (FTS5, or a generated tsvector with GIN) is the database's own.  There is no second
store that could drift (failures.md D11).
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection

from minping import law
from minping.feedback.events import CaseAppealed, CaseAssigned, CaseChanged, CasesOpened
from minping.feedback.models import Case
from minping.kernel.clock import beijing
from minping.rectify.models import CaseText, Order
from minping.registry import queries as registry

WORD, ITEM, WINDOW = "g", "i", "v"  # anywhere in the case; in the item's name; in the window's name
MOST_PLACES = 200  # a wider scope is not asked of the index, but of each case that was found


def grams(text: str, kind: str = WORD) -> set[str]:
    """The pairs of neighbouring letters, digits and characters of each run of them; a run of one is itself."""
    found: set[str] = set()
    kept = "".join(c if c.isalnum() else " " for c in unicodedata.normalize("NFKC", text).lower())
    for run in kept.split():
        pairs = [run[n : n + 2] for n in range(len(run) - 1)] or [run]
        found.update(kind + "".join(f"{ord(c):05x}" for c in pair) for pair in pairs)
    return found


@lru_cache(maxsize=4096)
def place_token(organization_code: str, window_code: str = "") -> str:
    """An organisation, or one window of it, as a token."""
    name = f"{organization_code}\x1f{window_code}".encode()
    return "o" + hashlib.blake2s(name, digest_size=8).hexdigest()


def month_token(day: date | datetime) -> str:
    return f"m{day:%Y%m}"


def level_token(level: int) -> str:
    return f"l{level}"


FIELDS = (
    "pk", "seat_code", "organization_code", "window_code", "window_name", "item_name", "level", "opened_at", "appeal",
    "rating__text", "rating__tags", "rating__rated_at",
)  # fmt: skip


def _words(case: Sequence[Any], orders: Iterable[Sequence[str]]) -> str:
    """All tokens of a case, given by `FIELDS`, and of its orders (organisation, measures)."""
    _, seat, organization, window, window_name, item, level, opened, appeal, text, tags, rated = case
    labels = []
    if rated is not None:  # a grievance without a rating has no words here: those of its tickets are sealed
        rules = law.at("000000", rated.astimezone(law.BEIJING).date())
        labels = [tag.label for code in tags if (tag := rules.tag(code))]
    found = {place_token(organization), place_token(organization, window), place_token(seat)}
    if level is not None:
        found.add(level_token(level))
    found.add(month_token(beijing(opened)))
    found |= grams(item, ITEM) | grams(window_name, WINDOW)
    for part in (item, window_name, text or "", appeal, *labels):
        found |= grams(part)
    for unit, measures in orders:
        found |= {place_token(unit)} | grams(measures)
    return " ".join(sorted(found))


def words_of(ids: Iterable[UUID]) -> dict[UUID, str]:
    """What the index must say of these cases: worked out from the records themselves, in two queries."""
    wanted = list(ids)
    orders = defaultdict(list)
    for case_id, unit, measures in Order.objects.filter(case__in=wanted).values_list(
        "case_id", "organization_code", "measures"
    ):
        orders[case_id].append((unit, measures))
    rows = Case.objects.filter(pk__in=wanted).values_list(*FIELDS)
    return {row[0]: _words(row, orders[row[0]]) for row in rows}


def words_set(ids: Sequence[UUID]) -> None:
    """Write what the index must say of these cases, in the caller's transaction."""
    if not ids:
        return
    CaseText.objects.bulk_create(
        [CaseText(case_id=case_id, words=words) for case_id, words in words_of(ids).items()],
        update_conflicts=True, unique_fields=["case"], update_fields=["words"],
    )  # fmt: skip


FILL = 500  # cases at a time


def words_fill() -> int:
    """Make the words of cases that have none: those from before there was an index.  Returns how many."""
    without = list(Case.objects.filter(text__isnull=True).order_by("opened_at").values_list("pk", flat=True)[:FILL])
    words_set(without)
    return len(without)


def on_cases_opened(event: CasesOpened) -> None:
    words_set([case.pk for case in event.cases])


def on_case_changed(event: CaseAssigned | CaseChanged | CaseAppealed) -> None:
    words_set([event.case.pk])


# --- asking ------------------------------------------------------------------------------------

Clause = frozenset[str]  # any of these tokens
Found = list[tuple[int, UUID]]  # place in the order, case
WALK = 2000  # rows of PostgreSQL's newest that are looked at one by one before its index is asked

SQLITE = (
    "SELECT t.id, t.case_id FROM (SELECT rowid AS place FROM rectify_casetext_index "
    "WHERE rectify_casetext_index MATCH %s AND rowid < %s ORDER BY rowid DESC LIMIT %s) AS f "
    "JOIN rectify_casetext AS t ON t.id = f.place ORDER BY t.id DESC"
)
POSTGRESQL = (
    "WITH newest AS MATERIALIZED (SELECT id, case_id FROM (SELECT id, case_id, tokens FROM rectify_casetext "
    "WHERE id < %(before)s ORDER BY id DESC LIMIT %(walk)s) AS walked WHERE tokens @@ %(question)s::tsquery "
    "ORDER BY id DESC LIMIT %(most)s), "
    "told AS MATERIALIZED (SELECT COUNT(*) >= %(most)s AS enough FROM newest), "
    "named AS MATERIALIZED (SELECT id, case_id FROM rectify_casetext WHERE tokens @@ %(question)s::tsquery "
    "AND id < %(before)s AND NOT (SELECT enough FROM told)) "
    "SELECT id, case_id FROM newest WHERE (SELECT enough FROM told) UNION ALL SELECT id, case_id FROM named "
    "ORDER BY id DESC LIMIT %(most)s"
)
OF_STATE = (  # the organisations are all there are: the index of queues begins with them
    "SELECT t.id, t.case_id FROM rectify_casetext AS t JOIN feedback_case AS c ON c.id = t.case_id "
    "WHERE c.organization_code = ANY(%s) AND c.state = %s AND t.tokens @@ %s::tsquery AND t.id < %s ORDER BY t.id DESC LIMIT %s"
)


def found(
    clauses: Sequence[Clause], *, most: int, after: int | None = None, state: str = "", newest: bool = True
) -> Found:
    """The newest `most` cases that have a token of every clause, newest first.

    FTS5 walks its lists from the newest on and stops.  GIN has no order: what is common would be fetched whole, and
    PostgreSQL guesses badly how common (neighbouring pairs go together).  So its newest rows are looked at first:
    what is common is found among them, and what is not is rare enough for the index.  `state` is that of few cases
    (an open one): PostgreSQL begins with these; FTS5 names them all, and the caller leaves out the others.  `newest`
    says whether the newest can be among them; of a month gone by they are not.
    """
    if not clauses:
        raise ValueError("nothing is asked for")
    before = after if after is not None else 2**62
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(SQLITE, [_match(clauses, " OR ", " AND "), before, most])
            return [(place, UUID(case_id)) for place, case_id in cursor.fetchall()]
        question = _match(clauses, " | ", " & ")
        if state:
            cursor.execute(OF_STATE, [list(registry.directory().places), state, question, before, most])
            return list(cursor.fetchall())
        cursor.execute(
            POSTGRESQL, {"before": before, "walk": WALK if newest else 0, "question": question, "most": most}
        )
        return list(cursor.fetchall())


def _match(clauses: Sequence[Clause], either: str, both: str) -> str:
    """A question in the database's own language.  Tokens are letters and digits of our making: nothing to escape."""
    return both.join("(" + either.join(sorted(clause)) + ")" for clause in clauses)
