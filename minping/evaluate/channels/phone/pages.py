"""电话请评: the page dials nothing; it gives the next person, the words to say, and takes down the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from minping.evaluate.channels.ivr.queries import DAYS, tally
from minping.evaluate.channels.phone import services
from minping.evaluate.channels.phone.models import AskCall
from minping.evaluate.channels.phone.states import AskOutcome
from minping.evaluate.services import identity_open
from minping.evaluate.view import rules_of, service_view
from minping.kernel import clock
from minping.kernel.errors import Problem
from minping.kernel.web import actor, staff_page
from minping.registry import queries as registry

SCRIPT = (
    "您好，这里是{office}，想请您对一次政务服务作个评价。通话会录音。您现在方便吗？（不方便就道谢挂断）",
    "您 {when} 办的“{item}”，对这次服务，您的评价是：{levels}？（照这个次序念完，不停顿、不加重、不重复其中一个）",
    "您有什么想说的，我照原话记下来。（只听，不劝，不解释，不问为什么不给更高的）",
    "您评的是“……”，对吗？评价会如实上报省“好差评”平台，窗口人员看不到您的姓名和电话。谢谢您。",
)


@staff_page("rating.ask")
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The operator's last calls, and the button for the next; how the telephone system's own calls went."""
    mine = AskCall.objects.filter(by=actor(request).name).select_related("service").order_by("-opened_at")[:20]
    rows = [
        {
            "item": call.service.item_name,
            "tail": call.service.case_tail,
            "when": clock.moment_text(call.opened_at),
            "outcome": AskOutcome(call.outcome).label if call.outcome else "正在打",
            "recording_no": call.recording_no,
            "url": "" if call.outcome else reverse("ask_call", args=[call.pk]),
        }
        for call in mine
    ]
    machine = tally(registry.directory().within(actor(request).scopes("rating.ask")), clock.now())
    context = {
        "rows": rows,
        "next_url": reverse("ask_next"),
        "machine": machine.rows,
        "machine_last": clock.moment_text(machine.last) if machine.last else "",
        "days": DAYS,
    }
    return render(request, "phone/index.html", context)


@staff_page("rating.ask")
@require_POST
def next_call(request: HttpRequest) -> HttpResponse:
    """The system gives the next person to ask."""
    try:
        call = services.ask_open(by=actor(request), at=clock.now())
    except Problem as problem:
        messages.error(request, problem.message + problem.cure)
        return HttpResponseRedirect(reverse("ask"))
    return HttpResponseRedirect(reverse("ask_call", args=[call.pk]))


@staff_page("rating.ask")
@require_http_methods(["GET", "HEAD", "POST"])
def call(request: HttpRequest, call_id: UUID) -> HttpResponse:
    """One call: what to say, in which order the levels are read, what was answered."""
    by = actor(request)
    found = services.ask_get(call_id=call_id, by=by)
    if request.method != "POST":
        return HttpResponseRedirect(reverse("ask")) if found.outcome else _show(request, found)
    said = request.POST
    try:
        services.ask_record(
            call_id=call_id, outcome=said.get("outcome", ""), level=said.get("level", ""),
            words=said.get("words", ""), recording_no=said.get("recording_no", ""), by=by, at=clock.now(),
        )  # fmt: skip
    except Problem as problem:
        return _show(request, found, problem=problem)
    messages.success(request, "这次电话已记录。")
    return HttpResponseRedirect(reverse("ask"))


@staff_page("rating.ask")
@require_POST
def phone(request: HttpRequest, call_id: UUID) -> HttpResponse:
    """Show name and telephone for this call, on record."""
    by, now = actor(request), clock.now()
    found = services.ask_get(call_id=call_id, by=by)
    if found.outcome:
        return HttpResponseRedirect(reverse("ask"))
    person = identity_open(service=found.service, purpose="ask", by=by, at=now)
    opened = f"{by.label} {clock.moment_text(now)} 电话请评"
    return _show(request, found, {"name": person.name, "phone": person.phone, "opened_text": opened})


def _show(
    request: HttpRequest, found: AskCall, person: Mapping[str, str] | None = None, problem: Problem | None = None
) -> HttpResponse:
    service = found.service
    labels = {int(row.code): row.label for row in rules_of(service).levels}
    said = request.POST if problem else {}
    words = {
        "office": service.organization_name,
        "when": clock.moment_text(service.served_at),
        "item": service.item_name,
        "levels": "、".join(labels[level] for level in found.order),
    }
    context: dict[str, Any] = {
        "service": service_view(service),
        "person": person,
        "phone_url": reverse("ask_phone", args=[found.pk]),
        "action": reverse("ask_call", args=[found.pk]),
        "script": [sentence.format(**words) for sentence in SCRIPT],
        "outcomes": [{"value": o.value, "label": o.label, "on": said.get("outcome") == o} for o in AskOutcome],
        "levels": [
            {"value": level, "label": labels[level], "on": said.get("level") == str(level)} for level in found.order
        ],
        "words": said.get("words", ""),
        "recording_no": said.get("recording_no", ""),
        "text_max": rules_of(service).value("text_max").value,
        "error": f"{problem.message}{problem.cure}" if problem else "",
    }
    return render(request, "phone/call.html", context, status=problem.status if problem else 200)
