"""What comes down: pulled or pushed, proven, once, in any state of the case (minan/4.2.1; failures.md B22, B23)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from minping.evaluate.models import Rating
from minping.evaluate.services import defaults_make
from minping.feedback.models import Case
from minping.kernel import clock
from minping.kernel.home import home
from minping.sandbox import Server, serve
from minping.upstream import incoming, messages, provinces, watch
from minping.upstream.models import Incoming, OutboxMessage, TagOfSuperior, Task
from tests.support.world import FRIDAY, Story, rate, receive, service_row
from tests.upstream.conftest import drain

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]


@pytest.fixture
def province(settings: Any, tmp_path: Any) -> Iterator[Server]:
    with serve("127.0.0.1", 0, str(tmp_path / "province.sqlite3"), home().keys()["province"]) as server:
        settings.MINPING_PROVINCE = server.url
        provinces._driver.cache_clear()
        yield server


def told(**change: Any) -> dict[str, Any]:
    return {
        "reference": "SH-0001", "organization_code": "minan-center", "case_no": "MA20261120-0417", "service_no": 1,
        "level": 1, "rated_at": (FRIDAY + timedelta(minutes=9)).isoformat(), "text": "跑了三趟，😀。", "tags": ["108"],
        "channel": "qr", **change,
    }  # fmt: skip


def send_down(province: Server, **change: Any) -> None:
    province.province.negatives.append({"due": 0, "body": told(**change)})


def call_back(body: dict[str, Any] | bytes, *, key: bytes = b"", shift: int = 0) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    stamp = str(int(clock.now().timestamp()) + shift)
    sign = incoming.callback_sign(key or incoming.callback_key(), stamp, raw)
    return Client().post(
        "/upstream/callback/", raw, content_type="application/json", HTTP_X_MINPING_TIME=stamp,
        HTTP_X_MINPING_SIGNATURE=sign,
    )  # fmt: skip


def test_a_negative_that_is_pulled_becomes_a_rating_and_opens_its_case_once(province: Server) -> None:
    receive()
    send_down(province)
    assert incoming.pull(at=clock.now()) == 1
    assert incoming.pull(at=clock.now()) == 0
    rating = Rating.objects.get()
    assert (rating.level, rating.text, rating.tags, rating.channel, rating.proof) == (
        1, "跑了三趟，😀。", ["108"], "qr", "superior",
    )  # fmt: skip
    assert rating.rated_at == FRIDAY + timedelta(minutes=9)
    assert Case.objects.get().rating_id == rating.pk
    assert Incoming.objects.get().state == "taken"


def test_what_came_from_above_is_not_sent_up_again_and_the_reconciliation_agrees(province: Server) -> None:
    receive()
    send_down(province)
    incoming.pull(at=clock.now())
    drain()
    assert province.received(kind="rating") == []
    assert OutboxMessage.objects.get(kind="rating").state == "unneeded"
    day = FRIDAY.astimezone(clock.BEIJING).date()
    assert [line for line in watch.compare(day, day, at=clock.now()) if line.kind == "rating" and line.missing] == []


def test_it_is_sealed_as_it_came_and_reads_back(province: Server) -> None:
    receive()
    send_down(province, tags=["108", "199"])
    incoming.pull(at=clock.now())
    row = Incoming.objects.get()
    assert "跑了三趟".encode() not in bytes(row.content)
    assert incoming.content_of(row).tags == ("108", "199")  # an unknown tag is kept
    assert "199" in row.note and Rating.objects.get().tags == ["108"]


@pytest.mark.parametrize(
    ("change", "why"),
    [({"case_no": "NONE"}, "没有这次服务"), ({"rated_at": (FRIDAY + timedelta(days=999)).isoformat()}, "已经截止")],
)
def test_what_cannot_become_a_record_is_a_task_for_a_person(province: Server, change: Any, why: str) -> None:
    receive()
    send_down(province, **change)
    incoming.pull(at=clock.now())
    assert why in Incoming.objects.get(state="manual").note
    assert why in Task.objects.get(kind="incoming").text
    assert not Rating.objects.exists()


def test_our_own_rating_coming_back_agrees_and_another_level_is_a_task(province: Server) -> None:
    one, two = receive(service_row("C-1"), service_row("C-2"))
    rate(one, 1, text="慢")
    rate(two, 5)
    send_down(province, reference="A", case_no="C-1")
    send_down(province, reference="B", case_no="C-2")
    incoming.pull(at=clock.now())
    assert dict(Incoming.objects.values_list("reference", "state")) == {"A": "taken", "B": "manual"}
    assert sorted(Rating.objects.values_list("level", flat=True)) == [1, 5]  # never overwritten


def test_a_superior_that_is_down_is_asked_again(province: Server) -> None:
    receive()
    send_down(province)
    province._listener.answer = lambda _: None
    assert incoming.pull(at=clock.now()) == 0
    province._listener.answer = province._answer
    assert incoming.pull(at=clock.now()) == 1


def test_b23_a_call_back_is_taken_once_and_proven_by_its_signature(province: Server) -> None:
    receive()
    assert call_back(told(), key=b"x" * 32).status_code == 401
    assert call_back(told(), shift=-3600).status_code == 401
    assert Client().post("/upstream/callback/", b"{}", content_type="application/json").status_code == 401
    assert not Incoming.objects.exists()
    assert call_back(told()).json() == {"result": "accepted"}
    assert call_back(told()).json() == {"result": "duplicate"}
    assert Rating.objects.count() == Incoming.objects.count() == 1


def test_b23_another_content_under_a_number_that_was_taken_changes_nothing_and_is_told(province: Server) -> None:
    receive()
    assert call_back(told()).json() == {"result": "accepted"}
    for change in ({"level": 5}, {"text": "改了"}, {"case_no": "别的件"}):
        assert call_back(told(**change)).json() == {"result": "duplicate"}
    assert (Rating.objects.get().level, Incoming.objects.count()) == (1, 1)
    task = Task.objects.get()
    assert "SH-0001" in task.text and task.rows == [Incoming.objects.get().pk.hex]
    assert call_back(told()).json() == {"result": "duplicate"}
    assert Task.objects.count() == 1


@pytest.mark.parametrize(
    ("shift", "status"), [(-600, 200), (-601, 401), (600, 200), (601, 401), (10**9, 401), (-(10**9), 401)]
)
def test_b23_the_window_of_a_signed_call_ends_where_it_says(
    province: Server, shift: int, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recorded call, played again later, is refused by its time; within the window it is a duplicate."""
    receive()
    now = clock.now().replace(microsecond=0)
    monkeypatch.setattr(clock, "now", lambda: now)
    assert call_back(told(), shift=shift).status_code == status


