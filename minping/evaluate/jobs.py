"""Jobs of 评价."""

from __future__ import annotations

from minping.evaluate.services.default import BATCH, defaults_make
from minping.kernel import clock
from minping.kernel.jobs import Job


def _defaults() -> bool:
    return defaults_make(at=clock.now()) == BATCH


JOBS = (Job("defaults", "默认满意", 1.0, _defaults),)
