"""The case's own acts: call back, confirm.  What it shows is built in `feedback/view.py`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from minping.evaluate.channels.ivr.queries import recordings_of
from minping.feedback import authority, below, decisions, services, view
from minping.feedback.models import Case
from minping.feedback.states import DECISIONS, MOVES, CallPurpose, CaseState
from minping.feedback.tickets.people import people_open
from minping.kernel import clock, events, work
from minping.kernel.access import Actor
from minping.kernel.documents import download, uploads_of
from minping.kernel.errors import NotFound, Problem
from minping.kernel.web import SIGNED_IN, actor, staff_page


def _case(case_id: UUID, by: Actor) -> Case:
    case = services.case_get(case_id)
    services.read_require(case, by)
    return case


def call_page(
    request: HttpRequest,
    case: Case,
    purpose: CallPurpose,
    action: str,
    extra: list[dict[str, Any]],
    error: str = "",
    identity: dict[str, Any] | None = None,
) -> HttpResponse:
    """The call-back page, for verifying and for following up alike."""  # fmt: skip
    trail = work.trail_of(request)
    identity = identity or view.identity_context(case, purpose)
    if trail and identity.get("open_url"):
        identity["open_url"] += trail
    context = {
        "case": view.case_context(case),
        "clock": work.clock_context(case, clock.now()),
        "purpose": str(purpose),
        "purpose_label": purpose.label,
        "script": view.script_of(case, purpose, clock.now()),
        "identity": identity,
        "action": action + trail,
        "fields": [*view.call_fields(request.POST if error else {}), *extra],
        "error": error,
        "calls": view.calls_context(case),
        "back_url": reverse("desk_case", args=[work.opened_from(request, "mine"), case.pk]) + trail,
    }
    return render(request, "rectify/call.html", context, status=422 if error else 200)


@staff_page("case.call")
@require_http_methods(["GET", "HEAD", "POST"])
def call(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """Verify a negative by telephone (minan/4.2.2): script, telephone on record, what was said."""
    by, now = actor(request), clock.now()
    case = _case(case_id, by)
    refused = services.call_refusal(case, by, now)
    if refused is not None:
        raise refused
    action = reverse("case_call", args=[case.pk])
    if request.method == "POST":
        try:
            services.call_record(
                case_id=case.pk, purpose=CallPurpose.VERIFY, outcome=request.POST.get("outcome", ""),
                words=request.POST.get("words", ""), recording_no=request.POST.get("recording_no", ""), by=by, at=now,
                consent=services.consent_of(request.POST), summary=request.POST.get("summary", ""),
            )  # fmt: skip
        except Problem as problem:
            return call_page(request, case, CallPurpose.VERIFY, action, [], problem.message + problem.cure)
        messages.success(request, "回访已记录。")
        here = reverse("desk_case", args=[work.opened_from(request, "verify"), case.pk])
        return HttpResponseRedirect(here + work.trail_of(request))
    return call_page(request, case, CallPurpose.VERIFY, action, [])


@staff_page("identity.open")
@require_POST
def open_identity(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """Show name and telephone once, for a purpose, on record."""
    by, now = actor(request), clock.now()
    case = _case(case_id, by)
    try:
        purpose = CallPurpose(request.POST.get("purpose", ""))
    except ValueError as failure:
        raise Problem("请选择查看用途。", cure="") from failure
    people = people_open(case=case, purpose=purpose, by=by, at=now)
    first = people[0] if people else None
    shown = {
        "phone": (first and first.phone) or "（没有登记电话）",
        "name": first.name if first else "",
        "others": [{"name": one.name, "phone": one.phone} for one in people[1:]],
        "recordings": recordings_of(case.service) if case.service else [],
        "opened_text": f"{by.label} {clock.moment_text(now)} {purpose.label}",
    }
    return _with_identity(request, case, purpose, shown)


def _with_identity(request: HttpRequest, case: Case, purpose: CallPurpose, shown: dict[str, Any]) -> HttpResponse:
    """The call-back page with the telephone on it, for whichever purpose."""
    if purpose is CallPurpose.VERIFY:
        return call_page(request, case, purpose, reverse("case_call", args=[case.pk]), [], identity=shown)
    page: HttpResponse = events.table("FOLLOW_UP_PAGE")(request, case, shown)
    return page


@staff_page("case.verify")
@require_POST
def confirm(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """Confirm a negative: it is handed over for rectification (minan/4.2.3)."""
    return _decide(request, case_id, "confirm")


@staff_page(SIGNED_IN)
@require_POST
def move(request: HttpRequest, case_id: UUID, verb: str) -> HttpResponse:
    """Any move of the case's table, by its verb; who may is asked of the table itself."""
    if verb not in _verbs():
        raise NotFound()
    return _decide(request, case_id, verb)


