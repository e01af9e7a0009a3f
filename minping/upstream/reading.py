"""A message as a person may read it: labels, values, and what identifies a person masked, always."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

from django.db import transaction

from minping import law
from minping.kernel import clock, journal, privacy
from minping.kernel.access import Actor
from minping.kernel.errors import NotFound
from minping.registry import queries as registry
from minping.upstream.building import build
from minping.upstream.models import Exchange, OutboxMessage
from minping.upstream.port import Message
from minping.upstream.services import PERSONAL as PERSONAL_WORDS
from minping.upstream.services import WIRE
from minping.upstream.states import KINDS

HIDDEN = "****"
# Whatever a message declares, these fields of a body always name a person.
PERSONAL = frozenset({"applicant", "agent"})
HARMLESS = frozenset({"kind", "cert_type"})  # of the fields within: categories, which identify nobody

FIELDS = {
    "organization_code": "机构代码",
    "case_no": "办件编号",
    "service_no": "服务序号",
    "day": "日期",
    "service_name": "服务名称",
    "item_code": "事项编码",
    "item_name": "事项名称",
    "organization_name": "机构名称",
    "window_code": "窗口代码",
    "staff_code": "工号",
    "handling": "办理方式",
    "case_state": "办件状态",
    "package_no": "一件事编号",
    "accepted_at": "受理时间",
    "served_at": "服务时间",
    "finished_at": "办结时间",
    "level": "满意程度",
    "tags": "原因",
    "text": "原话",
    "channel": "评价渠道",
    "proof": "身份依据",
    "rated_at": "评价时间",
    "assess_no": "第几次评价",
    "made_by_rule": "依据的规则",
    "made_at": "默认时间",
    "case_number": "差评件编号",
    "state": "办理状态",
    "opened_at": "立件时间",
    "confirmed_at": "核实时间",
    "closed_at": "办结时间",
    "result": "办理结果",
    "rounds": "整改次数",
    "measures": "整改措施",
    "rectified_at": "整改时间",
    "follow_up": "回访结果",
    "rerated": "是否再评",
    "arrival": "从哪里来",
    "joined": "并入的来件",
    "validity": "有效性",
    "decided_at": "决定时间",
    "decided_by": "决定机关",
    "decision_reference": "决定编号",
    "ground": "理由",
    "requested_at": "申请时间",
    "statement": "申请说明",
    "call_back_at": "回访时间",
    "evidence": "佐证材料",
    "window_name": "窗口",
    "received_at": "报来时间",
    "changed_at": "修改时间",
    "pressed_at": "按下时间",
    "verify_due_at": "核实期限",
    "verified_at": "核实答复时间",
    "appealed_at": "申诉时间",
    "supervised_at": "督办时间",
    "year": "年度",
    "quarter": "季度",
    "sent_at": "报送时间",
    "due_at": "报送期限",
}
# Codes of the canonical message, as people read them.
WORDS: dict[str, dict[Any, str]] = {
    "case_state": {1: "待受理", 2: "已受理", 3: "已办结"},
    "state": {"verifying": "待核实", "confirmed": "整改中", "closed": "已办结"},
    "result": {
        "solved": "解决了", "partly": "部分解决", "unsolved": "没有解决", "changed_by_rater": "评价人自己改了评价",
    },
    "validity": {"valid": "有效", "disputed": "申请撤销中", "invalid": "无效"},
    "ground": {"mistaken": "误评", "malicious": "恶意", "not_our_case": "不是本单位的办件"},
    "follow_up": {"solved": "解决了", "partly": "部分解决", "unsolved": "没有解决"},
}  # fmt: skip
TIMES = frozenset(name for name in FIELDS if name.endswith("_at"))
OUTCOMES = {"Accepted": "已收", "AlreadyDone": "先前已收", "Never": "拒收", "Later": "暂不可用"}


@dataclass(frozen=True)
class Attempt:
    """One exchange with the superior, its personal fields masked."""

    title: str
    time_text: str
    sent: str
    received: str


def facts(message: Message) -> list[dict[str, str]]:
    """What a person copies into the province's screens: label and value, without what identifies a person."""
    rules = law.at(message.area_code, message.fact_at.astimezone(law.BEIJING).date())
    values = {
        "organization_code": message.organization_code,
        "case_no": message.case_no,
        "service_no": message.service_no,
        **{name: value for name, value in message.body.items() if name not in PERSONAL.union(message.personal)},
    }
    return [
        {"label": FIELDS[name], "value": _value(name, value, rules)}
        for name, value in values.items()
        if name in FIELDS and value not in (None, "", [])
    ]


