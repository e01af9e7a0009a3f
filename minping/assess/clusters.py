"""Where the negatives of a period come together: items, windows and reasons (minan/4.2.4, 5.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from minping import law
from minping.assess import queries
from minping.assess.indicators import rules_for
from minping.assess.periods import AsOf, Period, cut
from minping.assess.units import Unit

MOST = 10
CLUSTER = 2  # one negative is a case; from the second on the same point it is worth a look


@dataclass(frozen=True)
class Line:
    """How many of the period's negatives fall on one point; `share` is a fraction of all of them."""

    code: str
    label: str
    count: int
    share: float


@dataclass(frozen=True)
class Clusters:
    """The points with most negatives, most first.  A negative ticks several reasons or none."""

    negatives: int
    by_level: tuple[Line, ...]
    items: tuple[Line, ...]
    places: tuple[Line, ...]
    tags: tuple[Line, ...]
    clusters: tuple[Line, ...]  # the same reason at the same place, at least twice

    def as_json(self) -> dict[str, Any]:
        """Lists and numbers only, for the frozen report."""
        return {
            name: [asdict(line) for line in value] if isinstance(value, tuple) else value
            for name, value in self.__dict__.items()
        }


def clusters(unit: Unit, start: date, end: date, as_of: AsOf) -> Clusters:
    """Analysis of the negatives opened in the period: one statement.  Raises Invalid, LawError."""
    period = Period(start, end)
    rules = rules_for(unit, period, as_of)
    levels: Counter[tuple[str, str]] = Counter()
    items: Counter[tuple[str, str]] = Counter()
    places: Counter[tuple[str, str]] = Counter()
    tags: Counter[tuple[str, str]] = Counter()
    together: Counter[tuple[str, str]] = Counter()
    negatives = 0
    rows = queries.negatives_of(unit, period, cut(as_of)).values_list(
        "rating__level", "service__item_code", "item_name", "organization_code", "service__organization_name", "window_code",
        "window_name", "rating__tags",
    )  # fmt: skip
    for level, item_code, item_name, code, name, window_code, window_name, ticked in rows.iterator(chunk_size=5000):
        negatives += 1
        place = (f"{code}/{window_code}", f"{name} {window_name}") if window_code else (code, name)
        levels[str(level), law.InterfaceLevel(level).label] += 1
        items[item_code, item_name] += 1
        places[place] += 1
        for tag in ticked:
            known = rules.tag(tag)
            label = known.label if known else tag
            tags[tag, label] += 1
            together[f"{place[0]}#{tag}", f"{place[1]}：{label}"] += 1
    return Clusters(
        negatives=negatives,
        by_level=_lines(levels.items(), negatives),
        items=_lines(items.items(), negatives),
        places=_lines(places.items(), negatives),
        tags=_lines(tags.items(), negatives),
        clusters=_lines(((key, count) for key, count in together.items() if count >= CLUSTER), negatives),
    )


def _lines(counts: Iterable[tuple[tuple[str, str], int]], negatives: int) -> tuple[Line, ...]:
    ordered = sorted(counts, key=lambda pair: (-pair[1], pair[0]))[:MOST]
    return tuple(Line(code, label, count, round(count / negatives, 6)) for (code, label), count in ordered)
