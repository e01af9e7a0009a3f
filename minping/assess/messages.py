"""Canonical message of the quarterly report, and a subordinate's taken in (minan/4.2.4, 5.1.5)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from uuid import UUID

from minping.assess import quarter as reports
from minping.assess.models import QuarterReport
from minping.kernel import journal
from minping.registry import queries as registry
from minping.upstream.below.intake import Refuse, Told, kept
from minping.upstream.messages import ReportContent, envelope
from minping.upstream.port import Message


class FiguresDiffer(Refuse):
    code = "figures_differ"
    message = "季度报告的数字与它的摘要不符。"
    cure = "请核对报告有没有被改动。"


def report_messages(ids: Sequence[UUID]) -> Mapping[UUID, Message]:
    """Reports as they were frozen."""
    return {report.pk: _message(report) for report in QuarterReport.objects.filter(pk__in=ids)}


def case_no_of(report: QuarterReport) -> str:
    """Reports have no case of their own: one stands for the quarter, so that they keep their order."""
    return f"REPORT-{report.year}Q{report.quarter}"


def _message(report: QuarterReport) -> Message:
    assert report.due_at is not None
    content = ReportContent(
        organization_name=report.organization_name, year=report.year, quarter=report.quarter, sent_at=report.sent_at,
        due_at=report.due_at, rule_version=report.rule_version, digest=report.digest,
        figures=json.dumps(report.figures, ensure_ascii=False),
    )  # fmt: skip
    area = registry.place(report.organization_code).area_code
    return envelope(
        content, kind="report", area_code=area, organization_code=report.organization_code,
        case_no=case_no_of(report), service_no=1, fact_at=report.sent_at,
    )  # fmt: skip


def take_report(told: Told) -> bool:
    """A subordinate's report: its duty was done when it was sent below, not when it came here."""
    said = told.content
    assert isinstance(said, ReportContent)
    try:
        figures = json.loads(said.figures)
    except ValueError as failure:
        raise FiguresDiffer() from failure
    if reports.digest(figures) != said.digest:
        raise FiguresDiffer()
    report = QuarterReport(
        id=told.subject, organization_code=told.place.code, organization_name=told.place.name, year=said.year,
        quarter=said.quarter, figures=figures, digest=said.digest, rule_version=said.rule_version,
        sent_at=said.sent_at, sent_by=told.by.name, sent_by_label="下级", due_at=said.due_at,
    )  # fmt: skip
    kept(report)
    journal.write(
        "below.report", at=told.at, actor=told.by.name, organization_code=told.place.code, subject=report.pk,
        records=[report], year=report.year, quarter=report.quarter, origin=told.origin,
    )  # fmt: skip
    return True
