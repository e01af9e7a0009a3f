"""The five indicators as the API answers them; the site mounts it and checks the key's scope."""

from __future__ import annotations

from datetime import date
from typing import Any

from minping.assess.indicators import indicators
from minping.assess.periods import AsOf
from minping.kernel import clock


def indicators_json(unit: str, start: date, end: date, as_of: AsOf | None = None) -> list[dict[str, Any]]:
    """Per indicator a flat object (R13); `as_of` None: as of this moment.  Raises NotFound, Invalid, LawError."""
    return [one.as_json() for one in indicators(unit, start, end, as_of or clock.now())]
