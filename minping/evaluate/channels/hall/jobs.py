"""Jobs of the channel."""

from __future__ import annotations

from minping.evaluate.channels.hall.announce import announcements_deliver
from minping.kernel.jobs import ENDING, Job, worker_name


def _deliver() -> bool:
    return announcements_deliver(holder=worker_name(), stopping=ENDING.is_set)


JOBS = (Job("callbacks", "回调", 0.5, _deliver, parallel=True),)
