"""The five indicators of a unit and period, as of any day (minan/5.1.1–5.1.5), with all that R13 wants beside them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from minping import law
from minping.assess import queries
from minping.assess.periods import AsOf, Period, Quarter, cut, day_of, quarter_of
from minping.assess.queries import Key, Split
from minping.assess.tally import BY_ID, Definition, Tally, fraction, total
from minping.assess.units import Part, Unit, parts_of, points_of, unit_of


@dataclass(frozen=True)
class Indicator:
    """One indicator.  `value` is a fraction of 0 to 1, or None where nothing stands below the line.

    `numerator` and `value` are the official ones: with the defaults where the law lets
    them count.  Both readings are always given.  A rating whose revocation is applied for
    counts; one that the superior has revoked no longer does (R7).
    """

    id: str
    label: str
    clause: str
    formula: str
    numerator_sentence: str
    denominator_sentence: str
    numerator: int
    denominator: int
    without_defaults: int
    with_defaults: int
    services: int
    cases: int
    ratings: int
    defaults: int
    supplementary: int
    invalid: int
    pending_revocation: int
    real_name: tuple[int, int] | None
    small_sample: bool
    rule_version: str

    @property
    def revoked(self) -> int:
        """Invalid ones that no longer count."""
        return self.invalid - self.pending_revocation

    @property
    def value(self) -> float | None:
        return fraction(self.numerator, self.denominator)

    def shown(self, with_defaults: bool) -> int:
        """The numerator as the page's switch wants it."""
        return self.numerator if with_defaults else self.without_defaults

    def as_json(self) -> dict[str, Any]:
        """For the API and for the frozen report."""
        return {
            "id": self.id,
            "label": self.label,
            "clause": self.clause,
            "formula": self.formula,
            "numerator": self.numerator,
            "denominator": self.denominator,
            "value": self.value,
            "without_defaults": _reading(self.without_defaults, self.denominator),
            "with_defaults": _reading(self.with_defaults, self.denominator),
            "services": self.services,
            "cases": self.cases,
            "ratings": self.ratings,
            "defaults": self.defaults,
            "supplementary": self.supplementary,
            "invalid": self.invalid,
            "pending_revocation": self.pending_revocation,
            "real_name": None if self.real_name is None else _reading(*self.real_name, below=True),
            "small_sample": self.small_sample,
            "rule_version": self.rule_version,
        }


def _reading(numerator: int, denominator: int, below: bool = False) -> dict[str, Any]:
    reading: dict[str, Any] = {"numerator": numerator, "value": fraction(numerator, denominator)}
    return {**reading, "denominator": denominator} if below else reading


@dataclass(frozen=True)
class Child:
    """A line of the drill-down with its five indicators."""

    part: Part
    tally: Tally
    indicators: tuple[Indicator, ...]


@dataclass(frozen=True)
class Point:
    """One quarter of the small trend."""

    quarter: Quarter
    indicators: tuple[Indicator, ...]


def indicators(unit: Unit | str, start: date, end: date, as_of: AsOf) -> list[Indicator]:
    """The five indicators, services by when they were served and negatives by when they were opened.

    `unit` is `CODE` (with everything below) or `CODE/WINDOW`; `start` and `end` are
    Beijing days, both inclusive; only facts up to `as_of` count (a day: to its end).
    At most three statements.  Raises NotFound, Invalid, LawError.
    """
    unit = unit if isinstance(unit, Unit) else unit_of(unit)
    period = Period(start, end)
    rules = rules_for(unit, period, as_of)
    groups = _tallies(unit, [period], as_of, rules)
    return list(compute(total(groups.values()), rules))


def by_child(unit: Unit | str, start: date, end: date, as_of: AsOf) -> list[Child]:
    """The same for each own window and each direct child of the unit, in a fixed number of statements."""
    return _children(unit, start, end, as_of, Split.OWN, parts_of)


def by_point(unit: Unit | str, start: date, end: date, as_of: AsOf) -> list[Child]:
    """The same for every window and every agent point at or below the unit (minan/4.2.4)."""
    return _children(unit, start, end, as_of, Split.EVERY, points_of)


