"""Workers killed between the superior's answer and our commit, and two at the same rows (tests/show/killed.py)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.ready import CHECKOUT, own_database, own_file


def test_b2_killed_between_answer_and_commit_or_two_at_once_each_is_sent_once_in_order_with_its_proof(
    tmp_path: Path,
) -> None:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MINPING_", "DJANGO_"))}
    env |= {
        "MINPING_HOME": str(tmp_path), "MINPING_SANDBOX": "1", "DJANGO_SETTINGS_MODULE": "minping.site.settings",
    }  # fmt: skip
    if database := os.environ.get("MINPING_DATABASE", ""):
        env["MINPING_DATABASE"] = own_database(database, f"killed_{os.getpid()}")
    else:
        own_file(tmp_path / "minping.sqlite3")
    done = subprocess.run(
        [sys.executable, "-m", "tests.show.killed"], env=env, cwd=CHECKOUT, capture_output=True, text=True,
        check=False, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    assert done.stdout.startswith("杀 10 次") and "两个进程同时抢" in done.stdout
