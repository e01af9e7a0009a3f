"""`make show-main`: everything that the first issue asks to be shown, and a table, one line each.

Run inside `scripts/postgres run --`, so that PostgreSQL is there.  Each line runs the
real thing; a line that fails keeps its output in the log named at the end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOG = Path(tempfile.gettempdir()) / "minping-show-main.log"
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


def readme() -> str:
    """Both README commands from a fresh clone with no cache, then `make run` again without a network."""
    work = Path(tempfile.mkdtemp(prefix="minping-fresh-"))
    clone, cache = work / "clone", work / "cache"
    command("git", "clone", "-q", str(ROOT), str(clone))
    env = {
        "XDG_CACHE_HOME": str(cache),
        "PIP_CACHE_DIR": str(cache / "pip"),
        "MINPING_HOME": "",
        "MINPING_DATABASE": "",
    }
    try:
        told = [f"make run {served(clone, env):.0f} 秒"]
        shutil.rmtree(clone / ".venv")
        offline = shutil.which("unshare") and not subprocess.run(["unshare", "-n", "true"], check=False).returncode
        if not offline:
            raise AssertionError("这台机器不能断网（unshare -n），离线启动没有验证")
        told.append(f"断网再来 {served(clone, env, offline=True):.0f} 秒")
        if not os.environ.get("MINPING_SHOW_SHORT"):
            command("make", "test", cwd=clone, env=env, seconds=3600)
            told.append("make test 通过")
        return "，".join(told)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def served(clone: Path, env: dict[str, str], *, offline: bool = False) -> float:
    """Seconds until `make run` in the clone is well; then it is ended as Ctrl-C ends it."""
    probe = "scripts/until-well"
    away = ["unshare", "-n", "sh", "-c", f"ip link set lo up 2>/dev/null; exec {probe}"] if offline else [probe]
    start = time.monotonic()
    command(*away, cwd=clone, env={**env, "PORT": "8470"}, seconds=600)
    return time.monotonic() - start


def kills() -> str:
    from tests.show import kill

    return "；".join(
        str(kill.run(int(os.environ.get("MINPING_SHOW_KILLS", "100")), url)) for url in (None, POSTGRES or None)
    )


def bench() -> str:
    out = command(sys.executable, "-m", "bench", *(["--quick"] if os.environ.get("MINPING_SHOW_SHORT") else []))
    print(out)
    return "见上表"


LINES = (
    Line("一千五百条真实留言，原样到省平台和导出", lambda: both("tests/journeys/test_messages.py")),
    Line("README 的两条命令：全新克隆、断网再来", readme),
    Line("故事全程，真浏览器，附图", lambda: both("tests/journeys/test_story.py", MINPING_PICTURES="1")),
    Line("一千件、两百评、八百默认，省平台停三天、丢十分之一答复", lambda: both("tests/journeys/test_thousand.py")),
    Line("刷评脚本、预览机器人、双击、五十并发", lambda: both("tests/journeys/test_floods.py")),
    Line("工作日：国庆、春节、调休、跨年暂定；2019–2026 与独立日历逐日相等", lambda: pytest("tests/law")),
    Line("随机杀进程一百次", kills),
    Line("性能", bench),
)


def main() -> int:
    LOG.write_text("", encoding="utf-8")
    rows: list[tuple[str, str, str, float]] = []
    chosen = sys.argv[1:]
    for number, line in enumerate(LINES, start=1):
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


if __name__ == "__main__":
    sys.exit(main())
