"""The figures as their pages and exports show them: plain dictionaries, and tables that both share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from minping import law
from minping.assess import words
from minping.assess.indicators import Child, Indicator, Point, by_child, indicators, rules_for, trend
from minping.assess.periods import AsOf, Period, Quarter, day_of
from minping.assess.rows import Rows
from minping.assess.sheets import Sheet
from minping.assess.tally import fraction
from minping.assess.units import Unit, unit_for, units_of
from minping.kernel import clock, due
from minping.kernel.access import Actor
from minping.kernel.errors import Invalid
from minping.kernel.work import clock_context


@dataclass(frozen=True)
class Query:
    """What a page was asked: whose figures, of which days, as known when, defaults in or apart."""

    unit: Unit
    start: date
    end: date
    as_of: AsOf
    with_defaults: bool

    @property
    def period(self) -> Period:
        return Period(self.start, self.end)

    @property
    def as_of_day(self) -> date:
        return day_of(self.as_of)

    def text(self, **other: str) -> str:
        """As a query string, with some of it replaced."""
        asked = {
            "unit": self.unit.key,
            "from": self.start.isoformat(),
            "to": self.end.isoformat(),
            "as_of": self.as_of_day.isoformat(),
            "with_defaults": "1" if self.with_defaults else "0",
        }
        return urlencode({**asked, **other})

    @property
    def computed_text(self) -> str:
        if isinstance(self.as_of, datetime):
            return f"截至 {clock.moment_text(self.as_of)}"
        return f"截至 {self.as_of.isoformat()} 周{clock.WEEKDAYS[self.as_of.weekday()]}当天结束"


def query_of(asked: Mapping[str, str], by: Actor, now: datetime) -> Query:
    """Read a page's query.  Without one: this year up to today.  Raises NotFound, Forbidden, Invalid."""
    today = clock.beijing(now).date()
    unit = unit_for(by, asked.get("unit", ""), "indicators.read")
    end = _day(asked, "to", today)
    start = _day(asked, "from", date(end.year, 1, 1))
    day = _day(asked, "as_of", today)
    # Today is not over: its figures are those of this moment.
    query = Query(unit, start, end, now if day >= today else day, asked.get("with_defaults", "1") != "0")
    query.period  # noqa: B018  refuses dates that are the wrong way round
    return query


def _day(asked: Mapping[str, str], field: str, default: date) -> date:
    text = asked.get(field, "").strip()
    if not text:
        return default
    try:
        return date.fromisoformat(text)
    except ValueError as failure:
        raise Invalid(f"看不懂日期“{text[:20]}”。", cure="请写成 2026-11-23 这样。", field=field) from failure


def overview_context(query: Query, by: Actor) -> dict[str, Any]:
    """The indicators page, in a fixed number of statements."""
    unit, on = query.unit, query.with_defaults
    found = indicators(unit, query.start, query.end, query.as_of)
    children = by_child(unit, query.start, query.end, query.as_of)
    points = trend(unit, query.end, query.as_of)
    return {
        **frame_context(query, by),
        "indicators": [_indicator(one, query, points, n) for n, one in enumerate(found)],
        "children": _children(children, query) if children else None,
        "rule_version": rules_for(unit, query.period, query.as_of).version,
        "computed_text": query.computed_text,
        "with_defaults": on,
        "csv_url": f"{reverse('indicators_export', args=['csv'])}?{query.text()}",
        "xlsx_url": f"{reverse('indicators_export', args=['xlsx'])}?{query.text()}",
    }


def frame_context(query: Query, by: Actor) -> dict[str, Any]:
    """The form above the figures."""
    return {
        "unit": {"code": query.unit.key, "name": query.unit.label},
        "units": unit_options(query.unit, by, "indicators.read"),
        "from": query.start.isoformat(),
        "to": query.end.isoformat(),
        "as_of": query.as_of_day.isoformat(),
        "period_text": query.period.text,
    }


def unit_options(current: Unit, by: Actor, permission: str) -> list[dict[str, Any]]:
    """The units to choose from, indented by depth; the one shown is always among them."""
    units = units_of(by, permission)
    if all(unit.key != current.key for unit in units):
        units.append(current)
    paths = {unit.path for unit in units if not unit.window_code}
    return [
        {
            "code": unit.key,
            "name": unit.label,
            "selected": unit.key == current.key,
            "indent": "\u3000" * sum(unit.path.startswith(path) and unit.path != path for path in paths),
        }
        for unit in units
    ]


