"""What the province has received: one SQLite file, one writer thread, an answer only after the commit.

Messages that arrive while a commit is under way share the next one (group commit), so that durability costs
one disk flush per batch, not per message. WAL with synchronous=FULL: what was answered survives a kill -9 and
a power cut.
"""

from __future__ import annotations

import json
import queue
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from minping.sandbox.protocol import BEIJING, KINDS, UNAVAILABLE, Answer, Message, Refused

_VERSION = 1
_BATCH = 512
_SCHEMA = """
CREATE TABLE records (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    organization_code TEXT NOT NULL,
    case_no TEXT NOT NULL,
    service_no TEXT NOT NULL,
    case_number TEXT NOT NULL,
    revision INTEGER NOT NULL,
    level INTEGER,
    day TEXT NOT NULL,
    message_id TEXT NOT NULL,
    received_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    times_received INTEGER NOT NULL DEFAULT 1,
    times_differing INTEGER NOT NULL DEFAULT 0,
    body TEXT NOT NULL,
    UNIQUE (organization_code, case_no, service_no, kind, case_number)
);
CREATE INDEX records_by_day ON records (kind, level, day);
CREATE TABLE messages (id TEXT PRIMARY KEY, record INTEGER NOT NULL) WITHOUT ROWID;
"""
_FIND = """SELECT id, revision, body FROM records
WHERE organization_code = ? AND case_no = ? AND service_no = ? AND kind = ? AND case_number = ?"""
_HAS = """SELECT 1 FROM records
WHERE organization_code = ? AND case_no = ? AND service_no = ? AND kind = ? LIMIT 1"""
_INSERT = """INSERT INTO records (organization_code, case_no, service_no, kind, case_number,
    revision, level, day, message_id, received_at, updated_at, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_UPDATE = """UPDATE records SET revision = ?, level = ?, day = ?, message_id = ?, updated_at = ?, body = ?,
    times_received = times_received + 1 WHERE id = ?"""
_AGAIN = """UPDATE records SET times_received = times_received + 1,
    times_differing = times_differing + ? WHERE id = ?"""
_LIST = """SELECT id, kind, revision, day, message_id, received_at, updated_at,
    times_received, times_differing, body FROM records"""
_OPEN = """SELECT organization_code, case_no, service_no FROM records AS service
WHERE kind = 'service' AND day >= ? AND NOT EXISTS (SELECT 1 FROM records AS word
    WHERE word.organization_code = service.organization_code AND word.case_no = service.case_no
    AND word.service_no = service.service_no AND word.kind IN ('rating', 'default'))
ORDER BY id"""
_COUNT = """SELECT day, kind, level, count(*) FROM records
WHERE day BETWEEN ? AND ? GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""


class StoreError(RuntimeError):
    """The store file cannot be used; the text (Chinese) says which and what to do."""


def reference(record: int) -> str:
    """The province's number of a record; stays the same through all revisions."""
    return f"SH{record:010d}"


class _Work:
    """One message under way: the writer fills the answer and opens the gate."""

    __slots__ = ("answer", "gate", "message")

    def __init__(self, message: Message) -> None:
        self.message = message
        self.answer = UNAVAILABLE
        self.gate = threading.Lock()
        self.gate.acquire()


