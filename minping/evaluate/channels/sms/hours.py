"""When a text or a call that nobody asked for may be made (`sms_from_hour`, `call_from_hour` … of the law)."""

from __future__ import annotations

from datetime import datetime, timedelta

from minping import law


def within(rules: law.Rules, at: datetime, kind: str = "sms") -> datetime:
    """`at`, or the next moment at which texts may be sent (`kind` "sms") or people be called (`kind` "call")."""
    here = at.astimezone(law.BEIJING)
    first, last = int(rules.value(f"{kind}_from_hour").value), int(rules.value(f"{kind}_until_hour").value)
    if here.hour >= last:
        here = (here + timedelta(days=1)).replace(hour=first, minute=0, second=0, microsecond=0)
    elif here.hour < first:
        here = here.replace(hour=first, minute=0, second=0, microsecond=0)
    return here.astimezone(at.tzinfo)
