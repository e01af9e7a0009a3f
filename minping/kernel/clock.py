"""The only reader of the clock (principle 13: time is an argument).

A sandbox installation can be moved ahead with `minping clock +8d`; the shift is
kept in the home folder and every process of the installation follows it.  A real
installation never reads that file.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta, timezone

from minping.kernel.errors import Problem
from minping.kernel.home import home

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")
WEEKDAYS = "一二三四五六日"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_cache: tuple[tuple[str, int], float] | None = None


class ClockRefused(Problem):
    code = "clock_refused"
    status = 409
    message = "正式环境的时钟不能调。"
    cure = "只有演示环境（make run 启动的）可以用 minping clock。"


class ClockNotUnderstood(Problem):
    code = "clock_not_understood"
    message = "看不懂要把时钟调多少。"
    cure = "写成 +8d、+3h、+15m、+30s，或 reset 恢复真实时间。"


def shift_seconds() -> float:
    """By how much this (sandbox) installation's clock runs ahead, in seconds."""
    global _cache
    file = home().clock_file
    try:
        stamp = (str(file), file.stat().st_mtime_ns)
    except FileNotFoundError:
        return 0.0
    if _cache is None or _cache[0] != stamp:
        if not home().config().sandbox:
            return 0.0
        _cache = (stamp, float(json.loads(file.read_text())["shift_seconds"]))
    return _cache[1]


def now() -> datetime:
    """This instant, aware, UTC."""
    return datetime.fromtimestamp(time.time() + shift_seconds(), UTC)


def move(by: str) -> timedelta:
    """Move a sandbox's clock by `+8d`, `+3h`, `+15m`, `+30s`, or `reset` it.

    Raises ClockRefused on a real installation.  Never moves backwards except by
    `reset`, which a sandbox needs to begin again.
    """
    if not home().config().sandbox:
        raise ClockRefused()
    if by == "reset":
        total = 0.0
    else:
        parts = re.fullmatch(r"\+(\d+(?:\.\d+)?)([smhd])", by.strip())
        if not parts:
            raise ClockNotUnderstood()
        total = shift_seconds() + float(parts[1]) * _UNITS[parts[2]]
    fresh = home().clock_file.with_suffix(".new")
    fresh.write_text(json.dumps({"shift_seconds": total}))
    fresh.replace(home().clock_file)
    return timedelta(seconds=total)


def beijing(moment: datetime) -> datetime:
    return moment.astimezone(BEIJING)


_years: ContextVar[bool] = ContextVar("years", default=False)


@contextmanager
def years() -> Iterator[None]:
    """Within it every date is said with its year: what goes on paper outlives the year."""
    before = _years.set(True)
    try:
        yield
    finally:
        _years.reset(before)


def day_text(moment: datetime) -> str:
    """`11月23日 周一`: a date never stands without its weekday; within `years`, `2026年11月23日 周一`."""
    local = beijing(moment)
    year = f"{local.year}年" if _years.get() else ""
    return f"{year}{local.month}月{local.day}日 周{WEEKDAYS[local.weekday()]}"


def moment_text(moment: datetime) -> str:
    """`11月23日 周一 15:20`, 24-hour clock, no seconds."""
    return f"{day_text(moment)} {beijing(moment):%H:%M}"


def due_text(moment: datetime) -> str:
    """The end of a limit: `11月24日 周二 24:00 前` for a limit that ends at midnight."""
    local = beijing(moment)
    if (local.hour, local.minute, local.second) == (0, 0, 0):
        return f"{day_text(moment - timedelta(seconds=1))} 24:00 前"
    return f"{moment_text(moment)} 前"


def wall() -> float:
    """Real seconds since the epoch, for leases and heart-beats, which a sandbox's shift must not touch."""
    return time.time()
