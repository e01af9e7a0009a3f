"""The rows of a state machine, as plain data: read by the tables of each stage, without Django."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

CONFLICTS = {
    "rated_person": "您是被评价的工作人员",
    "rated_window": "您在被评价的窗口",
    "reporter": "整改情况是您自己报的",
    "proposer": "这件事是您提出的",
    "seconder": "您已作为第二人复核过",
    "approver": "这件申请是您同意上报的",
    "same_unit": "您与提出人同属一个单位",
    "rated_unit": "您是被问责单位自己的人员",
    "answerer": "情况说明或改进情况是您自己写的",
}


class Labelled(StrEnum):
    """A word that is stored and sent, with the Chinese that people read: `OPENED = "opened", "待说明"`."""

    _value_: str
    label: str

    def __new__(cls, value: str, label: str = "") -> Self:
        made = str.__new__(cls, value)
        made._value_, made.label = value, label
        return made


@dataclass(frozen=True)
class Move:
    """One row: who may move a thing from where to where, which clock stops, pauses and starts, and why."""

    verb: str
    label: str
    source: tuple[StrEnum, ...]
    target: StrEnum
    permission: str  # empty: only the system, by an event or a clock
    clause: str
    starts: str = ""  # id of the limit whose clock starts
    stops: str = ""
    pauses: str = ""
    announces: str = ""
    by_system: bool = False  # besides the permission's holders, the system: the same fact may come in by interface
    rated: bool | None = None  # only where there is a rating, only where there is none; None: either


@dataclass(frozen=True)
class Table:
    name: str
    moves: tuple[Move, ...]

    def move(self, verb: str) -> Move:
        for move in self.moves:
            if move.verb == verb:
                return move
        raise KeyError(verb)

    def from_state(self, state: str) -> tuple[Move, ...]:
        return tuple(move for move in self.moves if state in move.source)