DONE = {
    "confirm": "已认定属实，转办整改",
    "mistaken": "已认定误评，等负责人审批",
    "not_ours": "已认定不是本单位的事项，等负责人审批",
    "malicious": "已认定恶意，等另一单位的人复核",
    "assign": "已转给{seat}，原时限照常计算",
    "assign_review": "已转给{seat}，原时限照常计算",
    "grant": "已决定撤销，随即下达",
    "deny": "已决定不予撤销，随即下达",
    "refer": "已转报更高一级",
}
ASSIGNED = frozenset({"assign", "assign_review"})
ABOVE = frozenset(move.verb for move in DECISIONS.moves)


def _verbs() -> frozenset[str]:
    return frozenset({"confirm", *decisions.ACTS, *ABOVE})


def _decide(request: HttpRequest, case_id: UUID, verb: str) -> HttpResponse:
    """Done, on to the next; refused, back with the sentence.  Whoever may not even see it is told nothing."""
    by, now = actor(request), clock.now()
    case = services.case_get(case_id)
    move = (DECISIONS if verb in ABOVE else MOVES).move(verb)
    party = not services.readable(case, by)
    if party:
        by.require(move.permission, services.seat(case, move.permission).path, case.window_code)
    view_id = "appeal" if party else view.HERE.get(CaseState(case.state), "mine")
    here = view_id if by.may(view.PERMISSION_OF.get(view_id, "")) else "mine"
    try:
        if verb in ABOVE:
            authority.revocation_decide(case_id=case.pk, verb=verb, said=request.POST.dict(), by=by, at=now)
        elif case.origin and verb == "supervise":
            authority.case_press(case_id=case.pk, text=request.POST.get("reason", ""), by=by, at=now)
        elif verb == "confirm":
            services.case_confirm(case_id=case.pk, note=request.POST.get("note", ""), by=by, at=now)
        else:
            decisions.case_decide(
                case_id=case.pk, verb=verb, said=request.POST.dict(), uploads=uploads_of(request), by=by, at=now
            )
    except Problem as problem:
        return work.refused(request, problem, here, case.pk)
    if verb in ASSIGNED:
        case.refresh_from_db()
    done = DONE.get(verb, f"已办：{move.label}").format(seat=services.seat(case).name)
    messages.success(request, f"{case.number} {done}。")
    return HttpResponseRedirect(work.onward(request, here))


@staff_page(SIGNED_IN)
@require_safe
def document(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """A document of the case, as a download."""
    record, content = decisions.document_read(document_id=document_id, by=actor(request))
    return download(record.name, content)


@staff_page("below.read")
@require_http_methods(["GET", "HEAD", "POST"])
def below_page(request: HttpRequest) -> HttpResponse:
    """The levels below: how each stands with us, and a negative to send down."""
    by, now = actor(request), clock.now()
    said, error = request.POST, ""
    if request.method == "POST":
        number = said.get("service_no", "")
        try:
            reference = below.negative_send(
                organization_code=said.get("organization_code", ""), case_no=said.get("case_no", ""),
                service_no=int(number) if number.isdecimal() and len(number) < 6 else 0,
                level=int(said["level"]) if said.get("level", "") in ("1", "2") else 0, text=said.get("text", ""),
                channel="phone", by=by, at=now,
            )  # fmt: skip
        except Problem as problem:
            error = problem.message + problem.cure
        else:
            messages.success(request, f"已下发，编号 {reference}。")
            return HttpResponseRedirect(reverse("below"))
    rows = below.standings(by)
    fields = view.negative_fields(said if error else {}) if by.may("negative.send") else []
    context = {"rows": rows, "to_decide": sum(row.to_decide for row in rows), "fields": fields, "error": error}
    return render(request, "feedback/below.html", context, status=422 if error else 200)
