"""The jobs loop: many workers may run, each job is done by one at a time, a dead one's claim is taken over.

No broker and no task rows: a job looks at the state of the business tables and does
what is due, so nothing can be "enqueued" and lost.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db import DatabaseError, close_old_connections
from django.db.models import Q

from minping.kernel import clock
from minping.kernel.models import JobClaim

log = logging.getLogger("minping.jobs")
LEASE = 15.0
BEAT = 4.0
ENDING = threading.Event()  # set while this process ends: a long batch stops after what it has in hand


@dataclass(frozen=True)
class Job:
    """A job: `run` does one batch and says whether more is waiting.

    `parallel` jobs claim their rows themselves and run in every worker.
    """

    name: str
    label: str
    every: float
    run: Callable[[], bool]
    parallel: bool = False


def worker_name() -> str:
    return f"{socket.gethostname()[:40]}:{os.getpid()}"


def claim(job: Job, holder: str) -> bool:
    """Take or keep the job's claim; False where another live worker has it."""
    now = clock.wall()
    JobClaim.objects.get_or_create(name=job.name)
    rows = JobClaim.objects.filter(name=job.name)
    if not job.parallel:
        rows = rows.filter(Q(until__lt=now) | Q(holder=holder))
    return rows.update(holder=holder, until=now + LEASE, beat=now) == 1


def release(holder: str) -> None:
    """Give back this worker's claims at an orderly end, so that the next need not wait."""
    JobClaim.objects.filter(holder=holder).update(until=0)


class Worker:
    """Runs each job in a thread of its own until told to stop."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self.jobs = tuple(jobs)
        self.holder = worker_name()
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._loop, args=(job,), name=job.name) for job in self.jobs]

    def start(self) -> None:
        ENDING.clear()
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Finish the batches in hand, then end."""
        self.stopping.set()
        ENDING.set()
        for thread in self.threads:
            thread.join(timeout=30)
        release(self.holder)

    def _loop(self, job: Job) -> None:
        kept_until = 0.0
        while not self.stopping.is_set():
            more = False
            try:
                close_old_connections()
                if clock.wall() < kept_until or claim(job, self.holder):
                    if clock.wall() >= kept_until:
                        kept_until = clock.wall() + BEAT
                    more = job.run()
                    error = ""
                else:
                    error = ""
            except DatabaseError as failure:
                error = f"{type(failure).__name__}: {failure}"
            except Exception as failure:
                error = f"{type(failure).__name__}: {failure}"
                log.exception("任务 %s 出错，稍后重试", job.name)
            if error:
                kept_until = 0.0
                self._note(job, error)
            if not more:
                self.stopping.wait(1.0 if error else job.every)

    def _note(self, job: Job, error: str) -> None:
        log.error("任务 %s：%s", job.label, error)
        try:
            JobClaim.objects.filter(name=job.name).update(error=error[:300])
        except DatabaseError:
            log.exception("任务 %s 的错误没能记入数据库", job.name)


def health(jobs: Iterable[Job], patience: float = 30.0) -> dict[str, float | None]:
    """Seconds since each job's last heart-beat; None where it never beat or is late beyond `patience`.

    A job that runs once an hour beats once an hour: its own pause is added.
    """
    beats = dict(JobClaim.objects.values_list("name", "beat"))
    now = clock.wall()
    ages: dict[str, float | None] = {}
    for job in jobs:
        age = now - beats[job.name] if job.name in beats else None
        ages[job.name] = round(age, 1) if age is not None and age <= patience + job.every else None
    return ages
