"""``check()``: everything that is wrong with the rules folder and the calendars, in sentences."""

from __future__ import annotations

from pathlib import Path

from minping.law.loader import read_folder
from minping.law.overlay import problems
from minping.law.rules import ROOT


def check(root: Path | None = None) -> list[str]:
    """Every problem of the folder (default: the shipped one) and of the calendars; empty when clean."""
    faults = read_folder(root or ROOT)[1]
    return [*(fault.message for fault in faults), *problems()]
