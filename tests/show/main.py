"""`make show-main`: everything that the first issue asks to be shown, and a table, one line each."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.show.table import POSTGRES, ROOT, Line, both, command, pytest, show


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


if __name__ == "__main__":
    sys.exit(show(LINES))
