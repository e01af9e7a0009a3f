"""Relay to a fast superior: messages per second with one and with four workers, beside the sandbox's own limit.

`python -m bench.relay` is one worker: it delivers until nothing waits.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime
from typing import Any

from bench import world

PORT = 8478


def work() -> None:
    """One worker: from the line that says go, until nothing waits for it."""
    import django

    django.setup()
    from minping.upstream.services import messages_deliver

    print("ready", flush=True)
    sys.stdin.readline()
    idle = 0
    while idle < 5:
        if messages_deliver(holder=f"bench:{os.getpid()}"):
            idle = 0
        else:
            idle += 1
            time.sleep(0.05)


def relay(scale: int) -> dict[str, Any]:
    """Deliver `scale` services with one worker, as many again with four; then ask the sandbox alone."""
    os.environ["MINPING_PROVINCE"] = f"http://127.0.0.1:{PORT}"
    world.ready()
    from django.db.models import Count, Max

    from minping.evaluate.services import services_receive
    from minping.kernel import clock
    from minping.kernel.home import home
    from minping.upstream.models import OutboxMessage

    token = home().keys()["province"]
    store = tempfile.mkdtemp(prefix="minping-relay-") + "/province.sqlite3"
    command = [sys.executable, "-m", "minping.sandbox", "--port", str(PORT), "--store", store, "--token", token]
    sandbox = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert sandbox.stdout is not None
    sandbox.stdout.readline()
    try:
        rates, first = {}, 0
        for workers in (1, 4):
            now = clock.now()
            services_receive(world.parsed(first, scale, now), by=world.reporter(), at=now)
            go = _run(workers)
            told = OutboxMessage.objects.filter(state="accepted", settled_at__gt=now).aggregate(
                n=Count("id"), last=Max("settled_at")
            )
            assert told["n"] == scale, f"{told['n']} 条送到，应为 {scale}"
            rates[workers] = told["n"] / max((told["last"] - go).total_seconds(), 0.001)
            first += scale
        limit = _limit(scale, token)
    finally:
        sandbox.terminate()
        sandbox.wait(20)
    return {"one": rates[1], "four": rates[4], "limit": limit}


def _run(workers: int) -> datetime:
    """Start the workers, let them go together, wait for them; the moment at which they went."""
    from minping.kernel import clock

    team = [
        subprocess.Popen([sys.executable, "-m", "bench.relay"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(workers)
    ]
    for one in team:
        assert one.stdout is not None
        one.stdout.readline()
    go = clock.now()
    for one in team:
        assert one.stdin is not None
        one.stdin.write(b"go\n")
        one.stdin.flush()
    for one in team:
        assert one.wait(900) == 0
    return go


def _limit(scale: int, token: str) -> float:
    """The same kind of message from four threads that do nothing else."""
    import urllib3

    from minping.kernel import clock

    pool = urllib3.PoolManager(maxsize=4)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    row = world.rows(0, 1, clock.now())[0]

    def post(number: int) -> None:
        for n in range(number, scale, 4):
            body = {**row, "id": f"limit:{n}", "kind": "service", "revision": 1, "case_no": f"L-{n}"}
            answer = pool.request(
                "POST", f"http://127.0.0.1:{PORT}/v1/messages", body=json.dumps(body), headers=headers
            )
            assert answer.status == 200

    threads = [threading.Thread(target=post, args=(n,)) for n in range(4)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return scale / (time.monotonic() - start)


if __name__ == "__main__":
    work()
