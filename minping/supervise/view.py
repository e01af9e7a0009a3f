"""问责提醒 as pages show it, and its part of the work list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse

from minping import law
from minping.feedback.models import Case
from minping.feedback.states import CaseState
from minping.kernel import clock, work
from minping.kernel.access import Actor
from minping.kernel.models import JournalEntry
from minping.kernel.templatetags.plan import clause
from minping.registry import queries as registry
from minping.supervise import repeats, services
from minping.supervise.models import Inquiry, InquiryRow, Statement
from minping.supervise.states import MOVES, InquiryState, Kind

VIEWS = (
    work.View("answering", "问责待说明", MOVES.move("explain").permission),
    work.View("judging", "问责待处理", MOVES.move("order").permission),
    work.View("improving", "限期整改", MOVES.move("report").permission),
    work.View("improved", "改进待验收", MOVES.move("accept").permission),
    work.View("raised", "待上级决定", MOVES.move("told").permission, optional=True),
)
STATE_OF = {
    "answering": InquiryState.OPENED, "judging": InquiryState.ANSWERED, "improving": InquiryState.IMPROVING,
    "improved": InquiryState.IMPROVED, "raised": InquiryState.RAISED,
}  # fmt: skip
HERE = {state: view for view, state in STATE_OF.items()}
NEXT = {
    InquiryState.OPENED: "写情况说明", InquiryState.ANSWERED: "看说明，作出处理", InquiryState.IMPROVING: "改进并报送",
    InquiryState.IMPROVED: "看改进情况，验收或退回", InquiryState.RAISED: "等上级决定",
}  # fmt: skip


def queue(view: str, scope: work.Scope) -> QuerySet[Inquiry]:
    """Inquiries waiting in a view, within a scope."""
    rows: QuerySet[Inquiry] = scope.filter(Inquiry.objects.filter(state=STATE_OF[view]))
    return rows


def records(**equal: Any) -> QuerySet[Inquiry]:
    return Inquiry.objects.filter(**equal)


def rows(inquiries: Iterable[Inquiry]) -> list[work.Row]:
    return [
        work.Row(
            key=inquiry.pk,
            case_id=inquiry.pk,
            level=None,
            arrival_label="问责",
            item_name=f"{Kind(inquiry.kind).label}反复被差评：{inquiry.name}",
            excerpt=inquiry.rule,
            state_label=InquiryState(inquiry.state).label,
            window_name="",
            due_at=inquiry.due_at,
            number=inquiry.number,
            next_text=NEXT.get(InquiryState(inquiry.state), ""),
        )
        for inquiry in inquiries
    ]


def may_read(inquiry: Inquiry, by: Actor) -> bool:
    path = registry.place(inquiry.organization_code).path
    return by.can("notice.read", path) or by.can("notice.answer", path, services.window_of(inquiry, by))


def desk_context(inquiry_id: UUID, by: Actor, now: datetime, names: Mapping[str, str]) -> dict[str, Any] | None:
    """The inquiry with this id for the work place; None where there is none, or none for this reader."""
    inquiry = Inquiry.objects.filter(pk=inquiry_id).first()
    if inquiry is None or not may_read(inquiry, by):
        return None
    offered, refused = actions(inquiry, by, now)
    return {
        "inquiry": inquiry_context(inquiry, by, names),
        "clock": work.clock_context(inquiry, now),
        "actions": offered,
        "refusals": refused if by.may("notice.decide") else [],
    }


def inquiry_context(inquiry: Inquiry, by: Actor, names: Mapping[str, str]) -> dict[str, Any]:
    """One inquiry.  Nothing by which a rater could be found: the day of a negative, never the minute (D14)."""
    rules = law.at(inquiry.area_code, clock.beijing(inquiry.opened_at).date())
    measure = rules.measures.get(inquiry.measure)
    standing = repeats.standing(inquiry)
    path = registry.place(inquiry.organization_code).path
    return {
        "id": inquiry.pk,
        "number": inquiry.number,
        "kind_label": Kind(inquiry.kind).label,
        "name": inquiry.name,
        "unit_name": registry.place(inquiry.organization_code).name,
        "state_label": InquiryState(inquiry.state).label,
        "opened_text": clock.day_text(inquiry.opened_at),
        "rule_text": inquiry.rule,
        "clause": inquiry.clause,
        "rows": _rows(inquiry, by.can("case.read", path)),
        "standing": standing,
        "least": inquiry.least,
        "below": standing < inquiry.least,
        "explanation": inquiry.explanation,
        "explained": _signed(inquiry.explained_at, inquiry.explained_by, names),
        "measure_label": measure.label if measure else inquiry.measure,
        "measure_clause": measure.clause if measure else "",
        "reason": inquiry.reason,
        "reference": inquiry.reference,
        "decided": _signed(inquiry.decided_at, inquiry.decided_by, names),
        "improvement": inquiry.improvement,
        "improved": _signed(inquiry.improved_at, inquiry.improved_by, names),
        "returned_text": inquiry.returned_reason,
        "history": _history(inquiry, names),
    }


def _signed(at: datetime | None, by: str, names: Mapping[str, str]) -> str:
    return f"{clock.moment_text(at)} {names.get(by, '')}".strip() if at is not None else ""


def _rows(inquiry: Inquiry, may_open: bool) -> list[dict[str, Any]]:
    found = InquiryRow.objects.select_related("case").filter(inquiry=inquiry).order_by("case__opened_at", "case_id")
    return [
        {
            "number": row.case.number,
            "url": reverse("desk_case", args=["mine", row.case_id]) if may_open else "",
            "day_text": clock.day_text(row.case.opened_at),
            "item_name": row.case.item_name,
            "window_name": row.case.window_name,
            "level": row.case.level,
            "level_label": row.case.level_label,
            "revoked": is_revoked(row.case),
            "state_label": "已撤销，不计" if is_revoked(row.case) else CaseState(row.case.state).label,
            "later": row.added_at > inquiry.opened_at,
        }
        for row in found
    ]


def is_revoked(case: Case) -> bool:
    return case.state == CaseState.CLOSED and case.result in repeats.NOT_COUNTED


HISTORY = {
    "inquiry.opened": "发出问责提醒，说明期限起算（次日起）",
    "inquiry.grew": "又有差评列入",
    "inquiry.row_revoked": "所列差评有一件已撤销",
    "inquiry.released": "其余差评重新计数",
    "inquiry.due_recomputed": "放假安排公布，期限重新计算",
}


def _history(inquiry: Inquiry, names: Mapping[str, str]) -> list[dict[str, Any]]:
    labels = {f"inquiry.{move.verb}": move.label for move in MOVES.moves} | HISTORY
    return [
        {
            "time_text": clock.moment_text(entry.at),
            "iso": clock.beijing(entry.at).isoformat(timespec="seconds"),
            "text": labels.get(entry.action, entry.action),
            "who": names.get(entry.actor, ""),
            "detail": entry.facts.get("measure", ""),
        }
        for entry in JournalEntry.objects.filter(subject=inquiry.pk).order_by("at", "id")
    ]


_REASON = {"name": "reason", "label": "理由", "type": "textarea", "required": True, "max": services.LONGEST}
_MEASURE = {"name": "measure", "label": "怎样处理", "type": "select", "required": True}
FIELDS: Mapping[str, tuple[dict[str, Any], ...]] = {
    "explain": (
        {
            "name": "explanation", "label": "情况说明", "type": "textarea", "required": True, "max": services.LONGEST,
            "help": "写事实和原因；不要写群众的姓名电话，不得打听、联系评价人。",
        },
    ),
    "order": (_MEASURE, {**_REASON, "label": "要求和理由"}),
    "settle": (_MEASURE, _REASON),
    "spare": (_MEASURE, _REASON),
    "raise": ({**_REASON, "label": "报上级的理由"},),
    "told": (
        {"name": "reference", "label": "上级决定的编号", "type": "text", "required": True},
        {**_REASON, "label": "上级的决定"},
    ),
    "report": (
        {
            "name": "improvement", "label": "做了哪些改进", "type": "textarea", "required": True,
            "max": services.LONGEST,
        },
    ),
    "return": ({**_REASON, "label": "还差什么"},),
}  # fmt: skip
MAIN = frozenset({"explain", "order", "report", "accept", "told"})


def actions(inquiry: Inquiry, by: Actor, now: datetime) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """The buttons of the table for this person now, and why the others are not there."""
    offered: list[dict[str, Any]] = []
    refused: list[dict[str, str]] = []
    below = repeats.standing(inquiry) < inquiry.least
    for move in MOVES.from_state(inquiry.state):
        if not move.permission or (move.verb == "lift" and not below):
            continue
        problem = services.refusal(move.verb, inquiry, by, now)
        if problem is not None:
            refused.append({"label": move.label, "reason": problem.message})
            continue
        fields = [dict(field) for field in FIELDS.get(move.verb, ())]
        for field in fields:
            if field["name"] == "measure":
                ways = services.measures(inquiry, move.verb, now)
                field["options"] = [{"value": way.id, "label": f"{way.label}（{clause(way.clause)}）"} for way in ways]
        offered.append(
            {
                "verb": move.verb, "label": move.label, "primary": move.verb in MAIN, "fields": fields,
                "url": reverse("inquiry_move", args=[inquiry.pk, move.verb]),
            }
        )  # fmt: skip
    return offered, refused


def clue_actions(case: Case, by: Actor) -> list[dict[str, Any]]:
    """On the page of a case, for those who may: hand a clue of a violation to 纪检.  Never that one was handed in."""
    if not by.can("clue.hand", registry.place(case.organization_code).path):
        return []
    url = reverse("clue_hand_in", args=[case.pk])
    return [{"verb": "clue", "label": "移送违纪违法线索", "primary": False, "link": True, "url": url}]


def statements_context(case: Case, names: Mapping[str, str]) -> list[dict[str, str]]:
    """What the rated said to this negative, for those who read the case."""
    return [
        {"time_text": clock.moment_text(said.at), "who": names.get(said.by, ""), "text": said.text}
        for said in Statement.objects.filter(case=case).order_by("at", "id")
    ]
