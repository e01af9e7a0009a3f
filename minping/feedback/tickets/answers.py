"""Duties of the answer: made when the case ends, in the source's words, and delivered once under a receipt number.

Nothing of who the person is enters an answer: the source knows already, and from us learns no more (minan/3.1.4).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from minping import law
from minping.evaluate.models import Applicant
from minping.feedback.events import CaseClosed, RevocationAnswered
from minping.feedback.models import Case
from minping.feedback.tickets.events import TicketTold
from minping.feedback.tickets.models import Answer, Ticket
from minping.feedback.tickets.services import conflicts, move, source_of
from minping.feedback.tickets.states import AnswerState, TicketState
from minping.kernel import events, ids, journal, privacy
from minping.kernel.access import SYSTEM, Actor
from minping.kernel.clock import beijing
from minping.kernel.errors import Forbidden, Invalid, NotFound, Problem, Stale
from minping.kernel.machine import ConflictOfInterest
from minping.kernel.moves import CONFLICTS
from minping.registry import queries as registry

PAGE = 100
LONGEST = 2000


class AnswerUnready(Problem):
    code = "answer_unready"
    status = 409
    message = "来件 {number} 现在没有等着送的答复。"
    cure = "请先取答复，再登记回执。"


class ReceiptDiffers(Problem):
    code = "receipt_differs"
    status = 409
    message = "来件 {number} 的答复已经用另一个回执编号登记送达。"
    cure = "一份答复只送达一次；请核对回执编号。"


def answer_make(ticket: Ticket, *, result: str, by: Actor, at: datetime) -> Answer:
    """What was done about the ticket's case, to go back; what cannot go as it stands is held for a person."""
    text = _done_text(ticket.case) if ticket.case is not None else ""
    answer = Answer(
        id=ids.uuid7(at), ticket=ticket, ordinal=ticket.answers.count() + 1, source=ticket.source,
        organization_code=ticket.organization_code, result=result, text=text[:LONGEST], made_at=at, made_by=by.name,
    )  # fmt: skip
    answer.why = unfit(answer)
    answer.state = AnswerState.HELD if answer.why else AnswerState.WAITING
    answer.save(force_insert=True)
    _note(answer, "answer.made", by, at)
    return answer


def _done_text(case: Case) -> str:
    """What was done, in the words of the stage that did it: a later one, asked through the chain."""
    text: str = events.table("DONE_TEXT")(case)
    return text


def unfit(answer: Answer) -> str:
    """Why an answer cannot go as it stands; empty where it can."""
    ticket = answer.ticket
    source = source_of(ticket.source, ticket.area_code, answer.made_at)
    if answer.result not in source.results:
        return f"{source.label}没有与这种办理结果对应的说法"
    if not answer.text.strip():
        return "还没有答复的内容"
    if any(_says(answer.text, person) for person in _people(ticket)):
        return "内容里有评价人的姓名、电话或证件号码"
    return ""


def _people(ticket: Ticket) -> Iterable[dict[str, Any]]:
    """Whom an answer must not name: the ticket's person, the other voices of its case, and the applicant.

    Of the others its source knows nothing, and from us learns nothing.
    """
    yield ticket.opened()["person"]
    if ticket.case is None:
        return
    for other in Ticket.objects.filter(case=ticket.case).exclude(pk=ticket.pk):
        yield other.opened()["person"]
    service = ticket.case.service_id
    if service is not None:
        sealed = Applicant.objects.values_list("sealed", flat=True).get(service=service)
        yield privacy.unseal_json(sealed, f"applicant:{service.hex}")


def _says(text: str, person: dict[str, Any]) -> bool:
    """Whether a text says who it is, however the number is written: with blanks, with strokes, in wide digits."""
    plain = unicodedata.normalize("NFKC", text)
    bare = re.sub(r"[\s\-‐-―()·.]", "", plain).upper()
    numbers = privacy.normal_phone(person.get("phone") or ""), privacy.normal_certificate(person.get("cert_no") or "")
    name = unicodedata.normalize("NFKC", person.get("name") or "")
    return (len(name) > 1 and name in plain) or any(len(number) > 1 and number in bare for number in numbers)


def code_of(answer: Answer) -> str:
    """The result in the source's own words, by the law of the day on which the answer was made."""
    return source_of(answer.source, answer.ticket.area_code, answer.made_at).results.get(answer.result, "")


def _note(answer: Answer, action: str, by: Actor, at: datetime, **facts: Any) -> None:
    journal.write(
        action, at=at, actor=by.name, organization_code=answer.organization_code,
        subject=answer.ticket.case_id or answer.ticket_id, records=[answer], source=answer.source,
        number=answer.ticket.number, **facts,
    )  # fmt: skip


# --- because of an event -----------------------------------------------------------------------


def on_case_closed(event: CaseClosed) -> None:
    """The case is done: each of its tickets is answered."""
    _answer_all(event.case, event.at)


def on_revocation_answered(event: RevocationAnswered) -> None:
    if event.revocation.answer == "revoke":
        _answer_all(event.revocation.case, event.at)


def on_ticket_told(event: TicketTold) -> None:
    """A person said that what was done answers it."""
    answer_make(event.ticket, result="told", by=event.by, at=event.at)


def _answer_all(case: Case, at: datetime) -> None:
    for ticket in Ticket.objects.filter(case=case, state=TicketState.JOINED).order_by("received_at"):
        ticket.case = case
        move(ticket, "answer", SYSTEM, at)
        answer_make(ticket, result=case.result, by=SYSTEM, at=at)


# --- by a person -------------------------------------------------------------------------------


