"""工作台: views, one line a case, the case; after a decision the next one appears.

A page of it costs a fixed number of queries whatever the number of cases (tests/site).
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from minping import law
from minping.feedback import services as feedback
from minping.feedback import view as cases
from minping.feedback.models import Case
from minping.kernel import clock, work
from minping.kernel.access import Actor
from minping.kernel.errors import Forbidden, NotFound
from minping.kernel.models import Account
from minping.kernel.web import SIGNED_IN, actor, staff_page
from minping.rectify import view as orders
from minping.registry import queries as registry
from minping.site.context import SECTIONS

MINE, SOON, DONE = "mine", "soon", "done"
QUEUES = {view.id: (view, source) for source in (cases, orders) for view in source.VIEWS}
LABELS = {MINE: "待我办", SOON: "将超时", DONE: "已办"}
READ = ("case.read", "order.read")


class Desk:
    """What one person sees: the queues they may work, each within its own scope."""

    def __init__(self, who: Actor, now: datetime) -> None:
        self.who = who
        self.now = now
        self.places = [(place.code, place.path) for place in registry.directory().places.values()]
        self.queues = {name: pair for name, pair in QUEUES.items() if who.may(pair[0].permission)}

    def scope(self, permission: str) -> work.Scope:
        return work.scope_of(self.who.scopes(permission), self.places)

    def waiting(self, name: str) -> QuerySet[Any]:
        view, source = self.queues[name]
        rows: QuerySet[Any] = source.queue(name, self.scope(view.permission))
        return rows

    def late(self, name: str) -> QuerySet[Any]:
        return self.waiting(name).filter(due_at__lte=self.soon)

    @cached_property
    def soon(self) -> datetime:
        area = next(iter(registry.directory().places.values())).area_code if self.places else "000000"
        return work.soon_until(area, self.now)

    def done(self) -> QuerySet[Case]:
        permission = next((p for p in READ if self.who.may(p)), READ[0])
        return cases.closed(self.scope(permission))

    def rows(self, view: str, after: str) -> tuple[list[work.Row], str]:
        """One page of lines, soonest first, and where the next page begins ("" at the end)."""
        if view == DONE:
            found = cases.rows(_page(self.done(), "-closed_at", after))
        else:
            names = list(self.queues) if view in (MINE, SOON) else [view]
            found = []
            for name in names:
                rows = self.late(name) if view == SOON else self.waiting(name)
                source = self.queues[name][1]
                if source is orders:
                    rows = rows.select_related("case")
                found += source.rows(_page(rows, "due_at", after))
            found.sort(key=lambda row: (row.sort, str(row.case_id)))
        more = found[work.PAGE].sort.isoformat() if len(found) > work.PAGE else ""
        return found[: work.PAGE], more

    def counts(self, name: str) -> tuple[int, int]:
        """How many wait and how many of them are late soon, in one query, up to the cap.

        A badge need not count a hundred thousand; the soonest are counted first, so the
        late ones are never hidden by the cap.
        """
        told = (
            self.waiting(name)
            .order_by("due_at")[: work.CAP + 1]
            .aggregate(waiting=Count("pk"), late=Count("pk", filter=Q(due_at__lte=self.soon)))
        )
        return told["waiting"], told["late"]

    def views(self, active: str) -> list[dict[str, Any]]:
        counts = {name: self.counts(name) for name in self.queues}
        shown = [(MINE, LABELS[MINE], sum(n for n, _ in counts.values()))] if self.queues else []
        shown += [(name, self.queues[name][0].label, counts[name][0]) for name in self.queues]
        shown += [(SOON, LABELS[SOON], sum(late for _, late in counts.values()))] if self.queues else []
        shown.append((DONE, LABELS[DONE], None))  # type: ignore[arg-type]
        return [
            {
                "id": name,
                "label": label,
                "count": "" if n is None else min(n, work.CAP),
                "capped": n is not None and n > work.CAP,
                "late": name == SOON,
                "active": name == active,
                "url": reverse("desk_view", args=[name]),
            }
            for name, label, n in shown
        ]


def _page(rows: QuerySet[Any], order: str, after: str) -> QuerySet[Any]:
    name = order.lstrip("-")
    if after:
        try:
            start = datetime.fromisoformat(after)
        except ValueError as failure:
            raise NotFound("没有这一页。", cure="请从第一页看起。") from failure
        rows = rows.filter(**{f"{name}__lte" if order.startswith("-") else f"{name}__gte": start})
    return rows.order_by(order, "id")[: work.PAGE + 1]


@staff_page(SIGNED_IN)
@require_safe
def desk(request: HttpRequest, view: str = "", case_id: UUID | None = None) -> HttpResponse:
    """The work place: three columns on a desk, one on a phone."""
    who, now = actor(request), clock.now()
    table = Desk(who, now)
    if not any(who.may(permission) for permission in READ):
        return _elsewhere(who)
    if not view:
        return HttpResponseRedirect(reverse("desk_view", args=[MINE if table.queues else DONE]))
    if view not in table.queues and view not in (MINE, SOON, DONE):
        raise NotFound("没有这个视图。", cure="请从左边的栏目进入。")
    rows, more = table.rows(view, request.GET.get("after", ""))
    if request.GET.get("next") and case_id is None and rows:  # after a decision the next one appears
        case_id = rows[0].case_id
    context: dict[str, Any] = {
        "views": table.views(view),
        "view_label": LABELS.get(view) or QUEUES[view][0].label,
        "order_text": "按办结时间，最近在前" if view == DONE else "按剩余时间排列",
        "rows": [_line(row, view, case_id, now) for row in rows],
        "page": {
            "next": f"{reverse('desk_view', args=[view])}?after={more.replace('+', '%2B')}" if more else "",
            "prev": "",
        },
        "list_url": reverse("desk_view", args=[view]),
        "empty_text": "没有办结的件" if view == DONE else "这里没有要办的件",
    }
    if case_id is not None:
        context |= _case(case_id, who, now)
        ids = [row.case_id for row in rows]
        place = ids.index(case_id) if case_id in ids else -1
        if place + 1 < len(ids):
            context["next_url"] = reverse("desk_case", args=[view, ids[place + 1]])
    return render(request, "site/desk.html", context)


def _elsewhere(who: Actor) -> HttpResponse:
    """Someone without a queue of their own begins at the first section they may open."""
    for _, name, permissions in SECTIONS[1:]:
        if any(who.may(permission) for permission in permissions):
            return HttpResponseRedirect(reverse(name))
    raise Forbidden("这个账号还没有分配角色。", cure="请联系管理员。")


def _line(row: work.Row, view: str, selected: UUID | None, now: datetime) -> dict[str, Any]:
    text, kind = work.left(row.due_at, "000000", now)
    return {
        "url": reverse("desk_case", args=[view, row.case_id]),
        "level": row.level,
        "level_label": law.InterfaceLevel(row.level).label,
        "item_name": row.item_name,
        "excerpt": row.excerpt,
        "state_label": row.state_label,
        "window_name": row.window_name,
        "left_text": text,
        "left_kind": kind,
        "selected": row.case_id == selected,
    }


def _case(case_id: UUID, who: Actor, now: datetime) -> dict[str, Any]:
    """The case for those who may read it; for the unit the order alone, without who and when exactly."""
    case = feedback.case_get(case_id)
    where = registry.place(case.organization_code)
    order = orders.current(case)
    names = _names()
    if who.can("case.read", where.path):
        offered, refused = cases.actions(case, who, now)
        if order is not None:
            more, others = orders.actions(order, who, now)
            offered, refused = offered + more, refused + others
        return {
            "case": cases.case_context(case),
            "clock": work.clock_context(order if order is not None and order.due_at else case, now),
            "actions": offered,
            "refusals": refused,
            "calls": cases.calls_context(case),
            "order": orders.order_context(order, names) if order is not None else None,
            "history": cases.history_context(case, names),
        }
    if order is not None and who.can("order.read", where.path, case.window_code):
        offered, refused = orders.actions(order, who, now)
        return {
            "order": orders.order_context(order, names),
            "clock": work.clock_context(order, now),
            "actions": offered,
            "refusals": refused if not offered else [],
        }
    raise NotFound()


def _names() -> dict[str, str]:
    """Who an actor in the journal is, by the display name of the account."""
    known = {f"account:{username}": name for username, name in Account.objects.values_list("username", "name")}
    return {**known, "system": "系统", "rater": "评价人"}
