"""A folder of rules with one more: what an area has chosen for itself."""

from __future__ import annotations

import shutil
from pathlib import Path

from minping.law import rules

RATING_PAGE = """label: 群众在哪里评
lower_may: anything
versions:
  - from: 2026-01-01
    value: superior
    unit: page
    clause: minan/3.4.2
    source: 测试
    checked_on: 2026-11-25
"""


def on_the_superiors_page(folder: Path, area: str = "350213005") -> Path:
    """The shipped rules, and that people of the area rate on the superior's page."""
    shipped = Path(rules.__file__).resolve().parent
    shutil.copytree(shipped / "areas", folder / "areas")
    shutil.copy(shipped / "clauses.yaml", folder)
    (folder / "areas" / area / "values" / "rating_page.yaml").write_text(RATING_PAGE, encoding="utf-8")
    return folder
