"""Everything that the sandbox can be told (issue 5 §4), each at once and by schedule, and what a sender then meets."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest
from urllib3.exceptions import HTTPError

from minping.sandbox import Server
from tests.sandbox.conftest import Sender, message

pytestmark = pytest.mark.once
Met = Callable[[Server, Sender], bool]
NUMBERS = itertools.count()


def ask(sender: Sender) -> tuple[int, str]:
    """Send a new service: the status and the answer's text; 0 where the line was cut."""
    try:
        answer = sender.post("/v1/messages", message("service", f"C-{next(NUMBERS)}"))
    except HTTPError:
        return 0, ""
    return answer.status, answer.data.decode()


def slow(_: Server, sender: Sender) -> bool:
    start = time.monotonic()
    return ask(sender)[0] == 200 and time.monotonic() - start >= 0.3


def cut(kept: int) -> Met:
    """The line is cut, and so many records are kept all the same."""

    def look(province: Server, sender: Sender) -> bool:
        before = len(province.received(kind="service"))
        return ask(sender)[0] == 0 and len(province.received(kind="service")) == before + kept

    return look


def twice(province: Server, sender: Sender) -> bool:
    return ask(sender)[0] == 200 and province.received(kind="service")[-1]["times_received"] == 2


def expired(province: Server, sender: Sender) -> bool:
    province.province.tokens["t"] = province.province.now() + 600
    sender.post("/fj/wailian/webservice/getSaveEvaluation", {})
    return "t" not in province.province.tokens


CONTROLS: dict[str, tuple[dict[str, Any], Met]] = {
    "slow": ({"mode": "slow", "delay": 0.3}, slow),
    "down": ({"mode": "down"}, cut(kept=0)),
    "refuse": ({"mode": "refuse", "code": "E_ITEM"}, lambda _, s: (lambda a: a[0] == 422 and "E_ITEM" in a[1])(ask(s))),
    "unavailable": ({"mode": "unavailable"}, lambda _, s: ask(s)[0] == 503),
    "garbage": ({"mode": "garbage"}, lambda _, s: "<html>" in ask(s)[1]),
    "duplicate": ({"mode": "duplicate"}, twice),
    "lose": ({"mode": "lose"}, cut(kept=1)),
    "skew": ({"skew": -300}, lambda p, _: abs(p.province.now() - time.time() + 300) < 2),
    "expire": ({"mode": "expire"}, expired),
    "up": ({"mode": "up"}, lambda _, s: ask(s)[0] == 200),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTROLS)
def test_it_does_as_it_is_told_at_once(province: Server, sender: Sender, name: str) -> None:
    told, met = CONTROLS[name]
    assert sender.post("/behaviour", told).status == 200
    assert met(province, sender)


@pytest.mark.parametrize("name", CONTROLS)
def test_it_does_as_it_is_told_when_the_time_has_come(province: Server, sender: Sender, name: str) -> None:
    told, met = CONTROLS[name]
    before = {"mode": "unavailable"} if name == "up" else {"mode": "up"}
    sender.post("/behaviour", {**before, "schedule": [{"after": 1.0, "behaviour": told}]})
    assert not met(province, sender)
    time.sleep(1.0)
    assert met(province, sender)


def test_a_negative_and_a_dictionary_come_when_they_are_due(province: Server, sender: Sender) -> None:
    change = {"edition": "2027", "valid_from": "2027-01-01", "retire": ["207"], "after": 1.0}
    sender.post("/negatives", {"reference": "N-1", "case_no": "C-1", "level": 1, "after": 1.0})
    sender.post("/dictionary", change)
    assert sender.get("/negatives")["negatives"] == []
    assert sender.get("/dictionary")["edition"] != "2027"
    time.sleep(1.0)
    assert [one["reference"] for one in sender.get("/negatives")["negatives"]] == ["N-1"]
    told = sender.get("/dictionary")
    assert told["edition"] == "2027"
    assert {row["normCode"]: row["usingStatus"] for row in told["norms"]}["207"] is False
    assert sender.post("/dictionary", {**change, "after": "soon"}).status == 400
