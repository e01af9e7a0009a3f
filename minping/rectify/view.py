"""Rectification orders as pages show them, and their part of the work list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse

from minping import law
from minping.feedback import view as cases
from minping.feedback.models import Case
from minping.feedback.states import MOVES as CASES
from minping.feedback.states import Arrival, CallOutcome
from minping.kernel import clock, documents, work
from minping.kernel.access import Actor
from minping.rectify import services
from minping.rectify.models import Evidence, Order
from minping.rectify.states import MOVES, FollowUp, OrderState
from minping.registry import queries as registry

PRESS = CASES.move("supervise").permission
VIEWS = (
    work.View("rectify", "待整改", MOVES.move("report").permission),
    work.View("accept", "待验收", MOVES.move("accept").permission),
    work.View("explained", "解释待验收", MOVES.move("accept").permission),
    work.View("extension", "延期待批", MOVES.move("extend").permission),
    work.View("complex", "延期整改", MOVES.move("report").permission),
    work.View("follow", "待回访", MOVES.move("solve").permission),
    # Whoever may press (督办) sees what is being rectified; it waits on the unit.
    work.View("pressed", "整改中", PRESS, optional=True),
)
STATE_OF = {
    "rectify": OrderState.ASSIGNED, "accept": OrderState.REPORTED, "explained": OrderState.EXPLAINED,
    "extension": OrderState.EXTENDING, "complex": OrderState.COMPLEX, "follow": OrderState.ACCEPTED,
    "pressed": OrderState.ASSIGNED,
}  # fmt: skip

# What a line says is to be done next.
NEXT = {
    OrderState.ASSIGNED: "整改并报送情况", OrderState.REPORTED: "看材料，验收或退回",
    OrderState.EXPLAINED: "看解释，验收或退回", OrderState.EXTENDING: "看计划，批不批延期",
    OrderState.COMPLEX: "按计划整改并报送情况", OrderState.ACCEPTED: "电话回访", OrderState.SOLVED: "等评价人再评",
}  # fmt: skip


def queue(view: str, scope: work.Scope) -> QuerySet[Order]:
    """Orders waiting in a view, within a scope."""
    rows: QuerySet[Order] = scope.filter(Order.objects.filter(state=STATE_OF[view], origin=""))
    return rows


LINE = (
    "state", "due_at", "case__number", "case__level", "case__item_name", "case__excerpt", "case__window_name",
    "case__arrival", "case__asked_at",
)  # fmt: skip


def records(**equal: Any) -> QuerySet[Order]:
    """The orders behind lines, with what `rows` says of them."""
    return Order.objects.select_related("case").filter(**equal).only(*LINE)


def of(cases: Mapping[UUID, Case]) -> list[Order]:
    """The orders of these cases, round by round, with what `rows` says of them and what says whose they are."""
    asked = Order.objects.filter(case__in=list(cases)).order_by("round")
    found = list(asked.only("case_id", "state", "due_at", "organization_code", "window_code"))
    for order in found:
        order.case = cases[order.case_id]
    return found


def rows(orders: Iterable[Order]) -> list[work.Row]:
    return [
        work.Row(
            key=order.pk,
            case_id=order.case_id,
            level=order.case.level,
            item_name=order.case.item_name,
            excerpt=order.case.excerpt,
            state_label=OrderState(order.state).label,
            window_name=order.case.window_name,
            due_at=cases.nearer(order.due_at, order.case.asked_at),
            number=order.case.number,
            arrival_label=Arrival(order.case.arrival).label if order.case.level is None else "",
            next_text=NEXT.get(OrderState(order.state), ""),
        )
        for order in orders
    ]


def current(case: Case) -> Order | None:
    return Order.objects.select_related("case__service", "case__rating").filter(case=case).order_by("-round").first()


def order_context(order: Order, names: Mapping[str, str], rounds: bool = True) -> dict[str, Any]:
    """One order, with its earlier rounds.  Says nothing of who the rater is."""
    case = order.case
    where = registry.place(order.organization_code)
    shown: dict[str, Any] = {
        "id": order.pk,
        "round": order.round,
        "number": case.number,
        "item_name": case.item_name,
        "window_name": case.window_name,
        "unit_name": where.name,
        "unit_code": where.code,
        # Coarse on purpose: the rated side must not find the person by the minute (failures.md D14).
        "served_text": clock.day_text(case.service.served_at if case.service else case.opened_at),
        **_said(case),
        "state": order.state,
        "state_label": OrderState(order.state).label,
        "sent_text": clock.moment_text(order.assigned_at),
        "due_text": clock.due_text(order.rectify_due_at),
        "measures": order.measures,
        "to_judge": order.state in (OrderState.REPORTED, OrderState.EXPLAINED, OrderState.EXTENDING),
        "follow_up": order.follow_up,
        "plan": order.plan,
        "transfer_text": order.transfer_reason,
        "returned_text": order.returned_reason,
        "who": names.get(order.reported_by, ""),
        "decision_text": f"{clock.moment_text(order.accepted_at)} 验收通过" if order.accepted_at else "",
        "evidence": [_evidence(record) for record in Evidence.objects.filter(order=order).order_by("added_at")],
    }
    if rounds and order.round > 1:
        earlier = Order.objects.select_related("case__service", "case__rating").filter(case=case, round__lt=order.round)
        shown["rounds"] = [order_context(past, names, rounds=False) for past in earlier.order_by("-round")]
    return shown


def _said(case: Case) -> dict[str, Any]:
    """What the unit is shown of the person's: the written rating and its reasons, and of what was spoken only what
    the person let go to it; else the reviewer's summary (minan/3.1.4)."""
    told = case.calls.filter(outcome=CallOutcome.ANSWERED).exclude(words="", summary="").order_by("-at").first()
    shown: dict[str, Any] = {"request": told.summary if told else "", "spoken": ""}
    if told is not None and told.to_unit:
        shown["spoken"] = told.words
    rating = case.rating
    if rating is None:
        return {**shown, "level_label": Arrival(case.arrival).label, "unrated": True}
    rules = law.at(case.area_code, rating.rated_at.astimezone(law.BEIJING).date())
    return {
        **shown,
        "level": rating.level,
        "level_label": law.InterfaceLevel(rating.level).label,
        "tags": [{"code": code, "label": tag.label if (tag := rules.tag(code)) else code} for code in rating.tags],
        "text": rating.text,
    }


