"""Services, those who received them, their ratings, and the defaults made by rule."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from minping import law
from minping.evaluate.states import Entry, Outcome, RatingKind
from minping.kernel import ids


class Service(models.Model):
    """One ratable service: the n-th service within a case (R6), with the invitation born with it (R11).

    Where, by whom and about what is copied in, so that later changes of the registry
    do not move a rating.  Only `outcome` and `outcome_at` ever change, each once and
    from `none`; what they say is proven by the rating's or default's own record.

    `origin` is the subordinate whose record this mirrors (upstream/below); empty for our own.
    """

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    area_code = models.CharField(max_length=12)
    organization_code = models.CharField(max_length=40)
    organization_name = models.CharField(max_length=100)
    case_no = models.CharField(max_length=50)
    service_no = models.IntegerField()
    service_name = models.CharField(max_length=60)
    item_code = models.CharField(max_length=33)
    item_name = models.CharField(max_length=200)
    item_version = models.CharField(max_length=20, blank=True)
    window_code = models.CharField(max_length=40, blank=True)
    window_name = models.CharField(max_length=80, blank=True)
    staff_code = models.CharField(max_length=40, blank=True)
    handling = models.CharField(max_length=20)
    case_state = models.SmallIntegerField()
    package_no = models.CharField(max_length=50, blank=True)
    accepted_at = models.DateTimeField(null=True)
    served_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    reported_by = models.CharField(max_length=80)
    content = models.BinaryField(max_length=16)
    token = models.BinaryField(max_length=32, unique=True)
    default_due_at = models.DateTimeField()
    default_rule = models.CharField(max_length=80)
    closes_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, default=Outcome.NONE)
    outcome_at = models.DateTimeField(null=True)
    origin = models.CharField(max_length=40, blank=True, default="", db_default="")

    JOURNALLED: ClassVar = (
        "organization_code", "case_no", "service_no", "item_code", "window_code", "staff_code", "handling",
        "served_at", "content", "token", "default_due_at", "applicant__sealed",
    )  # fmt: skip
    JOURNALLED_LATER: ClassVar = {"origin": ""}

    class Meta:
        verbose_name = "服务"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization_code", "case_no", "service_no"], name="service_once"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["default_due_at"], name="service_silent", condition=models.Q(outcome="none", origin="")
            ),
            models.Index(fields=["organization_code", "served_at"], name="service_period"),
        ]

    @property
    def case_tail(self) -> str:
        """The last four letters or digits: what a person compares with the slip; a hyphen is none of them."""
        return "".join(filter(str.isalnum, self.case_no))[-4:]


class Applicant(models.Model):
    """Who received a service, behind the wall: sealed, apart from the service, found by blind index only."""

    service = models.OneToOneField(Service, primary_key=True, on_delete=models.PROTECT, related_name="applicant")
    sealed = models.BinaryField()
    phone_index = models.BinaryField(max_length=16, null=True)
    certificate_index = models.BinaryField(max_length=16, null=True)
    agent_index = models.BinaryField(max_length=16, null=True)  # of the agent's certificate

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["phone_index"], name="applicant_phone"),
            models.Index(fields=["certificate_index"], name="applicant_certificate"),
            models.Index(fields=["agent_index"], name="applicant_agent", condition=models.Q(agent_index__isnull=False)),
        ]


class PageVisit(models.Model):
    """One press that led, or should have led, to the superior's rating page (minan/3.4.2).

    `led`: the person went there, the outcome is asked for; `done`: nothing more is asked;
    `ours`: the superior gave no page (`why`), so the person rated here.
    """

    LED, DONE, OURS = "led", "done", "ours"

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="page_visits")
    target = models.CharField(max_length=40)
    channel = models.CharField(max_length=20)
    opened_at = models.DateTimeField()
    state = models.CharField(max_length=8, default=LED)
    why = models.CharField(max_length=200, blank=True, default="")
    next_ask_at = models.DateTimeField()

    class Meta:
        verbose_name = "到上级评价页"
        indexes: ClassVar = [
            models.Index(fields=["next_ask_at"], name="page_visit_asked", condition=models.Q(state="led")),
        ]


class PackageRating(models.Model):
    """One overall rating of a 一件事 (minan/3.4.3): who gave it, when, and from which service's invitation.

    What it says stands on its shares, one `Rating` of kind `package` for each service that
    had no word of its own (R10).  `person` is the blind index of the certificate.
    """

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    package_no = models.CharField(max_length=50)
    person = models.BinaryField(max_length=16)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="package_ratings")
    rated_at = models.DateTimeField()

    JOURNALLED: ClassVar = ("package_no", "person", "service_id", "rated_at")

    class Meta:
        verbose_name = "套餐总评"


class Rating(models.Model):
    """A person's own word on a service.  `ordinal` 1 is the one rating; later words stand beside it.
    A share of an overall rating has the ordinal 0 and its origin in `package` (R10).

    `revision` counts changes of mind within the minutes allowed; earlier versions stay
    in RatingRevision.  `level` is of the interface's code system, 5 非常满意 … 1.

    `rated_at` is the moment at which the server took the word, which orders all things;
    `pressed_at` is when it was said by the clock of a device that had to keep it for a
    while (`offline`), and `press_id` is what that device called the press, so that one
    press arrives once.
    """

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="ratings")
    ordinal = models.SmallIntegerField()
    kind = models.CharField(max_length=15, choices=[(k.value, k.label) for k in RatingKind])
    level = models.SmallIntegerField()
    tags = models.JSONField(default=list)
    tags_version = models.CharField(max_length=20, blank=True)
    text = models.TextField(blank=True)
    channel = models.CharField(max_length=20)
    proof = models.CharField(max_length=30)
    rated_at = models.DateTimeField()
    revision = models.SmallIntegerField(default=1)
    change_token = models.BinaryField(max_length=32)
    change_until = models.DateTimeField()
    receipt = models.BinaryField(max_length=16, unique=True)
    entry = models.CharField(max_length=10, default=Entry.PERSON, choices=[(e.value, e.label) for e in Entry])
    device_code = models.CharField(max_length=40, blank=True, default="")
    press_id = models.UUIDField(null=True, unique=True)
    pressed_at = models.DateTimeField(null=True)
    offline = models.BooleanField(default=False)
    package = models.ForeignKey(PackageRating, null=True, on_delete=models.PROTECT, related_name="shares")

    JOURNALLED: ClassVar = (
        "service_id", "ordinal", "kind", "level", "tags", "text", "channel", "proof", "rated_at", "revision",
    )  # fmt: skip
    JOURNALLED_LATER: ClassVar = {
        "entry": Entry.PERSON, "device_code": "", "press_id": None, "pressed_at": None, "offline": False,
        "package_id": None,
    }  # fmt: skip

    class Meta:
        verbose_name = "评价"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["service", "ordinal"], name="rating_once"),
            models.CheckConstraint(condition=models.Q(level__gte=1, level__lte=5), name="rating_level"),
        ]

    @property
    def negative(self) -> bool:
        return law.InterfaceLevel(self.level).negative


class RatingRevision(models.Model):
    """What a rating said before its giver changed it: readable for ever."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    rating = models.ForeignKey(Rating, on_delete=models.PROTECT, related_name="revisions")
    revision = models.SmallIntegerField()
    level = models.SmallIntegerField()
    tags = models.JSONField(default=list)
    text = models.TextField(blank=True)
    until = models.DateTimeField()

    JOURNALLED: ClassVar = ("rating_id", "revision", "level", "tags", "text")

    class Meta:
        verbose_name = "评价的前一版"
        constraints: ClassVar = [models.UniqueConstraint(fields=["rating", "revision"], name="revision_once")]


