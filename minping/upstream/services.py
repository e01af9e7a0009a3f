"""Duties of delivery: put into the outbox, deliver, settle by hand, replay, switch a target."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q

from minping.kernel import bulk, clock, events, journal, privacy
from minping.kernel.access import Actor
from minping.kernel.errors import Forbidden, Invalid, NotFound, Stale
from minping.registry import queries as registry
from minping.upstream.models import Exchange, OutboxMessage, Target
from minping.upstream.port import Accepted, AlreadyDone, Delivery, Driver, Later, Message, Never
from minping.upstream.provinces import driver
from minping.upstream.provinces.none.driver import NoneDriver
from minping.upstream.states import UNFINISHED, MessageState

BATCH = 200
SENDERS = 4
CLAIM_SECONDS = 60.0
PROBE_CEILING = 30.0  # seconds between probes of a silent target
RETRY_CEILING = timedelta(minutes=10)  # of one message that the target wants later


class Draft(NamedTuple):
    """What must go upward: which record, in which case, and not before when."""

    kind: str
    subject: UUID
    area_code: str
    organization_code: str
    case_no: str
    service_no: int
    fact_at: datetime
    level: int | None = None
    revision: int = 1
    not_before: datetime | None = None


_COLUMNS = (
    "target", "area_code", "organization_code", "case_no", "service_no", "kind", "subject", "revision", "level",
    "fact_at", "created_at", "state", "next_try_at", "attempts", "claimed_by", "claimed_until", "reference",
    "error_code", "error",
)  # fmt: skip


def messages_enqueue(drafts: Iterable[Draft], *, at: datetime) -> int:
    """Put drafts into the outbox, in the caller's transaction and in their order."""
    rows = list(drafts)
    if not rows:
        return 0
    kinds, subjects, areas, organizations, cases, numbers, facts, levels, revisions, not_before = zip(
        *rows, strict=True
    )
    count = len(rows)
    empty = [""] * count
    bulk.insert_columns(
        OutboxMessage,
        _COLUMNS,
        (
            [driver().name] * count, areas, organizations, cases, numbers, kinds, subjects, revisions, levels, facts,
            [at] * count, [MessageState.WAITING.value] * count, [moment or at for moment in not_before], [0] * count,
            empty, [0.0] * count, empty, empty, empty,
        ),
    )  # fmt: skip
    return count


def message_release(*, subject: UUID, level: int, at: datetime) -> bool:
    """Let a held message go now; False where it has gone, or was taken to be sent, already."""
    return bool(
        OutboxMessage.objects.filter(
            subject=subject, state=MessageState.WAITING, attempts=0, claimed_by="", next_try_at__gt=at
        ).update(next_try_at=at, level=level)
    )


def build(rows: Iterable[OutboxMessage]) -> dict[int, Message]:
    """The canonical message of each row, built in one go per kind."""
    by_kind: dict[str, list[OutboxMessage]] = {}
    for row in rows:
        by_kind.setdefault(row.kind, []).append(row)
    # From the kind of a message to the function that builds it: a table in `minping/chain.py`.
    builders: Mapping[str, Callable[[Sequence[UUID]], Mapping[UUID, Message]]] = events.table("MESSAGES")
    built: dict[int, Message] = {}
    for kind, members in by_kind.items():
        messages = builders[kind]([row.subject for row in members])
        for row in members:
            built[row.pk] = messages[row.subject]
    return built


# --- delivering --------------------------------------------------------------------------------


def _target(name: str) -> Target:
    return Target.objects.get_or_create(code=name)[0]


def _claim(target: str, holder: str, at: datetime, most: int) -> list[OutboxMessage]:
    """Take the messages that are due, each the first unfinished one of its case; other workers' are left."""
    now = clock.wall()
    earlier = OutboxMessage.objects.filter(
        target=OuterRef("target"),
        organization_code=OuterRef("organization_code"),
        case_no=OuterRef("case_no"),
        id__lt=OuterRef("id"),
        state__in=UNFINISHED,
    )
    with transaction.atomic():
        rows = list(
            OutboxMessage.objects.select_for_update(skip_locked=True)
            .filter(~Exists(earlier), target=target, state=MessageState.WAITING, next_try_at__lte=at)
            .filter(claimed_until__lt=now)
            .order_by("id")[:most]
        )
        OutboxMessage.objects.filter(pk__in=[row.pk for row in rows]).update(
            claimed_by=holder, claimed_until=now + CLAIM_SECONDS
        )
    return rows


