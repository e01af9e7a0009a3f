"""What a profile holds, once read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from minping.upstream.port import Ability

# What a code table may speak of, with the values of ours that there are (None: law decides).
CODE_TABLES: Mapping[str, frozenset[str] | None] = {
    "level": frozenset({"5", "4", "3", "2", "1"}),
    "channel": None,
    "applicant_kind": None,
    "certificate": None,
    "item_type": None,
    "case_kind": None,
    "case_state": frozenset({"1", "2", "3"}),
    "handling": None,
    "validity": frozenset({"valid", "disputed", "invalid"}),
    "ground": frozenset({"mistaken", "malicious", "not_our_case"}),
    "state": None,
    "assess_no": None,
    "organization": None,
    "area": None,
}
ANSWER_CLASSES = ("accepted", "already", "never", "later", "clock")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of one message: where it comes from, how it is written, when it must be there."""

    to: str
    take: str = ""  # a path: level, service.item_code, service.applicant.cert_no, key, …
    value: str | None = None  # a constant instead
    code: str = ""  # the code table
    time: str = ""  # strftime form, in Beijing time, or "millis"
    join: str | None = None
    count: bool = False  # how many there are, instead of what they are
    pad: int = 0  # filled with zeros at the end to this length
    first: int = 0  # the first so many characters (codes only, declared by the province)
    prefix: str = ""
    then: str = ""  # a second path, written after the first
    between: str = ""
    replace: Mapping[str, str] = field(default_factory=dict)
    number: bool = False
    required: bool = False
    blank: str | None = None  # what stands for nothing; None: the field is left out
    most: int = 0  # characters; longer stops the message
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # only then is it sent


@dataclass(frozen=True, slots=True)
class Need:
    """One of several fields must be there under a condition."""

    one_of: tuple[str, ...]
    when: Mapping[str, tuple[str, ...]]
    say: str


@dataclass(frozen=True, slots=True)
class MessageForm:
    fields: tuple[Field, ...]
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """An answer with this code, or this text in it, is of this class; `call` narrows it to one call."""

    kind: str
    code: str | None = None
    text: str | None = None
    call: str | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """One version of one province's profile."""

    id: str
    label: str
    family: str
    source: str
    checked_on: date
    start: date
    end: date | None
    charset: str
    references: bool  # whether XML character references may carry what the charset lacks
    abilities: frozenset[Ability]
    unneeded: frozenset[str]
    updates: bool
    per_second: float
    batch: int
    connect_seconds: float
    read_seconds: float
    paths: Mapping[str, str]
    security: Mapping[str, Any]
    credentials: tuple[str, ...]
    late_after_days: int  # a fact older than this goes to the address of late reports; 0: there is none
    page_origins: tuple[str, ...]  # where its rating pages may lie, besides its own address: https://host
    case_key_prefix: str
    case_key_most: int
    codes: Mapping[str, Mapping[str, str]]
    back: Mapping[str, Mapping[str, str]]
    messages: Mapping[str, MessageForm]
    answers: tuple[AnswerRule, ...]
    file: str = ""
