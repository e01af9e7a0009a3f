"""The demonstration office has a month behind it: real duties at past moments, once."""

from __future__ import annotations

import pytest

from minping.cli import story
from minping.evaluate.models import Rating, Service
from minping.feedback.models import Case
from minping.kernel import clock, jobs, journal
from minping.kernel.access import SYSTEM
from minping.kernel.models import JobClaim
from minping.registry import demo
from minping.upstream.models import OutboxMessage
from tests.support.world import beijing, signed_in

NOW = beijing("2026-11-25 15:35")  # a Wednesday


@pytest.mark.django_db
@pytest.mark.parametrize("now", [NOW, beijing("2027-01-04 08:05"), beijing("2026-10-05 12:00")])
def test_the_month_is_told_whatever_day_it_is_and_only_once(monkeypatch: pytest.MonkeyPatch, now: object) -> None:
    monkeypatch.setattr(clock, "now", lambda: now)
    demo.load(by=SYSTEM, at=clock.now())
    told = story.tell(at=clock.now())
    assert told == Service.objects.count() > 100
    assert not Service.objects.filter(served_at__gte=clock.now()).exists()
    assert not Rating.objects.filter(rated_at__gte=clock.now()).exists()
    assert OutboxMessage.objects.filter(kind="rating").count() >= Rating.objects.filter(kind="rating").count()
    assert {"closed", "revoking", "verifying"} <= set(Case.objects.values_list("state", flat=True))
    while journal.seal():
        pass
    assert journal.verify().clean
    assert story.tell(at=clock.now()) == 0
    assert Service.objects.count() == told


@pytest.mark.django_db
def test_a_newcomer_finds_work_in_every_view_of_the_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    demo.load(by=SYSTEM, at=NOW)
    story.tell(at=NOW)
    reviewer = signed_in("reviewer")
    for view in ("verify", "review", "superior", "follow", "soon", "done"):
        assert reviewer.get(f"/desk/{view}/").context["rows"], view
    window = signed_in("window3")
    assert window.get("/desk/rectify/").context["rows"], "what README sends a newcomer to look at"


@pytest.mark.django_db
def test_a_job_that_runs_once_an_hour_is_well_between_its_runs() -> None:
    hourly = jobs.Job("hourly", "每小时", 3600.0, lambda: False)
    often = jobs.Job("often", "每秒", 1.0, lambda: False)
    for job in (hourly, often):
        JobClaim.objects.create(name=job.name, beat=clock.wall() - 1800)
    assert jobs.health([hourly, often]) == {"hourly": pytest.approx(1800, abs=5), "often": None}
    JobClaim.objects.filter(name="hourly").update(beat=clock.wall() - 3700)
    assert jobs.health([hourly])["hourly"] is None
