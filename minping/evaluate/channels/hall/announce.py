"""Announcements: made in the transaction of the fact, delivered in order per case, retried until they arrive or die.

The machinery of waiting is the kernel's (minping/kernel/outbox.py).  A subscriber that does not
answer costs one probe at a time and loses nothing; one that answers but does not take an
announcement is tried until the limit `callback_tried`, then a person decides.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from minping import law
from minping.evaluate.channels.hall.models import Announcement, Subscriber, SubscriberSecret
from minping.evaluate.channels.hall.states import UNFINISHED, AnnouncementState, Event
from minping.evaluate.channels.hall.wire import Answer, post
from minping.kernel import bulk, clock, journal, outbox, privacy
from minping.kernel.access import SYSTEM
from minping.registry import queries as registry

BATCH = 100
LANES = 16  # subscribers that are called at once by one worker
LANE_SECONDS = 5.0  # after which a lane begins no new call: a slow subscriber must not hold the others up
CEILING = timedelta(hours=1)  # between two tries of an announcement that is answered but not taken


class Fact(NamedTuple):
    """What is announced: number and reference of a fact, nothing else of it."""

    subject: UUID
    organization_code: str
    case_no: str
    service_no: int
    at: datetime
    revision: int = 1


_COLUMNS = (
    "target_id", "event", "subject", "revision", "organization_code", "case_no", "service_no", "fact_at", "created_at",
    "state", "next_try_at", "tried_from", "attempts", "claimed_by", "claimed_until", "error",
)  # fmt: skip


def announcements_enqueue(
    event: Event, facts: Iterable[Fact], *, at: datetime, only: Subscriber | None = None
) -> int:  # fmt: skip
    """One row per fact and subscriber concerned (or to `only` one), in the caller's transaction; returns how many."""
    live = Subscriber.objects.filter(retired_at=None).order_by("pk")
    subscribers = [only] if only else [one for one in live if event in one.events]
    if not subscribers:
        return 0
    told, directory = list(facts), registry.directory()
    rows = []
    for one in subscribers:
        place = directory.places.get(one.organization_code)
        inside = frozenset(directory.below(place.path)) if place else frozenset()
        rows += [row_of(one, event, fact, at) for fact in told if fact.organization_code in inside]
    return bulk.insert(Announcement, tuple(name.removesuffix("_id") for name in _COLUMNS), rows)


def row_of(subscriber: Subscriber, event: Event, fact: Fact, at: datetime) -> tuple[object, ...]:
    """The row's values in the order of `_COLUMNS`."""
    return (
        subscriber.pk, event.value, fact.subject, fact.revision, fact.organization_code, fact.case_no, fact.service_no,
        fact.at, at, AnnouncementState.WAITING.value, at, at, 0, "", 0.0, "",
    )  # fmt: skip


def identifier_of(row: Announcement) -> str:
    """`webhook-id`: the same for every try, and after a restore of a backup, so that a receiver can take it once."""
    return f"{row.event.replace('.', '_')}_{row.subject.hex}_{row.revision}"


def body_of(row: Announcement) -> bytes:
    """What is sent: the same letters at every try."""
    content = {
        "type": row.event,
        "timestamp": clock.beijing(row.fact_at).isoformat(timespec="seconds"),
        "data": {
            "organization_code": row.organization_code, "case_no": row.case_no, "service_no": row.service_no,
            "reference": str(row.subject), "test": row.event == Event.TEST,
        },
    }  # fmt: skip
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


# --- delivering --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Lane:
    subscriber: Subscriber
    rows: list[Announcement]
    keys: list[str]


def keys_of(subscriber: Subscriber, at: datetime) -> list[str]:
    """The present secret, then the older ones that are still good."""
    good = SubscriberSecret.objects.filter(Q(until=None) | Q(until__gt=at), subscriber=subscriber)
    return [privacy.unseal(one.sealed, one.place).decode() for one in good.order_by("-made_at", "-pk")]


