"""Who has to answer for repeated negatives, and what is sealed for the discipline organ (minan/5.2)."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from minping.evaluate.models import Rating
from minping.feedback.models import Case
from minping.kernel import ids
from minping.kernel.due import Due
from minping.supervise.states import ClueState, Finding, InquiryState, Kind, LeadState

KINDS = [(kind.value, kind.label) for kind in Kind]


class Subject(models.Model):
    """One window, person, item or unit whose negatives are counted: the row that counting locks, so that of two
    confirmations in the same instant the second sees the first."""

    kind = models.CharField(max_length=6, choices=KINDS)
    organization_code = models.CharField(max_length=40)
    key = models.CharField(max_length=40, blank=True)  # of the window, person or item; empty for the unit

    class Meta:
        verbose_name = "差评计数对象"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "organization_code", "key"], name="subject_once"),
        ]


class Inquiry(Due):
    """问责提醒: negatives of one subject reached the number of the law file within its window of days.

    The rule is copied in as it was when it was reached.  One that is not ended takes up what follows.
    """

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    number = models.CharField("编号", max_length=30, unique=True)
    kind = models.CharField(max_length=6, choices=KINDS)
    area_code = models.CharField(max_length=12)
    organization_code = models.CharField(max_length=40)
    key = models.CharField(max_length=40, blank=True)
    name = models.CharField(max_length=200)
    window_code = models.CharField(max_length=40, blank=True)  # of a window: whose people see it at the desk
    state = models.CharField(max_length=10, choices=[(s.value, s.label) for s in InquiryState])
    opened_at = models.DateTimeField()
    first_at = models.DateTimeField()  # when the earliest of its negatives was given
    least = models.SmallIntegerField()
    days = models.SmallIntegerField()
    rule = models.CharField(max_length=200)
    clause = models.CharField(max_length=40)
    explanation = models.TextField(blank=True)
    explained_at = models.DateTimeField(null=True)
    explained_by = models.CharField(max_length=80, blank=True)
    measure = models.CharField(max_length=40, blank=True)
    reason = models.TextField(blank=True)
    reference = models.CharField(max_length=120, blank=True)  # of the superior's decision
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=80, blank=True)
    improvement = models.TextField(blank=True)
    improved_at = models.DateTimeField(null=True)
    improved_by = models.CharField(max_length=80, blank=True)
    returned_reason = models.TextField(blank=True)
    ended_at = models.DateTimeField(null=True)

    JOURNALLED: ClassVar = (
        "number", "kind", "organization_code", "key", "state", "opened_at", "first_at", "least", "days", "due_at",
        "explanation", "explained_at", "explained_by", "measure", "reason", "reference", "decided_at", "decided_by",
        "improvement", "improved_at", "improved_by", "returned_reason", "ended_at",
    )  # fmt: skip

    class Meta:
        verbose_name = "问责提醒"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "organization_code", "key"], name="one_open_inquiry",
                condition=models.Q(ended_at__isnull=True),
            ),
        ]  # fmt: skip
        indexes: ClassVar = [
            models.Index(fields=["organization_code", "state", "due_at", "id", "window_code"], name="inquiry_queue"),
            models.Index(fields=["due_at"], name="inquiry_provisional", condition=models.Q(due_provisional=True)),
        ]

    def __str__(self) -> str:
        return self.number


class InquiryRow(models.Model):
    """One confirmed negative that made an inquiry.  It counts in one inquiry of a kind, ever; where an inquiry was
    lifted, those that stand are released and count anew.  That it was revoked stands on the case, not here."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    inquiry = models.ForeignKey(Inquiry, on_delete=models.PROTECT, related_name="rows")
    kind = models.CharField(max_length=6, choices=KINDS)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True)

    JOURNALLED: ClassVar = ("inquiry_id", "kind", "case_id", "added_at", "released_at")

    class Meta:
        verbose_name = "问责提醒所列差评"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["case", "kind"], name="counted_once", condition=models.Q(released_at__isnull=True)
            ),
        ]


