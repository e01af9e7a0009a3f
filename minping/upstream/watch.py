"""Nothing lost between levels: reconciliation row by row, alarms, the probe, and the retention of proofs.

What is found opens a task that names rows and stays open until a person says what
was found (failures.md A1, A6, B8, B10).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max, Min, Q, QuerySet

from minping import law
from minping.kernel import clock, events, ids, journal
from minping.kernel.access import Actor
from minping.kernel.errors import Forbidden, Invalid, Stale
from minping.law.levels import InterfaceLevel
from minping.registry import queries as registry
from minping.upstream import queries, services
from minping.upstream.building import rating_to_rehearse
from minping.upstream.models import Exchange, FromBelow, OutboxMessage, Subordinate, Target, Task
from minping.upstream.port import Driver, Rehearses
from minping.upstream.provinces import driver
from minping.upstream.queries import day_bounds
from minping.upstream.states import ARRIVED, KINDS, PROBE, UNSETTLED, MessageState

FLYING = "flying"  # beside a message's own states: it waits, and not for long yet
NAMED = 200  # of the rows that differ: a task names so many and says how many there are
POSITIVES = 10  # so many later positives must have arrived before a negative counts as left behind
HISTORY = timedelta(days=180)
DAYS_BACK = 31  # how far back a day is looked at again
PROBE_WAIT = timedelta(hours=1)
RATED = ("rating", "supplementary", "rerating")
NEGATIVE, POSITIVE = (1, 2), (4, 5)


@dataclass(frozen=True, slots=True)
class Record:
    """One business record that must be above, told by the stage that owns it."""

    kind: str
    subject: UUID
    day: date
    level: int | None
    channel: str
    organization_code: str


Records = Callable[[datetime, datetime], Iterable[Record]]


@dataclass(frozen=True, slots=True)
class Line:
    """One line: ours, sent (there is a message that left), arrived, and seen above where they can be asked."""

    kind: str
    level: int | None
    channel: str
    organization_code: str
    ours: int
    sent: int
    arrived: int
    seen: int | None
    by_hand: int  # of those not arrived: known, and in the manual queue
    flying: int  # of those not arrived: queued lately, and on their way
    missing: tuple[str, ...]  # none of these

    @property
    def difference(self) -> int:
        return self.ours - (self.arrived if self.seen is None else self.seen)


def compare(first: date, last: date, *, at: datetime, chosen: Driver | None = None) -> list[Line]:
    """By kind, level, channel and unit, each record looked for by itself: equal numbers of unequal rows differ."""
    chosen = chosen or driver()
    start, end = day_bounds(first, last)
    tables: tuple[Records, ...] = events.table("RECORDS")
    records = [one for table in tables for one in table(start, end) if one.kind not in chosen.unneeded]
    states = _states({one.subject for one in records}, queries.lately(at))
    held = {kind: chosen.holds(kind) for kind in {one.kind for one in records}}
    groups: dict[tuple[str, int | None, str, str], list[Record]] = {}
    for one in records:
        groups.setdefault((one.kind, one.level, one.channel, one.organization_code), []).append(one)
    return [
        _line(key, members, states, held[key[0]])
        for key, members in sorted(groups.items(), key=lambda g: (g[0][0], -(g[0][1] or 0), *g[0][2:]))
    ]


def _line(
    key: tuple[str, int | None, str, str],
    members: list[Record],
    states: Mapping[tuple[UUID, str], set[str]],
    held: set[str] | None,
) -> Line:
    sent = arrived = seen = by_hand = flying = 0
    missing = []
    for one in members:
        known = states.get((one.subject, one.kind), set())
        there = bool(known & {*ARRIVED, MessageState.UNNEEDED})
        sent += bool(known - {MessageState.WAITING, FLYING})
        arrived += there
        # What a person entered by hand has the superior's own number, not ours: their list cannot show it.
        above = held is None or one.subject.hex in held or known <= {MessageState.BY_HAND, MessageState.UNNEEDED}
        seen += there and above
        if not there and known & {MessageState.MANUAL, MessageState.CHECKING}:
            by_hand += 1
        elif not there and FLYING in known:
            flying += 1
        elif not (there and above):
            missing.append(one.subject.hex)
    return Line(*key, len(members), sent, arrived, None if held is None else seen, by_hand, flying, tuple(missing))


def _states(subjects: set[UUID], lately: datetime | None = None) -> dict[tuple[UUID, str], set[str]]:
    """The states of each record's messages; FLYING besides where one waits that was queued after `lately`."""
    found: dict[tuple[UUID, str], set[str]] = {}
    ordered = list(subjects)
    for start in range(0, len(ordered), 500):
        rows = OutboxMessage.objects.filter(subject__in=ordered[start : start + 500])
        for subject, kind, state, queued in rows.values_list("subject", "kind", "state", "created_at"):
            states = found.setdefault((subject, kind), set())
            states.add(state)
            if state == MessageState.WAITING and lately is not None and queued >= lately:
                states.add(FLYING)
    return found


