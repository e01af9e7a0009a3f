"""A worker killed at any write of a step leaves the case whole (tests/show/each_write.py).

Every run takes the steps that write most; `make show-cases` takes all (MINPING_EVERY_STEP=1).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.ready import CHECKOUT, own_database, own_file

STEPS = ("confirm", "appeal", "revoke", "report", "not_solved")


def test_killed_at_any_write_of_any_step_the_case_is_wholly_as_before_or_wholly_as_after(tmp_path: Path) -> None:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MINPING_", "DJANGO_"))}
    env |= {
        "MINPING_HOME": str(tmp_path), "MINPING_SANDBOX": "1", "MINPING_PROVINCE": "",
        "DJANGO_SETTINGS_MODULE": "minping.site.settings",
    }  # fmt: skip
    if database := os.environ.get("MINPING_DATABASE", ""):
        env["MINPING_DATABASE"] = own_database(database, f"writes_{os.getpid()}")
    else:
        own_file(tmp_path / "minping.sqlite3")
    chosen = () if os.environ.get("MINPING_EVERY_STEP") else STEPS
    done = subprocess.run(
        [sys.executable, "-m", "tests.show.each_write", *chosen], env=env, cwd=CHECKOUT, capture_output=True, text=True,
        check=False, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    steps, killed = done.stdout.splitlines()[-1].split(" 步 ")
    assert int(steps) >= len(STEPS)
    assert int(killed.removesuffix(" 次")) > 10 * int(steps)
