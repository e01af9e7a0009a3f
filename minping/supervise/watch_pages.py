"""监督 as pages: what is open, a lead and its finding, and what the rated see of themselves."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from minping.kernel import clock
from minping.kernel.errors import Problem
from minping.kernel.models import account_names
from minping.kernel.web import actor, staff_page
from minping.supervise import leads, overview, own
from minping.supervise.states import Finding, InquiryState, Kind


@staff_page("notice.read")
@require_safe
def supervise(request: HttpRequest) -> HttpResponse:
    """Notices and leads within the reader's scope, those longest due first; `?ended=1` what is over."""
    by, now = actor(request), clock.now()
    ended = request.GET.get("ended") == "1"
    context = {
        "ended": ended,
        "inquiries": overview.inquiries(by, now, ended),
        "leads": overview.lead_lines(by, ended) if by.may("lead.read") else None,
        "most": overview.MOST,
    }
    return render(request, "supervise/overview.html", context)


@staff_page("lead.read")
@require_safe
def lead(request: HttpRequest, lead_id: UUID) -> HttpResponse:
    return _lead(request, lead_id)


def _lead(request: HttpRequest, lead_id: UUID, error: str = "") -> HttpResponse:
    by, now = actor(request), clock.now()
    found = leads.lead_get(lead_id, by)
    refused = leads.refusal("close", found, by, now)
    said = request.POST
    action: dict[str, Any] = {
        "verb": "close", "label": "查结", "primary": True, "open": True, "error": error,
        "url": reverse("lead_close", args=[found.pk]),
        "explain": "查结只记结果，不改任何评价和指标。差评无效的，到差评件按申请撤销办；涉嫌违纪的，封存移送纪检。",
        "fields": [
            {
                "name": "finding", "label": "查到的结果", "type": "radio", "required": True,
                "options": [
                    {"value": one.value, "label": one.label, "selected": said.get("finding") == one} for one in Finding
                ],
            },
            {
                "name": "note", "label": "查了什么，查到什么", "type": "textarea", "required": True, "max": 2000,
                "value": said.get("note", ""), "help": "不要写群众的姓名电话。",
            },
        ],
    }  # fmt: skip
    context = {
        "lead": overview.lead_context(found, account_names()),
        "actions": [action] if refused is None else [],
        "refusals": [{"label": "查结", "reason": refused.message}] if refused is not None and not found.finding else [],
    }
    return render(request, "supervise/lead.html", context, status=422 if error else 200)


@staff_page("lead.close")
@require_POST
def lead_close(request: HttpRequest, lead_id: UUID) -> HttpResponse:
    """Close a lead with a finding."""
    try:
        closed = leads.lead_close(
            lead_id=lead_id, finding=request.POST.get("finding", ""), note=request.POST.get("note", ""),
            by=actor(request), at=clock.now(),
        )  # fmt: skip
    except Problem as problem:
        if problem.status != 422:
            raise
        return _lead(request, lead_id, problem.message + problem.cure)
    messages.success(request, f"{closed.number} 已查结：{Finding(closed.finding).label}。")
    return HttpResponseRedirect(reverse("supervise"))


@staff_page("own.read")
@require_safe
def own_page(request: HttpRequest) -> HttpResponse:
    """What the rated see of themselves."""
    return _own(request)


def _own(request: HttpRequest, error: str = "") -> HttpResponse:
    by, now = actor(request), clock.now()
    context = {
        "tables": own.months(by, now),
        "levels": [level.label for level in own.LEVELS],
        "cases": own.cases_of(by),
        "inquiries": [
            {
                "number": one.number, "url": reverse("desk_case", args=["mine", one.pk]),
                "what": f"{Kind(one.kind).label}：{one.name}", "state_label": InquiryState(one.state).label,
                "since_text": clock.day_text(one.opened_at),
            }
            for one in own.inquiries_of(by)
        ],
        "may_answer": by.may("own.answer"),
        "error": error,
        "longest": own.LONGEST,
    }  # fmt: skip
    return render(request, "supervise/own.html", context, status=422 if error else 200)


@staff_page("own.answer")
@require_POST
def statement(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """The rated person's own word to a negative: kept with the case."""
    try:
        own.statement_add(case_id=case_id, text=request.POST.get("text", ""), by=actor(request), at=clock.now())
    except Problem as problem:
        if problem.status != 422:
            raise
        return _own(request, problem.message + problem.cure)
    messages.success(request, "说明已存入案卷，评价人看不到。")
    return HttpResponseRedirect(reverse("own"))
