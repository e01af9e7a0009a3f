"""Duties of the disputed negative: appeal, propose, second, approve, and the superior's answer (minan/4.2.2).

Each takes what a person filled in (`said`) and moves the case by its table.  A rating
is invalid only when the superior has revoked it; until then it counts (R7).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from minping import law
from minping.evaluate.services import service_invalidate
from minping.feedback import authority, ladder, services
from minping.feedback.events import (
    CaseAppealed,
    CaseAssigned,
    CaseChanged,
    CaseClosed,
    CaseConfirmed,
    RevocationAnswered,
    RevocationRequested,
)
from minping.feedback.models import Case, CaseDocument, Revocation
from minping.feedback.states import MOVES, Authority, CallPurpose, Ground
from minping.kernel import documents, due, events, journal
from minping.kernel.access import SYSTEM, Actor
from minping.kernel.clock import beijing
from minping.kernel.documents import Upload
from minping.kernel.errors import Invalid, NotFound, Problem, Stale
from minping.upstream.events import DecisionCameDown, ForwardCameDown, SupervisionCameDown

Said = Mapping[str, str]


class AppealedAlready(Problem):
    code = "appealed_already"
    status = 409
    message = "这一件已经申诉过一次。"
    cure = "复核结论以办理记录为准；另有新情况的，请向街道负责人书面反映。"


class NoEvidence(Problem):
    code = "no_evidence"
    status = 422
    message = "认定恶意要有证据。"
    cure = "请附上证据，或写明佐证文件的文号并写清理由（裁定 R8）。"


def _text(said: Said, name: str, sentence: str, most: int = 2000) -> str:
    value = said.get(name, "").strip()[:most]
    if not value:
        raise Invalid(sentence, cure="", field=name)
    return value


def _open(case: Case) -> Revocation:
    found = Revocation.objects.filter(case=case, ended_at__isnull=True).first()
    if found is None:
        raise Stale()
    return found


def _keep(case: Case, revocation: Revocation, action: str, by: Actor, at: datetime, **changes: Any) -> None:
    for name, value in changes.items():
        setattr(revocation, name, value)
    revocation.save(update_fields=list(changes))
    journal.write(
        action, at=at, actor=by.name, organization_code=case.organization_code, subject=case.pk, records=[revocation],
        ground=revocation.ground,
    )  # fmt: skip


def _appeal(case: Case, verb: str, said: Said, by: Actor, at: datetime) -> None:
    """The window or 代办点 appeals, once; the 2 working days run anew from here (R4)."""
    if case.appealed_at is not None:
        raise AppealedAlready()
    reason = _text(said, "reason", "请写明申诉的理由。")
    clock = due.clock(case.area_code, "verify", at)
    services.case_move(
        case, verb, by, at, facts={"due": clock["due_at"]}, appealed_at=at, appealed_by=by.name, appeal=reason,
        verified_at=None, verify_due_at=clock["due_at"], **clock,
    )  # fmt: skip
    events.publish(CaseAppealed(case, at))


def _dismiss(case: Case, verb: str, said: Said, by: Actor, at: datetime) -> None:
    reason = _text(said, "reason", "请写明申诉为什么不成立。")
    told = {"appeal_answer": reason, "appeal_answered_at": at, "appeal_answered_by": by.name}
    services.case_uphold(case, verb, reason, by, at, **told)


GROUND_OF = {"mistaken": Ground.MISTAKEN, "malicious": Ground.MALICIOUS, "not_ours": Ground.NOT_OURS}


def _propose(case: Case, verb: str, said: Said, by: Actor, at: datetime) -> None:
    """Say that the rating is not valid, why, and on what document; somebody else decides on it."""
    statement = _text(said, "statement", "请写明认定的理由和经过。")
    document = said.get("document", "").strip()[:120]
    ground = GROUND_OF[verb]
    if ground is not Ground.NOT_OURS and not services.verified_by_call(case, CallPurpose.VERIFY, at):
        raise services.NotCalledYet()
    if ground is Ground.MALICIOUS and not _has_evidence(case, statement, document, at):
        raise NoEvidence(field="document")
    path = services.seat(case).path
    services.case_move(case, verb, by, at, facts={"ground": ground})
    revocation = Revocation(case=case, ground=ground, statement=statement, document=document)
    try:
        with transaction.atomic():
            revocation.proposed_at, revocation.proposed_by = at, by.name
            revocation.proposed_unit = services.unit_of(by, MOVES.move(verb).permission, path)
            revocation.save(force_insert=True)
    except IntegrityError as failure:
        raise Stale() from failure
    _keep(case, revocation, "revocation.proposed", by, at, statement=statement)


def _has_evidence(case: Case, statement: str, document: str, at: datetime) -> bool:
    """A document kept with the case, or one named by its number and a ground that says something (R8)."""
    if CaseDocument.objects.filter(case=case, verb="malicious").exists():
        return True
    least = law.at(case.area_code, beijing(at).date()).value("malicious_words").number
    return bool(document) and len(statement) >= least


def _second(case: Case, verb: str, said: Said, by: Actor, at: datetime) -> None:
    """A second person of another unit looks at what was called malicious (R8)."""
    revocation = _open(case)
    path = services.seat(case).path
    services.case_move(case, verb, by, at, facts={})
    _keep(
        case, revocation, "revocation.seconded", by, at, seconded_at=at, seconded_by=by.name,
        seconded_unit=services.unit_of(by, MOVES.move(verb).permission, path),
    )  # fmt: skip


def _send_back(case: Case, verb: str, said: Said, by: Actor, at: datetime) -> None:
    """Inside the office it goes no further; the clock of verification never stood still."""
    reason = _text(said, "reason", "请写明不同意的理由。")
    revocation = _open(case)
    services.case_move(case, verb, by, at, facts={})
    _keep(case, revocation, "revocation.sent_back", by, at, ended_at=at, answer_text=reason, answered_by=by.name)


def _approve(case: Case, verb: str, said: Said, by: Actor, at: datetime) -> None:
    """The head of the office approves: up by level of authority; the rating counts until the answer (R7)."""
    revocation = _open(case)
    services.case_move(case, verb, by, at, facts={"ground": revocation.ground}, verified_at=at, **due.STOPPED)
    _keep(
        case, revocation, "revocation.approved", by, at, approved_at=at, approved_by=by.name,
        authority=ladder.first_level(case.area_code),
    )  # fmt: skip
    events.publish(RevocationRequested(revocation, at))


def _forward(case: Case, verb: str, said: Said, by: Actor, at: datetime) -> None:
    """The level that has it passed it on to the next."""
    reference = _text(said, "reference", "请填写上级的转报编号。", 120)
    revocation = _open(case)
    higher = ladder.higher(Authority(revocation.authority))
    if higher is None:
        raise authority.HighestAuthority(level=Authority(revocation.authority).label)
    services.case_move(case, verb, by, at, facts={"reference": reference, "authority": higher})
    _keep(case, revocation, "revocation.forwarded", by, at, authority=higher, reference=reference)


def _answered(case: Case, verb: str, said: Said, by: Actor, at: datetime) -> None:
    """The superior's answer, under its own number: revoked leaves the indicators, refused goes to be rectified."""
    reference = _text(said, "reference", "请填写上级决定的编号。", 120)
    revocation = _open(case)
    ends = {
        "revoke": {"closed_at": at, "result": "revoked"},
        "refuse": {"confirmed_at": case.confirmed_at or at, "confirmed_by": by.name},
    }[verb]
    services.case_move(case, verb, by, at, facts={"reference": reference, "authority": revocation.authority}, **ends)
    _keep(
        case, revocation, "revocation.answered", by, at, answer=verb, reference=reference, answered_at=at,
        answered_by=by.name, answer_text=said.get("text", "").strip()[:2000], ended_at=at,
    )  # fmt: skip
    if verb == "revoke":
        service_invalidate(rating=case.rated[1], at=at)
    events.publish(RevocationAnswered(revocation, at))
    if verb == "refuse":
        events.publish(CaseConfirmed(case, at, by.name))


