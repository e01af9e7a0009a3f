"""Tablets: how one is paired, what it was told, what it says became of that, and its morning check."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from minping.evaluate.models import Rating, Service
from minping.kernel import ids
from minping.registry.models import Device

PAIRED = ("tablet", "terminal")  # kinds of devices that are a paired browser


class PairingCode(models.Model):
    """A code that makes one browser the device: used once, within the limit `pairing`; kept as a digest."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="pairing_codes")
    digest = models.BinaryField(max_length=32, unique=True)
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=80)
    until = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "配对码"


class Credential(models.Model):
    """What a paired browser proves itself by, and how it was when it last reported.  One live one per device.

    `skew` is by how many seconds the device's clock runs ahead of ours; `waiting` how
    many presses it still keeps.
    """

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="credentials")
    digest = models.BinaryField(max_length=32, unique=True)
    made_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    waiting = models.IntegerField(default=0)
    skew = models.IntegerField(default=0)

    class Meta:
        verbose_name = "装置凭据"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["device"], name="credential_one_live", condition=models.Q(revoked_at__isnull=True)
            )
        ]


class DeviceEvent(models.Model):
    """One thing a device is told; append-only, so that a reconnect misses nothing.

    `subject` is the morning check or the rating it speaks of.  `written` are real
    seconds: by it the watcher knows how far back a slow transaction may still commit.
    """

    class Kind(models.TextChoices):
        OFFER = "offer", "请评价"
        REASON = "reason", "请说明原因"
        RATED = "rated", "已在别处评价"
        CHECKED = "checked", "晨检回来了"
        STOP = "stop", "停用"

    id = models.BigAutoField(primary_key=True)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    service = models.ForeignKey(Service, null=True, on_delete=models.PROTECT, related_name="device_events")
    rating = models.ForeignKey(Rating, null=True, on_delete=models.PROTECT, related_name="device_events")
    subject = models.UUIDField(null=True)
    at = models.DateTimeField()
    until = models.DateTimeField()
    written = models.FloatField()

    class Meta:
        verbose_name = "装置事件"
        indexes: ClassVar = [models.Index(fields=["device", "until"], name="device_event_open")]


class EventNote(models.Model):
    """What the device says became of an event: never which level was pressed."""

    class What(models.TextChoices):
        SHOWN = "shown", "已显示"
        PRESSED = "pressed", "已作答"
        LEFT = "left", "无人作答，已清屏"
        REPLACED = "replaced", "下一件来了，已清屏"
        ELSEWHERE = "elsewhere", "已在别处评价，已清屏"
        REFUSED = "refused", "没有收下"

    event = models.ForeignKey(DeviceEvent, on_delete=models.PROTECT, related_name="notes")
    what = models.CharField(max_length=10, choices=What.choices)
    at = models.DateTimeField()
    device_at = models.DateTimeField()

    class Meta:
        verbose_name = "装置事件的经过"
        constraints: ClassVar = [models.UniqueConstraint(fields=["event", "what"], name="note_once")]


class MorningCheck(models.Model):
    """A marked test row (minan/4.1.1): pressed, stored, put into the outbox, come back.  Counted in nothing.

    The key is the device's own id of the press, so that a repeated delivery is the same check.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="checks")
    pressed_at = models.DateTimeField()
    received_at = models.DateTimeField()
    returned_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "晨检"
        indexes: ClassVar = [models.Index(fields=["device", "received_at"], name="check_day")]
