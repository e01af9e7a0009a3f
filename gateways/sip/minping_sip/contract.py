"""民评's side: `/api/v1/calls`, with everything heard written to disk before it is sent.

An event that could not be handed over stays in the spool and is handed over later, in
order and marked `late`; its id makes a second delivery harmless.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import time
import uuid
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

log = logging.getLogger("minping_sip")

TIMEOUT = 5.0  # seconds for one request
KEEP = (401, 403, 408, 429)  # refusals that someone mends without the event being wrong


class Away(Exception):
    """民评 cannot be reached, or is not well; what was heard is kept."""


class Refused(Exception):
    """民评 says no, with its code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}：{message}")
        self.code = code


class Spool:
    """Events on their way: one file each, in the order of their making; those refused are kept apart."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.refused = folder / "spool", folder / "refused"
        for place in (self.folder, self.refused):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._number = itertools.count()

    def put(self, call: str, told: dict[str, Any]) -> Path:
        """Keep an event; it is on disk when this returns."""
        file = self.folder / f"{time.time_ns():020d}-{next(self._number):06d}.json"
        fresh = file.with_suffix(".new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump({"call": call, "told": told}, stream, ensure_ascii=False)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.rename(file)
        return file

    def waiting(self) -> list[tuple[Path, str, dict[str, Any]]]:
        """What is kept, oldest first: file, call, event."""
        found = []
        for file in sorted(self.folder.glob("*.json")):
            kept = json.loads(file.read_text("utf-8"))
            found.append((file, kept["call"], kept["told"]))
        return found

    def holds(self, call: str, before: Path) -> bool:
        """Whether an earlier event of the call still waits; a later one must not overtake it."""
        return any(kept == call and file.name < before.name for file, kept, _ in self.waiting())

    def refuse(self, file: Path) -> None:
        file.rename(self.refused / file.name)


class Minping:
    def __init__(self, url: str, key: str, spool: Spool, patience: float) -> None:
        self.url, self.key, self.spool, self.patience = url, key, spool, patience
        self._opener = build_opener(ProxyHandler({}))
        self._flying: set[Path] = set()

    async def start(self, reference: str, caller: str) -> dict[str, Any]:
        """A call came in.  Raises Away, Refused."""
        return await self._patiently("calls", {"reference": reference, "caller": caller})

    async def next(self, reference: str) -> dict[str, Any]:
        """The next call to be made.  Raises Away, Refused."""
        return await self._post("calls/next", {"reference": reference})

    async def event(self, call: str, step: int, **heard: Any) -> dict[str, Any]:
        """Hand over what was heard; what to say next.  Raises Away (it is kept), Refused.

        Nobody waits for the answer to the end of a call: it is tried once.
        """
        told = {"event_id": uuid.uuid4().hex, "step": step, "device_at": datetime.now(UTC).isoformat(), **heard}
        file = self.spool.put(call, told)
        self._flying.add(file)
        try:
            if self.spool.holds(call, file):
                raise Away("an earlier event of this call waits")
            send = self._post if heard["kind"] == "hung_up" else self._patiently
            turn = await send(f"calls/{call}/events", told)
        except Refused:
            self.spool.refuse(file)
            raise
        finally:
            self._flying.discard(file)
        file.unlink()
        return turn

    async def deliver(self) -> int:
        """Hand over what was kept, oldest first, until we are away again; returns how many went."""
        gone = 0
        for file, call, told in self.spool.waiting():
            if file in self._flying:
                continue
            try:
                await self._post(f"calls/{call}/events", {**told, "late": True})
                file.unlink()
                gone += 1
            except Refused as refused:
                log.error("an event was refused and is kept apart: %s", refused.code)
                self.spool.refuse(file)
            except Away:
                break
        if gone:
            log.info("%d kept events handed over", gone)
        return gone

    async def deliver_forever(self, seconds: float = 2.0) -> None:
        while True:
            await self.deliver()
            await asyncio.sleep(seconds)

    async def _patiently(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        end = time.monotonic() + self.patience
        while True:
            try:
                return await self._post(path, body)
            except Away:
                if time.monotonic() + 0.5 >= end:
                    raise
                await asyncio.sleep(0.5)

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return await asyncio.to_thread(self._send, path, body)

    def _send(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        request = Request(
            f"{self.url}/api/v1/{path}", data=json.dumps(body, ensure_ascii=False).encode(), method="POST",
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )  # fmt: skip
        try:
            with self._opener.open(request, timeout=TIMEOUT) as answer:
                told: dict[str, Any] = json.load(answer)
                return told
        except HTTPError as failure:
            if failure.code in KEEP or failure.code >= 500:
                log.warning("民评 answered %d", failure.code)
                raise Away(str(failure.code)) from failure
            try:
                error = json.load(failure)["error"]
            except (ValueError, KeyError) as strange:  # not our API's shape: something stands between
                raise Away(str(failure.code)) from strange
            raise Refused(error["code"], error["message"]) from failure
        except (OSError, HTTPException, ValueError) as failure:
            raise Away(type(failure).__name__) from failure
