"""The whole regime on one page: after which event, which functions, in which order.

评价 → 反馈 → 改进 → 监督 → 考核 is one connected mechanism (minan/2.0).  Each row runs
in the transaction that made the event: what follows happens wholly or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from minping import law
from minping.assess import events as assessed
from minping.assess import messages as assess_messages
from minping.evaluate import events as evaluated
from minping.evaluate import jobs as evaluate_jobs
from minping.evaluate import messages as evaluate_messages
from minping.evaluate import queries as evaluate_queries
from minping.evaluate.channels.hall import announce
from minping.evaluate.channels.hall import jobs as hall_jobs
from minping.evaluate.channels.hall.states import Event
from minping.evaluate.channels.ivr import jobs as ivr_jobs
from minping.evaluate.channels.keypad import events as keypads
from minping.evaluate.channels.sms import jobs as sms_jobs
from minping.evaluate.channels.tablet import services as tablets
from minping.evaluate.models import Rating, Service
from minping.evaluate.services import from_above as evaluate_from_above
from minping.evaluate.services import from_below as evaluate_from_below
from minping.evaluate.states import RatingKind
from minping.feedback import authority, decisions
from minping.feedback import events as fed_back
from minping.feedback import from_below as feedback_from_below
from minping.feedback import messages as feedback_messages
from minping.feedback import queries as feedback_queries
from minping.feedback import services as feedback
from minping.feedback.models import Case, Revocation
from minping.feedback.states import CaseState
from minping.feedback.tickets import answers as ticket_answers
from minping.feedback.tickets import services as tickets
from minping.feedback.tickets.events import TicketTold
from minping.kernel import journal
from minping.kernel.jobs import Job
from minping.rectify import events as rectified
from minping.rectify import from_below as rectify_from_below
from minping.rectify import jobs as rectify_jobs
from minping.rectify import messages as rectify_messages
from minping.rectify import notices as rectify_notices
from minping.rectify import pages as rectify_pages
from minping.rectify import queries as rectify_queries
from minping.rectify import services as rectify
from minping.rectify import words
from minping.registry import queries as registry
from minping.supervise import clues, repeats
from minping.supervise import jobs as supervise_jobs
from minping.supervise import notices as supervise_notices
from minping.upstream import events as upstreamed
from minping.upstream import incoming
from minping.upstream import jobs as upstream_jobs
from minping.upstream import services as upstream
from minping.upstream.below.intake import Told
from minping.upstream.events import RatingCameDown
from minping.upstream.port import Message
from minping.upstream.provinces import driver


def _rating_draft(service: Service, rating: Rating, not_before: datetime | None = None) -> upstream.Draft:
    return upstream.Draft(
        kind=RatingKind(rating.kind).message, subject=rating.pk,
        area_code=service.area_code, organization_code=service.organization_code, case_no=service.case_no,
        service_no=service.service_no, fact_at=rating.rated_at, level=rating.level, revision=rating.revision,
        not_before=not_before, from_above=rating.proof == "superior",
    )  # fmt: skip


def send_ratings(event: evaluated.RatingsGiven) -> None:
    """Good and bad in one list, by one road (failures.md A6, B8); a first press waits for its reasons."""
    drafts = []
    for service, rating in event.pairs:
        wait = None
        if rating.pk in event.held:
            rules = law.at(service.area_code, rating.rated_at.astimezone(law.BEIJING).date())
            wait = rating.rated_at + timedelta(minutes=rules.limit("settle").value)
        drafts.append(_rating_draft(service, rating, wait))
    upstream.messages_enqueue(drafts, at=event.at)


def send_changed_ratings(event: evaluated.RatingsChanged) -> None:
    """A held message goes now, with the change in it; one that has gone is followed by an update."""
    late = [
        (service, rating)
        for service, rating in event.pairs
        if not upstream.message_release(subject=rating.pk, level=rating.level, at=event.at)
    ]
    upstream.messages_enqueue([_rating_draft(service, rating) for service, rating in late], at=event.at)


def _send_case(case: Case, at: datetime) -> None:
    """What the superior knows of is ratings: a grievance without one goes back by its own road (decision 0058)."""
    # What comes from below goes on as it came, revision by revision (upstream/below/intake).
    if case.origin or case.rating_id is None or case.service is None:
        return
    upstream.messages_enqueue(
        [
            upstream.Draft(
                kind="case", subject=case.pk, area_code=case.area_code, organization_code=case.organization_code,
                case_no=case.service.case_no, service_no=case.service.service_no, fact_at=case.opened_at,
                level=case.level, revision=case.revision,
            )
        ],
        at=at,
    )  # fmt: skip


def send_opened_cases(event: fed_back.CasesOpened) -> None:
    for case in event.cases:
        _send_case(case, event.at)


def _revocation_draft(revocation: Revocation, kind: str, revision: int) -> upstream.Draft:
    case = revocation.case
    service, rating, level = case.rated
    return upstream.Draft(
        kind=kind, subject=revocation.pk, area_code=case.area_code, organization_code=case.organization_code,
        case_no=service.case_no, service_no=service.service_no, fact_at=rating.rated_at,
        level=level, revision=revision,
    )  # fmt: skip


def send_revocation(event: fed_back.RevocationRequested) -> None:
    """The application, and that the rating is disputed but counts (R7)."""
    drafts = [_revocation_draft(event.revocation, kind, 1) for kind in ("revocation", "validity")]
    upstream.messages_enqueue(drafts, at=event.at)
    _send_case(event.revocation.case, event.at)


def send_validity(event: fed_back.RevocationAnswered) -> None:
    """What was decided, under which number; a refusal's own step follows with the confirmation."""
    upstream.messages_enqueue([_revocation_draft(event.revocation, "validity", 2)], at=event.at)
    if event.revocation.answer == "revoke":
        _send_case(event.revocation.case, event.at)