def answer_write(*, answer_id: UUID, result: str, text: str, by: Actor, at: datetime) -> Answer:
    """Put right what is held, or what has not gone yet.  Raises NotFound, Forbidden, Invalid, Stale."""
    answer = _answer(answer_id, by)
    if not text.strip():
        raise Invalid("请写明答复的内容。", cure="", field="text")
    answer.result, answer.text = result, text.strip()[:LONGEST]
    answer.why = unfit(answer)
    if answer.why:
        raise Invalid(f"{answer.why}。", cure="请改好再存。", field="text")
    with transaction.atomic():
        rows = Answer.objects.filter(pk=answer.pk, state__in=(AnswerState.WAITING, AnswerState.HELD))
        answer.state, answer.made_by = AnswerState.WAITING, by.name
        if not rows.update(result=result, text=answer.text, why="", state=AnswerState.WAITING, made_by=by.name):
            raise Stale()
        _note(answer, "answer.written", by, at)
    return answer


def _answer(answer_id: UUID, by: Actor) -> Answer:
    answer = Answer.objects.select_related("ticket__case").filter(pk=answer_id).first()
    if answer is None:
        raise NotFound()
    by.require("ticket.answer", registry.place(answer.organization_code).path)
    rules = law.at(answer.ticket.area_code, beijing(answer.made_at).date())
    for conflict in sorted(rules.never("ticket.answer") & conflicts(answer.ticket, by)):
        raise ConflictOfInterest(why=CONFLICTS[conflict], verb="改答复")
    return answer


def answer_delivered_by_hand(*, answer_id: UUID, receipt_no: str, by: Actor, at: datetime) -> Answer:
    """A person entered it on the source's own screens, or handed the file in: under which receipt number."""
    return _deliver(_answer(answer_id, by), receipt_no, by, at)


# --- by the source -----------------------------------------------------------------------------


def answers_waiting(source: str, *, by: Actor, permission: str, after: UUID | None = None) -> list[Answer]:
    """What waits for a source within the scope of `by`, oldest first, at most a page; `after` only turns pages."""
    units = registry.directory().within(by.scopes(permission))
    rows = Answer.objects.filter(organization_code__in=units, source=source, state=AnswerState.WAITING)
    if after is not None:
        rows = rows.filter(pk__gt=after)
    return list(rows.select_related("ticket__case").order_by("pk")[:PAGE])


def answer_receipt(source: str, number: str, receipt_no: str, *, by: Actor, at: datetime) -> Answer:
    """The source has an answer, under its receipt number; the same said again changes nothing.

    Raises NotFound, Forbidden, AnswerUnready, ReceiptDiffers, Invalid.
    """
    answer = Answer.objects.select_related("ticket__case").filter(source=source, ticket__number=number)
    found = answer.order_by("-ordinal").first()
    if found is None or not by.can(f"tickets:{source}", registry.place(found.organization_code).path):
        raise NotFound("没有这个来件的答复。", cure="请核对来件编号；也可能不在这把密钥的范围内。")
    return _deliver(found, receipt_no, by, at)


def _deliver(answer: Answer, receipt_no: str, by: Actor, at: datetime) -> Answer:
    receipt_no = receipt_no.strip()[:80]
    number = answer.ticket.number
    if not receipt_no:
        raise Invalid("还没有填回执编号。", cure="", field="receipt_no")
    if answer.state == AnswerState.DELIVERED:
        if answer.receipt_no != receipt_no:
            raise ReceiptDiffers(number=number)
        return answer
    if answer.state != AnswerState.WAITING:
        raise AnswerUnready(number=number)
    with transaction.atomic():
        rows = Answer.objects.filter(pk=answer.pk, state=AnswerState.WAITING)
        done = {"state": AnswerState.DELIVERED, "receipt_no": receipt_no, "delivered_at": at, "delivered_by": by.name}
        if rows.update(**done) != 1:
            raise Stale()
        for name, value in done.items():
            setattr(answer, name, value)
        _note(answer, "answer.delivered", by, at, receipt=receipt_no)
    return answer


def as_json(answer: Answer) -> dict[str, Any]:
    """The answer in the form that goes back: its source's number and word, what was done, and nothing of who."""
    case = answer.ticket.case
    return {
        "id": str(answer.pk), "number": answer.ticket.number, "ordinal": answer.ordinal, "result": code_of(answer),
        "text": answer.text, "answered_at": answer.made_at, "case_number": case.number if case else "",
        "receipt_no": answer.receipt_no,
    }  # fmt: skip


HEADINGS = ("来件编号", "第几次答复", "办理结果", "答复内容", "答复时间", "回执编号")


def answers_export(source: str, *, by: Actor, at: datetime) -> list[list[str]]:
    """The rows of the file for a source that has no interface; that it was made is on record.  Raises Forbidden."""
    if not by.may("ticket.answer"):
        raise Forbidden()
    rows = answers_waiting(source, by=by, permission="ticket.answer")
    with transaction.atomic():
        journal.write("answers.exported", at=at, actor=by.name, source=source, count=len(rows))
    return [_cells(answer) for answer in rows]


def _cells(answer: Answer) -> list[str]:
    made = beijing(answer.made_at).strftime("%Y-%m-%d %H:%M")
    return [answer.ticket.number, str(answer.ordinal), code_of(answer), answer.text, made, ""]


def shown(rows: Sequence[Answer]) -> list[dict[str, Any]]:
    """Answers as pages list them."""
    return [
        {"answer": answer, "code": code_of(answer), "state_label": AnswerState(answer.state).label} for answer in rows
    ]
