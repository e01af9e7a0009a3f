"""The five levels (minan/3.3) in the three code systems that real systems mix up.

============  ==========================  =========================  ===================
level         interface (province, state)  GB/T 39046—2020 table A.8  legacy key-pad
============  ==========================  =========================  ===================
非常满意       5                           1                          3
满意           4                           2                          2
基本满意       3                           3                          1
不满意         2                           4                          0
非常不满意     1                           5                          5
============  ==========================  =========================  ===================

A bare number therefore says nothing. Each system is a type of its own; comparing or building a code of
one system with a code of another raises :class:`~minping.law.errors.LevelConfusion`.
"""

from __future__ import annotations

from enum import EnumType, IntEnum
from typing import Any, Final, Self

from minping.law.errors import LawError, LevelConfusion, UnknownLevel

LABELS: Final = {
    "VERY_SATISFIED": "非常满意",
    "SATISFIED": "满意",
    "BASICALLY_SATISFIED": "基本满意",
    "DISSATISFIED": "不满意",
    "VERY_DISSATISFIED": "非常不满意",
}
# 差评 is defined alike everywhere: minan/4.2.1.
NEGATIVE: Final = frozenset({"DISSATISFIED", "VERY_DISSATISFIED"})


class _OneSystem(EnumType):
    """Refuses to build a code from anything but a plain whole number or a code of the same system."""

    def __call__(cls, value: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(value, LevelCode) and not isinstance(value, cls):
            raise _confusion(cls.__name__, value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise UnknownLevel("LAW_LEVEL", f"“{value}”不是{_system(cls)}的等级代码。请给出整数代码。")
        try:
            return super().__call__(value, *args, **kwargs)
        except ValueError:
            members: list[LevelCode] = list(cls.__members__.values())
            codes = "、".join(f"{int(one)} {one.label}" for one in members)
            text = f"{_system(cls)}没有等级代码 {value}。可用的是：{codes}。"
            raise UnknownLevel("LAW_LEVEL", text) from None


class LevelCode(IntEnum, metaclass=_OneSystem):
    """What the three systems share. It has no members; use one of the three below."""

    @property
    def label(self) -> str:
        """The level in the plan's own words."""
        return LABELS[self.name]

    @property
    def negative(self) -> bool:
        """True for 不满意 and 非常不满意, which open a case (minan/4.2.1)."""
        return self.name in NEGATIVE

    def to_interface(self) -> InterfaceLevel:
        """The same level in the code of the 好差评 interface."""
        return InterfaceLevel[self.name]

    @classmethod
    def from_interface(cls, level: InterfaceLevel) -> Self:
        """The code of this system for a level of the interface; anything else is refused."""
        if not isinstance(level, InterfaceLevel):
            if isinstance(level, LevelCode):
                raise _confusion("InterfaceLevel", level)
            raise LevelConfusion(
                "LAW_LEVEL_CONFUSION",
                f"“{level}”没有说明是哪一套等级代码。请先用 InterfaceLevel(…) 写明是接口代码。",
            )
        return cls[level.name]

    def __eq__(self, other: object) -> bool:
        return int.__eq__(self, _same(self, other))

    def __ne__(self, other: object) -> bool:
        return int.__ne__(self, _same(self, other))

    def __lt__(self, other: int) -> bool:
        return int.__lt__(self, _same(self, other))

    def __le__(self, other: int) -> bool:
        return int.__le__(self, _same(self, other))

    def __gt__(self, other: int) -> bool:
        return int.__gt__(self, _same(self, other))

    def __ge__(self, other: int) -> bool:
        return int.__ge__(self, _same(self, other))

    # Defining __eq__ drops the inherited hash.
    __hash__ = int.__hash__


class InterfaceLevel(LevelCode):
    """Codes of the 好差评 interface, and of 民评 itself: 5 is the best."""

    VERY_SATISFIED = 5
    SATISFIED = 4
    BASICALLY_SATISFIED = 3
    DISSATISFIED = 2
    VERY_DISSATISFIED = 1


class GbLevel(LevelCode):
    """Codes of GB/T 39046—2020, table A.8: 1 is the best (gbt/39046.a8)."""

    VERY_SATISFIED = 1
    SATISFIED = 2
    BASICALLY_SATISFIED = 3
    DISSATISFIED = 4
    VERY_DISSATISFIED = 5


class KeypadLevel(LevelCode):
    """Codes of the old key-pads: 3, 2, 1, 0 and then 5 for 非常不满意."""

    VERY_SATISFIED = 3
    SATISFIED = 2
    BASICALLY_SATISFIED = 1
    DISSATISFIED = 0
    VERY_DISSATISFIED = 5


SYSTEMS: Final[dict[str, type[LevelCode]]] = {
    "interface": InterfaceLevel,
    "gb39046": GbLevel,
    "keypad": KeypadLevel,
}
_NAMES: Final = {
    "InterfaceLevel": "好差评接口（5 为非常满意）",
    "GbLevel": "GB/T 39046（1 为非常满意）",
    "KeypadLevel": "旧式按键评价器（3 为非常满意）",
}


def interface_level(system: str, code: int) -> InterfaceLevel:
    """Read ``code`` of the named system (``interface``, ``gb39046``, ``keypad``).

    Raises LawError where the system is not named or does not know the code.
    """
    if system not in SYSTEMS:
        raise LawError(
            "LAW_LEVEL_SYSTEM",
            f"没有名为“{system}”的等级代码体系。请写明 {'、'.join(SYSTEMS)} 之一。",
        )
    return SYSTEMS[system](code).to_interface()


def _same(self: LevelCode, other: Any) -> Any:
    if isinstance(other, LevelCode) and type(other) is not type(self):
        raise _confusion(type(self).__name__, other)
    return other


def _system(cls: type) -> str:
    return _NAMES.get(cls.__name__, cls.__name__)


def _confusion(wanted: str, given: LevelCode) -> LevelConfusion:
    given_system, wanted_system = _system(type(given)), _NAMES.get(wanted, wanted)
    return LevelConfusion(
        "LAW_LEVEL_CONFUSION",
        f"{given_system}的代码 {int(given)}（{given.label}）不能当作{wanted_system}的代码使用。"
        "请先用 to_interface() 或 from_interface() 换算。",
    )
