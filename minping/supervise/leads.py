"""疑点: transparent rules over the ratings of the last days; a lead is for a person, and changes nothing by itself.

Each rule is one row of `RULES`: which ratings it looks at, how it groups them, how many of a group are odd, and the
sentence that says so.  The numbers are the law file's.  A rule asks the database for the odd groups (one grouped
query) and for their ratings (one more), whatever the number of ratings.  A rating is brought up once by a rule, and
an open lead takes up what follows: running again doubles nothing (`lead_row_once`, `one_open_lead`).

The address of a rater is not kept anywhere (minan/3.1.4), so "from the office's network" is no rule here; what staff
enter themselves is (`operator`).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Count, Exists, F, Min, OuterRef, Q, QuerySet, Subquery, Sum, When, Window
from django.db.models.functions import Coalesce, Lag, Length, TruncDate

from minping import law
from minping.evaluate.channels.phone.models import AskCall
from minping.evaluate.models import Rating
from minping.evaluate.services.identity import conflicts_of
from minping.evaluate.states import Entry, RatingKind
from minping.feedback.services import number_of
from minping.kernel import ids, journal, machine
from minping.kernel.access import SYSTEM, Actor
from minping.kernel.clock import BEIJING, beijing
from minping.kernel.errors import Invalid, NotFound, Problem
from minping.registry import queries as registry
from minping.supervise.models import Lead, LeadRow
from minping.supervise.states import LEADS, Finding, LeadState

Rows = QuerySet[Any]  # of Rating, with what a rule annotates
PLACE = ("service__organization_code", "service__window_code")
CERTIFICATE, PHONE = "service__applicant__certificate_index", "service__applicant__phone_index"


@dataclass(frozen=True)
class Asked:
    """What a rule is asked with: the law of the day, the moment, and the limits that it reads."""

    rules: law.Rules
    at: datetime

    def number(self, name: str) -> int:
        return self.rules.value(name).number

    def since(self, limit: str) -> datetime:
        return self.at - timedelta(days=self.rules.limit(limit).value)

    def quarter(self) -> tuple[datetime, datetime, datetime] | None:
        """The quarter that ends or has just ended: its start, the start of its last days, its end; else None."""
        today = beijing(self.at).date()
        for day in (today, today - timedelta(days=14)):
            first = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
            end = date(first.year + first.month // 10, (first.month + 2) % 12 + 1, 1)
            last = end - timedelta(days=self.number("lead_burst_days"))
            if last <= today <= end + timedelta(days=14):
                start, cut, over = (datetime.combine(d, time.min, BEIJING) for d in (first, last, end))
                return start, cut, over
        return None


@dataclass(frozen=True)
class Rule:
    """One rule: `by` groups the ratings of `rows`; a group that is `odd` (over n and `also`) is a lead.

    `since` is where it begins to look (None: not now), `listed` which ratings of a group the lead lists, `turn` what
    makes the same group another lead later.
    """

    id: str
    label: str
    rows: Callable[[Rows, Asked], Rows]
    by: tuple[str, ...]
    odd: Callable[[Asked], Q]
    reason: Callable[[Asked, int], str]
    since: Callable[[Asked], datetime | None] = lambda asked: asked.since("lead_days")
    also: Mapping[str, Any] = field(default_factory=dict)
    listed: Q = Q()  # noqa: RUF009 — never changed
    turn: Callable[[Asked], str] = lambda asked: ""


def _by_day(rows: Rows) -> Rows:
    daily: Rows = rows.annotate(day=TruncDate("moment", tzinfo=BEIJING))
    return daily


def _soon(rows: Rows, asked: Asked) -> Rows:
    soon = timedelta(seconds=asked.number("lead_after_end"))
    return _by_day(
        rows.filter(moment__gte=F("service__served_at"), moment__lte=F("service__served_at") + soon, entry=Entry.PERSON)
    )


def _series(rows: Rows, asked: Asked) -> Rows:
    reading = timedelta(seconds=asked.number("lead_reading"))
    on_device = rows.exclude(device_code="")
    before = Window(
        Lag("moment"), partition_by=[F("service__organization_code"), F("device_code")], order_by=F("moment").asc()
    )
    quick = on_device.annotate(before=before).filter(before__isnull=False, moment__lt=F("before") + reading)
    return _by_day(on_device.filter(pk__in=quick.values("pk")))


def _end(asked: Asked) -> tuple[datetime, datetime, datetime]:
    quarter = asked.quarter()
    assert quarter is not None  # the rule's `since` says when there is none
    return quarter


def _burst(rows: Rows, asked: Asked) -> Rows:
    start, cut, over = _end(asked)
    good = rows.filter(rated_at__gte=start, rated_at__lt=over, level__gte=law.InterfaceLevel.SATISFIED)
    told: Rows = good.annotate(late=Case(When(rated_at__gte=cut, then=1), default=0))
    return told


def _burst_odd(asked: Asked) -> Q:
    """last / last days >= times * usual / usual days, without dividing by what may be none."""
    start, cut, _ = _end(asked)
    days, times = asked.number("lead_burst_days"), asked.number("lead_burst_times")
    more = Q(last__gte=F("usual") * times * days / (cut - start).days)
    return Q(last__gte=asked.number("lead_burst_least")) & more


def _operators(rows: Rows, asked: Asked) -> Rows:
    call = AskCall.objects.filter(rating=OuterRef("pk")).values("by")[:1]
    entered: Rows = rows.filter(entry=Entry.OPERATOR).annotate(operator=Subquery(call)).exclude(operator=None)
    return entered


RULES = (
    Rule(
        "soon", "服务刚结束就评价", _soon, (*PLACE, "day"), lambda a: Q(n__gte=a.number("lead_after_end_count")),
        lambda a, n: f"同一窗口一天有 {n} 件评价在服务结束后 {a.number('lead_after_end')} 秒以内作出。",
    ),
    Rule(
        "series", "同一装置来不及看就连着评", _series, ("service__organization_code", "device_code", "day"),
        lambda a: Q(n__gte=a.number("lead_series")),
        lambda a, n: f"同一装置一天有 {n} 件评价离上一件不到 {a.number('lead_reading')} 秒，来不及看。",
    ),
    Rule(
        "phone", "一个电话评很多不同申请人的办件", lambda rows, a: rows.exclude(**{PHONE: None}), (PHONE,),
        lambda a: Q(people__gte=a.number("lead_phone")),
        lambda a, n: f"同一个电话名下有 {n} 件评价，申请人不少于 {a.number('lead_phone')} 个。",
        also={"people": Count(CERTIFICATE, distinct=True)},
    ),
    Rule(
        "burst", "季度末突击好评", _burst, PLACE, _burst_odd,
        lambda a, n: f"季度末最后 {a.number('lead_burst_days')} 天有 {n} 件好评，每天不少于平日的"
        f" {a.number('lead_burst_times')} 倍。",
        since=lambda a: quarter[0] if (quarter := a.quarter()) else None,
        also={"last": Sum("late"), "usual": Count("pk") - Sum("late")},
        listed=Q(late=1), turn=lambda a: f"{_end(a)[0]:%Y-%m-%d}",
    ),
    Rule(
        "text", "一字不差的留言",
        lambda rows, a: rows.annotate(size=Length("text")).filter(size__gte=a.number("lead_text_least")),
        ("service__organization_code", "text"), lambda a: Q(n__gte=a.number("lead_text")),
        lambda a, n: f"同一单位有 {n} 件评价的留言一字不差。",
    ),
    Rule(
        "operator", "同一人代录的全是好评", _operators, ("operator",),
        lambda a: Q(n__gte=a.number("lead_operator"), worst__gte=law.InterfaceLevel.SATISFIED),
        lambda a, n: f"同一人电话代录的 {n} 件评价全是好评。", also={"worst": Min("level")},
    ),
    Rule(
        "angry", "同一人短期内多次非常不满意",
        lambda rows, a: rows.filter(level=law.InterfaceLevel.VERY_DISSATISFIED).exclude(**{CERTIFICATE: None}),
        (CERTIFICATE,), lambda a: Q(n__gte=a.number("lead_angry")),
        lambda a, n: f"同一个申请人有 {n} 件非常不满意。", since=lambda a: a.since("lead_angry_days"),
    ),
)  # fmt: skip
RULE = {rule.id: rule for rule in RULES}


def _candidates(rule: Rule, since: datetime, asked: Asked) -> Rows:
    """The ratings that a rule looks at: of its days, people's own first words, not brought up by it before."""
    taken = LeadRow.objects.filter(rating=OuterRef("pk"), rule=rule.id)
    rows: Rows = Rating.objects.filter(
        pk__gte=ids.uuid7_floor(since), kind__in=(RatingKind.FIRST, RatingKind.SUPPLEMENTARY)
    )
    moment = Coalesce("pressed_at", "rated_at")
    return rule.rows(rows.annotate(moment=moment), asked).filter(~Exists(taken))