class ClueKey(models.Model):
    """The discipline organ's public key.  In force once a second person has compared its fingerprint (clue.confirm);
    the private half never comes near this installation."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    organization_code = models.CharField(max_length=40)
    name = models.CharField("纪检机关", max_length=80)
    public = models.BinaryField(max_length=2048)  # SubjectPublicKeyInfo, DER
    fingerprint = models.CharField(max_length=60)
    proposed_at = models.DateTimeField()
    proposed_by = models.CharField(max_length=80)
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.CharField(max_length=80, blank=True)
    retired_at = models.DateTimeField(null=True)

    JOURNALLED: ClassVar = (
        "organization_code", "name", "public", "fingerprint", "proposed_at", "proposed_by", "confirmed_at",
        "confirmed_by", "retired_at",
    )  # fmt: skip

    class Meta:
        verbose_name = "纪检公钥"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization_code"], name="one_clue_key",
                condition=models.Q(confirmed_at__isnull=False, retired_at__isnull=True),
            ),
        ]  # fmt: skip


class Clue(models.Model):
    """线索: ciphertext for one public key.  Here stands neither who handed it in, nor about which case.

    `trace` is a blind index of the service, only of what came from a rater, so that the receipt may say how far it
    is; `day` is as coarse as it can be.  The id is random and tells no time.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField("编号", max_length=20, unique=True)
    key = models.ForeignKey(ClueKey, on_delete=models.PROTECT, related_name="clues")
    organization_code = models.CharField(max_length=40)  # of the key
    day = models.DateField()
    sealed = models.BinaryField()
    trace = models.BinaryField(max_length=16, null=True)
    state = models.CharField(max_length=8, choices=[(s.value, s.label) for s in ClueState])
    taken_at = models.DateTimeField(null=True)
    taken_by = models.CharField(max_length=80, blank=True)
    settled_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)  # the ciphertext, by the retention rule; the row stays

    JOURNALLED: ClassVar = ("number", "key_id", "day", "sealed", "trace", "state", "taken_at", "taken_by", "settled_at")
    JOURNALLED_LATER: ClassVar = {"removed_at": None}

    class Meta:
        verbose_name = "线索"
        indexes: ClassVar = [
            models.Index(fields=["organization_code", "state", "day"], name="clue_state"),
            models.Index(fields=["trace"], name="clue_trace", condition=models.Q(trace__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.number


class Lead(models.Model):
    """疑点: ratings that a transparent rule found odd, with its reason, for a person to look into (minan/5.2).

    Nothing follows from it by itself.  `key` names the group within the rule (a window's day, a device's day, the
    blind index of a person), never a person in clear.
    """

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    number = models.CharField("编号", max_length=30, unique=True)
    rule = models.CharField(max_length=20)
    key = models.CharField(max_length=160)
    organization_code = models.CharField(max_length=40)  # the nearest that is over all its ratings
    reason = models.CharField(max_length=300)
    found_at = models.DateTimeField()
    state = models.CharField(max_length=6, choices=[(s.value, s.label) for s in LeadState])
    finding = models.CharField(max_length=10, blank=True, choices=[(f.value, f.label) for f in Finding])
    note = models.TextField(blank=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=80, blank=True)

    JOURNALLED: ClassVar = (
        "number", "rule", "key", "organization_code", "reason", "found_at", "state", "finding", "note", "closed_at",
        "closed_by",
    )  # fmt: skip

    class Meta:
        verbose_name = "疑点"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rule", "key"], name="one_open_lead", condition=models.Q(state="open")),
        ]
        indexes: ClassVar = [models.Index(fields=["organization_code", "state", "found_at"], name="lead_state")]

    def __str__(self) -> str:
        return self.number


class LeadRow(models.Model):
    """One rating of a lead; a rule brings up a rating once."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="rows")
    rule = models.CharField(max_length=20)
    rating = models.ForeignKey(Rating, on_delete=models.PROTECT, related_name="+")

    JOURNALLED: ClassVar = ("lead_id", "rule", "rating_id")

    class Meta:
        verbose_name = "疑点所列评价"
        constraints: ClassVar = [models.UniqueConstraint(fields=["rating", "rule"], name="lead_row_once")]


class Statement(models.Model):
    """What the rated person says to a negative of their own: kept with the case, never shown to the rater."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="+")
    by = models.CharField(max_length=80)
    at = models.DateTimeField()
    text = models.TextField()

    JOURNALLED: ClassVar = ("case_id", "by", "at", "text")

    class Meta:
        verbose_name = "本人说明"
        indexes: ClassVar = [models.Index(fields=["case", "at"], name="statement_case")]
