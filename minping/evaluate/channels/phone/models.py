"""Calls that ask for a rating: who asked, in which order the levels were read, which recording shows it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from minping.evaluate.channels.phone.states import AskOutcome
from minping.evaluate.models import Rating, Service
from minping.kernel import ids


class AskCall(models.Model):
    """One call by an operator.  `order` is drawn once when the call is opened; `outcome` "" means it is open."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="ask_calls")
    by = models.CharField(max_length=80)
    opened_at = models.DateTimeField()
    order = models.JSONField()
    outcome = models.CharField(max_length=10, blank=True, default="", choices=[(o.value, o.label) for o in AskOutcome])
    recording_no = models.CharField(max_length=60, blank=True, default="")
    ended_at = models.DateTimeField(null=True)
    rating = models.OneToOneField(Rating, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = "电话请评"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["service"], name="ask_one_open", condition=models.Q(outcome="")),
            models.UniqueConstraint(fields=["by"], name="ask_one_each", condition=models.Q(outcome="")),
        ]