def _supervise(case: Case, verb: str, said: Said, by: Actor, at: datetime) -> None:
    """督办: the head presses for a rectification, on record."""
    note = _text(said, "reason", "请写明督办的要求。")
    services.case_move(case, verb, by, at, facts={"detail": note[:200]}, supervised_at=at)
    events.publish(CaseChanged(case, at))


def _assign(case: Case, verb: str, said: Said, by: Actor, at: datetime) -> None:
    """转给其他单位: it belongs to a unit below or beside; that one is told, and the days go on (minan/6.1)."""
    here = services.seat(case)
    target = services.unit_chosen(
        services.units_beside(here.code, services.ASSIGN, by), said.get("organization_code", "")
    )
    reason = _text(said, "reason", "请写明为什么由这个单位核实。")
    services.case_move(
        case, verb, by, at,
        assigned_code="" if target.code == case.organization_code else target.code, seat_code=target.code,
        facts={"moved_from": here.code, "moved_to": target.code, "detail": f"转给{target.name}：{reason}"[:200]},
    )  # fmt: skip
    events.publish(CaseAssigned(case, at, by.name))


def _explain(case: Case, verb: str, said: Said, by: Actor, at: datetime) -> None:
    """Nothing is to be rectified: why, in words that go back to where the ticket came from (minan/6.2)."""
    text = _text(said, "explanation", "请写明怎样答复来源，为什么不用整改。")
    if not services.verified_by_call(case, CallPurpose.VERIFY, at):
        raise services.NotCalledYet()
    services.case_move(
        case, verb, by, at, facts={}, verified_at=at, closed_at=at, result="explained", explanation=text, **due.STOPPED
    )
    events.publish(CaseClosed(case, at))


