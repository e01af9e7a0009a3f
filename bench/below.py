"""What a superior takes from a subordinate, messages a second: one a call, a hundred a call, and without HTTP.

The subordinate's own driver speaks to a real server of this program; every message is a
service or the rating of one, as a street sends them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

if TYPE_CHECKING:
    from minping.upstream.port import Message

DISTRICT, STREET = "350213", "350213005"
SPACE = UUID(int=2021)
Row = tuple[str, "Message"]


def below(scale: int) -> dict[str, Any]:
    """`scale` messages in batches, a tenth as many one by one, as many again without HTTP; each is then a row here."""
    from bench import world
    from bench.measures import _checked, _profiled, _wait, free_port

    Path(os.environ["MINPING_HOME"], "minping.toml").write_text(
        f'area = "{DISTRICT}"\nprovince_profile = "end"\nsandbox = true\n' + _database(), encoding="utf-8"
    )
    world.ready()
    secret = _office()
    from minping.cli.serve import web_command
    from minping.kernel import clock
    from minping.upstream.provinces.minping.driver import MinpingDriver

    os.environ["PORT"] = port = str(free_port())
    server = subprocess.Popen(
        web_command(), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(port)
        driver, at = MinpingDriver(f"http://127.0.0.1:{port}", {"key": secret}), clock.now()
        few = max(200, scale // 10)
        taken = _told(driver.send_many, _rows(900_000, 400, at), 100)  # warm
        single = _rate(driver.send_many, _rows(0, few, at), 1)
        batch = _rate(driver.send_many, _rows(100_000, scale, at), driver.batch)
        taken += few + scale
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)
    began = time.process_time()
    inside = _rate(_inside(secret), _rows(200_000, scale, at), driver.batch)
    spent = (time.process_time() - began) / scale * 1e6
    told = _profiled(lambda: _told(_inside(secret), _rows(300_000, 1000, at), driver.batch))
    taken += scale + (1000 if told else 0)
    return {"single": single, "batch": batch, "inside": inside, "cpu": spent, **_checked(taken // 2), **told}


def _database() -> str:
    url = os.environ.get("MINPING_DATABASE", "")
    return f'database = "{url}"\n' if url else ""


def _office() -> str:
    """A district with a street and its centre; the street's key."""
    from minping.kernel import access, clock
    from minping.registry import queries as registry
    from minping.registry.models import Area, Organization

    top, _ = Area.objects.get_or_create(code=DISTRICT, defaults={"name": "区"})
    area, _ = Area.objects.get_or_create(code=STREET, defaults={"name": "街道"})
    for code, kind, where, parent in (
        ("bench-district", "authority", top, None), ("bench-street", "office", area, "bench-district"),
        ("bench-center", "center", area, "bench-street"),
    ):  # fmt: skip
        above = Organization.objects.get(pk=parent) if parent else None
        path = f"{above.path if above else '/'}{code}/"
        Organization.objects.create(code=code, name=code, kind=kind, area=where, parent=above, path=path)
    registry.forget()
    return access.key_create(
        organization_code="bench-street", permissions=["superior:write"], label="测速", by=access.SYSTEM, at=clock.now()
    )


def _rows(first: int, count: int, at: datetime) -> list[Row]:
    """Half services, half their ratings; the ratings follow a hundred services behind."""
    rows: list[Row] = []
    for start in range(first, first + count // 2, 100):
        numbers = range(start, min(start + 100, first + count // 2))
        rows += [_service(n, at) for n in numbers]
        rows += [_rating(n, at) for n in numbers]
    return rows


def _service(n: int, at: datetime) -> Row:
    from bench.world import ITEM
    from minping.upstream.messages import Person, ServiceContent

    content = ServiceContent(
        "办结", ITEM, "参保登记", "测速中心", "hall", 3, at - timedelta(hours=1), Person("person", "群众甲", "111", "3502"),
        window_code="03", staff_code="w03", window_name="3号窗口", received_at=at - timedelta(hours=1),
    )  # fmt: skip
    return _row("service", n, content, at - timedelta(hours=1))


def _rating(n: int, at: datetime) -> Row:
    from minping.law import InterfaceLevel
    from minping.upstream.messages import RatingContent

    level = InterfaceLevel(2 if n % 10 == 0 else 5)
    tags = ("210",) if level == 2 else ()
    content = RatingContent(level, "mobile", "link", at - timedelta(minutes=30), 1, tags=tags, text="测" * 100)
    return _row("rating", n, content, at - timedelta(minutes=30))


def _row(kind: str, n: int, content: Any, at: datetime) -> Row:
    from minping.upstream.messages import envelope

    subject = uuid5(SPACE, f"{kind}:{n}")
    made = envelope(
        content, kind=kind, area_code=STREET, organization_code="bench-center", case_no=f"B-{n:09d}", service_no=1,
        fact_at=at,
    )  # fmt: skip
    return f"{kind}:{subject.hex}:1", made


Send = Callable[[Sequence[Row]], Sequence[Any]]


def _inside(secret: str) -> Send:
    """The same without a socket and without JSON of the answer."""
    from minping.kernel import access, clock
    from minping.registry import queries as registry
    from minping.upstream.below import intake
    from minping.upstream.provinces.minping.driver import _told as told

    who = registry.actor_of_key(access.key_find(secret))

    def send(rows: Sequence[Row]) -> Sequence[Any]:
        given = json.loads(json.dumps([told(key, message) for key, message in rows]))
        return intake.messages_take(given, by=who, at=clock.now())

    return send


def _told(send: Send, rows: list[Row], size: int) -> int:
    """Send them all, so many a call, and see that each was taken."""
    from minping.upstream.below.intake import Answer
    from minping.upstream.port import Accepted

    for start in range(0, len(rows), size):
        for one in send(rows[start : start + size]):
            assert isinstance(one, Accepted) or (isinstance(one, Answer) and one.result == "accepted"), one
    return len(rows)


def _rate(send: Send, rows: list[Row], size: int) -> float:
    start = time.perf_counter()
    return _told(send, rows, size) / (time.perf_counter() - start)
