"""The reads: which services and negatives of a unit and period counted at the moment `cut`.

Each fact counts by its own time, so a figure of a past day can be had again at any
later day: the level a rating had before its giver changed it, the report before it
was returned.  A service counts from when it was reported here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Case as Choose
from django.db.models import (
    CharField,
    Count,
    DateTimeField,
    Exists,
    Expression,
    F,
    FilteredRelation,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from minping import law
from minping.assess.models import QuarterReport
from minping.assess.periods import Period, Quarter, quarter_of, quarters_ended_in
from minping.assess.tally import Tally
from minping.assess.units import Unit
from minping.evaluate.models import RatingRevision, Service
from minping.evaluate.states import Outcome, RatingKind
from minping.feedback.models import Case, Revocation
from minping.feedback.states import CaseState
from minping.kernel import due
from minping.kernel.models import JournalEntry
from minping.rectify.models import Order
from minping.rectify.states import FollowUp, OrderState
from minping.registry import queries as registry

WHOLE = "/"  # in place of a window: what an organisation owes as a whole; no window code can hold it
UNASKED = 2  # accepted, and the person has not said yet whether it is solved
WITHDRAWN = "changed_by_rater"  # the rater took the negative back within the minutes of change
REVOKED = "revoked"  # the result of a case whose rating the superior revoked
NEGATIVE = tuple(int(level) for level in law.InterfaceLevel if level.negative)


class Split(StrEnum):
    """How finely to group: by organisation, by the unit's own windows too, or by every window."""

    NONE = "none"
    OWN = "own"
    EVERY = "every"


@dataclass(frozen=True)
class Key:
    """A group: organisation, window (where the split asks for it), index of the period."""

    organization_code: str
    window_code: str = ""
    bucket: int = 0


# --- services -----------------------------------------------------------------------------------


def _level(path: str, cut: datetime) -> Expression:
    """The level a rating had at `cut`: the earliest version that was replaced only later, else today's."""
    earlier = RatingRevision.objects.filter(rating=OuterRef(f"{path}__pk"), until__gt=cut).order_by("revision")
    return Choose(
        When(
            **{f"{path}__revision__gt": 1},
            then=Coalesce(Subquery(earlier.values("level")[:1]), F(f"{path}__level")),
        ),
        default=F(f"{path}__level"),
        output_field=IntegerField(),
    )


def services_of(unit: Unit, period: Period, cut: datetime) -> QuerySet[Service]:
    """The services of the period, each with its first word, its default and its late word, where there are such.

    Everything further is asked of these annotations, never of the relations again:
    a second look at a relation would be a second join.
    """
    return (
        Service.objects.filter(
            unit.scope, served_at__gte=period.since, served_at__lt=period.before, served_at__lte=cut,
            received_at__lte=cut,
        )
        .alias(
            own=FilteredRelation("ratings", condition=Q(ratings__kind=RatingKind.FIRST, ratings__rated_at__lte=cut)),
            share=FilteredRelation(
                "ratings", condition=Q(ratings__kind=RatingKind.PACKAGE, ratings__rated_at__lte=cut)
            ),
            late=FilteredRelation(
                "ratings", condition=Q(ratings__kind=RatingKind.SUPPLEMENTARY, ratings__rated_at__lte=cut)
            ),
            silence=FilteredRelation("default_outcome", condition=Q(default_outcome__made_at__lte=cut)),
        )
        .annotate(
            # One's own word prevails over the share of an overall rating, whichever came first (R10).
            own_at=Coalesce("own__rated_at", "share__rated_at"),
            own_level=Coalesce(_level("own", cut), _level("share", cut)), silent_at=F("silence__made_at"),
            silent_level=F("silence__level"), late_at=F("late__rated_at"),
        )
    )  # fmt: skip


COUNTING = (RatingKind.FIRST, RatingKind.PACKAGE)  # the kinds of a word that decide what a service counts as
RATED, SILENT, SPOKE_LATE = Q(own_at__isnull=False), Q(silent_at__isnull=False), Q(late_at__isnull=False)


def good_levels(rules: law.Rules) -> tuple[int, ...]:
    return tuple(int(level) for level in rules.value("good_levels").items)


