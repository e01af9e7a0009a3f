"""回调: whom this installation calls back, what waits, and what could not be delivered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from minping.evaluate.channels.hall import queries, subscribers
from minping.evaluate.channels.hall.models import Announcement, Subscriber
from minping.evaluate.channels.hall.states import OFFERED, UNFINISHED, AnnouncementState, Event
from minping.evaluate.channels.hall.subscribers import MANAGE
from minping.kernel import clock
from minping.kernel.access import Actor
from minping.kernel.errors import Invalid, Problem, Stale
from minping.kernel.paging import page_of
from minping.kernel.web import actor, staff_page
from minping.registry import queries as registry

PAGE = 50
REASON = {"name": "reason", "label": "理由", "type": "text", "required": True}
# state, what the tab says, the sentence where it is empty
TABS = (
    (AnnouncementState.DEAD, "送不到", "没有送不到的回调"),
    (AnnouncementState.WAITING, "待送", "没有等待的回调"),
    (AnnouncementState.DELIVERED, "已收", "还没有送到的回调"),
    (AnnouncementState.DROPPED, "已放下", "没有放下的回调"),
)
CHIPS = {
    AnnouncementState.WAITING: "soon", AnnouncementState.DELIVERED: "done", AnnouncementState.DEAD: "over",
    AnnouncementState.DROPPED: "",
}  # fmt: skip


def _within(who: Actor, permission: str) -> tuple[str, ...]:
    return registry.directory().within(who.scopes(permission))


@staff_page("delivery.read")
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The subscribers, and one list of announcements."""
    return _index(request)


def _index(
    request: HttpRequest, shown: Mapping[str, str] | None = None, given: Mapping[str, Any] | None = None
) -> HttpResponse:
    """The page; `shown` is a secret that is told this once, `given` a form that was refused."""
    who, now = actor(request), clock.now()
    places, managed = _within(who, "delivery.read"), set(_within(who, MANAGE))
    state, _, empty = next((tab for tab in TABS if tab[0] == request.GET.get("state")), TABS[0])
    counts = queries.counts(places)
    newest = state in (AnnouncementState.DELIVERED, AnnouncementState.DROPPED)
    page = page_of(queries.announcements(places, state), request, size=PAGE, newest_first=newest)
    context = {
        "shown": shown,
        "targets": [_card(one, counts, one.organization_code in managed) for one in queries.subscribers(places)],
        "dead": sum(n for (_, of), n in counts.items() if of == AnnouncementState.DEAD),
        "origins": settings.MINPING_CALLBACK_ORIGINS,
        "form": _form(managed, given or {}) if managed else None,
        "tabs": [
            {
                "label": label,
                "count": sum(n for (_, of), n in counts.items() if of == one) if one in UNFINISHED else "",
                "url": f"{reverse('callbacks')}?state={one.value}",
                "active": one is state,
            }
            for one, label, _ in TABS
        ],
        "rows": [_line(row, row.target.organization_code in managed, now) for row in page.rows],
        "page": page.links,
        "empty_text": empty,
    }
    response = render(request, "hall/callbacks.html", context, status=given["status"] if given else 200)
    response["Cache-Control"] = "no-store"
    return response


def _card(one: Subscriber, counts: Mapping[tuple[UUID, str], int], managed: bool) -> dict[str, Any]:
    state, label, since, why = _state(one)
    return {
        "id": one.pk,
        "name": one.label,
        "place": registry.place(one.organization_code).name,
        "address": one.address,
        "events": "、".join(Event(event).label for event in one.events),
        "state": state,
        "state_label": label,
        "since_text": since,
        "why": why,
        "waiting": counts.get((one.pk, AnnouncementState.WAITING), 0),
        "dead": counts.get((one.pk, AnnouncementState.DEAD), 0),
        "actions": _actions(one) if managed else [],
    }


def _state(one: Subscriber) -> tuple[str, str, str, str]:
    if not one.enabled:
        return "stopped", "停用", "停用期间的回调照常排队", one.reason
    if one.silent_since is not None:
        return "down", "断", f"自 {clock.moment_text(one.silent_since)} 起没有送到", one.last_error
    if one.last_ok_at is None:
        return "none", "还没有送过", "", ""
    return "up", "通", f"最近送到 {clock.moment_text(one.last_ok_at)}", ""


def _actions(one: Subscriber) -> list[dict[str, Any]]:
    on = not one.enabled
    return [
        {"verb": "test", "label": "测试", "url": reverse("callback_test", args=[one.pk])},
        {
            "verb": f"switch-{one.pk}",
            "label": "恢复" if on else "停用",
            "url": reverse("callback_switch", args=[one.pk]),
            "hidden": [{"name": "enabled", "value": int(on)}],
            "fields": [REASON],
            "explain": "恢复后，排队的回调按顺序送出。" if on else "停用期间的回调照常排队，恢复后按顺序送出。",
        },
        {
            "verb": f"secret-{one.pk}",
            "label": "换密钥",
            "url": reverse("callback_secret", args=[one.pk]),
            "fields": [{"name": "sure", "label": "请再确认", "type": "checks", "required": True,
                        "options": [{"value": "1", "label": "现在换，新密钥只显示一次"}]}],
            "explain": "旧密钥再有效一段时间，其间新旧两个签名都带上，对方可以从容更换。",
        },
        {
            "verb": f"retire-{one.pk}",
            "label": "注销",
            "url": reverse("callback_retire", args=[one.pk]),
            "fields": [REASON],
            "explain": "不再通知这个系统，还在排队的一并放下。不能恢复，要用时重新登记。",
        },
    ]  # fmt: skip


