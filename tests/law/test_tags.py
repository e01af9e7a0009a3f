"""The tag catalogue: 40 in force since 2020-05, the retired ones readable for ever."""

from __future__ import annotations

from datetime import date

import pytest

from minping import law

AREA = "350213005"
RULES = law.at(AREA, date(2026, 7, 1))
RETIRED = {*range(501, 510), 401, 402, 404, 405, *range(301, 307), *range(201, 207), *range(101, 108)}


def test_forty_tags_are_in_force_eight_for_each_level() -> None:
    tags = [tag for level in law.InterfaceLevel for tag in RULES.tags(level)]
    assert len({tag.code for tag in tags}) == 40
    assert all(len(RULES.tags(level)) == 8 for level in law.InterfaceLevel)
    assert {tag.version for tag in tags} == {"v2"}


@pytest.mark.parametrize("level", law.InterfaceLevel)
def test_the_first_three_of_a_level_are_shown_at_once(level: law.InterfaceLevel) -> None:
    tags = RULES.tags(level)
    assert [tag.base for tag in tags] == [True] * 3 + [False] * 5
    assert [tag.code for tag in tags] == sorted(tag.code for tag in tags)
    assert all(tag.level is level and tag.code[0] == str(int(level)) for tag in tags)


@pytest.mark.parametrize(
    ("code", "label"),
    [
        ("510", "一窗受理一次办结"),
        ("413", "服务态度较好"),
        ("314", "服务态度一般"),
        ("210", "同样内容的证明材料被要求多次提交"),
        ("108", "在办事指南之外增加新的审批条件"),
    ],
)
def test_the_words_are_those_of_the_catalogue(code: str, label: str) -> None:
    tag = RULES.tag(code)
    assert tag is not None and tag.label == label and tag.valid_to is None


def test_retired_tags_stay_readable_and_are_never_offered() -> None:
    offered = {tag.code for level in law.InterfaceLevel for tag in RULES.tags(level)}
    for number in RETIRED:
        tag = RULES.tag(str(number))
        assert tag is not None and tag.version == "v1" and tag.valid_to == date(2020, 4, 30)  # 周四
        assert not tag.in_force(date(2026, 7, 1)) and tag.in_force(date(2020, 4, 30))
    assert offered.isdisjoint(str(number) for number in RETIRED)


def test_the_gap_in_the_retired_catalogue_stays_a_gap() -> None:
    assert RULES.tag("403") is None
    assert RULES.tag("999") is None


def test_before_may_2020_the_old_catalogue_was_in_force_and_the_new_one_unknown() -> None:
    old = law.at(AREA, date(2020, 4, 30))
    assert {int(t.code) for level in law.InterfaceLevel for t in old.tags(level)} == RETIRED
    assert old.tag("510") is None
    new = law.at(AREA, date(2020, 5, 1))  # 周五
    assert new.tag("510") is not None and new.tag("501") is not None
