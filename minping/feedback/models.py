"""Negative cases and the calls made about them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from minping import law
from minping.evaluate.models import Rating, Service
from minping.feedback.states import Arrival, Authority, CallOutcome, CallPurpose, CaseState, Ground
from minping.kernel import ids
from minping.kernel.documents import Document
from minping.kernel.due import Due


class CaseQuerySet(models.QuerySet["Case"]):
    def rated(self) -> CaseQuerySet:
        """Those that a rating opened or joined: what the indicators and the superior know of."""
        return self.filter(rating__isnull=False)


class Case(Due):
    """差评件: opened by a negative rating of any kind, one for a service at a time.

    What the work list shows is copied in, so that a page of it is one query.

    A grievance that the hotline or the window of 办不成事 sent in, with no rating, is a case
    without `rating` and `level`, and without `service` where none was rendered: it is handled
    by the same table and counts in no indicator of ratings (decision 0058).  A later negative
    rating of the service joins it.
    """

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    number = models.CharField("编号", max_length=30, unique=True)
    service = models.ForeignKey(Service, null=True, on_delete=models.PROTECT, related_name="cases")
    rating = models.OneToOneField(Rating, null=True, on_delete=models.PROTECT, related_name="case")
    arrival = models.CharField(
        "来源", max_length=10, default=Arrival.OWN, choices=[(a.value, a.label) for a in Arrival]
    )
    area_code = models.CharField(max_length=12)
    organization_code = models.CharField(max_length=40)
    # The unit to which it was assigned; empty: it is where it was rated.  What is counted is the rated unit's.
    assigned_code = models.CharField(max_length=40, blank=True, default="")
    # Of these the one that has it now, so that a work list begins with it (`case_seat_whole`).  No generated column:
    # an index of one covers nothing in SQLite, and each line of the list would be read from the table.
    seat_code = models.CharField(max_length=40)
    window_code = models.CharField(max_length=40, blank=True)
    window_name = models.CharField(max_length=80, blank=True)
    staff_code = models.CharField(max_length=40, blank=True)
    item_name = models.CharField(max_length=200)
    level = models.SmallIntegerField(null=True)  # of the rating
    excerpt = models.CharField(max_length=80, blank=True)
    asked_at = models.DateTimeField(null=True)  # the nearest date that a joined ticket demands
    state = models.CharField(max_length=12, choices=[(s.value, s.label) for s in CaseState])
    opened_at = models.DateTimeField()
    verify_due_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True)  # the verification was answered, one way or the other (R4)
    appealed_at = models.DateTimeField(null=True)
    appealed_by = models.CharField(max_length=80, blank=True)
    appeal = models.TextField("申诉理由", blank=True)
    # Why it did not hold, by whom: the window and its unit are told.  Empty: not answered, or answered by the superior.
    appeal_answer = models.TextField("申诉不成立的理由", blank=True, default="")
    appeal_answered_at = models.DateTimeField(null=True)
    appeal_answered_by = models.CharField(max_length=80, blank=True, default="")
    supervised_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.CharField(max_length=80, blank=True)
    closed_at = models.DateTimeField(null=True)
    result = models.CharField(max_length=20, blank=True)
    explanation = models.TextField(
        "解释说明", blank=True
    )  # to the source of a ticket, where nothing was to be rectified
    revision = models.SmallIntegerField(default=1)
    origin = models.CharField(max_length=40, blank=True, default="")  # the subordinate that works on it; empty: we do

    JOURNALLED: ClassVar = (
        "number", "service_id", "rating_id", "state", "level", "opened_at", "due_at", "verified_at", "appealed_at",
        "appealed_by", "appeal", "supervised_at", "confirmed_at", "closed_at", "result",
    )  # fmt: skip
    JOURNALLED_LATER: ClassVar = {
        "arrival": Arrival.OWN,
        "explanation": "",
        "origin": "",
        "assigned_code": "",
        "appeal_answer": "",
        "appeal_answered_at": None,
        "appeal_answered_by": "",
    }

    objects = CaseQuerySet.as_manager()

    class Meta:
        verbose_name = "差评件"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="case_seat_whole",
                condition=models.Q(assigned_code="", seat_code=models.F("organization_code"))
                | (~models.Q(assigned_code="") & models.Q(seat_code=models.F("assigned_code"))),
            ),
            models.CheckConstraint(
                name="case_rated_whole",
                condition=models.Q(rating__isnull=True, level__isnull=True)
                | models.Q(rating__isnull=False, level__isnull=False, service__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            # The work list, in its own order and without reading the table (kernel/queues); that of the rated unit, and
            # that of the unit that has it now.
            models.Index(fields=["organization_code", "state", "due_at", "id", "window_code", "origin"], name="case_queue"),
            models.Index(fields=["seat_code", "state", "due_at", "id", "window_code", "origin"], name="case_seat"),
            models.Index(fields=["organization_code", "opened_at"], name="case_period"),
            # The state is a column and no condition: SQLite takes a partial index for a bound value never.
            models.Index(fields=["organization_code", "state", "-closed_at", "id", "window_code"], name="case_done"),
            models.Index(fields=["due_at"], name="case_provisional", condition=models.Q(due_provisional=True)),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.number

    @property
    def level_label(self) -> str:
        return "没有评价" if self.level is None else law.InterfaceLevel(self.level).label

    @property
    def rated(self) -> tuple[Service, Rating, law.InterfaceLevel]:
        """The service, its rating and the level of a case that has one; to ask it of another is a mistake of ours."""
        if self.service is None or self.rating is None or self.level is None:
            raise ValueError(f"{self.number} has no rating")
        return self.service, self.rating, law.InterfaceLevel(self.level)


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
    # Asked of the person who spoke: may these words go to the unit, and to others (minan/3.1.4)?  Empty: not asked.
    to_unit = models.BooleanField(null=True)
    to_others = models.BooleanField(null=True)
    summary = models.TextField(blank=True)  # in the reviewer's own words, for the unit
    removed_at = models.DateTimeField(null=True)  # the words and the summary, by the retention rule; the row stays

    JOURNALLED: ClassVar = ("case_id", "purpose", "at", "by", "outcome", "words", "recording_no")
    JOURNALLED_LATER: ClassVar = {"to_unit": None, "to_others": None, "summary": "", "removed_at": None}

    class Meta:
        verbose_name = "回访"


class CaseDocument(Document):
    """A document of the case itself: what an appeal, or a finding that the rating is not valid, rests on (R8)."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="documents")
    verb = models.CharField(max_length=20)  # the move it was handed in with

    JOURNALLED: ClassVar[tuple[str, ...]] = ("case_id", "verb", *Document.JOURNALLED)

    class Meta:
        verbose_name = "案卷材料"


