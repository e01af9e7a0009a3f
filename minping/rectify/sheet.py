"""处理单: the case from the rating to its end on one paper, for the office's file (minan/4.2.1–4.2.3).

What it says is what the pages say, out of the same records; no name or telephone of the rater is on it.
Each printing is on record with the fingerprint of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from minping.feedback import services as feedback
from minping.feedback import view as cases
from minping.feedback.models import Case
from minping.feedback.states import Arrival
from minping.feedback.tickets.services import told_of
from minping.kernel import clock, journal, paper
from minping.kernel.access import Actor
from minping.kernel.errors import Invalid
from minping.kernel.paper import Paper, Section
from minping.rectify import view as orders
from minping.rectify.states import UNREACHABLE, FollowUp

TITLE = "政务服务“好差评”差评件处理单"
TITLE_UNRATED = "政务服务诉求处理单"  # what a hotline or window sent in and nobody rated is no negative
SIGNATURES = ("经办人", "复核人", "负责人")
ANSWERS = {one.value: one.label for one in FollowUp} | {UNREACHABLE: "多次联系不上"}


def sheet_print(*, case_id: UUID, kind: str, names: Mapping[str, str], by: Actor, at: datetime) -> tuple[str, bytes]:
    """The 处理单 as `pdf` or `docx`: its file name and content.  Raises NotFound, Forbidden, Invalid, PdfNotMade."""
    case = feedback.case_get(case_id)
    feedback.read_require(case, by)
    if kind not in paper.TYPES:
        raise Invalid("请选择 PDF 或 Word。", cure="", field="kind")
    made = paper.make(of(case, names, by, at), kind)
    with transaction.atomic():
        journal.write(
            "case.printed", at=at, actor=by.name, organization_code=case.organization_code, subject=case.pk,
            kind=kind, sha256=journal.fingerprint(made),
        )  # fmt: skip
    return f"处理单-{case.number}.{kind}", made


def of(case: Case, names: Mapping[str, str], by: Actor, at: datetime) -> Paper:
    """The paper of a case as it stands now; `names` says who an actor is."""
    with clock.years():
        found = [_rating(case, at), _calls(case), _dispute(case, names), *_orders(case, names), _history(case, names)]
        printed = clock.moment_text(at)
    sections = [section for section in found if section.facts or section.rows]
    return Paper(
        title=TITLE if case.rating_id else TITLE_UNRATED,
        number=case.number,
        sections=[replace(one, title=f"{_counted(n)}、{one.title}") for n, one in enumerate(sections, 1)],
        signatures=SIGNATURES,
        foot=f"由民评按办理记录生成，{by.label} {printed} 打印并登记，内部用，不得外传。",
    )


_DIGITS = "零一二三四五六七八九十"


def _counted(number: int) -> str:
    """The number of a section, in words up to 99: what is empty is left out, and the rest follow each other."""
    ten, one = divmod(number, 10)
    if not ten:
        return _DIGITS[one]
    return f"{_DIGITS[ten] if ten > 1 else ''}十{_DIGITS[one] if one else ''}"


def _facts(*pairs: tuple[str, str]) -> list[tuple[str, str]]:
    return [pair for pair in pairs if pair[1]]


def _rating(case: Case, at: datetime) -> Section:
    """What was said, and from where it came; the words of a ticket stay with the ticket, where they are sealed."""
    shown = cases.case_context(case)
    tickets = "；".join(told_of(ticket, at) for ticket in case.tickets.order_by("received_at"))
    unit = f"{shown['organization_name']} {shown['window_name']}".strip()
    arrival = ("来源", Arrival(case.arrival).label)
    end = (("现在的状态", shown["state_label"]), ("核实时限", clock.due_text(case.verify_due_at)))
    if case.rating_id is None:
        return Section(
            "来件",
            _facts(
                ("反映的单位", unit), ("事项", shown["item_name"]), ("收到时间", clock.moment_text(case.opened_at)),
                arrival, ("来件", tickets), *end,
            ),
        )  # fmt: skip
    return Section(
        "评价",
        _facts(
            ("被评单位", unit),
            ("事项", shown["item_name"]),
            ("评价时间", shown["rated_text"]),
            arrival,
            ("渠道和实名", f"{shown['channel_label']}；{shown['proof_label']}"),
            ("评价等级", f"{shown['level_label']}{'（' + shown['kind_label'] + '）' if shown['kind_label'] else ''}"),
            ("选择的原因", "；".join(tag["label"] for tag in shown["tags"])),
            ("评价人的话", shown["text"] or "（未留言）"),
            ("同一件事的来件", tickets),
            *end,
        ),
    )


def _calls(case: Case) -> Section:
    calls = cases.calls_context(case)
    return Section(
        "电话回访",
        head=("时间和回访人", "结果", "对方的话", "录音编号"),
        widths=(36, 19, 27, 18),
        rows=[
            (f"{c['time_text']}\n{c['who']}", f"{c['purpose_label']}：{c['outcome_label']}", c["words"], c["recording"])
            for c in calls
        ],
    )


def _dispute(case: Case, names: Mapping[str, str]) -> Section:
    told = cases.revocation_context(case, names)
    documents = "；".join(_document(file) for file in cases.documents_context(case))
    steps = told["steps"] if told else []
    return Section(
        "申诉和申请撤销",
        head=("步骤", "何时何人", "内容"),
        widths=(20, 30, 50),
        rows=[(s["title"], s["who"], s["text"]) for s in steps],
        facts=_facts(("案卷材料", documents)),
    )


def _orders(case: Case, names: Mapping[str, str]) -> list[Section]:
    return [_order(shown) for shown in orders.rounds_of(case, names)]


def _order(shown: Mapping[str, Any]) -> Section:
    again = f"（第 {shown['round']} 次）" if shown["round"] > 1 else ""
    return Section(
        f"整改{again}",
        _facts(
            ("责任单位", shown["unit_name"]),
            ("转办", shown["sent_text"]),
            ("整改时限", shown["due_text"]),
            ("转办理由", shown["transfer_text"]),
            ("延期计划", shown["plan"]),
            ("整改措施", shown["measures"]),
            ("佐证材料", "；".join(_document(file) for file in shown["evidence"])),
            ("上报人", shown["who"]),
            ("验收", shown["decision_text"]),
            ("整改回访", ANSWERS.get(shown["follow_up"], "")),
            ("状态", shown["state_label"]),
        ),
    )


def _document(file: Mapping[str, Any]) -> str:
    return f"{file['name']}（{file['size_text']}）"


def _history(case: Case, names: Mapping[str, str]) -> Section:
    rows = cases.history_context(case, names)
    return Section(
        "办理经过",
        head=("时间", "事项", "何人"),
        widths=(37, 46, 17),
        rows=[(r["time_text"], r["text"] + (f"：{r['detail']}" if r["detail"] else ""), r["who"]) for r in rows],
    )
