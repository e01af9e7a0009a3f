"""Which service or case a ticket is about: by case number, else by the person, the unit, the item and some days.

Either exactly one thing fits, or a person decides with the candidates side by side.  Nothing
is opened to find out: the telephone and the certificate are compared by their blind indexes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from minping import law
from minping.evaluate.models import Applicant, Rating, Service
from minping.feedback.models import Case
from minping.feedback.states import CaseState
from minping.feedback.tickets.models import Ticket
from minping.feedback.tickets.states import Why
from minping.kernel.clock import beijing
from minping.registry import queries as registry

MOST = 20  # candidates worth a look side by side


@dataclass(frozen=True)
class Candidate:
    """What a ticket may be about: a service, with its case where there is one, or a case without a service."""

    service: Service | None
    case: Case | None

    @property
    def key(self) -> str:
        return f"service:{self.service.pk}" if self.service else f"case:{self.case.pk}" if self.case else ""


@dataclass(frozen=True)
class Found:
    """`sure` where exactly one fits; else the candidates and why a person must decide; neither: nothing like it here."""

    sure: Candidate | None = None
    candidates: tuple[Candidate, ...] = ()
    why: str = ""


def search(ticket: Ticket) -> Found:
    """What the ticket is about."""
    units = registry.directory().below(registry.place(ticket.organization_code).path)
    if ticket.case_no:
        numbered = _numbered(ticket, units)
        if numbered:
            return _by_number(ticket, numbered)
    near = _same_person(ticket, units)
    if ticket.case_no:
        return Found(candidates=_with_cases(near), why=Why.NO_SUCH_CASE)
    fitting = [service for service in near if not ticket.item_code or service.item_code == ticket.item_code]
    loose = _without_service(ticket, units)
    if len(fitting) == 1 and not loose:
        return Found(sure=_with_cases(fitting)[0])
    if not near and len(loose) == 1 and _same_item(ticket, loose[0]):
        return Found(sure=Candidate(None, loose[0]))
    candidates = (*_with_cases(fitting or near), *(Candidate(None, case) for case in loose))
    if not candidates:
        return Found()
    return Found(candidates=candidates[:MOST], why=Why.MANY if fitting or loose else Why.OTHER_ITEM)


def own_services(units: Sequence[str], case_no: str) -> QuerySet[Service]:
    """The services of a number that are handled here.  What a subordinate told us of is handled below: its case is
    the mirror of the one there, and a word of ours in it would keep out what comes from there."""
    return Service.objects.filter(organization_code__in=units, case_no=case_no, origin="")


def case_of(service: Service) -> Case | None:
    """The case of a service, an open one before a closed one; of a package, the one case of its overall rating."""
    return _with_cases([service])[0].case


def _with_cases(services: Sequence[Service]) -> tuple[Candidate, ...]:
    """Each service with its case, in a fixed number of queries."""
    wanted = services[:MOST]
    of_package = Rating.objects.filter(service__in=[s for s in wanted if s.package_no]).exclude(package=None)
    packages: dict[UUID, set[UUID]] = defaultdict(set)
    for service, package in of_package.values_list("service", "package"):
        packages[service].add(package)
    everywhere = set().union(*packages.values())
    rows = Case.objects.filter(Q(service__in=wanted) | Q(rating__package__in=everywhere)).select_related("rating")
    cases = sorted(rows, key=lambda case: (case.state != CaseState.CLOSED, case.opened_at), reverse=True)

    def about(service: Service) -> Case | None:
        own = packages[service.pk]
        return next((c for c in cases if c.service_id == service.pk or (c.rating and c.rating.package_id in own)), None)

    return tuple(Candidate(service, about(service)) for service in wanted)


def _numbered(ticket: Ticket, units: Sequence[str]) -> list[Service]:
    rows = own_services(units, ticket.case_no)
    if ticket.service_no is not None:
        rows = rows.filter(service_no=ticket.service_no)
    return list(rows.order_by("-served_at")[: MOST + 1])


def _by_number(ticket: Ticket, numbered: Sequence[Service]) -> Found:
    """The number fits; the person, where both sides name one, must not be another."""
    if len(numbered) > 1:
        return Found(candidates=_with_cases(numbered), why=Why.MANY)
    (candidate,) = _with_cases(numbered)
    return Found(candidates=(candidate,), why=Why.OTHER_PERSON) if _other(ticket, numbered[0]) else Found(candidate)


def _other(ticket: Ticket, service: Service) -> bool:
    """Whether the ticket names somebody whose telephone and certificate are neither of the applicant's."""
    person = Applicant.objects.values("phone_index", "certificate_index").get(service=service)
    pairs = [
        (bytes(theirs), bytes(ours))
        for theirs, ours in (
            (ticket.phone_index, person["phone_index"]), (ticket.certificate_index, person["certificate_index"]),
        )
        if theirs is not None and ours is not None
    ]  # fmt: skip
    return bool(pairs) and all(theirs != ours for theirs, ours in pairs)


def _is(ticket: Ticket, before: str = "") -> Q | None:
    """Rows of the ticket's person, by either blind index; None where the ticket names nobody."""
    wanted = Q()
    for name in ("phone_index", "certificate_index"):
        value = getattr(ticket, name)
        if value is not None:
            wanted |= Q(**{f"{before}{name}": value})
    return wanted or None


def _days(ticket: Ticket) -> tuple[object, object]:
    """The days before the ticket was said in which its service is looked for."""
    days = law.at(ticket.area_code, beijing(ticket.said_at).date()).limit("ticket_match").value
    start = beijing(ticket.said_at).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)
    return start, ticket.said_at


def _same_person(ticket: Ticket, units: Sequence[str]) -> list[Service]:
    person = _is(ticket, "applicant__")
    if person is None:
        return []
    start, end = _days(ticket)
    rows = Service.objects.filter(
        person, organization_code__in=units, origin="", served_at__gte=start, served_at__lte=end
    )
    return list(rows.order_by("-served_at")[: MOST + 1])


def _without_service(ticket: Ticket, units: Sequence[str]) -> list[Case]:
    """Open cases of the same person that a ticket of another source or number made, with no service behind them."""
    person = _is(ticket)
    if person is None:
        return []
    start, _ = _days(ticket)
    others = Ticket.objects.filter(person, said_at__gte=start, organization_code__in=units).exclude(pk=ticket.pk)
    rows = Case.objects.filter(service=None, pk__in=others.values("case")).exclude(state=CaseState.CLOSED)
    return list(rows.order_by("-opened_at")[:MOST])


def _same_item(ticket: Ticket, case: Case) -> bool:
    return bool(ticket.item_code) and case.tickets.filter(item_code=ticket.item_code).exists()