def _plain(value: Any) -> str:
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    text = str(value)
    return text if len(text) <= 40 else hashlib.sha256(text.encode()).hexdigest()[:32]


def _key(values: Sequence[Any], rule: Rule, asked: Asked) -> str:
    return "|".join(filter(None, [*map(_plain, values), rule.turn(asked)]))


def _group(values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(bytes(value) if isinstance(value, memoryview) else value for value in values)


def leads_find(*, at: datetime, area_code: str = "") -> int:
    """Ask every rule; returns how many leads were opened or grew.  Running again changes nothing."""
    rules = law.at(area_code or settings.MINPING_AREA, beijing(at).date())
    return sum(_find(rule, Asked(rules, at)) for rule in RULES)


def _find(rule: Rule, asked: Asked) -> int:
    since = rule.since(asked)
    if since is None:
        return 0
    candidates = _candidates(rule, since, asked)
    groups = candidates.order_by().values_list(*rule.by).annotate(n=Count("pk"), **rule.also)
    wanted = {_group(row[: len(rule.by)]) for row in groups.filter(rule.odd(asked))}
    open_leads = {lead.key: lead for lead in Lead.objects.filter(rule=rule.id, state=LeadState.OPEN)}
    if open_leads:  # what belongs to an open lead joins it, however few
        every = candidates.filter(rule.listed).order_by().values_list(*rule.by).distinct()
        wanted |= {group for row in every if _key(group := _group(row), rule, asked) in open_leads}
    if not wanted:
        return 0
    rows = candidates.filter(rule.listed, **{f"{rule.by[-1]}__in": {group[-1] for group in wanted}})
    found: dict[tuple[Any, ...], list[tuple[UUID, str]]] = defaultdict(list)
    for row in rows.order_by("pk").values_list(*rule.by, "pk", "service__organization_code"):
        group = _group(row[:-2])
        if group in wanted:
            found[group].append((row[-2], row[-1]))
    with transaction.atomic():
        for group, ratings in found.items():
            key = _key(group, rule, asked)
            _keep(rule, key, open_leads.get(key), ratings, asked)
    return len(found)


def _keep(rule: Rule, key: str, lead: Lead | None, ratings: Sequence[tuple[UUID, str]], asked: Asked) -> None:
    known = lead.rows.count() if lead is not None else 0
    if lead is None:
        identifier = ids.uuid7(asked.at)
        lead = Lead(
            id=identifier, number=number_of(identifier, asked.at, "疑点"), rule=rule.id, key=key,
            organization_code=_over({organization for _, organization in ratings}), found_at=asked.at,
            state=LeadState.OPEN,
        )  # fmt: skip
    lead.reason = rule.reason(asked, known + len(ratings))
    lead.save()
    rows = [LeadRow(lead=lead, rule=rule.id, rating_id=rating) for rating, _ in ratings]
    LeadRow.objects.bulk_create(rows)
    journal.write(
        "lead.found", at=asked.at, actor=SYSTEM.name, organization_code=lead.organization_code, subject=lead.pk,
        records=[lead, *rows], number=lead.number, count=len(rows), clause="minan/5.2",
    )  # fmt: skip


def _over(codes: Iterable[str]) -> str:
    """The nearest organisation that is over all of these; the installation's office where none is."""
    paths = [registry.place(code).path.strip("/").split("/") for code in codes]
    shared = [step[0] for step in zip(*paths, strict=False) if len(set(step)) == 1]
    if shared:
        return str(shared[-1])
    office = registry.directory().office(settings.MINPING_AREA)
    return office.code if office else sorted(codes)[0]


# --- a person looks into it ------------------------------------------------------------------------


def lead_get(lead_id: UUID, by: Actor) -> Lead:
    """A lead within the reader's scope.  Raises NotFound."""
    lead = Lead.objects.filter(pk=lead_id).first()
    if lead is None or not by.can("lead.read", registry.place(lead.organization_code).path):
        raise NotFound()
    return lead


def conflicts(lead: Lead, by: Actor) -> frozenset[str]:
    """Whether `by` is among the rated of its ratings, or the one whose entries it is about (R8)."""
    found: set[str] = set()
    if lead.rule == "operator" and lead.key == _plain(by.name):
        found.add("rated_person")
    if by.staff_code or by.windows:
        mine = Q(rating__service__staff_code=by.staff_code) if by.staff_code else Q(pk=None)
        for organization, window in by.windows:
            mine |= Q(rating__service__organization_code=organization, rating__service__window_code=window)
        for row in lead.rows.select_related("rating__service").filter(mine)[:1]:
            found |= conflicts_of(row.rating.service, by)
    return frozenset(found)


def refusal(verb: str, lead: Lead, by: Actor, at: datetime) -> Problem | None:
    """Why `by` may not make the move now; None where it may."""
    where = registry.place(lead.organization_code)
    return machine.refusal(
        LEADS.move(verb), state=lead.state, by=by, path=where.path, window_code="", conflicts=conflicts(lead, by),
        rules=law.at(where.area_code, beijing(at).date()),
    )  # fmt: skip


def lead_close(*, lead_id: UUID, finding: str, note: str, by: Actor, at: datetime) -> Lead:
    """Close a lead with a finding.  Nothing else changes.  Raises NotFound, the machine's refusals, Stale, Invalid."""
    lead = lead_get(lead_id, by)
    refused = refusal("close", lead, by, at)
    if refused is not None:
        raise refused
    if finding not in set(Finding):
        raise Invalid("请选择查到的结果。", cure="", field="finding")
    if not note.strip():
        raise Invalid("请写明查了什么、查到什么。", cure="", field="note")
    changes = {"finding": finding, "note": note.strip()[:2000], "closed_at": at, "closed_by": by.name}
    with transaction.atomic():
        move = LEADS.move("close")
        machine.advance(Lead.objects.filter(pk=lead.pk), move, state=lead.state, **changes)
        for name, value in [("state", move.target), *changes.items()]:
            setattr(lead, name, value)
        journal.write(
            "lead.closed", at=at, actor=by.name, organization_code=lead.organization_code, subject=lead.pk,
            records=[lead], number=lead.number, outcome=Finding(finding).label,
        )  # fmt: skip
    return lead
