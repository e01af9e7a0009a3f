"""Reads of the outbox: the state of a service above, the desk's lists, reconciliation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDate

from minping import law
from minping.kernel import events
from minping.kernel.clock import BEIJING, beijing
from minping.upstream.models import OutboxMessage
from minping.upstream.provinces import driver
from minping.upstream.states import ARRIVED, PROBE, MessageState

# Steps of a record that another kind counts, and what is no record of the reconciliation at all.
UNCOUNTED = (PROBE, "validity", "revocation", "report")
# Which state of several messages speaks for them all: the one that most needs a look.
ORDER = (
    MessageState.REFUSED, MessageState.MANUAL, MessageState.CHECKING, MessageState.WAITING, MessageState.BY_HAND,
    MessageState.ACCEPTED, MessageState.UNNEEDED,
)  # fmt: skip


def lately(at: datetime) -> datetime:
    """A message that waits and was queued after this is on its way: no difference yet."""
    return at - timedelta(minutes=law.at(settings.MINPING_AREA, beijing(at).date()).limit("in_flight").value)


def states_of(organization_code: str, case_no: str, service_no: int) -> dict[str, str]:
    """The state of each kind of message about one service (the newest of a kind counts)."""
    rows = OutboxMessage.objects.filter(
        organization_code=organization_code, case_no=case_no, service_no=service_no
    ).order_by("id")
    return dict(rows.values_list("kind", "state"))


def last_probe(target: str = "") -> OutboxMessage | None:
    """The newest probe, of one target or of any."""
    rows = OutboxMessage.objects.filter(kind=PROBE, **({"target": target} if target else {}))
    return rows.order_by("-id").first()


def summary(states: Mapping[str, str]) -> str:
    """One word for them all; `none` where nothing is to be sent."""
    return next((str(state) for state in ORDER if state in states.values()), "none")


@dataclass(frozen=True)
class Line:
    """One line of the reconciliation: a day, a kind, a level."""

    day: date
    kind: str
    level: int | None
    ours: int
    sent: int
    seen: int | None
    flying: int = 0  # queued lately, and no version of it has arrived

    @property
    def difference(self) -> int:
        """What is missing (or too many, below zero), apart from what is on its way."""
        whole = self.ours - (self.sent if self.seen is None else self.seen)
        return whole - min(whole, self.flying) if whole > 0 else whole


def _latest(rows: QuerySet[OutboxMessage]) -> dict[Any, tuple[date, str, int | None]]:
    """Day, kind and level of each record, as its last version says.

    A change of mind is an update of the same record, and so is one's own word after the share of an overall rating
    (R10): records are counted, not messages.
    """
    told = rows.annotate(day=TruncDate("fact_at", tzinfo=BEIJING)).order_by("revision", "id")
    found: dict[Any, tuple[date, str, int | None]] = {}
    for day, kind, level, *record, subject in told.values_list(
        "day", "kind", "level", "organization_code", "case_no", "service_no", "subject"
    ).iterator():
        found[(kind, *record) if kind == "rating" else (kind, subject)] = (day, kind, level)
    return found


def reconcile(
    start: datetime,
    end: datetime,
    ours: Mapping[tuple[date, str, int | None], int],
    seen: Mapping[tuple[str, str, int | None], int] | None,
    at: datetime,
) -> list[Line]:
    """By day, kind and level: what the records say there is, what has arrived, what the superior sees.

    `ours` comes from the business records themselves, not from the outbox, so that a
    record without a message shows as a difference.
    """
    period = OutboxMessage.objects.filter(fact_at__gte=start, fact_at__lt=end).exclude(kind__in=UNCOUNTED)
    arrived = _latest(period.filter(state__in=ARRIVED))
    waiting = _latest(period.filter(state=MessageState.WAITING, created_at__gte=lately(at)))
    sent = Counter(arrived.values())
    # A change of what has arrived makes up for nothing that is lost.
    flying = Counter(line for record, line in waiting.items() if record not in arrived)
    keys = sorted(set(ours) | set(sent), key=lambda k: (k[0], k[1], -(k[2] or 0)))
    return [
        Line(
            day, kind, level, ours.get((day, kind, level), 0), sent.get((day, kind, level), 0),
            None if seen is None else seen.get((day.isoformat(), kind, level), 0), flying.get((day, kind, level), 0),
        )
        for day, kind, level in keys
    ]  # fmt: skip


def counts(organizations: Iterable[str]) -> dict[str, int]:
    """How many messages are in each unfinished state, for the desk."""
    rows = OutboxMessage.objects.filter(
        organization_code__in=list(organizations),
        state__in=[MessageState.WAITING, MessageState.REFUSED, MessageState.MANUAL],
    )
    return dict(rows.values_list("state").annotate(n=Count("id")))


def day_bounds(start: date, end: date) -> tuple[datetime, datetime]:
    """From 00:00 of `start` to 24:00 of `end`, Beijing."""
    return (
        datetime(start.year, start.month, start.day, tzinfo=BEIJING),
        datetime(end.year, end.month, end.day, tzinfo=BEIJING) + timedelta(days=1),
    )


Counts = Callable[[datetime, datetime], Mapping[tuple[date, str, int | None], int]]


def reconciled(first: date, last: date, *, at: datetime) -> tuple[list[Line], bool]:
    """Our records, what has arrived and what the superior sees, and whether it could be asked."""
    start, end = day_bounds(first, last)
    counters: tuple[Counts, ...] = events.table("RECONCILE")
    seen = driver().counts()
    ours: dict[tuple[date, str, int | None], int] = {}
    for day, kind, level in seen or {}:
        # What only the superior has must show as a difference too: a line of ours with nothing in it.
        if first.isoformat() <= day <= last.isoformat() and kind not in UNCOUNTED:
            ours[(date.fromisoformat(day), kind, level)] = 0
    for counter in counters:
        # What the superior does not want apart cannot be missing there.
        ours.update({key: n for key, n in counter(start, end).items() if key[1] not in driver().unneeded})
    return reconcile(start, end, ours, seen, at), seen is not None
