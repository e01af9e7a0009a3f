"""Duties about a 问责提醒: explain, decide, improve, accept, raise, lift (minan/5.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from minping import law
from minping.feedback.services import unit_of
from minping.kernel import due, journal, machine
from minping.kernel.access import SYSTEM, Actor
from minping.kernel.clock import beijing
from minping.kernel.errors import Invalid, NotFound, Problem
from minping.kernel.models import JournalEntry
from minping.registry import queries as registry
from minping.supervise import repeats
from minping.supervise.models import Inquiry, InquiryRow
from minping.supervise.states import MOVES, InquiryState, Kind

Said = Mapping[str, str]
LONGEST = 2000
MOST = 200


class EnoughStill(Problem):
    code = "enough_still"
    status = 409
    message = "还有 {standing} 件差评没有撤销，仍达到规定的 {least} 件。"
    cure = "请按页面上的其他按钮处理。"


def inquiry_get(inquiry_id: UUID) -> Inquiry:
    inquiry = Inquiry.objects.filter(pk=inquiry_id).first()
    if inquiry is None:
        raise NotFound()
    return inquiry


def is_subject(inquiry: Inquiry, by: Actor) -> bool:
    """Whether the inquiry is about `by` in person."""
    return (
        inquiry.kind == Kind.STAFF
        and by.staff_code == inquiry.key
        and any(organization == inquiry.organization_code for organization, _ in by.windows)
    )


def window_of(inquiry: Inquiry, by: Actor) -> str:
    """The window at which `by` must hold a permission: the rated one; of an inquiry about `by` in person the own."""
    if is_subject(inquiry, by):
        return next(window for organization, window in sorted(by.windows) if organization == inquiry.organization_code)
    return inquiry.window_code


def conflicts(inquiry: Inquiry, by: Actor) -> frozenset[str]:
    """How `by` is party: among the rated, of the rated unit itself, or the author of what is judged (R8)."""
    found = set()
    rated = inquiry.rows.values_list(
        "case__staff_code", "case__organization_code", "case__window_code", "case__service__staff_code"
    )
    for staff, organization, window, _ in rated:
        if staff and staff == by.staff_code:
            found.add("rated_person")
        if window and (organization, window) in by.windows:
            found.add("rated_window")
    if by.name in (inquiry.explained_by, inquiry.improved_by) or _answered_before(inquiry, by):
        found.add("answerer")
    path = registry.place(inquiry.organization_code).path
    if inquiry.kind == Kind.UNIT and unit_of(by, "notice.decide", path) == path:
        found.add("rated_unit")
    return frozenset(found)


def _answered_before(inquiry: Inquiry, by: Actor) -> bool:
    """Whether `by` wrote a report that was sent back and written anew by another; asked of who holds both sides."""
    if not (by.may("notice.answer") and by.may("notice.decide")):
        return False
    answers = ("inquiry.explain", "inquiry.report")
    return JournalEntry.objects.filter(subject=inquiry.pk, actor=by.name, action__in=answers).exists()


def refusal(verb: str, inquiry: Inquiry, by: Actor, at: datetime) -> Problem | None:
    """Why `by` may not make the move now; None where it may."""
    return machine.refusal(
        MOVES.move(verb),
        state=inquiry.state,
        by=by,
        path=registry.place(inquiry.organization_code).path,
        window_code=window_of(inquiry, by),
        conflicts=conflicts(inquiry, by),
        rules=law.at(inquiry.area_code, beijing(at).date()),
    )


def _move(
    inquiry: Inquiry, verb: str, by: Actor, at: datetime, told: Mapping[str, Any] | None = None, **changes: Any
) -> None:
    """Check, compare and set, journal: the one way an inquiry moves.  The clock is the table's."""
    refused = refusal(verb, inquiry, by, at)
    if refused is not None:
        raise refused
    move = MOVES.move(verb)
    if move.starts:
        changes |= due.clock(inquiry.area_code, move.starts, at)
    elif move.stops or move.target in (InquiryState.SETTLED, InquiryState.LIFTED):
        changes |= due.STOPPED
    if move.target in (InquiryState.SETTLED, InquiryState.LIFTED):
        changes["ended_at"] = at
    machine.advance(Inquiry.objects.filter(pk=inquiry.pk), move, state=inquiry.state, **changes)
    for name, value in [("state", move.target), *changes.items()]:
        setattr(inquiry, name, value)
    journal.write(
        f"inquiry.{verb}", at=at, actor=by.name, organization_code=inquiry.organization_code, subject=inquiry.pk,
        records=[inquiry], number=inquiry.number, clause=move.clause, **(told or {}),
    )  # fmt: skip


