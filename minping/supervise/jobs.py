"""Jobs of 监督."""

from __future__ import annotations

from django.conf import settings

from minping.kernel import clock
from minping.kernel.jobs import Job
from minping.supervise import clues, leads, repeats, services


def _lapse() -> bool:
    return services.inquiries_lapse(at=clock.now()) == services.MOST


def _sweep() -> bool:
    repeats.repeats_sweep(at=clock.now())
    return False


def _leads() -> bool:
    leads.leads_find(at=clock.now())
    return False


def _expire() -> bool:
    return clues.clues_expire(area_code=settings.MINPING_AREA, at=clock.now()) == clues.MOST


JOBS = (
    Job("inquiries", "问责说明期满", 60.0, _lapse),
    Job("repeats", "反复差评复数", 3600.0, _sweep),
    Job("clues", "线索密封件期满清除", 3600.0, _expire),
    Job("leads", "刷好评、恶意差评疑点", 86400.0, _leads),
)
