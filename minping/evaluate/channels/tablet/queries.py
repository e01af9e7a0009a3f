"""Reads of the tablets: what one has still to be told, and how they all are (minan/4.1.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Prefetch, Q

from minping import law
from minping.evaluate.channels.tablet.models import PAIRED, Credential, DeviceEvent, EventNote, MorningCheck
from minping.evaluate.channels.tablet.view import event_view
from minping.evaluate.models import Service
from minping.evaluate.states import Outcome
from minping.kernel import clock
from minping.registry.importing.sheets import DEVICE_KINDS
from minping.registry.models import Device, Window

AT_WINDOW = ("tablet", "keypad", "qr")  # kinds by which a person rates at the window itself
OVERLAP = 60.0  # seconds within which a slower transaction with a lower number may still commit
LOOK_BACK = timedelta(days=30)  # a rating may come in some while after its service
ENDED = tuple(what for what in EventNote.What if what is not EventNote.What.SHOWN)


def open_events(device_id: UUID, after: int, now: datetime) -> list[dict[str, Any]]:
    """What the device is still to show, for a fresh connection or one resumed after event `after`.

    The last minute is told again whatever `after` says, since numbers may commit out of
    order; the device knows an event by its number and shows it once.
    """
    rows = (
        DeviceEvent.objects.filter(device_id=device_id, until__gt=now)
        .filter(Q(pk__gt=after) | Q(written__gt=clock.wall() - OVERLAP))
        .exclude(notes__what__in=ENDED)
        .select_related("service__applicant", "rating")
        .order_by("pk")
    )
    return [shown for row in rows if (shown := event_view(row, now)) is not None]


def recent_events(device_id: UUID, most: int = 50) -> list[DeviceEvent]:
    """The device's newest events with their notes, newest first."""
    rows = DeviceEvent.objects.filter(device_id=device_id).select_related("service").order_by("-pk")[:most]
    return list(rows.prefetch_related(Prefetch("notes", EventNote.objects.order_by("at"))))


@dataclass(frozen=True)
class Line:
    """One device as the head's page shows it."""

    device: Device
    credential: Credential | None
    checked: MorningCheck | None
    silent: bool

    @property
    def kind_label(self) -> str:
        return DEVICE_KINDS.get(self.device.kind, self.device.kind)

    @property
    def state(self) -> tuple[str, str]:
        """Class and words of the state."""
        if self.device.kind not in PAIRED:
            return "", ""
        if self.credential is None:
            return "none", "未配对"
        return ("down", "失联") if self.silent else ("up", "在线")


@dataclass(frozen=True)
class Overview:
    """The windows and devices of an office this morning."""

    lines: list[Line]
    unchecked: list[tuple[Window, str, bool]]  # each with its unit's opening hour, and whether that is past
    silent: list[Line]
    quiet: list[tuple[Window, int]]
    bare: list[Window]  # without a device in sight, which every window must have (minan/3.4.2)
    working_day: bool
    days: int

    @property
    def checked(self) -> int:
        """Tablets whose test row went up and came back today."""
        return sum(bool(line.checked and line.checked.returned_at) for line in self.lines)

    @property
    def late(self) -> int:
        """Windows whose unit is open and which nobody has checked."""
        return sum(past for _, _, past in self.unchecked)


def overview(organizations: Sequence[str], area_code: str, now: datetime) -> Overview:
    """Windows unchecked, devices silent, windows without a rating for n days or without a device, in five queries."""
    local = clock.beijing(now)
    rules = law.at(area_code, local.date())
    opening = str(rules.value("opening").value)
    days = rules.limit("window_silent").value
    silent_since = now - timedelta(minutes=rules.limit("device_silent").value)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    devices = list(
        Device.objects.filter(organization_id__in=organizations, retired_at=None)
        .select_related("organization", "window__organization")
        .order_by("organization__path", "window__code", "code")
    )
    devices.sort(key=lambda device: device.kind not in PAIRED)  # those that can be looked after come first
    ids = [device.pk for device in devices]
    live = {row.device_id: row for row in Credential.objects.filter(device_id__in=ids, revoked_at=None)}
    checks: dict[UUID, MorningCheck] = {}
    for check in MorningCheck.objects.filter(device_id__in=ids, received_at__gte=midnight).order_by("received_at"):
        if check.device_id not in checks or checks[check.device_id].returned_at is None:
            checks[check.device_id] = check
    lines = [
        Line(device, credential := live.get(device.pk), checks.get(device.pk), _silent(credential, silent_since))
        for device in devices
    ]
    windows = list(
        Window.objects.filter(organization_id__in=organizations, retired_at=None)
        .select_related("organization")
        .order_by("organization__path", "code")
    )
    equipped = {device.window_id for device in devices if device.kind in AT_WINDOW}
    working = law.calendar().is_working_day(local.date())
    tablets = [line for line in lines if line.device.kind == "tablet" and line.device.window is not None]
    passed = {line.device.window_id for line in tablets if line.checked is not None and line.checked.returned_at}
    unchecked = {line.device.window_id: line.device.window for line in tablets if line.device.window_id not in passed}
    now_text = f"{local:%H:%M}"
    hours = [(window, window.organization.opens_at or opening) for window in unchecked.values() if window is not None]
    return Overview(
        lines=lines,
        unchecked=[(window, hour, now_text >= hour) for window, hour in hours] if working else [],
        silent=[line for line in lines if line.silent],
        quiet=_quiet(windows, organizations, midnight - timedelta(days=days)),
        bare=[window for window in windows if window.pk not in equipped],
        working_day=working,
        days=days,
    )


def _silent(credential: Credential | None, since: datetime) -> bool:
    return credential is not None and (credential.seen_at is None or credential.seen_at < since)


def _quiet(windows: Iterable[Window], organizations: Sequence[str], since: datetime) -> list[tuple[Window, int]]:
    """Of these windows those without a rating since, each with the number of its services since."""
    counted = {
        (row["organization_code"], row["window_code"]): row
        for row in Service.objects.filter(organization_code__in=organizations, served_at__gte=since - LOOK_BACK)
        .order_by()
        .values("organization_code", "window_code")
        .annotate(
            services=Count("pk", filter=Q(served_at__gte=since)),
            rated=Count("pk", filter=Q(outcome=Outcome.RATING, outcome_at__gte=since)),
        )
    }
    found = []
    for window in windows:
        row = counted.get((window.organization_id, window.code), {"rated": 0, "services": 0})
        if not row["rated"]:
            found.append((window, row["services"]))
    return sorted(found, key=lambda pair: -pair[1])  # silence where people were served is worth the first look
