"""上送: what waits, what was refused, what goes by hand, and whether the numbers agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from minping import law
from minping.kernel import clock
from minping.kernel.access import Actor
from minping.kernel.errors import Forbidden, Invalid, NotFound, Problem, Stale
from minping.kernel.models import JournalEntry
from minping.kernel.paging import page_of
from minping.kernel.web import actor, public_page, staff_page
from minping.registry import queries as registry
from minping.upstream import building, desk, incoming, queries, reading, unrated, watch
from minping.upstream.models import OutboxMessage, Target, Task
from minping.upstream.port import Ability
from minping.upstream.provinces import driver
from minping.upstream.states import ARRIVED, UNFINISHED, MessageState

PAGE = 50
MANUAL_PAGE = 20
EXPORT_MOST = 5000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
REPLAY_MOST = 200  # of one press: the press answers at once, and what is left is said
PERIOD_DAYS = 7
PERIOD_MOST = 92

Counter = Callable[[datetime, datetime], Mapping[tuple[date, str, int | None], int]]


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


def _organizations(who: Actor, permission: str = "delivery.read") -> tuple[str, ...]:
    return registry.directory().within(who.scopes(permission))


def _whole(who: Actor, permission: str) -> bool:
    """Whether the permission covers the office itself: a target and the reconciliation are the whole office's."""
    office = registry.directory().office(settings.MINPING_AREA)
    return office is not None and who.can(permission, office.path)


# --- the desk ----------------------------------------------------------------------------------


@staff_page("delivery.read")
@require_safe
def delivery(request: HttpRequest) -> HttpResponse:
    """Targets, counts, one list, and the reconciliation where a period is asked for."""
    who, now = actor(request), clock.now()
    tab = next((tab for tab in TABS if tab.id == request.GET.get("state")), TABS[0])
    places = _organizations(who)
    counts = queries.counts(places)
    page = page_of(_listed(places, tab.states), request, size=PAGE, newest_first=tab.newest_first)
    acting = set(_organizations(who, "delivery.act"))
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
            *(_switch_actions(targets) if _whole(who, "delivery.act") else ()),
            *(_replay_actions(tuple(acting)) if counts.get(MessageState.REFUSED) and acting else ()),
        ],
    }
    if _whole(who, "delivery.read"):
        context["tasks"] = _tasks(may_close=_whole(who, "delivery.act"))
    if acting or _organizations(who, "delivery.check"):
        context["manual_url"] = reverse("delivery_manual")
        context["manual_count"] = counts.get(MessageState.MANUAL, 0)
    return render(request, "upstream/delivery.html", context | _reconciliation(request, who, now))


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


def _listed(places: Iterable[str], states: Iterable[MessageState]) -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(organization_code__in=places, state__in=states)


def _targets() -> list[Target]:
    """Every target there has been, and the one in use even before its first message."""
    known = list(Target.objects.order_by("code"))
    current = driver().name
    return known if any(target.code == current for target in known) else [*known, Target(code=current)]


def _target_name(code: str) -> str:
    current = driver()
    return current.label if code == current.name else code


def _target_card(target: Target, now: datetime) -> dict[str, Any]:
    state, label, since, why = _target_state(target, now)
    return {
        "name": _target_name(target.code), "state": state, "state_label": label, "since_text": since, "why": why,
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
    held_by = _held_by(rows)
    return [
        {
            **_line(row),
            "why": _why(row, held_by, now),
            "url": reverse("delivery_message", args=[row.pk]) if row.organization_code in acting else "",
            "replay_url": (
                reverse("delivery_replay", args=[row.pk])
                if row.state == MessageState.REFUSED and row.organization_code in acting
                else ""
            ),
        }
        for row in rows
    ]


def _line(row: OutboxMessage) -> dict[str, Any]:
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
        "target_name": _target_name(row.target),
    }


def _held_by(rows: list[OutboxMessage]) -> dict[tuple[str, str], int]:
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


def _why(row: OutboxMessage, held_by: Mapping[tuple[str, str], int], now: datetime) -> str:
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


# --- acts --------------------------------------------------------------------------------------


def _back(request: HttpRequest, url: str = "") -> HttpResponse:
    return HttpResponseRedirect(url or reverse("delivery"), status=303)


def _said(problem: Problem) -> str:
    return f"{problem.message}{problem.cure}"