def announcements_deliver(*, holder: str, stopping: Callable[[], bool] = lambda: False) -> bool:
    """One round to every subscriber that is due; True where more may be waiting.

    Each subscriber has a lane of its own, and no transaction is open while it answers.
    """
    lanes = _claim(holder, clock.now())
    if not lanes:
        return False
    with ThreadPoolExecutor(min(LANES, len(lanes))) as pool:
        answers = list(pool.map(lambda lane: _run(lane, stopping), lanes))
    for lane, told in zip(lanes, answers, strict=True):
        left = [row.pk for row in lane.rows[len(told) :]]
        outbox.give_back(Announcement, left, holder=holder, state=AnnouncementState.WAITING)
        if told:
            _settle(lane.subscriber, list(zip(lane.rows, told, strict=False)), clock.now())
    return any(answer.delivered for told in answers for answer in told)


def _claim(holder: str, at: datetime) -> list[_Lane]:
    lanes: list[_Lane] = []
    for one in Subscriber.objects.filter(retired_at=None, enabled=True).order_by("next_probe", "pk"):
        if len(lanes) == LANES or not one.open:
            continue
        due = Announcement.objects.filter(
            ~outbox.behind(Announcement, UNFINISHED), target=one, state=AnnouncementState.WAITING, next_try_at__lte=at
        )
        if due.exists() and (rows := outbox.claim(due, holder=holder, most=one.most(BATCH))):
            lanes.append(_Lane(one, rows, keys_of(one, at)))
    return lanes


def _run(lane: _Lane, stopping: Callable[[], bool]) -> list[Answer]:
    """The answers to the first rows of a lane: up to where the time is over or nobody answers any more."""
    until, told = time.monotonic() + LANE_SECONDS, list[Answer]()
    for row in lane.rows:
        if stopping() or time.monotonic() > until:
            break
        told.append(
            post(
                lane.subscriber.address, identifier=identifier_of(row), seconds=int(clock.wall()), body=body_of(row),
                keys=lane.keys,
            )
        )  # fmt: skip
        if told[-1].silent:
            break
    return told


def _settle(subscriber: Subscriber, told: Sequence[tuple[Announcement, Answer]], at: datetime) -> None:
    """Write down what was answered, in one transaction."""
    done = [row.pk for row, answer in told if answer.delivered]
    with transaction.atomic():
        mine = Announcement.objects.filter(state=AnnouncementState.WAITING)
        if done:
            mine.filter(pk__in=done).update(
                state=AnnouncementState.DELIVERED, settled_at=at, attempts=F("attempts") + 1, claimed_by="",
                claimed_until=0, status=200, error="",
            )  # fmt: skip
            journal.write(
                "callbacks.delivered", at=at, actor=SYSTEM.name, organization_code=subscriber.organization_code,
                subject=subscriber.pk, count=len(done),
            )  # fmt: skip
        for row, answer in told:
            if not answer.delivered:
                _again(row, answer, at)
        why = next((answer.error for _, answer in reversed(told) if answer.error), "")
        outbox.circuit_settle(subscriber, silent=not done, why=why, at=at)


def _again(row: Announcement, answer: Answer, at: datetime) -> None:
    """Later, or never where it has been answered and not taken for as long as the limit says."""
    wait = outbox.pause(row.attempts + 1, ceiling=CEILING)
    wait = min(wait, timedelta(seconds=outbox.PROBE_CEILING)) if answer.silent else wait
    values = {
        "attempts": F("attempts") + 1, "claimed_by": "", "claimed_until": 0, "status": answer.status,
        "error": answer.error[:200], "next_try_at": at + wait,
    }  # fmt: skip
    rules = law.at(settings.MINPING_AREA, clock.beijing(at).date())
    dead = not answer.silent and at >= law.due(rules.limit("callback_tried"), row.tried_from).at
    if dead:
        values |= {"state": AnnouncementState.DEAD, "settled_at": at}
    moved = Announcement.objects.filter(pk=row.pk, state=AnnouncementState.WAITING).update(**values)
    if moved and dead:
        journal.write(
            "callback.dead", at=at, actor=SYSTEM.name, organization_code=row.organization_code, subject=row.subject,
            event=row.event, subscriber=row.target_id.hex, why=answer.error,
        )  # fmt: skip
