"""Duties of 反馈: open a case, call back, confirm, close."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from minping import law
from minping.evaluate.events import RatingsChanged, RatingsGiven
from minping.evaluate.models import Rating, Service
from minping.evaluate.services.identity import conflicts_of
from minping.feedback.events import CaseChanged, CaseClosed, CaseConfirmed, CasesOpened
from minping.feedback.models import CallBack, Case
from minping.feedback.states import MOVES, CallOutcome, CallPurpose, CaseState
from minping.kernel import due, events, ids, journal, machine, moves
from minping.kernel.access import SYSTEM, Actor
from minping.kernel.clock import beijing
from minping.kernel.errors import Invalid, NotFound, Problem
from minping.registry import queries as registry


class NotCalledYet(Problem):
    code = "not_called_yet"
    status = 409
    message = "还没有回访记录，不能认定。"
    cure = "请先电话回访评价人，把通话情况记下来（minan/4.2.2）。"


def number_of(identifier: UUID, at: datetime) -> str:
    """A case number people can say: 差评-20261123-7K3F9Q; the tail is from the id's random bits."""
    alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
    bits = identifier.int
    tail = "".join(alphabet[(bits >> shift) & 31] for shift in range(0, 35, 5))
    return f"差评-{beijing(at):%Y%m%d}-{tail}"


def cases_open(pairs: Sequence[tuple[Service, Rating]], *, at: datetime) -> list[Case]:
    """Open a case for each negative rating; the 2 working days run from its receipt (minan/4.2.1, R4)."""
    cases = []
    for service, rating in pairs:
        if not rating.negative:
            continue
        identifier = ids.uuid7(at)
        clock = due.clock(service.area_code, "verify", rating.rated_at)
        cases.append(
            Case(
                id=identifier,
                number=number_of(identifier, at),
                service=service,
                rating=rating,
                area_code=service.area_code,
                organization_code=service.organization_code,
                window_code=service.window_code,
                window_name=service.window_name,
                staff_code=service.staff_code,
                item_name=service.item_name,
                level=rating.level,
                excerpt=excerpt_of(rating),
                state=CaseState.VERIFYING,
                opened_at=rating.rated_at,
                verify_due_at=clock["due_at"],
                **clock,
            )
        )
    if cases:
        Case.objects.bulk_create(cases)
        journal.write_all(
            journal.entry_for(
                "case.opened", at=at, actor=SYSTEM.name, organization_code=case.organization_code, subject=case.pk,
                records=[case], number=case.number, level=case.level, clause="minan/4.2.1", due=case.due_at,
            )
            for case in cases
        )  # fmt: skip
        events.publish(CasesOpened(tuple(cases), at))
    return cases


def excerpt_of(rating: Rating) -> str:
    """The first words for the work list: the person's own, else the first reason ticked."""
    words = " ".join(rating.text.split())
    if words:
        return words[:80]
    rules = law.at("000000", rating.rated_at.astimezone(law.BEIJING).date())
    labels = [tag.label for code in rating.tags if (tag := rules.tag(code))]
    return f"（未留言）{'、'.join(labels)}"[:80]


def on_ratings_given(event: RatingsGiven) -> None:
    """A negative word of any kind opens a case like any other (R3); one under way takes a re-rating itself."""
    fresh = [(service, rating) for service, rating in event.pairs if rating.negative and rating.kind != "rerating"]
    cases_open(fresh, at=event.at)


def on_ratings_changed(event: RatingsChanged) -> None:
    """Within the minutes of change a level may turn negative (opens a case) or stop being so (closes it)."""
    for (service, rating), before in zip(event.pairs, event.before, strict=True):
        was, now = law.InterfaceLevel(before).negative, rating.negative
        case = Case.objects.filter(rating=rating).first()
        if case is None:
            if now and rating.kind != "rerating":
                cases_open([(service, rating)], at=event.at)
            continue
        Case.objects.filter(pk=case.pk).update(level=rating.level, excerpt=excerpt_of(rating))
        case.level = rating.level
        if case.state == CaseState.CLOSED and now:
            clock = due.clock(case.area_code, "verify", event.at)
            _set(
                case, event.at, SYSTEM, "case.opened", state=CaseState.VERIFYING, closed_at=None, result="",
                verify_due_at=clock["due_at"], **clock,
            )  # fmt: skip
        elif case.state == CaseState.VERIFYING and was and not now:
            _set(
                case, event.at, SYSTEM, "case.withdrawn", state=CaseState.CLOSED, closed_at=event.at,
                result="changed_by_rater", **due.STOPPED,
            )  # fmt: skip
        else:
            _set(case, event.at, SYSTEM, "case.rating_changed")


