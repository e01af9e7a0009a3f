"""What a reader of the rules gets: frozen rows, each with its clause.

``source`` is the document number (文号), or begins with ``ruling`` where the text is silent and the
reading is ours. ``lower_may`` says what a lower area may change: ``nothing`` (it may only repeat),
``tighten`` (only to the stricter side), ``anything``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from minping.law.errors import LawError
from minping.law.levels import InterfaceLevel


def spoken(source: str) -> str:
    """A source as it is said to people, who read 裁定 and not ``ruling``."""
    return source.replace("ruling", "裁定")


PAGES = ("ours", "superior")  # where a person rates: on our page, or on the superior's (minan/3.4.2)


@dataclass(frozen=True, slots=True)
class Limit:
    """A time limit: ``value`` in ``unit`` (natural_day, working_day or minute), counted by ruling R1."""

    id: str
    label: str
    value: int
    unit: str
    starts: str
    clause: str
    source: str
    area: str
    valid_from: date
    checked_on: date
    lower_may: str

    @property
    def text(self) -> str:
        """For people: “5 个工作日”."""
        return f"{self.value} {UNIT_LABELS[self.unit]}"


@dataclass(frozen=True, slots=True)
class Parameter:
    """Any other number, word or list that a document or a ruling fixes.

    ``value`` is an int, a str or a tuple of these, as the file has it; ``number`` and ``items`` are the
    typed ways to read it.
    """

    id: str
    label: str
    value: Any
    unit: str
    clause: str
    source: str
    area: str
    valid_from: date
    checked_on: date
    lower_may: str

    @property
    def number(self) -> int:
        """The value as a whole number; LawError when it is not one."""
        if isinstance(self.value, int):
            return self.value
        raise LawError("LAW_VALUE", f"参数“{self.label}”（{self.id}）不是一个整数。请用 items 读取。")

    @property
    def items(self) -> tuple[Any, ...]:
        """The value as a tuple, also when it is a single one."""
        return self.value if isinstance(self.value, tuple) else (self.value,)


@dataclass(frozen=True, slots=True)
class LevelRow:
    """One of the five levels (minan/3.3), in interface codes."""

    code: InterfaceLevel
    label: str
    negative: bool
    clause: str


@dataclass(frozen=True, slots=True)
class Tag:
    """A reason of the national catalogue. ``base`` ones are shown at once, the others under “更多”.

    ``valid_to`` is the last day in force, None while it has none. ``version`` is the catalogue version
    that every rating stores beside its tags.
    """

    code: str
    label: str
    level: InterfaceLevel
    base: bool
    version: str
    valid_from: date
    valid_to: date | None
    clause: str

    def in_force(self, on: date) -> bool:
        """Whether a rating of that day may use the tag."""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Channel:
    """A way in which the rating itself is given (minan/3.4.1, 3.4.2)."""

    id: str
    label: str
    online: bool
    clause: str


@dataclass(frozen=True, slots=True)
class Keypad:
    """A model of key-pad: what each key code of its `system` says, and which codes say that nobody pressed."""

    id: str
    label: str
    system: str
    keys: Mapping[str, int]
    silent: frozenset[str]
    clause: str

    def level(self, key: str) -> InterfaceLevel | None:
        """The level of a key; None where the code says that nobody pressed; LawError for an unknown code."""
        if key in self.silent:
            return None
        if key in self.keys:
            return InterfaceLevel(self.keys[key])
        known = "、".join([*self.keys, *sorted(self.silent)])
        raise LawError("LAW_CODE", f"“{self.label}”没有按键代码“{key}”。可用的是：{known}。请核对装置型号。")


@dataclass(frozen=True, slots=True)
class Proof:
    """How the rater is known (ruling R12). ``real_name`` is False where nothing vouches for the person."""

    id: str
    label: str
    real_name: bool
    clause: str


@dataclass(frozen=True, slots=True)
class Handling:
    """Where the service was given: hall, agent_point, terminal, online (minan/3.4.0)."""

    id: str
    label: str
    online: bool
    clause: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where tickets come from (minan/6.2): `word` heads the number of a case of theirs.

    `results` says each ending of ours in the source's own words, and knows no other.
    """

    id: str
    label: str
    word: str
    results: Mapping[str, str]
    clause: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """A kind of certificate; ``id`` is its code in the GA/T 2000.156 list. ``who``: person, legal or any."""

    id: str
    label: str
    who: str
    clause: str


