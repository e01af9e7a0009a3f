"""A window's fixed code, and how often people met one that leads nowhere any more."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from minping.kernel import ids


class WindowCode(models.Model):
    """What the poster at a window carries.  It is no credential: it leads to the question "which service?"."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    code = models.CharField(max_length=16, unique=True)
    organization_code = models.CharField(max_length=40)
    window_code = models.CharField(max_length=40)
    made_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "窗口码"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization_code", "window_code"],
                name="window_code_live_once",
                condition=models.Q(retired_at__isnull=True),
            ),
        ]


class DeadScan(models.Model):
    """People who met a dead code on one day: retired ones by code, all that were never ours together (`code` "")."""

    code = models.CharField(max_length=16, blank=True)
    day = models.DateField()
    count = models.IntegerField(default=0)

    class Meta:
        verbose_name = "失效码被扫"
        constraints: ClassVar = [models.UniqueConstraint(fields=["code", "day"], name="dead_scan_day")]
