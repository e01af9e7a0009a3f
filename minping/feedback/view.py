"""A case as its page shows it: plain dictionaries, built in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from minping import law
from minping.evaluate.models import Rating
from minping.evaluate.states import Entry, RatingKind
from minping.evaluate.view import entry_label
from minping.feedback import authority, ladder, services
from minping.feedback.models import CallBack, Case, CaseDocument, Revocation
from minping.feedback.states import (
    DECISIONS,
    MOVES,
    Arrival,
    Authority,
    CallOutcome,
    CallPurpose,
    CaseState,
    Ground,
)  # fmt: skip
from minping.kernel import clock, documents, work
from minping.kernel.access import Actor
from minping.kernel.errors import Problem
from minping.kernel.models import JournalEntry
from minping.registry import queries as registry

VIEWS = (
    work.View("verify", "待核实", MOVES.move("confirm").permission),
    work.View("review", "申诉待复核", MOVES.move("dismiss").permission),
    work.View("second", "待第二人复核", MOVES.move("second").permission),
    work.View("approve", "待审批", MOVES.move("approve").permission),
    work.View("superior", "申请撤销中", MOVES.move("revoke").permission, optional=True),  # it waits on others
    work.View("decide", "裁决撤销申请", DECISIONS.move("grant").permission),  # of the levels below
    work.View("appeal", "可以申诉", MOVES.move("appeal").permission, optional=True),
)
STATE_OF = {
    "verify": CaseState.VERIFYING, "review": CaseState.APPEALED, "second": CaseState.MALICIOUS,
    "approve": CaseState.PROPOSED, "decide": CaseState.REVOKING, "superior": CaseState.REVOKING,
    "appeal": CaseState.VERIFYING,
}  # fmt: skip
PERMISSION_OF = {view.id: view.permission for view in VIEWS}
# What a line says is to be done next.
NEXT = {
    CaseState.VERIFYING: "电话核实后认定", CaseState.APPEALED: "看申诉的理由，电话核实后认定", CaseState.MALICIOUS: "由另一单位的人复核",
    CaseState.PROPOSED: "看理由，同意上报或不同意", CaseState.REVOKING: "等上级决定", CaseState.CONFIRMED: "等责任单位整改",
    CaseState.ACCEPTED: "等整改回访和再评",
}  # fmt: skip
# Where a case stands on the work place, by its state: the view in which it is dealt with.
HERE = {state: view for view, state in STATE_OF.items() if view != "appeal"}

# What is being decided on is whether the rating is valid.
DISPUTED = frozenset({CaseState.APPEALED, CaseState.MALICIOUS, CaseState.PROPOSED, CaseState.REVOKING})

# How a journal row reads in a case's history.
HISTORY = {
    "case.opened": "形成差评件，核实时限起算（次日起）",
    "case.opened_by_ticket": "按来件立件，核实时限起算（次日起）",
    "case.typed": "按上级来文或来电手工录入",
    "case.came_late": "上级下发到本地，核实时限从收到起算（次日起）",
    "case.ticket_joined": "并入来件：同一件事，只办一次",
    "case.ticket_updated": "来源更新了来件",
    "case.rated": "评价人对这次服务作了差评，并入本件",
    "case.explain": "不用整改，解释说明后答复来源",
    "case.reconsider": "来件反映没有解决，重新核实",
    "answer.made": "作出来件答复",
    "answer.written": "改好来件答复",
    "answer.delivered": "来件答复已送达来源",
    "case.called": "电话回访",
    "case.confirmed": "认定属实，转办整改",
    "case.withdrawn": "评价人改了评价，不再按差评办理",
    "case.closed": "办结",
    "case.due_recomputed": "放假安排公布，时限重新计算",
    "case.appeal": "窗口提出申诉，复核时限起算（次日起）",
    "case.dismiss": "申诉不成立，转办整改",
    "case.mistaken": "认定误评，提请审批",
    "case.not_ours": "认定不是本单位的事项，提请审批",
    "case.malicious": "认定恶意，请第二人复核",
    "case.second": "第二人复核：同意认定恶意",
    "case.doubt": "第二人复核：不同意，重新核实",
    "case.approve": "负责人同意，上报申请撤销；答复之前照常计入",
    "case.disapprove": "负责人不同意，重新核实",
    "case.forward": "上级转报更高一级",
    "case.revoke": "上级已撤销",
    "case.refuse": "上级不予撤销，转办整改",
    "case.supervise": "督办",
    "case.assign": "转给其他单位核实（原时限继续）",
    "case.assign_review": "转给其他单位复核申诉（原时限继续）",
    "case.accept": "整改通过验收",
    "case.reopen": "没有解决，重新整改，并报告上级",
    "below.case": "收到下级办理的进展",
    "below.order": "收到下级整改的进展",
    "below.revocation": "收到下级的撤销申请",
    "below.disputed": "下级申请撤销；答复之前照常计入",
    "below.forward": "转报更高一级",
    "below.revoke": "决定撤销，自决定时起不计入",
    "below.refuse": "决定不予撤销，转办整改",
    "order.explain": "责任单位解释说明",
    "order.ask_extension": "情况复杂，申请延期（原时限继续）",
    "order.extend": "负责人同意延期一次",
    "order.keep": "负责人不同意延期",
    "order.suspend": "因申诉复核暂停整改，时限停表",
    "order.resume": "恢复整改，时限接着计算",
    "order.cancel": "差评已撤销，不再整改",
    "order.unreached": "多次联系不上，等待再评",
    "order.assigned": "转办责任单位，整改时限起算（次日起）",
    "order.report": "责任单位报送整改情况",
    "order.return": "退回补充整改（原时限继续）",
    "order.accept": "验收通过",
    "order.solve": "回访：解决了，邀请再评",
    "order.fail": "回访：没有解决，重新转办",
    "order.rerate_bad": "再评仍不满意，重新转办",
    "order.finish": "整改办结",
    "order.due_recomputed": "放假安排公布，整改时限重新计算",
    "rating.word_added": "评价人补充了一句话",
    "evidence.added": "附上佐证材料",
    "document.added": "附上案卷材料",
    "evidence.removed": "材料保存期满，内容已清除",
    "call.removed": "回访原话保存期满，已清除",
    "case.printed": "打印处理单",
    "statement.added": "被评价人员作出说明",
    "identity.opened": "查看评价人联系方式",
}


def case_context(case: Case) -> dict[str, Any]:
    return {
        "id": case.pk,
        "number": case.number,
        "item_name": case.item_name,
        "window_name": case.window_name,
        "organization_name": registry.place(case.organization_code).name,
        "unit_code": case.organization_code,
        "seat_name": registry.place(case.seat_code).name if case.seat_code != case.organization_code else "",
        "arrival_label": Arrival(case.arrival).label if case.arrival != Arrival.OWN else "",
        "state": case.state,
        "disputed": case.state in DISPUTED,
        "state_label": CaseState(case.state).label,
        **_rating_context(case),
    }


def _channel_label(case: Case, rating: Rating, label: str) -> str:
    """Of what the superior told on paper the channel is shown only where the paper said it: it is not guessed."""
    if rating.entry != Entry.TYPED:
        return label
    typed = JournalEntry.objects.filter(subject=case.pk, action="case.typed").first()
    return label if typed and typed.facts.get("channel") else "上级没有写明"


def _rating_context(case: Case) -> dict[str, Any]:
    """The rating's own words; a grievance without one says when it came in, and nothing in a rating's place."""
    rating = case.rating
    if rating is None:
        return {
            "rated_text": f"{clock.moment_text(case.opened_at)} 收到", "unrated": True, "level_label": "（没有评价）",
            "channel_label": "", "proof_label": "", "kind_label": "", "entry_label": "", "tags": [], "text": "",
        }  # fmt: skip
    rules = law.at(case.area_code, rating.rated_at.astimezone(law.BEIJING).date())
    channel, proof = rules.channels.get(rating.channel), rules.proofs.get(rating.proof)
    return {
        "rated_text": clock.moment_text(rating.rated_at),
        "channel_label": _channel_label(case, rating, channel.label if channel else rating.channel),
        "proof_label": proof.label if proof else rating.proof,
        "level": rating.level,
        "level_label": law.InterfaceLevel(rating.level).label,
        "kind_label": RatingKind(rating.kind).label if rating.kind != RatingKind.FIRST else "",
        "entry_label": entry_label(rating),
        "tags": [{"code": code, "label": tag.label if (tag := rules.tag(code)) else code} for code in rating.tags],
        "text": rating.text,
        "added": [
            {"text": word.text, "time_text": clock.moment_text(word.added_at)}
            for word in rating.added_words.order_by("number")
        ],
    }


def script_of(case: Case, purpose: CallPurpose, now: datetime) -> tuple[str, ...]:
    """What is said on the telephone, in the law's words of the day; where nothing was rated, nothing of a rating."""
    kind = "" if case.rating_id else "_ticket"
    return law.at(case.area_code, clock.beijing(now).date()).value(f"call_script_{purpose}{kind}").items


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
        _consent(said, "to_unit", "能不能把您的原话转给责任单位？"),
        _consent(said, "to_others", "能不能转给上级和其他机关？"),
        {
            "name": "summary", "label": "转给责任单位的情况", "type": "textarea", "required": False,
            "value": said.get("summary", ""), "help": "您整理的：要整改什么。对方不同意转告的，责任单位只看到这里写的。",
        },
    ]  # fmt: skip


