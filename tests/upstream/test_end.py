"""A level with nobody above it: nothing queued, nothing missing, and what would be decided above is decided here."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from minping.cli import main
from minping.evaluate.models import Service
from minping.feedback import authority, decisions, ladder, view
from minping.feedback.models import Case, Revocation
from minping.feedback.states import Authority
from minping.kernel import clock, journal
from minping.kernel.access import SYSTEM
from minping.kernel.errors import Problem
from minping.kernel.models import Account, Assignment, JournalEntry
from minping.registry import queries as registry
from minping.registry.models import Area
from minping.upstream import provinces, watch
from minping.upstream.desk import messages_close
from minping.upstream.models import OutboxMessage, SentDown, Target, Task
from minping.upstream.services import messages_deliver
from tests.support import levels
from tests.support.levels import application, case, post, rating, service, validity
from tests.support.world import FRIDAY, PASSWORD, Story, actor, receive, registry_world, service_row, signed_in

pytestmark = pytest.mark.django_db
NOW = FRIDAY + timedelta(days=1)
DAY = date(2026, 11, 20)


@pytest.fixture
def end(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A district that sends nowhere, over a street that reports to it."""
    levels.district_world(settings)
    settings.MINPING_PROVINCE, settings.MINPING_PROVINCE_PROFILE = "", "end"
    monkeypatch.setattr(clock, "now", lambda: NOW)


def from_a_street() -> tuple[Any, Any]:
    given, word, negative, asked = (uuid4() for _ in range(4))
    rows = [
        service(given), rating(word), case(negative, word), application(asked), validity(asked),
        case(negative, word, "revoking", 2),
    ]  # fmt: skip
    answers = post("messages", {"messages": rows}, levels.key()).json()["answers"]
    assert [one["result"] for one in answers] == ["accepted"] * 6
    return given, negative


def own_street(settings: Any, area: str) -> None:
    """An installation of a district or city that renders services itself, with nobody above it."""
    registry_world()
    settings.MINPING_AREA = area
    settings.MINPING_PROVINCE, settings.MINPING_PROVINCE_PROFILE = "", "end"
    Area.objects.get_or_create(code=area, defaults={"name": "本级"})
    account = Account.objects.create_account("authority", "裁决人员", PASSWORD, staff_code="z01")
    Assignment.objects.create(account=account, role="authority", organization_code="minan")
    registry.forget()


def test_what_comes_from_below_is_taken_and_goes_no_further(end: None) -> None:
    given, _ = from_a_street()
    assert Service.objects.get(pk=given).origin == "minan"
    assert not OutboxMessage.objects.exists()
    assert not messages_deliver(holder="test")
    assert journal.verify().clean


def test_nothing_is_missing_where_nothing_is_to_be_sent(end: None) -> None:
    from_a_street()
    assert watch.reconcile(DAY, DAY, at=NOW) == []
    watch.look(at=NOW)
    assert not Task.objects.exists()
    assert watch.probe_judge(at=NOW + timedelta(hours=2)) is None
    page = signed_in("auditor").get("/delivery/?from=2026-11-20&to=2026-11-20").content.decode()
    assert "终点" in page
    assert "由人工录入省平台" not in page


def test_the_last_level_decides_and_refers_to_nobody(end: None) -> None:
    given, negative = from_a_street()
    asked = authority.open_application(Case.objects.get(pk=negative))
    assert asked is not None and asked.authority == Authority.DISTRICT
    with pytest.raises(authority.HighestAuthority):
        authority.revocation_decide(
            case_id=negative, verb="refer", said={"text": "请市里定。"}, by=actor("authority", NOW), at=NOW
        )
    authority.revocation_decide(
        case_id=negative, verb="grant", said={"text": "回访记录清楚。"}, by=actor("authority", NOW), at=NOW
    )
    assert Service.objects.get(pk=given).outcome == "invalid"
    assert SentDown.objects.get().kind == "validity"
    assert not OutboxMessage.objects.exists()


@pytest.mark.parametrize(("area", "level"), [("350213", "district"), ("350200", "city")])
@pytest.mark.parametrize(
    ("verb", "ends"), [("grant", ("closed", "revoke", "invalid")), ("deny", ("confirmed", "refuse", "rating"))]
)
def test_its_own_negatives_are_decided_by_its_own_authority(
    settings: Any, area: str, level: str, verb: str, ends: tuple[str, str, str]
) -> None:
    own_street(settings, area)
    story = Story()
    negative = story.called()
    for step, who in (("mistaken", "reviewer"), ("approve", "head")):
        decisions.case_decide(
            case_id=negative.pk, verb=step, said={"statement": "两次回访均称点错。"}, by=actor(who, story.at),
            at=story.later(),
        )  # fmt: skip
    asked = Revocation.objects.get(case=negative)
    assert asked.authority == level
    assert Service.objects.get().outcome == "rating"  # it counts until it is decided (R7)
    # Nobody types in an answer that nobody gives.
    with pytest.raises(Problem) as refused:
        decisions.case_decide(
            case_id=negative.pk, verb="revoke", said={"reference": "1"}, by=actor("head", story.at), at=story.later()
        )
    assert refused.value.code == "decided_here"
    negative.refresh_from_db()
    offered, _ = view.actions(negative, actor("authority", story.at), story.at)
    assert [one["verb"] for one in offered] == ["grant", "deny"]
    authority.revocation_decide(
        case_id=negative.pk,
        verb=verb,
        said={"text": "回访记录清楚。"},
        by=actor("authority", story.at),
        at=story.later(),
    )
    negative.refresh_from_db()
    asked.refresh_from_db()
    assert (negative.state, asked.answer, Service.objects.get().outcome) == ends
    assert asked.reference.startswith(f"撤决-{area}-")
    assert negative.orders.exists() == (verb == "deny")  # refused, it is put right like any other (minan/4.2.3)
    told = JournalEntry.objects.get(action="revocation.decided")
    assert told.actor == actor("authority", story.at).name
    assert not SentDown.objects.exists() and not OutboxMessage.objects.exists()
    assert journal.verify().clean


