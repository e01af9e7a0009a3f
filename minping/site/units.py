"""各单位: for whoever oversees, every unit in scope: how many open, how many late, where they stand (minan/4.2.3, 5.2, 6.2).

One grouped query for the table, one for what is longest over, and one a kind for what its lines say, whatever the
number of units.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from minping.feedback.models import Case
from minping.feedback.states import CaseState
from minping.kernel import clock, queues, work
from minping.kernel.access import Actor
from minping.kernel.moves import Labelled
from minping.kernel.web import actor, staff_page
from minping.rectify.models import Order
from minping.rectify.states import OrderState
from minping.rectify.view import PRESS
from minping.registry import queries as registry
from minping.site.desk import MINE, case_addresses
from minping.supervise.models import Inquiry
from minping.supervise.states import ENDED, InquiryState

LONGEST = work.PAGE
READ, READ_INQUIRY = "case.read", "notice.read"


@dataclass(frozen=True)
class Kind:
    """One of the kinds of work that wait at a unit: its rows, the states that count as open, who may see them."""

    model: type[Model]
    states: tuple[Labelled, ...]
    permission: str
    shown: tuple[str, str, str] = ("pk", "number", "item_name")  # what a line opens, its number, what it is about
    unit: str = "organization_code"  # the field that says where it waits
    prefix: str = ""  # before the word of a state that another kind has, too

    def label(self, state: str) -> str:
        return self.prefix + type(self.states[0])(state).label

    def open(self, scope: work.Scope) -> QuerySet[Any]:
        """What is not at its end."""
        rows: QuerySet[Any] = scope.filter(self.model._default_manager.filter(state__in=self.states), self.unit)
        return rows


# A case under rectification stands where its order stands; an order that is paused or over, where its case does.
KINDS = {
    "case": Kind(
        Case, (CaseState.VERIFYING, CaseState.APPEALED, CaseState.MALICIOUS, CaseState.PROPOSED, CaseState.REVOKING), READ,
        unit="seat_code",
    ),
    "order": Kind(
        Order,
        (
            OrderState.ASSIGNED, OrderState.EXTENDING, OrderState.COMPLEX, OrderState.REPORTED, OrderState.EXPLAINED,
            OrderState.ACCEPTED, OrderState.SOLVED,
        ),
        READ, ("case_id", "case__number", "case__item_name"),
    ),
    "inquiry": Kind(
        Inquiry, tuple(s for s in InquiryState if s not in ENDED), READ_INQUIRY, ("pk", "number", "name"), prefix="问责",
    ),
}  # fmt: skip
ORDER = {(name, str(state)): n for n, (name, state) in enumerate((k, s) for k in KINDS for s in KINDS[k].states)}


def waiting(who: Actor) -> list[queues.Queue]:
    """What is open of each kind where `who` may see it, told apart by unit and state; the queue has the kind's name."""
    places = [(place.code, place.path) for place in registry.directory().places.values()]
    of = {permission: work.scope_of(who.scopes(permission), places) for permission in (READ, READ_INQUIRY)}
    return [
        queues.Queue(name, kind.open, of[kind.permission], groups=(kind.unit, "state")) for name, kind in KINDS.items()
    ]


@dataclass
class Unit:
    """What waits at one organisation; `states` is (label, open, late, due of the one longest over)."""

    code: str
    open: int = 0
    late: int = 0
    states: list[tuple[str, int, int, datetime | None]] = field(default_factory=list)


def units_of(asked: Sequence[queues.Queue], now: datetime) -> list[Unit]:
    """Every organisation of the scope with what is open there, the latest first; those without any, too."""
    found: dict[str, Unit] = defaultdict(lambda: Unit(""))
    found |= {code: Unit(code) for queue in asked for code in queue.scope.organizations}
    rows = queues.standing(asked, now=now)
    for name, (code, state), n, late, oldest in sorted(rows, key=lambda row: ORDER[row[0], row[1][1]]):
        unit = found[code]
        unit.code = code
        unit.open += n
        unit.late += late
        unit.states.append((KINDS[name].label(state), n, late, oldest))
    return sorted(found.values(), key=lambda unit: (-unit.late, -unit.open, unit.code))


def late_lines(asked: Sequence[queues.Queue], now: datetime) -> list[dict[str, Any]]:
    """What is longest over its limit: which, at which unit, in which state, by how much, under which clause."""
    keys = queues.first(asked, most=LONGEST, until=now)
    told: dict[Any, tuple[Any, ...]] = {}
    for name, kind in KINDS.items():
        if mine := [key.id for key in keys if key.queue == name]:
            shown = ("pk", "due_at", kind.unit, "state", "due_clause", *kind.shown)
            rows = kind.model._default_manager.filter(pk__in=mine).values_list(*shown)
            told |= {row[0]: (*row[1:], kind.label(row[3])) for row in rows}
    places, url = registry.directory().places, case_addresses(MINE)
    return [
        {
            "number": number,
            "url": url(opens),
            "item_name": item,
            "unit_name": places[code].name if code in places else "",
            "state_label": label,
            "over_text": work.left(due_at, "000000", now)[0],
            "due_text": clock.due_text(due_at),
            "clause": clause,
        }
        for due_at, code, _, clause, opens, number, item, label in (told[key.id] for key in keys if key.id in told)
    ]


@staff_page(READ)
@require_safe
def units(request: HttpRequest) -> HttpResponse:
    """All units within the reader's scope, what is late and why."""
    who, now = actor(request), clock.now()
    places = registry.directory().places
    asked = waiting(who)
    found = units_of(asked, now)
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
        "lines": late_lines(asked, now), "longest": LONGEST, "find_url": reverse("desk_find"),
        "press_url": f"{reverse('desk_view', args=['pressed'])}?batch=1" if who.may(PRESS) else "",
    }  # fmt: skip
    return render(request, "site/units.html", context)
