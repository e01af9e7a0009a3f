"""What has happened at the key-pads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from minping.evaluate.models import Rating, Service


@dataclass(frozen=True)
class ReasonMissing:
    """Negative ratings came in without a reason, for a key-pad has none: the other channels ask for it."""

    pairs: tuple[tuple[Service, Rating], ...]
    at: datetime
