"""Duties of 改进: assign, report, return, accept, follow up, finish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from minping import law
from minping.evaluate.events import RatingsGiven
from minping.evaluate.services import rerating_invite
from minping.evaluate.services.identity import conflicts_of
from minping.evaluate.states import RatingKind
from minping.feedback import services as feedback
from minping.feedback.events import CaseAppealed, CaseAssigned, CaseConfirmed, RevocationAnswered
from minping.feedback.models import Case
from minping.feedback.states import CallOutcome, CallPurpose
from minping.kernel import documents, due, events, journal, machine, notices
from minping.kernel.access import SYSTEM, Actor
from minping.kernel.clock import beijing
from minping.kernel.errors import Forbidden, Invalid, NotFound, Problem, Stale
from minping.kernel.models import JournalEntry
from minping.rectify import notices as rectify_notices
from minping.rectify import words
from minping.rectify.events import OrderAccepted, OrderAssigned, OrderDone, OrderMoved, OrderTold, OrderUnsolved
from minping.rectify.models import Evidence, Order
from minping.rectify.states import MOVES, UNREACHABLE, FollowUp, OrderState
from minping.registry import queries as registry


class ExtendedAlready(Problem):
    code = "extended_already"
    status = 409
    message = "这一件已经延期过一次。"
    cure = "复杂件只延一次；请按现在的时限办结。"


class TooLateToExtend(Problem):
    code = "too_late_to_extend"
    status = 409
    message = "整改时限已过，不能再申请延期。"
    cure = "请尽快报送整改情况，超时如实记录。"


class NotTriedEnough(Problem):
    code = "not_tried_enough"
    status = 409
    message = "还不能认定无法联系：至少在 {days} 天里拨打 {calls} 次。"
    cure = "请换个时间再打，每次都记录。"


def order_get(order_id: UUID) -> Order:
    order = Order.objects.select_related("case__service", "case__rating").filter(pk=order_id).first()
    if order is None:
        raise NotFound()
    return order


def conflicts(order: Order, by: Actor) -> frozenset[str]:
    """The rated person or window, and whoever reported this rectification (R8)."""
    found = set(conflicts_of(order.case, by))
    if by.name in (order.reported_by, order.extension_asked_by) or _reported_before(order, by):
        found.add("reporter")
    return frozenset(found)


JUDGES = ("order.accept", "order.return", "order.transfer", "order.extend", "order.follow_up")
REPORTS = ("order.report", "order.explain", "order.ask_extension")


def _reported_before(order: Order, by: Actor) -> bool:
    """Whether `by` wrote a report that was sent back and written anew by another: nobody judges what is partly theirs.

    Asked only of the few who hold both sides.
    """
    if not by.may("order.report") or not any(by.may(permission) for permission in JUDGES):
        return False
    return JournalEntry.objects.filter(subject=order.case_id, actor=by.name, action__in=REPORTS).exists()


def refusal(verb: str, order: Order, by: Actor, at: datetime) -> Problem | None:
    """Why `by` may not make the move now; None where it may."""
    if order.origin:
        return feedback.HandledBelow(verb=MOVES.move(verb).label)
    return machine.refusal(
        MOVES.move(verb),
        state=order.state,
        by=by,
        path=registry.place(order.organization_code).path,
        window_code=order.window_code,
        conflicts=conflicts(order, by),
        rules=law.at(order.area_code, beijing(at).date()),
    )


SAID = {"measures", "organization_code"}  # what the text search knows of an order


def _move(
    order: Order, verb: str, by: Actor, at: datetime, told: Mapping[str, Any] | None = None, **changes: Any
) -> Order:
    """Check, compare and set, journal: the one way an order moves."""
    refused = refusal(verb, order, by, at)
    if refused is not None:
        raise refused
    move = MOVES.move(verb)
    machine.advance(Order.objects.filter(pk=order.pk), move, state=order.state, **changes)
    for name, value in [("state", move.target), *changes.items()]:
        setattr(order, name, value)
    journal.write(
        f"order.{verb}", at=at, actor=by.name, organization_code=order.organization_code, subject=order.case_id,
        records=[order], round=order.round, clause=move.clause, **(told or {}),
    )  # fmt: skip
    if SAID & set(changes):
        words.words_set([order.case_id])
    events.publish(OrderMoved(order, at))
    if move.announces == OrderTold.__name__:
        events.publish(OrderTold(order, at))
    return order


def _first_unit(case: Case) -> tuple[str, str, str]:
    """Who rectifies first: the rated window's unit, or the unit to which the case was assigned."""
    if case.seat_code == case.organization_code:
        return case.organization_code, case.area_code, case.window_code
    return case.seat_code, registry.place(case.seat_code).area_code, ""