def _consent(said: Mapping[str, Any], name: str, question: str) -> dict[str, Any]:
    """Asked in these words; not answered passes nothing on (minan/3.1.4)."""
    options = (("yes", "同意"), ("no", "不同意"))
    return {
        "name": name, "label": question, "type": "radio", "required": False,
        "options": [{"value": v, "label": text, "selected": said.get(name) == v} for v, text in options],
    }  # fmt: skip


CONSENT = {
    (None, None): "没有问到能否转告，按不同意办", (False, False): "不同意转告",
    (True, False): "同意转给责任单位", (False, True): "同意转给上级和其他机关", (True, True): "同意转告",
}  # fmt: skip


def calls_context(case: Case) -> list[dict[str, Any]]:
    return [
        {
            "time_text": clock.moment_text(call.at),
            "purpose_label": CallPurpose(call.purpose).label,
            "outcome_label": CallOutcome(call.outcome).label,
            "reached": call.outcome == CallOutcome.ANSWERED,
            "words": call.words if call.removed_at is None else "（保存期满，已清除）",
            "recording": call.recording_no,
            "who": call.by_label,
            "consent": CONSENT[call.to_unit, call.to_others] if call.outcome == CallOutcome.ANSWERED else "",
            "summary": call.summary,
        }
        for call in CallBack.objects.filter(case=case).order_by("at")
    ]