def offline_handlings(rules: law.Rules) -> tuple[str, ...]:
    return tuple(id for id, handling in rules.handlings.items() if not handling.online)


def revoked_at(cut: datetime, path: str = "") -> Q:
    """Revoked by the superior by then: nothing else makes a rating invalid, and only then it leaves (R7)."""
    return Q(**{f"{path}outcome": Outcome.INVALID, f"{path}outcome_at__lte": cut})


def pending_at(cut: datetime, path: str = "") -> Q:
    """申请撤销中 at that time: approved here and sent up, not yet answered.  It counts (R7)."""
    waiting = Revocation.objects.filter(approved_at__lte=cut, case__rating__kind__in=COUNTING).filter(
        Q(answered_at__isnull=True) | Q(answered_at__gt=cut)
    )
    return Q(**{f"{path}pk__in": waiting.values("case__service")})


def service_tallies(
    unit: Unit, buckets: Sequence[Period], cut: datetime, rules: law.Rules, split: Split = Split.NONE
) -> dict[Key, Tally]:
    """Counts of the services by organisation, and by window and period as asked: one statement."""
    whole = Period(buckets[0].start, buckets[-1].end)
    good, offline = good_levels(rules), Q(handling__in=offline_handlings(rules))
    revoked, waiting = revoked_at(cut), pending_at(cut)
    live = ~revoked
    rows = (
        services_of(unit, whole, cut)
        .annotate(group_window=_window(unit, split), bucket=_bucket("served_at", buckets))
        .values("organization_code", "group_window", "bucket")
        .annotate(
            t_services=Count("pk", filter=live),
            t_cases=Count("case_no", distinct=True, filter=live),
            t_ratings=Count("pk", filter=live & RATED),
            t_good=Count("pk", filter=live & Q(own_level__in=good)),
            t_defaults=Count("pk", filter=live & SILENT),
            t_good_defaults=Count("pk", filter=live & Q(silent_level__in=good)),
            t_supplementary=Count("pk", filter=live & SPOKE_LATE),
            t_pending=Count("pk", filter=live & waiting),
            t_revoked=Count("pk", filter=revoked),
            t_offline=Count("pk", filter=live & offline),
            t_offline_cases=Count("case_no", distinct=True, filter=live & offline),
            t_offline_ratings=Count("pk", filter=live & offline & RATED),
            t_offline_defaults=Count("pk", filter=live & offline & SILENT),
            t_offline_supplementary=Count("pk", filter=live & offline & SPOKE_LATE),
            t_offline_pending=Count("pk", filter=live & offline & waiting),
            t_offline_revoked=Count("pk", filter=offline & revoked),
        )
        .order_by()
    )
    return {
        Key(row["organization_code"], row["group_window"], row["bucket"]): Tally(
            **{name[2:]: int(str(value)) for name, value in row.items() if name.startswith("t_")}
        )
        for row in rows
    }


def counted(condition: Q) -> Expression:
    """1 where the condition holds and 0 elsewhere, also where it is unknown: the two parts of a whole."""
    return Choose(When(condition, then=1), default=0, output_field=IntegerField())


def _window(unit: Unit, split: Split) -> Expression | F:
    if split == Split.NONE:
        return Value("", output_field=CharField())
    if split == Split.EVERY:
        return F("window_code")
    return Choose(When(organization_code=unit.code, then=F("window_code")), default=Value(""), output_field=CharField())


def _bucket(field: str, buckets: Sequence[Period]) -> Expression:
    if len(buckets) == 1:
        return Value(0, output_field=IntegerField())
    whens = [When(**{f"{field}__lt": period.before}, then=Value(n)) for n, period in enumerate(buckets[:-1])]
    return Choose(*whens, default=Value(len(buckets) - 1), output_field=IntegerField())


# --- negatives ----------------------------------------------------------------------------------


def _reported(cut: datetime) -> Expression:
    """When the report that stood at `cut` was made; None where there was none, or it had been sent back.

    The order keeps its last report only; for a past day that lies before it, the journal knows.
    """
    written = (
        JournalEntry.objects.filter(
            subject=OuterRef("case_id"), at__gte=OuterRef("assigned_at"), at__lte=cut,
            action__in=("order.report", "order.return"),
        )
        .order_by("-at", "-id")
        .annotate(stood=Choose(When(action="order.report", then=F("at")), default=None, output_field=DateTimeField()))
    )  # fmt: skip
    return Choose(
        When(reported_at__isnull=True, then=None),
        When(~Q(state=OrderState.ASSIGNED), reported_at__lte=cut, then=F("reported_at")),
        default=Subquery(written.values("stood")[:1]),
        output_field=DateTimeField(),
    )


