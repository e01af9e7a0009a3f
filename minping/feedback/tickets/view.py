"""Tickets as pages show them: beside their case, and in the list of those that wait for a person."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.urls import reverse

from minping.feedback.models import Case
from minping.feedback.states import Arrival, CaseState
from minping.feedback.tickets.answers import code_of
from minping.feedback.tickets.matching import Candidate
from minping.feedback.tickets.models import Ticket
from minping.feedback.tickets.services import source_of
from minping.feedback.tickets.states import AnswerState, TicketState, Why
from minping.kernel import clock, privacy, work
from minping.kernel.access import Actor
from minping.registry import queries as registry


def of(case: Case, who: Actor, now: datetime) -> list[dict[str, Any]]:
    """The voices of a case that came in as tickets: words, demanded date, and where the answer stands."""
    rows = case.tickets.prefetch_related("revisions", "answers").order_by("received_at")
    return [shown(ticket, who, now, case) for ticket in rows]


def shown(ticket: Ticket, who: Actor, now: datetime, case: Case | None = None) -> dict[str, Any]:
    left, kind = work.left(ticket.demanded_at, ticket.area_code, now)
    done = ticket.state == TicketState.ANSWERED
    return {
        "id": ticket.pk,
        "source_label": source_of(ticket.source, ticket.area_code, ticket.received_at).label,
        "number": ticket.number,
        "typed": ticket.typed,
        "unit_name": registry.place(ticket.organization_code).name,
        "item_name": ticket.item_name,
        "case_no": ticket.case_no,
        "said_text": clock.moment_text(ticket.said_at),
        "received_text": clock.moment_text(ticket.received_at),
        "demanded_text": clock.due_text(ticket.demanded_at) if ticket.demanded_at else "",
        "left_text": "" if done else left,
        "left_kind": kind,
        # Which of the two dates is nearer is said in words, not left to be worked out.
        "nearer": bool(case and case.due_at and ticket.demanded_at and not done and ticket.demanded_at < case.due_at),
        "words": ticket.opened()["words"],
        "earlier": [
            {"until_text": clock.moment_text(one.until), "words": _words(ticket, one)}
            for one in ticket.revisions.all()
        ],
        "state": ticket.state,
        "state_label": TicketState(ticket.state).label,
        "why": Why(ticket.why).label if ticket.why else "",
        "url": reverse("ticket", args=[ticket.pk]) if who.may("ticket.read") else "",
        "answers": [
            {
                "result": code_of(answer), "text": answer.text, "state_label": AnswerState(answer.state).label,
                "receipt_no": answer.receipt_no, "why": answer.why,
            }
            for answer in ticket.answers.all()
        ],
    }  # fmt: skip


def _words(ticket: Ticket, revision: Any) -> str:
    words: str = privacy.unseal_json(revision.sealed, f"ticket:{ticket.pk.hex}:{revision.revision}")["words"]
    return words


def line(ticket: Ticket, now: datetime) -> dict[str, Any]:
    """One row of the list: no words, no person."""
    left, kind = work.left(ticket.demanded_at, ticket.area_code, now)
    return {
        "id": ticket.pk,
        "url": reverse("ticket", args=[ticket.pk]),
        "source_label": source_of(ticket.source, ticket.area_code, ticket.received_at).label,
        "number": ticket.number, "typed": ticket.typed, "item_name": ticket.item_name,
        "unit_name": registry.place(ticket.organization_code).name,
        "received_text": clock.moment_text(ticket.received_at),
        "demanded_text": clock.due_text(ticket.demanded_at) if ticket.demanded_at else "",
        "left_text": "" if ticket.state == TicketState.ANSWERED else left, "left_kind": kind,
        "state_label": TicketState(ticket.state).label, "why": Why(ticket.why).label if ticket.why else "",
        "case_number": ticket.case.number if ticket.case else "",
    }  # fmt: skip


def case_line(case: Case) -> dict[str, Any]:
    """A case in a few words, with the way to it."""
    return {
        "number": case.number, "item_name": case.item_name, "state_label": CaseState(case.state).label,
        "excerpt": case.excerpt, "level": case.level, "arrival_label": Arrival(case.arrival).label,
        "level_label": case.level_label,
        "url": reverse("desk_case", args=["mine", case.pk]),
    }  # fmt: skip


def candidates(found: Iterable[Candidate]) -> list[dict[str, Any]]:
    """What a ticket may be about, side by side: what, where, when, and what there is already; never who."""
    return [_candidate(one) for one in found]


def _candidate(one: Candidate) -> dict[str, Any]:
    service, case = one.service, one.case
    told: dict[str, Any] = {"key": one.key, "case": None}
    if service is not None:
        told |= {
            "item_name": service.item_name, "place": f"{service.organization_name} {service.window_name}".strip(),
            "when": clock.moment_text(service.served_at), "case_no": service.case_no, "service_no": service.service_no,
        }  # fmt: skip
    elif case is not None:
        place = registry.place(case.organization_code).name
        told |= {"item_name": case.item_name, "place": place, "when": f"{clock.moment_text(case.opened_at)} 收到"}
    if case is not None:
        told["case"] = case_line(case)
    return told
