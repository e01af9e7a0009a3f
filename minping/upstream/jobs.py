"""Jobs of 上送."""

from __future__ import annotations

from minping.kernel import clock
from minping.kernel.jobs import Job, worker_name
from minping.upstream.services import checks_return, messages_deliver


def _deliver() -> bool:
    return messages_deliver(holder=worker_name())


def _checks() -> bool:
    return checks_return(at=clock.now()) > 0


JOBS = (
    Job("deliver", "上送", 0.3, _deliver, parallel=True),
    Job("checks", "晨检回程", 0.5, _checks),
)