def _text(said: Said, name: str, sentence: str, most: int = LONGEST) -> str:
    value = said.get(name, "").strip()[:most]
    if not value:
        raise Invalid(sentence, cure="", field=name)
    return value


def measures(inquiry: Inquiry, verb: str, at: datetime) -> list[law.Measure]:
    """The ways of the law file that lead to this move."""
    found = law.at(inquiry.area_code, beijing(at).date()).measures.values()
    return [measure for measure in found if measure.move == verb]


def _explain(inquiry: Inquiry, verb: str, said: Said, by: Actor, at: datetime) -> None:
    text = _text(said, "explanation", "请写明情况。")
    _move(inquiry, verb, by, at, explanation=text, explained_at=at, explained_by=by.name)


def _decide(inquiry: Inquiry, verb: str, said: Said, by: Actor, at: datetime) -> None:
    measure = next((one for one in measures(inquiry, verb, at) if one.id == said.get("measure")), None)
    if measure is None:
        raise Invalid("请选择怎样处理。", cure="只能选列出的处理方式。", field="measure")
    reason = _text(said, "reason", "请写明处理的理由。")
    told = {"measure": measure.label, "measure_clause": measure.clause}
    _move(inquiry, verb, by, at, told, measure=measure.id, reason=reason, decided_at=at, decided_by=by.name)


def _raise(inquiry: Inquiry, verb: str, said: Said, by: Actor, at: datetime) -> None:
    _move(inquiry, verb, by, at, reason=_text(said, "reason", "请写明报上级的理由。"))


def _told(inquiry: Inquiry, verb: str, said: Said, by: Actor, at: datetime) -> None:
    reference = _text(said, "reference", "请填写上级决定的编号。", 120)
    text = _text(said, "reason", "请写明上级的决定。")
    _move(inquiry, verb, by, at, {"reference": reference}, reference=reference, reason=text, decided_at=at,
          decided_by=by.name)  # fmt: skip


def _report(inquiry: Inquiry, verb: str, said: Said, by: Actor, at: datetime) -> None:
    text = _text(said, "improvement", "请写明做了哪些改进。")
    _move(inquiry, verb, by, at, improvement=text, improved_at=at, improved_by=by.name, returned_reason="")


def _return(inquiry: Inquiry, verb: str, said: Said, by: Actor, at: datetime) -> None:
    _move(inquiry, verb, by, at, returned_reason=_text(said, "reason", "请写明还差什么。"))


def _accept(inquiry: Inquiry, verb: str, said: Said, by: Actor, at: datetime) -> None:
    _move(inquiry, verb, by, at)


def _lift(inquiry: Inquiry, verb: str, said: Said, by: Actor, at: datetime) -> None:
    """Fewer stand than the law file asks: taken back; those that stand are released and count anew."""
    refused = refusal(verb, inquiry, by, at)
    if refused is not None:
        raise refused
    left = repeats.standing(inquiry)
    if left >= inquiry.least:
        raise EnoughStill(standing=left, least=inquiry.least)
    rows = list(InquiryRow.objects.select_for_update().filter(inquiry=inquiry, released_at__isnull=True))
    _move(inquiry, verb, by, at, {"standing": left}, decided_at=at, decided_by=by.name)
    for row in rows:
        row.released_at = at
    InquiryRow.objects.bulk_update(rows, ["released_at"])
    journal.write(
        "inquiry.released", at=at, actor=by.name, organization_code=inquiry.organization_code, subject=inquiry.pk,
        records=rows, number=inquiry.number, count=len(rows),
    )  # fmt: skip


ACTS: Mapping[str, Callable[[Inquiry, str, Said, Actor, datetime], None]] = {
    "explain": _explain,
    "order": _decide,
    "settle": _decide,
    "spare": _decide,
    "raise": _raise,
    "told": _told,
    "report": _report,
    "return": _return,
    "accept": _accept,
    "lift": _lift,
}


def inquiry_decide(*, inquiry_id: UUID, verb: str, said: Said, by: Actor, at: datetime) -> Inquiry:
    """Make the move that `verb` names.  Raises NotFound, the machine's refusals, Stale, Invalid, EnoughStill."""
    inquiry = inquiry_get(inquiry_id)
    refused = refusal(verb, inquiry, by, at)
    if refused is not None:
        raise refused
    with transaction.atomic():
        ACTS[verb](inquiry, verb, said, by, at)
    return inquiry


def inquiries_lapse(*, at: datetime) -> int:
    """The days for an explanation are over without one: the leader decides on what there is.  Returns how many."""
    late = Inquiry.objects.filter(state=InquiryState.OPENED, due_at__lte=at).order_by("due_at")[:MOST]
    for inquiry in late:
        with transaction.atomic():
            _move(inquiry, "lapse", SYSTEM, at)
    return len(late)
