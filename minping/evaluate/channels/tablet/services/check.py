"""The morning check (minan/4.1.1): one marked row through the real path, up to the outbox and back, counted nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from minping.evaluate.channels.tablet.models import DeviceEvent, MorningCheck
from minping.evaluate.channels.tablet.services.pairing import area_of
from minping.kernel import clock, journal
from minping.registry.models import Device
from minping.upstream.services import Draft, check_enqueue

SHOWN = timedelta(minutes=2)  # after that nobody waits in front of the screen for the answer


def check_take(*, check_id: UUID, device: Device, pressed_at: datetime, at: datetime) -> MorningCheck:
    """Store the check and send its row on its way; the same id again changes nothing."""
    with transaction.atomic():
        check, made = MorningCheck.objects.get_or_create(
            pk=check_id, defaults={"device": device, "pressed_at": pressed_at, "received_at": at}
        )
        if made:
            check_enqueue(
                Draft("check", check.pk, area_of(device), device.organization_id, f"check:{check.pk.hex}", 0, at),
                at=at,
            )
            journal.write(
                "device.checked", at=at, actor=f"device:{device.code}", organization_code=device.organization_id,
                subject=device.pk, device=device.code,
            )  # fmt: skip
    return check


def checks_note(subjects: Sequence[UUID], *, at: datetime) -> None:
    """The rows have come back: note when, and tell the devices."""
    checks = list(MorningCheck.objects.filter(pk__in=subjects, returned_at=None))
    MorningCheck.objects.filter(pk__in=[check.pk for check in checks]).update(returned_at=at)
    DeviceEvent.objects.bulk_create(
        DeviceEvent(
            device_id=check.device_id, kind=DeviceEvent.Kind.CHECKED, subject=check.pk, at=at, until=at + SHOWN,
            written=clock.wall(),
        )
        for check in checks
    )  # fmt: skip