def _switch_actions(targets: list[Target]) -> list[dict[str, Any]]:
    reason = {"name": "reason", "label": "理由", "type": "text", "required": True}
    return [
        {
            "verb": "off" if target.enabled else "on",
            "label": f"{'停用' if target.enabled else '恢复'}{_target_name(target.code)}",
            "url": reverse("delivery_switch", args=[target.code]),
            "fields": [reason],
            "explain": "停用期间的消息照常排队，一条不丢，恢复后按顺序送出。" if target.enabled else "恢复后，排队的消息按顺序送出。",
        }
        for target in targets
    ]  # fmt: skip


def _refused(places: Iterable[str]) -> QuerySet[OutboxMessage]:
    return _listed(places, (MessageState.REFUSED,))


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
    if not _whole(who, "delivery.act"):
        raise Forbidden()
    if all(target.code != code for target in _targets()):
        raise NotFound("没有这个上送对象。")
    enabled = request.POST.get("verb") == "on"
    try:
        desk.target_switch(code=code, enabled=enabled, reason=request.POST.get("reason", ""), by=who, at=clock.now())
    except Invalid as problem:
        messages.error(request, _said(problem))
    else:
        messages.success(request, f"{_target_name(code)}已{'恢复' if enabled else '停用'}。")
    return _back(request)


@staff_page("delivery.act")
@require_POST
def replay(request: HttpRequest, message_id: int) -> HttpResponse:
    """Send one message again."""
    desk.message_replay(message_id=message_id, by=actor(request), at=clock.now())
    messages.success(request, "已重新排队，马上再送。")
    return _back(request, f"{reverse('delivery')}?state=refused")


@staff_page("delivery.act")
@require_POST
def replay_all(request: HttpRequest) -> HttpResponse:
    """Send again what was refused with one error code, within the actor's own scope."""
    who, now, code = actor(request), clock.now(), request.POST.get("code", "")
    rows = _refused(_organizations(who, "delivery.act")).filter(error_code=code)
    done = 0
    for message_id in list(rows.order_by("id").values_list("id", flat=True)[:REPLAY_MOST]):
        try:
            desk.message_replay(message_id=message_id, by=who, at=now)
        except Stale:  # someone was first with this one
            continue
        done += 1
    left = rows.count()
    messages.success(request, f"{done} 条已重新排队。" + (f"还有 {left} 条，请再按一次。" if left else ""))
    return _back(request, f"{reverse('delivery')}?state=refused")


@staff_page("delivery.act")
@require_POST
def task_close(request: HttpRequest, task_id: int) -> HttpResponse:
    """Close a task with what was found."""
    who = actor(request)
    if not _whole(who, "delivery.act"):
        raise Forbidden()
    try:
        watch.task_close(task_id=task_id, finding=request.POST.get("finding", ""), by=who, at=clock.now())
    except Invalid as problem:
        messages.error(request, _said(problem))
    else:
        messages.success(request, "已查结，结论记入日志。")
    return _back(request)


@staff_page("delivery.act")
@require_POST
def reconcile_now(request: HttpRequest) -> HttpResponse:
    """Reconcile a period row by row; each difference becomes a task that names its rows."""
    who = actor(request)
    if not _whole(who, "delivery.act"):
        raise Forbidden()
    try:
        start, end = _period(request.POST.get("from", ""), request.POST.get("to", ""))
    except Invalid as problem:
        messages.error(request, _said(problem))
        return _back(request)
    lines = watch.reconcile(start, end, at=clock.now())
    different = sum(bool(line.missing) for line in lines)
    if different:
        messages.error(request, f"有 {different} 处差异，已列入待查，写明了是哪几条。")
    else:
        messages.success(request, "逐条核对，没有差异。")
    return _back(request, f"{reverse('delivery')}?from={start}&to={end}")


@staff_page("delivery.act")
@require_POST
def unrated_now(request: HttpRequest) -> HttpResponse:
    """Compare what is still to be rated above with ours: asked for, or as the list that a person has pasted."""
    who, now = actor(request), clock.now()
    if not _whole(who, "delivery.act"):
        raise Forbidden()
    try:
        if request.POST.get("verb") == "ask":
            found = unrated.unrated_ask(at=now)
        else:
            found = unrated.unrated_read(request.POST.get("list", ""), by=who, at=now)
    except Invalid as problem:
        messages.error(request, _said(problem))
        return _back(request)
    if found is None:
        messages.error(request, "上级没有应答，请稍后再查。")
    else:
        (messages.success if found.clean else messages.error)(request, found.text)
    return _back(request)