def negatives_of(unit: Unit, period: Period, cut: datetime) -> QuerySet[Case]:
    """The negatives opened in the period, each with how far its handling was and what the person last said.

    `verify_late`, `late`: a limit had run out unmet (or was met too late); `accepted`:
    its latest round was accepted; `revoked`: by the superior (R7); `word`: 1 content, 0 not, UNASKED not called back yet, None no
    rectification was ever accepted.
    """
    orders = Order.objects.filter(case=OuterRef("pk"), assigned_at__lte=cut)
    overdue = (
        orders.filter(rectify_due_at__lte=cut)
        .alias(stood=_reported(cut))
        .filter(Q(stood__isnull=True) | Q(stood__gte=F("rectify_due_at")))
    )
    latest = orders.order_by("-round").annotate(ok=counted(Q(accepted_at__lte=cut)))
    said = (
        orders.filter(accepted_at__lte=cut)
        .order_by("-round")
        .alias(again=_level("rerating", cut))
        .annotate(
            content=Choose(
                When(rerating__rated_at__lte=cut, again__in=NEGATIVE, then=0),
                When(rerating__rated_at__lte=cut, then=1),
                When(followed_at__lte=cut, follow_up=FollowUp.SOLVED, then=1),
                When(followed_at__lte=cut, then=0),
                default=UNASKED,
                output_field=IntegerField(),
            )
        )
    )
    verify_late = Q(verify_due_at__lte=cut) & (Q(verified_at__isnull=True) | Q(verified_at__gte=F("verify_due_at")))
    return (
        Case.objects.rated()
        .filter(unit.scope, opened_at__gte=period.since, opened_at__lt=period.before, opened_at__lte=cut)
        .filter(rating__rated_at__lte=cut)  # a rating that joined a ticket counts from when it was given
        .exclude(state=CaseState.CLOSED, result=WITHDRAWN, closed_at__lte=cut)
        .annotate(
            verify_late=counted(verify_late),
            late=counted(Q(Exists(overdue))),
            revoked=counted(Q(result=REVOKED, closed_at__lte=cut)),
            accepted=Coalesce(Subquery(latest.values("ok")[:1]), 0),
            word=Subquery(said.values("content")[:1]),
        )
    )


DUE = Q(revoked=0) & (Q(accepted=1) | Q(verify_late=1) | Q(late=1))
DONE = Q(revoked=0, accepted=1, verify_late=0, late=0)
ACCEPTED, SOLVED = Q(revoked=0, word__isnull=False), Q(revoked=0, word=1)


def real_name_proofs(rules: law.Rules) -> frozenset[str]:
    return frozenset(id for id, proof in rules.proofs.items() if proof.real_name)


def negative_tallies(
    unit: Unit, buckets: Sequence[Period], cut: datetime, rules: law.Rules, split: Split = Split.NONE
) -> dict[Key, Tally]:
    """Counts of the negatives by the same groups: one statement.

    Negatives are few, and each has several services, cases and words to be told apart,
    so the rows are counted here rather than in a statement nobody could read.
    """
    whole = Period(buckets[0].start, buckets[-1].end)
    real = real_name_proofs(rules)
    rows = negatives_of(unit, whole, cut).annotate(group_window=_window(unit, split), bucket=_bucket("opened_at", buckets), waiting=counted(pending_at(cut, "service__"))).values_list(
        "organization_code", "group_window", "bucket", "service_id", "service__case_no", "rating__proof", "verify_late", "late", "accepted", "word", "revoked",
        "waiting",
    )  # fmt: skip
    found: dict[Key, Tally] = defaultdict(Tally)
    seen: dict[tuple[Key, str], set[object]] = defaultdict(set)
    for (
        organization,
        window,
        bucket,
        service,
        case_no,
        proof,
        unverified,
        late,
        accepted,
        word,
        revoked,
        waiting,
    ) in rows.iterator(chunk_size=5000):
        key = Key(organization, window, bucket)
        tally = found[key]
        tally.opened += 1
        if revoked:  # it was received, and counts for nothing else (R7)
            tally.negatives_revoked += 1
            continue
        if accepted or unverified or late:
            tally.due += 1
            tally.due_pending += waiting
            tally.done += bool(accepted and not unverified and not late)
            seen[key, "due_services"].add(service)
            seen[key, "due_cases"].add(case_no)
        if word is not None:
            tally.accepted += 1
            tally.accepted_pending += waiting
            tally.solved += word == 1
            tally.real_accepted += proof in real
            tally.real_solved += word == 1 and proof in real
            seen[key, "accepted_services"].add(service)
            seen[key, "accepted_cases"].add(case_no)
    for (key, name), values in seen.items():
        setattr(found[key], name, len(values))
    return dict(found)


