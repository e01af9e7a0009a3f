"""Negative cases and the calls made about them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from minping.evaluate.models import Rating, Service
from minping.feedback.states import CallOutcome, CallPurpose, CaseState
from minping.kernel import ids
from minping.kernel.due import Due


class Case(Due):
    """差评件: opened by a negative rating of any kind, one for a service at a time.

    What the work list shows is copied in, so that a page of it is one query.
    """

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    number = models.CharField("编号", max_length=30, unique=True)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="cases")
    rating = models.OneToOneField(Rating, on_delete=models.PROTECT, related_name="case")
    area_code = models.CharField(max_length=12)
    organization_code = models.CharField(max_length=40)
    window_code = models.CharField(max_length=40, blank=True)
    window_name = models.CharField(max_length=80, blank=True)
    staff_code = models.CharField(max_length=40, blank=True)
    item_name = models.CharField(max_length=200)
    level = models.SmallIntegerField()
    excerpt = models.CharField(max_length=80, blank=True)
    state = models.CharField(max_length=12, choices=[(s.value, s.label) for s in CaseState])
    opened_at = models.DateTimeField()
    verify_due_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.CharField(max_length=80, blank=True)
    closed_at = models.DateTimeField(null=True)
    result = models.CharField(max_length=20, blank=True)
    revision = models.SmallIntegerField(default=1)

    JOURNALLED: ClassVar = (
        "number", "service_id", "rating_id", "state", "level", "opened_at", "due_at", "confirmed_at", "closed_at",
        "result",
    )  # fmt: skip

    class Meta:
        verbose_name = "差评件"
        indexes: ClassVar = [
            # The work list, in its own order and without reading the table (kernel/queues).
            models.Index(fields=["organization_code", "state", "due_at", "id", "window_code"], name="case_queue"),
            models.Index(fields=["organization_code", "opened_at"], name="case_period"),
            models.Index(
                fields=["organization_code", "-closed_at", "id", "window_code"], name="case_done",
                condition=models.Q(state="closed"),
            ),
            models.Index(fields=["due_at"], name="case_provisional", condition=models.Q(due_provisional=True)),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.number


class CallBack(models.Model):
    """One attempt to reach the person, whatever came of it (minan/4.2.2, 4.2.3)."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="calls")
    purpose = models.CharField(max_length=12, choices=[(p.value, p.label) for p in CallPurpose])
    at = models.DateTimeField()
    by = models.CharField(max_length=80)
    by_label = models.CharField(max_length=60)
    outcome = models.CharField(max_length=15, choices=[(o.value, o.label) for o in CallOutcome])
    words = models.TextField(blank=True)
    recording_no = models.CharField(max_length=60, blank=True)

    JOURNALLED: ClassVar = ("case_id", "purpose", "at", "by", "outcome", "words", "recording_no")

    class Meta:
        verbose_name = "回访"
