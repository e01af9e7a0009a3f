"""标记: a word set on a case for oneself, to find it again.

Each person's own, and not the unit's: a word that others read would be a second file beside the case, open to
whoever is rated in it, and outside the record.  What others must know is said by a move of the table.
"""

from __future__ import annotations

import re
from datetime import datetime
from uuid import UUID

from django.db import transaction

from minping.feedback.models import Case
from minping.kernel import journal
from minping.kernel.access import Actor
from minping.kernel.errors import Invalid, NotFound, Problem
from minping.site.looking import openable
from minping.site.models import Mark

MOST = 200  # of one person: a list that is longer is no help to the memory
LONGEST = 20
SUGGESTED = ("等材料", "等回电", "明天再打", "要请示")
NUMBER = re.compile(r"\d[\d\s-]{5,}")  # a telephone or certificate number, or part of one


class TooManyMarks(Problem):
    code = "too_many_marks"
    status = 409
    message = f"标记已有 {MOST} 件。"
    cure = "请先取消不用的标记。"


def word_checked(word: str) -> str:
    """The word as it is kept.  Raises Invalid where it is empty, long, or holds a number of somebody."""
    text = " ".join(word.split())
    if not text or len(text) > LONGEST:
        raise Invalid(f"请写一个标记，最多 {LONGEST} 个字。", cure="", field="word")
    if NUMBER.search(text):
        raise Invalid("标记里不能写电话、证件号码。", cure="请只写要做的事，例如“等材料”。", field="word")
    return text


def mark_set(*, case_id: UUID, word: str, by: Actor, at: datetime) -> Mark:
    """Mark a case for oneself, or change the word.  Raises NotFound, Invalid, TooManyMarks."""
    text = word_checked(word)
    case = _case(case_id, by)
    with transaction.atomic():
        others = Mark.objects.filter(account=by.name).exclude(case=case)
        if others.count() >= MOST:
            raise TooManyMarks()
        mark, _ = Mark.objects.update_or_create(account=by.name, case=case, defaults={"word": text, "made_at": at})
        journal.write(
            "mark.set", at=at, actor=by.name, organization_code=case.organization_code, subject=case.pk,
            number=case.number,
        )  # fmt: skip
    return mark


def mark_clear(*, case_id: UUID, by: Actor, at: datetime) -> None:
    """Take one's own mark away; none there is no error.  Raises NotFound."""
    case = _case(case_id, by)
    with transaction.atomic():
        if Mark.objects.filter(account=by.name, case=case).delete()[0]:
            journal.write(
                "mark.cleared", at=at, actor=by.name, organization_code=case.organization_code, subject=case.pk,
                number=case.number,
            )  # fmt: skip


def _case(case_id: UUID, by: Actor) -> Case:
    found = openable(Case.objects.filter(pk=case_id), by).get(case_id)
    if found is None:
        raise NotFound()
    return found.case


def marks_of(by: Actor) -> dict[UUID, str]:
    """A person's marks, the latest first: case and word."""
    return dict(Mark.objects.filter(account=by.name).order_by("-made_at").values_list("case_id", "word"))