def messages_deliver(*, holder: str) -> bool:
    """Deliver one batch; True where more may be waiting.  No transaction is open while the superior answers."""
    chosen = driver()
    target = _target(chosen.name)
    if not target.enabled or clock.wall() < target.next_probe:
        return False
    rows = _claim(chosen.name, holder, clock.now(), 1 if target.failures else BATCH)
    if not rows:
        return False
    messages = build(rows)
    able = [row for row in rows if row.kind in chosen.abilities]
    by_hand = [row for row in rows if row.kind not in chosen.abilities]
    if by_hand:
        _leave_to_a_person(by_hand, messages)
    if able:
        outcomes = _send_all(chosen, able, messages)
        _settle(target, able, messages, outcomes)
        return any(not isinstance(outcome, Later) for outcome in outcomes)
    return True


def _send_all(chosen: Driver, rows: list[OutboxMessage], messages: Mapping[int, Message]) -> list[Accepted | Delivery]:
    def one(row: OutboxMessage) -> Accepted | Delivery:
        try:
            return chosen.send(key_of(row), messages[row.pk])
        except Delivery as answer:
            return answer

    if len(rows) == 1:
        return [one(rows[0])]
    with ThreadPoolExecutor(SENDERS) as pool:
        return list(pool.map(one, rows))


def key_of(row: OutboxMessage) -> str:
    """The idempotency key: the same for every try, and after a restore of a backup."""
    return f"{row.kind}:{row.subject.hex}:{row.revision}"


def _leave_to_a_person(rows: list[OutboxMessage], messages: Mapping[int, Message]) -> None:
    writer = NoneDriver()
    for row in rows:
        writer.write(key_of(row), messages[row.pk])
    OutboxMessage.objects.filter(pk__in=[row.pk for row in rows], state=MessageState.WAITING).update(
        state=MessageState.MANUAL, claimed_by="", claimed_until=0
    )


def _settle(
    target: Target,
    rows: list[OutboxMessage],
    messages: Mapping[int, Message],
    outcomes: list[Accepted | Delivery],
) -> None:
    """Write down what was answered, as sets, in one transaction."""
    at = clock.now()
    done: list[tuple[str, int]] = []
    exchanges: list[Exchange] = []
    unreachable = 0
    with transaction.atomic():
        for row, outcome in zip(rows, outcomes, strict=True):
            received = outcome.received
            if isinstance(outcome, Accepted):
                done.append((outcome.reference[:120], row.pk))
            elif isinstance(outcome, AlreadyDone):
                done.append((outcome.code[:120], row.pk))
            elif isinstance(outcome, Never):
                _refused(row, outcome, at)
            else:
                unreachable += _later(row, outcome, at)
            if received or not isinstance(outcome, Later):
                exchanges.append(_exchange(row, messages[row.pk], outcome, at))
        _accepted(done, at)
        Exchange.objects.bulk_create(exchanges)
        _circuit(target, at, silent=unreachable == len(rows), why=outcomes[-1])


def _accepted(done: list[tuple[str, int]], at: datetime) -> None:
    moment = bulk.raw_instant(at)
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {OutboxMessage._meta.db_table} SET state = 'accepted', reference = %s, settled_at = %s, "
            "attempts = attempts + 1, claimed_by = '', claimed_until = 0, error = '', error_code = '' "
            "WHERE id = %s AND state = 'waiting'",
            [(reference, moment, pk) for reference, pk in done],
        )


def _refused(row: OutboxMessage, outcome: Delivery, at: datetime) -> None:
    moved = OutboxMessage.objects.filter(pk=row.pk, state=MessageState.WAITING).update(
        state=MessageState.REFUSED, settled_at=at, attempts=F("attempts") + 1, claimed_by="", claimed_until=0,
        error_code=outcome.code[:60], error=outcome.reason[:300],
    )  # fmt: skip
    if moved:
        journal.write(
            "message.refused", at=at, actor="system", organization_code=row.organization_code, subject=row.subject,
            kind=row.kind, code=outcome.code, reason=outcome.reason,
        )  # fmt: skip


