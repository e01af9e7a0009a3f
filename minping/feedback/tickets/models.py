"""Tickets with their words and person sealed, their earlier versions, and the answers that go back."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from minping.feedback.models import Case
from minping.feedback.tickets.states import AnswerState, TicketState
from minping.kernel import ids, privacy


class Ticket(models.Model):
    """来件: one per source and its number.  `sealed` holds the words and the person, for this revision alone.

    `case` is the grievance as it is handled here; several tickets may be voices of one.
    `demanded_at` is the source's own date, beside the case's clock and never instead of it.
    """

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    source = models.CharField(max_length=20)
    number = models.CharField(max_length=60)
    area_code = models.CharField(max_length=12)
    organization_code = models.CharField(max_length=40)
    window_code = models.CharField(max_length=40, blank=True)
    item_code = models.CharField(max_length=33, blank=True)
    item_name = models.CharField(max_length=200, blank=True)
    case_no = models.CharField(max_length=50, blank=True)
    service_no = models.IntegerField(null=True)
    said_at = models.DateTimeField()
    demanded_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    reported_by = models.CharField(max_length=80)
    typed = models.BooleanField(default=False)  # by a person here, from paper or a telephone
    revision = models.SmallIntegerField(default=1)
    content = models.BinaryField(max_length=16)
    sealed = models.BinaryField()
    phone_index = models.BinaryField(max_length=16, null=True)
    certificate_index = models.BinaryField(max_length=16, null=True)
    state = models.CharField(max_length=10, choices=[(s.value, s.label) for s in TicketState])
    why = models.CharField(max_length=15, blank=True)
    case = models.ForeignKey(Case, null=True, on_delete=models.PROTECT, related_name="tickets")
    matched_by = models.CharField(max_length=80, blank=True)

    JOURNALLED: ClassVar = (
        "source", "number", "organization_code", "said_at", "demanded_at", "typed", "revision", "content", "sealed",
        "state", "case_id", "matched_by",
    )  # fmt: skip

    class Meta:
        verbose_name = "来件"
        constraints: ClassVar = [models.UniqueConstraint(fields=["source", "number"], name="ticket_once")]
        indexes: ClassVar = [
            models.Index(fields=["organization_code", "state", "id"], name="ticket_queue"),
            models.Index(fields=["phone_index"], name="ticket_phone", condition=models.Q(phone_index__isnull=False)),
            models.Index(
                fields=["certificate_index"], name="ticket_certificate",
                condition=models.Q(certificate_index__isnull=False),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.source} {self.number}"

    @property
    def place(self) -> str:
        """What the sealed words are bound to."""
        return f"ticket:{self.pk.hex}:{self.revision}"

    def opened(self) -> dict[str, Any]:
        """The words and the person."""
        found: dict[str, Any] = privacy.unseal_json(self.sealed, self.place)
        return found


class TicketRevision(models.Model):
    """What a ticket said before its source sent it again with other words: readable for ever."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="revisions")
    revision = models.SmallIntegerField()
    demanded_at = models.DateTimeField(null=True)
    content = models.BinaryField(max_length=16)
    sealed = models.BinaryField()
    until = models.DateTimeField()

    JOURNALLED: ClassVar = ("ticket_id", "revision", "demanded_at", "content", "sealed")

    class Meta:
        verbose_name = "来件的前一版"
        constraints: ClassVar = [models.UniqueConstraint(fields=["ticket", "revision"], name="ticket_revision_once")]


class Answer(models.Model):
    """答复: what goes back for a ticket, in its source's words for the result; delivered once, under a receipt number.

    A further one follows where the source sent the ticket again after the first.
    """

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="answers")
    ordinal = models.SmallIntegerField()
    organization_code = models.CharField(max_length=40)
    source = models.CharField(max_length=20)
    result = models.CharField(max_length=20)  # ours; the source's own code is looked up by the day it was made
    text = models.TextField()
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=80)
    state = models.CharField(max_length=10, choices=[(s.value, s.label) for s in AnswerState])
    why = models.CharField(max_length=200, blank=True)
    receipt_no = models.CharField(max_length=80, blank=True)
    delivered_at = models.DateTimeField(null=True)
    delivered_by = models.CharField(max_length=80, blank=True)

    JOURNALLED: ClassVar = (
        "ticket_id", "ordinal", "result", "text", "made_at", "made_by", "state", "receipt_no", "delivered_at",
        "delivered_by",
    )  # fmt: skip

    class Meta:
        verbose_name = "来件答复"
        constraints: ClassVar = [models.UniqueConstraint(fields=["ticket", "ordinal"], name="answer_once")]
        indexes: ClassVar = [models.Index(fields=["organization_code", "source", "state", "id"], name="answer_queue")]
