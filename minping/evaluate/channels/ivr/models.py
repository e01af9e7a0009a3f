"""Calls of a telephone system and what it reported of them.  No number and no recording is kept in the clear."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from minping.evaluate.channels.ivr.states import CallOutcome, CallState, Direction, EventKind
from minping.evaluate.models import Rating, Service
from minping.kernel import ids


class Call(models.Model):
    """One call.  `reference` is the telephone system's own number of it, by which a repeated report is known.

    `step` counts the answers given: an event speaks of the question of one step.  `order`
    is which end of the scale is read first, drawn once.  `outcome` "" means that it goes on.
    """

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    by = models.CharField(max_length=80)
    reference = models.CharField(max_length=80)
    direction = models.CharField(max_length=10, choices=[(d.value, d.label) for d in Direction])
    phone_index = models.BinaryField(max_length=16, null=True)
    service = models.ForeignKey(Service, null=True, on_delete=models.PROTECT, related_name="ivr_calls")
    choices = models.JSONField(default=list)
    order = models.JSONField()
    state = models.CharField(max_length=10, choices=[(s.value, s.label) for s in CallState])
    step = models.SmallIntegerField(default=1)
    misses = models.SmallIntegerField(default=0)
    outcome = models.CharField(max_length=24, blank=True, default="", choices=[(o.value, o.label) for o in CallOutcome])
    error = models.CharField(max_length=60, blank=True, default="")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    rating = models.ForeignKey(Rating, null=True, on_delete=models.PROTECT, related_name="ivr_calls")
    said = models.BinaryField(null=True)

    class Meta:
        verbose_name = "电话自动请评"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["by", "reference"], name="ivr_call_once"),
            models.UniqueConstraint(
                fields=["service"], name="ivr_one_out", condition=models.Q(outcome="", direction="outgoing")
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["phone_index", "started_at"], name="ivr_phone")]

    @property
    def place(self) -> str:
        """Where what was said is sealed: reference of the recording and recognised words."""
        return f"ivr:{self.pk.hex}"


class CallEvent(models.Model):
    """One report, under the telephone system's own id, with the answer it got: the same id is answered alike."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="events")
    event_id = models.CharField(max_length=60)
    kind = models.CharField(max_length=10, choices=[(k.value, k.value) for k in EventKind] + [("start", "start")])
    key = models.CharField(max_length=2, blank=True, default="")
    step = models.SmallIntegerField()
    device_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    answer = models.JSONField()

    class Meta:
        verbose_name = "电话报来的事"
        constraints: ClassVar = [models.UniqueConstraint(fields=["call", "event_id"], name="ivr_event_once")]
