"""One message: where it stands, and its text at a press that goes on record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from minping.kernel import clock
from minping.kernel.errors import Invalid, NotFound
from minping.kernel.web import actor, staff_page
from minping.registry import queries as registry
from minping.upstream import desk, reading
from minping.upstream.models import OutboxMessage
from minping.upstream.pages.lists import TABS, Tab, back, held_by, line, said, why
from minping.upstream.states import ARRIVED, UNFINISHED, MessageState


@staff_page("delivery.act")
@require_http_methods(["GET", "HEAD", "POST"])
def message(request: HttpRequest, message_id: int) -> HttpResponse:
    """One message.  Its text opens at a press, which goes on record: opening the page alone writes nothing."""
    who, now = actor(request), clock.now()
    verb = request.POST.get("verb", "")
    opened: tuple[list[reading.Attempt], str] | None = None
    error = ""
    try:
        if verb == "open":
            opened = reading.message_open(message_id=message_id, by=who, at=now)
        elif verb == "replay":
            desk.message_replay(message_id=message_id, by=who, at=now)
            messages.success(request, "已重新排队，马上再送。")
            return back(request, request.path)
        elif verb == "by_hand":
            desk.message_done_by_hand(
                message_id=message_id, reference=request.POST.get("reference", ""), by=who, at=now
            )
            messages.success(request, "已登记省平台编号。")
            return back(request, request.path)
    except Invalid as problem:
        error = said(problem)
    return _message_page(request, message_id, opened, error, now)


def _message_page(
    request: HttpRequest,
    message_id: int,
    opened: tuple[list[reading.Attempt], str] | None,
    error: str,
    now: datetime,
) -> HttpResponse:
    row = OutboxMessage.objects.filter(pk=message_id).first()
    if row is None:
        raise NotFound()
    actor(request).require("delivery.act", registry.place(row.organization_code).path)
    attempts, body = opened or ([], "")
    context = {
        "message_row": {
            **line(row),
            "why": "" if row.state in ARRIVED else why(row, held_by([row]), now),
        },
        "actions": _message_actions(row, request.path, error, opened=opened is not None),
        "opened": opened is not None,
        "attempts": attempts,
        "body": body,
        "back_url": f"{reverse('delivery')}?state={_tab_of(row).id}",
    }
    return render(request, "upstream/message.html", context, status=422 if error else 200)


def _tab_of(row: OutboxMessage) -> Tab:
    return next(tab for tab in TABS if row.state in tab.states)


def _message_actions(row: OutboxMessage, url: str, error: str, *, opened: bool) -> list[dict[str, Any]]:
    offered: list[dict[str, Any]] = []
    if row.state in UNFINISHED:
        label = "重发" if row.state == MessageState.REFUSED else "马上再送"
        offered.append({"verb": "replay", "label": label, "url": url, "primary": True})
    if row.state in (MessageState.REFUSED, MessageState.MANUAL):
        offered.append(
            {
                "verb": "by_hand",
                "label": "已人工录入",
                "url": url,
                "error": error,
                "fields": [{"name": "reference", "label": "省平台编号", "type": "text", "required": True}],
            }
        )
    if not opened:
        offered.append({"verb": "open", "label": "查看原文（记入日志）", "url": url})
    return offered
