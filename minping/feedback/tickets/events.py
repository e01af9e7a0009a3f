"""What has happened with a ticket."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from minping.feedback.tickets.models import Ticket
from minping.kernel.access import Actor


@dataclass(frozen=True)
class TicketTold:
    """A person found a ticket answered by what was done in a closed case."""

    ticket: Ticket
    at: datetime
    by: Actor
