"""Negative cases and applications for revocation of a subordinate: worked on below, decided where the authority is.

A subordinate can say that its case is open, verified, rectified; it cannot say that a
rating is revoked.  That is taken only as the echo of a decision made here or above, or
from a level that itself has the authority (minan/4.2.2, R7).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings

from minping.evaluate.models import Rating
from minping.evaluate.services import service_invalidate
from minping.evaluate.services.from_below import service_of
from minping.feedback.models import CallBack, Case, Revocation
from minping.feedback.services import excerpt_of
from minping.feedback.states import Arrival, Authority, CallOutcome, CallPurpose, CaseState
from minping.kernel import journal
from minping.registry import queries as registry
from minping.upstream.below.intake import Missing, NotOurs, Refuse, Told, kept
from minping.upstream.messages import RectificationContent, RevocationContent, ValidityContent

REVOKED = "revoked"
ANSWERS = {"invalid": "revoke", "valid": "refuse"}


class NotDecidedHere(Refuse):
    code = "not_decided_here"
    message = "上级没有对 {number} 作出这个决定。"
    cure = "撤销只由有权限的一级决定；请核对决定编号（裁定 R7）。"


class UnknownState(Refuse):
    code = "unknown_code"
    message = "上级不认识差评件的状态“{state}”。"
    cure = "请核对两级的程序是不是同一版。"


def take_case(told: Told) -> tuple[Case, bool]:
    """The case as it stands below; returns it, and whether anything of it is new here."""
    said = told.content
    assert isinstance(said, RectificationContent)
    if said.state not in set(CaseState):
        raise UnknownState(state=said.state)
    service = service_of(told)
    case = Case.objects.filter(pk=told.subject).first()
    if case is not None and (case.origin, case.service_id, case.number) != (told.origin, service.pk, said.case_number):
        raise NotOurs()
    if case is not None and case.revision >= told.message.revision:
        return case, False
    if case is None:
        identifier = _identifier(said.rating)
        rating = Rating.objects.filter(pk=identifier, service=service).first() if identifier else None
        if rating is None:
            raise Missing(what="评价")
        case = Case(
            id=told.subject, number=said.case_number, service=service, rating=rating, area_code=service.area_code,
            organization_code=service.organization_code, seat_code=service.organization_code,
            window_code=service.window_code,
            window_name=service.window_name, staff_code=service.staff_code, item_name=service.item_name,
            opened_at=said.opened_at, origin=told.origin, arrival=said.arrival if said.arrival in set(Arrival) else Arrival.OWN,
        )  # fmt: skip
    case.level, case.revision = int(said.level), told.message.revision
    case.excerpt = excerpt_of(case.rated[1])
    # No clock runs here: the limits are those of the subordinate, and so is the lateness.
    case.verify_due_at = said.verify_due_at or said.opened_at
    case.verified_at, case.appealed_at = said.verified_at, said.appealed_at
    case.supervised_at = case.supervised_at or said.supervised_at
    case.confirmed_at = said.confirmed_at
    case.state, case.closed_at, case.result = _stands(case, said)
    kept(case)
    journal.write(
        "below.case", at=told.at, actor=told.by.name, organization_code=case.organization_code, subject=case.pk,
        records=[case], number=case.number, state=case.state, origin=told.origin, revision=case.revision,
    )  # fmt: skip
    return case, True


def _stands(case: Case, said: RectificationContent) -> tuple[str, datetime | None, str]:
    """State, end and result as they hold here: what has been decided stands, also where it is not known below yet."""
    asked = Revocation.objects.filter(case=case.pk).order_by("-proposed_at").first()
    if asked is not None and asked.answer == "revoke":
        return CaseState.CLOSED, case.closed_at or asked.answered_at, REVOKED
    if said.result == REVOKED:
        raise NotDecidedHere(number=case.number)
    if said.state == CaseState.REVOKING:
        if asked is None:
            raise Missing(what="撤销申请")
        if asked.ended_at is not None:  # refused here, and not yet known below
            return CaseState.CONFIRMED, None, ""
    return said.state, said.closed_at, said.result


def _case(told: Told, number: str) -> Case:
    case = Case.objects.select_related("rating", "service").filter(number=number).first()
    if case is None:
        raise Missing(what="差评件")
    if case.origin != told.origin or case.service_id != service_of(told).pk:
        raise NotOurs()
    return case


def take_revocation(told: Told) -> bool:
    """An application that this level is to decide, with what it rests on; it goes no further by itself."""
    said = told.content
    assert isinstance(said, RevocationContent)
    case = _case(told, said.case_number)
    row = _revocation(told, case, said.ground, said.requested_at)
    if row.ended_at is not None:
        return False
    row.statement = said.statement
    row.document = "、".join(said.evidence)[:120]
    row.authority = Authority.of(settings.MINPING_AREA) or row.authority
    kept(row)
    records: list[Any] = [row]
    if said.call_back_at is not None:
        call = CallBack(
            id=uuid5(row.pk, "call"), case=case, purpose=CallPurpose.VERIFY, at=said.call_back_at, by=told.by.name,
            by_label=registry.place(told.origin).name[:60], outcome=CallOutcome.ANSWERED, words=said.call_back_words,
        )  # fmt: skip
        kept(call)
        records.append(call)
    _write(told, "below.revocation", case, records)
    return True


def take_validity(told: Told) -> bool:
    """Disputed: it counts and is shown as such.  Decided: only as the echo of our decision, or by who may decide."""
    said = told.content
    assert isinstance(said, ValidityContent)
    case = _case(told, said.case_number)
    if said.validity == "disputed":
        row = _revocation(told, case, said.ground, said.decided_at)
        _write(told, "below.disputed", case, [row])
        return True
    found = Revocation.objects.filter(pk=told.subject).first()
    if found is None:
        raise Missing(what="撤销申请")
    if found.case_id != case.pk:
        raise NotOurs()
    answer = ANSWERS[said.validity]
    if found.answer:
        if (found.answer, found.reference) != (answer, said.decision_reference):
            raise NotDecidedHere(number=case.number)
        return False
    if Authority.of(registry.place(told.origin).area_code) != found.authority:
        raise NotDecidedHere(number=case.number)
    answer_keep(
        case, found, answer, said.decision_reference, said.text, told.by.name, told.origin, said.decided_at, told.at
    )
    return True


def answer_keep(
    case: Case,
    row: Revocation,
    answer: str,
    reference: str,
    text: str,
    by: str,
    organization_code: str,
    decided_at: datetime,
    at: datetime,
) -> None:
    """Write down what was decided on a mirrored case: revoked leaves the indicators from the decision on (R7)."""
    row.answer, row.reference, row.answer_text = answer, reference, text
    row.answered_at, row.answered_by, row.ended_at = decided_at, by, decided_at
    kept(row)
    if answer == "revoke":
        case.state, case.closed_at, case.result = CaseState.CLOSED, decided_at, REVOKED
        service_invalidate(rating=case.rated[1], at=decided_at)
    elif case.state == CaseState.REVOKING:
        case.state = CaseState.CONFIRMED
        case.confirmed_at = case.confirmed_at or decided_at
    kept(case)
    journal.write(
        f"below.{answer}", at=at, actor=by, organization_code=case.organization_code, subject=case.pk,
        records=[row, case], number=case.number, reference=reference, decided_by=organization_code,
        authority=row.authority, clause="minan/4.2.2",
    )  # fmt: skip


def _revocation(told: Told, case: Case, ground: str, at: datetime) -> Revocation:
    row = Revocation.objects.filter(pk=told.subject).first()
    if row is not None:
        if row.case_id != case.pk:
            raise NotOurs()
        return row
    made = Revocation(
        id=told.subject, case=case, ground=ground, statement="（申请在有权限的一级）", proposed_at=at, proposed_by=told.by.name,
        proposed_unit=registry.place(told.origin).path, approved_at=at, approved_by=told.by.name,
        authority=Authority.above(case.area_code),
    )  # fmt: skip
    made.save(force_insert=True)
    return made


def _identifier(text: str) -> UUID | None:
    try:
        return UUID(hex=text)
    except ValueError:
        return None


def _write(told: Told, action: str, case: Case, records: list[Any]) -> None:
    journal.write(
        action, at=told.at, actor=told.by.name, organization_code=case.organization_code, subject=case.pk,
        records=records, number=case.number, origin=told.origin,
    )  # fmt: skip