class Store:
    """Records of the province in one file. ``submit`` may be called from any thread."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = self._open()
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"打不开沙盒的数据文件 {self.path}：{error}。请换一个可写的位置") from error
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._writer = threading.Thread(target=self._write_loop, name="sandbox-writer", daemon=True)
        self._writer.start()

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=10)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
        elif version != _VERSION:
            db.close()
            raise StoreError(f"{self.path} 是另一版沙盒写的（第 {version} 版），请改名或删去后重来")
        return db

    def submit(self, message: Message) -> Answer:
        """Handle one message and wait until it is durable; UNAVAILABLE when the store cannot write."""
        work = _Work(message)
        with self._closing:
            if self._closed:
                return UNAVAILABLE
            self._queue.put(work)
        work.gate.acquire()
        return work.answer

    def close(self) -> None:
        """Finish what is queued, answer it, and close the file. A second call does nothing."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._writer.join()
        self._db.close()

    def _write_loop(self) -> None:
        last = False
        while not last:
            batch = [self._queue.get()]
            try:
                while len(batch) < _BATCH:
                    batch.append(self._queue.get_nowait())
            except queue.Empty:
                pass
            last = None in batch
            works = [work for work in batch if work is not None]
            if works and not self._commit(works) and len(works) > 1:
                for work in works:  # one bad message must not take the others with it
                    self._commit([work])
            for work in works:
                work.gate.release()

    def _commit(self, works: list[_Work]) -> bool:
        """Apply the works in one transaction; False when the database refused, and then nothing is stored."""
        now = datetime.now(BEIJING).isoformat(timespec="milliseconds")
        try:
            self._db.execute("BEGIN IMMEDIATE")
            answers = [self._apply(work.message, now) for work in works]
            self._db.execute("COMMIT")
        except Exception:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            return False
        for work, answer in zip(works, answers, strict=True):
            work.answer = answer
        return True

    def _apply(self, message: Message, now: str) -> Answer:
        try:
            result, record = self._record(message, now)
        except Refused as error:
            return Answer.refused(error)
        self._db.execute("INSERT OR IGNORE INTO messages (id, record) VALUES (?, ?)", (message.id, record))
        return Answer.taken(result, reference(record))

    def _record(self, message: Message, now: str) -> tuple[str, int]:
        service = (message.organization_code, message.case_no, message.service_no)
        found = self._db.execute(_FIND, (*service, message.kind, message.case_number)).fetchone()
        used = self._db.execute("SELECT record FROM messages WHERE id = ?", (message.id,)).fetchone()
        if used is not None and (found is None or used[0] != found[0]):
            raise Refused("E_ID_REUSED")
        day = message.day or now[:10]
        if found is None:
            self._check_order(message, service)
            # ASCII escapes keep even half a surrogate pair, which UTF-8 cannot, exactly as it came
            values = (message.revision, message.level, day, message.id, now, now, json.dumps(message.body))
            made = self._db.execute(_INSERT, (*service, message.kind, message.case_number, *values))
            return "accepted", int(made.lastrowid or 0)
        record, revision, body = found
        if message.revision > revision:
            new = (message.revision, message.level, day, message.id, now, json.dumps(message.body))
            self._db.execute(_UPDATE, (*new, record))
            return "accepted", record
        differs = message.revision == revision and json.loads(body) != message.body
        self._db.execute(_AGAIN, (differs, record))
        return "duplicate", record

    def _check_order(self, message: Message, service: tuple[str, str, str]) -> None:
        kind = KINDS[message.kind]
        if kind.needs_service and not message.alone and not self._db.execute(_HAS, (*service, "service")).fetchone():
            raise Refused("E_NO_SERVICE")
        if kind.excludes and self._db.execute(_HAS, (*service, kind.excludes)).fetchone():
            raise Refused("E_TWO_OUTCOMES", f"已有{KINDS[kind.excludes].label}")

    def _read(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path, timeout=10)) as db:
            return db.execute(sql, values).fetchall()

    def received(self, **equal: str) -> Iterator[dict[str, Any]]:
        """Records in the order of arrival, flat and masked; filters: kind, case_no, organization_code."""
        where = " AND ".join(f"{column} = ?" for column in equal)
        rows = self._read(f"{_LIST}{' WHERE ' + where if where else ''} ORDER BY id", tuple(equal.values()))
        for record, kind, revision, day, message_id, first, last, times, differing, body in rows:
            yield {
                **json.loads(body),
                "id": message_id,
                "kind": kind,
                "revision": revision,
                "reference": reference(record),
                "day": day,
                "received_at": first,
                "updated_at": last,
                "times_received": times,
                "times_differing": differing,
            }

    def counts(self, first: str = "", last: str = "") -> list[dict[str, Any]]:
        """Records per day of the fact × kind × level, from first to last day (YYYY-MM-DD), both included."""
        rows = self._read(_COUNT, (first, last or "9999-12-31"))
        return [dict(zip(("day", "kind", "level", "count"), row, strict=True)) for row in rows]

    def open(self, first: str) -> list[tuple[str, str, str]]:
        """The services from that day on of which there is no word: unit, case, number."""
        return [(row[0], row[1], row[2]) for row in self._read(_OPEN, (first,))]

    def totals(self) -> dict[tuple[str, int | None], int]:
        """Records per kind and level."""
        rows = self._read("SELECT kind, level, count(*) FROM records GROUP BY 1, 2")
        return {(kind, level): count for kind, level, count in rows}

    def latest(self, most: int) -> list[tuple[str, str, str, int, int | None]]:
        """The newest records: updated_at, kind, case_no, revision, level; newest last."""
        sql = "SELECT updated_at, kind, case_no, revision, level FROM records ORDER BY id DESC LIMIT ?"
        return [(row[0], row[1], row[2], row[3], row[4]) for row in reversed(self._read(sql, (most,)))]
