"""Jobs of 评价."""

from __future__ import annotations

from minping.evaluate.services.above import results_ask
from minping.evaluate.services.default import defaults_round
from minping.kernel import clock
from minping.kernel.jobs import Job


def _defaults() -> bool:
    return defaults_round(at=clock.now())


def _results() -> bool:
    return results_ask(at=clock.now())


JOBS = (
    Job("defaults", "默认满意", 1.0, _defaults),
    Job("page_results", "取回上级评价页的结果", 2.0, _results),
)