@dataclass(frozen=True, slots=True)
class Applicant:
    """A kind of applicant."""

    id: str
    label: str
    clause: str


@dataclass(frozen=True, slots=True)
class Indicator:
    """One of the five indicators (minan/5.1.1). The three sentences are what the page prints beside it.

    ``defaults_count``: whether a default (R2) can enter the numerator.
    """

    id: str
    label: str
    clause: str
    formula: str
    numerator: str
    denominator: str
    defaults_count: bool


@dataclass(frozen=True, slots=True)
class Permission:
    """A thing somebody may do. ``holder`` is role (people) or key (API); ``implies`` adds others."""

    id: str
    label: str
    holder: str
    implies: frozenset[str]
    clause: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """A conflict of interest (ruling R8)."""

    id: str
    label: str
    clause: str


@dataclass(frozen=True, slots=True)
class Never:
    """Who may never use a permission, whatever the role: conflicts by id (ruling R8)."""

    id: str
    conflicts: frozenset[str]
    clause: str


@dataclass(frozen=True, slots=True)
class Role:
    """A duty in the office with what it may do."""

    id: str
    label: str
    may: frozenset[str]
    clause: str


OCCASIONS = {"soon": "将超时", "due": "刚超时", "daily": "超时以后每个工作日"}


@dataclass(frozen=True, slots=True)
class Reminder:
    """Who is reminded while a clock runs: of each occasion the role, then its deputies (minan/5.2).

    ``id`` names the table of moves and the state in which the clock runs, e.g. ``case_verifying``.
    """

    id: str
    label: str
    soon: tuple[str, ...]
    due: tuple[str, ...]
    daily: tuple[str, ...]
    clause: str


@dataclass(frozen=True, slots=True)
class Measure:
    """A way to answer for repeated negatives (minan/5.2); ``move`` is the verb of the table that decides so."""

    id: str
    label: str
    move: str
    clause: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """Our reading where the plan is silent; another office may read it otherwise."""

    id: str
    label: str
    text: str
    clause: str


@dataclass(frozen=True, slots=True)
class Word:
    """How a word of the law is said in English; ``id`` is ``level_5`` or ``tag_510``.  What is stored is the code."""

    id: str
    en: str
    clause: str


@dataclass(frozen=True, slots=True)
class CodeMap:
    """A dated map between our ids and the codes of a named outside system, e.g. ``fujian_pf``.

    An unknown value stops: it never turns into “other” by itself (failures B27).
    """

    id: str
    label: str
    kind: str
    codes: Mapping[str, str]
    clause: str
    source: str
    area: str
    valid_from: date

    def code(self, id: str) -> str:
        """The outside code of our ``id``; LawError when the system has none."""
        if id in self.codes:
            return self.codes[id]
        raise LawError(
            "LAW_CODE",
            f"“{self.label}”没有与“{id}”对应的代码，不能代为选一个。"
            f"请在 areas/{self.area}/codes/{self.id}.yaml 的 rows 中按对方的文件补上。",
        )

    def id_of(self, code: str) -> str:
        """Our id of the outside ``code``; LawError when the system does not know it."""
        for ours, theirs in self.codes.items():
            if theirs == code:
                return ours
        raise LawError(
            "LAW_CODE",
            f"“{self.label}”里没有代码“{code}”。请先核对对方用的是不是这套代码，"
            f"再在 areas/{self.area}/codes/{self.id}.yaml 的 rows 中补上。",
        )


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause that data and tests may cite.  `place`: where it stands, as a reader of the document finds it."""

    id: str
    title: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Area:
    """An area with a folder of its own."""

    code: str
    label: str


UNIT_LABELS = {"natural_day": "个自然日", "working_day": "个工作日", "minute": "分钟"}