def _form(managed: set[str], given: Mapping[str, Any]) -> dict[str, Any]:
    places = registry.directory().places
    post = given.get("post", {})
    field = given.get("field")

    def one(name: str, label: str, **more: Any) -> dict[str, Any]:
        error = given["error"] if field == name else ""
        return {"name": name, "label": label, "required": True, "value": post.get(name, ""), "error": error, **more}

    chosen = post.getlist("events") if post else []
    return {
        "url": reverse("callback_new"),
        "verb": "new",
        "label": "登记一个回调对象",
        "submit_label": "登记",
        "open": bool(given),
        "error": given["error"] if given and field not in ("label", "organization_code", "address", "events") else "",
        "explain": "登记后给出密钥，只显示一次。对方怎样验证签名，见 docs/api.md 的“回调”。",
        "fields": [
            one("label", "对方系统的名称", max=60),
            one("organization_code", "只告诉它哪个机构（含下级）的事", type="select", options=[
                {"value": code, "label": places[code].name, "selected": post.get("organization_code") == code}
                for code in sorted(managed) if places[code].live
            ]),
            one("address", "接收回调的网址", help="来源须在 callback_origins 里，https 或本机，不带参数"),
            one("events", "通知哪些事", type="checks", options=[
                {"value": event.value, "label": event.label, "hint": event.value, "selected": event.value in chosen}
                for event in OFFERED
            ]),
        ],
    }  # fmt: skip


def _line(row: Announcement, managed: bool, now: datetime) -> dict[str, Any]:
    state = AnnouncementState(row.state)
    held = state == AnnouncementState.WAITING and row.attempts == 0 and row.created_at < now and not row.error
    return {
        "id": row.pk,
        "event": Event(row.event).label,
        "target": row.target.label,
        "tail": row.case_no[-4:],
        "reference": row.subject.hex[-6:],
        "state_kind": CHIPS[state],
        "state_label": state.label,
        "since": clock.moment_text(row.settled_at or row.created_at),
        "attempts": row.attempts,
        "why": row.error or ("等待送出；同一办件的前一条没送到时，先等它" if held else ""),
        "manage": managed and state in (AnnouncementState.DEAD, AnnouncementState.WAITING),
        "dead": state == AnnouncementState.DEAD,
    }


# --- acts --------------------------------------------------------------------------------------


def _back(state: str = "") -> HttpResponse:
    return HttpResponseRedirect(reverse("callbacks") + (f"?state={state}" if state else ""), status=303)


@staff_page(MANAGE)
@require_POST
def register(request: HttpRequest) -> HttpResponse:
    """A new subscriber; its secret is on this answer and nowhere else."""
    post = request.POST
    try:
        made, shown = subscribers.subscriber_register(
            organization_code=post.get("organization_code", ""), label=post.get("label", ""),
            address=post.get("address", "").strip(), events=post.getlist("events"), by=actor(request), at=clock.now(),
        )  # fmt: skip
    except Problem as problem:
        told = {"error": problem.message + problem.cure, "field": problem.field, "post": post, "status": problem.status}
        return _index(request, given=told)
    return _index(request, {"name": made.label, "secret": shown})


@staff_page(MANAGE)
@require_POST
def secret(request: HttpRequest, subscriber_id: UUID) -> HttpResponse:
    """Another secret for a subscriber, shown on this answer and nowhere else."""
    if not request.POST.get("sure"):
        messages.error(request, "没有换：请先勾选确认。")
        return _back()
    shown = subscribers.secret_change(subscriber_id=subscriber_id, by=actor(request), at=clock.now())
    return _index(request, {"name": Subscriber.objects.get(pk=subscriber_id).label, "secret": shown})


@staff_page(MANAGE)
@require_POST
def switch(request: HttpRequest, subscriber_id: UUID) -> HttpResponse:
    """Stop or resume, with a reason."""
    enabled = request.POST.get("enabled") == "1"
    return _done(
        request, "已恢复。" if enabled else "已停用。", subscribers.subscriber_switch,
        subscriber_id=subscriber_id, enabled=enabled, reason=request.POST.get("reason", ""),
    )  # fmt: skip


@staff_page(MANAGE)
@require_POST
def retire(request: HttpRequest, subscriber_id: UUID) -> HttpResponse:
    """End a subscriber, with a reason."""
    return _done(
        request, "已注销，不再通知这个系统。", subscribers.subscriber_retire,
        subscriber_id=subscriber_id, reason=request.POST.get("reason", ""),
    )  # fmt: skip


@staff_page(MANAGE)
@require_POST
def test(request: HttpRequest, subscriber_id: UUID) -> HttpResponse:
    """A marked row through the real queue."""
    _done(request, "测试已经排队，送到没有看“已收”。", subscribers.subscriber_test, subscriber_id=subscriber_id)
    return _back("delivered")


@staff_page(MANAGE)
@require_POST
def replay(request: HttpRequest, announcement_id: int) -> HttpResponse:
    """Try one row again."""
    _done(request, "已重新排队，马上再送。", subscribers.announcement_replay, announcement_id=announcement_id)
    return _back("waiting")


@staff_page(MANAGE)
@require_POST
def drop(request: HttpRequest, announcement_id: int) -> HttpResponse:
    """Give one dead row up, with a reason."""
    return _done(
        request, "已放下，同一办件后面的照常送。", subscribers.announcement_drop,
        announcement_id=announcement_id, reason=request.POST.get("reason", ""),
    )  # fmt: skip


def _done(request: HttpRequest, said: str, duty: Any, **given: Any) -> HttpResponse:
    """Do one duty and say how it went, on the page that everything stands on."""
    try:
        duty(by=actor(request), at=clock.now(), **given)
        messages.success(request, said)
    except (Invalid, Stale) as problem:
        messages.error(request, problem.message + problem.cure)
    return _back()