def _later(row: OutboxMessage, outcome: Delivery, at: datetime) -> bool:
    silent = isinstance(outcome, Later) and outcome.unreachable
    wait = min(timedelta(seconds=2 ** min(row.attempts, 12)), RETRY_CEILING) * random.uniform(0.7, 1.3)
    wait = min(wait, timedelta(seconds=PROBE_CEILING)) if silent else wait
    OutboxMessage.objects.filter(pk=row.pk).update(
        next_try_at=at + wait, attempts=F("attempts") + 1, claimed_by="", claimed_until=0,
        error_code=outcome.code[:60], error=outcome.reason[:300],
    )  # fmt: skip
    return silent


def _exchange(row: OutboxMessage, message: Message, outcome: Accepted | Delivery, at: datetime) -> Exchange:
    proof = Exchange(message=row, at=at, outcome=type(outcome).__name__)
    place = f"exchange:{proof.pk}"
    proof.sent = privacy.seal(json.dumps(dict(message.body), ensure_ascii=False).encode(), place)
    proof.received = privacy.seal(outcome.received.encode(), place)
    return proof


def _circuit(target: Target, at: datetime, *, silent: bool, why: Accepted | Delivery) -> None:
    """Open the circuit when nobody answered at all, so that one probe, not a flood, finds it back."""
    if silent:
        failures = target.failures + 1
        pause = min(PROBE_CEILING, 0.25 * 2 ** min(failures, 10)) * random.uniform(0.8, 1.2)
        Target.objects.filter(pk=target.pk).update(
            failures=failures,
            next_probe=clock.wall() + pause,
            silent_since=target.silent_since or at,
            last_error=getattr(why, "reason", "")[:300],
        )
    elif target.failures or target.last_ok_at is None or at - target.last_ok_at > timedelta(seconds=5):
        Target.objects.filter(pk=target.pk).update(
            failures=0, next_probe=0, silent_since=None, last_ok_at=at, last_error=""
        )


# --- by a person -------------------------------------------------------------------------------


def message_replay(*, message_id: int, by: Actor, at: datetime) -> None:
    """Send a refused message again, or a waiting one at once.  Raises NotFound, Forbidden, Stale."""
    row = _row(message_id, by)
    moved = (
        OutboxMessage.objects.filter(pk=row.pk)
        .filter(Q(state__in=UNFINISHED))
        .update(state=MessageState.WAITING, next_try_at=at, settled_at=None, claimed_by="", claimed_until=0)
    )
    if not moved:
        raise Stale()
    Target.objects.filter(code=row.target).update(next_probe=0)
    journal.write(
        "message.replayed", at=at, actor=by.name, organization_code=row.organization_code, subject=row.subject,
        kind=row.kind,
    )  # fmt: skip


def message_done_by_hand(*, message_id: int, reference: str, by: Actor, at: datetime) -> None:
    """Record that a person entered it in the province's screens, under which reference number."""
    row = _row(message_id, by)
    reference = reference.strip()
    if not reference:
        raise Invalid("还没有填省平台的编号。", cure="请把省平台显示的编号抄在这里。", field="reference")
    moved = OutboxMessage.objects.filter(pk=row.pk, state__in=[MessageState.MANUAL, MessageState.REFUSED]).update(
        state=MessageState.BY_HAND, reference=reference[:120], settled_at=at
    )
    if not moved:
        raise Stale()
    journal.write(
        "message.done_by_hand", at=at, actor=by.name, organization_code=row.organization_code, subject=row.subject,
        kind=row.kind, reference=reference,
    )  # fmt: skip


def target_switch(*, code: str, enabled: bool, reason: str, by: Actor, at: datetime) -> None:
    """Stop or resume sending to a target, with a reason; what is waiting stays waiting."""
    # A target serves the whole office: who answers for a part of it may not silence the rest.
    office = registry.directory().office(settings.MINPING_AREA)
    if office is None or not by.can("delivery.act", office.path):
        raise Forbidden()
    if not reason.strip():
        raise Invalid("请写明理由。", cure="停用或恢复上送都要留下理由。", field="reason")
    _target(code)
    Target.objects.filter(pk=code).update(enabled=enabled, reason=reason.strip()[:200], next_probe=0)
    journal.write("target.switched", at=at, actor=by.name, target=code, enabled=enabled, reason=reason.strip())


def _row(message_id: int, by: Actor) -> OutboxMessage:
    row = OutboxMessage.objects.filter(pk=message_id).first()
    if row is None:
        raise NotFound()
    by.require("delivery.act", registry.place(row.organization_code).path)
    return row
