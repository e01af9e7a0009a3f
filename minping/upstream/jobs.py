"""Jobs of 上送."""

from __future__ import annotations

from minping.kernel.jobs import ENDING, Job, worker_name
from minping.upstream.services import messages_deliver


def _deliver() -> bool:
    return messages_deliver(holder=worker_name(), stopping=ENDING.is_set)


JOBS = (Job("deliver", "上送", 0.3, _deliver, parallel=True),)
