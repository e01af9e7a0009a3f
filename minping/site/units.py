"""各单位: for whoever oversees, every unit in scope: how many open, how many late, where they stand (minan/4.2.3, 6.2).

Two grouped queries for the table and two for the lines that are longest over, whatever the number of units.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from minping.feedback.models import Case
from minping.feedback.states import CaseState
from minping.kernel import clock, work
from minping.kernel.web import actor, staff_page
from minping.rectify.models import Order
from minping.rectify.states import OrderState
from minping.rectify.view import PRESS
from minping.registry import queries as registry
from minping.site.desk import MINE

LONGEST = 25
# A case under rectification stands where its order stands; an order that is paused or over, where its case does.
OF_CASE = (CaseState.VERIFYING, CaseState.APPEALED, CaseState.MALICIOUS, CaseState.PROPOSED, CaseState.REVOKING)
OF_ORDER = (
    OrderState.ASSIGNED, OrderState.EXTENDING, OrderState.COMPLEX, OrderState.REPORTED, OrderState.EXPLAINED,
    OrderState.ACCEPTED, OrderState.SOLVED,
)  # fmt: skip


@dataclass
class Unit:
    """What waits at one organisation; `states` is (label, open, late, due of the one longest over)."""

    code: str
    open: int = 0
    late: int = 0
    states: list[tuple[str, int, int, datetime | None]] = field(default_factory=list)


def units_of(scope: work.Scope, now: datetime) -> list[Unit]:
    """Every organisation of the scope with its open cases, the latest first; those without any, too."""
    found: dict[str, Unit] = defaultdict(lambda: Unit(""))
    found |= {code: Unit(code) for code in scope.organizations}
    late = Q(due_at__lte=now)
    for rows, states in ((Case.objects, OF_CASE), (Order.objects, OF_ORDER)):
        kind = type(states[0])
        told = scope.filter(rows.filter(state__in=states)).values("organization_code", "state").order_by()
        for row in told.annotate(n=Count("pk"), late=Count("pk", filter=late), oldest=Min("due_at", filter=late)):
            unit = found[row["organization_code"]]
            unit.code = row["organization_code"]
            unit.open += row["n"]
            unit.late += row["late"]
            unit.states.append((kind(row["state"]).label, row["n"], row["late"], row["oldest"]))
    return sorted(found.values(), key=lambda unit: (-unit.late, -unit.open, unit.code))


def late_lines(scope: work.Scope, now: datetime) -> list[dict[str, Any]]:
    """The cases longest over their limit: which, at which unit, in which state, by how much, under which clause."""
    cases = scope.filter(Case.objects.filter(state__in=OF_CASE, due_at__lte=now)).order_by("due_at")
    orders = scope.filter(Order.objects.filter(state__in=OF_ORDER, due_at__lte=now)).order_by("due_at")
    said = ("organization_code", "state", "due_at", "due_clause")
    rows = [
        (CaseState(row.pop("state")).label, row)
        for row in cases.values("pk", "number", "item_name", *said)[:LONGEST]
    ]  # fmt: skip
    for row in orders.values("case_id", "case__number", "case__item_name", *said)[:LONGEST]:
        row |= {"pk": row["case_id"], "number": row["case__number"], "item_name": row["case__item_name"]}
        rows.append((OrderState(row["state"]).label, row))
    rows.sort(key=lambda pair: pair[1]["due_at"])
    names = registry.directory().places
    return [
        {
            "number": row["number"],
            "url": reverse("desk_case", args=[MINE, row["pk"]]),
            "item_name": row["item_name"],
            "unit_name": names[row["organization_code"]].name if row["organization_code"] in names else "",
            "state_label": label,
            "over_text": work.left(row["due_at"], "000000", now)[0],
            "due_text": clock.due_text(row["due_at"]),
            "clause": row["due_clause"],
        }
        for label, row in rows[:LONGEST]
    ]


@staff_page("case.read")
@require_safe
def units(request: HttpRequest) -> HttpResponse:
    """All units within the reader's scope, what is late and why."""
    who, now = actor(request), clock.now()
    places = registry.directory().places
    scope = work.scope_of(who.scopes("case.read"), [(place.code, place.path) for place in places.values()])
    found = units_of(scope, now)
    shown = [
        {
            "code": unit.code,
            "name": places[unit.code].name if unit.code in places else unit.code,
            "open": unit.open,
            "late": unit.late,
            "states": [
                {"label": label, "n": n, "late": late, "over_text": work.left(oldest, "000000", now)[0]}
                for label, n, late, oldest in unit.states
            ],
        }
        for unit in found
    ]
    context = {
        "units": shown, "open": sum(unit.open for unit in found), "late": sum(unit.late for unit in found),
        "lines": late_lines(scope, now), "longest": LONGEST, "find_url": reverse("desk_find"),
        "press_url": f"{reverse('desk_view', args=['pressed'])}?batch=1" if who.may(PRESS) else "",
    }  # fmt: skip
    return render(request, "site/units.html", context)
