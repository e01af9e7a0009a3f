"""Duties of reminding: make, gather, show (minan/5.2).

A clock reminds before it is over, on the first working day after, and on each one from
then; whom, and who else where nobody holds the role, is law (reminders.yaml).  Only in
working hours, gathered, and nothing but the number and a link.

Which clocks there are, a stage says by a `Source` in `chain.py` (CLOCKS); how one is reminded of them stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max, Min
from django.urls import reverse

from minping import law
from minping.kernel import events, work
from minping.kernel.access import Actor
from minping.kernel.clock import beijing
from minping.kernel.models import Assignment, Notice

Kind = Notice.Kind
Running = tuple[UUID, str, datetime | None]  # subject, step, due
MOST = 500


@dataclass(frozen=True)
class Clock:
    """A clock that runs: whose, until when, where, and by which row of the law somebody is told of it."""

    subject: UUID  # what the desk opens: a case, or a 问责提醒
    number: str
    step: str  # what is to be done: as long as the same is, the reminder holds
    due_at: datetime
    area_code: str
    path: str
    duty: str  # the row of reminders.yaml
    window_code: str = ""


@dataclass(frozen=True)
class Source:
    """The clocks of a stage: the first so many that are over by an instant, and those of given subjects that run."""

    until: Callable[[datetime, int], Iterable[Clock]]
    running: Callable[[Collection[UUID]], Iterable[Running]]


def _sources() -> Sequence[Source]:
    found: Sequence[Source] = events.table("CLOCKS")
    return found


def in_hours(area_code: str, at: datetime) -> bool:
    """Whether anybody may be reminded now: a working day, within the hours of the law file."""
    now = beijing(at)
    rules = law.at(area_code, now.date())
    first, last = rules.value("notice_from").number, rules.value("notice_until").number
    return law.calendar().is_working_day(now.date()) and first <= now.hour < last


def people(path: str, window_code: str, roles: Iterable[str]) -> list[str]:
    """The accounts of the first of the roles that somebody active holds for this organisation, or this window of it."""
    codes = [code for code in path.split("/") if code]
    for role in roles:
        held = Assignment.objects.filter(
            role=role, organization_code__in=codes, account__is_active=True, window_code__in={"", window_code}
        )
        found = sorted(set(held.values_list("account__username", flat=True)))
        if found:
            return found
    return []


def roles_told(clock: Clock, at: datetime) -> tuple[str, ...]:
    """The role to tell now, then its deputies, by the law of the day on which it is said."""
    today = beijing(at).date()
    row = law.at(clock.area_code, today).reminders[clock.duty]
    if at < clock.due_at:
        return row.soon
    last = law.last_day(clock.due_at).toordinal()
    return row.due if today.toordinal() <= law.calendar().nth_after(last, 1) else row.daily


def _notice(kind: Kind, clock: Clock, account: str, day: date, at: datetime) -> Notice:
    return Notice(
        kind=kind, subject=clock.subject, number=clock.number, account=account, step=clock.step, due_at=clock.due_at,
        day=day, made_at=at,
    )  # fmt: skip


def notices_make(*, at: datetime) -> int:
    """Make what is due to be said now; each once.  Outside the hours nothing is made."""
    fresh: list[Notice] = []
    until, told = work.soon_until("000000", at), cache(people)
    for clock in (clock for source in _sources() for clock in source.until(until, MOST)):
        if not in_hours(clock.area_code, at):
            continue
        kind = Kind.LATE if clock.due_at <= at else Kind.SOON
        day: date = beijing(at).date() if kind == Kind.LATE else law.last_day(clock.due_at)
        accounts = told(clock.path, clock.window_code, roles_told(clock, at))
        fresh += [_notice(kind, clock, account, day, at) for account in accounts]
    once = ("subject", "account", "kind", "step", "due_at", "day")
    known = set(Notice.objects.filter(subject__in={one.subject for one in fresh}).values_list(*once))
    new = [one for one in fresh if tuple(getattr(one, name) for name in once) not in known]
    Notice.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)


def notice_hand(clock: Clock, *, by: str, at: datetime) -> None:
    """Tell who must act now that it was handed to them, but not whoever handed it over; it is shown in hours, gathered, like the rest."""
    row = law.at(clock.area_code, beijing(at).date()).reminders[clock.duty]
    others = (one for one in people(clock.path, clock.window_code, row.soon) if f"account:{one}" != by)
    today = beijing(at).date()
    Notice.objects.bulk_create(
        [_notice(Kind.GIVEN, clock, account, today, at) for account in others], ignore_conflicts=True
    )


def notices_gather(*, area_code: str, at: datetime) -> int:
    """Let a person's notices out together: quiet for a while, or waited long enough.  Stopped clocks say nothing."""
    if not in_hours(area_code, at):
        return 0
    rules = law.at(area_code, beijing(at).date())
    quiet, most = (timedelta(minutes=rules.limit(name).value) for name in ("notice_quiet", "notice_most"))
    out = 0
    with transaction.atomic():
        waiting = Notice.objects.filter(gathered_at__isnull=True)
        told = list(waiting)
        alive = {one.pk for one in _running(told)}
        Notice.objects.filter(pk__in=[one.pk for one in told if one.pk not in alive]).delete()
        ends = waiting.values("account").annotate(first=Min("made_at"), last=Max("made_at"))
        for row in list(ends):
            if row["last"] + quiet <= at or row["first"] + most <= at:
                out += waiting.filter(account=row["account"]).update(gathered_at=at)
    return out


def _running(told: Sequence[Notice]) -> list[Notice]:
    """Those whose clock still runs: one query for each table with clocks, whatever their number."""
    subjects = {one.subject for one in told}
    clocks = {clock for source in _sources() for clock in source.running(subjects)} if subjects else set()
    return [one for one in told if (one.subject, one.step, one.due_at) in clocks]


def notices_of(by: Actor, most: int = 20) -> list[dict[str, str]]:
    """What a person is reminded of now, latest first: the number, a link, and whether it is late."""
    rows = Notice.objects.filter(account=by.name.removeprefix("account:"), gathered_at__isnull=False)
    shown: dict[Any, dict[str, str]] = {}
    for row in _running(list(rows.order_by("-made_at")[: most * 3])):
        shown.setdefault(
            row.subject,
            {
                "number": row.number, "label": Kind(row.kind).label,
                "url": reverse("desk_case", args=["mine", row.subject]),
            },
        )  # fmt: skip
    return list(shown.values())[:most]
