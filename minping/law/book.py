"""What the loader makes of the folder: dated versions per area, and how they resolve for a day."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from minping.law import model
from minping.law.areas import ancestors
from minping.law.levels import InterfaceLevel

# "limits", "values", "codes" with the file's name, or "lists" with the name of the list.
Key = tuple[str, str]
_FOR_EVER = date.max.toordinal()


@dataclass(frozen=True, slots=True)
class Version:
    """One dated version of one item in one area; ``payload`` is a Limit, a Parameter, a CodeMap or rows."""

    file: str
    place: str
    area: str
    label: str
    lower_may: str
    first: int
    last: int
    payload: Any
    raw: Mapping[str, Any]
    tighter: str = "lower"

    def overlaps(self, other: Version) -> bool:
        """Whether some day has both in force."""
        return self.first <= other.last and other.first <= self.last


@dataclass(slots=True)
class Book:
    """The whole rules folder in memory. Immutable once the loader is done with it."""

    areas: dict[str, model.Area] = field(default_factory=dict)
    clauses: dict[str, model.Clause] = field(default_factory=dict)
    items: dict[Key, dict[str, list[Version]]] = field(default_factory=dict)
    _chains: dict[tuple[str, ...], Chain] = field(default_factory=dict)

    def versions(self) -> Iterator[tuple[Key, Version]]:
        """Every version of every item."""
        for key, by_area in self.items.items():
            for found in by_area.values():
                for version in found:
                    yield key, version

    def chain(self, area: str) -> Chain:
        """The areas with a folder on the way up from ``area``, nearest first, with what they rule."""
        codes = tuple(one for one in ancestors(area) if one in self.areas)
        found = self._chains.get(codes)
        if found is None:
            found = self._chains[codes] = Chain(self, codes)
        return found


class Chain:
    """All that can be in force along one chain of areas, cut into spans without a change."""

    def __init__(self, book: Book, codes: tuple[str, ...]) -> None:
        self.book = book
        self.codes = codes
        cuts = {0}
        for by_area in book.items.values():
            for code in codes:
                for version in by_area.get(code, ()):
                    cuts.add(version.first)
                    if version.last < _FOR_EVER:
                        cuts.add(version.last + 1)
        self._cuts = sorted(cuts)
        self._spans: list[Span | None] = [None] * len(self._cuts)

    def span(self, ordinal: int) -> Span:
        """What is in force on the day with this ordinal."""
        index = bisect_right(self._cuts, ordinal) - 1
        found = self._spans[index]
        if found is None:
            # Two threads may build the same span; both results are equal, so no lock is needed.
            found = self._spans[index] = Span(self, self._cuts[index])
        return found


class Span:
    """The resolved rules of a chain of areas between two changes."""

    def __init__(self, chain: Chain, ordinal: int) -> None:
        self.chain = chain
        self.ordinal = ordinal
        self.found: dict[Key, Version] = {}
        for key, by_area in chain.book.items.items():
            for code in chain.codes:
                hit = next((v for v in by_area.get(code, ()) if v.first <= ordinal <= v.last), None)
                if hit is not None:
                    self.found[key] = hit
                    break

    @cached_property
    def version(self) -> str:
        """Names exactly what is in force: the nearest area with a folder, and a digest of the content."""
        content = [[*key, one.area, one.raw] for key, one in sorted(self.found.items())]
        text = json.dumps(content, ensure_ascii=False, sort_keys=True, default=str)
        nearest = self.chain.codes[0] if self.chain.codes else "000000"
        return f"{nearest}@{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    @cached_property
    def tags_by_level(self) -> dict[InterfaceLevel, tuple[model.Tag, ...]]:
        """The tags in force, base ones first, then by code."""
        hit = self.found.get(("lists", "tags"))
        rows: tuple[model.Tag, ...] = hit.payload if hit else ()
        return {
            level: tuple(sorted((t for t in rows if t.level is level), key=lambda t: (not t.base, t.code)))
            for level in InterfaceLevel
        }

    @cached_property
    def every_tag(self) -> dict[str, model.Tag]:
        """Every tag ever in force until now, by code; the nearest area and the newest version win."""
        found: dict[str, model.Tag] = {}
        by_area = self.chain.book.items.get(("lists", "tags"), {})
        for code in reversed(self.chain.codes):
            for version in by_area.get(code, ()):
                if version.first <= self.ordinal:
                    found.update({tag.code: tag for tag in version.payload})
        return found

    @cached_property
    def indexes(self) -> dict[str, Mapping[str, Any]]:
        """Filled on demand by Rules: list name → rows by id."""
        return {}