def on_case_assigned(event: CaseAssigned) -> None:
    """The unit that has it now is told at once (minan/6.1)."""
    notices.notice_hand(rectify_notices.clock_of(event.case, event.case, "case"), by=event.by, at=event.at)


def order_assign(*, case: Case, at: datetime, by: str) -> Order:
    """转办: hand the case to its unit; the 5 working days run from the confirmation (R5)."""
    clock = due.clock(case.area_code, "rectify", at)
    earlier = Order.objects.filter(case=case).order_by("-round").first()
    round_, (organization_code, area_code, window_code) = earlier.round + 1 if earlier else 1, _first_unit(case)
    if earlier:  # a further round stays with the unit to which the last was transferred
        organization_code, area_code, window_code = earlier.organization_code, earlier.area_code, earlier.window_code
    order = Order.objects.create(
        case=case,
        round=round_,
        area_code=area_code,
        organization_code=organization_code,
        window_code=window_code,
        state=OrderState.ASSIGNED,
        assigned_at=at,
        assigned_by=by,
        rectify_due_at=clock["due_at"],
        **clock,
    )
    journal.write(
        "order.assigned", at=at, actor=by, organization_code=case.organization_code, subject=case.pk,
        records=[order], round=order.round, due=order.due_at, clause="minan/4.2.3",
    )  # fmt: skip
    if earlier:
        words.words_set([case.pk])
    events.publish(OrderAssigned(order, at))
    return order


def units_for(order: Order, by: Actor) -> list[registry.Place]:
    """The units to which `by` may transfer the order, below or beside."""
    return feedback.units_beside(order.organization_code, "order.transfer", by)


def order_transfer(*, order_id: UUID, organization_code: str, reason: str, by: Actor, at: datetime) -> Order:
    """转办 to the unit at fault, with a reason; the five working days go on (minan/4.2.3, R5).

    Raises the machine's refusals, Invalid, Stale where somebody transferred it first.
    """
    order = order_get(order_id)
    refused = refusal("transfer", order, by, at)
    if refused is not None:
        raise refused
    target = feedback.unit_chosen(units_for(order, by), organization_code)
    if not reason.strip():
        raise Invalid("请写明为什么由这个单位整改。", cure="接手的单位要知道责任在哪里。", field="reason")
    told = {"moved_from": order.organization_code, "moved_to": target.code}
    with transaction.atomic():
        here = Order.objects.filter(pk=order.pk, organization_code=order.organization_code)
        if not here.select_for_update().exists():
            raise Stale()
        moved = _move(
            order, "transfer", by, at, told, organization_code=target.code, area_code=target.area_code, window_code="",
            transfer_reason=reason.strip(),
        )  # fmt: skip
        notices.notice_hand(rectify_notices.clock_of(moved.case, moved, "order"), by=by.name, at=at)
    return moved


def order_report(
    *, order_id: UUID, measures: str, uploads: Sequence[documents.Upload], by: Actor, at: datetime, verb: str = "report"
) -> Order:
    """The unit reports what it did, or (`explain`) why there was no fault, with documents.

    Raises the machine's refusals, Invalid, EvidenceRefused.
    """
    order = order_get(order_id)
    refused = refusal(verb, order, by, at)
    if refused is not None:
        raise refused
    if not measures.strip():
        raise Invalid("还没有写整改措施。", cure="请写明做了什么、什么时候做的。", field="measures")
    kinds = documents.checked(uploads, order.area_code, at)
    with transaction.atomic():
        for upload, kind in zip(uploads, kinds, strict=True):
            record = Evidence(order=order)
            documents.keep(record, upload, kind, by=by, at=at)
            journal.write(
                "evidence.added", at=at, actor=by.name, organization_code=order.organization_code,
                subject=order.case_id, records=[record], size=record.size, kind=kind,
            )  # fmt: skip
        return _move(
            order, verb, by, at, measures=measures.strip(), reported_at=at, reported_by=by.name, returned_reason=""
        )


def evidence_read(*, evidence_id: UUID, by: Actor) -> tuple[Evidence, bytes]:
    """The document's content.  Raises NotFound, Forbidden, EvidenceRemoved."""
    record = Evidence.objects.select_related("order").filter(pk=evidence_id).first()
    if record is None:
        raise NotFound()
    where = registry.place(record.order.organization_code)
    if not by.can("order.read", where.path, record.order.window_code):
        raise Forbidden()
    return record, documents.content(record)


