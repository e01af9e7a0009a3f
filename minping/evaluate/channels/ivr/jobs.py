"""Jobs of the channel."""

from __future__ import annotations

from minping.evaluate.channels.ivr.services import calls_sweep
from minping.kernel import clock
from minping.kernel.jobs import Job


def _sweep() -> bool:
    calls_sweep(at=clock.now())
    return False


JOBS = (Job("ivr_sweep", "断了的电话", 60.0, _sweep),)
