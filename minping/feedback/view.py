"""A case as its page shows it: plain dictionaries, built in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse

from minping import law
from minping.evaluate.states import RatingKind
from minping.evaluate.view import entry_label
from minping.feedback import services
from minping.feedback.models import CallBack, Case
from minping.feedback.states import CallOutcome, CallPurpose, CaseState
from minping.kernel import clock, work
from minping.kernel.access import Actor
from minping.kernel.models import JournalEntry

VIEWS = (work.View("verify", "待核实", "case.verify"),)

SCRIPTS = {
    CallPurpose.VERIFY: (
        "您好，这里是政务服务“好差评”回访。您最近对一次服务作了评价，想向您核对一下情况，方便吗？",
        "请您说说当时的经过。（只听，不劝，不解释）",
        "我把您的话记下来，您听听对不对。",
        "如果情况属实，责任单位会在规定的时限内整改，我们还会再给您打电话。谢谢您。",
    ),
    CallPurpose.FOLLOW_UP: (
        "您好，这里是政务服务“好差评”回访。您反映的问题，责任单位报告说已经整改，想听听您的看法。",
        "这个问题，解决了、部分解决，还是没有解决？（按原话记，不提示）",
        "您可以打开原来的评价链接再评一次，也可以不评，都由您决定。",
        "谢谢您。",
    ),
}

# How a journal row reads in a case's history.
HISTORY = {
    "case.opened": "形成差评件，核实时限起算（次日起）",
    "case.called": "电话回访",
    "case.confirmed": "认定属实，转办整改",
    "case.withdrawn": "评价人改了评价，不再按差评办理",
    "case.closed": "办结",
    "case.due_recomputed": "放假安排公布，时限重新计算",
    "order.assigned": "转办责任单位，整改时限起算（次日起）",
    "order.report": "责任单位报送整改情况",
    "order.return": "退回补充整改（原时限继续）",
    "order.accept": "验收通过",
    "order.solve": "回访：解决了，邀请再评",
    "order.fail": "回访：没有解决，重新转办",
    "order.rerate_bad": "再评仍不满意，重新转办",
    "order.finish": "整改办结",
    "order.due_recomputed": "放假安排公布，整改时限重新计算",
    "evidence.added": "附上佐证材料",
    "identity.opened": "查看评价人联系方式",
}


def case_context(case: Case) -> dict[str, Any]:
    rating, service = case.rating, case.service
    rules = law.at(case.area_code, rating.rated_at.astimezone(law.BEIJING).date())
    channel, proof = rules.channels.get(rating.channel), rules.proofs.get(rating.proof)
    return {
        "id": case.pk,
        "number": case.number,
        "item_name": case.item_name,
        "window_name": case.window_name,
        "organization_name": service.organization_name,
        "rated_text": clock.moment_text(rating.rated_at),
        "channel_label": channel.label if channel else rating.channel,
        "proof_label": proof.label if proof else rating.proof,
        "level": rating.level,
        "level_label": law.InterfaceLevel(rating.level).label,
        "kind_label": RatingKind(rating.kind).label if rating.kind != RatingKind.FIRST else "",
        "entry_label": entry_label(rating),
        "tags": [{"code": code, "label": tag.label if (tag := rules.tag(code)) else code} for code in rating.tags],
        "text": rating.text,
        "state": case.state,
        "state_label": CaseState(case.state).label,
    }


def identity_context(case: Case, purpose: CallPurpose) -> dict[str, Any]:
    return {
        "masked_text": "已封存的申请人（姓名、电话只在回访时打开）",
        "open_url": reverse("case_identity", args=[case.pk]),
        "purposes": [{"value": str(purpose), "label": purpose.label, "selected": True}],
    }


def call_fields(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": "outcome", "label": "通话结果", "type": "radio", "required": True,
            "options": [{"value": o.value, "label": o.label, "selected": said.get("outcome") == o} for o in CallOutcome],
        },
        {
            "name": "words", "label": "对方的话", "type": "textarea", "required": False, "value": said.get("words", ""),
            "help": "照原意记，不要写姓名和电话。接通了必须填写。",
        },
        {
            "name": "recording_no", "label": "录音编号", "type": "text", "required": False,
            "value": said.get("recording_no", ""),
        },
    ]  # fmt: skip


def calls_context(case: Case) -> list[dict[str, Any]]:
    return [
        {
            "time_text": clock.moment_text(call.at),
            "purpose_label": CallPurpose(call.purpose).label,
            "outcome_label": CallOutcome(call.outcome).label,
            "reached": call.outcome == CallOutcome.ANSWERED,
            "words": call.words,
            "recording": call.recording_no,
            "who": call.by_label,
        }
        for call in CallBack.objects.filter(case=case).order_by("at")
    ]


def history_context(case: Case, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Everything that happened to the case, from the journal; `names` says who an actor is."""
    rows = JournalEntry.objects.filter(subject__in=[case.pk, case.rating_id, case.service_id]).order_by("at", "id")
    shown = []
    for row in rows:
        text = HISTORY.get(row.action)
        if row.action.startswith("rating.") and text is None:
            text = _rating_text(row.action, row.facts)
        if text is None:
            continue
        facts = row.facts
        if row.action == "case.called":
            text = f"{CallPurpose(facts['purpose']).label}：{CallOutcome(facts['outcome']).label}"
        shown.append(
            {
                "time_text": clock.moment_text(row.at),
                "iso": clock.beijing(row.at).isoformat(timespec="seconds"),
                "text": text,
                "who": names.get(row.actor, ""),
                "detail": facts.get("detail", ""),
            }
        )
    return shown


