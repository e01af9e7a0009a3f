"""Every clause that data cites is registered, and the register is that of the plan."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from minping import law

MINAN = [
    "2.0",
    "3.1.1",
    "3.1.2",
    "3.1.3",
    "3.1.4",
    "3.2",
    "3.3",
    "3.4.0",
    "3.4.1",
    "3.4.2",
    "3.4.3",
    "3.4.4",
    "4.1.1",
    "4.1.2",
    "4.1.3",
    "4.2.1",
    "4.2.2",
    "4.2.3",
    "4.2.4",
    "5.1.1",
    "5.1.2",
    "5.1.3",
    "5.1.4",
    "5.1.5",
    "5.2",
    "5.3",
    "6.1",
    "6.2",
    "6.3.1",
    "6.3.2",
]
FOLDER = Path(law.__file__).parent


def test_the_register_has_every_clause_of_the_plan_and_every_ruling() -> None:
    known = law.clauses()
    assert [id for id in known if id.startswith("minan/")] == [f"minan/{number}" for number in MINAN]
    assert [id for id in known if re.fullmatch(r"R\d+", id)] == [f"R{n}" for n in range(1, 14)]
    assert all(clause.title for clause in known.values())


def test_every_clause_cited_by_data_is_registered() -> None:
    cited = {
        found
        for path in (FOLDER / "areas").rglob("*.yaml")
        for found in re.findall(r"clause: ([^\s,}]+)", path.read_text("utf-8"))
    }
    assert cited and cited <= set(law.clauses())


def test_every_clause_cited_by_the_code_is_registered() -> None:
    cited = {
        found.rstrip(".")
        for path in FOLDER.glob("*.py")
        for found in re.findall(r"minan/[0-9.]+", path.read_text("utf-8"))
    }
    assert cited and cited <= set(law.clauses())


def test_a_clause_can_be_asked_for_its_title() -> None:
    assert law.clause("minan/4.2.3").title.startswith("差评转办督办")
    with pytest.raises(law.LawError, match="minan/9"):
        law.clause("minan/9")


def test_every_dated_item_carries_document_and_day_of_checking() -> None:
    rules = law.at("350213005", date(2026, 7, 1))
    dated: list[law.Limit | law.Parameter] = [*rules.limits.values(), *rules.values.values()]
    for item in dated:
        assert item.source and item.checked_on >= date(2026, 11, 23)
        assert item.lower_may in ("nothing", "tighten", "anything")
        law.clause(item.clause)


def test_the_data_names_no_machine_and_no_person() -> None:
    for path in FOLDER.rglob("*.yaml"):
        text = path.read_text("utf-8")
        assert not re.search(r"(?<![\w./:])/[a-z]+/[a-z]+/", text), path  # a folder of some machine
        assert not re.search(r"(?<!\d)1[3-9]\d{9}(?!\d)", text), path