def reconcile(first: date, last: date, *, at: datetime) -> list[Line]:
    """Compare, and open a task for each line that differs; returns the lines."""
    chosen = driver()
    lines = compare(first, last, at=at, chosen=chosen)
    for line in lines:
        if line.missing:
            where = "、".join(part for part in (_level(line.level), *_names(line, first)) if part)
            period = f"{first}" if first == last else f"{first} 至 {last}"
            seen = "" if line.seen is None else f"，省平台查到 {line.seen}"
            seen += f"，另有 {line.by_hand} 条在人工上送" if line.by_hand else ""
            seen += f"，{line.flying} 条在途" if line.flying else ""
            task_open(
                "difference",
                f"{first}:{last}:{line.kind}:{line.level}:{line.channel}:{line.organization_code}",
                f"{period} {KINDS[line.kind]}（{where}）：本地 {line.ours}，送出 {line.sent}，送达 {line.arrived}{seen}",
                target=chosen.name, rows=line.missing, at=at,
            )  # fmt: skip
    journal.write(
        "reconciled", at=at, actor="system", first=str(first), last=str(last), lines=len(lines),
        different=sum(bool(line.missing) for line in lines), flying=sum(line.flying for line in lines),
    )  # fmt: skip
    return lines


def _names(line: Line, on: date) -> tuple[str, str]:
    """Channel and unit as people call them."""
    channel = law.at(settings.MINPING_AREA, on).channels.get(line.channel)
    place = registry.directory().places.get(line.organization_code)
    return channel.label if channel else line.channel, place.name if place else line.organization_code


def _level(level: int | None) -> str:
    return InterfaceLevel(level).label if level else ""


def backfill(first: date, last: date, *, by: Actor, at: datetime) -> Counter[str]:
    """Put into the outbox the records of a period that have no message at all; returns how many of each kind.

    For a superior that there was not (decision 0080), and for what a difference shows as never queued.
    """
    chosen = driver()
    if chosen.ends:
        raise Invalid("本级是终点，没有上级可送。", cure="先在 minping.toml 里设好 province 和 province_profile。")
    tables: tuple[Records, ...] = events.table("RECORDS")
    records = [one for table in tables for one in table(*day_bounds(first, last)) if one.kind not in chosen.unneeded]
    known = _states({one.subject for one in records})
    wanted: dict[str, list[UUID]] = {}
    for one in records:
        if (one.subject, one.kind) not in known:
            wanted.setdefault(one.kind, []).append(one.subject)
    # A service before what was said of it: numbers of rows are the order of a case.
    drafts = [draft for kind in KINDS for draft in services.drafts_of(kind, wanted.get(kind, []))]
    counted = Counter(draft.kind for draft in drafts)
    if drafts:
        with transaction.atomic():
            services.messages_enqueue(drafts, at=at)
            journal.write(
                "messages.backfilled", at=at, actor=by.name, first=str(first), last=str(last), counted=dict(counted)
            )
    return counted