RATED = {"rating.first": "收到评价", "rating.supplementary": "收到追加评价", "rating.rerating": "收到再次评价"}


def _rating_text(action: str, facts: Mapping[str, Any]) -> str:
    level = law.InterfaceLevel(facts["level"]).label
    if action != "rating.changed":
        return f"{RATED[action]}「{level}」"
    return "评价人补充了原因" if facts.get("level_before") == facts["level"] else f"评价人改为「{level}」"


def actions(case: Case, by: Actor, now: datetime) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """The buttons of the case's own table for this person, and why the others are not there."""
    offered: list[dict[str, Any]] = []
    refused: list[dict[str, str]] = []
    if case.state != CaseState.VERIFYING:
        return offered, refused
    called = CallBack.objects.filter(case=case, purpose=CallPurpose.VERIFY).exists()
    calling = services.call_refusal(case, by, now)
    if calling is None:
        offered.append(
            {
                "verb": "call", "label": "记录回访", "primary": not called, "link": True,
                "url": reverse("case_call", args=[case.pk]),
            }
        )  # fmt: skip
    else:
        refused.append({"label": "记录回访", "reason": calling.message})
    confirming = services.refusal("confirm", case, by, now)
    if confirming is not None:
        refused.append({"label": "属实，转办整改", "reason": confirming.message})
    elif not called:
        refused.append({"label": "属实，转办整改", "reason": services.NotCalledYet.message})
    else:
        offered.append(
            {
                "verb": "confirm",
                "label": "属实，转办整改",
                "primary": True,
                "url": reverse("case_confirm", args=[case.pk]),
            }
        )
    return offered, refused


# --- the work list -----------------------------------------------------------------------------


def queue(view: str, scope: work.Scope) -> QuerySet[Case]:
    """Cases waiting in a view, within a scope."""
    rows: QuerySet[Case] = scope.filter(Case.objects.filter(state=CaseState.VERIFYING))
    return rows


def closed(scope: work.Scope) -> QuerySet[Case]:
    rows: QuerySet[Case] = scope.filter(Case.objects.filter(state=CaseState.CLOSED))
    return rows


LINE = ("level", "item_name", "excerpt", "state", "window_name", "due_at")


def records(ids: Iterable[UUID]) -> QuerySet[Case]:
    """The cases behind lines, with what `rows` says of them."""
    return Case.objects.filter(pk__in=list(ids)).only(*LINE)


def rows(cases: Iterable[Case]) -> list[work.Row]:
    return [
        work.Row(
            key=case.pk,
            case_id=case.pk,
            level=case.level,
            item_name=case.item_name,
            excerpt=case.excerpt,
            state_label=CaseState(case.state).label,
            window_name=case.window_name,
            due_at=case.due_at,
        )
        for case in cases
    ]
