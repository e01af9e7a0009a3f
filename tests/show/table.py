"""What every `make show-…` shares: lines that run the real thing, and the table at the end.

Run inside `scripts/postgres run --`, so that PostgreSQL is there.  A line that fails
keeps its output in the log named at the end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOG = Path(tempfile.gettempdir()) / "minping-show.log"
POSTGRES = os.environ.get("MINPING_DATABASE", "")


@dataclass(frozen=True)
class Line:
    title: str
    run: Callable[[], str]  # what it found, in a few words; raises where it is not so


def command(*arguments: str, env: dict[str, str] | None = None, cwd: Path = ROOT, seconds: int = 1500) -> str:
    """Run a command to its end; its output goes to the log; raises where it fails."""
    done = subprocess.run(
        arguments, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, timeout=seconds,
        check=False,
    )  # fmt: skip
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"\n$ {' '.join(arguments)}\n{done.stdout}{done.stderr}")
    if done.returncode:
        raise AssertionError(f"{' '.join(arguments[:4])}… 返回 {done.returncode}")
    return done.stdout


def pytest(*paths: str, database: str = "", **env: str) -> str:
    out = command(sys.executable, "-m", "pytest", "-q", *paths, env={"MINPING_DATABASE": database, **env})
    return out.strip().splitlines()[-1].strip("= ")


def both(*paths: str, **env: str) -> str:
    """The same tests on SQLite and on PostgreSQL."""
    if not POSTGRES:
        raise AssertionError("没有 PostgreSQL：请用 make show-main 运行")
    return f"SQLite {pytest(*paths, **env)}；PostgreSQL {pytest(*paths, database=POSTGRES, **env)}"


def measured(part: str, *words: str) -> list[str]:
    """The rows of the benchmark's table that speak of `words`, each in one line: both databases in one run."""
    out = command(sys.executable, "-m", "bench", "raw", part)
    return [" ".join(line.split()) for line in out.splitlines() if any(word in line for word in words)]


def show(lines: Sequence[Line]) -> int:
    """Run the lines (all, or those whose numbers are given as arguments) and print the table; 1 where one failed."""
    LOG.write_text("", encoding="utf-8")
    rows: list[tuple[str, str, str, float]] = []
    chosen = sys.argv[1:]
    for number, line in enumerate(lines, start=1):
        if chosen and str(number) not in chosen:
            continue
        print(f"── {number} {line.title} ──", flush=True)
        start = time.monotonic()
        try:
            rows.append(("通过", line.title, line.run(), time.monotonic() - start))
        except (AssertionError, subprocess.TimeoutExpired) as failure:
            rows.append(("未过", line.title, str(failure), time.monotonic() - start))
        print(f"   {rows[-1][0]}：{rows[-1][2]}", flush=True)
    print()
    for state, title, told, seconds in rows:
        print(f"{state}  {seconds:6.0f} 秒  {title}：{told}")
    bad = sum(row[0] != "通过" for row in rows)
    print(f"\n{len(rows) - bad} passed, {bad} failed" + (f"（输出在 {LOG}）" if bad else ""))
    return 1 if bad else 0
