"""Each way to misbehave, shown over HTTP, and the exactness of shares and schedules."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from urllib3.exceptions import HTTPError

from minping.sandbox import BehaviourError, Server
from minping.sandbox.behaviour import MODES, Plan, parse

from .conftest import Sender


def ask(sender: Sender, told: object) -> dict[str, Any]:
    answer = sender.post("/behaviour", told)
    assert answer.status == 200, answer.data
    shown: dict[str, Any] = answer.json()
    return shown


def answered(sender: Sender, number: int, kind: str = "service") -> bool:
    try:
        sender.send(kind, f"办件{number:04d}")
    except HTTPError:
        return False
    return True


def test_down_neither_answers_nor_stores_not_even_on_an_open_connection(sender: Sender) -> None:
    assert answered(sender, 1)
    assert ask(sender, {"mode": "down"})["mode"] == "down"
    assert not any(answered(sender, number) for number in (2, 3, 4))
    assert [row["case_no"] for row in sender.received("service")] == ["办件0001"]
    ask(sender, {"mode": "up"})
    assert answered(sender, 2)


def test_lose_stores_and_then_hangs_up_so_that_the_next_try_is_a_duplicate(sender: Sender) -> None:
    ask(sender, {"mode": "lose"})
    assert not answered(sender, 1)
    assert len(sender.received("service")) == 1
    ask(sender, {"mode": "up"})
    assert sender.send("service", "办件0001")["result"] == "duplicate"


def test_lose_at_a_tenth_loses_exactly_every_tenth_answer_and_no_record(sender: Sender) -> None:
    ask(sender, {"mode": "lose", "rate": 0.1})
    lost = [number for number in range(1, 101) if not answered(sender, number)]
    assert lost == list(range(10, 101, 10))
    assert len(sender.received("service")) == 100


def test_slow_waits_and_then_answers(sender: Sender) -> None:
    ask(sender, {"mode": "slow", "delay": 0.3})
    started = time.monotonic()
    assert answered(sender, 1)
    assert time.monotonic() - started >= 0.3


def test_refuse_answers_422_with_the_told_code_and_stores_nothing(sender: Sender) -> None:
    ask(sender, {"mode": "refuse", "code": "E_ITEM_RETIRED"})
    answer = sender.send("service")
    assert (answer["status"], answer["result"], answer["code"]) == (422, "refused", "E_ITEM_RETIRED")
    assert sender.received("service") == []


def test_unavailable_answers_503_and_stores_nothing(sender: Sender) -> None:
    ask(sender, {"mode": "unavailable"})
    assert sender.send("service") == {"status": 503, "result": "unavailable"}
    assert sender.received("service") == []


def test_garbage_answers_200_with_no_json_and_stores_nothing(sender: Sender) -> None:
    ask(sender, {"mode": "garbage"})
    answer = sender.post("/v1/messages", {"kind": "service"})
    assert answer.status == 200
    with pytest.raises(ValueError):
        json.loads(answer.data)
    assert sender.received("service") == []


def test_duplicate_handles_the_message_twice_and_the_record_is_still_one(sender: Sender) -> None:
    ask(sender, {"mode": "duplicate"})
    assert sender.send("service")["result"] == "accepted"
    (record,) = sender.received("service")
    assert record["times_received"] == 2


def test_several_at_once_work_together(sender: Sender) -> None:
    shown = ask(sender, {"lose": 0.5, "slow": 0.05, "duplicate": True, "down": False})
    assert shown["mode"] == "mixed" and shown["effects"] == {"lose": 0.5, "slow": 1.0, "duplicate": 1.0}
    assert [answered(sender, number) for number in (1, 2, 3, 4)] == [True, False, True, False]
    assert [row["times_received"] for row in sender.received("service")] == [2, 2, 2, 2]


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "up"])
def test_behaviour_list_and_page_work_in_every_mode(sender: Sender, mode: str) -> None:
    assert ask(sender, {"mode": mode})["mode"] == mode
    assert sender.get("/behaviour")["mode"] == mode
    assert sender.get("/received") == [] and sender.get("/received/counts") == []
    assert sender.pool.request("GET", sender.url + "/").status == 200


def test_up_clears_everything_the_schedule_included(sender: Sender) -> None:
    ask(sender, {"lose": 0.1, "down": True, "schedule": [{"after": 60, "behaviour": {"mode": "slow"}}]})
    assert ask(sender, {"mode": "up"}) == {"mode": "up", "effects": {}, "schedule": []}


def test_a_schedule_changes_the_behaviour_by_itself(sender: Sender) -> None:
    ask(sender, {"mode": "down", "schedule": [{"after": 0.3, "behaviour": {"mode": "up"}}]})
    assert not answered(sender, 1)
    time.sleep(0.35)
    assert answered(sender, 1)


def test_a_schedule_alone_leaves_the_present_behaviour_until_its_first_step() -> None:
    now = [0.0]
    plan = Plan(clock=lambda: now[0])
    plan.tell({"mode": "slow", "delay": 2})
    plan.tell({"schedule": [{"after": 20, "behaviour": {"mode": "up"}}, {"after": 10, "behaviour": {"lose": 1}}]})
    seen = []
    for at in (0, 9.9, 10, 19.9, 20):
        now[0] = at
        seen.append(plan.present().mode)
    assert seen == ["slow", "slow", "lose", "lose", "up"]


@pytest.mark.parametrize(
    ("rate", "of", "hit"),
    [(0.1, 100, 10), (0.29, 100, 29), (0.5, 7, 3), (1, 5, 5), (0, 9, 0), (0.001, 1000, 1)],
)
def test_a_share_hits_exactly_that_many_messages(rate: float, of: int, hit: int) -> None:
    plan = Plan()
    plan.tell({"mode": "lose", "rate": rate})
    assert sum(plan.judge().lost for _ in range(of)) == hit


@pytest.mark.parametrize(
    "told",
    [
        {"mode": "broken"},
        {"mode": ["up"]},
        {"mode": "up", "speed": 1},
        {"mode": "down", "lose": 0.1},
        {"loose": 0.1},
        {"mode": "lose", "rate": 1.1},
        {"mode": "lose", "rate": -0.1},
        {"mode": "lose", "rate": "0.1"},
        {"lose": None},
        {"mode": "slow", "delay": -1},
        {"mode": "slow", "delay": 1e9},
        {"slow": True},
        {"mode": "refuse", "code": "x y"},
        {},
        [],
        5,
        {"schedule": []},
        {"schedule": [{"after": 1}]},
        {"schedule": [{"after": 1, "behaviour": {"a": 1}}]},
        {"schedule": [{"after": "1", "behaviour": {"mode": "up"}}]},
    ],
)
def test_what_is_no_behaviour_is_refused_in_chinese_and_changes_nothing(sender: Sender, told: object) -> None:
    ask(sender, {"mode": "slow", "delay": 0})
    answer = sender.post("/behaviour", told)
    assert answer.status == 400
    assert any("一" <= each <= "龥" for each in answer.json()["error"]["message"])
    assert sender.get("/behaviour")["mode"] == "slow"


def test_the_refusal_of_an_unknown_mode_lists_the_valid_ones(sender: Sender) -> None:
    text = sender.post("/behaviour", {"mode": "broken"}).json()["error"]["message"]
    assert all(mode in text for mode in MODES)


def test_not_a_number_is_no_share() -> None:
    with pytest.raises(BehaviourError):
        parse({"lose": float("nan")})


def test_a_test_can_tell_the_server_directly(province: Server, sender: Sender) -> None:
    province.behave(refuse=1, code="E_X")
    assert sender.send("service")["code"] == "E_X"
    province.behave(mode="up")
    assert sender.send("service")["result"] == "accepted"
    with pytest.raises(BehaviourError):
        province.behave(mode="sideways")


def test_curls_habit_to_call_json_a_form_is_understood(sender: Sender) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = sender.pool.request("POST", sender.url + "/behaviour", body=b'{"mode": "lose", "rate": 0.1}', headers=form)
    assert answer.status == 200 and answer.json()["effects"] == {"lose": 0.1}


def test_the_form_of_the_page_sets_the_behaviour_without_script(sender: Sender) -> None:
    fields = {"slow": "", "down": "", "lose": "0.1", "duplicate": "1", "code": "E_REFUSED"}
    answer = sender.fill_in(fields)
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert sender.get("/behaviour")["effects"] == {"lose": 0.1, "duplicate": 1.0}
    empty = {"lose": "", "code": "E_REFUSED"}
    sender.fill_in(empty)
    assert sender.get("/behaviour")["mode"] == "up"


def test_a_wrong_form_shows_the_page_with_the_reason_and_changes_nothing(sender: Sender) -> None:
    fields = {"lose": "<b>许多</b>"}
    answer = sender.fill_in(fields)
    assert answer.status == 400
    assert "没有改变" in answer.data.decode() and "<b>许多" not in answer.data.decode()
    assert sender.get("/behaviour")["mode"] == "up"
