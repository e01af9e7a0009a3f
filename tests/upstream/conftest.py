"""A sandbox province, and this installation set to speak to it in one of its tongues."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from minping.kernel import clock
from minping.kernel.home import home
from minping.sandbox import Server, serve
from minping.upstream import provinces
from minping.upstream.models import OutboxMessage, Target
from minping.upstream.services import messages_deliver

# profile: where its family stands in the sandbox
SPEAKS = {"350000": "/fj", "370000": "/sd"}
Speak = Callable[[str], Server]


@pytest.fixture
def speaking(settings: Any, tmp_path: Path) -> Iterator[Speak]:
    """`speaking("350000")` starts a province and sets the installation to that profile."""
    credentials = home().path / "province.json"
    with serve("127.0.0.1", 0, tmp_path / "province.sqlite3", home().keys()["province"]) as server:

        def speak(profile: str, place: str = "") -> Server:
            place = place or SPEAKS.get(profile) or "/sd"
            family = "fj" if place == "/fj" else "sd"
            credentials.write_text(json.dumps(server.province.credentials(family)), encoding="utf-8")
            settings.MINPING_PROVINCE = server.url + place
            settings.MINPING_PROVINCE_PROFILE = profile
            provinces._driver.cache_clear()
            return server

        yield speak
    credentials.unlink(missing_ok=True)
    provinces._driver.cache_clear()


def drain(rounds: int = 60) -> int:
    """Deliver until nothing waits, with the pauses taken out; returns how many rounds it took."""
    for number in range(rounds):
        OutboxMessage.objects.filter(state="waiting").update(next_try_at=clock.now() - timedelta(seconds=1))
        Target.objects.update(next_probe=0, next_slot=0)
        OutboxMessage.objects.update(claimed_until=0)
        if not OutboxMessage.objects.filter(state="waiting").exists():
            return number
        messages_deliver(holder="test")
    return rounds
