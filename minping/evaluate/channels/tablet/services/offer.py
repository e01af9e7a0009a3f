"""The end of a service itself makes its offer at the window (R11): no one sends it and no one can hold it back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from minping import law
from minping.evaluate.channels.tablet.models import Credential, DeviceEvent
from minping.evaluate.models import Rating, Service
from minping.kernel import bulk, clock, journal

CHANNEL = "tablet"
CHUNK = 5000
_COLUMNS = ("device", "kind", "service", "rating", "subject", "at", "until", "written")


def tablets() -> dict[tuple[str, str], list[UUID]]:
    """The paired tablets in use, by organisation and window code."""
    rows = Credential.objects.filter(
        revoked_at=None, device__kind="tablet", device__retired_at=None, device__window__isnull=False
    ).values_list("device_id", "device__organization_id", "device__window__code")
    found: dict[tuple[str, str], list[UUID]] = defaultdict(list)
    for device, organization, window in rows:
        found[organization, window].append(device)
    return found


def offers_make(ids: Sequence[UUID], *, at: datetime) -> int:
    """Offer the services that have just ended to the tablets of their windows, in the caller's transaction.

    One that ended longer ago than the limit `offer` is left to the person's phone: by
    then someone else stands at the window.
    """
    where = tablets()
    if not where:
        return 0
    day = clock.beijing(at).date()
    events: list[tuple[Any, ...]] = []
    written = clock.wall()
    for start in range(0, len(ids), CHUNK):
        found = Service.objects.filter(
            pk__in=ids[start : start + CHUNK], window_code__in={window for _, window in where}
        ).values_list("pk", "organization_code", "window_code", "area_code", "served_at")
        for service, organization, window, area, served_at in found.order_by("served_at", "pk"):
            limit = timedelta(minutes=law.at(area, day).limit("offer").value)
            if served_at < at - limit:
                continue
            for device in where.get((organization, window), ()):
                events.append((device, DeviceEvent.Kind.OFFER, service, None, None, at, at + limit, written))
    _write(events, at)
    return len(events)


def reason_ask(ratings: Iterable[tuple[Service, Rating]], *, at: datetime) -> int:
    """Ask at the window for the reason of a negative that came in without one; nothing is put into anyone's mouth."""
    where = tablets()
    written = clock.wall()
    events: list[tuple[Any, ...]] = []
    for service, rating in ratings:
        for device in where.get((service.organization_code, service.window_code), ()):
            events.append(
                (device, DeviceEvent.Kind.REASON, service.pk, rating.pk, None, at, rating.change_until, written)
            )
    _write(events, at)
    return len(events)


def offers_withdraw(ratings: Iterable[tuple[Service, Rating]], *, at: datetime) -> int:
    """Whoever rated by phone, at the terminal or anywhere else finds no tiles for it on the tablet any more."""
    ids = [service.pk for service, rating in ratings if rating.channel != CHANNEL]
    open_offers = DeviceEvent.objects.filter(service__in=ids, kind=DeviceEvent.Kind.OFFER, until__gt=at)
    written = clock.wall()
    events = [
        (device, DeviceEvent.Kind.RATED, service, None, None, at, until, written)
        for device, service, until in open_offers.values_list("device_id", "service_id", "until")
    ]
    if events:
        bulk.insert(DeviceEvent, _COLUMNS, events)
    return len(events)


def _write(events: list[tuple[Any, ...]], at: datetime) -> None:
    if not events:
        return
    bulk.insert(DeviceEvent, _COLUMNS, events)
    # On a screen in the hall a surname will be read: that it was shown is on record (minan/3.1.4).
    journal.write(
        "device.offered", at=at, actor="system", subject=events[0][2] if len(events) == 1 else None,
        count=len(events), kind=str(events[0][1]),
    )  # fmt: skip
