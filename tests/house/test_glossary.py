"""The glossary and the code use the same words."""

from __future__ import annotations

import re
from pathlib import Path

from minping.feedback.states import CaseState
from minping.rectify.states import OrderState
from minping.supervise.states import ClueState, InquiryState

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "glossary.md").read_text("utf-8")


def test_each_identifier_of_the_glossary_stands_in_the_code() -> None:
    kinds = ("*.py", "*.yaml")
    code = "\n".join(file.read_text("utf-8") for kind in kinds for file in (ROOT / "minping").rglob(kind))
    named = set(re.findall(r"`([A-Za-z_]+)`", PAGE))
    assert len(named) > 30
    assert {name for name in named if not re.search(rf"\b{name}\b", code)} == set()


def test_each_state_of_a_case_and_of_an_order_has_its_word() -> None:
    states = [*CaseState, *OrderState, *InquiryState, *ClueState]
    assert {state.value for state in states if f"`{state.value}`" not in PAGE} == set()
