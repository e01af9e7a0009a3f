"""Who is called back, under which secrets, and every announcement to each."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from minping.evaluate.channels.hall.states import UNFINISHED, AnnouncementState
from minping.kernel import ids
from minping.kernel.outbox import Circuit, Waiting


class Subscriber(Circuit):
    """A system that is told of what happens at an organisation and below it: where, and of which events."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    organization_code = models.CharField(max_length=40)
    label = models.CharField(max_length=60)
    address = models.CharField(max_length=300)
    events = models.JSONField()
    made_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)

    JOURNALLED: ClassVar = ("organization_code", "label", "address", "events", "made_at", "enabled", "retired_at")

    class Meta:
        verbose_name = "回调对象"


class SubscriberSecret(models.Model):
    """What announcements are signed with, sealed.  `until` None: the present one; else the last instant of an old one."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    subscriber = models.ForeignKey(Subscriber, on_delete=models.PROTECT, related_name="secrets")
    sealed = models.BinaryField()
    made_at = models.DateTimeField()
    until = models.DateTimeField(null=True)

    JOURNALLED: ClassVar = ("subscriber_id", "sealed", "made_at", "until")

    class Meta:
        verbose_name = "回调密钥"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subscriber"], name="one_present_secret", condition=models.Q(until__isnull=True)
            ),
        ]

    @property
    def place(self) -> str:
        return f"callback:{self.pk.hex}"


class Announcement(Waiting):
    """One row for one fact and subscriber, written in the transaction that made the fact.

    It names the fact by number and reference and says nothing else of it: no level, no
    words, no person.  `tried_from` is when the trying began that may end it: its making, or
    the last replay.
    """

    target = models.ForeignKey(Subscriber, on_delete=models.PROTECT, related_name="announcements")
    event = models.CharField(max_length=20)
    subject = models.UUIDField()
    revision = models.SmallIntegerField(default=1)
    service_no = models.IntegerField()
    fact_at = models.DateTimeField()
    tried_from = models.DateTimeField()
    status = models.SmallIntegerField(null=True)
    error = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        verbose_name = "回调"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["target", "event", "subject", "revision"], name="announced_once"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["target", "organization_code", "case_no", "id"],
                name="announcement_case_order",
                condition=models.Q(state__in=[str(state) for state in UNFINISHED]),
            ),
            models.Index(
                fields=["target", "id"],
                name="announcement_waiting",
                condition=models.Q(state=str(AnnouncementState.WAITING)),
            ),
            models.Index(
                fields=["id"], name="announcement_dead", condition=models.Q(state=str(AnnouncementState.DEAD))
            ),
        ]
