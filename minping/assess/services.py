"""The one duty of 考核 that writes: send a quarter's report (minan/4.2.4)."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from minping.assess import quarter as reports
from minping.assess.events import ReportSent
from minping.assess.models import QuarterReport
from minping.assess.periods import Quarter
from minping.assess.units import Unit
from minping.kernel import due, events, journal
from minping.kernel.access import Actor
from minping.kernel.errors import Forbidden, Problem


class QuarterNotOver(Problem):
    code = "quarter_not_over"
    status = 409
    message = "{quarter}还没有结束。"
    cure = "季度结束后再报送。"


class QuarterAlreadySent(Problem):
    code = "quarter_already_sent"
    status = 409
    message = "{quarter}的报告已经报送，内容不能再改。"
    cure = "如需更正，请在下一季度的报告里说明。"


class QuarterNotOwed(Problem):
    code = "quarter_not_owed"
    status = 422
    message = "“{unit}”不单独报送季度报告。"
    cure = "季度报告由街道办事处汇总报送。"


def send_refusal(unit: Unit, quarter: Quarter, *, by: Actor, at: datetime) -> Problem | None:
    """Why `by` may not send this report now; None where it may.  Behind the button and the service alike."""
    if not by.can("quarter.send", unit.path, unit.window_code):
        return Forbidden()
    if unit.code not in unit.reporting:
        return QuarterNotOwed(unit=unit.label)
    if at <= quarter.closing:
        return QuarterNotOver(quarter=quarter.text)
    if report_of(unit, quarter) is not None:
        return QuarterAlreadySent(quarter=quarter.text)
    return None


def report_of(unit: Unit, quarter: Quarter) -> QuarterReport | None:
    """The report as it was sent, if it was."""
    return QuarterReport.objects.filter(organization_code=unit.code, year=quarter.year, quarter=quarter.number).first()


def quarter_send(unit: Unit, quarter: Quarter, *, by: Actor, at: datetime) -> QuarterReport:
    """Freeze the figures as of `at` and record that the report was sent, once.

    Raises Forbidden, QuarterNotOwed, QuarterNotOver, QuarterAlreadySent, LawError.
    """
    refused = send_refusal(unit, quarter, by=by, at=at)
    if refused is not None:
        raise refused
    try:
        with transaction.atomic():
            content = reports.figures(unit, quarter, at)
            report = QuarterReport.objects.create(
                organization_code=unit.code, organization_name=unit.label, year=quarter.year, quarter=quarter.number,
                figures=content, digest=reports.digest(content), rule_version=content["rule_version"][:40],
                sent_at=at, sent_by=by.name, sent_by_label=by.label[:60],
                **due.clock(unit.area_code, "quarter_report", quarter.closing),
            )  # fmt: skip
            journal.write(
                "quarter.sent", at=at, actor=by.name, organization_code=unit.code, records=[report],
                year=quarter.year, quarter=quarter.number, digest=report.digest, clause="minan/4.2.4",
            )  # fmt: skip
            events.publish(ReportSent(report))
    except IntegrityError as second:  # two people pressed at once
        raise QuarterAlreadySent(quarter=quarter.text) from second
    return report
