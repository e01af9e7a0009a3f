"""The outbox, its proofs, and the state of each target."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from minping.kernel import ids
from minping.kernel.outbox import Circuit, Waiting
from minping.upstream.states import MessageState


class OutboxMessage(Waiting):
    """One row for one record and target, written in the transaction that made the record.

    The content is not copied here: it is built from the immutable record when it is sent.
    """

    target = models.CharField(max_length=40)
    area_code = models.CharField(max_length=12)
    service_no = models.IntegerField()
    kind = models.CharField(max_length=20)
    subject = models.UUIDField()
    revision = models.SmallIntegerField(default=1)
    level = models.SmallIntegerField(null=True)
    fact_at = models.DateTimeField()
    reference = models.CharField(max_length=120, blank=True, default="")
    error_code = models.CharField(max_length=60, blank=True, default="")
    error = models.CharField(max_length=300, blank=True, default="")
    entered_by = models.CharField(max_length=80, blank=True, default="")

    class Meta:
        verbose_name = "上送消息"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subject", "kind", "revision", "target"], name="outbox_once"),
        ]
        indexes: ClassVar = [
            # Of all messages, not of the unfinished alone: the state of a case, and the service that a rating is
            # about, are asked after they have arrived too.
            models.Index(fields=["organization_code", "case_no", "id"], name="outbox_of_case"),
            models.Index(fields=["id"], name="outbox_waiting", condition=models.Q(state=str(MessageState.WAITING))),
            models.Index(fields=["id"], name="outbox_check", condition=models.Q(state=str(MessageState.CHECK))),
            models.Index(
                fields=["state", "id"],
                name="outbox_by_hand",
                condition=models.Q(
                    state__in=[str(MessageState.REFUSED), str(MessageState.MANUAL), str(MessageState.CHECKING)]
                ),
            ),
        ]


class Exchange(models.Model):
    """The proof of one attempt: exactly what was sent and answered, sealed."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    message = models.ForeignKey(OutboxMessage, on_delete=models.CASCADE, related_name="exchanges")
    at = models.DateTimeField()
    outcome = models.CharField(max_length=20)
    sent = models.BinaryField()
    received = models.BinaryField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["at"], name="exchange_age")]


class Target(Circuit):
    """A superior system as it has behaved of late: the circuit, and the switch with its reason."""

    code = models.CharField(max_length=40, primary_key=True)
    next_slot = models.FloatField(default=0)  # when the superior's rate lets the next message go
    looked_on = models.DateField(null=True)  # the Beijing day of the last daily look (watch.py)
    unsettled_from = models.DateField(null=True)  # the first day of which a look found something still on its way
    cursor = models.BigIntegerField(default=0)  # up to where what it sends down has been taken (Ability.PULL_DOWN)


class Incoming(models.Model):
    """What a superior sent down, once per its own reference: a negative, or a result of its page.

    `state` is new, taken (it became a rating here, or was ours already) or manual (a
    person must look, `note` says why).  The content is sealed: it may name a person.
    """

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    target = models.CharField(max_length=40)
    reference = models.CharField(max_length=120)
    organization_code = models.CharField(max_length=40)
    case_no = models.CharField(max_length=50)
    service_no = models.IntegerField()
    level = models.SmallIntegerField()
    rated_at = models.DateTimeField()
    received_at = models.DateTimeField()
    state = models.CharField(max_length=10, default="new")
    note = models.CharField(max_length=200, blank=True, default="")
    content = models.BinaryField()

    class Meta:
        verbose_name = "上级下发"
        constraints: ClassVar = [models.UniqueConstraint(fields=["target", "reference"], name="incoming_once")]


class TagOfSuperior(models.Model):
    """One tag of a superior's dictionary and the days it was in use: retired ones stay readable."""

    id = models.BigAutoField(primary_key=True)
    target = models.CharField(max_length=40)
    code = models.CharField(max_length=20)
    label = models.CharField(max_length=200)
    level = models.SmallIntegerField()
    base = models.BooleanField(default=False)
    edition = models.CharField(max_length=40)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True)

    class Meta:
        verbose_name = "上级字典"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["target", "code", "valid_from"], name="tag_of_superior_once"),
        ]


class Task(models.Model):
    """Something about delivery that a person must look at; open until somebody says what was found.

    `key` keeps one open task per matter; `rows` are ids of messages or services, never
    anything personal.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=20)
    key = models.CharField(max_length=120)
    target = models.CharField(max_length=40)
    text = models.CharField(max_length=300)
    rows = models.JSONField(default=list)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=80, blank=True, default="")
    finding = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        verbose_name = "上送待查"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "key"], name="one_open_task", condition=models.Q(closed_at__isnull=True)
            ),
        ]


class Subordinate(models.Model):
    """A level below that writes to us by our own API: how far what we send down has gone."""

    organization_code = models.CharField(max_length=40, primary_key=True)
    last_number = models.BigIntegerField(default=0)
    taken = models.BigIntegerField(default=0)  # up to here it has said that it has it
    heard_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "下级"


class FromBelow(models.Model):
    """One version of one record that a subordinate sent up and that became a row here.

    The receipt: its number is our reference.  `digest` tells the same from another content
    under the same revision; the content itself stands in the row it became.
    """

    id = models.BigAutoField(primary_key=True)
    subordinate = models.CharField(max_length=40)
    kind = models.CharField(max_length=20)
    subject = models.UUIDField()
    revision = models.IntegerField()
    organization_code = models.CharField(max_length=40)
    case_no = models.CharField(max_length=50)
    service_no = models.IntegerField()
    level = models.SmallIntegerField(null=True)
    fact_at = models.DateTimeField()
    received_at = models.DateTimeField()
    digest = models.BinaryField(max_length=16)

    class Meta:
        verbose_name = "下级上报"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subordinate", "kind", "subject", "revision"], name="from_below_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["subordinate", "kind", "fact_at"], name="from_below_period")]


class SentDown(models.Model):
    """What we sent down to a subordinate, in its order: it asks for what follows the last number it has.

    `number` is given under the lock of the subordinate's row, so that a later one is never
    seen before an earlier one.  The content is sealed: a negative may hold a person's words.
    """

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    subordinate = models.CharField(max_length=40)
    number = models.BigIntegerField()
    kind = models.CharField(max_length=20)
    reference = models.CharField(max_length=120)
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=80)
    content = models.BinaryField()

    class Meta:
        verbose_name = "下发下级"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subordinate", "number"], name="sent_down_order"),
            models.UniqueConstraint(fields=["subordinate", "kind", "reference"], name="sent_down_once"),
        ]
