"""Jobs of 改进."""

from __future__ import annotations

from minping.kernel import clock
from minping.kernel.jobs import Job
from minping.rectify.services import orders_finish


def _finish() -> bool:
    return orders_finish(at=clock.now()) > 0


JOBS = (Job("rerating", "再评期满办结", 5.0, _finish),)
