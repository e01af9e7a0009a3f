"""What every ordered outbox is made of: rows claimed by one worker at a time, growing pauses, a circuit per target.

Upward (minping/upstream) and outward (evaluate/channels/hall) speak differently and are
settled differently; how a row waits, is taken, waits again and finds a silent target back
is the same for both and stands here once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import models, transaction
from django.db.models import Exists, OuterRef, QuerySet

from minping.kernel import clock

CLAIM_SECONDS = 60.0
PROBE_CEILING = 30.0  # seconds between probes of a silent target

Row = TypeVar("Row", bound="Waiting")
Outcome = TypeVar("Outcome")


class Waiting(models.Model):
    """A row of a case on its way to a `target`: when it is next tried, how often it was, which worker holds it.

    The key is a number given by the database: a fact is committed before what follows from
    it, so numbers order a case rightly even where clocks do not.
    """

    id = models.BigAutoField(primary_key=True)
    organization_code = models.CharField(max_length=40)
    case_no = models.CharField(max_length=50)
    created_at = models.DateTimeField()
    state = models.CharField(max_length=12, default="waiting")
    settled_at = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField()
    attempts = models.IntegerField(default=0)
    claimed_by = models.CharField(max_length=80, blank=True, default="")
    claimed_until = models.FloatField(default=0)

    class Meta:
        abstract = True


class Circuit(models.Model):
    """A target as it has behaved of late, and the switch with its reason."""

    enabled = models.BooleanField(default=True)
    reason = models.CharField(max_length=200, blank=True)
    failures = models.IntegerField(default=0)
    silent_since = models.DateTimeField(null=True)
    next_probe = models.FloatField(default=0)
    last_ok_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True)

    class Meta:
        abstract = True

    @property
    def open(self) -> bool:
        """Whether anything may be sent now: switched on, and not between two probes of a silent target."""
        return self.enabled and clock.wall() >= self.next_probe

    def most(self, batch: int) -> int:
        """How many rows to take: of a silent target one, as a probe."""
        return 1 if self.failures else batch


def behind(model: type[Waiting], unfinished: Iterable[str]) -> Exists:
    """Whether an earlier row of the same case and target is still unfinished: order is kept per case."""
    same = {name: OuterRef(name) for name in ("target", "organization_code", "case_no")}
    earlier = model._default_manager.filter(id__lt=OuterRef("id"), state__in=[str(state) for state in unfinished])
    return Exists(earlier.filter(**same))


def claim(due: QuerySet[Row], *, holder: str, most: int) -> list[Row]:
    """Take rows that are due, oldest first; those that other workers hold are left to them."""
    now = clock.wall()
    with transaction.atomic():
        free = due.filter(claimed_until__lt=now).select_for_update(skip_locked=True)
        rows = list(free.order_by("pk")[:most])
        due.model._default_manager.filter(pk__in=[row.pk for row in rows]).update(
            claimed_by=holder, claimed_until=now + CLAIM_SECONDS
        )
    return rows


def give_back(model: type[Waiting], ids: Sequence[Any], *, holder: str, state: str) -> None:
    """Rows that there was no time for: whoever is next may take them at once."""
    if ids:
        model._default_manager.filter(pk__in=ids, state=state, claimed_by=holder).update(claimed_by="", claimed_until=0)


def send_in_time(
    rows: Sequence[Row], send: Callable[[Row], Outcome], *, senders: int, seconds: float,
    stopping: Callable[[], bool],
) -> list[Outcome | None]:  # fmt: skip
    """The outcome of each, several at once; None where the time was up or the program ends before its turn."""
    until = time.monotonic() + seconds

    def one(row: Row) -> Outcome | None:
        return None if stopping() or time.monotonic() > until else send(row)

    if len(rows) == 1:
        return [one(rows[0])]
    with ThreadPoolExecutor(senders) as pool:
        return list(pool.map(one, rows))


def pause(attempts: int, *, ceiling: timedelta) -> timedelta:
    """Seconds that double with each attempt up to a ceiling, never quite the same for two rows."""
    return min(timedelta(seconds=2 ** min(attempts, 20)), ceiling) * random.uniform(0.7, 1.3)


def circuit_settle(target: Circuit, *, silent: bool, why: str, at: datetime) -> None:
    """Open the circuit when nobody answered at all, so that one probe, not a flood, finds it back."""
    rows = type(target)._default_manager.filter(pk=target.pk)
    if silent:
        failures = target.failures + 1
        rows.update(
            failures=failures,
            next_probe=clock.wall() + min(PROBE_CEILING, 0.25 * 2 ** min(failures, 10)) * random.uniform(0.8, 1.2),
            silent_since=target.silent_since or at,
            last_error=why[:300],
        )
    elif target.failures or target.last_ok_at is None or at - target.last_ok_at > timedelta(seconds=5):
        rows.update(failures=0, next_probe=0, silent_since=None, last_ok_at=at, last_error="")
