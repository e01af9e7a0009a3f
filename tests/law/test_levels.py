"""The three code systems: converted by name, never confused."""

from __future__ import annotations

import copy
import json
import operator
import pickle
from datetime import date
from typing import Any

import pytest

from minping import law

TABLE = [
    # level, interface, GB/T 39046 table A.8, key-pad
    ("非常满意", 5, 1, 3),
    ("满意", 4, 2, 2),
    ("基本满意", 3, 3, 1),
    ("不满意", 2, 4, 0),
    ("非常不满意", 1, 5, 5),
]
SYSTEMS = [law.InterfaceLevel, law.GbLevel, law.KeypadLevel]


@pytest.mark.parametrize(("label", "interface", "gb", "keypad"), TABLE)
def test_every_level_converts_in_every_direction(label: str, interface: int, gb: int, keypad: int) -> None:
    level = law.InterfaceLevel(interface)
    assert level.label == label
    for system, code in ((law.InterfaceLevel, interface), (law.GbLevel, gb), (law.KeypadLevel, keypad)):
        assert int(system.from_interface(level)) == code
        assert system(code).to_interface() is level
        assert system(code).label == label
        assert system(code).negative is (label in ("不满意", "非常不满意"))


@pytest.mark.parametrize(
    ("system", "code", "label"),
    [("interface", 5, "非常满意"), ("gb39046", 5, "非常不满意"), ("keypad", 0, "不满意")],
)
def test_a_bare_number_is_read_only_with_its_system_named(system: str, code: int, label: str) -> None:
    assert law.interface_level(system, code).label == label


def test_an_unnamed_system_is_refused() -> None:
    with pytest.raises(law.LawError, match="等级代码体系"):
        law.interface_level("", 5)


@pytest.mark.parametrize("one", SYSTEMS)
@pytest.mark.parametrize("other", SYSTEMS)
def test_codes_of_two_systems_do_not_compare_or_construct(one: Any, other: Any) -> None:
    for left in one:
        for right in other:
            if one is other:
                assert (left == right) is (left is right)
                continue
            for compare in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge):
                with pytest.raises(law.LevelConfusion, match="换算"):
                    compare(left, right)
            with pytest.raises(law.LevelConfusion):
                one(right)


@pytest.mark.parametrize("given", [law.GbLevel.SATISFIED, 4, "4", None])
def test_from_interface_takes_interface_levels_only(given: Any) -> None:
    with pytest.raises(law.LevelConfusion):
        law.KeypadLevel.from_interface(given)


@pytest.mark.parametrize("given", [0, 6, -1, "5", 5.0, True, None])
def test_what_is_no_code_is_refused_in_words(given: Any) -> None:
    with pytest.raises(law.UnknownLevel, match="等级代码") as caught:
        law.InterfaceLevel(given)
    assert isinstance(caught.value, ValueError)


def test_a_level_is_still_an_ordinary_number_to_its_own_system() -> None:
    level = law.InterfaceLevel.DISSATISFIED
    assert level == 2 and level < 3 and level != 5 and hash(level) == hash(2)
    assert (level == "2") is False and (level != "2") is True
    assert json.dumps(level) == "2"
    assert pickle.loads(pickle.dumps(level)) is level and copy.deepcopy(level) is level
    assert {level: "x"}[law.InterfaceLevel(2)] == "x" and 2 in {level}


def test_tags_are_asked_for_by_interface_level_only() -> None:
    rules = law.at("350213005", date(2026, 7, 1))
    with pytest.raises(law.LevelConfusion):
        rules.tags(law.GbLevel.SATISFIED)  # type: ignore[arg-type]
