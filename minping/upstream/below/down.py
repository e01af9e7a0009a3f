"""What we send down to a subordinate, kept in its order until it has asked for it: it may sit behind a gateway.

Everything sent down has a reference of its own, so that asking again takes nothing twice.
"""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from typing import Any

from django.db.models import F

from minping.kernel import ids, journal, privacy
from minping.kernel.access import Actor
from minping.upstream.below.heard import subordinate_heard
from minping.upstream.messages import ForwardedDown, NegativeReceived, SupervisionDown, ValidityContent, _plain
from minping.upstream.models import SentDown, Subordinate

Down = NegativeReceived | ValidityContent | ForwardedDown | SupervisionDown
MOST = 200  # of one answer


def send_down(subordinate: str, content: Down, *, reference: str, by: Actor, at: datetime) -> SentDown | None:
    """Put it into the subordinate's line, in the caller's transaction; None where it is there already."""
    kind = type(content).KIND[0]
    if SentDown.objects.filter(subordinate=subordinate, kind=kind, reference=reference).exists():
        return None
    # The lock of this row is held to the end of the transaction: numbers become visible in their order.
    Subordinate.objects.get_or_create(organization_code=subordinate)
    Subordinate.objects.filter(pk=subordinate).update(last_number=F("last_number") + 1)
    number = Subordinate.objects.values_list("last_number", flat=True).get(pk=subordinate)
    identifier = ids.uuid7()
    told = {one.name: _plain(getattr(content, one.name)) for one in dataclasses.fields(content)}
    row = SentDown.objects.create(
        id=identifier, subordinate=subordinate, number=number, kind=kind, reference=reference[:120], made_at=at,
        made_by=by.name, content=privacy.seal(json.dumps(told).encode(), f"down:{identifier.hex}"),
    )  # fmt: skip
    journal.write(
        "below.sent_down", at=at, actor=by.name, organization_code=subordinate, subject=identifier, kind=kind,
        reference=reference, number=number,
    )  # fmt: skip
    return row


def take_down(subordinate: str, after: int, *, at: datetime) -> dict[str, Any]:
    """What follows the number `after`, which says that all up to it have been taken; and how far this answer goes."""
    subordinate_heard(subordinate, at=at)
    Subordinate.objects.filter(pk=subordinate, taken__lt=after, last_number__gte=after).update(taken=after)
    rows = list(SentDown.objects.filter(subordinate=subordinate, number__gt=after).order_by("number")[:MOST])
    items = [
        {"number": row.number, "kind": row.kind, "content": privacy.unseal_json(row.content, f"down:{row.pk.hex}")}
        for row in rows
    ]
    return {"items": items, "cursor": rows[-1].number if rows else after}
