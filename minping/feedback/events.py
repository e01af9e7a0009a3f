"""What has happened in the stage 反馈."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from minping.feedback.models import Case


@dataclass(frozen=True)
class CasesOpened:
    """Negative ratings became cases; the clock of verification runs (R4)."""

    cases: tuple[Case, ...]
    at: datetime


@dataclass(frozen=True)
class CaseConfirmed:
    """Verified with the person: it must be rectified (minan/4.2.3)."""

    case: Case
    at: datetime
    by: str


@dataclass(frozen=True)
class CaseChanged:
    """Its rating was changed by its giver within the minutes allowed."""

    case: Case
    at: datetime


@dataclass(frozen=True)
class CaseClosed:
    """Rectified, called back, done."""

    case: Case
    at: datetime
