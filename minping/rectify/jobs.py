"""Jobs of 改进."""

from __future__ import annotations

from django.conf import settings

from minping.kernel import clock, notices
from minping.kernel.jobs import Job
from minping.rectify import retention, words
from minping.rectify.services import orders_finish


def _finish() -> bool:
    return orders_finish(at=clock.now()) > 0


def _remind() -> bool:
    now = clock.now()
    notices.notices_make(at=now)
    notices.notices_gather(area_code=settings.MINPING_AREA, at=now)
    return False


def _expire() -> bool:
    return retention.evidence_expire(area_code=settings.MINPING_AREA, at=clock.now()) == retention.MOST


def _expire_words() -> bool:
    return retention.calls_expire(area_code=settings.MINPING_AREA, at=clock.now()) == retention.MOST


def _strays() -> bool:
    retention.strays_expire(at=clock.now())
    return False


def _words() -> bool:
    return words.words_fill() == words.FILL


JOBS = (
    Job("rerating", "再评期满办结", 5.0, _finish),
    Job("notices", "时限提醒", 60.0, _remind),
    Job("evidence", "佐证材料期满清除", 3600.0, _expire),
    Job("calls", "回访原话期满清除", 3600.0, _expire_words),
    Job("strays", "没有登记的材料清除", 86400.0, _strays),
    Job("words", "检索词补齐", 3600.0, _words),
)
