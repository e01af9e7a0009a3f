"""Call-backs by real processes: several workers, and one killed with the answer in its ears (minan/3.4.1)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import receiver as receivers
from tests.support.ready import own_database, own_file
from tests.support.receiver import Receiver, receiving
from tests.support.services import on_postgresql

CHECKOUT = Path(__file__).resolve().parents[2]
START = """
import django, json, time
django.setup()
from django.conf import settings
settings.MINPING_GROUP_COMMIT = False
from minping.evaluate.channels.hall.announce import announcements_deliver
from minping.evaluate.channels.hall.models import Announcement, Subscriber
from minping.evaluate.channels.hall.subscribers import subscriber_register
from minping.kernel import clock
from tests.support.world import Story, actor, rate, receive, registry_world, service_row
"""
WORLD = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
registry_world()
subscriber_register(organization_code="minan", label="网上大厅", address={url!r},
    events=("rating.given", "case.closed"), by=actor("operator"), at=clock.now())
"""
STORIES = """
for number in range(4):
    story = Story(f"C-{number}")
    story.followed()
    rate(story.service, 5, at=story.later())
for service in receive(*(service_row(f"D-{number}") for number in range(30))):
    rate(service, 5)
"""
READY = "Announcement.objects.update(next_try_at=clock.now(), tried_from=clock.now(), claimed_until=0)\n"
WORK = "for _ in range(20):\n    announcements_deliver(holder={name!r})\n    time.sleep(0.05)\n"
TELL = "print(json.dumps(list(Announcement.objects.values('state', 'claimed_by', 'attempts'))))\n"


class Office:
    """A home of its own with a receiver that it calls; each step is a process."""

    def __init__(self, home: Path, receiver: Receiver) -> None:
        home.mkdir()
        (home / "minping.toml").write_text(f'callback_origins = ["{receiver.origin}"]\n', encoding="utf-8")
        kept = {k: v for k, v in os.environ.items() if not k.startswith("MINPING_")}
        self.env = {**kept, "MINPING_HOME": str(home), "DJANGO_SETTINGS_MODULE": "minping.site.settings"}
        if on_postgresql():
            self.env["MINPING_DATABASE"] = own_database(
                os.environ["MINPING_DATABASE"], f"callbacks_{os.getpid()}_{receiver.port}"
            )
        else:
            own_file(home / "minping.sqlite3")

    def begin(self, *code: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", START + "".join(code)]
        return subprocess.Popen(command, env=self.env, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)

    def run(self, *code: str) -> list[list[dict[str, Any]]]:
        """Run the steps in one process; returns the rows at each `TELL`."""
        process = self.begin(*code)
        told, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        return [json.loads(line) for line in told.splitlines() if line.startswith("[{")]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def test_killed_between_the_answer_and_the_commit_it_is_sent_again_under_the_same_id(
    receiver: Receiver, tmp_path: Path
) -> None:
    office = Office(tmp_path / "home", receiver)
    office.run(WORLD.format(url=receiver.url), "rate(receive()[0], 5)\n", READY)
    worker: list[subprocess.Popen[str]] = []
    begun = threading.Event()

    def answer_and_kill(one: Receiver, line: Any) -> None:
        begun.wait(30)
        worker[0].send_signal(signal.SIGSTOP)  # it does not read on: the answer is given and never written down
        receivers.status(200)(one, line)
        worker[0].kill()

    receiver.respond = answer_and_kill
    worker.append(office.begin(WORK.format(name="doomed")))
    begun.set()
    assert worker[0].wait(60) == -signal.SIGKILL
    receiver.respond = receivers.status(200)
    work = WORK.format(name="other")
    ((left,), (still,), (done,)) = office.run(TELL, work, TELL, READY, work, TELL)
    assert (left["state"], left["claimed_by"]) == ("waiting", "doomed")
    assert still == left, "the claim of the dead holds for a minute"
    assert (done["state"], len(receiver.heard)) == ("delivered", 2)
    assert receiver.heard[0].identifier == receiver.heard[1].identifier
    assert receiver.heard[0].body == receiver.heard[1].body


def test_several_workers_send_each_once_and_keep_the_order_of_each_case(receiver: Receiver, tmp_path: Path) -> None:
    office = Office(tmp_path / "home", receiver)
    office.run(WORLD.format(url=receiver.url), STORIES, READY)
    workers = [office.begin(WORK.format(name=f"worker-{number}"), TELL) for number in range(3)]
    assert [one.wait(120) for one in workers] == [0, 0, 0]
    told = [json.loads(one.stdout.read().splitlines()[-1]) for one in workers if one.stdout]
    assert min(Counter(row["state"] for row in rows)["waiting"] for rows in told) == 0
    assert set(Counter(receiver.identifiers()).values()) == {1}
    assert len(receiver.heard) == 4 * 3 + 30
    order: dict[str, list[str]] = {}
    for one in receiver.heard:
        order.setdefault(one.content["data"]["case_no"], []).append(one.content["type"])
    assert all(order[f"C-{number}"] == ["rating.given", "rating.given", "case.closed"] for number in range(4))
