"""The package as others meet it: no Django, errors that travel, one answer for many threads."""

from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

from minping import law


def test_law_imports_neither_django_nor_a_later_stage() -> None:
    script = (
        "import sys, minping.law as law; law.check();"
        "bad = [m for m in sys.modules if m.split('.')[0] == 'django' or"
        " (m.startswith('minping.') and not m.startswith('minping.law'))];"
        "print(bad); sys.exit(bool(bad))"
    )
    root = Path(law.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_public_name_exists_once() -> None:
    assert all(hasattr(law, name) for name in law.__all__)
    assert len(set(law.__all__)) == len(law.__all__)


def test_an_error_keeps_its_place_when_it_travels_between_processes() -> None:
    error = law.LevelConfusion("LAW_X", "句子。", file="a.yaml", key="b")
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), back.code, back.message, back.file, back.key) == (
        law.LevelConfusion,
        "LAW_X",
        "句子。",
        "a.yaml",
        "b",
    )
    assert str(back) == "句子。"


def test_many_threads_get_the_same_answer() -> None:
    days = [date(2021, 11, 1) + timedelta(days=n) for n in range(60)]

    def ask(day: date) -> tuple[str, int]:
        rules = law.at("350213005007", day)
        return rules.version, rules.limit("rectify").value

    with ThreadPoolExecutor(8) as pool:
        found = [list(pool.map(ask, days)) for _ in range(5)]
    assert all(one == [ask(day) for day in days] for one in found)