# --- quarterly reports --------------------------------------------------------------------------


@dataclass(frozen=True)
class Duty:
    """One quarter for which one unit owed a report, and what became of it by then."""

    organization_code: str
    quarter: Quarter
    due_at: datetime
    sent_at: datetime | None

    @property
    def in_time(self) -> bool:
        return self.sent_at is not None and self.sent_at < self.due_at


def duties(codes: Collection[str], periods: Sequence[Period], cut: datetime) -> list[Duty]:
    """The quarters that ended within the periods and whose report is due or sent: one statement, or none."""
    quarters = sorted(
        {quarter for period in periods for quarter in quarters_ended_in(period) if quarter.closing <= cut}
    )
    if not codes or not quarters:
        return []
    sent = {
        (code, year, number): (at, due_at)
        for code, year, number, at, due_at in QuarterReport.objects.filter(
            organization_code__in=codes, year__in={quarter.year for quarter in quarters}, sent_at__lt=cut
        ).values_list("organization_code", "year", "quarter", "sent_at", "due_at")
    }
    found = []
    for code in sorted(codes):
        place = registry.directory().places[code]
        area, first, last = place.area_code, first_quarter(place), last_quarter(place)
        for quarter in quarters:
            at, stored = sent.get((code, quarter.year, quarter.number), (None, None))
            if at is None and first is not None and quarter.period.end < first.period.start:
                continue  # before it began to report: not owed, and not unsent either
            if at is None and last is not None and quarter.period.start > last.period.end:
                continue  # it was no more
            due_at = stored or report_due(area, quarter)
            if due_at is not None and (at is not None or due_at <= cut):
                found.append(Duty(code, quarter, due_at, at))
    return found


def first_quarter(place: registry.Place) -> Quarter | None:
    """The first quarter that an office owes a report for; None where nothing says when it began (rule `report_first`)."""
    if place.reports_from is None:
        return None
    rule = law.at(place.area_code, place.reports_from).value("report_first").value
    began = quarter_of(place.reports_from)
    return began if rule == "containing" else quarter_of(began.period.end + timedelta(days=1))


def last_quarter(place: registry.Place) -> Quarter | None:
    """The last quarter that an office owes a report for; None while it is there (rule `report_last`)."""
    if place.ended_on is None:
        return None
    rule = law.at(place.area_code, place.ended_on).value("report_last").value
    ended = quarter_of(place.ended_on)
    return ended if rule == "containing" else ended.back(1)


def report_due(area_code: str, quarter: Quarter) -> datetime | None:
    """When the report of a quarter is due; None where the law of its last day knew no such report."""
    try:
        at: datetime = due.clock(area_code, "quarter_report", quarter.closing)["due_at"]
    except law.LawError:
        return None
    return at


def report_tallies(unit: Unit, buckets: Sequence[Period], cut: datetime) -> dict[Key, Tally]:
    """Reports owed and sent in time, by organisation and period."""
    found: dict[Key, Tally] = defaultdict(Tally)
    for duty in duties(unit.reporting, buckets, cut):
        last = duty.quarter.period.end
        bucket = next(n for n, period in enumerate(buckets) if period.start <= last <= period.end)
        tally = found[Key(duty.organization_code, WHOLE, bucket)]
        tally.quarters += 1
        tally.quarters_in_time += duty.in_time
    return dict(found)
