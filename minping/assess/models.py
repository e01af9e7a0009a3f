"""The quarterly report as it was sent: frozen, with the clock of its duty."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from minping.kernel import ids
from minping.kernel.due import Due


class QuarterReport(Due):
    """季度报告: made when it is sent, once for a unit and quarter, and never changed after (minan/4.2.4).

    `figures` hold everything that the report said; `digest` is the SHA-256 of their
    canonical text, printed on the report so that a paper can be held against the record.
    """

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    organization_code = models.CharField(max_length=40)
    organization_name = models.CharField(max_length=100)
    year = models.SmallIntegerField()
    quarter = models.SmallIntegerField()
    figures = models.JSONField()
    digest = models.CharField(max_length=64)
    rule_version = models.CharField(max_length=40)
    sent_at = models.DateTimeField()
    sent_by = models.CharField(max_length=80)
    sent_by_label = models.CharField(max_length=60)

    JOURNALLED: ClassVar = (
        "organization_code", "year", "quarter", "figures", "digest", "due_at", "sent_at", "sent_by",
    )  # fmt: skip

    class Meta:
        verbose_name = "季度报告"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization_code", "year", "quarter"], name="quarter_report_once")
        ]

    def __str__(self) -> str:
        return f"{self.organization_name} {self.year}年第{self.quarter}季度"
