"""Canonical message of the handling of a negative: its state, and the result when there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from minping.feedback.models import Case
from minping.kernel.clock import beijing
from minping.rectify.models import Order
from minping.upstream.port import Message


def case_messages(ids: Sequence[UUID]) -> Mapping[UUID, Message]:
    """One record per case above; each step is an update of it, by `revision` (interfaces.md 1.10)."""
    orders: dict[UUID, Order] = {}
    for order in Order.objects.filter(case__in=ids).order_by("round"):
        orders[order.case_id] = order
    return {case.pk: _message(case, orders.get(case.pk)) for case in _cases(ids)}


def _cases(ids: Sequence[UUID]) -> list[Case]:
    return list(Case.objects.filter(pk__in=ids).select_related("service"))


def _message(case: Case, order: Order | None) -> Message:
    def time(moment: object) -> str | None:
        return beijing(moment).isoformat(timespec="seconds") if moment else None  # type: ignore[arg-type]

    return Message(
        kind="case",
        revision=case.revision,
        area_code=case.area_code,
        organization_code=case.organization_code,
        case_no=case.service.case_no,
        service_no=case.service.service_no,
        fact_at=case.opened_at,
        body={
            "fact_at": time(case.opened_at),
            "case_number": case.number,
            "level": case.level,
            "level_system": "interface",
            "state": case.state,
            "opened_at": time(case.opened_at),
            "confirmed_at": time(case.confirmed_at),
            "closed_at": time(case.closed_at),
            "result": case.result,
            "rounds": order.round if order else 0,
            "measures": order.measures if order else "",
            "rectified_at": time(order.reported_at) if order else None,
            "follow_up": order.follow_up if order else "",
            "rerated": bool(order and order.rerating_id),
        },
    )
