"""Over New Year without a notice a due time is provisional; the notice makes it final, on record (R1)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from minping import law
from minping.feedback.models import Case
from minping.kernel import journal
from minping.kernel.access import SYSTEM
from minping.kernel.home import home
from minping.kernel.models import JournalEntry
from minping.rectify.models import Order
from minping.site.calendar import calendar_load
from tests.support.world import Story, beijing

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]


@pytest.fixture(autouse=True)
def without_notice() -> Iterator[None]:
    """No notice of 2027, before and after."""
    yield
    for file in home().law.glob("*"):
        file.unlink()
    law.use_overlay(None)
    law.use_overlay(home().law)


def notice(folder: Path) -> Path:
    """A notice of 2027 as it might be (invented): off from Friday 1 to Sunday 3 January."""
    # The lunar holidays of that year fall on these days whatever the notice says of make-up days.
    named = {
        "元旦": ("01-01", "01-02", "01-03"), "春节": ("02-05", "02-06", "02-07", "02-08"), "清明节": ("04-05",),
        "劳动节": ("05-01", "05-02"), "端午节": ("06-09",), "中秋节": ("09-15",),
        "国庆节": ("10-01", "10-02", "10-03"),
    }  # fmt: skip
    days = [
        {"name": name, "date": f"2027-{day}", "isOffDay": True} for name, all_days in named.items() for day in all_days
    ]
    days.append({"name": "元旦", "date": "2027-01-09", "isOffDay": False})
    file = folder / "2027.json"
    file.write_text(json.dumps({"year": 2027, "papers": ["（测试用，非真实通知）"], "days": days}), encoding="utf-8")
    return file


def test_the_notice_recomputes_provisional_dues_and_leaves_a_row(tmp_path: Path) -> None:
    # Wednesday 2026-12-30: Thursday 12-31 and, as far as is known, Monday 2027-01-04.
    case = Story(at=beijing("2026-12-30 10:00")).negative()
    assert case.due_provisional
    order = Story("MA-2", at=beijing("2026-12-30 10:00")).confirmed()
    assert order.due_provisional
    _, moved = calendar_load(notice(tmp_path), by=SYSTEM, at=beijing("2026-12-31 09:00"))
    case.refresh_from_db()
    order.refresh_from_db()
    assert not case.due_provisional
    assert case.due_at == beijing("2027-01-05 00:00")
    assert case.verify_due_at == case.due_at
    # Five working days: 12-31 (Thu), 01-04 … 01-07 (Mon–Thu).
    assert (order.due_at, order.rectify_due_at) == (beijing("2027-01-08 00:00"), beijing("2027-01-08 00:00"))
    entries = JournalEntry.objects.filter(action__endswith="due_recomputed")
    assert entries.count() == Case.objects.filter(state="verifying").count() + Order.objects.count()
    assert moved == sum(entry.facts["before"] != entry.facts["after"] for entry in entries)
    assert journal.verify().clean


def test_a_wrong_notice_changes_nothing(tmp_path: Path) -> None:
    case = Story(at=beijing("2026-12-30 10:00")).negative()
    file = tmp_path / "2027.json"
    file.write_text('{"year": 2027, "papers": [], "days": []}', encoding="utf-8")
    with pytest.raises(law.LawError):
        calendar_load(file, by=SYSTEM, at=beijing("2026-12-31 09:00"))
    case.refresh_from_db()
    assert case.due_provisional