@pytest.mark.parametrize("body", [b"no json", b"[]", json.dumps(told(level=9)).encode(), json.dumps({}).encode()])
def test_a_call_back_that_is_not_whole_is_refused_by_name(province: Server, body: bytes) -> None:
    assert call_back(body).status_code == 422
    assert not Incoming.objects.exists()


def test_b23_a_call_back_is_valid_in_any_state_of_the_case(province: Server) -> None:
    """After the default it is a supplementary word; after the case is closed it is compared and kept."""
    silent = receive(service_row("C-1"))[0]
    defaults_make(at=silent.default_due_at)
    late = (silent.default_due_at + timedelta(hours=1)).isoformat()
    assert call_back(told(reference="A", case_no="C-1", rated_at=late)).status_code == 200
    assert Rating.objects.get().kind == "supplementary"
    story = Story("C-2")
    story.followed()
    assert call_back(told(reference="B", case_no="C-2", level=2, tags=[])).status_code == 200
    assert Incoming.objects.get(reference="B").state == "taken"


def test_a_page_mode_result_of_any_level_is_taken_like_a_rating_given_here(province: Server) -> None:
    receive()
    assert call_back(told(level=5, tags=["510"], text="")).status_code == 200
    rating = Rating.objects.get()
    assert (rating.level, rating.tags, Case.objects.exists()) == (5, ["510"], False)


def test_the_dictionary_has_editions_and_retired_tags_stay_readable(province: Server) -> None:
    target = provinces.driver().name
    assert incoming.dictionary_ask(at=clock.now())
    before = TagOfSuperior.objects.count()
    assert incoming.tag_text("207", date(2026, 1, 1), target=target) == "没有提供材料样本"
    province.province.change_dictionary(
        {"edition": "2026-07", "valid_from": "2026-07-01", "retire": ["207"],
         "add": [{"code": "216", "label": "材料要求前后不一", "level": 2}]}
    )  # fmt: skip
    assert incoming.dictionary_ask(at=clock.now())
    assert incoming.dictionary_ask(at=clock.now())
    assert TagOfSuperior.objects.count() == before + 1
    assert incoming.tag_text("207", date(2026, 6, 30), target=target) == "没有提供材料样本"
    assert incoming.tag_text("207", date(2026, 7, 1), target=target) == "没有提供材料样本（已停用）"
    assert incoming.tag_text("216", date(2026, 7, 1), target=target) == "材料要求前后不一"
    assert incoming.tag_text("999", date(2026, 7, 1), target=target) == "999（字典里没有）"


def test_the_dictionary_of_the_sm2_family_is_read_by_its_own_call(speaking: Any) -> None:
    speaking("370000")
    chosen = provinces.driver()
    told_tags: messages.Dictionary = chosen.dictionary()
    assert {tag.code for tag in told_tags.tags} >= {"510", "108"}
    assert incoming.dictionary_ask(at=clock.now())
    assert TagOfSuperior.objects.filter(target="370000", code="108", level=1).exists()


@pytest.mark.parametrize("stamp", ["²", "³³", "", "-1", "1e3", "9" * 13])
def test_a_time_that_is_none_is_refused_to_a_stranger_and_breaks_nothing(stamp: str) -> None:
    answer = Client().post(
        "/upstream/callback/", b"{}", content_type="application/json", HTTP_X_MINPING_TIME=stamp,
        HTTP_X_MINPING_SIGNATURE="ÿ",
    )  # fmt: skip
    assert answer.status_code == 401