def _children(
    unit: Unit | str,
    start: date,
    end: date,
    as_of: AsOf,
    split: Split,
    parts: Callable[[Unit, Collection[tuple[str, str]]], list[Part]],
) -> list[Child]:
    unit = unit if isinstance(unit, Unit) else unit_of(unit)
    period = Period(start, end)
    rules = rules_for(unit, period, as_of)
    groups = _tallies(unit, [period], as_of, rules, split)
    seen = {(key.organization_code, key.window_code) for key in groups if key.window_code != queries.WHOLE}
    found = []
    for part in parts(unit, seen):
        tally = total(_within(part, groups))
        found.append(Child(part, tally, compute(tally, rules)))
    return found


def trend(unit: Unit | str, end: date, as_of: AsOf, quarters: int = 4) -> list[Point]:
    """The quarter of `end` and those before it, each by itself, in a fixed number of statements."""
    unit = unit if isinstance(unit, Unit) else unit_of(unit)
    chosen = [quarter_of(end).back(steps) for steps in range(quarters - 1, -1, -1)]
    periods = [quarter.period for quarter in chosen]
    rules = rules_for(unit, periods[-1], as_of)
    groups = _tallies(unit, periods, as_of, rules)
    return [
        Point(quarter, compute(total(t for key, t in groups.items() if key.bucket == n), rules))
        for n, quarter in enumerate(chosen)
    ]


def rules_for(unit: Unit, period: Period, as_of: AsOf) -> law.Rules:
    """The law of the period's last day, or of `as_of` where that comes first."""
    return law.at(unit.area_code, min(period.end, day_of(as_of)))


def compute(tally: Tally, rules: law.Rules) -> tuple[Indicator, ...]:
    """The indicators that the law lists, in its order, from one tally."""
    smallest = rules.value("small_sample").number
    return tuple(_indicator(row, BY_ID[row.id], tally, smallest, rules.version) for row in rules.indicators)


def _indicator(row: law.Indicator, how: Definition, tally: Tally, smallest: int, version: str) -> Indicator:
    own, denominator = how.count(tally, "numerator"), how.count(tally, "denominator")
    with_defaults = own + how.count(tally, "by_default")
    waiting, revoked = how.count(tally, "pending"), how.count(tally, "revoked")
    real = how.real_name
    return Indicator(
        id=row.id,
        label=row.label,
        clause=row.clause,
        formula=row.formula,
        numerator_sentence=row.numerator,
        denominator_sentence=row.denominator,
        numerator=with_defaults if row.defaults_count else own,
        denominator=denominator,
        without_defaults=own,
        with_defaults=with_defaults,
        services=how.count(tally, "services"),
        cases=how.count(tally, "cases"),
        ratings=how.count(tally, "ratings"),
        defaults=how.count(tally, "defaults"),
        supplementary=how.count(tally, "supplementary"),
        invalid=waiting + revoked,
        pending_revocation=waiting,
        real_name=(getattr(tally, real[0]), getattr(tally, real[1])) if real else None,
        small_sample=how.sampled and denominator < smallest,
        rule_version=version,
    )


def _tallies(
    unit: Unit, buckets: Sequence[Period], as_of: AsOf, rules: law.Rules, split: Split = Split.NONE
) -> dict[Key, Tally]:
    moment = cut(as_of)
    found: dict[Key, Tally] = {}
    for groups in (
        queries.service_tallies(unit, buckets, moment, rules, split),
        queries.negative_tallies(unit, buckets, moment, rules, split),
        queries.report_tallies(unit, buckets, moment),
    ):
        for key, tally in groups.items():
            found.setdefault(key, Tally()).add(tally)
    return found


def _within(part: Part, groups: dict[Key, Tally]) -> list[Tally]:
    return [
        tally
        for key, tally in groups.items()
        if key.organization_code in part.codes and part.window_code in (None, key.window_code)
    ]
