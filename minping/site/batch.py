"""成批办理: what may safely be done to many cases at once, and why the rest may not.

Safe is what decides nothing about a rating, a person or a clock: to press (督办), to mark for oneself, to print.
Each case is asked for itself, by the same duty and the same compare-and-set as on its own page, in a transaction of
its own; what was refused is told case by case.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from minping.feedback import decisions
from minping.feedback.models import Case
from minping.kernel import work
from minping.kernel.access import Actor
from minping.kernel.errors import Invalid, NotFound, Problem
from minping.kernel.models import account_names
from minping.kernel.paper import PDF
from minping.rectify import sheet
from minping.site import marks
from minping.site.looking import openable

MOST = work.PAGE


@dataclass(frozen=True)
class Act:
    """One thing that may be done to many: the permission it asks for, and the field that goes with all of them."""

    verb: str
    label: str
    permission: str  # empty: whoever may open the case
    field: str = ""
    field_label: str = ""
    longest: int = 0
    file: bool = False  # answered with a file, and the page stays


ACTS = (
    Act("supervise", "督办", "case.supervise", "reason", "督办要求", 500),
    Act("mark", "标记", "", "word", "标记", marks.LONGEST),
    Act("unmark", "取消标记", ""),
    Act("sheet", "打印处理单", "case.read", file=True),
)
# Why everything else is done one by one: read by whoever looks for the button.
ONE_BY_ONE = (
    ("核实、认定、复核、审批", "每一件都要先听过评价人的话、看过材料，成批认定就是没有看（minan/4.2.2，R8）。"),
    ("转办、退回、验收、延期", "理由和责任单位各不相同，理由要写给接手的人看（minan/4.2.3）。"),
    ("回访", "一次电话只说一件事，结果照原话记（minan/4.2.3）。"),
    ("撤销的答复", "上级的每个决定有自己的编号（minan/4.2.2，R7）。"),
)


@dataclass(frozen=True)
class Outcome:
    """What became of one case."""

    case_id: UUID
    number: str
    done: bool
    text: str


def act_of(verb: str) -> Act:
    """Raises NotFound: what is not in the table is not done to many."""
    found = next((act for act in ACTS if act.verb == verb), None)
    if found is None:
        raise NotFound("这一步不能成批办理。", cure="请打开每一件，按页面上的按钮办理。")
    return found


def cases_of(ids: Sequence[str], by: Actor) -> list[Case]:
    """The chosen cases that `by` may open, in the order chosen.  Raises Invalid where none or too many are chosen."""
    try:
        wanted = list(dict.fromkeys(UUID(one) for one in ids))
    except ValueError as failure:
        raise Invalid("请从列表里选。", cure="") from failure
    if not wanted:
        raise Invalid("还没有选。", cure="请勾选要一起办的件。")
    if len(wanted) > MOST:
        raise Invalid(f"一次最多 {MOST} 件。", cure="请分几次办。")
    found = openable(Case.objects.filter(pk__in=wanted), by)
    return [found[one].case for one in wanted if one in found]


def batch_do(*, act: Act, ids: Sequence[str], said: Mapping[str, str], by: Actor, at: datetime) -> list[Outcome]:
    """Do `act` to each case for itself; nothing is done where its one field is wrong.  Raises Invalid."""
    said = {act.field: _said(act, said)} if act.field else {}
    done: list[Outcome] = []
    for case in cases_of(ids, by):
        try:
            DO[act.verb](case.pk, said, by, at)
        except Problem as problem:
            done.append(Outcome(case.pk, case.number, False, problem.message + problem.cure))
        else:
            done.append(Outcome(case.pk, case.number, True, f"已{act.label}"))
    return done


def _said(act: Act, said: Mapping[str, str]) -> str:
    text = said.get(act.field, "").strip()
    if not text:
        raise Invalid(f"请写明{act.field_label}。", cure="", field=act.field)
    return marks.word_checked(text) if act.verb == "mark" else text[: act.longest]


def _supervise(case_id: UUID, said: Mapping[str, str], by: Actor, at: datetime) -> None:
    decisions.case_decide(case_id=case_id, verb="supervise", said=said, by=by, at=at)


def _mark(case_id: UUID, said: Mapping[str, str], by: Actor, at: datetime) -> None:
    marks.mark_set(case_id=case_id, word=said["word"], by=by, at=at)


def _unmark(case_id: UUID, said: Mapping[str, str], by: Actor, at: datetime) -> None:
    marks.mark_clear(case_id=case_id, by=by, at=at)


DO: Mapping[str, Callable[[UUID, Mapping[str, str], Actor, datetime], Any]] = {
    "supervise": _supervise, "mark": _mark, "unmark": _unmark,
}  # fmt: skip


def sheets(*, ids: Sequence[str], by: Actor, at: datetime) -> bytes:
    """The 处理单 of each case as a PDF, in one archive; 清单.txt says which were printed and which refused.

    Each printing is on record, as from the page of the case.  Raises Invalid.
    """
    names, told, archive = account_names(), [], io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as folder:
        for case in cases_of(ids, by):
            try:
                name, made = sheet.sheet_print(case_id=case.pk, kind=PDF, names=names, by=by, at=at)
            except Problem as problem:
                told.append(f"{case.number}\t未打印：{problem.message}")
            else:
                folder.writestr(name, made)
                told.append(f"{case.number}\t已打印")
        folder.writestr("清单.txt", "\n".join(told) + "\n")
    return archive.getvalue()
