"""The very rows behind a number (pages.md 4): which services, negatives or quarters, never who.

Whoever may not read cases (the rated side among them) gets dates without the hour,
no case number and no words: together these would point at a person (minan/3.1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet

from minping import law
from minping.assess import queries
from minping.assess.indicators import Indicator, compute, rules_for
from minping.assess.periods import SMALLEST, AsOf, Period, cut
from minping.assess.tally import BY_ID, Tally, total
from minping.assess.units import Unit
from minping.evaluate.states import Outcome
from minping.feedback.states import Arrival
from minping.kernel import clock
from minping.kernel.access import Actor
from minping.kernel.errors import NotFound
from minping.rectify.states import FollowUp
from minping.registry import queries as registry

SIZE = 50
Cell = str | int | None


@dataclass(frozen=True)
class Row:
    """One line; `case_id` names the negative case for those who may open it."""

    cells: tuple[Cell, ...]
    case_id: UUID | None = None


@dataclass(frozen=True)
class Choice:
    """A part of an indicator that can be opened, with how many rows it has."""

    id: str
    label: str
    count: int


@dataclass(frozen=True)
class Rows:
    """The rows of one part, read as needed: `page` for the screen, `every` for an export."""

    indicator: Indicator
    part: Choice
    parts: tuple[Choice, ...]
    columns: tuple[str, ...]
    total: int
    _slice: Callable[[int, int], Iterator[Row]]

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // SIZE))

    def page(self, number: int) -> list[Row]:
        """The rows of page `number`, from 1; beyond the last there are none."""
        start = (max(1, number) - 1) * SIZE
        return list(self._slice(start, start + SIZE))

    def every(self, most: int) -> Iterator[Row]:
        return self._slice(0, most)


def dated(moment: datetime, text: str) -> str:
    """A text about that moment with its year in front: these rows are filed and compared from year to year."""
    return f"{clock.beijing(moment).year}年{text}"


@dataclass(frozen=True)
class View:
    """What the reader may see of a row."""

    rules: law.Rules
    at: datetime
    full: bool

    def when(self, moment: datetime | None) -> str | None:
        if moment is None:
            return None
        return dated(moment, clock.moment_text(moment) if self.full else clock.day_text(moment))


def rows_of(indicator_id: str, part: str, unit: Unit, start: date, end: date, as_of: AsOf, *, by: Actor) -> Rows:
    """The rows of one part of an indicator.  Raises NotFound for an unknown indicator or part, Invalid, LawError."""
    if indicator_id not in BY_ID:
        raise NotFound("没有这项指标。", cure="请从指标页进入。", field="indicator")
    period = Period(start, end)
    rules = rules_for(unit, period, as_of)
    view = View(rules, cut(as_of), by.can("case.read", unit.path, unit.window_code))
    source = SOURCES[indicator_id]
    return source(indicator_id, part, unit, period, view)


# --- services -----------------------------------------------------------------------------------

SERVICE_PARTS = {
    "numerator": "计入分子",
    "rest": "未计入分子",
    "ratings": "本人评价",
    "defaults": "默认满意",
    "supplementary": "默认后追加评价",
    "invalid": "认定无效，申请撤销中（照常计入）",
    "revoked": "上级已撤销（不再计入）",
    "denominator": "全部",
}
SERVICE_COLUMNS = ("服务日期", "单位", "窗口", "事项", "办理方式", "结果", "从哪里来", "评价日期", "理由")
SERVICE_FULL = ("办件编号", "服务序号", "留言")
_SERVICE_FIELDS = (
    "served_at", "organization_name", "window_name", "item_name", "handling", "own_level", "own_at", "own_tags",
    "silent_level", "silent_at", "late_level", "late_tags", "late_at", "outcome", "outcome_at", "waiting", "case_no",
    "service_no", "own_text", "late_text",
)  # fmt: skip


def _services(indicator_id: str, part: str, unit: Unit, period: Period, view: View) -> Rows:
    tally = total(queries.service_tallies(unit, [period], view.at, view.rules).values())
    indicator = _one(indicator_id, tally, view.rules)
    counts = {
        "numerator": indicator.numerator,
        "rest": indicator.denominator - indicator.numerator,
        "ratings": indicator.ratings,
        "defaults": indicator.defaults,
        "supplementary": indicator.supplementary,
        "invalid": indicator.pending_revocation,
        "revoked": indicator.revoked,
        "denominator": indicator.denominator,
    }
    parts = _choices(SERVICE_PARTS, counts)
    chosen = _chosen(parts, part)
    population, numerator = SERVICE_POPULATIONS[indicator_id](view.rules)
    found = (
        queries.services_of(unit, period, view.at)
        .alias(counted=queries.counted(numerator))
        .filter(population, _service_part(chosen.id, view.at))
        .annotate(
            own_tags=F("own__tags"), own_text=F("own__text"), late_level=F("late__level"), late_tags=F("late__tags"),
            late_text=F("late__text"), waiting=queries.counted(queries.pending_at(view.at)),
        )
        .order_by("-served_at", "-pk")
        .values(*_SERVICE_FIELDS)
    )  # fmt: skip
    columns = SERVICE_COLUMNS + (SERVICE_FULL if view.full else ())
    return Rows(indicator, chosen, parts, columns, found.count(), _reader(found, lambda row: _service_row(row, view)))


def _service_part(part: str, cut: datetime) -> Q:
    """What the superior revoked stands in its own part and in no other (R7)."""
    revoked = queries.revoked_at(cut)
    if part == "revoked":
        return revoked
    return ~revoked & _part(part, {"ratings": queries.RATED, "invalid": queries.pending_at(cut)})


def _part(part: str, more: Mapping[str, Q]) -> Q:
    """The condition of a part, over an annotation `counted` that says what stands above the line."""
    known = {
        "denominator": Q(),
        "numerator": Q(counted=1),
        "rest": Q(counted=0),
        "defaults": queries.SILENT,
        "supplementary": queries.SPOKE_LATE,
    }
    return {**known, **more}[part]


def _participation(rules: law.Rules) -> tuple[Q, Q]:
    return Q(handling__in=queries.offline_handlings(rules)), queries.RATED


def _praise(rules: law.Rules) -> tuple[Q, Q]:
    good = queries.good_levels(rules)
    own = Q(own_level__in=good)
    counts = next(row for row in rules.indicators if row.id == "praise").defaults_count
    return Q(), own | Q(silent_level__in=good) if counts else own


# Which services an indicator looks at, and which of them stand above the line.
SERVICE_POPULATIONS: Mapping[str, Callable[[law.Rules], tuple[Q, Q]]] = {
    "participation": _participation,
    "praise": _praise,
}


def _service_row(row: Mapping[str, Any], view: View) -> Row:
    result, origin, moment, tags, text = "待评价", "尚未评价", None, (), ""
    if row["own_at"] is not None:
        result, origin = law.InterfaceLevel(row["own_level"]).label, "本人评价"
        moment, tags, text = row["own_at"], row["own_tags"], row["own_text"]
    elif row["silent_at"] is not None:
        result, origin = law.InterfaceLevel(row["silent_level"]).label, "默认（按规则生成）"
        moment = row["silent_at"]
        if row["late_at"] is not None:
            origin += f"；追加评价：{law.InterfaceLevel(row['late_level']).label}"
            tags, text = row["late_tags"], row["late_text"]
    if row["outcome"] == Outcome.INVALID and row["outcome_at"] is not None and row["outcome_at"] <= view.at:
        origin += "；上级已撤销，不再计入"
    elif row["waiting"]:
        origin += "；认定无效，申请撤销中，照常计入"
    handling = view.rules.handlings.get(row["handling"])
    cells: tuple[Cell, ...] = (
        view.when(row["served_at"]), row["organization_name"], row["window_name"] or None, row["item_name"],
        handling.label if handling else row["handling"], result, origin, view.when(moment), _labels(tags, view.rules),
    )  # fmt: skip
    if view.full:
        cells += (row["case_no"], row["service_no"], text or None)
    return Row(cells)


def _labels(tags: Any, rules: law.Rules) -> str | None:
    return "、".join(tag.label if (tag := rules.tag(code)) else code for code in tags or ()) or None


# --- negatives ----------------------------------------------------------------------------------

NEGATIVE_PARTS = {
    "numerator": "计入分子",
    "rest": "未计入分子",
    "invalid": "认定无效，申请撤销中（照常计入）",
    "revoked": "上级已撤销（不再计入）",
    "denominator": "应计入的全部",
    "opened": "期间收到的全部差评",
}
NEGATIVE_COLUMNS = ("编号", "收到日期", "来源", "单位", "窗口", "事项", "等级", "核实", "整改", "本人最后的话")
NEGATIVE_FULL = ("办件编号", "理由", "留言")
_NEGATIVE_FIELDS = (
    "pk", "number", "opened_at", "arrival", "service__organization_name", "window_name", "item_name", "level", "confirmed_at",
    "verify_due_at", "verify_late", "late", "accepted", "word", "service__case_no", "rating__tags", "rating__text",
)  # fmt: skip
NEGATIVE_POPULATIONS: Mapping[str, tuple[Q, Q]] = {
    "rectified": (queries.DUE, queries.DONE),
    "follow_up": (queries.ACCEPTED, queries.SOLVED),
}


SAID: Mapping[int | None, str | None] = {
    None: None,
    0: "没有（全部）解决，或再评仍为差评",
    1: FollowUp.SOLVED.label,
    queries.UNASKED: "还没有回访到本人",
}


def _negatives(indicator_id: str, part: str, unit: Unit, period: Period, view: View) -> Rows:
    tally = total(queries.negative_tallies(unit, [period], view.at, view.rules).values())
    indicator = _one(indicator_id, tally, view.rules)
    counts = {
        "numerator": indicator.numerator,
        "rest": indicator.denominator - indicator.numerator,
        "invalid": indicator.pending_revocation,
        "revoked": indicator.revoked,
        "denominator": indicator.denominator,
        "opened": tally.opened,
    }
    parts = _choices(NEGATIVE_PARTS, counts)
    chosen = _chosen(parts, part)
    population, numerator = NEGATIVE_POPULATIONS[indicator_id]
    found = (
        queries.negatives_of(unit, period, view.at)
        .alias(counted=queries.counted(numerator))
        .filter(Q() if chosen.id in ("opened", "revoked") else population)
        .filter(
            _part(
                chosen.id, {"opened": Q(), "revoked": Q(revoked=1), "invalid": queries.pending_at(view.at, "service__")}
            )
        )
        .order_by("-opened_at", "-pk")
        .values(*_NEGATIVE_FIELDS)
    )
    columns = NEGATIVE_COLUMNS + (NEGATIVE_FULL if view.full else ())
    return Rows(indicator, chosen, parts, columns, found.count(), _reader(found, lambda row: _negative_row(row, view)))


def _negative_row(row: Mapping[str, Any], view: View) -> Row:
    confirmed = row["confirmed_at"] if row["confirmed_at"] and row["confirmed_at"] <= view.at else None
    if row["verify_late"]:
        verified = "超过时限"
    else:
        verified = f"{view.when(confirmed)} 认定属实" if confirmed else "在时限内，尚未核实"
    rectified: str | None
    if row["late"]:
        rectified = "超过时限，已验收" if row["accepted"] else "超过时限"
    else:
        rectified = "按时，已验收" if row["accepted"] else ("在时限内" if confirmed else None)
    said = SAID[row["word"]]
    cells: tuple[Cell, ...] = (
        row["number"], view.when(row["opened_at"]), Arrival(row["arrival"]).label, row["service__organization_name"],
        row["window_name"] or None, row["item_name"], law.InterfaceLevel(row["level"]).label, verified, rectified, said,
    )  # fmt: skip
    if view.full:
        cells += (
            row["service__case_no"],
            _labels(row["rating__tags"], view.rules),
            row["rating__text"] or None,
        )
    return Row(cells, row["pk"] if view.full else None)


# --- quarters -----------------------------------------------------------------------------------

QUARTER_PARTS = {"numerator": "按时报送", "rest": "未按时报送", "denominator": "全部"}
QUARTER_COLUMNS = ("单位", "季度", "报送期限", "实际报送", "是否按时")


def _quarters(indicator_id: str, part: str, unit: Unit, period: Period, view: View) -> Rows:
    duties = queries.duties(unit.reporting, [period], view.at)
    in_time = sum(duty.in_time for duty in duties)
    tally = Tally(quarters=len(duties), quarters_in_time=in_time)
    indicator = _one(indicator_id, tally, view.rules)
    counts = {"numerator": in_time, "rest": len(duties) - in_time, "denominator": len(duties)}
    parts = _choices(QUARTER_PARTS, counts)
    chosen = _chosen(parts, part)
    wanted = [duty for duty in duties if chosen.id == "denominator" or duty.in_time == (chosen.id == "numerator")]
    places = registry.directory().places
    lines = [
        Row(
            (
                places[duty.organization_code].name, duty.quarter.text, dated(duty.due_at - SMALLEST, clock.due_text(duty.due_at)),
                dated(duty.sent_at, clock.day_text(duty.sent_at)) if duty.sent_at else None, "是" if duty.in_time else "否",
            )
        )
        for duty in wanted
    ]  # fmt: skip
    return Rows(indicator, chosen, parts, QUARTER_COLUMNS, len(lines), lambda start, stop: iter(lines[start:stop]))


Source = Callable[[str, str, Unit, Period, View], Rows]
SOURCES: Mapping[str, Source] = {
    "participation": _services,
    "praise": _services,
    "rectified": _negatives,
    "follow_up": _negatives,
    "reporting": _quarters,
}


def _one(indicator_id: str, tally: Tally, rules: law.Rules) -> Indicator:
    for found in compute(tally, rules):
        if found.id == indicator_id:
            return found
    raise NotFound("当时的规定没有这项指标。", cure="请核对日期。", field="indicator")


def _choices(labels: Mapping[str, str], counts: Mapping[str, int]) -> tuple[Choice, ...]:
    return tuple(Choice(id, label, counts[id]) for id, label in labels.items())


def _chosen(parts: tuple[Choice, ...], part: str) -> Choice:
    for choice in parts:
        if choice.id == part:
            return choice
    raise NotFound("没有这个部分。", cure="请从指标页进入。", field="part")


def _reader(found: QuerySet[Any, Any], make: Callable[[Mapping[str, Any]], Row]) -> Callable[[int, int], Iterator[Row]]:
    def read(start: int, stop: int) -> Iterator[Row]:
        for row in found[start:stop].iterator(chunk_size=2000):
            yield make(row)

    return read
