"""Duties of reminding: make, gather, show (minan/5.2).

A clock that will be over soon reminds the role that must act; one that is over, the role
above it, again each working day.  Where nobody holds the role its deputy is told.  Only in
working hours, gathered, and nothing but the number and a link.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max, Min
from django.urls import reverse

from minping import law
from minping.feedback.models import Case
from minping.feedback.states import CaseState
from minping.kernel import work
from minping.kernel.access import Actor
from minping.kernel.clock import beijing
from minping.kernel.models import Assignment
from minping.rectify.models import Notice, Order
from minping.rectify.states import OrderState
from minping.registry import queries as registry

Kind = Notice.Kind
# Who is told of which clock: the role, then its deputies.
TOLD: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("verify", Kind.SOON): ("reviewer", "head"),
    ("verify", Kind.LATE): ("head", "reviewer"),
    ("rectify", Kind.SOON): ("unit", "head"),
    ("rectify", Kind.LATE): ("head", "reviewer"),
    ("extend", Kind.SOON): ("unit", "head"),
    ("extend", Kind.LATE): ("head", "reviewer"),
}
VERIFYING = (CaseState.VERIFYING, CaseState.APPEALED, CaseState.MALICIOUS, CaseState.PROPOSED)
RECTIFYING = (OrderState.ASSIGNED, OrderState.EXTENDING, OrderState.COMPLEX)
MOST = 500


def in_hours(area_code: str, at: datetime) -> bool:
    """Whether anybody may be reminded now: a working day, within the hours of the law file."""
    now = beijing(at)
    rules = law.at(area_code, now.date())
    first, last = rules.value("notice_from").number, rules.value("notice_until").number
    return law.calendar().is_working_day(now.date()) and first <= now.hour < last


def running(at: datetime, until: datetime) -> Iterable[tuple[Case, Any]]:
    """The cases with a clock that is over by `until`, and the record that carries it."""
    cases = Case.objects.filter(state__in=VERIFYING, due_at__lte=until).order_by("due_at")[:MOST]
    orders = Order.objects.select_related("case").filter(state__in=RECTIFYING, due_at__lte=until).order_by("due_at")
    yield from ((case, case) for case in cases)
    yield from ((order.case, order) for order in orders[:MOST])


def people(organization_code: str, roles: Iterable[str]) -> list[str]:
    """The accounts of the first of the roles that somebody active holds for this organisation."""
    codes = [code for code in registry.place(organization_code).path.split("/") if code]
    for role in roles:
        held = Assignment.objects.filter(role=role, organization_code__in=codes, account__is_active=True)
        found = sorted(set(held.values_list("account__username", flat=True)))
        if found:
            return found
    return []


def notices_make(*, at: datetime) -> int:
    """Make what is due to be said now; each once.  Outside the hours nothing is made."""
    fresh: list[Notice] = []
    for case, record in running(at, work.soon_until("000000", at)):
        if not in_hours(case.area_code, at):
            continue
        kind = Kind.LATE if record.due_at <= at else Kind.SOON
        day: date = beijing(at).date() if kind == Kind.LATE else law.last_day(record.due_at)
        fresh += [
            Notice(
                kind=kind, case=case, account=account, due_limit=record.due_limit, due_at=record.due_at, day=day,
                made_at=at,
            )
            for account in people(case.organization_code, TOLD[record.due_limit, kind])
        ]  # fmt: skip
    known = set(
        Notice.objects.filter(case__in={one.case_id for one in fresh}).values_list(
            "case", "account", "kind", "due_at", "day"
        )
    )
    new = [one for one in fresh if (one.case_id, one.account, one.kind, one.due_at, one.day) not in known]
    Notice.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)


def notices_gather(*, area_code: str, at: datetime) -> int:
    """Let a person's notices out together: quiet for a while, or waited long enough.  Stopped clocks say nothing."""
    if not in_hours(area_code, at):
        return 0
    rules = law.at(area_code, beijing(at).date())
    quiet, most = (timedelta(minutes=rules.limit(name).value) for name in ("notice_quiet", "notice_most"))
    out = 0
    with transaction.atomic():
        waiting = Notice.objects.filter(gathered_at__isnull=True)
        told = list(waiting.select_related("case"))
        alive = {one.pk for one in _running(told)}
        Notice.objects.filter(pk__in=[one.pk for one in told if one.pk not in alive]).delete()
        ends = waiting.values("account").annotate(first=Min("made_at"), last=Max("made_at"))
        for row in list(ends):
            if row["last"] + quiet <= at or row["first"] + most <= at:
                out += waiting.filter(account=row["account"]).update(gathered_at=at)
    return out


def _running(told: Sequence[Notice]) -> list[Notice]:
    """Those whose clock still runs: one query, whatever their number."""
    orders = Order.objects.filter(case__in={one.case_id for one in told}, state__in=RECTIFYING)
    clocks = set(orders.values_list("case_id", "due_at"))
    clocks |= {(one.case_id, one.case.due_at) for one in told if one.case.state in VERIFYING}
    return [one for one in told if (one.case_id, one.due_at) in clocks]


def notices_of(by: Actor, most: int = 20) -> list[dict[str, str]]:
    """What a person is reminded of now, latest first: the number, a link, and whether it is late."""
    rows = Notice.objects.select_related("case").filter(
        account=by.name.removeprefix("account:"), gathered_at__isnull=False
    )
    shown: dict[Any, dict[str, str]] = {}
    for row in _running(list(rows.order_by("-made_at")[: most * 3])):
        if row.case_id not in shown:
            shown[row.case_id] = {
                "number": row.case.number, "label": Kind(row.kind).label,
                "url": reverse("desk_case", args=["mine", row.case_id]),
            }  # fmt: skip
    return list(shown.values())[:most]