@pytest.mark.parametrize("party", ["reviewer", "head"])
def test_who_had_a_hand_in_the_application_does_not_decide_on_it(settings: Any, party: str) -> None:
    own_street(settings, "350213")
    story = Story()
    negative = story.called()
    for step, who in (("mistaken", "reviewer"), ("approve", "head")):
        decisions.case_decide(
            case_id=negative.pk, verb=step, said={"statement": "点错。"}, by=actor(who, story.at), at=story.later()
        )
    Assignment.objects.create(account=Account.objects.get(username=party), role="authority", organization_code="minan")
    with pytest.raises(Problem) as refused:
        authority.revocation_decide(
            case_id=negative.pk, verb="grant", said={"text": "同意。"}, by=actor(party, story.at), at=story.later()
        )
    assert refused.value.code == "conflict_of_interest"


def test_a_street_with_nothing_above_it_still_has_no_authority(settings: Any) -> None:
    registry_world()
    settings.MINPING_PROVINCE, settings.MINPING_PROVINCE_PROFILE = "", "end"
    assert not ladder.ends_here()
    assert ladder.first_level("350213005") == Authority.DISTRICT


def test_what_was_meant_for_a_superior_that_is_gone_is_a_persons_to_settle(settings: Any) -> None:
    registry_world()
    receive()  # without an interface: meant for a person to enter
    messages_deliver(holder="test")
    settings.MINPING_PROVINCE_PROFILE = "end"
    watch.look(at=NOW)
    watch.look(at=NOW)
    row, task = OutboxMessage.objects.get(), Task.objects.get()
    assert (row.state, task.kind, task.rows) == ("manual", "stranded", [str(row.pk)])
    assert messages_close(reason="市级不再有上级系统", by=SYSTEM, at=NOW) == 1
    row.refresh_from_db()
    assert row.state == "unneeded"
    assert JournalEntry.objects.filter(action="messages.closed", data__contains="不再有上级").exists()
    settings.MINPING_PROVINCE_PROFILE = ""
    with pytest.raises(Problem):
        messages_close(reason="试试", by=SYSTEM, at=NOW)


def test_a_superior_that_comes_later_is_sent_what_there_was_before(
    settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    registry_world()
    settings.MINPING_PROVINCE, settings.MINPING_PROVINCE_PROFILE = "", "end"
    story = Story()
    story.called()
    receive(service_row("MA-2", served_at=FRIDAY))
    assert not OutboxMessage.objects.exists()
    with pytest.raises(Problem):
        watch.backfill(DAY, DAY, by=SYSTEM, at=NOW)
    settings.MINPING_PROVINCE_PROFILE = ""
    assert main(["province", "backfill", "2026-11-20", "2026-11-20"]) == 0
    assert "服务 2 条" in capsys.readouterr().out
    rows = list(OutboxMessage.objects.order_by("id").values_list("kind", flat=True))
    assert rows == ["service", "service", "rating", "case"]
    assert watch.backfill(DAY, DAY, by=SYSTEM, at=NOW) == {}  # nothing twice
    assert Target.objects.filter(code="end").count() == 0


@pytest.mark.parametrize("slip", ["ennd", "350000", "minping"])
def test_a_profile_without_an_address_waits_and_says_so(settings: Any, slip: str) -> None:
    registry_world()
    settings.MINPING_PROVINCE, settings.MINPING_PROVINCE_PROFILE = "", slip
    receive()
    messages_deliver(holder="test")
    row = OutboxMessage.objects.get()
    assert row.state == "waiting" and "没有 province 地址" in row.error
    page = signed_in("operator").get("/delivery/").content.decode()
    assert f"省平台配置 {slip} 有误" in page


def test_an_address_with_the_end_is_a_contradiction_and_nothing_is_lost(settings: Any) -> None:
    registry_world()
    settings.MINPING_PROVINCE, settings.MINPING_PROVINCE_PROFILE = "https://127.0.0.1:1", "end"
    provinces._driver.cache_clear()
    receive()
    row = OutboxMessage.objects.get()
    assert row.state == "waiting" and not provinces.driver().ends
    assert "有误" in provinces.driver().label
    provinces._driver.cache_clear()
