"""What a lower area may change: nothing, only to the stricter side, or anything."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from minping import law
from minping.law.loader import open_folder
from minping.law.rules import rules_of

STREET = "areas/350213005"
# what, file of the lower area, text to find, text to put, words of the refusal
REFUSED = [
    (
        "a longer rectification than the province's",
        f"{STREET}/limits/rectify.yaml",
        "value: 5",
        "value: 11",
        "不超过 10 个工作日",
    ),
    (
        "another unit than the province's",
        f"{STREET}/limits/rectify.yaml",
        "working_day",
        "natural_day",
        "单位与上级一致",
    ),
    ("another default window", f"{STREET}/limits/default.yaml", "value: 7", "value: 6", "不许下级改动"),
    ("another default level", f"{STREET}/values/default_level.yaml", "value: 4", "value: 5", "不许下级改动"),
    ("a channel of one's own", f"{STREET}/channels.yaml", "id: keypad", "id: fax", "只能从严"),
    ("a channel renamed", f"{STREET}/channels.yaml", "label: 电话", "label: 传真", "只能从严"),
]


@pytest.mark.parametrize(("what", "file", "old", "new", "words"), REFUSED, ids=[r[0] for r in REFUSED])
def test_what_the_superior_does_not_allow_is_refused(
    folder: Path, what: str, file: str, old: str, new: str, words: str
) -> None:
    path = folder / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(law.LawError) as caught:
        open_folder(folder)
    assert caught.value.code == "LAW_LOWER" and caught.value.file == file
    assert words in caught.value.message


def test_an_area_in_between_is_bound_too(folder: Path) -> None:
    text = (folder / STREET / "limits/rectify.yaml").read_text("utf-8")
    target = folder / "areas/350213/limits/rectify.yaml"
    target.parent.mkdir()
    target.write_text(text.replace("value: 5", "value: 3"), "utf-8")
    with pytest.raises(law.LawError, match="放宽了翔安区的“整改期限”"):
        open_folder(folder)


def test_a_rule_that_was_never_in_force_together_binds_nobody(folder: Path) -> None:
    path = folder / "areas/350000/limits/rectify.yaml"
    path.write_text(path.read_text("utf-8").replace("    value:", "    to: 2021-11-17\n    value:"), "utf-8")
    mine = folder / STREET / "limits/rectify.yaml"
    mine.write_text(mine.read_text("utf-8").replace("value: 5", "value: 11"), "utf-8")
    book = open_folder(folder)
    assert rules_of(book, "350213005", date(2026, 7, 1)).limit("rectify").value == 11


ALLOWED = [
    ("a shorter rectification", f"{STREET}/limits/rectify.yaml", "value: 5", "value: 3"),
    (
        "fewer channels",
        f"{STREET}/channels.yaml",
        "      - {id: keypad, label: 按键评价器, online: false}\n",
        "",
    ),
]


@pytest.mark.parametrize(("what", "file", "old", "new"), ALLOWED, ids=[r[0] for r in ALLOWED])
def test_the_stricter_side_is_allowed(folder: Path, what: str, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    open_folder(folder)


def _copy(folder: Path, name: str, old: str, new: str) -> None:
    """Give the street a changed copy of a national file."""
    text = (folder / "areas/000000" / name).read_text("utf-8")
    assert old in text
    target = folder / STREET / name
    target.parent.mkdir(exist_ok=True)
    target.write_text(text.replace(old, new), "utf-8")


def test_a_smaller_minimum_sample_is_the_looser_side(folder: Path) -> None:
    _copy(folder, "values/small_sample.yaml", "value: 30", "value: 10")
    with pytest.raises(law.LawError, match="不小于 30"):
        open_folder(folder)
    _copy(folder, "values/small_sample.yaml", "value: 30", "value: 50")
    assert rules_of(open_folder(folder), "350213005", date(2026, 7, 1)).value("small_sample").value == 50


def test_a_list_may_lose_entries_but_gain_none(folder: Path) -> None:
    _copy(folder, "values/evidence_kinds.yaml", "wav]", "exe]")
    with pytest.raises(law.LawError, match="只能从严"):
        open_folder(folder)
    _copy(folder, "values/evidence_kinds.yaml", ", wav]", "]")
    open_folder(folder)


def test_an_area_may_tell_others_but_leave_no_step_without_anybody(folder: Path) -> None:
    _copy(folder, "reminders.yaml", "soon: [unit, head]", "soon: [clerk, unit]")
    open_folder(folder)
    row = "      - {id: case_appealed, label: 复核申诉, soon: [reviewer, head], due: [head, reviewer], daily: [head, reviewer]}\n"
    _copy(folder, "reminders.yaml", row, "")
    with pytest.raises(law.LawError, match="没有写这些步骤提醒谁：case_appealed"):
        open_folder(folder)


def test_prohibitions_may_grow_but_never_shrink(folder: Path) -> None:
    _copy(
        folder,
        "never.yaml",
        "{id: case.verify, conflicts: [rated_person, rated_window]}",
        "{id: case.verify, conflicts: [rated_person]}",
    )
    with pytest.raises(law.LawError, match="利益回避"):
        open_folder(folder)
    _copy(
        folder,
        "never.yaml",
        "conflicts: [rated_person, rated_window]}",
        "conflicts: [rated_person, rated_window, reporter]}",
    )
    rules = rules_of(open_folder(folder), "350213005", date(2026, 7, 1))
    assert "reporter" in rules.never("case.verify")


def test_the_national_catalogue_of_tags_is_not_for_the_street_to_change(folder: Path) -> None:
    _copy(folder, "tags.yaml", "服务态度生硬", "服务态度一般般")
    with pytest.raises(law.LawError, match="不许下级改动"):
        open_folder(folder)


def test_repeating_the_superior_word_for_word_is_always_allowed(folder: Path) -> None:
    _copy(folder, "tags.yaml", "lower_may", "lower_may")
    open_folder(folder)


def test_a_ruling_may_be_read_otherwise_by_another_office(folder: Path) -> None:
    _copy(folder, "limits/late_voice.yaml", "value: 365", "value: 400")
    _copy(folder, "rulings.yaml", "默认之后本人仍可", "默认之后本人照样可以")
    rules = rules_of(open_folder(folder), "350213005", date(2026, 7, 1))
    assert rules.limit("late_voice").value == 400
    assert "照样" in rules.rulings["R3"].text
