"""Jobs of 评价."""

from __future__ import annotations

from minping.evaluate.services.default import defaults_round
from minping.kernel import clock
from minping.kernel.jobs import Job


def _defaults() -> bool:
    return defaults_round(at=clock.now())


JOBS = (Job("defaults", "默认满意", 1.0, _defaults),)
