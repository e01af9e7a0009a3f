"""What old devices sent, word for word, and what became of it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from minping.evaluate.models import Rating, Service
from minping.kernel import ids
from minping.registry.models import Device


class KeypadEvent(models.Model):
    """One event of a key-pad.  `key` is the device's own code in its code `system`; a level stands in the rating only."""

    class Result(models.TextChoices):
        RATED = "rated", "已评价"
        SILENT = "offered_not_answered", "已邀请，未作答"
        NO_SERVICE = "no_service", "窗口上没有等着评价的服务"
        REFUSED = "refused", "没有收下"

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="keypad_events")
    event_id = models.CharField(max_length=60)
    model = models.CharField(max_length=40)
    system = models.CharField(max_length=40)
    key = models.CharField(max_length=20)
    device_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    result = models.CharField(max_length=24, choices=Result.choices)
    error = models.CharField(max_length=60, blank=True)
    service = models.ForeignKey(Service, null=True, on_delete=models.PROTECT, related_name="keypad_events")
    rating = models.ForeignKey(Rating, null=True, on_delete=models.PROTECT, related_name="keypad_events")

    class Meta:
        verbose_name = "按键评价器的事件"
        constraints: ClassVar = [models.UniqueConstraint(fields=["device", "event_id"], name="keypad_event_once")]
