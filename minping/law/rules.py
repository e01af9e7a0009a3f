"""``at(area, date)``: the rules in force for an area on a day, the nearest area winning.

Law is read at the date of the fact: the day of the service, of the appeal, of the confirmation — never
of the reading. A missing rule is a LawError whose sentence says where to write it down.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from minping.law import model, schema
from minping.law.areas import ancestors
from minping.law.book import Book, Key, Span
from minping.law.errors import LawError, LevelConfusion
from minping.law.levels import InterfaceLevel, LevelCode
from minping.law.loader import open_folder
from minping.law.times import beijing_date

# The shipped rules, or an office's own folder of the same shape (clauses.yaml, areas/): docs/operate.md.
ROOT = Path(os.environ.get("MINPING_RULES") or Path(__file__).resolve().parent)
_MOST = 65536
_KIND_LABELS = {"limits": "时限", "values": "参数", "codes": "代码对照", "lists": "清单"}


class Rules:
    """The rules in force on day ``on`` for ``area``; cheap to ask, shared between threads."""

    __slots__ = ("_book", "_span", "area", "on")

    def __init__(self, book: Book, area: str, on: date, span: Span) -> None:
        self._book = book
        self._span = span
        self.area = area
        self.on = on

    def __repr__(self) -> str:
        return f"<Rules {self.version} on {self.on}>"

    @property
    def version(self) -> str:
        """Short stable text naming what is in force, e.g. ``350213005@3f2a9c1d``; stored with each fact."""
        return self._span.version

    @property
    def chain(self) -> tuple[model.Area, ...]:
        """The areas whose rules apply, nearest first."""
        return tuple(self._book.areas[one] for one in self._span.chain.codes)

    def limit(self, id: str) -> model.Limit:
        """The time limit ``id``; LawError when none is in force."""
        found: model.Limit = self._get(("limits", id))
        return found

    @property
    def limits(self) -> Mapping[str, model.Limit]:
        """All time limits in force, by id."""
        return self._all("limits")

    def value(self, id: str) -> model.Parameter:
        """The parameter ``id``; LawError when none is in force."""
        found: model.Parameter = self._get(("values", id))
        return found

    @property
    def values(self) -> Mapping[str, model.Parameter]:
        """All parameters in force, by id."""
        return self._all("values")

    def code_map(self, id: str) -> model.CodeMap:
        """The map to the codes of the outside system ``id``, e.g. ``fujian_pf``."""
        found: model.CodeMap = self._get(("codes", id))
        return found

    @property
    def levels(self) -> tuple[model.LevelRow, ...]:
        """The five levels, best first (minan/3.3)."""
        return self._rows("levels")

    def tags(self, level: InterfaceLevel) -> tuple[model.Tag, ...]:
        """The reasons of a level in force that day, those shown at once first."""
        if not isinstance(level, InterfaceLevel):
            if isinstance(level, LevelCode) or not isinstance(level, int):
                text = f"“{level}”不是接口等级。请先换算成 InterfaceLevel 再查标签。"
                raise LevelConfusion("LAW_LEVEL_CONFUSION", text)
            level = InterfaceLevel(level)
        return self._span.tags_by_level[level]

    def tag(self, code: str) -> model.Tag | None:
        """Any tag that was ever in force until that day, retired ones too; None for an unknown code."""
        return self._span.every_tag.get(code)

    @property
    def channels(self) -> Mapping[str, model.Channel]:
        """Ways to give a rating, by id (minan/3.4.1, 3.4.2)."""
        return self._index("channels")

    @property
    def keypads(self) -> Mapping[str, model.Keypad]:
        """Models of key-pads with their codes, by id (minan/3.4.2)."""
        return self._index("keypads")

    @property
    def phone_keys(self) -> model.Keypad:
        """What the keys of a telephone say; one table at a time, for a key must not change its meaning between calls."""
        (one,) = self._rows("phone_keys")
        keys: model.Keypad = one
        return keys

    @property
    def proofs(self) -> Mapping[str, model.Proof]:
        """Identity proofs, by id (R12)."""
        return self._index("proofs")

    @property
    def handlings(self) -> Mapping[str, model.Handling]:
        """Where services are given, by id (minan/3.4.0)."""
        return self._index("handlings")

    @property
    def sources(self) -> Mapping[str, model.Source]:
        """Where tickets come from, by id (minan/6.2)."""
        return self._index("sources")

    @property
    def certificates(self) -> Mapping[str, model.Certificate]:
        """Kinds of certificates, by code."""
        return self._index("certificates")

    @property
    def applicants(self) -> Mapping[str, model.Applicant]:
        """Kinds of applicants, by id."""
        return self._index("applicants")

    @property
    def indicators(self) -> tuple[model.Indicator, ...]:
        """The indicators of the yearly assessment, in the order of the text (minan/5.1.1)."""
        return self._rows("indicators")

    @property
    def roles(self) -> Mapping[str, model.Role]:
        """Duties in the office, by id."""
        return self._index("roles")

    @property
    def permissions(self) -> Mapping[str, model.Permission]:
        """All permissions of people and of API keys, by id."""
        return self._index("permissions")

    @property
    def conflicts(self) -> Mapping[str, model.Conflict]:
        """Conflicts of interest, by id (R8)."""
        return self._index("conflicts")

    def never(self, permission: str) -> frozenset[str]:
        """The conflicts that forbid a permission whatever the role (R8); LawError for an unknown one."""
        if permission not in self.permissions:
            text = f"没有名为“{permission}”的权限。可用的是：{'、'.join(self.permissions)}。"
            raise LawError("LAW_UNKNOWN", text)
        row = self._index("never").get(permission)
        return row.conflicts if row is not None else frozenset()

    @property
    def reminders(self) -> Mapping[str, model.Reminder]:
        """Who is reminded of a running clock, by table and state (minan/5.2)."""
        return self._index("reminders")

    @property
    def measures(self) -> Mapping[str, model.Measure]:
        """How repeated negatives may be answered for, by id (minan/5.2)."""
        return self._index("measures")

    @property
    def rulings(self) -> Mapping[str, model.Ruling]:
        """Our readings where the plan is silent, ``R1`` ff."""
        return self._index("rulings")

    @property
    def words(self) -> Mapping[str, str]:
        """English of the levels and reasons, by ``level_5``, ``tag_510``: retired reasons too, for they stay on record."""
        found = self._span.indexes.get("words_en")
        if found is None:
            rows = {row.id: row.en for row in self._rows("words")}
            found = self._span.indexes["words_en"] = MappingProxyType(rows)
        return found

    def _get(self, key: Key) -> Any:
        found = self._span.found.get(key)
        if found is None:
            raise self._missing(key)
        return found.payload

    def _all(self, kind: str) -> Mapping[str, Any]:
        found = self._span.indexes.get(kind)
        if found is None:
            rows = {key[1]: one.payload for key, one in sorted(self._span.found.items()) if key[0] == kind}
            found = self._span.indexes[kind] = MappingProxyType(rows)
        return found

    def _rows(self, name: str) -> tuple[Any, ...]:
        rows: tuple[Any, ...] = self._get(("lists", name))
        return rows

    def _index(self, name: str) -> Mapping[str, Any]:
        found = self._span.indexes.get(name)
        if found is None:
            key = schema.LISTS[name].key
            rows = {getattr(row, key): row for row in self._rows(name)}
            found = self._span.indexes[name] = MappingProxyType(rows)
        return found

    def _missing(self, key: Key) -> LawError:
        kind, id = key
        by_area = self._book.items.get(key)
        if by_area is None:
            known = "、".join(sorted(one[1] for one in self._book.items if one[0] == kind))
            text = f"没有名为“{id}”的{_KIND_LABELS[kind]}。已有的是：{known}。请核对写法。"
            return LawError("LAW_UNKNOWN", text)
        label = next(iter(by_area.values()))[0].label
        near = [one for one in ancestors(self.area) if one in by_area]
        file = _file(near[0] if near else ancestors(self.area)[0], key)
        if not near:
            text = f"地区 {self.area} 及其上级都没有规定“{label}”。请在 {file} 写明期限或内容、条款和文号。"
            return LawError("LAW_NOT_RULED", text, file=file)
        spans = "、".join(_span_text(v.first, v.last) for code in near for v in by_area[code])
        text = (
            f"{self.on} 这一天“{label}”在地区 {self.area} 没有生效的规定（已有的版本：{spans}），上级也没有。"
            f"请先核对业务发生的日期；日期无误的，请在 {file} 补上当时有效的版本和文号。"
        )
        return LawError("LAW_NOT_IN_FORCE", text, file=file)


def _span_text(first: int, last: int) -> str:
    end = "" if last >= date.max.toordinal() else f"至 {date.fromordinal(last)} "
    return f"{date.fromordinal(first)} 起{end}".strip()


def _file(area: str, key: Key) -> str:
    return f"areas/{area}/{key[1]}.yaml" if key[0] == "lists" else f"areas/{area}/{key[0]}/{key[1]}.yaml"


def rules_of(book: Book, area: str, on: date) -> Rules:
    """The rules of a book other than the shipped one (tests, a folder under review)."""
    day = beijing_date(on)
    return Rules(book, area, day, book.chain(area).span(day.toordinal()))


class _Shipped:
    """The folder in this package, read once per process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._book: Book | None = None
        self.cache: dict[tuple[str, int], Rules] = {}

    def book(self) -> Book:
        if self._book is None:
            with self._lock:
                if self._book is None:
                    self._book = open_folder(ROOT)
        return self._book


_shipped = _Shipped()


def at(area: str, on: date) -> Rules:
    """The rules in force for ``area`` on the day of the fact (an aware instant counts as its Beijing day).

    ``area`` is a code of 6, 9 or 12 digits; one without a folder takes the rules of the nearest area above.
    """
    if isinstance(on, datetime):
        on = beijing_date(on)
    key = (area, on.toordinal())
    found = _shipped.cache.get(key)
    if found is None:
        if len(_shipped.cache) >= _MOST:
            _shipped.cache.clear()
        found = _shipped.cache[key] = rules_of(_shipped.book(), area, on)
    return found


def clause(id: str) -> model.Clause:
    """The clause with this id and its short Chinese title; LawError when nobody knows it."""
    found = _shipped.book().clauses.get(id)
    if found is None:
        raise LawError("LAW_CLAUSE", f"没有编号为“{id}”的条款。请核对编号，或先在 clauses.yaml 里登记。")
    return found


def clauses() -> Mapping[str, model.Clause]:
    """Every clause that data, code and tests may cite, by id."""
    return MappingProxyType(_shipped.book().clauses)
