"""What has happened in the stage 反馈."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from minping.feedback.models import Case, Revocation


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
class CaseAssigned:
    """It went to another unit to be verified there; the clock goes on (minan/6.1)."""

    case: Case
    at: datetime
    by: str


@dataclass(frozen=True)
class CaseAppealed:
    """The window or its unit appeals: what was being rectified waits for the answer (minan/4.2.2)."""

    case: Case
    at: datetime


@dataclass(frozen=True)
class RevocationRequested:
    """The head of the office approved: the application goes up by level of authority (R7)."""

    revocation: Revocation
    at: datetime


@dataclass(frozen=True)
class RevocationAnswered:
    """The superior revoked or refused; only now may the rating leave the indicators (R7)."""

    revocation: Revocation
    at: datetime


@dataclass(frozen=True)
class RevocationForwarded:
    """This level passed a subordinate's application on to the next (minan/4.2.2)."""

    revocation: Revocation
    at: datetime


@dataclass(frozen=True)
class CaseChanged:
    """A step that the province is told and nothing else here follows from."""

    case: Case
    at: datetime


@dataclass(frozen=True)
class CaseClosed:
    """Rectified, called back, done."""

    case: Case
    at: datetime
