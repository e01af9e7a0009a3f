"""The level with the authority decides on a subordinate's application for revocation (minan/4.2.2, R7).

Revoke, refuse, or pass on to the next level; and press for a rectification (督办).  What
is decided counts here at once, goes down under its number and takes effect below, and
goes up as the rating's validity.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from minping import law
from minping.feedback import from_below, services
from minping.feedback.events import RevocationAnswered, RevocationForwarded
from minping.feedback.ladder import ends_here, higher, own_level
from minping.feedback.models import Case, Revocation
from minping.feedback.states import DECISIONS, Authority, CaseState
from minping.kernel import events, journal, machine
from minping.kernel.access import SYSTEM, Actor
from minping.kernel.clock import beijing
from minping.kernel.errors import Invalid, Problem, Stale
from minping.registry import queries as registry
from minping.upstream.below.down import send_down
from minping.upstream.below.intake import kept
from minping.upstream.events import DecisionCameDown
from minping.upstream.messages import ForwardedDown, SupervisionDown, ValidityContent

ANSWER_OF = {"grant": "revoke", "deny": "refuse"}
VALIDITY_OF = {"revoke": "invalid", "refuse": "valid"}
PRESS = "case.supervise"


class NotOurAuthority(Problem):
    code = "not_our_authority"
    status = 409
    message = "这件撤销申请不由本级决定，现在在{level}级。"
    cure = "请等有权限的一级决定。"


class NotBelow(Problem):
    code = "not_below"
    status = 409
    message = "这一件是本级自己办理的，不是下级报来的。"
    cure = "请按件上的按钮办理。"


class HighestAuthority(Problem):
    code = "highest_authority"
    status = 409
    message = "已经报到{level}级，没有更高一级。"
    cure = "请由{level}级作出决定。"


def office_label() -> str:
    office = registry.directory().office(settings.MINPING_AREA)
    return office.name if office else settings.MINPING_AREA


def refusal(verb: str, case: Case, row: Revocation | None, by: Actor, at: datetime) -> Problem | None:
    """Why `by` may not decide so now; None where it may.  The question behind the button and the duty alike."""
    if not case.origin and not ends_here():
        return NotBelow()
    move = DECISIONS.move(verb)
    refused = machine.refusal(
        move, state=case.state, by=by, path=registry.place(case.organization_code).path,
        window_code=case.window_code, conflicts=services.conflicts(case, by, move.permission),
        rules=law.at(case.area_code, beijing(at).date()),
    )  # fmt: skip
    if refused is not None:
        return refused
    if row is None or row.ended_at is not None:
        return Stale()
    level = own_level()
    if level is None or row.authority != level:
        return NotOurAuthority(level=Authority(row.authority).label)
    if verb == "refer" and higher(level) is None:
        return HighestAuthority(level=level.label)
    return None


def open_application(case: Case) -> Revocation | None:
    return Revocation.objects.filter(case=case, ended_at__isnull=True).first()


def revocation_decide(*, case_id: UUID, verb: str, said: Mapping[str, str], by: Actor, at: datetime) -> Case:
    """Decide on the open application of a subordinate's case: `grant`, `deny` or `refer`, with the reasons.

    Raises NotFound, NotBelow, the machine's refusals, NotOurAuthority, Stale, Invalid.
    """
    case = services.case_get(case_id)
    row = open_application(case)
    refused = refusal(verb, case, row, by, at)
    if refused is not None:
        raise refused
    assert row is not None
    text = said.get("text", "").strip()[:2000]
    if not text:
        raise Invalid("请写明决定的理由。", cure="理由会随决定下达，下级要据此向评价人说明。", field="text")
    with transaction.atomic():
        # Whoever comes second finds it decided.
        if not Revocation.objects.select_for_update().filter(pk=row.pk, ended_at__isnull=True).exists():
            raise Stale()
        case.refresh_from_db()
        if verb == "refer":
            _forward(case, row, number_of(row, "转报", at), text, by, at)
        elif not case.origin:
            _decide_own(case, row, ANSWER_OF[verb], number_of(row, "撤决", at), text, by, at)
        else:
            _answer(case, row, ANSWER_OF[verb], number_of(row, "撤决", at), text, by, at, at)
    return case


def number_of(row: Revocation, word: str, at: datetime) -> str:
    """The number of a decision, which is its reference at every level: 撤决-350213-20261125-7K3F9Q."""
    tail = services.number_of(row.pk, at).rsplit("-", 1)[1]
    return f"{word}-{settings.MINPING_AREA}-{beijing(at):%Y%m%d}-{tail}"


def _answer(
    case: Case, row: Revocation, answer: str, reference: str, text: str, by: Actor, decided_at: datetime, at: datetime
) -> None:
    from_below.answer_keep(case, row, answer, reference, text, by.name, settings.MINPING_AREA, decided_at, at)
    events.publish(RevocationAnswered(row, at))


def _decide_own(case: Case, row: Revocation, answer: str, reference: str, text: str, by: Actor, at: datetime) -> None:
    """A case of this level itself, where the ladder ends: it takes effect by the road of a decision from above."""
    journal.write(
        "revocation.decided", at=at, actor=by.name, organization_code=case.organization_code, subject=case.pk,
        number=case.number, answer=answer, reference=reference, authority=row.authority, clause="minan/4.2.2",
    )  # fmt: skip
    decided = ValidityContent(
        case_number=case.number, level=case.rated[2], validity=VALIDITY_OF[answer], decided_at=at, ground=row.ground,
        decided_by=office_label(), decision_reference=reference, text=text,
    )  # fmt: skip
    events.publish(DecisionCameDown(decided, at))


def _forward(case: Case, row: Revocation, reference: str, text: str, by: Actor, at: datetime) -> None:
    next_one = higher(Authority(row.authority))
    if next_one is None:
        raise HighestAuthority(level=Authority(row.authority).label)
    row.authority, row.reference = next_one, reference
    if text:
        row.statement = f"{row.statement}\n{office_label()}转报意见：{text}"
    kept(row)
    journal.write(
        "below.forward", at=at, actor=by.name, organization_code=case.organization_code, subject=case.pk,
        records=[row], number=case.number, reference=reference, authority=next_one, clause="minan/4.2.2",
    )  # fmt: skip
    events.publish(RevocationForwarded(row, at))


def take_answer(case: Case, verb: str, told: ValidityContent, *, at: datetime) -> None:
    """The level above us decided on a subordinate's case: it holds here, and goes on down.  Raises Stale."""
    row = open_application(case)
    if row is None:
        raise Stale()
    decided_at = max(min(told.decided_at, at), row.approved_at or row.proposed_at)
    _answer(case, row, verb, told.decision_reference, told.text or told.decided_by, SYSTEM, decided_at, at)


