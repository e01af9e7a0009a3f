"""Workers of the delivery as processes of their own, on the database and in the home folder of a show.

`python -m tests.show.nursery` loads the program once and forks a worker for each line that it reads, so that a worker
can be killed and the next one begin at once: ten starts of Python would be half a minute.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from typing import NoReturn

from tests.support.ready import CHECKOUT


class Nursery:
    """Real processes that do what the job `deliver` does; `start` returns a process id, `kill` ends it by SIGKILL."""

    def __init__(self, **more: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.show.nursery"], env={**os.environ, **more}, cwd=CHECKOUT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._line() == "ready"

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def start(self, holder: str, at: float = 0) -> int:
        """A worker that begins at a moment (seconds since 1970), so that several can begin at the same one."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{holder} {at}\n")
        self.process.stdin.flush()
        return int(self._line())

    @staticmethod
    def kill(pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()  # it ends, and with it the workers that are left
        self.process.wait(timeout=30)
        self.process.stdout.close()


def work(holder: str, at: float) -> NoReturn:
    from minping.upstream.services import messages_deliver

    while time.time() < at:
        time.sleep(0.0005)
    while True:
        if not messages_deliver(holder=holder):
            time.sleep(0.02)


def main() -> None:
    import django

    django.setup()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who is killed is gone at once
    print("ready", flush=True)
    born: list[int] = []
    for line in sys.stdin:
        holder, at = line.split()
        pid = os.fork()
        if pid == 0:
            work(holder, float(at))
        born.append(pid)
        print(pid, flush=True)
    for pid in born:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
