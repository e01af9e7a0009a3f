"""Tables of the kernel: journal, job claims, API keys, accounts and their roles."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from minping.kernel import clock, ids


class JournalEntry(models.Model):
    """One fact, written in the transaction that made it; append-only, chained by the sealer.

    `leaves` holds 32 bytes for each record the fact covers: the record's id and a
    keyed digest of its content (see `journal.leaf`).  `seq` and `chain` are empty
    until the sealer, a second later at most, links the row into the chain; nothing
    else of a row may ever change, which triggers in the database enforce.
    """

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    at = models.DateTimeField()
    action = models.CharField(max_length=60)
    actor = models.CharField(max_length=80)
    organization_code = models.CharField(max_length=40, blank=True)
    subject = models.UUIDField(null=True)
    data = models.TextField(default="{}")
    leaves = models.BinaryField(default=b"")
    seq = models.BigIntegerField(null=True, unique=True)
    chain = models.BinaryField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["subject", "id"], name="journal_subject", condition=models.Q(subject__isnull=False)),
            models.Index(fields=["id"], name="journal_unsealed", condition=models.Q(seq__isnull=True)),
        ]

    @property
    def facts(self) -> dict[str, Any]:
        return dict(json.loads(self.data))


class JobClaim(models.Model):
    """Who runs a job now, and when it was last well (real seconds, not the sandbox's clock)."""

    name = models.CharField(max_length=60, primary_key=True)
    holder = models.CharField(max_length=80, blank=True)
    until = models.FloatField(default=0)
    beat = models.FloatField(default=0)
    done = models.FloatField(default=0)
    error = models.CharField(max_length=300, blank=True)


class ApiKey(models.Model):
    """A bearer key of a business system: stored as a digest, bound to one organisation."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    label = models.CharField(max_length=80, blank=True)
    digest = models.BinaryField(max_length=32, unique=True)
    organization_code = models.CharField(max_length=40)
    permissions = models.JSONField()
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)


class AccountManager(BaseUserManager["Account"]):
    def create_account(self, username: str, name: str, password: str, **more: Any) -> Account:
        account = self.model(username=username, name=name, password_changed_at=clock.now(), **more)
        account.set_password(password)
        account.save(using=self._db)
        return account


class Account(AbstractBaseUser):
    """A sign-in of the staff.  What it may do stands in its assignments, and only there."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    username = models.CharField("账号", max_length=60, unique=True)
    name = models.CharField("显示名", max_length=60)
    staff_code = models.CharField("工号", max_length=40, blank=True)
    is_active = models.BooleanField("启用", default=True)
    must_change_password = models.BooleanField(default=False)
    password_changed_at = models.DateTimeField()

    objects: ClassVar[AccountManager] = AccountManager()
    USERNAME_FIELD = "username"

    def __str__(self) -> str:
        return self.name


class Assignment(models.Model):
    """A role within an organisation and all below it, or at one window of it."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="assignments")
    role = models.CharField(max_length=40)
    organization_code = models.CharField(max_length=40)
    window_code = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "role", "organization_code", "window_code"], name="assignment_once"
            )
        ]


class Notice(models.Model):
    """提醒: one clock, one person, one occasion; shown gathered, with the number and a link only (minan/5.2).

    `day` keeps it to once: the last day of the limit before it is over, then each working day.  What was handed
    over is told at once, and shown in hours like the rest.
    """

    class Kind(models.TextChoices):
        SOON = "soon", "将超时"
        LATE = "late", "已超时"
        GIVEN = "given", "转来"

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    kind = models.CharField(max_length=5, choices=Kind.choices)
    subject = models.UUIDField()  # what the desk opens: a case, a 问责提醒
    number = models.CharField(max_length=30)
    account = models.CharField(max_length=60)
    step = models.CharField(max_length=40)  # what it waits for: done, and nobody is reminded of it any more
    due_at = models.DateTimeField()
    day = models.DateField()
    made_at = models.DateTimeField()
    gathered_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "提醒"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subject", "account", "kind", "step", "due_at", "day"], name="notice_once_a_day"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["account", "gathered_at"], name="notice_of_account"),
        ]


def account_names() -> dict[str, str]:
    """Who an actor in the journal is, by the display name of the account: one query."""
    known = {f"account:{username}": name for username, name in Account.objects.values_list("username", "name")}
    return {**known, "system": "系统", "rater": "评价人"}