def take_forward(case: Case, reference: str, *, at: datetime) -> None:
    """The level above us passed it on further."""
    row = open_application(case)
    if row is None:
        raise Stale()
    if row.reference != reference:
        _forward(case, row, reference, "", SYSTEM, at)


def on_revocation_answered(event: RevocationAnswered) -> None:
    """What was decided goes down to where the case is worked on, under the same number."""
    row, case = event.revocation, event.revocation.case
    if not case.origin or row.answered_at is None:
        return
    decided = ValidityContent(
        case_number=case.number, level=case.rated[2], validity=VALIDITY_OF[row.answer],
        decided_at=row.answered_at, ground=row.ground, decided_by=f"{Authority(row.authority).label}级",
        decision_reference=row.reference, text=row.answer_text,
    )  # fmt: skip
    send_down(case.origin, decided, reference=row.reference, by=SYSTEM, at=event.at)


def tell_forwarded(row: Revocation, *, at: datetime) -> None:
    told = ForwardedDown(case_number=row.case.number, reference=row.reference)
    send_down(row.case.origin, told, reference=row.reference, by=SYSTEM, at=at)


def press_refusal(case: Case, by: Actor) -> Problem | None:
    """Why `by` may not press for the rectification of a subordinate's case; None where it may."""
    if not case.origin:
        return NotBelow()
    if not by.can(PRESS, registry.place(case.organization_code).path):
        return machine.NotYours(verb="督办")
    if case.state != CaseState.CONFIRMED:
        return machine.MoveRefused(state=CaseState(case.state).label, verb="督办")
    return None


def case_press(*, case_id: UUID, text: str, by: Actor, at: datetime) -> Case:
    """督办 a subordinate's case: on record here and below.  Raises NotFound, NotBelow, NotYours, MoveRefused, Invalid."""
    case = services.case_get(case_id)
    refused = press_refusal(case, by)
    if refused is not None:
        raise refused
    if not text.strip():
        raise Invalid("请写明督办的要求。", cure="", field="reason")
    with transaction.atomic():
        reference = f"督办-{settings.MINPING_AREA}-{beijing(at):%Y%m%d%H%M%S}-{case.number.rsplit('-', 1)[1]}"
        press(case, text.strip()[:500], reference, office_label(), by=by, at=at)
    return case


def press(case: Case, text: str, reference: str, office: str, *, by: Actor, at: datetime) -> None:
    """Note it and send it down, in the caller's transaction."""
    case.supervised_at = at
    case.save(update_fields=["supervised_at"])
    journal.write(
        "case.supervise", at=at, actor=by.name, organization_code=case.organization_code, subject=case.pk,
        records=[case], number=case.number, detail=text[:200], clause="minan/4.2.3",
    )  # fmt: skip
    told = SupervisionDown(case_number=case.number, reference=reference, text=text, by=office)
    send_down(case.origin, told, reference=reference, by=by, at=at)
