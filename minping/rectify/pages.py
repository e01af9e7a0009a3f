"""The acts of rectification: report, accept, return, follow up; and the documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from minping.feedback.models import Case
from minping.feedback.pages import call_page
from minping.feedback.services import consent_of
from minping.feedback.states import CallPurpose
from minping.kernel import clock, work
from minping.kernel.access import Actor
from minping.kernel.documents import download, uploads_of
from minping.kernel.errors import Forbidden, Problem
from minping.kernel.models import account_names
from minping.kernel.paper import TYPES
from minping.kernel.web import actor, staff_page
from minping.rectify import services, sheet, view
from minping.rectify.models import Order
from minping.rectify.states import MOVES, OrderState
from minping.registry import queries as registry


def _order(order_id: UUID, by: Actor) -> Order:
    order = services.order_get(order_id)
    by.require("order.read", registry.place(order.organization_code).path, order.window_code)
    return order


def _act(
    request: HttpRequest, order_id: UUID, here: str, done: str, act: Callable[[Order, Actor], Any]
) -> HttpResponse:
    """One act on an order: done, on to the next; refused, back with the sentence."""
    by = actor(request)
    order = _order(order_id, by)
    try:
        act(order, by)
    except Problem as problem:
        return work.refused(request, problem, here, order.case_id)
    messages.success(request, f"{order.case.number} {done}")
    return HttpResponseRedirect(work.onward(request, here))


@staff_page("order.report")
@require_POST
def report(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The unit reports what it did, with documents (minan/4.2.3)."""
    uploads = uploads_of(request)
    return _act(
        request, order_id, "rectify", "整改情况已报送，等待验收。",
        lambda order, by: services.order_report(
            order_id=order.pk, measures=request.POST.get("measures", ""), uploads=uploads, by=by, at=clock.now()
        ),
    )  # fmt: skip


@staff_page("order.report")
@require_POST
def explain(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The unit explains why there was no fault; someone else judges that, too."""
    uploads = uploads_of(request)
    return _act(
        request, order_id, "rectify", "解释说明已报送，等待验收。",
        lambda order, by: services.order_report(
            order_id=order.pk, measures=request.POST.get("measures", ""), uploads=uploads, by=by, at=clock.now(),
            verb="explain",
        ),
    )  # fmt: skip


@staff_page("order.report")
@require_POST
def ask_extension(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """A complex case: a plan, and the one extension asked for."""
    return _act(
        request, order_id, "rectify", "延期申请已报负责人，原时限照常计算。",
        lambda order, by: services.extension_ask(
            order_id=order.pk, plan=request.POST.get("plan", ""), by=by, at=clock.now()
        ),
    )  # fmt: skip


@staff_page("order.transfer")
@require_POST
def transfer(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """转办 to the unit at fault, below or beside."""
    return _act(
        request, order_id, "mine", "已转办给实际责任单位，原时限照常计算。",
        lambda order, by: services.order_transfer(
            order_id=order.pk, organization_code=request.POST.get("organization_code", ""),
            reason=request.POST.get("reason", ""), by=by, at=clock.now(),
        ),
    )  # fmt: skip


@staff_page("order.extend")
@require_POST
def extend(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The head grants the extension."""
    return _extension(request, order_id, "extend", "已同意延期一次。")


@staff_page("order.extend")
@require_POST
def keep(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The head refuses it: the first limit stays."""
    return _extension(request, order_id, "keep", "不同意延期，按原时限整改。")


def _extension(request: HttpRequest, order_id: UUID, verb: str, done: str) -> HttpResponse:
    return _act(
        request, order_id, "extension", done,
        lambda order, by: services.extension_decide(
            order_id=order.pk, verb=verb, reason=request.POST.get("reason", ""), by=by, at=clock.now()
        ),
    )  # fmt: skip


@staff_page("order.follow_up")
@require_POST
def unreached(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """无法联系, after attempts enough."""
    return _act(
        request, order_id, "follow", "多次联系不上，等待评价人再评。",
        lambda order, by: services.follow_up_unreached(order_id=order.pk, by=by, at=clock.now()),
    )  # fmt: skip


@staff_page("order.accept")
@require_POST
def accept(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Someone else finds it done."""
    return _act(
        request, order_id, "accept", "验收通过，等待回访。",
        lambda order, by: services.order_accept(order_id=order.pk, by=by, at=clock.now()),
    )  # fmt: skip


@staff_page("order.return")
@require_POST
def send_back(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Back to the unit, with a reason."""
    return _act(
        request, order_id, "accept", "已退回责任单位补充整改。",
        lambda order, by: services.order_return(
            order_id=order.pk, reason=request.POST.get("reason", ""), by=by, at=clock.now()
        ),
    )  # fmt: skip


@staff_page("order.follow_up")
@require_http_methods(["GET", "HEAD", "POST"])
def follow_up(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Call the person back after the rectification; the answer decides what follows."""
    by, now = actor(request), clock.now()
    order = _order(order_id, by)
    refused = services.refusal("solve", order, by, now)
    if refused is not None:
        raise refused
    if request.method != "POST":
        return _follow_up_form(request, order)
    try:
        moved = services.follow_up_record(
            order_id=order.pk, outcome=request.POST.get("outcome", ""), answer=request.POST.get("answer", ""),
            words=request.POST.get("words", ""), recording_no=request.POST.get("recording_no", ""), by=by, at=now,
            consent=consent_of(request.POST), summary=request.POST.get("summary", ""),
        )  # fmt: skip
    except Problem as problem:
        return _follow_up_form(request, order, problem.message + problem.cure)
    messages.success(request, f"{order.case.number} 回访已记录：{OrderState(moved.state).label}。")
    return HttpResponseRedirect(work.onward(request, "follow"))


def _follow_up_form(
    request: HttpRequest, order: Order, error: str = "", identity: dict[str, Any] | None = None
) -> HttpResponse:
    said = request.POST if error else {}
    return call_page(
        request, order.case, CallPurpose.FOLLOW_UP, reverse("order_follow_up", args=[order.pk]),
        view.follow_up_fields(said), error, identity,
    )  # fmt: skip


def follow_up_page(request: HttpRequest, case: Case, shown: dict[str, Any]) -> HttpResponse:
    """The follow-up page with the telephone on it (asked by 反馈 through the chain)."""
    order = view.current(case)
    if order is None or order.state not in MOVES.move("solve").source:
        raise Forbidden("现在没有要回访的整改。", cure="")
    return _follow_up_form(request, order, identity=shown)


@staff_page("order.read")
@require_safe
def evidence(request: HttpRequest, evidence_id: UUID) -> HttpResponse:
    """A document of what was done."""
    record, content = services.evidence_read(evidence_id=evidence_id, by=actor(request))
    return download(record.name, content)


@staff_page("case.read")
@require_POST
def sheet_of(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """The 处理单 as PDF or Word; that it was printed is on record, so it is asked for by a press."""
    kind = request.POST.get("kind", "")
    name, made = sheet.sheet_print(
        case_id=case_id, kind=kind, names=account_names(), by=actor(request), at=clock.now()
    )  # fmt: skip
    return download(name, made, TYPES[kind])
