"""By hand: what the interface cannot take, entered by one person and looked at by another."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from minping.kernel import clock
from minping.kernel.errors import Invalid
from minping.kernel.paging import page_of
from minping.kernel.web import actor, staff_page
from minping.upstream import building, desk, reading
from minping.upstream.pages.lists import back, line, listed, organizations, said
from minping.upstream.states import MessageState

PAGE = 20
EXPORT_MOST = 5000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@staff_page("delivery.check")
@require_safe
def manual(request: HttpRequest) -> HttpResponse:
    """What the interface cannot take: the facts to copy, a place for the province's number, the second look."""
    return _manual_page(request)


def _manual_page(request: HttpRequest, wrong: int = 0, error: str = "") -> HttpResponse:
    who = actor(request)
    places, checking = organizations(who, "delivery.act"), organizations(who, "delivery.check")
    page = page_of(listed(places, (MessageState.MANUAL,)), request, size=PAGE)
    entered = list(listed(checking, (MessageState.CHECKING,)).order_by("id")[:PAGE])
    built = building.build([*page.rows, *entered])
    context = {
        "rows": [
            {
                **line(row),
                "items": reading.facts(built[row.pk]),
                "url": reverse("delivery_manual_done", args=[row.pk]),
                "error": error if row.pk == wrong else "",
            }
            for row in page.rows
        ],
        "entered": [
            {
                **line(row),
                "items": reading.facts(built[row.pk]),
                "own": row.entered_by == who.name,
                "url": reverse("delivery_manual_checked", args=[row.pk]),
            }
            for row in entered
        ],
        "page": page.links,
        "export_url": reverse("delivery_manual_export") if page.rows else "",
        "may_enter": bool(places),
        "back_url": reverse("delivery"),
    }
    return render(request, "upstream/manual.html", context, status=422 if error else 200)


@staff_page("delivery.act")
@require_POST
def manual_done(request: HttpRequest, message_id: int) -> HttpResponse:
    """Record the number under which a person entered it."""
    try:
        desk.message_done_by_hand(
            message_id=message_id, reference=request.POST.get("reference", ""), by=actor(request), at=clock.now()
        )
    except Invalid as problem:
        return _manual_page(request, message_id, said(problem))
    messages.success(request, "已登记省平台编号，等另一个人复核。")
    return back(request, reverse("delivery_manual"))


@staff_page("delivery.check")
@require_POST
def manual_checked(request: HttpRequest, message_id: int) -> HttpResponse:
    """The second look at what another person entered."""
    right = request.POST.get("verb") == "right"
    desk.message_checked(message_id=message_id, right=right, by=actor(request), at=clock.now())
    messages.success(request, "已复核，算作送达。" if right else "已退回，重新录入。")
    return back(request, reverse("delivery_manual"))


@staff_page("delivery.act")
@require_POST
def manual_export(request: HttpRequest) -> HttpResponse:
    """The work list as a workbook, without what identifies a person; the download goes on record."""
    who, now = actor(request), clock.now()
    places = organizations(who, "delivery.act")
    rows = list(listed(places, (MessageState.MANUAL,)).order_by("id")[:EXPORT_MOST])
    content = reading.manual_workbook(rows, by=who, at=now)
    answer = HttpResponse(content, content_type=XLSX)
    answer["Content-Disposition"] = f'attachment; filename="manual-{clock.beijing(now):%Y%m%d-%H%M}.xlsx"'
    return answer
