"""Duties of delivery: put into the outbox, deliver, and write down what was answered."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef

from minping.kernel import bulk, clock, events, ids, journal, outbox, privacy
from minping.upstream.building import build, is_rehearsal, key_of, rehearsals, with_services
from minping.upstream.events import ChecksReturned
from minping.upstream.models import Exchange, OutboxMessage, Target
from minping.upstream.port import (
    Accepted,
    AlreadyDone,
    Batched,
    Delivery,
    Driver,
    Later,
    Message,
    Never,
    Rehearsed,
    Rehearses,
)
from minping.upstream.provinces import driver
from minping.upstream.provinces.none.driver import NoneDriver
from minping.upstream.states import PROBE, UNFINISHED, MessageState

log = logging.getLogger("minping.upstream")
BATCH = 200
SENDERS = 8  # at once from one worker: a superior answers slowly, and most of a message's time is waiting
SEND_SECONDS = 35.0  # after which no new message of a batch is begun: a slow superior must not outlast the claim
WIRE, PERSONAL = "wire", "personal"  # how a proof keeps a text that is not simply the message's body
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
    from_above: bool = False  # the superior has it: it came from there


_COLUMNS = (
    "target", "area_code", "organization_code", "case_no", "service_no", "kind", "subject", "revision", "level",
    "fact_at", "created_at", "state", "next_try_at", "attempts", "claimed_by", "claimed_until", "reference",
    "error_code", "error", "entered_by",
)  # fmt: skip


def messages_enqueue(drafts: Iterable[Draft], *, at: datetime) -> int:
    """Put drafts into the outbox, in the caller's transaction and in their order."""
    rows = list(drafts)
    if not rows or driver().ends:
        return 0
    kinds, subjects, areas, organizations, cases, numbers, facts, levels, revisions, not_before, above = zip(
        *rows, strict=True
    )
    count = len(rows)
    empty = [""] * count
    # A superior that keeps whole records has only sent it down, and is told what became of it here.
    spared = not driver().mirrors
    states = [(MessageState.UNNEEDED if known and spared else MessageState.WAITING).value for known in above]
    bulk.insert_columns(
        OutboxMessage,
        _COLUMNS,
        (
            [driver().name] * count, areas, organizations, cases, numbers, kinds, subjects, revisions, levels, facts,
            [at] * count, states, [moment or at for moment in not_before], [0] * count, empty, [0.0] * count, empty,
            empty, empty, empty,
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


def messages_readdress(*, at: datetime) -> int:
    """Let what waits for a superior that this installation no longer speaks to wait for the present one.

    After a change of the profile (or its mending) nothing may wait for ever for a name.
    """
    chosen = driver()
    if chosen.ends:
        return 0  # whatever was meant for a superior that is gone is a person's to judge (watch.stranded)
    there = OutboxMessage.objects.filter(
        target=chosen.name, subject=OuterRef("subject"), kind=OuterRef("kind"), revision=OuterRef("revision")
    )
    stranded = OutboxMessage.objects.filter(state=MessageState.WAITING).exclude(target=chosen.name)
    if not stranded.exists():
        return 0
    with transaction.atomic():
        moved = stranded.filter(~Exists(there)).update(target=chosen.name, next_try_at=at, claimed_by="")
        if moved:
            journal.write("messages.readdressed", at=at, actor="system", count=moved, target=chosen.name)
    return moved


def drafts_of(kind: str, subjects: Sequence[UUID]) -> list[Draft]:
    """Records that stand here as drafts, for those that never had a message."""
    builders: Mapping[str, Callable[[Sequence[UUID]], Mapping[UUID, Message]]] = events.table("MESSAGES")
    found = builders[kind](subjects) if subjects else {}
    return [
        Draft(
            kind=kind, subject=subject, area_code=message.area_code, organization_code=message.organization_code,
            case_no=message.case_no, service_no=message.service_no, fact_at=message.fact_at,
            level=message.body.get("level"), revision=message.revision,
            from_above=message.body.get("proof") == "superior",
        )
        for subject, message in found.items()
    ]  # fmt: skip


# --- delivering --------------------------------------------------------------------------------


def _target(name: str) -> Target:
    return Target.objects.get_or_create(code=name)[0]


def _claim(target: str, holder: str, at: datetime, most: int) -> list[OutboxMessage]:
    """Take the messages that are due, each the first unfinished one of its case; other workers' are left."""
    due = OutboxMessage.objects.filter(
        ~outbox.behind(OutboxMessage, UNFINISHED), target=target, state=MessageState.WAITING, next_try_at__lte=at
    )
    return outbox.claim(due, holder=holder, most=most)


def messages_deliver(*, holder: str, stopping: Callable[[], bool] = lambda: False) -> bool:
    """Deliver one batch; True where more may be waiting.  No transaction is open while the superior answers.

    `stopping` is asked before each message: at the end of the program the ones in hand are
    finished and the rest of the batch is given back.
    """
    chosen = driver()
    target = _target(chosen.name)
    if not target.open:
        return False
    rows = _claim(chosen.name, holder, clock.now(), target.most(min(BATCH, chosen.batch)))
    if not rows:
        return False
    messages = build(rows)
    if chosen.repeats_service:
        messages = with_services(rows, messages)
    messages |= rehearsals(chosen, rows)
    able = _sorted_out(chosen, rows, messages)
    if not able:
        return True
    outcomes = _send_all(chosen, able, messages, stopping)
    done = [(row, outcome) for row, outcome in zip(able, outcomes, strict=True) if outcome is not None]
    left = [row.pk for row, outcome in zip(able, outcomes, strict=True) if outcome is None]
    outbox.give_back(OutboxMessage, left, holder=holder, state=MessageState.WAITING)
    sent = [(row, outcome) for row, outcome in done if not is_rehearsal(chosen, row)]
    if sent:
        _settle(target, [row for row, _ in sent], messages, [outcome for _, outcome in sent])
    _settle_rehearsals([(row, outcome) for row, outcome in done if is_rehearsal(chosen, row)])
    return any(not isinstance(outcome, Later) for _, outcome in done)


def _sorted_out(chosen: Driver, rows: list[OutboxMessage], messages: Mapping[int, Message]) -> list[OutboxMessage]:
    """The rows that can be sent; what the superior does not want, and what a person must enter, is settled as such."""
    wanted = [row for row in rows if row.kind not in chosen.unneeded]
    if len(wanted) < len(rows):
        unneeded = [row.pk for row in rows if row.kind in chosen.unneeded]
        OutboxMessage.objects.filter(pk__in=unneeded, state=MessageState.WAITING).update(
            state=MessageState.UNNEEDED, settled_at=clock.now(), claimed_by="", claimed_until=0
        )
    if by_hand := [row for row in wanted if not _takes(chosen, row)]:
        _leave_to_a_person(by_hand, messages)
    return [row for row in wanted if _takes(chosen, row)]


def _takes(chosen: Driver, row: OutboxMessage) -> bool:
    """A change of what has gone is told by hand where the superior would only answer that it has it already."""
    return is_rehearsal(chosen, row) or (row.kind in chosen.takes and (chosen.updates or row.revision == 1))


def _send_all(
    chosen: Driver, rows: list[OutboxMessage], messages: Mapping[int, Message], stopping: Callable[[], bool]
) -> list[Accepted | Delivery | None]:
    """The outcome of each; None where there was no time left before the claim ends, or the program ends."""
    if isinstance(chosen, Batched):
        return [None] * len(rows) if stopping() else _send_together(chosen, rows, messages)
    until = time.monotonic() + SEND_SECONDS
    throttle = Throttle(chosen.name, chosen.per_second)
    throttle.reserve(len(rows))

    def one(row: OutboxMessage) -> Accepted | Delivery | None:
        if not throttle.wait(until, stopping):
            return None
        try:
            return _send(chosen, row, messages[row.pk])
        except Delivery as answer:
            return answer
        except Exception as failure:  # a fault of ours in one message must not stop the others, nor be called sent
            log.exception("上送消息 %s 出错", row.pk)
            return Never(f"本地处理出错（{type(failure).__name__}），已停下", code="LOCAL_ERROR")

    return outbox.send_in_time(rows, one, senders=SENDERS, seconds=SEND_SECONDS, stopping=stopping)


def _send(chosen: Driver, row: OutboxMessage, message: Message) -> Accepted:
    if not (is_rehearsal(chosen, row) and isinstance(chosen, Rehearses)):
        return chosen.send(key_of(row), message)
    if message.kind == PROBE:
        raise Later("还没有送达的评价可以拿来探测")
    return chosen.rehearse(message)


def _send_together(
    chosen: Batched, rows: list[OutboxMessage], messages: Mapping[int, Message]
) -> list[Accepted | Delivery | None]:
    """One call for the whole claim: no two of it are of one case, so their order within it says nothing."""
    try:
        return list(chosen.send_many([(key_of(row), messages[row.pk]) for row in rows]))
    except Exception as failure:  # as below: a fault of ours is never called sent
        log.exception("上送一批 %s 条出错", len(rows))
        return [Never(f"本地处理出错（{type(failure).__name__}），已停下", code="LOCAL_ERROR") for _ in rows]


class Throttle:
    """The superior's rate over all workers: slots are taken from the target's row, one after another.

    `per_second` 0 means no limit.  A slot not used in time is lost, never made up for: a
    burst after a pause would break the limit.
    """

    def __init__(self, target: str, per_second: float) -> None:
        self.target, self.gap = target, 1 / per_second if per_second else 0.0
        self.slots: list[float] = []
        self.lock = threading.Lock()

    def reserve(self, count: int) -> None:
        """Take the next `count` slots in one statement."""
        if not self.gap:
            return
        with transaction.atomic():
            row = Target.objects.select_for_update().get(pk=self.target)
            start = max(row.next_slot, clock.wall())
            Target.objects.filter(pk=self.target).update(next_slot=start + count * self.gap)
        self.slots = [start + number * self.gap for number in range(count)][::-1]

    def wait(self, until: float, stopping: Callable[[], bool]) -> bool:
        """Sleep until this message's slot; False where that is too late or the program ends."""
        if not self.gap:
            return True
        with self.lock:
            slot = self.slots.pop()
        while (pause := slot - clock.wall()) > 0:
            if stopping() or time.monotonic() + pause > until:
                return False
            time.sleep(min(pause, 0.2))
        return True


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
    proofs: list[tuple[object, ...]] = []
    seal = privacy.sealer()
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
                proofs.append(_proof(row, messages[row.pk], outcome, at, seal))
        _accepted(done, at)
        bulk.insert(Exchange, _PROOF, proofs)
        outbox.circuit_settle(target, silent=unreachable == len(rows), why=getattr(outcomes[-1], "reason", ""), at=at)


def _settle_rehearsals(done: list[tuple[OutboxMessage, Accepted | Delivery]]) -> None:
    """No proof is kept, for nothing was sent; nor does it say whether the superior answers."""
    at = clock.now()
    for row, outcome in done:
        if isinstance(outcome, Later):
            _later(row, outcome, at)
        elif isinstance(outcome, Rehearsed):
            OutboxMessage.objects.filter(pk=row.pk, state=MessageState.WAITING).update(
                state=MessageState.REHEARSED, settled_at=at, claimed_by="", claimed_until=0, error="", error_code=""
            )
        elif isinstance(outcome, Delivery):
            _refused(row, outcome, at)


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
    wait = outbox.pause(row.attempts, ceiling=RETRY_CEILING)
    wait = min(wait, timedelta(seconds=outbox.PROBE_CEILING)) if silent else wait
    OutboxMessage.objects.filter(pk=row.pk, state=MessageState.WAITING).update(
        next_try_at=at + wait, attempts=F("attempts") + 1, claimed_by="", claimed_until=0,
        error_code=outcome.code[:60], error=outcome.reason[:300],
    )  # fmt: skip
    return silent


_PROOF = ("id", "message_id", "at", "outcome", "sent", "received")


def _proof(
    row: OutboxMessage,
    message: Message,
    outcome: Accepted | Delivery,
    at: datetime,
    seal: Callable[[bytes, str], bytes],
) -> tuple[object, ...]:
    """One row of `Exchange`, in the order of `_PROOF`."""
    identifier = ids.uuid7()
    place = f"exchange:{identifier}"
    sent: dict[str, object] = dict(message.body)
    if outcome.sent:  # the superior's own form: kept to the letter, with the words in it that must be masked on a page
        sent = {WIRE: outcome.sent, PERSONAL: sorted(_identifying(message), key=len, reverse=True)}
    text = json.dumps(sent, ensure_ascii=False)
    return (
        identifier, row.pk, at, type(outcome).__name__, seal(text.encode(), place),
        seal(outcome.received.encode(), place),
    )  # fmt: skip


def _identifying(message: Message) -> set[str]:
    """The words of a message, and of the service it repeats, that identify a person."""
    found: set[str] = set()
    for one in (message, message.service):
        for name in one.personal if one else ():
            value = one.body.get(name) if one else None
            for inner, word in value.items() if isinstance(value, dict) else ((name, value),):
                if inner not in ("kind", "cert_type") and isinstance(word, str) and len(word) > 1:
                    found.add(word)
    return found


# --- the morning check (minan/4.1.1) ------------------------------------------------------------


def check_enqueue(draft: Draft, *, at: datetime) -> None:
    """Put a marked test row into the outbox, in the caller's transaction: the sender brings it back, nobody sends it."""
    OutboxMessage.objects.create(
        target=driver().name, area_code=draft.area_code, organization_code=draft.organization_code,
        case_no=draft.case_no, service_no=draft.service_no, kind=draft.kind, subject=draft.subject,
        fact_at=draft.fact_at, created_at=at, state=MessageState.CHECK, next_try_at=at,
    )  # fmt: skip


def checks_return(*, at: datetime) -> int:
    """Take the test rows out again and say so: what a rating goes through, they have been through."""
    with transaction.atomic():
        rows = list(
            OutboxMessage.objects.select_for_update(skip_locked=True)
            .filter(state=MessageState.CHECK)
            .values_list("pk", "subject")[:BATCH]
        )
        if rows:
            OutboxMessage.objects.filter(pk__in=[pk for pk, _ in rows]).delete()
            events.publish(ChecksReturned(tuple(subject for _, subject in rows), at))
    return len(rows)
