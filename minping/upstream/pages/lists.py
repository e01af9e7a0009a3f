"""The lists of the desk, and how one message reads as a line of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from minping.kernel import clock
from minping.kernel.access import Actor
from minping.kernel.errors import Problem
from minping.registry import queries as registry
from minping.upstream import reading
from minping.upstream.models import OutboxMessage
from minping.upstream.provinces import driver
from minping.upstream.states import ARRIVED, MessageState


@dataclass(frozen=True)
class Tab:
    """One list of the desk: which states, in which order, and the sentence when it is empty."""

    id: str
    label: str
    states: tuple[MessageState, ...]
    empty: str
    newest_first: bool = False


TABS = (
    Tab("waiting", "待上送", (MessageState.WAITING,), "没有等待的消息"),
    Tab("refused", "被拒收", (MessageState.REFUSED,), "没有被拒收的消息"),
    Tab("manual", "待人工", (MessageState.MANUAL,), "没有要人工录入的消息"),
    Tab("checking", "待复核", (MessageState.CHECKING,), "没有等待复核的人工录入"),
    Tab("accepted", "已收", (*ARRIVED, MessageState.UNNEEDED), "还没有送达的消息", newest_first=True),
)
CHIPS = {
    MessageState.WAITING: "soon",
    MessageState.REFUSED: "over",
    MessageState.MANUAL: "warn",
    MessageState.CHECKING: "warn",
    MessageState.ACCEPTED: "done",
    MessageState.BY_HAND: "done",
    MessageState.UNNEEDED: "done",
    MessageState.REHEARSED: "done",
}


def organizations(who: Actor, permission: str = "delivery.read") -> tuple[str, ...]:
    return registry.directory().within(who.scopes(permission))


def whole(who: Actor, permission: str) -> bool:
    """Whether the permission covers the office itself: a target and the reconciliation are the whole office's."""
    office = registry.directory().office(settings.MINPING_AREA)
    return office is not None and who.can(permission, office.path)


def listed(places: Iterable[str], states: Iterable[MessageState]) -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(organization_code__in=places, state__in=states)


def target_name(code: str) -> str:
    current = driver()
    return current.label if code == current.name else code


def line(row: OutboxMessage) -> dict[str, Any]:
    state = MessageState(row.state)
    return {
        "id": row.pk,
        "kind_label": reading.kind_label(row.kind),
        "case_tail": row.case_no[-4:],
        "state_label": state.label,
        "state_kind": CHIPS[state],
        "since_text": f"自 {clock.moment_text(row.settled_at or row.created_at)}",
        "attempts": row.attempts,
        "reference": row.reference,
        "target_name": target_name(row.target),
    }


def held_by(rows: list[OutboxMessage]) -> dict[tuple[str, str], int]:
    """By case, the first refused message, which holds back what follows in its case: one query a page."""
    cases = {(row.organization_code, row.case_no) for row in rows if row.state == MessageState.WAITING}
    if not cases:
        return {}
    refused = OutboxMessage.objects.filter(
        state=MessageState.REFUSED,
        organization_code__in={organization for organization, _ in cases},
        case_no__in={case_no for _, case_no in cases},
    ).order_by("-id")
    return {(organization, case_no): pk for organization, case_no, pk in
            refused.values_list("organization_code", "case_no", "pk")}  # fmt: skip


def why(row: OutboxMessage, held_by: Mapping[tuple[str, str], int], now: datetime) -> str:
    """Why a message is where it is, in one sentence."""
    if row.state == MessageState.REFUSED:
        return f"{row.error}（{row.error_code}）" if row.error_code else row.error
    if row.state == MessageState.MANUAL:
        return "接口不收这一类，须人工录入"
    if row.state == MessageState.CHECKING:
        return f"已录入，编号 {row.reference}，等另一个人复核"
    if row.state != MessageState.WAITING:
        return f"编号 {row.reference}" if row.reference else ""
    if held_by.get((row.organization_code, row.case_no), row.pk) < row.pk:
        return "同一办件的前一条被拒收，办好它才轮到这条"
    if row.error:
        return row.error
    return "评价人可能还在补充原因" if row.next_try_at > now else "等待上送"


def back(request: HttpRequest, url: str = "") -> HttpResponse:
    return HttpResponseRedirect(url or reverse("delivery"), status=303)


def said(problem: Problem) -> str:
    return f"{problem.message}{problem.cure}"