def stranded(*, at: datetime) -> int:
    """Where this level is the end: messages still meant for a superior that there was open a task; returns how many."""
    rows = OutboxMessage.objects.filter(state__in=UNSETTLED).exclude(target=driver().name)
    count = rows.count()
    if count:
        task_open(
            "stranded", "end", f"本级设为终点，还有 {count} 条给原来上级的消息没有办完：改回原来的设置送完，或按 minping province close 写明理由不再送",
            target=driver().name, rows=[str(pk) for pk in rows.order_by("id").values_list("id", flat=True)[: NAMED + 1]], at=at,
        )  # fmt: skip
    return count


# --- alarms ------------------------------------------------------------------------------------


def negatives_lag(*, at: datetime) -> bool:
    """Whether a negative waits though positives recorded after it have long arrived; opens a task that names them."""
    limit = law.at(settings.MINPING_AREA, clock.beijing(at).date()).limit("negative_lag")
    before = at - timedelta(minutes=limit.value)
    ratings = OutboxMessage.objects.filter(kind__in=RATED)
    waiting = ratings.filter(
        level__in=NEGATIVE, created_at__lte=before, state__in=[MessageState.WAITING, MessageState.REFUSED]
    )
    oldest = waiting.aggregate(first=Min("id"))["first"]
    if oldest is None:
        return False
    ahead = ratings.filter(id__gt=oldest, level__in=POSITIVE, state__in=ARRIVED).count()
    if ahead < POSITIVES:
        return False
    rows = [str(pk) for pk in waiting.order_by("id").values_list("id", flat=True)[:NAMED]]
    task_open(
        "lag", "negatives", f"有 {waiting.count()} 条差评没有送到，而之后的好评已送到 {ahead} 条", target=driver().name,
        rows=rows, at=at,
    )  # fmt: skip
    return True


def silent_levels(*, at: datetime) -> list[int]:
    """Levels that have not arrived for longer than chance allows, each with a task: above, and here from each below."""
    told = _silent(OutboxMessage.objects.filter(state__in=ARRIVED), "", at)
    for code in Subordinate.objects.values_list("organization_code", flat=True):
        told += _silent(FromBelow.objects.filter(subordinate=code), code, at)
    return told


def _silent(rows: QuerySet[Any], whose: str, at: datetime) -> list[int]:
    """The silent levels among what arrived from somewhere.

    If nothing had changed, any order of what arrived would be as likely as any other: so
    the chance that all cases of a level stand before a point is counted, not estimated
    (`chance`).  Cases are counted and not hours or ratings: a holiday raises no alarm, and
    one angry person with ten services of one case is one.
    """
    rules = law.at(settings.MINPING_AREA, clock.beijing(at).date())
    rows = rows.filter(kind="rating", fact_at__gte=at - HISTORY)
    bound = math.log(1 / rules.value("silence_chance").number)
    found = []
    for level in InterfaceLevel:
        own = rows.filter(level=int(level))
        last = own.aggregate(last=Max("id"))["last"]
        n, before = _cases(own), _cases(rows.filter(id__lte=last)) if last else 0
        since = _cases(rows.filter(id__gt=last)) if last else _cases(rows)
        floor = 1 / rules.value("silence_floor").number
        if (chance(n, before, since) if last else since * math.log1p(-floor)) < bound:
            found.append(int(level))
            name = registry.directory().places[whose].name if whose in registry.directory().places else ""
            known = f"此前 {before} 件里有 {n} 件" if last else "从来没有出现过"
            task_open(
                "silence", f"{whose}level:{int(level)}",
                f"{f'下级“{name}”的' if whose else ''}“{level.label}”已连续 {since} 件评价没有出现，{known}，偶然如此的可能不到 "
                f"{rules.value('silence_chance').number} 分之一",
                target=whose or driver().name, rows=[str(last)] if last else [], at=at,
            )  # fmt: skip
    return found


