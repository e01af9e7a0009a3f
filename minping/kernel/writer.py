"""Group commit: one transaction for the requests that arrive while the last one commits.

A durable commit costs a disk flush; with one writer per process, requests that wait
for a flush share the next one.  Each is answered after its commit, so an answer
always means "kept".  A request that fails fails alone.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from django.conf import settings
from django.db import close_old_connections, connection, transaction

MOST = 64
LINGER = 0.002  # seconds; a flush takes as long


Item = TypeVar("Item")
Result = TypeVar("Result")


class GroupWriter(Generic[Item, Result]):
    """Collects items for `work`, a set-based function that answers one result (or Exception) per item."""

    def __init__(self, name: str, work: Callable[[list[Item]], list[Result | Exception]]) -> None:
        self.name = name
        self.work = work
        self._queue: queue.SimpleQueue[tuple[Item, Future[Result]]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def submit(self, item: Item) -> Result:
        """Have `item` worked and committed; return its result or raise its refusal."""
        if not settings.MINPING_GROUP_COMMIT or connection.in_atomic_block:
            with transaction.atomic():
                return self._unwrap(self.work([item])[0])
        self._ensure_thread()
        future: Future[Result] = Future()
        self._queue.put((item, future))
        return future.result(timeout=60)

    @staticmethod
    def _unwrap(result: Result | Exception) -> Result:
        if isinstance(result, Exception):
            raise result
        return result

    def _ensure_thread(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._loop, name=f"writer-{self.name}", daemon=True)
                self._thread.start()

    def _loop(self) -> None:
        last = 1
        while True:
            batch = self._gather(last)
            last = len(batch)
            self._commit(batch)

    def _gather(self, expected: int) -> list[tuple[Item, Future[Result]]]:
        """The next batch.  Those answered just now come back within a moment: where several came last
        time, that moment is waited for; one alone never waits."""
        batch = [self._queue.get()]
        until = time.perf_counter() + LINGER
        while len(batch) < MOST:
            wait = until - time.perf_counter() if len(batch) < expected else 0.0
            try:
                batch.append(self._queue.get(timeout=wait) if wait > 0 else self._queue.get_nowait())
            except queue.Empty:
                break
        return batch

    def _commit(self, batch: list[tuple[Item, Future[Result]]]) -> None:
        close_old_connections()
        try:
            with transaction.atomic():
                results = self.work([item for item, _ in batch])
        except Exception as failure:
            if len(batch) == 1:
                batch[0][1].set_exception(failure)
                return
            for pair in batch:  # one bad apple must not spoil the others
                self._commit([pair])
            return
        for (_, future), result in zip(batch, results, strict=True):
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