class AddedWord(models.Model):
    """What the giver of a rating said later, by the receipt: it stands beside the rating and changes nothing of it."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    rating = models.ForeignKey(Rating, on_delete=models.PROTECT, related_name="added_words")
    number = models.SmallIntegerField()
    text = models.TextField()
    added_at = models.DateTimeField()

    JOURNALLED: ClassVar = ("rating_id", "number", "text", "added_at")

    class Meta:
        verbose_name = "后来补充的话"
        constraints: ClassVar = [models.UniqueConstraint(fields=["rating", "number"], name="added_word_once")]


class DefaultOutcome(models.Model):
    """Silence for the days of the rule: level 4 by rule, a record of its own kind (minan/3.4.4, R2)."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    service = models.OneToOneField(Service, on_delete=models.PROTECT, related_name="default_outcome")
    level = models.SmallIntegerField()
    rule = models.CharField(max_length=80)
    made_at = models.DateTimeField()

    JOURNALLED: ClassVar = ("service_id", "level", "rule", "made_at")

    class Meta:
        verbose_name = "默认结果"


class ReratingInvitation(models.Model):
    """After a rectification its person may rate again (minan/4.2.3); the same link takes it."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="rerating_invitations")
    opened_at = models.DateTimeField()
    until = models.DateTimeField()
    rating = models.OneToOneField(Rating, null=True, on_delete=models.PROTECT, related_name="invited_by")

    class Meta:
        verbose_name = "再评邀请"
