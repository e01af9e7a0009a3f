"""When a text that nobody asked for may be sent (`sms_from_hour`, `sms_until_hour` of the law)."""

from __future__ import annotations

from datetime import datetime, timedelta

from minping import law


def within(rules: law.Rules, at: datetime) -> datetime:
    """`at`, or the next moment at which texts may be sent."""
    here = at.astimezone(law.BEIJING)
    first, last = int(rules.value("sms_from_hour").value), int(rules.value("sms_until_hour").value)
    if here.hour >= last:
        here = (here + timedelta(days=1)).replace(hour=first, minute=0, second=0, microsecond=0)
    elif here.hour < first:
        here = here.replace(hour=first, minute=0, second=0, microsecond=0)
    return here.astimezone(at.tzinfo)
