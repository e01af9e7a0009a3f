"""What the superior still holds open for rating, beside ours: asked for, or pasted from its screen (decision 0097)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from minping.evaluate.models import Rating, Service
from minping.evaluate.services import defaults_make
from minping.kernel import clock
from minping.kernel.errors import Invalid
from minping.kernel.home import home
from minping.kernel.models import JournalEntry
from minping.sandbox import Server, serve
from minping.upstream import jobs, provinces
from minping.upstream.models import OutboxMessage, TagOfSuperior, Task
from minping.upstream.unrated import Unrated, unrated_ask, unrated_read
from tests.support.services import free_port
from tests.support.world import FRIDAY, actor, rate, receive, service_row, signed_in
from tests.upstream.conftest import drain

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
NOW = FRIDAY + timedelta(days=1)


@pytest.fixture(autouse=True)
def province(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    with serve("127.0.0.1", 0, str(tmp_path / "province.sqlite3"), home().keys()["province"]) as server:
        settings.MINPING_PROVINCE = server.url
        provinces._driver.cache_clear()
        yield server


def ask(minutes: int = 1) -> Unrated:
    found = unrated_ask(at=NOW + timedelta(minutes=minutes))
    assert found is not None
    return found


def tasks() -> dict[str, list[str]]:
    return {task.key.split(":")[1]: task.rows for task in Task.objects.filter(kind="unrated", closed_at=None)}


def three() -> list[Service]:
    """One that is rated, one that became a default, one that waits; all told above."""
    rated, silent, waiting = receive(*(service_row(f"U-{n}") for n in range(3)))
    rate(rated, 2)
    Service.objects.filter(pk=silent.pk).update(default_due_at=NOW)
    defaults_make(at=NOW)
    drain()
    return [rated, silent, waiting]


def test_what_waits_on_both_sides_agrees_and_opens_nothing() -> None:
    three()
    found = ask()
    assert (found.told, found.agreed, found.coming, found.clean) == (1, 1, 0, True)
    assert not Task.objects.exists()
    assert JournalEntry.objects.filter(action="unrated.compared").count() == 1


def test_a_service_that_only_the_superior_knows_is_named_with_its_case(province: Server) -> None:
    _, _, waiting = three()
    OutboxMessage.objects.filter(subject=waiting.pk).update(state="accepted")
    ghost = {
        "id": "x:1:1", "kind": "service", "revision": 1, "organization_code": "minan-center", "case_no": "GHOST-1",
        "service_no": 2, "fact_at": FRIDAY.isoformat(),
    }  # fmt: skip
    chosen = provinces.driver()
    chosen._call("POST", "/v1/messages", json.dumps(ghost).encode())  # type: ignore[attr-defined]
    found = ask()
    assert (found.told, found.agreed, found.unknown) == (2, 1, ("minan-center GHOST-1 2",))
    assert "补导入" in Task.objects.get(kind="unrated").text


def test_rated_here_and_said_to_have_arrived_but_open_above_is_named() -> None:
    rated, _, waiting = three()
    rate(waiting, 5)
    OutboxMessage.objects.filter(kind="rating", case_no="U-2").update(state="accepted", settled_at=NOW)  # it never went
    found = ask()
    assert (found.unheard, found.coming) == ((waiting.pk.hex,), 0)
    assert tasks() == {"unheard": [waiting.pk.hex]} and rated.pk.hex not in str(tasks())
    ask(2)
    assert Task.objects.count() == 1  # what an open task names is not named again
    OutboxMessage.objects.filter(kind="rating", case_no="U-2").delete()  # nor was it ever queued
    assert ask().unheard == (waiting.pk.hex,)


@pytest.mark.parametrize("state", ["waiting", "refused", "manual", "checking", "accepted"])
def test_what_is_on_its_way_is_no_difference(state: str) -> None:
    *_, waiting = three()
    rate(waiting, 1)
    late = NOW + timedelta(minutes=2) if state == "accepted" else None  # it arrived after they were asked
    OutboxMessage.objects.filter(kind="rating", case_no="U-2").update(state=state, settled_at=late)
    found = ask()
    assert (found.told, found.coming, found.clean) == (1, 1, True)


def test_open_here_and_no_longer_there_is_named_and_stays_open_here(province: Server) -> None:
    *_, waiting = three()
    on_its_way = receive(service_row("U-9"))[0]
    rating = rate(waiting, 4)
    drain()  # above it is rated; here the rating is lost, as after a backup of the day before
    OutboxMessage.objects.filter(subject=rating.pk).delete()
    Service.objects.filter(pk=waiting.pk).update(outcome="none", outcome_at=None)
    OutboxMessage.objects.filter(subject=on_its_way.pk).update(state="waiting")
    assert ask().closed == (waiting.pk.hex,)
    assert tasks() == {"closed": [waiting.pk.hex]}
    assert Service.objects.get(pk=waiting.pk).outcome == "none"


@pytest.mark.parametrize(
    ("address", "profile"), [("", ""), ("http://127.0.0.1:{port}", ""), ("http://127.0.0.1:{port}", "370000")]
)
def test_a_superior_that_is_silent_or_has_no_such_call_makes_no_difference_of_everything(
    settings: Any, address: str, profile: str
) -> None:
    three()
    settings.MINPING_PROVINCE, settings.MINPING_PROVINCE_PROFILE = address.format(port=free_port()), profile
    provinces._driver.cache_clear()
    assert unrated_ask(at=NOW) is None
    assert not Task.objects.exists() and not JournalEntry.objects.filter(action="unrated.compared").exists()


def test_the_job_asks_once_a_day_and_again_where_there_was_no_answer(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    three()
    monkeypatch.setattr(jobs, "_unrated_day", None)
    there = settings.MINPING_PROVINCE
    for address, compared in ((f"http://127.0.0.1:{free_port()}", 0), (there, 1), (there, 1)):
        settings.MINPING_PROVINCE = address
        provinces._driver.cache_clear()
        jobs._pull()
        assert JournalEntry.objects.filter(action="unrated.compared").count() == compared


def test_the_dictionary_is_asked_for_again_where_the_superior_was_silent(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_dictionary_day", None)
    there = settings.MINPING_PROVINCE
    for address, known in ((f"http://127.0.0.1:{free_port()}", False), (there, True)):
        settings.MINPING_PROVINCE = address
        provinces._driver.cache_clear()
        jobs._pull()
        assert TagOfSuperior.objects.exists() == known


def test_a_pasted_list_says_the_same_and_nothing_of_what_it_leaves_out(settings: Any) -> None:
    three()
    settings.MINPING_PROVINCE = ""
    provinces._driver.cache_clear()
    text = "U-2\nU-0，1\nNOBODY-7\t3,minan-center\n\n"
    found = unrated_read(text, by=actor("operator"), at=NOW + timedelta(minutes=1))
    assert (found.told, found.agreed, len(found.unheard), found.closed) == (3, 1, 1, ())
    assert found.unknown == ("minan-center NOBODY-7 3",)
    assert set(tasks()) == {"unknown", "unheard"} and Rating.objects.count() == 1


@pytest.mark.parametrize(
    "text", ["", "\n \n", "U-1,x", "U-1,1,minan-center,more", ",1", "U-1,１", "U\0-1", "U-1,1,minan\0", "U-1\n" * 5001]
)
def test_a_list_that_is_none_is_refused_and_compares_nothing(text: str) -> None:
    with pytest.raises(Invalid):
        unrated_read(text, by=actor("operator"), at=NOW)
    assert not JournalEntry.objects.filter(action="unrated.compared").exists()


def test_the_desk_asks_or_takes_the_list_and_only_who_acts_for_the_whole_office(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    three()
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(minutes=1))
    acting = signed_in("operator")
    assert "向上级查，逐件核对" in acting.get(reverse("delivery")).content.decode()
    answer = acting.post(reverse("delivery_unrated"), {"verb": "ask"}, follow=True).content.decode()
    assert "本地也待评 1 件" in answer and "没有差异" in answer
    answer = acting.post(reverse("delivery_unrated"), {"list": "U-0"}, follow=True).content.decode()
    assert "已列入待查" in answer and "未评核对" in answer
    assert "看不懂" in acting.post(reverse("delivery_unrated"), {"list": "U-0,x"}, follow=True).content.decode()
    for other in ("head", "window3", "neighbour"):
        assert signed_in(other).post(reverse("delivery_unrated"), {"verb": "ask"}).status_code == 403
    assert acting.get(reverse("delivery_unrated")).status_code == 405


def test_the_comparison_costs_the_same_statements_for_few_and_many() -> None:
    counted = []
    for first, last in ((0, 3), (3, 40)):
        receive(*(service_row(f"N-{n}") for n in range(first, last)))
        drain()
        with CaptureQueriesContext(connection) as made:
            assert ask().clean
        counted.append(len(made))
    assert counted[0] == counted[1] < 12
