"""One call over HTTP to a superior: it ends in time, reads no more than agreed, follows nobody elsewhere.

Shared by every driver.  A superior is not trusted to answer well: headers that trickle,
a body without end or packed into nothing, a redirect to another host, a connection that
is half closed are all "no answer", which is tried again and never called success.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError

from minping.upstream.port import Later

PIECE = 1 << 16


class _InTime:
    """A connection whose headers must all be there within its patience: a read's own limit begins anew with each byte."""

    timeout: Any
    sock: Any
    over = False

    def getresponse(self) -> Any:
        end = threading.Timer(self.timeout, self._hang_up)
        end.daemon = True
        end.start()
        try:
            found = super().getresponse()  # type: ignore[misc]
        finally:
            end.cancel()
        if self.over:  # what had come till then may look like an answer with no headers
            raise TimeoutError("没有在时限里答完")
        return found

    def _hang_up(self) -> None:
        self.over = True
        if self.sock is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class _Plain(_InTime, HTTPConnection):
    pass


class _Sealed(_InTime, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SealedPool(HTTPSConnectionPool):
    ConnectionCls = _Sealed


@dataclass(frozen=True)
class Answer:
    """What came back; `content` is cut where it was longer than agreed, so that it reads as no answer."""

    status: int
    content: bytes
    headers: Mapping[str, str]

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")


class Caller:
    """The way to one superior, called `who` in what a person reads.  `connect` and `read` are seconds, `most` bytes."""

    def __init__(
        self, who: str, *, connect: float, read: float, most: int, headers: Mapping[str, str] | None = None
    ) -> None:
        self.who, self.read, self.most = who, read, most
        self.pool = urllib3.PoolManager(
            maxsize=8, retries=False, timeout=urllib3.Timeout(connect=connect, read=read), headers=headers
        )
        self.pool.pool_classes_by_scheme = {"http": _PlainPool, "https": _SealedPool}

    def ask(
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None,
        seconds: float = 0,
    ) -> Answer:  # fmt: skip
        """The answer, whole within `seconds` after its headers (else within `read`).  Raises Later for every silence."""
        try:
            answer = self.pool.request(
                method, url, body=body, headers={**(self.pool.headers or {}), **(headers or {})},
                preload_content=False, redirect=False,
            )  # fmt: skip
            content = self._content(answer, seconds or self.read)
        except (NewConnectionError, MaxRetryError) as failure:
            raise Later(f"连不上{self.who}", unreachable=True) from failure
        except (HTTPError, OSError) as failure:
            raise Later(f"没有收到{self.who}的答复（{type(failure).__name__}）", unreachable=True) from failure
        if 300 <= answer.status < 400:
            raise Later(f"{self.who}的地址转到了别处，不跟随", code=f"REDIRECT {answer.status}", unreachable=True)
        return Answer(answer.status, content, answer.headers)

    def _content(self, answer: urllib3.BaseHTTPResponse, seconds: float) -> bytes:
        until = time.monotonic() + seconds
        parts, size = [], 0
        while piece := answer.read1(PIECE):
            parts.append(piece)
            size += len(piece)
            if size > self.most:
                answer.close()
                return b"".join(parts)[: self.most]
            if time.monotonic() > until:
                answer.close()
                raise Later(f"{self.who}的答复没有在 {seconds:.0f} 秒里送完", unreachable=True)
        answer.release_conn()
        return b"".join(parts)


def json_object(text: str, who: str, status: int = 200) -> dict[str, Any]:
    """The answer as an object.  Raises Later for whatever is none: it is looked at and asked again, never success."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as failure:
        raise Later(f"看不懂{who}的答复（{status}）", received=text[:2000]) from failure
    if not isinstance(found, dict):
        raise Later(f"看不懂{who}的答复（{status}）", received=text[:2000])
    return found
