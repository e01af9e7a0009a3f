"""自动电话 from the end of the service to the province's record: real calls by SIP, real keys by RTP (minan/3.4.1).

SIPp is the phone, `gateways/sip` the hotline's line, a whole installation with its sandbox
province behind it; all on loopback.
"""

from __future__ import annotations

import os
import wave
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.live import Installation
from tests.support.reports import service
from tests.support.services import free_port
from tests.support.telephone import SOUND, Gateway, Phone, gateway

# The lines, not the database, are what is tried here; tests/evaluate/channels/ivr runs on both.
pytestmark = [pytest.mark.once]
PHONE, OTHER, THIRD = "13800000000", "13900000000", "13700000000"


@pytest.fixture(scope="module")
def live() -> Iterator[Installation]:
    with Installation(os.environ.get("MINPING_DATABASE", "")) as installation:
        yield installation


@pytest.fixture(scope="module")
def key(live: Installation) -> str:
    return live.key(can="calls:write")


@pytest.fixture(scope="module")
def line(live: Installation, key: str) -> Iterator[Gateway]:
    with gateway(live.url, key) as made:
        yield made


def ended(live: Installation, case_no: str, phone: str) -> None:
    status, told = live.call("POST", "/api/v1/services", live.key(), service(live, case_no, phone))
    assert status == 200, told


def arrived(live: Installation, case_no: str) -> dict[str, Any]:
    """The province's record of the case's rating: the newest state of it."""

    def rows() -> list[dict[str, Any]]:
        bodies = [(row, row.get("body", row)) for row in live.received("rating")]
        return [body for row, body in bodies if case_no in (row.get("case_no"), body.get("case_no"))]

    live.wait_for(rows, 60, f"{case_no} 的评价没有到省平台")
    return rows()[-1]


def test_a_wrong_key_the_star_a_level_and_spoken_words_reach_the_province(live: Installation, line: Gateway) -> None:
    ended(live, "IVR-0001", PHONE)
    phone = Phone.calls(line.address, PHONE, (2, "7"), (2, "*"), (2, "4"), (11, "#"))
    live.wait_for(lambda: phone.ear.voiced, 20, "电话里没有声音")
    phone.ear.speak(17)  # all the while: what counts is said after the tone
    phone.ended()
    assert len(phone.ear.voiced) > SOUND
    said = arrived(live, "IVR-0001")
    assert (said["level"], said["channel"], said["proof"], said["text"]) == (2, "phone", "phone_caller", "")
    (recording,) = line.recordings()
    with wave.open(str(recording)) as sound:
        assert sound.getnframes() / sound.getframerate() > 0.5
    live.wait_for(lambda: not line.kept(), 20, "电话的结束没有报完")
    assert PHONE not in line.said()


def test_who_hangs_up_after_the_key_has_rated_and_who_hangs_up_before_it_has_not(
    live: Installation, line: Gateway
) -> None:
    ended(live, "IVR-0002", OTHER)
    silent = Phone.calls(line.address, OTHER, (1.5, ""), hangs_up=True)
    Phone.calls(line.address, OTHER, (2, "5"), (1.5, ""), hangs_up=True).ended()
    silent.ended()
    said = arrived(live, "IVR-0002")
    assert (said["level"], said["text"], said["tags"]) == (1, "", [])
    once_more = Phone.calls(line.address, OTHER).ended()  # nothing is left to rate: it says so and hangs up
    assert len(once_more.ear.voiced) > SOUND


def test_while_we_are_away_the_caller_is_told_and_the_key_pressed_arrives_once_later(
    live: Installation, line: Gateway
) -> None:
    ended(live, "IVR-0003", THIRD)
    phone = Phone.calls(line.address, THIRD, (6, "2"))
    live.wait_for(lambda: phone.ear.voiced, 20, "电话里没有声音")
    live.away()
    phone.ended()
    # The key and the end of the call, in this order; the phone knows of the end before it is written down.
    live.wait_for(lambda: len(line.kept()) == 2, 20, f"存下的不是两条\n{line.said()}")
    told = Phone.calls(line.address, THIRD).ended()
    assert len(told.ear.voiced) > SOUND  # a sentence, then the line is cleared: nothing was said, nothing is kept
    assert len(line.kept()) == 2
    live.back()
    said = arrived(live, "IVR-0003")
    assert (said["level"], said["offline"]) == (4, True)
    live.wait_for(lambda: not line.kept(), 30, "存下的没有报完")
    assert live.cli("verify").returncode == 0
    assert len([row for row in live.received("rating") if "IVR-0003" in str(row)]) == 1


def test_we_call_the_phone_on_the_record_within_the_hours(live: Installation, key: str) -> None:
    ended(live, "IVR-0004", PHONE)
    now = datetime.fromisoformat(live.now())
    morning = (now + timedelta(days=2)).replace(hour=10, minute=0)
    live.cli("clock", f"+{int((morning - now).total_seconds())}s")
    port = free_port()
    phone = Phone.answers(port, (2, "1"), (2, "#"))
    out = f'[outgoing]\nto = "127.0.0.1:{port}"\ncaller = "sip:12345@127.0.0.1"\npoll = 1\n'
    with gateway(live.url, key, outgoing=out) as line:
        phone.ended()
        said = arrived(live, "IVR-0004")
        assert (said["level"], said["proof"]) == (5, "phone_called")
        assert PHONE not in line.said()
    assert len(phone.ear.voiced) > SOUND
    assert live.cli("verify").returncode == 0
