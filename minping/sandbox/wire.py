"""As much HTTP/1.1 as the sandbox needs: keep-alive, Content-Length bodies, one send per answer.

The standard library's request handler parses headers as if they were e-mail, which costs more than all the
rest of a message; this reads them as lines.
"""

from __future__ import annotations

import contextlib
import io
import socket
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

_LINE_MAX = 16 * 1024
_HEADERS_MAX = 100
_BODY_MAX = 1024 * 1024
_IDLE_SECONDS = 300.0


class BadRequest(Exception):
    """What came is no request that we read: HTTP status and a sentence in Chinese."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)


@dataclass(frozen=True, slots=True)
class Response:
    """One answer."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)

    def render(self, keep_alive: bool) -> bytes:
        """Head and body in one piece, so that they leave in one packet."""
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            "Cache-Control: no-store",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        if not keep_alive:
            lines.append("Connection: close")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body


Answerer = Callable[[Request], Response | None]
"""Answers a request; None closes the connection without an answer."""
Complaint = Callable[[BadRequest], Response]


def read(stream: io.BufferedIOBase, proceed: Callable[[], None]) -> Request | None:
    """The next request, or None when the other side has finished. ``proceed`` sends 100 Continue.

    Raises BadRequest for what cannot be read; the connection must then be closed.
    """
    line = stream.readline(_LINE_MAX)
    if line in (b"\r\n", b"\n"):
        line = stream.readline(_LINE_MAX)
    if not line.endswith(b"\n"):
        if len(line) >= _LINE_MAX:
            raise BadRequest(414, "请求行太长")
        return None
    words = line.decode("latin-1").split()
    if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest(400, "请求行不是 HTTP/1.1")
    headers = _headers(stream)
    if "transfer-encoding" in headers:
        raise BadRequest(411, "请用 Content-Length 说明请求体长度")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise BadRequest(400, "Content-Length 不是数字")
    if len(length) > 9 or int(length) > _BODY_MAX:
        raise BadRequest(413, f"请求体超过 {_BODY_MAX} 字节")
    if headers.get("expect", "").lower() == "100-continue":
        proceed()
    body = stream.read(int(length))
    if len(body) < int(length):
        return None
    keep_alive = words[2] == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    return Request(words[0], words[1], headers, body, keep_alive)


def _headers(stream: io.BufferedIOBase) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(_HEADERS_MAX):
        line = stream.readline(_LINE_MAX)
        if line in (b"\r\n", b"\n"):
            return headers
        name, colon, value = line.decode("latin-1").partition(":")
        name = name.lower()
        if (
            not colon
            or not line.endswith(b"\n")
            or name != name.strip()
            or (name == "content-length" and name in headers)
        ):
            raise BadRequest(400, "请求头格式不对")
        headers[name] = value.strip()
    raise BadRequest(431, "请求头太多")


class Listener(socketserver.ThreadingTCPServer):
    """Accepts connections, one thread each, and knows the open ones so that a stop can end them in order."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], answer: Answerer, complain: Complaint) -> None:
        self.answer, self.complain = answer, complain
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        self._ending = False
        super().__init__(address, _Connection)

    def opened(self, connection: socket.socket) -> bool:
        with self._changed:
            self._open.add(connection)
            return not self._ending

    def ended(self, connection: socket.socket) -> None:
        with self._changed:
            self._open.discard(connection)
            self._changed.notify_all()

    def end_connections(self, patience: float) -> None:
        """Let no connection take another request; those under way have ``patience`` seconds to be done."""
        with self._changed:
            self._ending = True
            for connection in self._open:
                _shut(connection, socket.SHUT_RD)
            self._changed.wait_for(lambda: not self._open, patience)
            for connection in self._open:
                _shut(connection, socket.SHUT_RDWR)


def _shut(connection: socket.socket, how: int) -> None:
    with contextlib.suppress(OSError):  # already gone, which is what we want
        connection.shutdown(how)


class _Connection(socketserver.BaseRequestHandler):
    server: Listener
    request: socket.socket

    def handle(self) -> None:
        connection = self.request
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(_IDLE_SECONDS)
            if self.server.opened(connection):
                with connection.makefile("rb") as stream:
                    self._talk(connection, stream)
        except OSError:  # the other side went away, or stayed silent too long
            pass
        finally:
            self.server.ended(connection)

    def _talk(self, connection: socket.socket, stream: io.BufferedIOBase) -> None:
        def proceed() -> None:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

        while True:
            try:
                request = read(stream, proceed)
            except BadRequest as error:
                connection.sendall(self.server.complain(error).render(keep_alive=False))
                return
            response = self.server.answer(request) if request else None
            if request is None or response is None:
                return
            connection.sendall(response.render(request.keep_alive))
            if not request.keep_alive:
                return