def send_case(
    event: fed_back.CaseConfirmed | fed_back.CaseClosed | fed_back.CaseChanged | fed_back.CaseAppealed,
) -> None:
    """Every step that the province wants to know is an update of the same record (minan/4.2.1)."""
    _send_case(event.case, event.at)


def send_step(event: rectified.OrderAssigned | rectified.OrderMoved) -> None:
    """A superior that keeps whole records is told every step with its clock; others only what they want to know."""
    if driver().mirrors:
        _send_case(feedback.case_step(case_id=event.order.case_id), event.at)


def tell_step(event: rectified.OrderTold) -> None:
    """What a superior wants to know of a rectification; one that keeps whole records was told by `send_step`."""
    if not driver().mirrors:
        rectify.on_order_told(event)


def send_assigned(event: fed_back.CaseAssigned) -> None:
    """To a superior that keeps whole records; to others it is the same case as before."""
    if driver().mirrors:
        _send_case(event.case, event.at)


def send_application(event: fed_back.RevocationForwarded) -> None:
    """Passed on: up to the next level, and down, so that those below know with whom it lies."""
    upstream.messages_enqueue([_revocation_draft(event.revocation, "revocation", 1)], at=event.at)
    authority.tell_forwarded(event.revocation, at=event.at)


def send_report(event: assessed.ReportSent) -> None:
    """A quarterly report goes to a superior that sums them; to others it is handed in on paper (minan/4.2.4)."""
    report = event.report
    if driver().mirrors:
        draft = upstream.Draft(
            kind="report", subject=report.pk, area_code=registry.place(report.organization_code).area_code,
            organization_code=report.organization_code, case_no=assess_messages.case_no_of(report), service_no=1,
            fact_at=report.sent_at,
        )  # fmt: skip
        upstream.messages_enqueue([draft], at=report.sent_at)


def offer_at_windows(event: evaluated.ServicesReceived) -> None:
    """The end of a service itself makes the offer on its window's tablet (R11)."""
    tablets.offers_make(event.ids, at=event.at)


def withdraw_at_windows(event: evaluated.RatingsGiven) -> None:
    """What was rated by phone or anywhere else is not asked for on the window's tablet any more (R11)."""
    tablets.offers_withdraw(event.pairs, at=event.at)


def ask_reason(event: keypads.ReasonMissing) -> None:
    """A negative without a reason is asked for one, at the window's tablet; nothing is invented (failures.md A7)."""
    tablets.reason_ask(event.pairs, at=event.at)


def tell_ratings(event: evaluated.RatingsGiven) -> None:
    """Other systems learn that there is a rating, never which (minan/3.4.1)."""
    announce.announcements_enqueue(
        Event.RATING_GIVEN,
        (
            announce.Fact(rating.pk, service.organization_code, service.case_no, service.service_no, rating.rated_at)
            for service, rating in event.pairs
        ),
        at=event.at,
    )


def tell_defaults(event: evaluated.DefaultsMade) -> None:
    announce.announcements_enqueue(
        Event.DEFAULT_MADE,
        map(announce.Fact, event.services, event.organizations, event.cases, event.numbers, event.due),
        at=event.at,
    )


def tell_end(event: fed_back.CaseClosed | fed_back.CaseChanged | fed_back.RevocationAnswered) -> None:
    """A negative's case has ended: put right, revoked above, or taken back by its giver."""
    case = event.revocation.case if isinstance(event, fed_back.RevocationAnswered) else event.case
    # One of a level below is told of there; whoever sent a ticket in is answered, not called.
    if case.state == CaseState.CLOSED and not case.origin and case.rating_id is not None:
        service, _, _ = case.rated
        fact = announce.Fact(
            case.pk, case.organization_code, service.case_no, service.service_no, event.at, case.revision
        )
        announce.announcements_enqueue(Event.CASE_CLOSED, [fact], at=event.at)


def note_checks(event: upstreamed.ChecksReturned) -> None:
    tablets.checks_note(event.subjects, at=event.at)


def take_from_above(event: RatingCameDown) -> None:
    """A rating given on the superior's page becomes ours, and a negative one opens its case as any other does."""
    told = event.rating
    incoming.incoming_settle(
        event.incoming_id, evaluate_from_above.take(told, at=event.at, typed=event.typed), at=event.at
    )


