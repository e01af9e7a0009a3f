"""The clocks of a case and of its rectification, and who is reminded of each (kernel/notices; minan/5.2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from minping.feedback.models import Case
from minping.feedback.states import CaseState
from minping.kernel.notices import Clock, Running, Source
from minping.rectify.models import Order
from minping.rectify.states import OrderState
from minping.registry import queries as registry

VERIFYING = (CaseState.VERIFYING, CaseState.APPEALED, CaseState.MALICIOUS, CaseState.PROPOSED)
RECTIFYING = (OrderState.ASSIGNED, OrderState.EXTENDING, OrderState.COMPLEX)


def clock_of(case: Case, record: Case | Order, table: str) -> Clock:
    """A clock at the unit that has the record now, which need not be the rated one (转办)."""
    assert record.due_at is not None
    moved = isinstance(record, Case) and record.seat_code != record.organization_code
    path = registry.place(record.seat_code if isinstance(record, Case) else record.organization_code).path
    return Clock(
        case.pk, case.number, record.due_limit, record.due_at, case.area_code, path,
        f"{table}_{record.state}", "" if moved else record.window_code,
    )  # fmt: skip


def _cases(until: datetime, most: int) -> Iterable[Clock]:
    rows = Case.objects.filter(state__in=VERIFYING, due_at__lte=until).order_by("due_at")
    return [clock_of(case, case, "case") for case in rows[:most]]


def _orders(until: datetime, most: int) -> Iterable[Clock]:
    rows = Order.objects.select_related("case").filter(state__in=RECTIFYING, due_at__lte=until).order_by("due_at")
    return [clock_of(order.case, order, "order") for order in rows[:most]]


def _cases_running(cases: Collection[UUID]) -> Iterable[Running]:
    rows = Case.objects.filter(pk__in=cases, state__in=VERIFYING, due_at__isnull=False)
    return rows.values_list("pk", "due_limit", "due_at")


def _orders_running(cases: Collection[UUID]) -> Iterable[Running]:
    rows = Order.objects.filter(case__in=cases, state__in=RECTIFYING, due_at__isnull=False)
    return rows.values_list("case_id", "due_limit", "due_at")


CLOCKS = (Source(_cases, _cases_running), Source(_orders, _orders_running))
