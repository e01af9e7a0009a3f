"""Rectification orders, their evidence, and what the person said in the end."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from minping.evaluate.models import Rating
from minping.feedback.models import CallBack, Case
from minping.kernel import ids
from minping.kernel.documents import Document
from minping.kernel.due import Due
from minping.rectify.states import OrderState


class Order(Due):
    """整改单: the n-th round of a case's rectification, with the clock of that round (R5)."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="orders")
    round = models.SmallIntegerField()
    area_code = models.CharField(max_length=12)
    organization_code = models.CharField(max_length=40)
    window_code = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=12, choices=[(s.value, s.label) for s in OrderState])
    assigned_at = models.DateTimeField()
    assigned_by = models.CharField(max_length=80)
    rectify_due_at = models.DateTimeField()
    plan = models.TextField(blank=True)  # why it is complex, what is done by when: with the one extension
    extension_asked_by = models.CharField(max_length=80, blank=True)
    extended_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    paused_days = models.SmallIntegerField(null=True)  # working days that were left (minan/4.2.2)
    transfer_reason = models.TextField(blank=True)  # why this unit and not the one that was rated
    measures = models.TextField(blank=True)
    reported_at = models.DateTimeField(null=True)
    reported_by = models.CharField(max_length=80, blank=True)
    returned_reason = models.TextField(blank=True)
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.CharField(max_length=80, blank=True)
    followed_at = models.DateTimeField(null=True)
    follow_up = models.CharField(max_length=10, blank=True)  # a FollowUp, or UNREACHABLE
    call = models.ForeignKey(CallBack, null=True, on_delete=models.PROTECT, related_name="+")
    rerating = models.ForeignKey(Rating, null=True, on_delete=models.PROTECT, related_name="+")
    finished_at = models.DateTimeField(null=True)
    origin = models.CharField(max_length=40, blank=True, default="")  # the subordinate that works on it; empty: we do

    JOURNALLED: ClassVar = (
        "case_id", "round", "state", "assigned_at", "rectify_due_at", "plan", "extension_asked_by", "extended_at",
        "paused_at", "paused_days", "measures", "reported_at", "reported_by",
        "accepted_at", "accepted_by", "follow_up", "rerating_id", "finished_at",
    )  # fmt: skip
    JOURNALLED_LATER: ClassVar = {"transfer_reason": "", "origin": ""}

    class Meta:
        verbose_name = "整改单"
        constraints: ClassVar = [models.UniqueConstraint(fields=["case", "round"], name="order_round_once")]
        indexes: ClassVar = [
            # The work list, in its own order and without reading the table (kernel/queues).
            models.Index(
                fields=["organization_code", "state", "due_at", "id", "window_code", "origin"], name="order_queue"
            ),
            models.Index(fields=["due_at"], name="order_provisional", condition=models.Q(due_provisional=True)),
        ]

    def __str__(self) -> str:
        return f"{self.case} 第{self.round}轮"


class Evidence(Document):
    """A document or picture of what was done."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="evidence")

    JOURNALLED: ClassVar[tuple[str, ...]] = ("order_id", *Document.JOURNALLED)

    class Meta:
        verbose_name = "佐证材料"


class CaseText(models.Model):
    """The words of a case as tokens, for the text search inside the database (rectify/words.py).

    Derived from the case, its rating and its orders; says nothing that they do not say.
    """

    id = models.BigAutoField(primary_key=True)  # the order in which cases came; FTS5 and paging go by it
    case = models.OneToOneField(Case, on_delete=models.CASCADE, related_name="text")
    words = models.TextField()

    class Meta:
        verbose_name = "检索词"
