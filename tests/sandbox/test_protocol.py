"""What the sandbox province accepts, refuses, and keeps."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import urllib3

from minping.sandbox import Server

from .conftest import Sender, message


def test_a_message_is_accepted_once_and_a_duplicate_afterwards_with_the_same_reference(
    sender: Sender,
) -> None:
    first, second = sender.send("service"), sender.send("service")
    assert (first["status"], first["result"]) == (200, "accepted")
    assert (second["status"], second["result"]) == (200, "duplicate")
    assert first["reference"] == second["reference"]
    (record,) = sender.received("service")
    assert (record["reference"], record["times_received"], record["revision"]) == (first["reference"], 2, 1)


def test_a_higher_revision_updates_the_one_record_and_keeps_its_reference(sender: Sender) -> None:
    sender.send("service")
    first = sender.send("rating", revision=1, level=2, text="按错了")
    changed = sender.send("rating", revision=2, level=5, text="其实很好")
    assert changed == {"status": 200, "result": "accepted", "reference": first["reference"]}
    (record,) = sender.received("rating")
    assert (record["revision"], record["level"], record["text"]) == (2, 5, "其实很好")


def test_a_late_lower_revision_never_overwrites_a_higher_one(sender: Sender) -> None:
    sender.send("service")
    sender.send("rating", revision=2, level=5, text="改后")
    assert sender.send("rating", revision=1, level=1, text="改前")["result"] == "duplicate"
    (record,) = sender.received("rating")
    assert (record["revision"], record["level"], record["text"]) == (2, 5, "改后")


def test_a_repeat_with_other_content_is_a_duplicate_that_is_counted_as_differing(sender: Sender) -> None:
    sender.send("service", item_name="社保登记")
    assert sender.send("service", item_name="居住登记")["result"] == "duplicate"
    (record,) = sender.received("service")
    assert (record["item_name"], record["times_differing"]) == ("社保登记", 1)


def test_the_service_number_is_the_same_as_number_and_as_text(sender: Sender) -> None:
    sender.send("service", service_no=1)
    assert sender.send("rating", service_no="1")["result"] == "accepted"


@pytest.mark.parametrize("kind", ["rating", "default", "case", "supplementary", "rerating"])
def test_nothing_is_taken_for_a_service_that_is_not_known(sender: Sender, kind: str) -> None:
    refused = sender.send(kind)
    assert (refused["status"], refused["result"], refused["code"]) == (422, "refused", "E_NO_SERVICE")
    sender.send("service")
    assert sender.send(kind)["result"] == "accepted"


def test_another_service_of_the_same_case_and_another_organization_do_not_count_as_the_service(
    sender: Sender,
) -> None:
    sender.send("service", service_no=1)
    assert sender.send("rating", service_no=2)["code"] == "E_NO_SERVICE"
    assert sender.send("rating", organization_code="ORG-2")["code"] == "E_NO_SERVICE"


@pytest.mark.parametrize("kind", ["rating", "default", "supplementary", "rerating"])
@pytest.mark.parametrize(
    ("level", "code"),
    [
        (None, "E_NO_LEVEL"),
        ("", "E_NO_LEVEL"),
        (0, "E_LEVEL"),
        (6, "E_LEVEL"),
        ("5", "E_LEVEL"),
        (True, "E_LEVEL"),
    ],
)
def test_a_voice_without_a_level_from_5_to_1_is_refused(sender: Sender, kind: str, level: object, code: str) -> None:
    sender.send("service")
    assert sender.send(kind, level=level)["code"] == code
    assert sender.received(kind) == []


@pytest.mark.parametrize(("first", "second"), [("rating", "default"), ("default", "rating")])
def test_one_service_has_a_rating_or_a_default_never_both(sender: Sender, first: str, second: str) -> None:
    sender.send("service")
    sender.send(first)
    assert sender.send(second)["code"] == "E_TWO_OUTCOMES"
    assert sender.received(second) == []


def test_a_supplementary_rating_stands_beside_a_default(sender: Sender) -> None:
    sender.send("service")
    sender.send("default")
    assert sender.send("supplementary")["result"] == "accepted"


def test_two_cases_of_one_service_are_two_records_by_their_case_number(sender: Sender) -> None:
    sender.send("service")
    first = sender.send("case", case_number="C-1")
    second = sender.send("case", case_number="C-2")
    assert first["reference"] != second["reference"]
    assert len(sender.received("case")) == 2


def test_a_case_number_on_a_rating_does_not_make_it_another_record(sender: Sender) -> None:
    sender.send("service")
    sender.send("rating", revision=1)
    sender.send("rating", revision=2, case_number="C-1")
    assert len(sender.received("rating")) == 1


def test_a_message_id_used_for_another_record_is_refused(sender: Sender) -> None:
    sender.send("service", case_no="办件0001", id="same")
    assert sender.send("service", case_no="办件0002", id="same")["code"] == "E_ID_REUSED"
    assert len(sender.received("service")) == 1


@pytest.mark.parametrize("field", ["id", "organization_code", "case_no", "service_no", "revision"])
def test_a_missing_key_field_is_refused_by_name(sender: Sender, field: str) -> None:
    body = message("service")
    del body[field]
    answer = sender.post("/v1/messages", body)
    assert answer.status == 422
    assert answer.json()["code"] == "E_FIELD" and field in answer.json()["message"]


@pytest.mark.parametrize(
    "value",
    [
        {"id": "\ud800"},
        {"case_no": " "},
        {"case_no": "长" * 201},
        {"revision": -1},
        {"revision": "1"},
        {"revision": True},
        {"service_no": 1.5},
        {"fact_at": "yesterday"},
    ],
)
def test_a_key_field_of_the_wrong_form_is_refused(sender: Sender, value: dict[str, Any]) -> None:
    answer = sender.post("/v1/messages", {**message("service"), **value})
    assert (answer.status, answer.json()["code"]) == (422, "E_FIELD")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b'{"kind": NaN}', b"\xff\xfe\x00", b"[" * 100_000])
def test_what_is_no_json_object_is_refused_with_status_400(sender: Sender, body: bytes) -> None:
    answer = sender.post("/v1/messages", body)
    assert (answer.status, answer.json()["code"]) == (400, "E_NOT_JSON")


@pytest.mark.parametrize("kind", ["evaluation", "", None, 5, ["rating"]])
def test_an_unknown_kind_is_refused_with_the_known_ones_listed(sender: Sender, kind: object) -> None:
    answer = sender.post("/v1/messages", {**message("service"), "kind": kind})
    assert (answer.status, answer.json()["code"]) == (422, "E_KIND")
    assert "supplementary" in answer.json()["message"]


@pytest.mark.parametrize("token", ["", "wrong", "sandbox-secret2"])
def test_a_wrong_token_is_refused_and_nothing_is_stored(sender: Sender, token: str) -> None:
    answer = sender.post("/v1/messages", message("service"), token=token)
    assert (answer.status, answer.json()["code"]) == (401, "E_TOKEN")
    assert sender.received("service") == []


ODD = [
    "，。,.;|&<>\"'\\/%s{}",
    "第一行\r\n第二行\n\n\t末行 ",
    "😀👨‍👩‍👧🇨🇳",
    "𠮷𡈽㐂龘",
    "e\u0301 \u200b\u202e\ufeff",
    "\u0000\u0001\x7f",
    "\ud800 半个字",
    "null",
    " ",
    "长" * 2000,
]


@pytest.mark.parametrize("text", ODD)
def test_the_words_of_a_rater_come_back_exactly_as_they_were_sent(sender: Sender, text: str) -> None:
    sender.send("service")
    sender.send("rating", text=text, tags=["210", "214"])
    (record,) = sender.received("rating")
    assert record["text"] == text and record["tags"] == ["210", "214"]


def test_fifty_senders_of_the_same_message_make_one_record_accepted_once(province: Server, sender: Sender) -> None:
    with ThreadPoolExecutor(50) as crowd:
        answers = list(crowd.map(lambda _: sender.send("service"), range(50)))
    assert sorted(answer["result"] for answer in answers) == ["accepted"] + ["duplicate"] * 49
    assert len({answer["reference"] for answer in answers}) == 1
    (record,) = province.received(kind="service")
    assert record["times_received"] == 50


def test_many_records_sent_by_many_at_once_and_twice_each_are_each_stored_once(
    province: Server, sender: Sender
) -> None:
    cases = [f"办件{number:04d}" for number in range(200)] * 2
    with ThreadPoolExecutor(16) as crowd:
        results = list(crowd.map(lambda case: sender.send("service", case)["result"], cases))
    assert results.count("accepted") == results.count("duplicate") == 200
    records = province.received()
    assert len({record["reference"] for record in records}) == len(records) == 200


def test_the_list_can_be_narrowed_by_kind_case_and_organization(sender: Sender) -> None:
    sender.send("service", "甲")
    sender.send("service", "乙")
    sender.send("service", "甲", organization_code="ORG-2", id="other")
    sender.send("rating", "甲")
    assert len(sender.get("/received")) == 4
    assert [row["kind"] for row in sender.get("/received?case_no=%E7%94%B2&organization_code=ORG-1")] == [
        "service",
        "rating",
    ]
    assert sender.get("/received?kind=case") == []


@pytest.mark.parametrize("query", ["kind=evaluation", "kind=", "level=2", "kind=rating&state=1"])
def test_an_unknown_kind_or_filter_is_refused_with_the_valid_ones(province: Server, query: str) -> None:
    answer = urllib3.request("GET", f"{province.url}/received?{query}")
    assert answer.status == 400
    assert "kind" in answer.json()["error"]["message"]


def test_counts_are_by_day_of_the_fact_in_beijing_kind_and_level(sender: Sender) -> None:
    sender.send("service", "甲", fact_at="2026-11-22T23:30:00+08:00")  # Sunday
    sender.send("service", "乙", fact_at="2026-11-22T16:30:00+00:00")  # Monday 00:30 in Beijing
    sender.send("rating", "甲", level=2)
    sender.send("rating", "乙", level=2)
    assert sender.get("/received/counts") == [
        {"day": "2026-11-22", "kind": "service", "level": None, "count": 1},
        {"day": "2026-11-23", "kind": "rating", "level": 2, "count": 2},
        {"day": "2026-11-23", "kind": "service", "level": None, "count": 1},
    ]
    assert sender.get("/received/counts?from=2026-11-22&to=2026-11-22")[0]["count"] == 1
    assert sender.get("/received/counts?from=2026-11-24") == []


def test_counts_follow_a_changed_rating(sender: Sender) -> None:
    sender.send("service")
    sender.send("rating", revision=1, level=1)
    sender.send("rating", revision=2, level=4)
    ratings = [row for row in sender.get("/received/counts") if row["kind"] == "rating"]
    assert ratings == [{"day": "2026-11-23", "kind": "rating", "level": 4, "count": 1}]


@pytest.mark.parametrize("query", ["from=yesterday", "to=20261123", "day=2026-11-23"])
def test_a_day_that_is_none_is_refused(province: Server, query: str) -> None:
    assert urllib3.request("GET", f"{province.url}/received/counts?{query}").status == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/v1/messages", 405),
        ("DELETE", "/received", 405),
        ("POST", "/", 405),
    ],
)
def test_an_unknown_address_or_method_is_refused_in_the_one_error_shape(
    province: Server, method: str, path: str, status: int
) -> None:
    answer = urllib3.request(method, province.url + path)
    assert answer.status == status
    assert set(json.loads(answer.data)["error"]) == {"code", "message"}


def test_what_is_still_to_be_rated_is_told_from_a_day_on_until_there_is_a_word(sender: Sender) -> None:
    def unrated(asked: str = "") -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = sender.get(f"/open{asked}")["services"]
        return told

    sender.send("service")
    (one,) = unrated()
    assert set(one) == {"organization_code", "case_no", "service_no"} and one["service_no"] == 1
    assert unrated("?from=2099-01-01") == []
    sender.send("case", case_number="CP-1", level=2)
    assert unrated() == [one]  # what became of a negative is no rating
    sender.send("rating", level=2)
    assert unrated() == []
    assert sender.pool.request("GET", f"{sender.url}/open?from=yesterday").status == 400
