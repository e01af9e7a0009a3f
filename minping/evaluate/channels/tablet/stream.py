"""The open lines to the tablets: an ASGI program of its own, so that 200 of them cost the pages no thread.

One watcher per process reads the table of device events a few times a second and hands
each event to its device's lines.  The table is the truth; a line only shortens the way:
a device that cannot hold one asks `/tablet/events` instead (docs/decisions/0008).
`minping/site/stream.py` makes it a program, which `minping serve` and `minping stream` start.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections
from django.http.request import validate_host

from minping.evaluate.channels.tablet.models import DeviceEvent
from minping.evaluate.channels.tablet.queries import OVERLAP, open_events
from minping.evaluate.channels.tablet.services import DeviceUnknown, credential_find
from minping.evaluate.channels.tablet.view import as_sse, event_view
from minping.kernel import clock

log = logging.getLogger("minping.stream")
COOKIE = "mp_device"
PATH = "/tablet/stream"
LOOK = 0.15  # seconds between two looks at the table
BEAT = 15.0  # seconds between two signs of life on a quiet line
LINES = 4  # of one device: its page, one that a reload has not closed yet, and what a proxy holds on to
MOST = 500  # events read in one look

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Line = asyncio.Queue[bytes | None]


class Watcher:
    """Reads what is new since the last look.  Works in one thread of its own, with one connection."""

    def __init__(self) -> None:
        self.floor = -1
        self.seen: dict[int, float] = {}

    def look(self, devices: frozenset[UUID]) -> list[tuple[UUID, bytes, bool]]:
        """(device, message, whether the line then ends) of the events not handed out yet, for the devices on line."""
        horizon = clock.wall() - OVERLAP
        if self.floor < 0:
            before = DeviceEvent.objects.filter(written__lt=horizon).order_by("-pk").values_list("pk", flat=True)
            self.floor = before.first() or 0
        # Numbers are given before the commit: one that was not there yet may appear below one that was.
        rows = list(
            DeviceEvent.objects.filter(pk__gt=self.floor).order_by("pk").values_list("pk", "device_id", "written")
        )
        fresh = [pk for pk, device, _ in rows if pk not in self.seen and device in devices][:MOST]
        handed = set(fresh)
        for pk, device, written in rows:
            if pk in handed or device not in devices:
                self.seen.setdefault(pk, written)
        for pk, _, written in rows:
            if written >= horizon or pk not in self.seen:
                break
            self.floor = pk
        self.seen = {pk: written for pk, written in self.seen.items() if pk > self.floor}
        return self._messages(fresh)

    @staticmethod
    def _messages(fresh: list[int]) -> list[tuple[UUID, bytes, bool]]:
        if not fresh:
            return []
        now = clock.now()
        events = DeviceEvent.objects.filter(pk__in=fresh).select_related("service__applicant", "rating").order_by("pk")
        found = []
        for event in events:
            shown = event_view(event, now)
            if shown is not None:
                found.append((event.device_id, as_sse(shown), event.kind == DeviceEvent.Kind.STOP))
        return found


class Hub:
    """The lines of this process, by device."""

    def __init__(self) -> None:
        self.lines: dict[UUID, list[Line]] = defaultdict(list)
        self.reader = ThreadPoolExecutor(1, "reader")  # greets new lines
        self.watching = ThreadPoolExecutor(1, "watcher")
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self.task is None or self.task.done():
            self.task = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        watcher, loop = Watcher(), asyncio.get_running_loop()
        while True:
            try:
                told = await loop.run_in_executor(self.watching, _look, watcher, frozenset(self.lines))
                for device, message, last in told:
                    for line in self.lines.get(device, ()):
                        line.put_nowait(message)
                        if last:
                            line.put_nowait(None)
            except Exception:
                log.exception("装置事件没有读到，稍后再读")
                await asyncio.sleep(1)
            await asyncio.sleep(LOOK)

    async def greet(self, secret: str, after: int) -> tuple[UUID, Line] | None:
        """A new line for the device behind `secret`, with all that it is still to show; None where it is unknown."""
        loop = asyncio.get_running_loop()
        device = await loop.run_in_executor(self.reader, _device, secret)
        if device is None:
            return None
        line: Line = asyncio.Queue()
        mine = self.lines[device]
        mine.append(line)  # before reading what is open, so that nothing falls between
        if len(mine) > LINES:  # whoever has a device's secret holds no more of us than the device itself could
            mine.pop(0).put_nowait(None)
        for message in await loop.run_in_executor(self.reader, _open, device, after):
            line.put_nowait(message)
        return device, line

    def leave(self, device: UUID, line: Line) -> None:
        mine = self.lines.get(device, [])
        if line in mine:
            mine.remove(line)
        if not mine:
            self.lines.pop(device, None)


def _look(watcher: Watcher, devices: frozenset[UUID]) -> list[tuple[UUID, bytes, bool]]:
    close_old_connections()
    return watcher.look(devices)


def _device(secret: str) -> UUID | None:
    close_old_connections()
    try:
        return credential_find(secret).device_id
    except DeviceUnknown:
        return None


def _open(device: UUID, after: int) -> list[bytes]:
    return [as_sse(shown) for shown in open_events(device, after, clock.now())]


hub = Hub()


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _secret(headers: Mapping[str, str]) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def allowed_origin(headers: Mapping[str, str]) -> str | None:
    """The page's origin where it may read a line: the same host on another port (the pages' own); else None."""
    origin = headers.get("origin", "")
    page, here = urlsplit(origin).hostname, urlsplit(f"//{headers.get('host', '')}").hostname
    if not origin or page is None or page != here or not validate_host(page, settings.ALLOWED_HOSTS):
        return None
    return origin


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """One open line."""
    hub.start()
    headers = _headers(scope)
    if scope["method"] != "GET" or scope["path"] != PATH:
        await _answer(send, 404, [])
        return
    cors: list[tuple[bytes, bytes]] = []
    if origin := allowed_origin(headers):
        cors = [
            (b"access-control-allow-origin", origin.encode()),
            (b"access-control-allow-credentials", b"true"),
            (b"vary", b"origin"),
        ]
    elif headers.get("origin"):
        await _answer(send, 403, [])
        return
    after = headers.get("last-event-id", "") or _query(scope).get("after", "")
    greeted = await hub.greet(_secret(headers), int(after) if after.isascii() and after.isdigit() else 0)
    if greeted is None:
        await _answer(send, 401, cors)
        return
    device, line = greeted
    gone = asyncio.get_running_loop().create_task(_until_gone(receive, line))
    try:
        start = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store"),
                 (b"x-accel-buffering", b"no"), *cors]  # fmt: skip
        await send({"type": "http.response.start", "status": 200, "headers": start})
        await send({"type": "http.response.body", "body": b"retry: 1000\n\n", "more_body": True})
        while True:
            try:
                message = await asyncio.wait_for(line.get(), BEAT)
            except TimeoutError:
                message = b": \n\n"
            if message is None:
                break
            await send({"type": "http.response.body", "body": message, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        hub.leave(device, line)
        gone.cancel()


async def _until_gone(receive: Receive, line: Line) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    line.put_nowait(None)


def _query(scope: Scope) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in scope.get("query_string", b"").decode("latin-1").split("&"))
    return {name: value for name, _, value in pairs}


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"cache-control", b"no-store"), *headers]}
    )
    await send({"type": "http.response.body", "body": b"", "more_body": False})