class Revocation(models.Model):
    """申请撤销: proposed, seconded where it is called malicious, approved, and answered by the superior (R7, R8).

    A case may have several, each kept; the open one has no `ended_at`.  `unit` is the
    path of the organisation for which the person acted: two units, two people.
    """

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="revocations")
    ground = models.CharField(max_length=15, choices=[(g.value, g.label) for g in Ground])
    statement = models.TextField()
    document = models.CharField(max_length=120, blank=True)
    proposed_at = models.DateTimeField()
    proposed_by = models.CharField(max_length=80)
    proposed_unit = models.CharField(max_length=255)
    seconded_at = models.DateTimeField(null=True)
    seconded_by = models.CharField(max_length=80, blank=True)
    seconded_unit = models.CharField(max_length=255, blank=True)
    approved_at = models.DateTimeField(null=True)
    approved_by = models.CharField(max_length=80, blank=True)
    authority = models.CharField(max_length=10, blank=True, choices=[(a.value, a.label) for a in Authority])
    reference = models.CharField(max_length=120, blank=True)
    answer = models.CharField(max_length=10, blank=True)  # revoke, refuse; empty while pending or sent back inside
    answer_text = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=80, blank=True)
    ended_at = models.DateTimeField(null=True)

    JOURNALLED: ClassVar = (
        "case_id", "ground", "statement", "document", "proposed_at", "proposed_by", "proposed_unit", "seconded_at",
        "seconded_by", "seconded_unit", "approved_at", "approved_by", "authority", "reference", "answer",
        "answer_text", "answered_at", "answered_by", "ended_at",
    )  # fmt: skip

    class Meta:
        verbose_name = "撤销申请"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["case"], name="one_open_revocation", condition=models.Q(ended_at__isnull=True)
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["case", "approved_at"], name="revocation_case")]

    def __str__(self) -> str:
        return f"{self.case} {Ground(self.ground).label}"
