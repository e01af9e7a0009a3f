"""Jobs of 上送."""

from __future__ import annotations

from datetime import date

from minping.kernel import clock
from minping.kernel.jobs import ENDING, Job, worker_name
from minping.upstream.incoming import dictionary_ask, pull
from minping.upstream.services import checks_return, messages_deliver
from minping.upstream.unrated import unrated_ask
from minping.upstream.watch import look


def _deliver() -> bool:
    return messages_deliver(holder=worker_name(), stopping=ENDING.is_set)


def _checks() -> bool:
    return checks_return(at=clock.now()) > 0


def _look() -> bool:
    return look(at=clock.now())


_dictionary_day: date | None = None
_unrated_day: date | None = None


def _pull() -> bool:
    """Negatives at each look; the dictionary and what is still unrated above once a day, and when the program starts."""
    global _dictionary_day, _unrated_day
    now = clock.now()
    today = clock.beijing(now).date()
    new = pull(at=now)
    if _dictionary_day != today and dictionary_ask(at=now):
        _dictionary_day = today
    if _unrated_day != today and unrated_ask(at=now) is not None:
        _unrated_day = today
    return new > 0


JOBS = (
    Job("deliver", "上送", 0.3, _deliver, parallel=True),
    Job("checks", "晨检回程", 0.5, _checks),
    Job("watch", "对账与告警", 10.0, _look),
    Job("pull", "取回下发", 10.0, _pull),
)
