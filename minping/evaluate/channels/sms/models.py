"""Texts out, replies in, and who wants none.  No number and no words of a text are kept in the clear."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from minping.evaluate.channels.sms.states import TextState
from minping.evaluate.models import Rating, Service
from minping.kernel import ids


class Text(models.Model):
    """One text to one phone.

    Its words are made when it is sent.  The phone is that of the service's applicant,
    or `phone`, sealed, where it was given by the person for this purpose.
    """

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    purpose = models.CharField(max_length=20)
    organization_code = models.CharField(max_length=40, blank=True)
    service = models.ForeignKey(Service, null=True, on_delete=models.PROTECT, related_name="texts")
    phone = models.BinaryField(null=True)
    phone_index = models.BinaryField(max_length=16)
    created_at = models.DateTimeField()
    state = models.CharField(max_length=12, default=TextState.WAITING)
    next_try_at = models.DateTimeField()
    attempts = models.SmallIntegerField(default=0)
    claimed_until = models.FloatField(default=0)
    sent_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    reference = models.CharField(max_length=80, blank=True, default="")
    error = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        verbose_name = "短信"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["service", "purpose"], name="text_once", condition=models.Q(service__isnull=False)
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["phone_index", "sent_at"], name="text_phone"),
            models.Index(
                fields=["next_try_at"], name="text_waiting", condition=models.Q(state__in=["waiting", "sending"])
            ),
        ]

    @property
    def place(self) -> str:
        return f"text:{self.pk.hex}"


class Progress(models.Model):
    """Up to which service, in the order of their time-ordered ids, invitations by text have been considered."""

    name = models.CharField(max_length=20, primary_key=True)
    upto = models.UUIDField()


class Reply(models.Model):
    """What came back from a phone, sealed; `gateway_id` makes the gateway's repetition harmless."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    gateway_id = models.CharField(max_length=80, unique=True)
    at = models.DateTimeField()
    phone_index = models.BinaryField(max_length=16)
    words = models.BinaryField()
    outcome = models.CharField(max_length=12)
    text = models.ForeignKey(Text, null=True, on_delete=models.PROTECT, related_name="replies")
    rating = models.ForeignKey(Rating, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = "短信回复"

    @property
    def place(self) -> str:
        return f"reply:{self.pk.hex}"


class OptOut(models.Model):
    """A phone that wants no invitations; codes that its owner asks for are still sent."""

    phone_index = models.BinaryField(max_length=16, primary_key=True)
    at = models.DateTimeField()


class PhoneCode(models.Model):
    """A six-digit code on its way to a phone.  The code is derived from the id under a key, never stored."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    purpose = models.CharField(max_length=20)
    phone_index = models.BinaryField(max_length=16)
    address = models.BinaryField(max_length=16)
    made_at = models.DateTimeField()
    until = models.DateTimeField()
    tries = models.SmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "验证码"
        indexes: ClassVar = [
            models.Index(fields=["phone_index", "made_at"], name="code_phone"),
            models.Index(fields=["address", "made_at"], name="code_address"),
        ]
