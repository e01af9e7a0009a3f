"""Canonical message of the handling of a negative: its state, and the result when there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from minping.feedback.models import Case
from minping.kernel.clock import beijing
from minping.rectify.models import Order
from minping.rectify.states import OrderState
from minping.upstream.port import Message
from minping.upstream.provinces import driver

WORKING = (OrderState.ASSIGNED, OrderState.EXTENDING, OrderState.COMPLEX)


def case_messages(ids: Sequence[UUID]) -> Mapping[UUID, Message]:
    """One record per case above; each step is an update of it, by `revision` (interfaces.md 1.10)."""
    orders: dict[UUID, list[Order]] = {}
    for order in Order.objects.filter(case__in=ids).order_by("round"):
        orders.setdefault(order.case_id, []).append(order)
    whole = driver().mirrors
    return {case.pk: _message(case, orders.get(case.pk, []), whole) for case in _cases(ids)}


def _cases(ids: Sequence[UUID]) -> list[Case]:
    return list(Case.objects.filter(pk__in=ids).select_related("service", "rating").prefetch_related("tickets"))


def _time(moment: datetime | None) -> str | None:
    return beijing(moment).isoformat(timespec="seconds") if moment else None


def _round(order: Order) -> dict[str, Any]:
    return {
        "id": order.pk.hex, "round": order.round, "organization_code": order.organization_code,
        "window_code": order.window_code, "state": order.state, "assigned_at": _time(order.assigned_at),
        "rectify_due_at": _time(order.rectify_due_at), "measures": order.measures,
        "reported_at": _time(order.reported_at), "extended_at": _time(order.extended_at),
        "accepted_at": _time(order.accepted_at), "followed_at": _time(order.followed_at),
        "follow_up": order.follow_up, "rerating": order.rerating_id.hex if order.rerating_id else "",
        "finished_at": _time(order.finished_at),
    }  # fmt: skip


def _clocks(case: Case, orders: Sequence[Order]) -> dict[str, Any]:
    """What only a superior that keeps whole records is told: each limit as it stands here, never computed again."""
    return {
        "rating": case.rated[1].pk.hex, "verify_due_at": _time(case.verify_due_at),
        "verified_at": _time(case.verified_at), "appealed_at": _time(case.appealed_at),
        "orders": [_round(order) for order in orders],
    }  # fmt: skip


def _message(case: Case, orders: Sequence[Order], whole: bool) -> Message:
    order = orders[-1] if orders else None
    service, _, level = case.rated  # a case without a rating is not told upward (decision 0058)
    return Message(
        kind="case",
        revision=case.revision,
        area_code=case.area_code,
        organization_code=case.organization_code,
        case_no=service.case_no,
        service_no=service.service_no,
        fact_at=case.opened_at,
        body={
            "fact_at": _time(case.opened_at),
            "case_number": case.number,
            "level": int(level),
            "level_system": "interface",
            "state": case.state,
            "opened_at": _time(case.opened_at),
            "confirmed_at": _time(case.confirmed_at),
            "closed_at": _time(case.closed_at),
            "result": case.result,
            "rounds": order.round if order else 0,
            "measures": order.measures if order else "",
            # A report that was sent back stands no longer.
            "rectified_at": _time(order.reported_at) if order and order.state not in WORKING else None,
            "follow_up": order.follow_up if order else "",
            "rerated": bool(order and order.rerating_id),
            "arrival": case.arrival,
            "joined": [f"{ticket.source}:{ticket.number}" for ticket in case.tickets.all()],
            "supervised_at": _time(case.supervised_at),
            **(_clocks(case, orders) if whole else {}),
        },
    )