def _set(case: Case, at: datetime, by: Actor, action: str, **changes: object) -> None:
    for name, value in changes.items():
        setattr(case, name, value)
    case.revision += 1
    case.save(update_fields=[*changes, "revision"])
    journal.write(
        action, at=at, actor=by.name, organization_code=case.organization_code, subject=case.pk, records=[case],
        number=case.number, state=case.state,
    )  # fmt: skip
    events.publish(CaseChanged(case, at))


def case_get(case_id: UUID) -> Case:
    case = Case.objects.select_related("service", "rating").filter(pk=case_id).first()
    if case is None:
        raise NotFound()
    return case


def refusal(verb: str, case: Case, by: Actor, at: datetime) -> Problem | None:
    """Why `by` may not make the move now (table, role, place, conflict of interest); None where it may."""
    return machine.refusal(
        MOVES.move(verb),
        state=case.state,
        by=by,
        path=registry.place(case.organization_code).path,
        window_code=case.window_code,
        conflicts=conflicts_of(case.service, by),
        rules=law.at(case.area_code, beijing(at).date()),
    )


def call_refusal(case: Case, by: Actor, at: datetime) -> Problem | None:
    """Why `by` may not call the person of this case back (R8)."""
    where = registry.place(case.organization_code)
    if not by.can("case.call", where.path):
        return machine.NotYours(verb="回访")
    rules = law.at(case.area_code, beijing(at).date())
    for conflict in sorted(rules.never("case.call") & conflicts_of(case.service, by)):
        return machine.ConflictOfInterest(why=moves.CONFLICTS[conflict], verb="回访")
    if case.state == CaseState.CLOSED:
        return machine.MoveRefused(state=CaseState.CLOSED.label, verb="回访")
    return None


def call_record(
    *, case_id: UUID, purpose: CallPurpose, outcome: str, words: str, recording_no: str, by: Actor, at: datetime
) -> CallBack:
    """Record one attempt to reach the person.  Raises NotFound, NotYours, ConflictOfInterest, Invalid."""
    case = case_get(case_id)
    refused = call_refusal(case, by, at)
    if refused is not None:
        raise refused
    if outcome not in set(CallOutcome):
        raise Invalid("请选择通话结果。", cure="", field="outcome")
    if outcome == CallOutcome.ANSWERED and not words.strip():
        raise Invalid("接通了，请把对方的话记下来。", cure="", field="words")
    with transaction.atomic():
        call = CallBack.objects.create(
            case=case, purpose=purpose, at=at, by=by.name, by_label=by.label, outcome=outcome, words=words.strip(),
            recording_no=recording_no.strip()[:60],
        )  # fmt: skip
        journal.write(
            "case.called", at=at, actor=by.name, organization_code=case.organization_code, subject=case.pk,
            records=[call], purpose=purpose, outcome=outcome,
        )  # fmt: skip
    return call


def case_confirm(*, case_id: UUID, note: str, by: Actor, at: datetime) -> Case:
    """Confirm the negative after a call-back: it is handed over for rectification (minan/4.2.3)."""
    case = case_get(case_id)
    refused = refusal("confirm", case, by, at)
    if refused is not None:
        raise refused
    if not case.calls.filter(purpose=CallPurpose.VERIFY).exists():
        raise NotCalledYet()
    with transaction.atomic():
        changes = {"confirmed_at": at, "confirmed_by": by.name, "revision": case.revision + 1, **due.STOPPED}
        machine.advance(Case.objects.filter(pk=case.pk), MOVES.move("confirm"), state=case.state, **changes)
        case.refresh_from_db()
        journal.write(
            "case.confirmed", at=at, actor=by.name, organization_code=case.organization_code, subject=case.pk,
            records=[case], number=case.number, clause="minan/4.2.3", note=len(note.strip()),
        )  # fmt: skip
        events.publish(CaseConfirmed(case, at, by.name))
    return case


def case_close(*, case: Case, result: str, at: datetime) -> None:
    """Close a case whose rectification is done and called back; only the chain does this."""
    machine.advance(
        Case.objects.filter(pk=case.pk), MOVES.move("close"), state=CaseState.CONFIRMED, closed_at=at, result=result,
        revision=case.revision + 1,
    )  # fmt: skip
    case.refresh_from_db()
    journal.write(
        "case.closed", at=at, actor=SYSTEM.name, organization_code=case.organization_code, subject=case.pk,
        records=[case], number=case.number, result=result,
    )  # fmt: skip
    events.publish(CaseClosed(case, at))
