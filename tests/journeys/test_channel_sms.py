"""短信 from the end of the service to the province's record: a real gateway in both directions (minan/3.4.1).

Kannel with its fake centre carries the invitation to a phone as UCS-2 and the reply
back; the report of delivery settles the text.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from tests.support.kannel import Kannel
from tests.support.live import Installation
from tests.support.reports import service


@pytest.fixture
def installation() -> Iterator[Installation]:
    inst = Installation(os.environ.get("MINPING_DATABASE", ""))
    with Kannel(inst.port) as kannel:
        table = "".join(f'{name} = "{value}"\n' for name, value in kannel.settings.items())
        (inst.home / "minping.toml").write_text(f"[sms]\n{table}", "utf-8")
        inst.kannel = kannel  # type: ignore[attr-defined]
        with inst:
            yield inst


def into_the_hours(inst: Installation) -> None:
    """The demonstration's clock to a moment at which texts may be sent: tests run at night too."""
    now = datetime.fromisoformat(inst.now())
    if not 8 <= now.hour < 18:
        morning = (now + timedelta(days=1 if now.hour >= 18 else 0)).replace(hour=9, minute=0)
        inst.cli("clock", f"+{int((morning - now).total_seconds())}s")


def test_a_text_goes_out_and_its_reply_reaches_the_province_as_a_rating(installation: Installation) -> None:
    inst, kannel = installation, installation.kannel  # type: ignore[attr-defined]
    into_the_hours(inst)
    key = inst.key()
    status, told = inst.call("POST", "/api/v1/services", key, service(inst, "SMS-0001", "13800000000"))
    assert status == 200, told
    phone = kannel.phone()
    inst.cli("clock", "+25m")
    inst.wait_for(phone.heard, 60, "邀请短信没有送到手机")
    (text,) = phone.heard()
    assert told["invitation_url"] in text and "群众" not in text

    assert "delivered" in _states(inst)
    phone.off()
    answer = kannel.phone("不满意，等了两小时")
    inst.wait_for(lambda: inst.received("rating"), 60, "回复没有成为省平台的评价")
    (rating,) = inst.received("rating")
    said = rating.get("body", rating)
    assert (said["level"], said["text"], said["channel"], said["proof"]) == (2, "等了两小时", "sms", "phone_reply")
    answer.off()

    # A reply that says two things is asked back by a text of its own, once.
    status, told = inst.call("POST", "/api/v1/services", key, service(inst, "SMS-0002", "13800000000"))
    again = kannel.phone()
    inst.cli("clock", "+25m")
    inst.wait_for(again.heard, 60, "第二条邀请没有送到")
    again.off()
    asked = kannel.phone("还行")
    inst.wait_for(lambda: any("没看懂" in text for text in asked.heard()), 60, "没有请本人说清楚")
    asked.off()
    kannel.phone("5")
    inst.wait_for(lambda: len(inst.received("rating")) == 2, 60, "说清楚之后没有成为评价")
    assert inst.cli("verify").returncode == 0


def _states(inst: Installation) -> set[str]:
    """The states of the texts, once the report of delivery has come."""
    found: set[str] = set()

    def settled() -> bool:
        found.clear()
        found.update(_read(inst))
        return "delivered" in found

    inst.wait_for(settled, 30, "送达回报没有到")
    return found


def _read(inst: Installation) -> list[str]:
    query = "SELECT state FROM channel_sms_text"
    if url := inst.env.get("MINPING_DATABASE"):
        import psycopg

        with psycopg.connect(url) as connection:
            return [row[0] for row in connection.execute(query)]
    with sqlite3.connect(inst.home / "minping.sqlite3") as lite:
        return [row[0] for row in lite.execute(query)]
