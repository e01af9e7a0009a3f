"""工作台: views, one line a case, the case; after a decision the next one appears.

A page of it costs a fixed number of queries whatever the number of cases (tests/site).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import cached_property, partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from minping import law
from minping.feedback import services as feedback
from minping.feedback import view as cases
from minping.feedback.states import CaseState
from minping.feedback.tickets import view as tickets
from minping.kernel import clock, queues, work
from minping.kernel.access import Actor
from minping.kernel.clock import BEIJING
from minping.kernel.errors import Forbidden, NotFound
from minping.kernel.models import account_names
from minping.kernel.notices import notices_of
from minping.kernel.web import SIGNED_IN, actor, staff_page
from minping.rectify import view as orders
from minping.registry import queries as registry
from minping.site import batch, looking, wording
from minping.site.context import GROUPS, address, group_of, groups_for, menu_of
from minping.site.marks import LONGEST, SUGGESTED, marks_of
from minping.supervise import view as inquiries

MINE, SOON, MARKED, DONE, FOUND = "mine", "soon", "marked", "done", "found"
STAGES = (("反馈", cases), ("改进", orders), ("监督", inquiries))
QUEUES = {view.id: (view, source) for _, source in STAGES for view in source.VIEWS}
STAGE_OF = {view.id: stage for stage, source in STAGES for view in source.VIEWS}
LABELS = {MINE: "待我办", SOON: "将超时", MARKED: "已标记", DONE: "已办", FOUND: "查到的件"}
ORDER_TEXT = {DONE: "按办结时间，最近在前", FOUND: "最近的在前", MARKED: "最近标记的在前"}
EMPTY_TEXT = {
    DONE: "没有办结的件", MARKED: "没有标记的件",
    FOUND: "您的范围里没有查到。请核对编号，或换几个字、放宽条件再查。",
}  # fmt: skip
READ = ("case.read", "order.read")
NOBODY = UUID(int=0)
LAST = UUID(int=2**128 - 1)
FIRST = "1"  # where the next line is asked for without a line to be behind


DUE = "due"


def due_view(day: date) -> str:
    """The view of what is due by the end of a day, as the calendar opens it."""
    return f"{DUE}{day:%Y%m%d}"


def day_of(view: str) -> date | None:
    """The day of such a view; None where it is none."""
    try:
        return datetime.strptime(view.removeprefix(DUE), "%Y%m%d").date() if view.startswith(DUE) else None  # noqa: DTZ007 — a day
    except ValueError:
        return None


def label_of(view: str) -> str:
    """What a view is called.  Raises NotFound."""
    day = day_of(view)
    if day is not None:
        return f"{day.month}月{day.day}日到期"
    if view not in QUEUES and view not in LABELS:
        raise NotFound("没有这个视图。", cure="请从左边的栏目进入。")
    return LABELS.get(view) or QUEUES[view][0].label


class Desk:
    """What one person sees: the queues they may work, each within its own scope."""

    def __init__(self, who: Actor, now: datetime, kept: Mapping[str, Any] | None = None) -> None:
        self.who = who
        self.now = now
        self.kept = kept or {}  # what was last looked for
        self.places = [(place.code, place.path) for place in registry.directory().places.values()]
        self.queues = {name: pair for name, pair in QUEUES.items() if who.may(pair[0].permission)}
        self.duties = [name for name, (view, _) in self.queues.items() if not view.optional]

    def scope(self, permission: str) -> work.Scope:
        return work.scope_of(self.who.scopes(permission), self.places)

    def waiting(self, name: str) -> queues.Queue:
        view, source = self.queues[name]
        return queues.Queue(name, partial(source.queue, name), self.scope(view.permission))

    @cached_property
    def soon(self) -> datetime:
        area = next(iter(registry.directory().places.values())).area_code if self.places else "000000"
        return work.soon_until(area, self.now)

    def done(self) -> queues.Queue:
        permission = next((p for p in READ if self.who.may(p)), READ[0])
        return queues.Queue(DONE, cases.closed, self.scope(permission), "closed_at", newest_first=True)

    def rows(self, view: str, after: str) -> tuple[list[work.Row], str]:
        """One page of lines, soonest first, and the key that the next page begins behind ("" at the end)."""
        if view == FOUND:
            return self.found(after)
        if view == MARKED:
            return self.marked(after), ""
        day, start = day_of(view), queues.key_of(after) if after else None
        if view == DONE:
            asked = [self.done()]
        else:
            asked = [self.waiting(name) for name in ([view] if view in self.queues else self.duties)]
        until = self.soon if view == SOON else None
        if day is not None:  # behind everything that was due by the end of the day before
            midnight = datetime.combine(day, time.min, BEIJING)
            start, until = start or queues.Key("", midnight, LAST), midnight + timedelta(days=1)
        keys = queues.first(asked, most=work.PAGE + 1, after=start, until=until)
        more = str(keys[work.PAGE - 1]) if len(keys) > work.PAGE else ""
        keys = keys[: work.PAGE]
        lines: dict[UUID, work.Row] = {}
        for source in (cases, orders, inquiries):
            mine = [key.id for key in keys if (key.queue == DONE or self.queues[key.queue][1] is source)]
            if mine and (source is cases or view != DONE):
                lines |= {row.key: row for row in source.rows(source.records(pk__in=mine))}
        return [replace(lines[key.id], place=str(key)) for key in keys if key.id in lines], more

    def found(self, after: str) -> tuple[list[work.Row], str]:
        """What was looked for, the newest first."""
        numbered = self.kept.get(looking.NUMBERED)
        if numbered:
            named = looking.openable(cases.records(pk__in=numbered).order_by("-opened_at"), self.who)
            return self.lines([("", one) for one in named.values()]), ""
        if after and not (after.isdecimal() and len(after) < 19):
            raise NotFound("没有这一页。", cure="请从第一页看起。")
        asked = looking.asked_of(self.kept)
        found, more = looking.page(self.who, asked, int(after) if after else None, work.PAGE)
        return self.lines([(str(place), one) for place, one in found]), str(more or "")

    def marked(self, after: str) -> list[work.Row]:
        """What this person marked and may still open, the latest first; never more than `marks.MOST`."""
        right = looking.openable(cases.records(pk__in=list(self.marks)), self.who)
        places = [(f"m{n:03d}", right[case_id]) for n, case_id in enumerate(self.marks) if case_id in right]
        return self.lines([(place, one) for place, one in places if place > after])

    def lines(self, found: Sequence[tuple[str, looking.Found]]) -> list[work.Row]:
        """The lines of cases in this order: as their order says where that is what waits."""
        told = {row.case_id: row for row in cases.rows(one.case for _, one in found)}
        waiting = [one.order for _, one in found if one.order is not None and one.order.state in orders.NEXT]
        told |= {row.case_id: row for row in orders.rows(waiting)}
        return [replace(told[one.case.pk], place=place) for place, one in found]

    @cached_property
    def marks(self) -> dict[UUID, str]:
        return marks_of(self.who)

    @cached_property
    def counts(self) -> dict[str, tuple[int, int]]:
        """How many wait and how many of them are late soon, up to the cap: nobody works from the exact number."""
        found = queues.counts([self.waiting(name) for name in self.queues], cap=work.CAP + 1, until=self.soon)
        return dict(zip(self.queues, found, strict=True))

    def menu(self, active: str) -> dict[str, Any]:
        """The side bar of the work place: one's own views, then each stage of the chain with what waits in it.

        A stage where nothing waits is folded, and so are the views of all stages that are empty.
        """
        counts = self.counts
        own: list[tuple[str, int | None]] = []
        if self.queues:
            own = [(MINE, sum(counts[name][0] for name in self.duties))]
            own += [(SOON, sum(counts[name][1] for name in self.duties))]
        own += [(MARKED, len(self.marks)), (DONE, None)]
        if day_of(active) is not None or active == FOUND:
            own.append((active, None))
        filled = [name for name in self.queues if counts[name][0] or name == active]
        empty = [name for name in self.queues if name not in filled]
        waiting = {stage: [name for name in filled if STAGE_OF[name] == stage] for stage in dict(STAGES)}
        groups = [group_of("", [self.view(name, n, active) for name, n in own])]
        for group in groups_for(self.who, "", also=list(waiting)):
            views = [self.view(name, counts[name][0], active) for name in waiting.get(group["label"], ())]
            if group["label"] and (views or group["entries"]):
                groups.append({**group, "views": views, "folded": not views})
        if empty:
            groups.append(group_of("其他视图", [self.view(name, 0, active) for name in empty], folded=True))
        return menu_of(groups)

    def view(self, name: str, n: int | None, active: str) -> dict[str, Any]:
        """One entry of the side bar; `n` is how many wait in it, None where nobody counts."""
        return {
            "id": name,
            "label": label_of(name),
            "count": None if n is None else min(n, work.CAP),
            "capped": n is not None and n > work.CAP,
            "late": name == SOON,
            "active": name == active,
            "url": address("desk_view", name),
        }


@staff_page(SIGNED_IN)
@require_safe
def desk(request: HttpRequest, view: str = "", case_id: UUID | None = None) -> HttpResponse:
    """The work place: three columns on a desk, one on a phone."""
    who, now = actor(request), clock.now()
    table = Desk(who, now, request.session.get(looking.KEPT))
    if not any(who.may(permission) for permission in READ):
        return _elsewhere(who)
    if not view:
        if not table.queues and who.may("clue.open"):
            return HttpResponseRedirect(reverse("clues"))  # what waits for them is not negatives
        return HttpResponseRedirect(reverse("desk_view", args=[MINE if table.queues else DONE]))
    label = label_of(view)
    if view in QUEUES and view not in table.queues:
        raise NotFound("没有这个视图。", cure="请从左边的栏目进入。")
    after = request.GET.get("after", "")
    rows, more = table.rows(view, after)
    behind = request.GET.get("next", "")
    if behind and case_id is None and rows:  # after a decision, or a skip, the next one appears
        following, beyond = table.rows(view, behind) if behind != FIRST else (rows, more)
        case_id = (following or rows)[0].case_id
        if case_id not in {row.case_id for row in rows}:
            rows, more, after = following, beyond, behind
    context: dict[str, Any] = {
        **table.menu(view),
        "landed": bool(behind),  # brought here by a decision or a skip: the heading takes the focus
        "view_label": label,
        "order_text": ORDER_TEXT.get(view, "按剩余时间排列"),
        "rows": lines_context(rows, view, case_id, now, after, table.marks),
        "page": {
            "next": f"{reverse('desk_view', args=[view])}?{urlencode({'after': more})}" if more else "",
            "prev": "",
        },
        "list_url": reverse("desk_view", args=[view]),
        "calendar_url": reverse("desk_calendar") if table.duties else "",
        "find": find_context(who, table.kept if view == FOUND else {}),
        "empty_text": EMPTY_TEXT.get(view, "这里没有要办的件"),
    }
    if case_id is None and rows:
        if request.GET.get("batch"):
            context["batch"] = batch_context(who, view)
        else:
            context["batch_url"] = (
                f"{reverse('desk_view', args=[view])}?{urlencode({'batch': '1'} | ({'after': after} if after else {}))}"
            )
    if view == MINE and case_id is None:
        context["notices"] = notices_of(who)
    if case_id is not None:
        context |= case_for(case_id, who, now)
        context["mark"] = {
            "word": table.marks.get(case_id, ""), "url": reverse("desk_mark", args=[view, case_id]),
            "suggested": SUGGESTED, "longest": LONGEST,
        }  # fmt: skip
        work.refill(request, case_id, context["actions"])
        line = next((row.place for row in rows if row.case_id == case_id), request.GET.get(work.LINE, ""))
        insert = wording_context(context, case_id, view, line)
        context["actions"].sort(key=lambda action: not action.get("primary"))  # what is usual stands first
        for action in context["actions"]:
            action["url"] += work.trail(view, line)
            written = [field["name"] for field in action.get("fields", ()) if field["type"] == "textarea"]
            if insert and written:
                action["wording"] = {**insert, "into": written[0]}
        if len(rows) > 1 or more or after or case_id not in {row.case_id for row in rows}:
            context["skip_url"] = f"{reverse('desk_view', args=[view])}?{urlencode({'next': line or FIRST})}"
    return render(request, "site/desk.html", context)


def batch_context(who: Actor, view: str) -> dict[str, Any]:
    """What this person may do to many lines of a view at once, and why not the rest."""
    acts = [act for act in batch.ACTS if not act.permission or who.may(act.permission)]
    return {"url": reverse("desk_batch", args=[view]), "acts": acts, "one_by_one": batch.ONE_BY_ONE}


def _elsewhere(who: Actor) -> HttpResponse:
    """Someone without a queue of their own begins at the first section they may open, the devices of 评价 last."""
    first = [section for stage, sections in GROUPS for section in sections if stage not in ("", "评价")]
    for _, name, permissions in (*first, *dict(GROUPS)["评价"]):
        if any(who.may(permission) for permission in permissions):
            return HttpResponseRedirect(reverse(name))
    raise Forbidden("这个账号还没有分配角色。", cure="请联系管理员。")


def case_addresses(view: str) -> Callable[[UUID], str]:
    """Where each case opens within a view: the resolver is asked once, not once a line."""
    pattern = reverse("desk_case", args=[view, NOBODY])
    return lambda case_id: pattern.replace(str(NOBODY), str(case_id))


def lines_context(
    rows: list[work.Row],
    view: str,
    selected: UUID | None,
    now: datetime,
    after: str = "",
    marks: Mapping[UUID, str] | None = None,
) -> list[dict[str, Any]]:
    url = case_addresses(view)
    page = f"?{urlencode({'after': after})}" if after else ""
    shown = []
    for row in rows:
        text, kind = work.left(row.due_at, "000000", now)
        shown.append(
            {
                "url": url(row.case_id) + page,
                "level": str(row.level or ""),
                "level_label": row.level_label,
                "item_name": row.item_name,
                "excerpt": row.excerpt,
                "case_id": row.case_id,
                "number": row.number,
                "state_label": row.state_label,
                "next_text": row.next_text,
                "window_name": row.window_name,
                "left_text": text,
                "left_kind": kind,
                "selected": row.case_id == selected,
                "mark": (marks or {}).get(row.case_id, ""),
            }
        )
    return shown


LEVELS = [{"value": str(int(level)), "label": level.label} for level in law.InterfaceLevel if level.negative]
STATES = [{"value": state.value, "label": state.label} for state in CaseState]


def find_context(who: Actor, kept: Mapping[str, Any]) -> dict[str, Any]:
    """The form of looking, with what was last looked for; open where more than words was asked."""
    more = {name: kept.get(name, "") for name in ("unit", "item", "window", "level", "state", "since", "until")}
    units = [{"value": place.code, "label": place.name} for place in looking.units_of(who)]
    choices = {"level": LEVELS, "state": STATES, "unit": units if len(units) > 1 else []}
    return {
        "url": reverse("desk_find"), "text": kept.get("text", ""), "open": any(more.values()), **more,
        **{f"{name}s": [{**o, "selected": o["value"] == more[name]} for o in given] for name, given in choices.items()},
    }  # fmt: skip


def unit_of(shown: Mapping[str, Any]) -> str:
    """The organisation that writes: the one with the order where only the order is shown, else the rated one."""
    code: str = shown["case" if "case" in shown else "order"]["unit_code"]
    return code


def values_of(shown: Mapping[str, Any]) -> dict[str, str]:
    """What the placeholders of a template stand for on this case: nothing of any person."""
    told = {**shown.get("order", {}), **shown.get("case", {})} if shown.get("order") else shown["case"]
    running = shown.get("clock") or {}
    return {
        "编号": told["number"], "事项": told["item_name"], "窗口": told["window_name"], "等级": told["level_label"],
        "单位": told.get("organization_name") or told.get("unit_name", ""), "期限": running.get("due_text", ""),
    }  # fmt: skip


def wording_context(shown: Mapping[str, Any], case_id: UUID, view: str, line: str) -> dict[str, Any] | None:
    """The templates that serve who writes here; asked only where there is something to write."""
    writing = any(field["type"] == "textarea" for action in shown["actions"] for field in action.get("fields", ()))
    if not writing or not ({"case", "order"} & set(shown)):
        return None
    found = wording.templates_for(registry.place(unit_of(shown)).path)
    options = [{"value": str(one.pk), "label": one.title} for one in found]
    url = reverse("template_insert", args=[view, case_id]) + work.trail(view, line)
    return {"url": url, "options": options} if options else None


def case_for(case_id: UUID, who: Actor, now: datetime) -> dict[str, Any]:
    """The case for those who may read it; for the unit the order alone, without who and when exactly."""
    names = account_names()
    inquiry = inquiries.desk_context(case_id, who, now, names)
    if inquiry is not None:
        return inquiry
    case = feedback.case_get(case_id)
    where = registry.place(case.organization_code)
    order = orders.current(case)
    if feedback.readable(case, who):
        offered, refused = cases.actions(case, who, now)
        if order is not None:
            more, others = orders.actions(order, who, now)
            offered, refused = offered + more, refused + others
        offered += inquiries.clue_actions(case, who)
        return {
            "case": cases.case_context(case),
            "clock": work.clock_context(order if order is not None and order.due_at else case, now),
            "actions": offered,
            "refusals": refused,
            "revocation": cases.revocation_context(case, names),
            "documents": cases.documents_context(case),
            "calls": cases.calls_context(case),
            "tickets": tickets.of(case, who, now),
            "order": orders.order_context(order, names) if order is not None else None,
            "history": cases.history_context(case, names),
            "statements": inquiries.statements_context(case, names),
            "sheet_url": reverse("case_sheet", args=[case.pk]),
        }
    if order is not None and who.can(
        "order.read", registry.place(order.organization_code).path, order.window_code
    ):  # its unit, which need not be the rated one (转办)
        offered, refused = orders.actions(order, who, now)
        more, _ = cases.actions(case, who, now)
        offered += more
        return {
            "appeal": cases.appeal_context(case),
            "order": orders.order_context(order, names),
            "clock": work.clock_context(order, now),
            "actions": offered,
            "refusals": refused if not offered else [],
        }
    if case.rating_id is not None and who.can("case.appeal", where.path, case.window_code):
        offered, refused = cases.actions(case, who, now)
        return {
            "case": cases.party_context(case),
            "appeal": cases.appeal_context(case),
            "clock": work.clock_context(case, now),
            "actions": offered,
            "refusals": [] if offered else refused,
        }
    raise NotFound()
