"""One service, four channels at once, answered on two in the same second: one rating (minan/3.1.1, failures.md A1)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from tests.support.live import Installation
from tests.support.reports import post, service

ROUNDS = 10


@pytest.fixture
def live() -> Iterator[Installation]:
    with Installation(os.environ.get("MINPING_DATABASE", "")) as installation:
        yield installation


def test_presses_on_different_channels_in_the_same_second_make_one_rating_here_and_above(live: Installation) -> None:
    key = live.key(can="services:write,invitations:read,ratings:write")
    with ThreadPoolExecutor(4) as pool:
        for number in range(ROUNDS):
            case_no = f"FOUR-{number:04}"
            status, told = live.call("POST", "/api/v1/services", key, service(live, case_no, "13800000000"))
            assert status == 200, told
            address = told["invitation_url"]
            asked = {"organization_code": "minan-center", "case_no": case_no, "service_no": 1, "channel": "pc"}
            _, page = live.call("POST", "/api/v1/invitations", key, asked)
            token, start = address.rsplit("/", 1)[1], Barrier(4)

            def press(channel: str, level: int, told: dict[str, str], start: Barrier = start) -> int:
                start.wait()
                if channel == "app":
                    body: dict[str, Any] = {"token": told["token"], "level": level, "channel": "mobile"}
                    return live.call("POST", "/api/v1/ratings", key, body)[0]
                return post(live, told[channel], level=level)

            ways = {"link": address, "qr": f"{address}?via=qr", "pc": page["invitation_url"], "token": token}
            presses = [
                pool.submit(press, channel, level, ways)
                for channel, level in zip(("link", "qr", "pc", "app"), (5, 4, 2, 1), strict=True)
            ]
            answers = sorted(one.result() for one in presses)
            assert answers[-3:] == [409, 409, 409], answers
            assert answers[0] in (200, 303), answers

    def subjects() -> list[str]:
        return [row["case_no"] for row in live.received("rating")]

    live.wait_for(lambda: len(set(subjects())) == ROUNDS, 90, "评价没有到省平台")
    assert len(subjects()) == ROUNDS
    assert live.cli("verify").returncode == 0
    assert live.cli("reconcile").returncode == 0