ACTS: Mapping[str, Callable[[Case, str, Said, Actor, datetime], None]] = {
    "appeal": _appeal,
    "dismiss": _dismiss,
    "mistaken": _propose,
    "malicious": _propose,
    "not_ours": _propose,
    "second": _second,
    "doubt": _send_back,
    "approve": _approve,
    "disapprove": _send_back,
    "forward": _forward,
    "revoke": _answered,
    "refuse": _answered,
    "supervise": _supervise,
    "explain": _explain,
    "assign": _assign,
    "assign_review": _assign,
}


def case_decide(
    *, case_id: UUID, verb: str, said: Said, by: Actor, at: datetime, uploads: Sequence[Upload] = ()
) -> Case:
    """Make the move that `verb` names, with what was filled in and handed in.

    Raises NotFound, the machine's refusals, Stale, Invalid, EvidenceRefused and the Problems above.
    """
    case = services.case_get(case_id)
    refused = services.refusal(verb, case, by, at)
    if refused is not None:
        raise refused
    kinds = documents.checked(uploads, case.area_code, at)
    with transaction.atomic():
        for upload, kind in zip(uploads, kinds, strict=True):
            record = CaseDocument(case=case, verb=verb)
            documents.keep(record, upload, kind, by=by, at=at)
            journal.write(
                "document.added", at=at, actor=by.name, organization_code=case.organization_code, subject=case.pk,
                records=[record], size=record.size, kind=kind,
            )  # fmt: skip
        ACTS[verb](case, verb, said, by, at)
    return case


def document_read(*, document_id: UUID, by: Actor) -> tuple[CaseDocument, bytes]:
    """A document of the case, for whoever reads the case, and for who handed it in.

    Raises NotFound (also where it is not to be known of), EvidenceRemoved.
    """
    record = CaseDocument.objects.select_related("case").filter(pk=document_id).first()
    if record is None:
        raise NotFound()
    if record.added_by != by.name and not services.readable(record.case, by):
        raise NotFound()
    return record, documents.content(record)


VERB_OF = {"invalid": "revoke", "valid": "refuse"}


def on_decision(event: DecisionCameDown) -> None:
    """The answer came by interface: the system makes the move that a person would have typed in.

    Raises NotFound and the machine's refusals: `upstream/incoming` makes a task of them.  One that says
    "disputed" decides nothing; one already entered by hand under the same number is done.
    """
    told = event.decision
    case = _numbered(told.case_number)
    verb = VERB_OF.get(told.validity, "")
    if not verb or Revocation.objects.filter(case=case, reference=told.decision_reference, answer=verb).exists():
        return
    if case.origin:
        authority.take_answer(case, verb, told, at=event.at)
        return
    said = {"reference": told.decision_reference, "text": told.text or told.decided_by}
    at = _effective(case, told.decided_at, event.at) if verb == "revoke" else event.at
    case_decide(case_id=case.pk, verb=verb, said=said, by=SYSTEM, at=at)


def _effective(case: Case, decided_at: datetime, at: datetime) -> datetime:
    """From when a revocation holds: from its decision, so that every level counts alike; never before it was asked for."""
    asked = Revocation.objects.filter(case=case, ended_at__isnull=True).values_list("approved_at", flat=True).first()
    return max(min(decided_at, at), asked or at)


def on_forward(event: ForwardCameDown) -> None:
    """The level above passed our application on.  Raises NotFound and the machine's refusals."""
    case = _numbered(event.told.case_number)
    if case.origin:
        authority.take_forward(case, event.told.reference, at=event.at)
    elif not Revocation.objects.filter(case=case, reference=event.told.reference).exists():
        said = {"reference": event.told.reference}
        case_decide(case_id=case.pk, verb="forward", said=said, by=SYSTEM, at=event.at)


def on_supervision(event: SupervisionCameDown) -> None:
    """A superior presses: on record where the work is done.  Raises NotFound and the machine's refusals."""
    case = _numbered(event.told.case_number)
    told = event.told
    if case.origin:
        authority.press(case, told.text, told.reference, told.by, by=SYSTEM, at=event.at)
        return
    reason = f"{told.by}督办（{told.reference}）：{told.text}" if told.by else told.text
    case_decide(case_id=case.pk, verb="supervise", said={"reason": reason}, by=SYSTEM, at=event.at)


def _numbered(number: str) -> Case:
    case = Case.objects.select_related("service", "rating").filter(number=number).first()
    if case is None:
        raise NotFound("本地没有这一件。", cure="")
    return case