def _value(name: str, value: Any, rules: law.Rules) -> str:
    if name == "level":
        level = law.InterfaceLevel(value)
        return f"{level.label}（{int(level)}）"
    if name == "tags":
        return "；".join(f"{code} {tag.label}" if (tag := rules.tag(code)) else code for code in value)
    if name == "handling" and value in rules.handlings:
        return rules.handlings[value].label
    if name == "channel" and value in rules.channels:
        return rules.channels[value].label
    if name == "proof" and value in rules.proofs:
        return rules.proofs[value].label
    if name in WORDS:
        return WORDS[name].get(value, str(value))
    if name in TIMES:
        return clock.moment_text(datetime.fromisoformat(value))
    if isinstance(value, list):
        return "、".join(map(str, value))
    if isinstance(value, bool):
        return "是" if value else "否"
    return str(value)


def manual_workbook(rows: list[OutboxMessage], *, by: Actor, at: datetime) -> bytes:
    """The work list for the province's screens: one line per message, every fact as text, nothing personal."""
    from xlsxwriter import Workbook  # read by whoever writes one, not by every process

    built = build(rows)
    headings = ["序号", "类别", "自何时"]
    lines: list[dict[str, str]] = []
    for row in rows:
        line = {"序号": str(row.pk), "类别": kind_label(row.kind), "自何时": clock.moment_text(row.created_at)}
        line |= {item["label"]: item["value"] for item in facts(built[row.pk])}
        headings += [name for name in line if name not in headings]
        lines.append(line)
    stream = BytesIO()
    with Workbook(
        stream, {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    ) as book:
        sheet = book.add_worksheet("待人工上送")
        for column, name in enumerate([*headings, "省平台编号"]):
            sheet.write_string(0, column, name)
        for number, line in enumerate(lines, start=1):
            for column, name in enumerate(headings):
                sheet.write_string(number, column, line.get(name, ""))
    journal.write("manual.exported", at=at, actor=by.name, rows=len(rows))
    return stream.getvalue()


# --- exactly what was sent and answered --------------------------------------------------------


def message_open(*, message_id: int, by: Actor, at: datetime) -> tuple[list[Attempt], str]:
    """The proofs of every attempt, oldest first, and what would be sent now; the look goes on record.

    Raises NotFound, Forbidden.
    """
    row = OutboxMessage.objects.filter(pk=message_id).first()
    if row is None:
        raise NotFound()
    by.require("delivery.act", registry.place(row.organization_code).path)
    message = build([row])[row.pk]
    names = PERSONAL.union(message.personal)
    with transaction.atomic():
        journal.write(
            "message.opened", at=at, actor=by.name, organization_code=row.organization_code, subject=row.subject,
            kind=row.kind,
        )  # fmt: skip
        attempts = [_attempt(proof, names) for proof in Exchange.objects.filter(message=row).order_by("pk")]
    return attempts, _text(masked(dict(message.body), names))


def _attempt(proof: Exchange, names: frozenset[str]) -> Attempt:
    place = f"exchange:{proof.pk}"
    sent = privacy.unseal_json(bytes(proof.sent), place)
    received = privacy.unseal(bytes(proof.received), place).decode("utf-8", "replace")
    hidden = list(sent.get(PERSONAL_WORDS, ())) if WIRE in sent else _personal_values(sent, names)
    shown = str(sent[WIRE]) if WIRE in sent else _text(masked(sent, names))
    if WIRE in sent:
        for value in hidden:
            shown = shown.replace(value, HIDDEN)
    for value in hidden:  # a superior may repeat in its refusal what it was told
        received = received.replace(value, HIDDEN)
    return Attempt(OUTCOMES.get(proof.outcome, proof.outcome), clock.moment_text(proof.at), shown, received)


def _text(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, indent=1)


def masked(body: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The body with the fields `names` masked, all the way down."""
    hidden = frozenset(names)
    return {name: _masked(value, name) if name in hidden else value for name, value in body.items()}


def _masked(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _masked(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, name) for inner in value]
    if value in (None, "") or name in HARMLESS:
        return value
    if name == "name":
        return privacy.masked_name(str(value))
    if name == "phone":
        return privacy.masked_phone(str(value))
    return HIDDEN


def _personal_values(body: dict[str, Any], names: frozenset[str]) -> list[str]:
    """The words that identify, longest first, so that a part never uncovers the whole."""
    found = {word for name in names if name in body for word in _words(body[name], name) if len(word) > 1}
    return sorted(found, key=len, reverse=True)


def _words(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _words(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner, name)
    elif value not in (None, "") and name not in HARMLESS:
        yield str(value)


def kind_label(kind: str) -> str:
    return KINDS.get(kind, kind)
