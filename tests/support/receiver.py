"""A system that is called back, on loopback: up, down, slow, failing, answering nonsense, letter by letter."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.support.services import free_port

Respond = Callable[["Receiver", socket.socket], None]
EMPTY = b"Content-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class Heard:
    """One request as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)

    @property
    def identifier(self) -> str:
        return self.headers["webhook-id"]


def status(code: int, *more: str) -> Respond:
    head = f"HTTP/1.1 {code} X\r\n".encode() + "".join(f"{line}\r\n" for line in more).encode()
    return lambda _, line: line.sendall(head + EMPTY)


def garbage_body(_: Receiver, line: socket.socket) -> None:
    line.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n\xff\xfe<<<{{{ \x00 garbage!!"
    )


def garbage(_: Receiver, line: socket.socket) -> None:
    line.sendall(b"\x00\x01SSH-2.0-not http at all\r\n\r\n")


def endless(_: Receiver, line: socket.socket) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
    for _ in range(1000):
        line.sendall(b"x" * 65536)


def drip(_: Receiver, line: socket.socket) -> None:
    """Never ends, and never lets a time-out between two bytes pass."""
    for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"z" * 4000:
        line.sendall(bytes([letter]))
        time.sleep(0.05)


def slow(seconds: float) -> Respond:
    def respond(receiver: Receiver, line: socket.socket) -> None:
        receiver.ending.wait(seconds)
        status(200)(receiver, line)

    return respond


@dataclass
class Receiver:
    """Listens from `up()` to `down()`; `respond` may be changed at any time."""

    port: int = field(default_factory=free_port)
    respond: Respond = field(default_factory=lambda: status(200))
    heard: list[Heard] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)
    listener: socket.socket | None = None
    tls: ssl.SSLContext | None = None

    @property
    def origin(self) -> str:
        return f"https://localhost:{self.port}" if self.tls else f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/hooks/minping"

    def up(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self._listen, args=(self.listener,), daemon=True).start()

    def down(self) -> None:
        if self.listener is not None:
            with suppress(OSError):
                self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None

    def identifiers(self) -> list[str]:
        return [one.identifier for one in self.heard]

    def _listen(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                line, _ = listener.accept()
                threading.Thread(target=self._answer, args=(line,), daemon=True).start()

    def _answer(self, line: socket.socket) -> None:
        with line, suppress(OSError, ValueError):
            if self.tls:
                line = self.tls.wrap_socket(line, server_side=True)
            stream = line.makefile("rb")
            stream.readline()
            headers: dict[str, str] = {}
            while text := stream.readline().decode("latin-1").strip():
                name, _, value = text.partition(":")
                headers[name.lower()] = value.strip()
            self.heard.append(Heard(headers, stream.read(int(headers.get("content-length", 0)))))
            self.respond(self, line)


def certificate(folder: Path, name: str) -> Path:
    """A file with a key and a certificate for `name` that nobody but itself vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / f"{name}.pem"
    file.write_bytes(key.private_bytes(*form) + made.public_bytes(Encoding.PEM))
    return file


@contextmanager
def receiving(pem: Path | None = None) -> Iterator[Receiver]:
    """A receiver for the length of the block; with `pem` it speaks TLS as `localhost`."""
    made = Receiver()
    if pem is not None:
        made.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.tls.load_cert_chain(pem)
    made.up()
    try:
        yield made
    finally:
        made.ending.set()
        made.down()