def order_return(*, order_id: UUID, reason: str, by: Actor, at: datetime) -> Order:
    """Send the report back with a reason; the first due time stays."""
    if not reason.strip():
        raise Invalid("请写明退回的理由。", cure="责任单位要知道还差什么。", field="reason")
    with transaction.atomic():
        return _move(order_get(order_id), "return", by, at, returned_reason=reason.strip())


def order_accept(*, order_id: UUID, by: Actor, at: datetime) -> Order:
    """Someone else than the reporter and the rated finds it done (R8)."""
    with transaction.atomic():
        order = _move(order_get(order_id), "accept", by, at, accepted_at=at, accepted_by=by.name)
        events.publish(OrderAccepted(order, at))
    return order


def follow_up_record(
    *,
    order_id: UUID,
    outcome: str,
    answer: str,
    words: str,
    recording_no: str,
    by: Actor,
    at: datetime,
    consent: feedback.Consent | None = None,
    summary: str = "",
) -> Order:
    """Call the person back after the rectification (minan/4.2.3, 5.1.4).

    Not reached: the attempt is recorded and the order stays.  解决了 invites the
    re-rating; 部分解决 and 没有解决 begin a new round with a new clock.
    """
    order = order_get(order_id)
    verb = "solve" if answer == FollowUp.SOLVED else "fail"
    refused = refusal(verb, order, by, at)
    if refused is not None:
        raise refused
    if outcome == CallOutcome.ANSWERED and answer not in set(FollowUp):
        raise Invalid("请记下对方的回答：解决了、部分解决，还是没有解决。", cure="", field="answer")
    with transaction.atomic():
        call = feedback.call_record(
            case_id=order.case_id, purpose=CallPurpose.FOLLOW_UP, outcome=outcome, words=words,
            recording_no=recording_no, by=by, at=at, consent=consent, summary=summary,
        )  # fmt: skip
        if outcome != CallOutcome.ANSWERED:
            return order
        common: dict[str, Any] = {"followed_at": at, "follow_up": answer, "call": call}
        if verb == "fail":
            order = _move(order, "fail", by, at, finished_at=at, **common, **due.STOPPED)
            events.publish(OrderUnsolved(order, at))
            return order
        return _offer_again(order, "solve", by, at, **common)


def _offer_again(order: Order, verb: str, by: Actor, at: datetime, **said: Any) -> Order:
    """After the follow-up the person may rate again; where there was no rating, there is none to repeat: done (R9)."""
    clock = due.clock(order.area_code, "rerate", at)
    order = _move(order, verb, by, at, **said, **clock)
    if order.case.rating_id is None:
        return _finish(order, at)
    assert order.case.service_id is not None
    rerating_invite(service_id=order.case.service_id, at=at, until=clock["due_at"])
    return order


def extension_ask(*, order_id: UUID, plan: str, by: Actor, at: datetime) -> Order:
    """情况复杂: the reasons and a plan, before the limit is over and once for a case.  The clock goes on."""
    order = order_get(order_id)
    refused = refusal("ask_extension", order, by, at)
    if refused is not None:
        raise refused
    if not plan.strip():
        raise Invalid("请写明情况为什么复杂，以及分步的整改计划。", cure="", field="plan")
    if Order.objects.filter(case=order.case_id, extended_at__isnull=False).exists():
        raise ExtendedAlready()
    if order.due_at is not None and at >= order.due_at:
        raise TooLateToExtend()
    with transaction.atomic():
        return _move(order, "ask_extension", by, at, plan=plan.strip(), extension_asked_by=by.name)


def extension_decide(*, order_id: UUID, verb: str, reason: str, by: Actor, at: datetime) -> Order:
    """The head grants the one extension (`extend`) or refuses it (`keep`); it begins where the first limit ends."""
    order = order_get(order_id)
    refused = refusal(verb, order, by, at)
    if refused is not None:
        raise refused
    if not reason.strip():
        raise Invalid("请写明理由。", cure="", field="reason")
    changes: dict[str, Any] = {}
    if verb == "extend":
        clock = due.clock(order.area_code, "extend", order.rectify_due_at - timedelta(microseconds=1))
        changes = {**clock, "rectify_due_at": clock["due_at"], "extended_at": at}
    with transaction.atomic():
        return _move(order, verb, by, at, **changes)


