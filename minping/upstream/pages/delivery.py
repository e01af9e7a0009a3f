"""The desk itself: the superiors, one list, what a person must look at; and the acts upon them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from minping.kernel import clock
from minping.kernel.errors import Forbidden, Invalid, NotFound, Stale
from minping.kernel.models import JournalEntry
from minping.kernel.paging import page_of
from minping.kernel.web import actor, staff_page
from minping.upstream import desk, queries, watch
from minping.upstream.models import OutboxMessage, Target, Task
from minping.upstream.pages.lists import TABS, back, held_by, line, listed, organizations, said, target_name, whole, why
from minping.upstream.pages.reconciliation import reconciliation
from minping.upstream.provinces import driver
from minping.upstream.states import MessageState

PAGE = 50
REPLAY_MOST = 200  # of one press: the press answers at once, and what is left is said
TASKS = {
    "difference": "对账差异",
    "lag": "差评落后",
    "silence": "久无此级",
    "probe": "探针未达",
    "unrated": "未评核对",
    "incoming": "上级下发",
    "below": "下级来件",
    "stranded": "原上级未了",
}
TASKS_SHOWN = 20


@staff_page("delivery.read")
@require_safe
def delivery(request: HttpRequest) -> HttpResponse:
    """Targets, counts, one list, and the reconciliation where a period is asked for."""
    who, now = actor(request), clock.now()
    tab = next((tab for tab in TABS if tab.id == request.GET.get("state")), TABS[0])
    places = organizations(who)
    counts = queries.counts(places)
    page = page_of(listed(places, tab.states), request, size=PAGE, newest_first=tab.newest_first)
    acting = set(organizations(who, "delivery.act"))
    targets = _targets()
    context: dict[str, Any] = {
        "targets": [_target_card(target, now) for target in targets],
        "counts": [
            {
                "label": one.label,
                "count": "" if one.newest_first else sum(counts.get(state, 0) for state in one.states),
                "url": f"{request.path}?state={one.id}",
                "active": one is tab,
            }
            for one in TABS
        ],
        "rows": _lines(page.rows, acting, now),
        "page": page.links,
        "empty_text": tab.empty,
        "actions": [
            *(_switch_actions(targets) if whole(who, "delivery.act") else ()),
            *(_replay_actions(tuple(acting)) if counts.get(MessageState.REFUSED) and acting else ()),
        ],
    }
    if whole(who, "delivery.read"):
        context["tasks"] = _tasks(may_close=whole(who, "delivery.act"))
    if acting or organizations(who, "delivery.check"):
        context["manual_url"] = reverse("delivery_manual")
        context["manual_count"] = counts.get(MessageState.MANUAL, 0)
    return render(request, "upstream/delivery.html", context | reconciliation(request, who, now))


def _tasks(*, may_close: bool) -> list[dict[str, Any]]:
    """What a person must look at, oldest first: differences, alarms, what came down and fits nowhere."""
    return [
        {
            "id": task.pk,
            "kind_label": TASKS.get(task.kind, task.kind),
            "text": task.text,
            "since_text": f"自 {clock.moment_text(task.opened_at)}",
            "rows": task.rows,
            "url": reverse("delivery_task", args=[task.pk]) if may_close else "",
        }
        for task in Task.objects.filter(closed_at__isnull=True).order_by("id")[:TASKS_SHOWN]
    ]


def _targets() -> list[Target]:
    """Every target there has been, and the one in use even before its first message."""
    known = list(Target.objects.order_by("code"))
    current = driver().name
    return known if any(target.code == current for target in known) else [*known, Target(code=current)]


def _target_card(target: Target, now: datetime) -> dict[str, Any]:
    state, label, since, why = _target_state(target, now)
    return {
        "name": target_name(target.code), "state": state, "state_label": label, "since_text": since, "why": why,
        "probe_text": _probe_text(target.code),
    }  # fmt: skip


def _probe_text(target: str) -> str:
    """How far the last probe came: what has only been tried up to the wire must not read as arrived."""
    last = queries.last_probe(target)
    if last is None:
        return ""
    at = clock.moment_text(last.settled_at or last.created_at)
    told = {
        MessageState.REHEARSED: f"{at} 探测到发送前一步，没有发出（省平台会把它算作评价）",
        MessageState.WAITING: f"自 {at} 还在等" + (f"：{last.error}" if last.error else ""),
        MessageState.REFUSED: f"{at} 没有走通：{last.error}",
    }
    return "探针（非常不满意）：" + told.get(MessageState(last.state), f"{at} 已送达")


def _target_state(target: Target, now: datetime) -> tuple[str, str, str, str]:
    if not target.enabled:
        switched = JournalEntry.objects.filter(
            action="target.switched", data__contains=f'"target": "{target.code}"'
        ).order_by("-id")
        at = switched.values_list("at", flat=True).first()
        return "stopped", "停用", f"自 {clock.moment_text(at)}" if at else "", target.reason
    if target.silent_since is not None:
        return "down", "断", f"自 {clock.moment_text(target.silent_since)} 起没有应答", target.last_error
    if target.last_ok_at is None:
        return "none", "还没有上送过", "", ""
    return "up", "通", f"最近送达 {clock.moment_text(target.last_ok_at)}", ""


def _lines(rows: list[OutboxMessage], acting: set[str], now: datetime) -> list[dict[str, Any]]:
    held = held_by(rows)
    return [
        {
            **line(row),
            "why": why(row, held, now),
            "url": reverse("delivery_message", args=[row.pk]) if row.organization_code in acting else "",
            "replay_url": (
                reverse("delivery_replay", args=[row.pk])
                if row.state == MessageState.REFUSED and row.organization_code in acting
                else ""
            ),
        }
        for row in rows
    ]


def _switch_actions(targets: list[Target]) -> list[dict[str, Any]]:
    reason = {"name": "reason", "label": "理由", "type": "text", "required": True}
    return [
        {
            "verb": "off" if target.enabled else "on",
            "label": f"{'停用' if target.enabled else '恢复'}{target_name(target.code)}",
            "url": reverse("delivery_switch", args=[target.code]),
            "fields": [reason],
            "explain": "停用期间的消息照常排队，一条不丢，恢复后按顺序送出。" if target.enabled else "恢复后，排队的消息按顺序送出。",
        }
        for target in targets
    ]  # fmt: skip


def _refused(places: Iterable[str]) -> QuerySet[OutboxMessage]:
    return listed(places, (MessageState.REFUSED,))


def _replay_actions(places: tuple[str, ...]) -> list[dict[str, Any]]:
    """For each error code a press that sends all its messages again."""
    codes = _refused(places).order_by().values_list("error_code").annotate(n=Count("id")).order_by("error_code")
    return [
        {
            "verb": "replay",
            "label": f"重发全部 {code or '没有代码'}（{n} 条）",
            "url": reverse("delivery_replay_all"),
            "hidden": [{"name": "code", "value": code}],
        }
        for code, n in codes
    ]


@staff_page("delivery.act")
@require_POST
def switch(request: HttpRequest, code: str) -> HttpResponse:
    """Stop or resume a target, with a reason."""
    who = actor(request)
    if not whole(who, "delivery.act"):
        raise Forbidden()
    if all(target.code != code for target in _targets()):
        raise NotFound("没有这个上送对象。")
    enabled = request.POST.get("verb") == "on"
    try:
        desk.target_switch(code=code, enabled=enabled, reason=request.POST.get("reason", ""), by=who, at=clock.now())
    except Invalid as problem:
        messages.error(request, said(problem))
    else:
        messages.success(request, f"{target_name(code)}已{'恢复' if enabled else '停用'}。")
    return back(request)


@staff_page("delivery.act")
@require_POST
def replay(request: HttpRequest, message_id: int) -> HttpResponse:
    """Send one message again."""
    desk.message_replay(message_id=message_id, by=actor(request), at=clock.now())
    messages.success(request, "已重新排队，马上再送。")
    return back(request, f"{reverse('delivery')}?state=refused")


@staff_page("delivery.act")
@require_POST
def replay_all(request: HttpRequest) -> HttpResponse:
    """Send again what was refused with one error code, within the actor's own scope."""
    who, now, code = actor(request), clock.now(), request.POST.get("code", "")
    rows = _refused(organizations(who, "delivery.act")).filter(error_code=code)
    done = 0
    for message_id in list(rows.order_by("id").values_list("id", flat=True)[:REPLAY_MOST]):
        try:
            desk.message_replay(message_id=message_id, by=who, at=now)
        except Stale:  # someone was first with this one
            continue
        done += 1
    left = rows.count()
    messages.success(request, f"{done} 条已重新排队。" + (f"还有 {left} 条，请再按一次。" if left else ""))
    return back(request, f"{reverse('delivery')}?state=refused")


@staff_page("delivery.act")
@require_POST
def task_close(request: HttpRequest, task_id: int) -> HttpResponse:
    """Close a task with what was found."""
    who = actor(request)
    if not whole(who, "delivery.act"):
        raise Forbidden()
    try:
        watch.task_close(task_id=task_id, finding=request.POST.get("finding", ""), by=who, at=clock.now())
    except Invalid as problem:
        messages.error(request, said(problem))
    else:
        messages.success(request, "已查结，结论记入日志。")
    return back(request)