def rounds_of(case: Case, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Every round of the case's rectification, the first one first."""
    found = Order.objects.select_related("case__service", "case__rating").filter(case=case).order_by("round")
    return [order_context(order, names, rounds=False) for order in found]


def _evidence(record: Evidence) -> dict[str, Any]:
    return documents.shown(record, reverse("evidence", args=[record.pk]), clock.moment_text(record.added_at))


# How each move of the table is asked for on the page: its address and its fields.
FORMS: Mapping[str, tuple[str, tuple[dict[str, Any], ...]]] = {
    "report": (
        "order_report",
        (
            {
                "name": "measures", "label": "做了什么", "type": "textarea", "required": True,
                "help": "写明措施、时间和责任人岗位；不要写群众的姓名电话。",
            },
            {
                "name": "evidence", "label": "佐证材料", "type": "file", "required": False, "multiple": True,
                "help": "PDF、图片、Word、Excel。",
            },
        ),
    ),
    "explain": (
        "order_explain",
        (
            {
                "name": "measures", "label": "解释说明", "type": "textarea", "required": True,
                "help": "写明依据的规定、为什么没有过错、怎样向群众解释。",
            },
            {"name": "evidence", "label": "依据材料", "type": "file", "required": False, "multiple": True},
        ),
    ),
    "ask_extension": (
        "order_ask_extension",
        (
            {
                "name": "plan", "label": "为什么复杂，分步怎样整改", "type": "textarea", "required": True,
                "help": "每件只延一次；批准之前，原来的时限照常计算。",
            },
        ),
    ),
    "extend": ("order_extend", ({"name": "reason", "label": "同意的理由", "type": "textarea", "required": True},)),
    "keep": ("order_keep", ({"name": "reason", "label": "不同意的理由", "type": "textarea", "required": True},)),
    "transfer": (
        "order_transfer",
        (
            {"name": "organization_code", "label": "转给哪个单位", "type": "select", "required": True},
            {"name": "reason", "label": "为什么由它整改", "type": "textarea", "required": True},
        ),
    ),
    "unreached": ("order_unreached", ()),
    "accept": ("order_accept", ()),
    "return": (
        "order_return",
        ({"name": "reason", "label": "退回理由", "type": "textarea", "required": True, "help": "写明还差什么。"},),
    ),
}  # fmt: skip


MAIN = frozenset({"report", "accept", "extend"})


def actions(order: Order, by: Actor, now: datetime) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """The buttons of the order's table for this person now, and why the others are not there."""
    offered: list[dict[str, Any]] = []
    refused: list[dict[str, str]] = []
    for move in MOVES.from_state(order.state):
        if not move.permission or move.verb == "fail":  # one call decides between solved and not
            continue
        label = "记录整改回访" if move.verb == "solve" else move.label
        problem = services.refusal(move.verb, order, by, now)
        if problem is not None:
            refused.append({"label": label, "reason": problem.message})
            continue
        if move.verb == "solve":
            offered.append(
                {
                    "verb": "follow_up", "label": label, "primary": True, "link": True,
                    "url": reverse("order_follow_up", args=[order.pk]),
                }
            )  # fmt: skip
            continue
        name, fields = FORMS[move.verb]
        if move.verb == "transfer":
            units = services.units_for(order, by)
            if not units:
                continue  # nobody else to hand it to: a form that cannot be sent helps nobody
            options = [{"value": place.code, "label": place.name} for place in units]
            fields = ({**fields[0], "options": options}, *fields[1:])
        offered.append(
            {
                "verb": move.verb, "label": label, "primary": move.verb in MAIN,
                "url": reverse(name, args=[order.pk]), "fields": [dict(field) for field in fields],
            }
        )  # fmt: skip
    return offered, refused


def follow_up_fields(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": "answer", "label": "对方说", "type": "radio", "required": False,
            "options": [{"value": f.value, "label": f.label, "selected": said.get("answer") == f} for f in FollowUp],
        }
    ]  # fmt: skip
