"""Reads of 评价: what an invitation would take, and how many records there are for the reconciliation above."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import TruncDate

from minping.evaluate import states
from minping.evaluate.models import Applicant, DefaultOutcome, Rating, ReratingInvitation, Service
from minping.evaluate.states import Outcome, RatingKind
from minping.kernel.clock import BEIJING, beijing
from minping.registry import queries as registry
from minping.upstream.unrated import Standing
from minping.upstream.watch import Record


def counts_by_day_level(start: datetime, end: datetime) -> Mapping[tuple[date, str, int | None], int]:
    """Records by Beijing day of the fact, kind of message and level, from `start` (included) to `end` (not).

    A service has no level.  A rating counts once, under the level it has now: a change
    of mind is an update of the same record.
    """
    services = _by_day(Service.objects.all(), "served_at", start, end, ())
    ratings = _by_day(Rating.objects.filter(_stands()), "rated_at", start, end, ("kind", "level"))
    defaults = _by_day(DefaultOutcome.objects.all(), "made_at", start, end, ("level",))
    return {
        **{(day, "service", None): n for day, n in services},
        **{(day, RatingKind(kind).message, level): n for day, kind, level, n in ratings},
        **{(day, "default", level): n for day, level, n in defaults},
    }


def records_between(start: datetime, end: datetime) -> Iterator[Record]:
    """Every record of 评价 that must be above, one by one, for the reconciliation that names rows."""
    services = Service.objects.filter(served_at__gte=start, served_at__lt=end)
    for pk, at, organization in services.values_list("id", "served_at", "organization_code").iterator():
        yield Record("service", pk, beijing(at).date(), None, "", organization)
    ratings = Rating.objects.filter(_stands(), rated_at__gte=start, rated_at__lt=end)
    columns = ("id", "kind", "rated_at", "level", "channel", "service__organization_code")
    for pk, kind, at, level, channel, organization in ratings.values_list(*columns).iterator():
        yield Record(RatingKind(kind).message, pk, beijing(at).date(), level, channel, organization)
    defaults = DefaultOutcome.objects.filter(made_at__gte=start, made_at__lt=end)
    for pk, at, level, organization in defaults.values_list(
        "service_id", "made_at", "level", "service__organization_code"
    ).iterator():
        yield Record("default", pk, beijing(at).date(), level, "", organization)


def standings_of(cases: Collection[str]) -> Iterator[Standing]:
    """The services of some cases, and whether each still waits for a word."""
    return _standings(Service.objects.filter(organization_code__in=registry.directory().places, case_no__in=cases))


def standings_open(since: datetime) -> Iterator[Standing]:
    """The services from a moment on that still wait for a word."""
    return _standings(Service.objects.filter(served_at__gte=since, outcome=Outcome.NONE))


def _standings(services: QuerySet[Service]) -> Iterator[Standing]:
    rows = services.values_list("organization_code", "case_no", "service_no", "id", "outcome").iterator()
    for organization, case_no, service_no, pk, outcome in rows:
        yield Standing(organization, case_no, service_no, pk, outcome == Outcome.NONE)


def _stands() -> Q:
    """Not a share of an overall rating that the person's own word has replaced above (R10)."""
    own = Rating.objects.filter(service=OuterRef("service"), kind=RatingKind.FIRST)
    return ~Q(kind=RatingKind.PACKAGE) | Q(~Exists(own))


def package_of(service: Service) -> list[Service]:
    """The services of the same person in the same 一件事, this one first; alone where it belongs to none."""
    person = Applicant.objects.filter(service=service).values_list("certificate_index", flat=True).first()
    if not service.package_no or person is None:
        return [service]
    others = Service.objects.filter(package_no=service.package_no, applicant__certificate_index=person)
    return [service, *others.exclude(pk=service.pk).order_by("served_at", "case_no", "service_no")]


def _by_day(rows: QuerySet[Any], field: str, start: datetime, end: datetime, also: tuple[str, ...]) -> QuerySet[Any]:
    counted: QuerySet[Any] = (
        rows.filter(**{f"{field}__gte": start, f"{field}__lt": end})
        .annotate(day=TruncDate(field, tzinfo=BEIJING))
        .order_by()
        .values_list("day", *also)
        .annotate(n=Count("pk"))
    )
    return counted


def next_kind(service: Service, ratings: Sequence[Rating], at: datetime) -> RatingKind | None:
    """Which kind of word the invitation would take at `at`; the same question as in `rating_give`, for showing only."""
    again = service.outcome != Outcome.NONE and (
        ReratingInvitation.objects.filter(service=service, rating=None, until__gt=at).exists()
    )
    return states.next_kind(service.outcome, [rating.kind for rating in ratings], again)


def open_of(services: Iterable[Service], at: datetime) -> list[tuple[Service, RatingKind]]:
    """Those of the services that take a word at `at`, with its kind; their ratings are best prefetched."""
    found = [service for service in services if at < service.closes_at]
    again = set(
        ReratingInvitation.objects.filter(service__in=found, rating=None, until__gt=at).values_list(
            "service_id", flat=True
        )
    )
    kinds = (
        (service, states.next_kind(service.outcome, [r.kind for r in service.ratings.all()], service.pk in again))
        for service in found
    )
    return [(service, kind) for service, kind in kinds if kind is not None]


WORDLESS = ("keypad",)  # channels that can bring a level and nothing else


def reason_missing(rating: Rating, at: datetime) -> bool:
    """Whether a negative came in without a reason, from a device that has none, and there is still time to give it."""
    wordless = rating.channel in WORDLESS and not rating.tags and not rating.text
    return wordless and rating.negative and at < rating.change_until
