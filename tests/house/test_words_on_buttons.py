"""The words on the buttons are the plan's: 核实 转办 督办 整改 回访 申诉 撤销, and no other office's words for them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from minping.feedback.states import MOVES as CASES
from minping.feedback.states import CaseState
from minping.kernel.moves import Table
from minping.rectify.states import MOVES as ORDERS
from minping.rectify.states import OrderState

ROOT = Path(__file__).resolve().parents[2] / "minping"
# The plan's own (minan/4.2.2, 4.2.3), each on at least one button.
PLAN = ("核实", "转办", "督办", "整改", "回访", "申诉", "撤销")
# What the plan asks for without a word of its own: a second look (复核, minan/4.2.2), somebody else's acceptance, the
# explanation where there was no fault, and the one extension.
BESIDE = ("复核", "验收", "解释说明", "延期", "上级")
# Other systems' words for the same things: a newcomer would take them for something else.
STRANGE = re.compile("审核|派单|工单|驳回|撤回|交办|转派|退单|处置|督促|核查|申辩|回电话")
STAFF = ("site/templates/site", "feedback", "rectify")


def buttons(table: Table) -> list[str]:
    return [move.label for move in table.moves if move.permission]


@pytest.mark.parametrize("table", [CASES, ORDERS], ids=lambda table: table.name)
def test_each_button_says_a_word_of_the_plan(table: Table) -> None:
    for label in buttons(table):
        assert any(word in label for word in PLAN + BESIDE), label


def test_each_word_of_the_plan_is_on_a_button() -> None:
    labels = " ".join(buttons(CASES) + buttons(ORDERS))
    assert [word for word in PLAN if word not in labels] == []


def test_no_strange_word_stands_on_a_page_of_staff() -> None:
    files = [file for folder in STAFF for kind in ("*.html", "*.py") for file in (ROOT / folder).rglob(kind)]
    assert len(files) > 20
    told = [f"{file.name}: {found[0]}" for file in files if (found := STRANGE.search(file.read_text("utf-8")))]
    assert told == []


def test_the_words_are_in_the_glossary() -> None:
    page = (ROOT.parent / "docs" / "glossary.md").read_text("utf-8")
    assert [word for word in PLAN + BESIDE[:2] if word not in page] == []
    states = [state.label for state in (*CaseState, *OrderState)]
    assert not any(STRANGE.search(label) for label in states)
