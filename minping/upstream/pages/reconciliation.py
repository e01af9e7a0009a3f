"""Whether the numbers agree: by day and level, by channel and unit, and what is still to be rated above."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from minping import law
from minping.kernel import clock
from minping.kernel.access import Actor
from minping.kernel.errors import Forbidden, Invalid
from minping.kernel.web import actor, staff_page
from minping.registry import queries as registry
from minping.upstream import queries, reading, unrated, watch
from minping.upstream.pages.lists import back, said, whole
from minping.upstream.port import Ability
from minping.upstream.provinces import driver

PERIOD_DAYS = 7
PERIOD_MOST = 92


def reconciliation(request: HttpRequest, who: Actor, now: datetime) -> dict[str, Any]:
    """The table for the period asked for; without one only the form, for the superior must be asked too."""
    if not whole(who, "delivery.read"):
        return {"reconciled_text": "对账是全街道的，由街道的人员查看。"}
    if driver().ends:
        return {"reconciled_text": "本级是终点，上面没有系统可对；下级的对账由下级做，见“下级”页。"}
    today = clock.beijing(now).date()
    given = {name: request.GET.get(name, "") for name in ("from", "to")}
    shown: dict[str, Any] = {
        "reconcile_fields": [
            {"name": "from", "label": "从", "type": "date", "required": True,
             "value": given["from"] or (today - timedelta(days=PERIOD_DAYS - 1)).isoformat()},
            {"name": "to", "label": "到", "type": "date", "required": True,
             "value": given["to"] or today.isoformat()},
        ]
    }  # fmt: skip
    if whole(who, "delivery.act"):
        shown["unrated"] = {
            "url": reverse("delivery_unrated"), "asks": Ability.PULL_OPEN_SERVICES in driver().abilities
        }  # fmt: skip
    if not any(given.values()):
        return shown
    try:
        start, end = _period(given["from"], given["to"])
    except Invalid as problem:
        return {**shown, "reconcile_error": said(problem)}
    lines, answered = queries.reconciled(start, end, at=now)
    shown["reconciliation"] = [_recon_row(line) for line in lines]
    if lines:
        shown["reconciliation"].append(_recon_total(lines))
        shown["breakdowns"] = _breakdowns(start, end, now)
    if whole(who, "delivery.act"):
        shown["reconcile_now"] = {"url": reverse("delivery_reconcile"), "start": start, "end": end}
    shown["reconciled_text"] = f"{clock.moment_text(now)} 对账" + (
        "" if answered else "；省平台现在查不到，差额按省平台的收据算"
    )
    return shown


def _breakdowns(start: date, end: date, now: datetime) -> list[dict[str, Any]]:
    """The same records by channel and by unit, each looked for by itself."""
    lines = watch.compare(start, end, at=now)
    names = {code: place.name for code, place in registry.directory().places.items()}
    rules = law.at(settings.MINPING_AREA, end)
    channels = {id: row.label for id, row in rules.channels.items()}
    return [
        {
            "title": title,
            "rows": [
                {
                    "name": known.get(one.name, one.name) or "不分渠道", "ours": one.ours, "sent": one.sent,
                    "arrived": one.arrived, "seen": one.seen, "missing": one.missing, "flying": one.flying,
                }
                for one in watch.counted(lines, field)
            ],
        }
        for title, field, known in (("渠道", "channel", channels), ("单位", "organization_code", names))
    ]  # fmt: skip


def _period(start: str, end: str) -> tuple[date, date]:
    try:
        first, last = date.fromisoformat(start), date.fromisoformat(end)
    except ValueError as failure:
        raise Invalid("日期不对。", cure="请写成 2026-11-23 这样。", field="from") from failure
    if first > last:
        raise Invalid("起始日晚于截止日。", cure="请调换一下。", field="from")
    if (last - first).days >= PERIOD_MOST:
        raise Invalid("时段太长。", cure=f"一次最多对 {PERIOD_MOST} 天，请分几次。", field="to")
    return first, last


def _recon_row(line: queries.Line) -> dict[str, Any]:
    level = law.InterfaceLevel(line.level).label if line.level else ""
    midnight = datetime(line.day.year, line.day.month, line.day.day, tzinfo=clock.BEIJING)
    return {
        "day_text": clock.day_text(midnight),
        "kind_label": reading.kind_label(line.kind),
        "level_label": level,
        "ours": line.ours,
        "arrived": line.sent,
        "seen": line.seen,
        "difference": line.difference,
        "flying": line.flying,
    }


def _recon_total(lines: list[queries.Line]) -> dict[str, Any]:
    seen = [line.seen for line in lines if line.seen is not None]
    return {
        "total": True,
        "day_text": "合计",
        "ours": sum(line.ours for line in lines),
        "arrived": sum(line.sent for line in lines),
        "seen": sum(seen) if seen else None,
        # Days must not make up for each other: a surplus here and a gap there are two differences.
        "difference": sum(abs(line.difference) for line in lines),
        "flying": sum(line.flying for line in lines),
    }


@staff_page("delivery.act")
@require_POST
def reconcile_now(request: HttpRequest) -> HttpResponse:
    """Reconcile a period row by row; each difference becomes a task that names its rows."""
    who = actor(request)
    if not whole(who, "delivery.act"):
        raise Forbidden()
    try:
        start, end = _period(request.POST.get("from", ""), request.POST.get("to", ""))
    except Invalid as problem:
        messages.error(request, said(problem))
        return back(request)
    lines = watch.reconcile(start, end, at=clock.now())
    different = sum(bool(line.missing) for line in lines)
    if different:
        messages.error(request, f"有 {different} 处差异，已列入待查，写明了是哪几条。")
    else:
        messages.success(request, "逐条核对，没有差异。")
    return back(request, f"{reverse('delivery')}?from={start}&to={end}")


@staff_page("delivery.act")
@require_POST
def unrated_now(request: HttpRequest) -> HttpResponse:
    """Compare what is still to be rated above with ours: asked for, or as the list that a person has pasted."""
    who, now = actor(request), clock.now()
    if not whole(who, "delivery.act"):
        raise Forbidden()
    try:
        if request.POST.get("verb") == "ask":
            found = unrated.unrated_ask(at=now)
        else:
            found = unrated.unrated_read(request.POST.get("list", ""), by=who, at=now)
    except Invalid as problem:
        messages.error(request, said(problem))
        return back(request)
    if found is None:
        messages.error(request, "上级没有应答，请稍后再查。")
    else:
        (messages.success if found.clean else messages.error)(request, found.text)
    return back(request)
