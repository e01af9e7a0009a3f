"""What somebody looks for among the cases they may open, and which these are.

What is typed may be a name by mistake: it comes by POST and is kept in the session, never in an address.
Every fixed condition is asked of the index of words (rectify/words.py); what moves (the state), the exact days and
who may open what are asked of each case that the index names, newest first, at most `LOOK` of them for a page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Q

from minping.evaluate.models import Service
from minping.feedback import view as cases
from minping.feedback.models import Case
from minping.feedback.states import CaseState
from minping.kernel import clock, work
from minping.kernel.access import Actor
from minping.kernel.clock import BEIJING
from minping.kernel.errors import Invalid
from minping.rectify import view as orders
from minping.rectify import words
from minping.rectify.models import Order
from minping.registry import queries as registry

LONGEST = 60  # of what is typed; nothing longer is looked for
PREFIX = "差评-"
MOST = 20  # cases of one number
LOOK = 2000  # of the cases that the index names, for one page
# Asked of the index at first (more where a condition moves and will leave many out); four times as many each time that
# was not enough.
FIRST, FIRST_MOVING, STEP = work.PAGE + 1, 2 * work.PAGE, 960
YEARS = range(2000, 2100)
MONTHS = 36  # of a period; a longer one is not asked of the index
KEPT, NUMBERED = "asked", "numbered"  # in the session: what was asked, and the cases that one number named


@dataclass(frozen=True)
class Asked:
    """What is looked for; an empty field asks nothing."""

    text: str = ""
    unit: str = ""
    item: str = ""
    window: str = ""
    level: str = ""
    state: str = ""
    since: str = ""
    until: str = ""

    def __bool__(self) -> bool:
        return any(asdict(self).values())

    @property
    def days(self) -> tuple[date | None, date | None]:
        """First and last day of the period.  Raises Invalid."""
        try:
            first, last = (date.fromisoformat(day) if day else None for day in (self.since, self.until))
        except ValueError as failure:
            raise Invalid("日期看不懂。", cure="请从日历里选，或写成 2026-11-20。", field="since") from failure
        if any(day.year not in YEARS for day in (first, last) if day):
            raise Invalid(
                "没有这样早或这样晚的差评。", cure=f"请写 {YEARS[0]} 年到 {YEARS[-1]} 年之间的日期。", field="since"
            )
        if first and last and last < first:
            raise Invalid("结束日期早于开始日期。", cure="请把两个日期对调。", field="until")
        return first, last

    @cached_property
    def months(self) -> frozenset[str]:
        """The months of a period, as the index has them; of one that is open at an end, or very long, none."""
        first, last = self.days
        if not first or not last:
            return frozenset()
        found = {words.month_token(first + timedelta(days=n)) for n in range(0, (last - first).days + 1, 27)}
        found.add(words.month_token(last))
        return frozenset(found) if len(found) <= MONTHS else frozenset()

    @property
    def moving(self) -> Q:
        """What the index does not know of a case: its state, and the days where the period is not whole months."""
        wanted = Q(state=self.state) if self.state else Q()
        first, last = self.days
        after = last + timedelta(days=1) if last else None
        if self.months and first and after and first.day == after.day == 1:
            return wanted
        if first:
            wanted &= Q(opened_at__gte=datetime.combine(first, time.min, BEIJING))
        if after:
            wanted &= Q(opened_at__lt=datetime.combine(after, time.min, BEIJING))
        return wanted


def asked_of(said: Mapping[str, Any]) -> Asked:
    """What was filled in, or kept.  Raises Invalid where it cannot be looked for."""
    fields = {name: str(said.get(name, "")).strip()[:LONGEST] for name in Asked.__dataclass_fields__}
    asked = Asked(**fields)
    wrong = (
        asked.level not in ("", "1", "2"),
        bool(asked.state) and asked.state not in set(CaseState),
        bool(asked.unit) and asked.unit not in registry.directory().places,
    )
    if any(wrong):
        raise Invalid("请从列出的选项里选。", cure="")
    for name in ("text", "item", "window"):
        typed = fields[name]
        if typed and not any(len(token) > 6 for token in words.grams(typed)):
            raise Invalid("请至少写两个连着的字。", cure="只写一个字，要找的件太多。", field=name)
    _ = asked.days
    return asked


def clauses(asked: Asked, codes: set[tuple[str, str]]) -> list[frozenset[str]]:
    """The question to the index: the places in scope, and each condition that does not move."""
    found = [
        frozenset({token})
        for text, kind in ((asked.text, words.WORD), (asked.item, words.ITEM), (asked.window, words.WINDOW))
        for token in words.grams(text, kind)
    ]
    if asked.unit:
        found.append(frozenset({words.place_token(asked.unit)}))
    if asked.level:
        found.append(frozenset({words.level_token(int(asked.level))}))
    if asked.months:  # a period open at one end is asked of each case: the newest come first anyway
        found.append(asked.months)
    places = frozenset(words.place_token(*code) for code in codes)
    everywhere = {(code, "") for code in registry.directory().places} <= codes
    if len(places) <= words.MOST_PLACES and (not everywhere or not found):
        found.append(places)  # not asked of whoever may look everywhere: it would leave nothing out
    return found


# --- who may open what --------------------------------------------------------------------------


def scopes(who: Actor) -> tuple[work.Scope, work.Scope, work.Scope]:
    """The three ways in, as the page of the case itself has them: the case, its order, one's own to appeal."""
    places = [(place.code, place.path) for place in registry.directory().places.values()]
    read, handed, rated = (
        work.scope_of(who.scopes(permission), places) for permission in ("case.read", "order.read", "case.appeal")
    )
    return read, handed, rated