CHAIN: Mapping[type, tuple[Callable[[Any], None], ...]] = {
    # 上级
    RatingCameDown: (take_from_above, feedback.on_rating_came_down),
    upstreamed.DecisionCameDown: (decisions.on_decision,),
    upstreamed.ForwardCameDown: (decisions.on_forward,),
    upstreamed.SupervisionCameDown: (decisions.on_supervision,),
    # 评价
    evaluated.ServicesReceived: (offer_at_windows,),  # the message upward is enqueued with the batch, by intake itself
    evaluated.RatingsGiven: (
        send_ratings,
        tell_ratings,
        withdraw_at_windows,
        feedback.on_ratings_given,
        rectify.on_ratings_given,
    ),
    evaluated.RatingsChanged: (send_changed_ratings, feedback.on_ratings_changed),
    evaluated.DefaultsMade: (tell_defaults,),
    keypads.ReasonMissing: (ask_reason,),
    # 上送
    upstreamed.ChecksReturned: (note_checks,),
    # 反馈
    fed_back.CasesOpened: (send_opened_cases, words.on_cases_opened),
    fed_back.CaseConfirmed: (send_case, rectify.on_case_confirmed, repeats.on_case_confirmed),
    fed_back.CaseAssigned: (send_assigned, rectify.on_case_assigned, words.on_case_changed),
    fed_back.CaseAppealed: (send_case, rectify.on_case_appealed, words.on_case_changed),
    fed_back.RevocationRequested: (send_revocation,),
    fed_back.RevocationAnswered: (
        send_validity,
        tell_end,
        rectify.on_revocation_answered,
        authority.on_revocation_answered,
        repeats.on_revocation_answered,
        ticket_answers.on_revocation_answered,
    ),
    fed_back.RevocationForwarded: (send_application,),
    fed_back.CaseChanged: (send_case, tell_end, words.on_case_changed, tickets.on_case_changed),
    fed_back.CaseClosed: (send_case, tell_end, ticket_answers.on_case_closed),
    TicketTold: (ticket_answers.on_ticket_told,),
    # 改进
    rectified.OrderAssigned: (send_step,),
    rectified.OrderMoved: (send_step,),
    rectified.OrderTold: (tell_step,),
    rectified.OrderAccepted: (rectify.on_order_accepted,),
    rectified.OrderUnsolved: (rectify.on_order_unsolved,),
    rectified.OrderDone: (rectify.on_order_done,),
    # 考核
    assessed.ReportSent: (send_report,),
}

MESSAGES: Mapping[str, Callable[[Sequence[UUID]], Mapping[UUID, Message]]] = {
    "service": evaluate_messages.service_messages,
    "rating": evaluate_messages.rating_messages,
    "supplementary": evaluate_messages.rating_messages,
    "rerating": evaluate_messages.rating_messages,
    "default": evaluate_messages.default_messages,
    "case": rectify_messages.case_messages,
    "revocation": feedback_messages.revocation_messages,
    "validity": feedback_messages.validity_messages,
    "report": assess_messages.report_messages,
}

# What a subordinate sends up becomes a row here: True where something of it was new (upstream/below).
TAKERS: Mapping[str, Callable[[Told], bool]] = {
    "service": evaluate_from_below.take_service,
    "rating": evaluate_from_below.take_rating,
    "supplementary": evaluate_from_below.take_rating,
    "rerating": evaluate_from_below.take_rating,
    "default": evaluate_from_below.take_default,
    "case": rectify_from_below.take_case,
    "revocation": feedback_from_below.take_revocation,
    "validity": feedback_from_below.take_validity,
    "report": assess_messages.take_report,
}


def _seal() -> bool:
    return journal.seal() == journal.SEAL_BATCH


JOBS: tuple[Job, ...] = (
    Job("seal", "日志封链", 0.5, _seal),
    *upstream_jobs.JOBS,
    *evaluate_jobs.JOBS,
    *sms_jobs.JOBS,
    *ivr_jobs.JOBS,
    *hall_jobs.JOBS,
    *rectify_jobs.JOBS,
    *supervise_jobs.JOBS,
)

# The clocks of which somebody is reminded: before, at, and each working day after (kernel/notices).
CLOCKS = (*rectify_notices.CLOCKS, *supervise_notices.CLOCKS)

# What an earlier stage asks of a later one: the call-back page after a rectification,
# and what the rater is told of a negative's way on the receipt.
FOLLOW_UP_PAGE = rectify_pages.follow_up_page
STORY = rectify_queries.story_of
# What the receipt says of a report of retaliation that was handed in about the service.
REPORTS = clues.reports_of
# What was done about a case, for those who sent it in as a ticket (minan/6.2).
DONE_TEXT = rectify_queries.done_text

# Counters of the business records, for the reconciliation with the superior.
RECONCILE = (evaluate_queries.counts_by_day_level, feedback_queries.counts_by_day_level)
# The same records one by one, so that a difference names its rows (minping/upstream/watch.py).
RECORDS = (evaluate_queries.records_between, feedback_queries.records_between)
# Which services wait for a word: of some cases, and all from a moment on (minping/upstream/unrated.py).
STANDINGS = (evaluate_queries.standings_of, evaluate_queries.standings_open)
