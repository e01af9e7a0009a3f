"""Making a browser the device of a window, and ending that (minan/3.4.2)."""

from __future__ import annotations

import secrets
from datetime import datetime
from uuid import UUID

from django.db import transaction

from minping import law
from minping.evaluate.channels.tablet.models import PAIRED, Credential, DeviceEvent, PairingCode
from minping.kernel import clock, journal, privacy
from minping.kernel.access import Actor
from minping.kernel.errors import Invalid, NotFound, Problem
from minping.registry import queries as registry
from minping.registry.models import Device

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that are taken for another; 10 of them are 50 bits


class PairingRefused(Problem):
    code = "pairing_refused"
    status = 404
    message = "这个配对码不对、已经用过或者过了时间。"
    cure = "请管理员在“窗口装置”页重新生成一个，十分钟内有效，只能用一次。"


class DeviceUnknown(Problem):
    code = "device_unknown"
    status = 401
    message = "这台装置还没有配对，或者已经停用。"
    cure = "请管理员在“窗口装置”页重新配对。"


def _device(device_id: UUID, by: Actor) -> Device:
    device = Device.objects.filter(pk=device_id).select_related("organization", "window").first()
    if device is None:
        raise NotFound("没有这台装置。")
    by.require("device.manage", device.organization.path)
    return device


def pairing_start(*, device_id: UUID, by: Actor, at: datetime) -> str:
    """A fresh one-use code for the device, shown this once; an unused older one is void.  Raises Forbidden, Invalid."""
    device = _device(device_id, by)
    if device.kind not in PAIRED or not device.live or (device.kind == "tablet" and device.window is None):
        raise Invalid("只有在用的自助终端和登记了窗口的窗口平板才能配对。", cure="请先在登记簿里补上。")
    rules = law.at(device.organization.area_id, clock.beijing(at).date())
    code = "".join(secrets.choice(LETTERS) for _ in range(10))
    with transaction.atomic():
        PairingCode.objects.filter(device=device, used_at=None, until__gt=at).update(until=at)
        PairingCode.objects.create(
            device=device, digest=privacy.token_hash(code), made_at=at, made_by=by.name,
            until=law.due(rules.limit("pairing"), at).at,
        )  # fmt: skip
        journal.write(
            "device.pairing", at=at, actor=by.name, organization_code=device.organization_id, subject=device.pk,
            device=device.code,
        )  # fmt: skip
    return code


def device_pair(*, code: str, at: datetime) -> tuple[Credential, str]:
    """Spend a code; returns the new credential and its secret, which only the device keeps.  Raises PairingRefused."""
    digest = privacy.token_hash("".join(code.upper().split()).replace("-", ""))
    with transaction.atomic():
        spent = PairingCode.objects.filter(digest=digest, used_at=None, until__gt=at).update(used_at=at)
        if not spent:
            raise PairingRefused(field="code")
        device = PairingCode.objects.select_related("device").get(digest=digest).device
        Credential.objects.filter(device=device, revoked_at=None).update(revoked_at=at)
        secret = "mpd_" + secrets.token_urlsafe(32)
        credential = Credential.objects.create(device=device, digest=privacy.token_hash(secret), made_at=at, seen_at=at)
        journal.write(
            "device.paired", at=at, actor=f"device:{device.code}", organization_code=device.organization_id,
            subject=device.pk, device=device.code,
        )  # fmt: skip
    return credential, secret


def credential_revoke(*, device_id: UUID, by: Actor, at: datetime) -> None:
    """End a device's credential for good and tell the device so.  Raises Forbidden, NotFound."""
    device = _device(device_id, by)
    with transaction.atomic():
        if not Credential.objects.filter(device=device, revoked_at=None).update(revoked_at=at):
            raise NotFound("这台装置没有配对。", cure="不用停用。")
        DeviceEvent.objects.create(device=device, kind=DeviceEvent.Kind.STOP, at=at, until=at, written=clock.wall())
        journal.write(
            "device.revoked", at=at, actor=by.name, organization_code=device.organization_id, subject=device.pk,
            device=device.code,
        )  # fmt: skip


def credential_find(secret: str, kind: str = "tablet") -> Credential:
    """The live credential behind the secret of a device of this kind.  Raises DeviceUnknown."""
    found = (
        Credential.objects.filter(
            digest=privacy.token_hash(secret), revoked_at=None, device__retired_at=None, device__kind=kind
        )
        .select_related("device__organization", "device__window")
        .first()
        if secret
        else None
    )
    if found is None:
        raise DeviceUnknown()
    return found


def credential_seen(credential: Credential, *, at: datetime) -> None:
    """The device has reported that it is there."""
    Credential.objects.filter(pk=credential.pk, revoked_at=None).update(seen_at=at)


def area_of(device: Device) -> str:
    """The area whose law applies to the device."""
    return registry.place(device.organization_id).area_code
