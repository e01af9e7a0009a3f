"""What has happened in the stage 改进."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from minping.rectify.models import Order


@dataclass(frozen=True)
class OrderAssigned:
    """转办: a unit has five working days (minan/4.2.3)."""

    order: Order
    at: datetime


@dataclass(frozen=True)
class OrderMoved:
    """Any move of an order: a superior that keeps whole records is told."""

    order: Order
    at: datetime


@dataclass(frozen=True)
class OrderTold:
    """A step of the rectification that the superior is told and nothing else here follows from (minan/4.2.1)."""

    order: Order
    at: datetime


@dataclass(frozen=True)
class OrderAccepted:
    """Someone other than the reporter found the rectification done."""

    order: Order
    at: datetime


@dataclass(frozen=True)
class OrderUnsolved:
    """The person says it is not solved: a new round begins."""

    order: Order
    at: datetime


@dataclass(frozen=True)
class OrderDone:
    """Solved, and re-rated or the days for re-rating are over."""

    order: Order
    at: datetime
