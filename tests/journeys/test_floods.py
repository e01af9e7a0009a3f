"""The public flood scripts, rebuilt against us, get nowhere (failures.md C 1–8; D 1, 2)."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.live import Installation
from tests.support.reports import post, service


@pytest.fixture(scope="module")
def live() -> Iterator[Installation]:
    with Installation(os.environ.get("MINPING_DATABASE", "")) as installation:
        yield installation


@pytest.fixture(scope="module")
def key(live: Installation) -> str:
    return live.key()


def report(live: Installation, key: str, case_no: str) -> str:
    status, answer = live.call("POST", "/api/v1/services", key, service(live, case_no))
    assert status == 200, answer
    url: str = answer["invitation_url"]
    return url


def outcome(live: Installation, key: str, case_no: str) -> str:
    found: str = live.call("GET", f"/api/v1/services/minan-center/{case_no}/1", key)[1]["outcome"]
    return found


def test_counting_case_numbers_upwards_opens_nothing(live: Installation, key: str) -> None:
    """C1, C2, C7: the case number is no credential; the citizen's one chance is not taken away."""
    for number in range(1, 6):
        report(live, key, f"350213-20261120-{number:06d}")
    tried = Counter()  # type: ignore[var-annotated]
    for number in range(1, 60):
        for guess in (f"350213-20261120-{number:06d}", f"{number:024d}"):
            tried[post(live, f"{live.url}/r/{guess}", level=5, tags="510,517")] += 1
    assert set(tried) == {404}
    assert {outcome(live, key, f"350213-20261120-{n:06d}") for n in range(1, 6)} == {"none"}


def test_what_the_client_says_of_channel_and_source_is_not_believed(live: Installation, key: str) -> None:
    """C3: score apart, nothing of the form decides what the record says of itself."""
    url = report(live, key, "MA-F-3")
    assert post(live, url, level=2, channel="tablet", proof="identity_platform", evalSource="1", kind="default") == 303
    live.wait_for(lambda: [r for r in live.received("rating") if r["case_no"] == "MA-F-3"], 20, "没有送到")
    (row,) = [r for r in live.received("rating") if r["case_no"] == "MA-F-3"]
    assert (row["channel"], row["proof"]) == ("mobile", "link")


def test_a_form_sent_without_choosing_is_no_rating(live: Installation, key: str) -> None:
    """C6: a robot that opens each address and presses submit finds no preset level."""
    url = report(live, key, "MA-F-6")
    page = live.http.request("GET", url).data.decode()
    assert "checked" not in page
    assert "selected" not in page
    assert post(live, url) == 422
    assert post(live, url, step="level") == 422
    assert outcome(live, key, "MA-F-6") == "none"


@pytest.mark.parametrize("level", ["100", "0", "-1", "5.0", "五", "5;4", ""])
def test_a_score_outside_the_five_is_refused(live: Installation, key: str, level: str) -> None:
    url = report(live, key, f"MA-F-L{abs(hash(level))}")
    assert post(live, url, level=level) == 422


def test_two_presses_at_once_make_one_rating(live: Installation, key: str) -> None:
    url = report(live, key, "MA-F-TWO")
    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(lambda n: post(live, url, level=1 + n % 5, text=str(n)), range(8)))
    assert answers == {303: 1, 409: 7}
    live.wait_for(lambda: [r for r in live.received("rating") if r["case_no"] == "MA-F-TWO"], 20, "没有送到")
    assert len([r for r in live.received("rating") if r["case_no"] == "MA-F-TWO"]) == 1


def test_fifty_reports_of_one_service_at_once_make_one_service(live: Installation, key: str) -> None:
    body = service(live, "MA-F-50")
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: live.call("POST", "/api/v1/services", key, body), range(50)))
    assert {json.dumps(answer) for answer in answers} == {json.dumps(answers[0])}
    assert answers[0][0] == 200


def test_previews_and_scanners_spend_nothing(live: Installation, key: str) -> None:
    """D1: GET and HEAD never write, however often and by whomever."""
    url = report(live, key, "MA-F-BOT")
    for agent in ("WeChat", "Slackbot-LinkExpanding", "curl", "SafeLinks"):
        for method in ("GET", "HEAD", "OPTIONS"):
            live.http.request(method, url, headers={"User-Agent": agent})
            live.http.request(method, f"{url}?level=5&tags=510", headers={"User-Agent": agent})
    assert outcome(live, key, "MA-F-BOT") == "none"


def test_a_stranger_with_the_address_cannot_change_what_was_said(live: Installation, key: str) -> None:
    url = report(live, key, "MA-F-CHG")
    assert post(live, url, level=1, text="原话") == 303
    for fields in ({"step": "level", "change": "1"}, {"step": "reasons"}, {"change_token": "A" * 24}):
        assert post(live, url, level=5, **fields) == 409
    live.wait_for(lambda: [r for r in live.received("rating") if r["case_no"] == "MA-F-CHG"], 20, "没有送到")
    (row,) = [r for r in live.received("rating") if r["case_no"] == "MA-F-CHG"]
    assert (row["level"], row["text"], row["revision"]) == (1, "原话", 1)


def test_without_a_key_or_with_anothers_nothing_is_reported_or_read(live: Installation, key: str) -> None:
    body = service(live, "MA-F-KEY")
    assert live.call("POST", "/api/v1/services", "mp_guess", body)[0] == 401
    agent = live.key("minan-agent-01", "services:write")
    status, answer = live.call("POST", "/api/v1/services", agent, body)
    assert (status, answer["error"]["code"]) == (403, "organization_out_of_scope")
    reader = live.key("minan-center", "services:read")
    assert live.call("POST", "/api/v1/services", reader, body)[0] == 403
    report(live, key, "MA-F-KEY2")
    assert live.call("GET", "/api/v1/services/minan-center/MA-F-KEY2/1", agent)[0] == 404