def _indicator(one: Indicator, query: Query, points: Sequence[Point], n: int) -> dict[str, Any]:
    on = query.with_defaults
    return {
        "id": one.id,
        "label": one.label,
        "clause": one.clause,
        "formula": one.formula,
        "sentence": words.sentence(one, on),
        "value_text": words.value_text(one, on),
        "numerator": one.shown(on),
        "denominator": one.denominator,
        "services": one.services,
        "cases": one.cases,
        "ratings": one.ratings,
        "defaults": one.defaults,
        "invalid": one.revoked,
        "pending_revocation": one.pending_revocation,
        "small": one.small_sample,
        "without_defaults_text": words.other_reading(one, on),
        "rows_url": f"{reverse('indicator_rows', args=[one.id, 'denominator'])}?{query.text()}",
        "trend": [_bar(point, point.indicators[n], on) for point in points if n < len(point.indicators)],
    }


def _bar(point: Point, one: Indicator, on: bool) -> dict[str, Any]:
    value, text = words.bar(one, on)
    return {"label": point.quarter.short, "value_text": text, "value": value}


def _children(children: Sequence[Child], query: Query) -> dict[str, Any]:
    on = query.with_defaults
    return {
        "label": "窗口、单位",
        "heads": ["服务", "差评", *(one.label for one in children[0].indicators)],
        "rows": [
            {
                "name": child.part.label,
                "url": f"{reverse('indicators')}?{query.text(unit=child.part.unit.key)}" if child.part.unit else "",
                "cells": [
                    {"text": str(child.tally.services)},
                    {"text": str(child.tally.opened)},
                    *({"text": words.comparable(one, on), "note": words.of(one, on)} for one in child.indicators),
                ],
            }
            for child in children
        ],
    }


OVERVIEW_HEADS = (
    "单位", "指标", "条款", "结果", "分子", "分母", "不含默认的分子", "不含默认的结果", "服务", "办件", "本人评价", "默认",
    "追加评价", "无效（已撤销）", "申请撤销中", "实名差评", "样本", "从", "到", "截至", "规则版本",
)  # fmt: skip


def overview_sheet(query: Query) -> Sheet:
    """The same figures as one table: the unit first, then each line of the drill-down."""
    found = indicators(query.unit, query.start, query.end, query.as_of)
    lines = [_line(query.unit.label, one, query) for one in found]
    for child in by_child(query.unit, query.start, query.end, query.as_of):
        lines += [_line(child.part.label, one, query) for one in child.indicators]
    return Sheet(f"指标 {query.unit.label}", OVERVIEW_HEADS, lines)


def _line(label: str, one: Indicator, query: Query) -> tuple[str | int | None, ...]:
    on = query.with_defaults
    without = words.percent(fraction(one.without_defaults, one.denominator))
    return (
        label, one.label, one.clause, words.value_text(one, on), one.shown(on), one.denominator, one.without_defaults,
        without, one.services, one.cases, one.ratings, one.defaults, one.supplementary, one.revoked,
        one.pending_revocation, f"{one.real_name[0]}/{one.real_name[1]}" if one.real_name else None,
        words.TOO_SMALL if one.small_sample else "", query.start.isoformat(), query.end.isoformat(),
        query.as_of_day.isoformat(), one.rule_version,
    )  # fmt: skip


def rows_context(found: Rows, query: Query, number: int) -> dict[str, Any]:
    """One page of the rows behind a number."""
    here = reverse("indicator_rows", args=[found.indicator.id, found.part.id])
    export = {
        form: f"{reverse('indicator_rows_export', args=[found.indicator.id, found.part.id, form])}?{query.text()}"
        for form in ("csv", "xlsx")
    }

    def page_url(page: int) -> str | None:
        return f"{here}?{query.text(page=str(page))}" if 1 <= page <= found.pages else None

    return {
        "title": f"{found.indicator.label} · {found.part.label}",
        "back_url": f"{reverse('indicators')}?{query.text()}",
        "sentence": f"{query.unit.label}，{query.period.text}。{words.sentence(found.indicator, True)}",
        "parts": [
            {
                "label": part.label,
                "count": part.count,
                "active": part.id == found.part.id,
                "url": f"{reverse('indicator_rows', args=[found.indicator.id, part.id])}?{query.text()}",
            }
            for part in found.parts
        ],
        "columns": list(found.columns),
        "rows": [
            {
                "cells": row.cells,
                "url": reverse("desk_case", args=["mine", row.case_id]) if row.case_id else "",
            }
            for row in found.page(number)
        ],
        "page": {
            "prev": page_url(number - 1),
            "next": page_url(number + 1),
            "text": f"第 {number} 页，共 {found.pages} 页，{found.total} 行",
        },
        "rule_version": found.indicator.rule_version,
        "csv_url": export["csv"],
        "xlsx_url": export["xlsx"],
    }


def quarter_clock(unit: Unit, quarter: Quarter, now: datetime) -> dict[str, Any] | None:
    """How long the report may still take, once the quarter is over."""
    if now <= quarter.closing:
        return None
    try:
        fields = due.clock(unit.area_code, "quarter_report", quarter.closing)
    except law.LawError:
        return None
    return clock_context(SimpleNamespace(area_code=unit.area_code, **fields), now)