# --- one message -------------------------------------------------------------------------------


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
            return _back(request, request.path)
        elif verb == "by_hand":
            desk.message_done_by_hand(
                message_id=message_id, reference=request.POST.get("reference", ""), by=who, at=now
            )
            messages.success(request, "已登记省平台编号。")
            return _back(request, request.path)
    except Invalid as problem:
        error = _said(problem)
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
            **_line(row),
            "why": "" if row.state in ARRIVED else _why(row, _held_by([row]), now),
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


# --- by hand -----------------------------------------------------------------------------------


@staff_page("delivery.check")
@require_safe
def manual(request: HttpRequest) -> HttpResponse:
    """What the interface cannot take: the facts to copy, a place for the province's number, the second look."""
    return _manual_page(request)


def _manual_page(request: HttpRequest, wrong: int = 0, error: str = "") -> HttpResponse:
    who = actor(request)
    places, checking = _organizations(who, "delivery.act"), _organizations(who, "delivery.check")
    page = page_of(_listed(places, (MessageState.MANUAL,)), request, size=MANUAL_PAGE)
    entered = list(_listed(checking, (MessageState.CHECKING,)).order_by("id")[:MANUAL_PAGE])
    built = building.build([*page.rows, *entered])
    context = {
        "rows": [
            {
                **_line(row),
                "items": reading.facts(built[row.pk]),
                "url": reverse("delivery_manual_done", args=[row.pk]),
                "error": error if row.pk == wrong else "",
            }
            for row in page.rows
        ],
        "entered": [
            {
                **_line(row),
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
        return _manual_page(request, message_id, _said(problem))
    messages.success(request, "已登记省平台编号，等另一个人复核。")
    return _back(request, reverse("delivery_manual"))


@staff_page("delivery.check")
@require_POST
def manual_checked(request: HttpRequest, message_id: int) -> HttpResponse:
    """The second look at what another person entered."""
    right = request.POST.get("verb") == "right"
    desk.message_checked(message_id=message_id, right=right, by=actor(request), at=clock.now())
    messages.success(request, "已复核，算作送达。" if right else "已退回，重新录入。")
    return _back(request, reverse("delivery_manual"))


@staff_page("delivery.act")
@require_POST
def manual_export(request: HttpRequest) -> HttpResponse:
    """The work list as a workbook, without what identifies a person; the download goes on record."""
    who, now = actor(request), clock.now()
    places = _organizations(who, "delivery.act")
    rows = list(_listed(places, (MessageState.MANUAL,)).order_by("id")[:EXPORT_MOST])
    content = reading.manual_workbook(rows, by=who, at=now)
    answer = HttpResponse(content, content_type=XLSX)
    answer["Content-Disposition"] = f'attachment; filename="manual-{clock.beijing(now):%Y%m%d-%H%M}.xlsx"'
    return answer


# --- reconciliation ----------------------------------------------------------------------------


def _reconciliation(request: HttpRequest, who: Actor, now: datetime) -> dict[str, Any]:
    """The table for the period asked for; without one only the form, for the superior must be asked too."""
    if not _whole(who, "delivery.read"):
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
    if _whole(who, "delivery.act"):
        shown["unrated"] = {
            "url": reverse("delivery_unrated"), "asks": Ability.PULL_OPEN_SERVICES in driver().abilities
        }  # fmt: skip
    if not any(given.values()):
        return shown
    try:
        start, end = _period(given["from"], given["to"])
    except Invalid as problem:
        return {**shown, "reconcile_error": _said(problem)}
    lines, answered = queries.reconciled(start, end, at=now)
    shown["reconciliation"] = [_recon_row(line) for line in lines]
    if lines:
        shown["reconciliation"].append(_recon_total(lines))
        shown["breakdowns"] = _breakdowns(start, end, now)
    if _whole(who, "delivery.act"):
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


# --- coming in ---------------------------------------------------------------------------------


@csrf_exempt
@public_page
@require_POST
def callback(request: HttpRequest) -> HttpResponse:
    """The superior tells of a rating; proven by its signature, taken once, whatever the state of the case."""
    new = incoming.callback_take(request.headers, request.body, key=incoming.callback_key(), at=clock.now())
    return JsonResponse({"result": "accepted" if new else "duplicate"})
