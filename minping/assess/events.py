"""What has happened in the stage 考核."""

from __future__ import annotations

from dataclasses import dataclass

from minping.assess.models import QuarterReport


@dataclass(frozen=True)
class ReportSent:
    """A quarter's report was frozen and sent (minan/4.2.4)."""

    report: QuarterReport