def history_context(case: Case, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Everything that happened to the case, from the journal; `names` says who an actor is."""
    about = [one for one in (case.pk, case.rating_id, case.service_id) if one is not None]
    rows = JournalEntry.objects.filter(subject__in=about).order_by("at", "id")
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


RATED = {f"rating.{kind}": f"收到{kind.label}" for kind in RatingKind}  # each kind, so that none breaks a page


def _rating_text(action: str, facts: Mapping[str, Any]) -> str:
    level = law.InterfaceLevel(facts["level"]).label
    if action != "rating.changed":
        return f"{RATED[action]}「{level}」"
    return "评价人补充了原因" if facts.get("level_before") == facts["level"] else f"评价人改为「{level}」"


# What is asked for with each move of the table; a move that is not here asks nothing.
_REASON = {"name": "reason", "label": "理由", "type": "textarea", "required": True, "max": 2000}
_STATEMENT = {
    "name": "statement", "label": "认定的理由和经过", "type": "textarea", "required": True, "max": 2000,
    "help": "写明核实的情况；不要写群众的姓名电话。",
}  # fmt: skip
_DOCUMENT = {"name": "document", "label": "佐证材料的名称和文号", "type": "text", "required": False}
_FILES = {
    "name": "evidence", "label": "佐证材料", "type": "file", "required": False, "multiple": True,
    "help": "PDF、图片、Word、Excel、录音。",
}  # fmt: skip
_REFERENCE = {"name": "reference", "label": "上级决定的编号", "type": "text", "required": True}
_ANSWER = {"name": "text", "label": "上级答复的内容", "type": "textarea", "required": False, "max": 2000}
_DECISION = {
    "name": "text", "label": "决定的理由", "type": "textarea", "required": True, "max": 2000,
    "help": "随决定下达，下级据此向评价人说明；不要写群众的姓名电话。",
}  # fmt: skip
_ASSIGN: tuple[dict[str, Any], ...] = (
    {"name": "organization_code", "label": "转给哪个单位", "type": "select", "required": True},
    {**_REASON, "label": "为什么由它核实", "help": "原时限照常计算；评价仍计在被评价的单位。不要写群众的姓名电话。"},
)
FIELDS: Mapping[str, tuple[dict[str, Any], ...]] = {
    "appeal": ({**_REASON, "label": "申诉的理由", "help": "每件只能申诉一次；整改通过验收之后不能再申诉。"}, _FILES),
    "dismiss": ({**_REASON, "help": "申诉的窗口和单位看得到这里写的；不要写群众的姓名电话。"},),
    "mistaken": (_STATEMENT, _DOCUMENT, _FILES),
    "not_ours": (_STATEMENT, _DOCUMENT, _FILES),
    "malicious": (
        _STATEMENT,
        {**_DOCUMENT, "help": "认定恶意要有证据：附上材料，或写明文号；并由另一单位的人复核。"},
        _FILES,
    ),
    "doubt": (_REASON,),
    "disapprove": (_REASON,),
    "forward": ({**_REFERENCE, "label": "上级转报的编号"},),
    "revoke": (_REFERENCE, _ANSWER),
    "refuse": (_REFERENCE, _ANSWER),
    "supervise": ({**_REASON, "label": "督办要求"},),
    "assign": _ASSIGN,
    "assign_review": _ASSIGN,
    "grant": (_DECISION,),
    "deny": (_DECISION,),
    "refer": ({**_DECISION, "label": "转报的意见"},),
    "explain": (
        {
            "name": "explanation",
            "label": "给来源的答复",
            "type": "textarea",
            "required": True,
            "max": 2000,
            "help": "写明核实的情况和不用整改的依据；不要写群众的姓名电话。",
        },
    ),
}
HEARD = frozenset({"confirm", "dismiss", "mistaken", "malicious", "explain"})  # never before the person was called
MAIN = frozenset({"confirm", "dismiss", "second", "approve"})


def actions(case: Case, by: Actor, now: datetime) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """The buttons of the case's own table for this person, and why the others are not there."""
    if case.origin:
        return _actions_above(case, by, now)
    offered: list[dict[str, Any]] = []
    refused: list[dict[str, str]] = []
    heard = services.verified_by_call(case, CallPurpose.VERIFY, now)
    if case.state in (CaseState.VERIFYING, CaseState.APPEALED):
        calling = services.call_refusal(case, by, now)
        if calling is None:
            url = reverse("case_call", args=[case.pk])
            offered.append({"verb": "call", "label": "记录回访", "primary": not heard, "link": True, "url": url})
        else:
            refused.append({"label": "记录回访", "reason": calling.message})
    if case.state == CaseState.REVOKING and ladder.ends_here():
        return _split(case, _to_decide(case, by, now))
    for move in MOVES.from_state(case.state):
        if not move.permission or (move.verb == "appeal" and case.appealed_at is not None):
            continue
        if move.rated is not None and move.rated != (case.rating_id is not None):
            continue  # of the other kind of case: not even a reason is worth a line
        problem = services.refusal(move.verb, case, by, now)
        if problem is None and move.verb in HEARD and not heard:
            problem = services.NotCalledYet()
        if isinstance(problem, services.NobodyBeside):
            continue  # true of every case of an office that is one unit: not worth a line on each
        if problem is not None:
            refused.append({"label": move.label, "reason": problem.message})
            continue
        fields = [dict(field) for field in FIELDS.get(move.verb, ())]
        if move.permission == services.ASSIGN:
            units = services.units_beside(case.seat_code, move.permission, by)
            fields[0]["options"] = [{"value": place.code, "label": place.name} for place in units]
        offered.append(
            {
                "verb": move.verb, "label": move.label, "primary": move.verb in MAIN,
                "url": reverse("case_move", args=[case.pk, move.verb]), "fields": fields,
            }
        )  # fmt: skip
    return offered, refused


def negative_fields(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is asked for to send a negative down."""
    levels = [one for one in law.InterfaceLevel if one.negative]
    return [
        {
            "name": "organization_code", "label": "提供服务的机构代码", "type": "text", "required": True,
            "value": said.get("organization_code", ""),
        },
        {"name": "case_no", "label": "办件编号", "type": "text", "required": True, "value": said.get("case_no", "")},
        {
            "name": "service_no", "label": "服务序号", "type": "text", "required": True,
            "value": said.get("service_no", "1"),
        },
        {
            "name": "level", "label": "满意程度", "type": "radio", "required": True,
            "options": [
                {"value": str(int(one)), "label": one.label, "selected": said.get("level") == str(int(one))}
                for one in levels
            ],
        },
        {
            "name": "text", "label": "评价人的原话", "type": "textarea", "required": True, "max": 2000,
            "value": said.get("text", ""), "help": "照原样写，不要写姓名电话。",
        },
    ]  # fmt: skip


Asked = list[tuple[str, str, Problem | None]]


def _to_decide(case: Case, by: Actor, now: datetime) -> Asked:
    """The decisions on its application for revocation, each with why not."""
    asked = authority.open_application(case)
    return [
        (move.verb, move.label, authority.refusal(move.verb, case, asked, by, now))
        for move in DECISIONS.from_state(case.state)
    ]


def _split(case: Case, found: Asked) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """The buttons, and why the others are not there."""
    offered = [
        {
            "verb": verb, "label": label, "primary": verb == "grant",
            "url": reverse("case_move", args=[case.pk, verb]), "fields": [dict(field) for field in FIELDS[verb]],
        }
        for verb, label, problem in found
        if problem is None
    ]  # fmt: skip
    return offered, [{"label": label, "reason": problem.message} for _, label, problem in found if problem is not None]


def _actions_above(case: Case, by: Actor, now: datetime) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """What may be done here with a case that is worked on below: decide on its revocation, press for its end."""
    found = _to_decide(case, by, now)
    if case.state == CaseState.CONFIRMED:
        found.append(("supervise", "督办", authority.press_refusal(case, by)))
    offered, refused = _split(case, found)
    where = registry.place(case.origin).name
    refused.append({"label": "核实、整改、回访", "reason": f"这一件在“{where}”办理，期限由下级计算。"})
    return offered, refused


def documents_context(case: Case) -> list[dict[str, Any]]:
    """The documents of the case itself, in the order in which they came."""
    return [
        documents.shown(record, reverse("case_document", args=[record.pk]), clock.moment_text(record.added_at))
        for record in CaseDocument.objects.filter(case=case).order_by("added_at", "id")
    ]


def revocation_context(case: Case, names: Mapping[str, str]) -> dict[str, Any] | None:
    """The latest application for revocation: who said what, who agreed, with whom it lies, what was answered."""
    row = Revocation.objects.filter(case=case).order_by("-proposed_at").first()
    if row is None and not case.appeal:
        return None
    steps: list[tuple[str, str, str]] = []
    if case.appealed_at is not None:
        steps.append(("窗口申诉", _signed(case.appealed_at, case.appealed_by, names), case.appeal))
    if case.appeal_answer:
        signed = _signed(case.appeal_answered_at, case.appeal_answered_by, names)
        steps.append(("申诉不成立", signed, case.appeal_answer))
    if row is not None:
        document = f"（佐证：{row.document}）" if row.document else ""
        title = f"认定{Ground(row.ground).label}"
        steps.append((title, _signed(row.proposed_at, row.proposed_by, names), f"{row.statement}{document}"))
        if row.seconded_at is not None:
            steps.append(("第二人复核同意", _signed(row.seconded_at, row.seconded_by, names), ""))
        if row.approved_at is not None:
            level = Authority(row.authority).label
            said = f"报{level}级；答复之前，这条评价照常计入。"
            steps.append(("负责人同意上报", _signed(row.approved_at, row.approved_by, names), said))
        if row.ended_at is not None:
            who = "本级" if row.authority == ladder.own_level() else "上级"
            label = {"revoke": f"{who}已撤销", "refuse": f"{who}不予撤销"}.get(row.answer, "不同意，重新核实")
            number = f"编号 {row.reference}。" if row.reference else ""
            steps.append((label, _signed(row.ended_at, row.answered_by, names), f"{number}{row.answer_text}"))
    return {"steps": [{"title": title, "who": who, "text": text} for title, who, text in steps]}


def appeal_context(case: Case) -> list[dict[str, str]]:
    """What became of an appeal, for the window and the unit that made it: nothing of what the office weighed inside."""
    if case.appealed_at is None:
        return []
    steps = [{"title": "窗口申诉", "time_text": clock.moment_text(case.appealed_at), "text": case.appeal}]
    row = Revocation.objects.filter(case=case, answered_at__isnull=False).exclude(answer="").first()
    if case.appeal_answered_at is not None:
        told = {
            "title": "申诉不成立",
            "time_text": clock.moment_text(case.appeal_answered_at),
            "text": case.appeal_answer,
        }
        steps.append(told)
    elif row is not None and row.answered_at is not None:
        title = "申诉成立，评价已撤销" if row.answer == "revoke" else "已申请撤销，上级不予撤销"
        text = f"编号 {row.reference}。{row.answer_text}"
        steps.append({"title": title, "time_text": clock.moment_text(row.answered_at), "text": text})
    elif case.state in DISPUTED:
        steps.append({"title": "正在复核", "time_text": "", "text": ""})
    return steps


def _signed(at: datetime | None, by: str, names: Mapping[str, str]) -> str:
    return f"{clock.moment_text(at)} {names.get(by, '')}" if at is not None else ""


def party_context(case: Case) -> dict[str, Any]:
    """The case for the window that may appeal: nothing by which its giver could be found (failures.md D14)."""
    shown = case_context(case)
    return {
        **shown, "rated_text": clock.day_text(case.service.served_at if case.service else case.opened_at), "channel_label": "", "proof_label": "",
        "entry_label": "",
    }  # fmt: skip


# --- the work list -----------------------------------------------------------------------------


def nearer(due_at: datetime | None, asked_at: datetime | None) -> datetime | None:
    """The due time to show: a ticket's own date where it is nearer, while a clock runs (minan/6.2)."""
    return min(due_at, asked_at) if due_at and asked_at else due_at


def queue(view: str, scope: work.Scope) -> QuerySet[Case]:
    """Cases waiting in a view, within a scope."""
    cases = Case.objects.filter(state=STATE_OF[view])
    if view == "decide":
        asked = Revocation.objects.filter(case=OuterRef("pk"), ended_at__isnull=True, authority=ladder.own_level())
        cases = cases.filter(Exists(asked))
    else:
        cases = cases.filter(origin="")
    if view == "appeal":  # an appeal is to a rating
        cases = cases.rated()
    rows: QuerySet[Case] = scope.filter(cases, "organization_code" if view == "appeal" else "seat_code")
    return rows


def closed(scope: work.Scope) -> QuerySet[Case]:
    rows: QuerySet[Case] = scope.filter(Case.objects.filter(state=CaseState.CLOSED))
    return rows


LINE = (
    "number", "level", "item_name", "excerpt", "state", "window_name", "due_at", "origin", "arrival", "asked_at",
    "organization_code", "seat_code", "window_code", "rating_id",
)  # fmt: skip


def records(*wanted: Q, **equal: Any) -> QuerySet[Case]:
    """The cases behind lines, with what `rows` says of them and what says who may open them."""
    return Case.objects.filter(*wanted, **equal).only(*LINE)


def _next(case: Case) -> str:
    if case.origin and case.state == CaseState.REVOKING:
        return "决定撤销、不予撤销或转报"
    if case.origin:
        return "在下级办理"
    told = NEXT.get(CaseState(case.state), "")
    if case.seat_code != case.organization_code and case.state in (CaseState.VERIFYING, CaseState.APPEALED):
        return f"{told}，已转给{registry.place(case.seat_code).name}"
    return told


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
            due_at=nearer(case.due_at, case.asked_at),
            number=case.number,
            next_text=_next(case),
            arrival_label=Arrival(case.arrival).label if case.level is None else "",
        )
        for case in cases
    ]