def chance(n: int, before: int, since: int) -> float:
    """The logarithm of how likely it is that n of before + since things, in any order, all stand among the first
    `before`: C(before, n) / C(before + since, n)."""
    whole = before + since
    return (
        math.lgamma(before + 1) - math.lgamma(before - n + 1) - math.lgamma(whole + 1) + math.lgamma(whole - n + 1)
        if n <= before
        else 0.0
    )


def _cases(rows: QuerySet[Any]) -> int:
    return rows.order_by().values("organization_code", "case_no").distinct().count()


# --- the probe ---------------------------------------------------------------------------------


def probe_send(*, at: datetime) -> bool:
    """Put a marked 非常不满意 into the same queue as every rating; False where there is no road to prove.

    It is no rating, here or above: it proves that nothing on the road stops the worst level (failures.md A1).  A
    province would count it as one: there it goes as far as the last step before the wire, and `silent_levels` watches
    what lies beyond (decision 0096).
    """
    chosen = driver()
    if PROBE not in chosen.takes and not (isinstance(chosen, Rehearses) and rating_to_rehearse(chosen.name)):
        return False
    day = clock.beijing(at)
    draft = services.Draft(
        kind=PROBE, subject=ids.uuid7(), area_code=settings.MINPING_AREA, organization_code="probe",
        case_no=f"PROBE-{day:%Y%m%d-%H%M%S}", service_no=1, fact_at=at, level=1,
    )  # fmt: skip
    services.messages_enqueue([draft], at=at)
    return True


def probe_judge(*, at: datetime) -> bool | None:
    """Whether the last probe has come as far as it may; None where there was none, or it is young.  Opens a task if not."""
    last = queries.last_probe()
    if last is None:
        return None
    if last.state in (*ARRIVED, MessageState.REHEARSED):
        return True
    if at - last.created_at < PROBE_WAIT:
        return None
    task_open(
        "probe", f"probe:{last.pk}", f"探针（非常不满意）没有走通：{last.error or '仍在等待'}", target=last.target,
        rows=[str(last.pk)], at=at,
    )  # fmt: skip
    return False


# --- proofs ------------------------------------------------------------------------------------


def proofs_clear(*, at: datetime, most: int = 5000) -> int:
    """Remove proofs older than the rule keeps them, of messages that are settled; returns how many."""
    days = law.at(settings.MINPING_AREA, clock.beijing(at).date()).limit("proof_kept").value
    old = Exchange.objects.filter(at__lt=at - timedelta(days=days)).exclude(
        message__state__in=[MessageState.WAITING, MessageState.REFUSED]
    )
    chosen = list(old.order_by("at").values_list("pk", flat=True)[:most])
    if chosen:
        with transaction.atomic():
            Exchange.objects.filter(pk__in=chosen).delete()
            journal.write("proofs.cleared", at=at, actor="system", count=len(chosen), older_than_days=days)
    return len(chosen)


# --- tasks -------------------------------------------------------------------------------------


def task_open(kind: str, key: str, text: str, *, target: str, rows: Iterable[str], at: datetime) -> Task | None:
    """Open a task, or None where the same matter is open already."""
    named = list(rows)
    more = f"（共 {len(named)} 条，列出前 {NAMED} 条）" if len(named) > NAMED else ""
    try:
        with transaction.atomic():
            task = Task.objects.create(
                kind=kind, key=key[:120], target=target, text=(text + more)[:300], rows=named[:NAMED], opened_at=at
            )
            journal.write("task.opened", at=at, actor="system", kind=kind, text=task.text)
    except IntegrityError:
        return None
    return task


