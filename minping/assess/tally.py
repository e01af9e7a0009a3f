"""What is counted, and how the five indicators are made of it: two tables, no database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields


@dataclass
class Tally:
    """Counts of one group of services and of its negatives.  Services are the unit (R6); cases stand beside."""

    # Services of the period.
    services: int = 0
    cases: int = 0
    ratings: int = 0  # the person's own first word
    good: int = 0  # of these, at a level that counts as good
    defaults: int = 0  # made by rule (R2)
    good_defaults: int = 0
    supplementary: int = 0  # the person's word after a default (R3)
    pending: int = 0  # a revocation of the rating is applied for: it counts (R7)
    revoked: int = 0  # the superior has revoked the rating: the service counts nowhere above (R7)
    # Of these, handled in a hall, at an agent point or at a terminal.
    offline: int = 0
    offline_cases: int = 0
    offline_ratings: int = 0
    offline_defaults: int = 0
    offline_supplementary: int = 0
    offline_pending: int = 0
    offline_revoked: int = 0
    # Negatives opened in the period.
    opened: int = 0
    due: int = 0  # accepted as rectified, or a limit has run out
    due_services: int = 0
    due_cases: int = 0
    due_pending: int = 0
    negatives_revoked: int = 0
    done: int = 0  # accepted, every step in time
    accepted: int = 0  # a rectification was accepted
    accepted_services: int = 0
    accepted_cases: int = 0
    accepted_pending: int = 0
    solved: int = 0  # the person's last word is content
    real_accepted: int = 0  # of these, rated under a verified identity (R12)
    real_solved: int = 0
    # Quarters whose report is due or sent.
    quarters: int = 0
    quarters_in_time: int = 0

    def add(self, other: Tally) -> None:
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))


COUNTS = tuple(field.name for field in fields(Tally))


def total(tallies: Iterable[Tally]) -> Tally:
    found = Tally()
    for tally in tallies:
        found.add(tally)
    return found


@dataclass(frozen=True)
class Definition:
    """One indicator as names of counts: which stand above and below, and what R13 shows beside them.

    `id` is that of its row in the law folder, which holds label, clause and sentences.
    An empty name counts nothing: there is no default among negatives.
    """

    id: str
    numerator: str
    denominator: str
    by_default: str = ""  # what the defaults add to the numerator, where the law lets them count
    services: str = ""
    cases: str = ""
    ratings: str = ""
    defaults: str = ""
    supplementary: str = ""
    pending: str = ""
    revoked: str = ""
    real_name: tuple[str, str] | None = None  # numerator and denominator of the real-name part
    sampled: bool = True  # quarters are not a sample: R13's minimum is one of services

    def count(self, tally: Tally, name: str) -> int:
        """The count that this definition calls `name`."""
        field = getattr(self, name)
        return int(getattr(tally, field)) if field else 0


DEFINITIONS = (
    Definition(  # minan/5.1.1: the person's own word, never a default
        "participation", "offline_ratings", "offline", services="offline", cases="offline_cases",
        ratings="offline_ratings", defaults="offline_defaults", supplementary="offline_supplementary",
        pending="offline_pending", revoked="offline_revoked",
    ),
    Definition(  # minan/5.1.2: below the line stand all services, not the rated ones
        "praise", "good", "services", by_default="good_defaults", services="services", cases="cases",
        ratings="ratings", defaults="defaults", supplementary="supplementary", pending="pending", revoked="revoked",
    ),
    Definition(  # minan/5.1.3
        "rectified", "done", "due", services="due_services", cases="due_cases", ratings="due", pending="due_pending",
        revoked="negatives_revoked",
    ),
    Definition(  # minan/5.1.4, R9: real-name negatives must reach 100 %
        "follow_up", "solved", "accepted", services="accepted_services", cases="accepted_cases", ratings="accepted",
        pending="accepted_pending", revoked="negatives_revoked", real_name=("real_solved", "real_accepted"),
    ),
    Definition("reporting", "quarters_in_time", "quarters", sampled=False),  # minan/5.1.5
)  # fmt: skip
BY_ID = {definition.id: definition for definition in DEFINITIONS}


def fraction(numerator: int, denominator: int) -> float | None:
    """Rounded to 6 places; None where there is nothing to divide by."""
    return round(numerator / denominator, 6) if denominator else None
