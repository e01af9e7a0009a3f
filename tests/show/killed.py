"""Workers that are real processes: killed between the superior's answer and our commit, and two at the same rows.

`python -m tests.show.killed` works in an installation of its own (MINPING_HOME, MINPING_DATABASE), against a sandbox
province on loopback.  The moment is met without a hook in the product: the sandbox says here that it has accepted,
and before it answers, this process takes the place of the one who writes into the outbox.
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from minping.kernel import privacy  # noqa: E402
from minping.kernel.home import home  # noqa: E402
from minping.sandbox import Server, serve  # noqa: E402
from minping.sandbox.protocol import Answer, Message  # noqa: E402
from minping.upstream.building import key_of  # noqa: E402
from minping.upstream.models import Exchange, OutboxMessage  # noqa: E402
from tests.show.nursery import Nursery  # noqa: E402
from tests.support.world import rate, receive, registry_world, service_row  # noqa: E402

KILLS = 10
SERVICES, RATED = 450, 120  # more services than two workers take at one time


class Superior:
    """The sandbox, and whom it tells of each message that it has accepted and not answered yet."""

    def __init__(self, server: Server) -> None:
        self.server, self.arrived = server, list[Message]()
        self.then: Callable[[Message], None] = lambda message: None
        self.submit, server._store.submit = server._store.submit, self._told  # type: ignore[method-assign]

    def _told(self, message: Message) -> Answer:
        answer = self.submit(message)
        self.arrived.append(message)
        self.then(message)
        return answer


class Commit:
    """From the moment on that the superior has accepted the n-th message nobody writes into the outbox, until `end`."""

    def __init__(self, after: int) -> None:
        self.after, self.heard = after, 0
        self.shut, self.open, self.guard = threading.Event(), threading.Event(), threading.Lock()
        self.thread = threading.Thread(target=self._hold)

    def __call__(self, _: Message) -> None:
        with self.guard:
            self.heard += 1
            if self.heard == self.after:
                self.thread.start()
                assert self.shut.wait(20)

    def _hold(self) -> None:
        with transaction.atomic():  # on SQLite this is the one writer's place already (IMMEDIATE)
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute(f"LOCK TABLE {OutboxMessage._meta.db_table} IN SHARE ROW EXCLUSIVE MODE")
            self.shut.set()
            self.open.wait(20)
        connection.close()

    def end(self) -> None:
        self.open.set()
        self.thread.join()


def until(true: Callable[[], object], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, Counter(OutboxMessage.objects.values_list("state", "error"))
        time.sleep(0.02)


def sent_all() -> bool:
    return not OutboxMessage.objects.exclude(state="accepted").exists()


def keys(**which: object) -> list[tuple[str, str]]:
    """Case and key of the messages, in the order of the rows."""
    rows = OutboxMessage.objects.filter(**which).order_by("id")
    return [(row.case_no, key_of(row)) for row in rows]


def out_of_order(arrived: list[Message]) -> list[str]:
    """The cases of which something came before what stands before it; what was sent again counts as it first came."""
    first: dict[str, int] = {}
    for number, one in enumerate(arrived):
        first.setdefault(one.id, number)
    came: dict[str, list[int]] = {}
    for case_no, key in keys():
        if key in first:
            came.setdefault(case_no, []).append(first[key])
    return [case_no for case_no, numbers in came.items() if numbers != sorted(numbers)]


def proven() -> Counter[str]:
    """How each message was answered; AssertionError where its proof is not whole: one, readable, with their number."""
    rows = {row.pk: row for row in OutboxMessage.objects.all()}
    proofs = list(Exchange.objects.all())
    assert Counter(proof.message_id for proof in proofs) == dict.fromkeys(rows, 1)
    for proof in proofs:
        place, row = f"exchange:{proof.pk}", rows[proof.message_id]
        assert row.reference and row.reference in privacy.unseal(proof.received, place).decode(), row.pk
        assert privacy.unseal_json(proof.sent, place)["fact_at"], row.pk
    return Counter(proof.outcome for proof in proofs)


def killed(superior: Superior, nursery: Nursery) -> str:
    """KILLS workers, each killed when the superior has answered it and it cannot have committed."""
    chance = random.Random(20261125)
    unanswered = 0
    for n in range(KILLS):
        for service in receive(*(service_row(f"K-{n}-{m}") for m in range(4))):
            rate(service, chance.choice((1, 2, 3, 5)))
        superior.then = commit = Commit(after=chance.randint(1, 4))
        worker = nursery.start(f"killed-{n}")
        assert commit.shut.wait(20)
        time.sleep(chance.uniform(0, 0.3))  # the answer is with the worker, or on its way; its commit cannot be
        nursery.kill(worker)
        lost = {key for _, key in keys(state="waiting")} & {message.id for message in superior.arrived}
        commit.end()
        assert lost, "杀在窗口之外"
        unanswered += len(lost)
        OutboxMessage.objects.update(claimed_until=0)  # the minute of the dead worker's claim is over
    superior.then = lambda message: None
    last = nursery.start("last")
    until(sent_all, 40)
    nursery.kill(last)
    above = Counter(record["id"] for record in superior.server.received())
    assert set(above.values()) == {1}
    assert {message.id for message in superior.arrived} == {key for _, key in keys()}
    held = Counter(record["kind"] for record in superior.server.received())
    assert held["service"] == held["rating"] == KILLS * 4, held
    assert not out_of_order(superior.arrived), out_of_order(superior.arrived)
    outcomes = proven()
    assert KILLS <= outcomes["AlreadyDone"] <= unanswered, outcomes
    return f"杀 {KILLS} 次，{unanswered} 条已收未记"


def together(superior: Superior, nursery: Nursery) -> str:
    """Two workers go for the same hundreds of rows at the same instant: what one has taken the other leaves to it."""
    begun = OutboxMessage.objects.order_by("-id").values_list("id", flat=True).first() or 0
    for n, service in enumerate(receive(*(service_row(f"T-{n:03d}") for n in range(SERVICES)))[:RATED]):
        rate(service, 1 + n % 5)
    superior.arrived.clear()
    holders: Counter[str] = Counter()

    def whose(message: Message) -> None:
        if message.kind == "service":
            row = OutboxMessage.objects.get(subject=message.id.split(":")[1], kind="service")
            holders[row.claimed_by] += 1
            connection.close()  # each connection of the sandbox has a thread, and each thread its own to the database

    superior.then = whose
    at = time.time() + 0.3
    for name in ("one", "two"):
        nursery.start(name, at)
    until(sent_all, 90)
    sent = Counter(message.id for message in superior.arrived)
    assert set(sent.values()) == {1}, sent.most_common(3)
    assert set(sent) == {key for _, key in keys(id__gt=begun)} and len(sent) > SERVICES + RATED
    assert not out_of_order(superior.arrived), out_of_order(superior.arrived)
    assert set(holders) == {"one", "two"} and min(holders.values()) >= 20, holders
    proven()
    return f"两个进程同时抢 {len(sent)} 条，各送 {holders['one']} 件、{holders['two']} 件服务"


def main() -> int:
    call_command("migrate", verbosity=0)
    registry_world()
    store = Path(tempfile.mkdtemp(dir=home().path)) / "province.sqlite3"
    with serve("127.0.0.1", 0, store, home().keys()["province"]) as server:
        settings.MINPING_PROVINCE = server.url.rstrip("/")
        superior = Superior(server)
        with Nursery(MINPING_PROVINCE=settings.MINPING_PROVINCE) as nursery:
            print(f"{killed(superior, nursery)}；{together(superior, nursery)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