def on_case_confirmed(event: CaseConfirmed) -> None:
    """Confirmed → 转办; one that waited for the answer to an appeal goes on with the days it had left."""
    order = Order.objects.filter(case=event.case, state=OrderState.SUSPENDED).select_related("case__service").first()
    if order is None:
        order_assign(case=event.case, at=event.at, by=event.by)
        return
    clock = due.resumed(
        order.area_code, "rectify", event.at, order.paused_days or 0, order.paused_at, order.rectify_due_at
    )
    _move(order, "resume", SYSTEM, event.at, rectify_due_at=clock["due_at"], **clock)


def follow_up_unreached(*, order_id: UUID, by: Actor, at: datetime) -> Order:
    """无法联系: after attempts enough (law file) it waits for a re-rating; nobody's word is invented.

    Raises the machine's refusals and NotTriedEnough.
    """
    order = order_get(order_id)
    refused = refusal("unreached", order, by, at)
    if refused is not None:
        raise refused
    calls = order.case.calls.filter(purpose=CallPurpose.FOLLOW_UP, at__gte=order.accepted_at or at)
    rules = law.at(order.area_code, beijing(at).date())
    tried = feedback.unreachable(list(calls.values_list("outcome", "at")), rules)
    if not tried and feedback.reachable(order.case):
        raise NotTriedEnough(calls=rules.value("unreachable_calls").number, days=rules.value("unreachable_days").number)
    with transaction.atomic():
        return _offer_again(order, "unreached", by, at, followed_at=at, follow_up=UNREACHABLE)


def on_case_appealed(event: CaseAppealed) -> None:
    """An appeal pauses the rectification, with the working days that are left (R4)."""
    for order in Order.objects.filter(case=event.case, state__in=MOVES.move("suspend").source):
        _move(
            order, "suspend", SYSTEM, event.at, paused_at=event.at,
            paused_days=law.left(order.rectify_due_at, event.at).working_days, **due.STOPPED,
        )  # fmt: skip


def on_revocation_answered(event: RevocationAnswered) -> None:
    """Revoked: nothing is left to rectify."""
    if event.revocation.answer != "revoke":
        return
    for order in Order.objects.filter(case=event.revocation.case_id, state=OrderState.SUSPENDED, origin=""):
        _move(order, "cancel", SYSTEM, event.at, finished_at=event.at)


def on_order_told(event: OrderTold) -> None:
    """What was done, and what the person said of it, is an update of the case above."""
    case = event.order.case
    case.refresh_from_db()
    if not feedback.case_told(case, "case.told", event.at):
        raise Stale()


def on_order_accepted(event: OrderAccepted) -> None:
    """Accepted → the time for an appeal is over (R4)."""
    feedback.case_accept(case=event.order.case, at=event.at)


def on_order_unsolved(event: OrderUnsolved) -> None:
    """Not solved → a new round with a new clock, and the superior is told by the case's update."""
    feedback.case_reopen(case=event.order.case, at=event.at)
    order_assign(case=event.order.case, at=event.at, by=SYSTEM.name)


def on_ratings_given(event: RatingsGiven) -> None:
    """A re-rating ends the wait: content → done, still negative → a new round (R9)."""
    again = {service.pk: rating for service, rating in event.pairs if rating.kind == RatingKind.RERATING}
    if not again:
        return
    waiting = Order.objects.select_related("case__service", "case__rating").filter(
        case__service__in=list(again), state=OrderState.SOLVED
    )
    for order in waiting:
        rating = again[order.case.service_id]  # type: ignore[index]  # found by its service
        if rating.negative:
            order = _move(order, "rerate_bad", SYSTEM, event.at, rerating=rating, finished_at=event.at, **due.STOPPED)
            events.publish(OrderUnsolved(order, event.at))
        else:
            _finish(order, event.at, rerating=rating)


def _finish(order: Order, at: datetime, **changes: Any) -> Order:
    order = _move(order, "finish", SYSTEM, at, finished_at=at, **changes, **due.STOPPED)
    events.publish(OrderDone(order, at))
    return order


def on_order_done(event: OrderDone) -> None:
    """Done → the case is closed."""
    follow_up = event.order.follow_up
    result = "rerated" if event.order.rerating_id else "unreached" if follow_up == UNREACHABLE else "solved"
    feedback.case_close(case=event.order.case, result=result, at=event.at)


def orders_finish(*, at: datetime, most: int = 200) -> int:
    """Close the orders whose person did not use the days for a re-rating: it is voluntary (minan/3.1.3)."""
    over = (
        Order.objects.select_related("case__service", "case__rating")
        .filter(state=OrderState.SOLVED, due_at__lte=at)
        .order_by("due_at")[:most]
    )
    for order in over:
        with transaction.atomic():
            _finish(order, at)
    return len(over)