class Found(NamedTuple):
    """A case that may be opened, and its last order."""

    case: Case
    order: Order | None


def openable(rows: Iterable[Case], who: Actor) -> dict[UUID, Found]:
    """Of these few cases those whose page `who` may open, in their order, in two queries."""
    read, handed, rated = scopes(who)

    def may(case: Case, order: Order | None) -> bool:
        window = case.window_code
        return (
            read.covers(case.organization_code, window)
            or read.covers(case.seat_code, window)  # to which it was assigned
            or (order is not None and handed.covers(order.organization_code, order.window_code))  # 转办
            or (order is None and case.rating_id is not None and rated.covers(case.organization_code, window))
        )

    known = {case.pk: case for case in rows}
    latest = {order.case_id: order for order in orders.of(known)}
    told = ((pk, Found(case, latest.get(pk))) for pk, case in known.items())
    return {pk: found for pk, found in told if may(*found)}


def units_of(who: Actor) -> list[registry.Place]:
    """The organisations among whose cases `who` may look, in the order of the registry's tree."""
    read, handed, _ = scopes(who)
    codes = {*read.organizations, *handed.organizations}
    return sorted((p for p in registry.directory().places.values() if p.code in codes), key=lambda place: place.path)


# --- looking -----------------------------------------------------------------------------------


def by_number(who: Actor, typed: str) -> list[UUID]:
    """The cases with this number, or of the service with it, that `who` may open; at most `MOST`, in two queries."""
    text = typed.strip()
    if not text or len(text) > LONGEST:
        return []
    codes = {code for scope in scopes(who) for code in (*scope.organizations, *(code for code, _ in scope.windows))}
    services = Service.objects.filter(organization_code__in=sorted(codes), case_no=text).values_list("pk", flat=True)
    number = text.upper()
    wanted = Q(number__in=[number, PREFIX + number]) | Q(service_id__in=list(services[:MOST]))
    return list(openable(cases.records(wanted).order_by("-opened_at"), who))[:MOST]


def page(who: Actor, asked: Asked, after: int | None, most: int) -> tuple[list[tuple[int, Found]], int | None]:
    """The newest `most` cases behind `after`: (place, case); and where to go on, None at the end.

    A page may hold fewer than `most` where a condition that moves leaves out many: it says where to go on.
    """
    codes: set[tuple[str, str]] = set()
    for scope in scopes(who):
        codes |= {(code, "") for code in scope.organizations} | set(scope.windows)
    if not codes or not asked:
        return [], None
    question, wanted, (_, last) = clauses(asked, codes), asked.moving, asked.days
    newest = last is None or last >= clock.beijing(clock.now()).date().replace(day=1)
    few = asked.state if asked.state != CaseState.CLOSED else ""
    kept: list[tuple[int, Found]] = []
    looked, step = 0, FIRST_MOVING if wanted else FIRST
    while looked < LOOK:
        named = words.found(question, most=step, after=after, state=few, newest=newest)
        if not named:
            return kept, None
        looked += len(named)
        right = openable(cases.records(wanted, pk__in=[case_id for _, case_id in named]), who)
        for place, case_id in named:
            if case_id in right:
                kept.append((place, right[case_id]))
                if len(kept) > most:
                    return kept[:most], kept[most - 1][0]
            after = place
        if len(named) < step:
            return kept, None
        step = min(step * 4, STEP)
    return kept, after