def task_close(*, task_id: int, finding: str, by: Actor, at: datetime) -> None:
    """Close a task with what was found.  Raises Forbidden, Invalid, Stale."""
    if not by.may("delivery.act"):
        raise Forbidden()
    if not finding.strip():
        raise Invalid("请写明查到了什么。", cure="写一句原因和处理结果即可。", field="finding")
    moved = Task.objects.filter(pk=task_id, closed_at__isnull=True).update(
        closed_at=at, closed_by=by.name, finding=finding.strip()[:300]
    )
    if not moved:
        raise Stale()
    journal.write("task.closed", at=at, actor=by.name, task=task_id, finding=finding.strip())


def differences_recheck(*, at: datetime) -> int:
    """Close by themselves the differences that have since arrived whole; returns how many."""
    done = 0
    for task in Task.objects.filter(kind="difference", closed_at__isnull=True):
        if len(task.rows) >= NAMED:
            continue  # not all of its rows are named: a person, or a new run, must say
        kind = task.key.split(":")[2]
        subjects = {UUID(row) for row in task.rows}
        arrived = OutboxMessage.objects.filter(
            subject__in=subjects, kind=kind, state__in=[*ARRIVED, MessageState.UNNEEDED], settled_at__gt=task.opened_at
        )
        if arrived.values("subject").distinct().count() == len(subjects):
            done += Task.objects.filter(pk=task.pk, closed_at__isnull=True).update(
                closed_at=at, closed_by="system", finding="所列各条此后都已送达"
            )
            journal.write("task.closed", at=at, actor="system", task=task.pk, finding="所列各条此后都已送达")
    return done


# --- once a day, and often ---------------------------------------------------------------------


def look(*, at: datetime) -> bool:
    """What the job does: alarms at each look; reconciliation, probe and retention once a Beijing day."""
    chosen = driver()
    target, _ = Target.objects.get_or_create(code=chosen.name)
    today = clock.beijing(at).date()
    services.messages_readdress(at=at)
    if chosen.ends:
        stranded(at=at)
    negatives_lag(at=at)
    differences_recheck(at=at)
    probe_judge(at=at)
    if (
        Target.objects.filter(pk=target.pk)
        .filter(Q(looked_on__isnull=True) | Q(looked_on__lt=today))
        .update(looked_on=today)
    ):
        _reconcile_days(target, today - timedelta(days=1), at)
        silent_levels(at=at)
        probe_send(at=at)
    return proofs_clear(at=at) > 0


def _reconcile_days(target: Target, yesterday: date, at: datetime) -> None:
    """Yesterday, and each day before it of which something was still on its way when it was looked at."""
    first = max(target.unsettled_from or yesterday, yesterday - timedelta(days=DAYS_BACK))
    days = [first + timedelta(days=n) for n in range((yesterday - first).days + 1)] or [yesterday]
    flying = [day for day in days if any(line.flying for line in reconcile(day, day, at=at))]
    Target.objects.filter(pk=target.pk).update(unsettled_from=flying[0] if flying else None)


@dataclass(slots=True)
class Total:
    """The lines of one kind, level, channel or unit summed; `seen` is None where some of them cannot be asked for."""

    name: str
    ours: int = 0
    sent: int = 0
    arrived: int = 0
    seen: int | None = 0
    flying: int = 0
    missing: int = 0


def counted(lines: Iterable[Line], field: str) -> list[Total]:
    """The lines summed by one dimension (`kind`, `level`, `channel` or `organization_code`)."""
    sums: dict[str, Total] = {}
    for line in lines:
        name = str(getattr(line, field) or "")
        total = sums.setdefault(name, Total(name))
        total.ours += line.ours
        total.sent += line.sent
        total.arrived += line.arrived
        total.seen = None if total.seen is None or line.seen is None else total.seen + line.seen
        total.flying += line.flying
        total.missing += len(line.missing)
    return [total for _, total in sorted(sums.items())]
