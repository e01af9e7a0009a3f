"""本人评价: what the rated see of themselves, so that nobody is found by it (minan/5.2, failures.md D14, R13).

Counts by level of whole months that are over, and of those only where there are at least `own_least` ratings: no
figure moves from one day to the next.  Nor does one table less the other leave fewer.  What was revoked is shown as
annulled and is in no count.  Defaults are no ratings and are not here (R2).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import TruncMonth

from minping import law
from minping.evaluate.models import Rating
from minping.evaluate.states import Outcome, RatingKind
from minping.feedback.models import Case
from minping.feedback.services import case_get
from minping.feedback.states import CaseState
from minping.kernel import clock, ids, journal
from minping.kernel.access import Actor
from minping.kernel.clock import BEIJING, beijing
from minping.kernel.errors import Invalid, NotFound
from minping.registry import queries as registry
from minping.supervise.models import Inquiry, Statement
from minping.supervise.states import InquiryState, Kind
from minping.supervise.view import is_revoked

MONTHS = 12
MOST = 50
LONGEST = 2000


def places_of(by: Actor, permission: str = "own.read") -> list[tuple[str, str]]:
    """(organisation, window) at which `by` holds the permission in person."""
    codes = {place.path: place.code for place in registry.directory().places.values()}
    grants = by.scopes(permission)
    return sorted({(codes[g.path], g.window_code) for g in grants if g.window_code and g.path in codes})


def _mine(by: Actor, prefix: str = "") -> dict[str, Q]:
    """The two kinds of own: of the person, and of the window."""
    window, person = Q(pk=None), Q(pk=None)
    for organization, code in places_of(by):
        window |= Q(**{f"{prefix}organization_code": organization, f"{prefix}window_code": code})
        if by.staff_code:
            person |= Q(**{f"{prefix}organization_code": organization, f"{prefix}staff_code": by.staff_code})
    return {"本人": person, "本窗口": window}


def months(by: Actor, at: datetime) -> list[dict[str, Any]]:
    """For person and window the last months that are over: n, and the levels where n is large enough."""
    now = beijing(at)
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    since = first.replace(year=first.year - 1)
    least = law.at("000000", now.date()).value("own_least").number
    own_word = Rating.objects.filter(service=OuterRef("service"), kind=RatingKind.FIRST)
    rows = Rating.objects.filter(
        Q(kind=RatingKind.FIRST) | Q(kind=RatingKind.PACKAGE) & ~Exists(own_word),
        pk__gte=ids.uuid7_floor(since), rated_at__gte=since, rated_at__lt=first,
    )  # fmt: skip
    person, window = _mine(by, "service__").values()
    apart = _few(rows.filter(window & ~person), least) | _few(rows.filter(person & ~window), least)
    return [_table("本人", rows.filter(person), least, apart), _table("本窗口", rows.filter(window), least)]


def _few(rows: QuerySet[Rating], least: int) -> set[Any]:
    """The months in which what the two tables do not share is so little that subtracting them would find somebody."""
    months = rows.exclude(service__outcome=Outcome.INVALID).annotate(month=TruncMonth("rated_at", tzinfo=BEIJING))
    counted = months.order_by().values_list("month").annotate(n=Count("pk"))
    return {month for month, n in counted if n < least}


def _table(label: str, rows: QuerySet[Rating], least: int, apart: Collection[Any] = ()) -> dict[str, Any]:
    counted: dict[Any, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    annulled: dict[Any, int] = defaultdict(int)
    grouped = rows.annotate(month=TruncMonth("rated_at", tzinfo=BEIJING)).order_by()
    for month, level, outcome, n in grouped.values_list("month", "level", "service__outcome").annotate(n=Count("pk")):
        if outcome == Outcome.INVALID:
            annulled[month] += n
        else:
            counted[month][level] += n
    told = []
    for month in sorted({*counted, *annulled}, reverse=True):
        n = sum(counted[month].values())
        shown = n >= least and month not in apart
        why = f"少于 {least} 件，不显示" if n < least else f"与本窗口相减后少于 {least} 件，不显示"
        told.append(
            {
                "month": f"{month:%Y年}{month.month}月",
                "n": n if shown else "",
                "levels": [counted[month][int(level)] for level in LEVELS] if shown else [],
                "few": "" if shown else why,
                "annulled": annulled[month] if shown else "",
            }
        )
    return {"label": label, "rows": told}


LEVELS = sorted(law.InterfaceLevel, reverse=True)


def cases_of(by: Actor) -> list[dict[str, Any]]:
    """The own negatives that were confirmed, and those annulled; by month, with what was said to them."""
    wanted = Q()
    for one in _mine(by).values():
        wanted |= one
    found = list(
        Case.objects.rated().filter(wanted).filter(Q(confirmed_at__isnull=False) | Q(result="revoked"))
        .order_by("-opened_at")[:MOST]
    )  # fmt: skip
    said = statements_of([case.pk for case in found])
    return [
        {
            "id": case.pk,
            "number": case.number,
            "item_name": case.item_name,
            "month": f"{beijing(case.opened_at):%Y年}{beijing(case.opened_at).month}月",
            "level": case.level,
            "level_label": case.level_label,
            "annulled": is_revoked(case),
            "state_label": "已撤销，不计入" if is_revoked(case) else CaseState(case.state).label,
            "statements": said.get(case.pk, []),
        }
        for case in found
    ]


def inquiries_of(by: Actor) -> list[Inquiry]:
    """The 问责提醒 about the person or the window."""
    wanted = Q(pk=None)
    for organization, window in places_of(by):
        wanted |= Q(organization_code=organization, kind=Kind.WINDOW, key=window)
        if by.staff_code:
            wanted |= Q(organization_code=organization, kind=Kind.STAFF, key=by.staff_code)
    return list(Inquiry.objects.filter(wanted).exclude(state=InquiryState.LIFTED).order_by("-opened_at")[:MOST])


def statements_of(cases: Sequence[UUID]) -> dict[UUID, list[dict[str, str]]]:
    found: dict[UUID, list[dict[str, str]]] = defaultdict(list)
    for row in Statement.objects.filter(case__in=cases).order_by("at", "id"):
        found[row.case_id].append({"time_text": clock.moment_text(row.at), "text": row.text, "by": row.by})
    return found


def statement_add(*, case_id: UUID, text: str, by: Actor, at: datetime) -> Statement:
    """The rated person says what they have to say to a negative of their own.

    Raises NotFound where the case is not theirs, Invalid.
    """
    case = case_get(case_id)
    here = (case.organization_code, case.window_code)
    of_me = bool(case.staff_code) and case.staff_code == by.staff_code
    mine = places_of(by, "own.answer")
    if here not in mine and not (of_me and any(code == case.organization_code for code, _ in mine)):
        raise NotFound()
    if not text.strip():
        raise Invalid("请写下您的说明。", cure="", field="text")
    with transaction.atomic():
        record = Statement.objects.create(case=case, by=by.name, at=at, text=text.strip()[:LONGEST])
        journal.write(
            "statement.added", at=at, actor=by.name, organization_code=case.organization_code, subject=case.pk,
            records=[record], number=case.number,
        )  # fmt: skip
    return record
