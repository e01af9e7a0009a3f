"""A superior that does not keep to HTTP: every kind of bad answer is "not delivered", in time and in bounds (B3, B4)."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from minping.upstream.port import Later
from minping.upstream.provinces import calling
from minping.upstream.provinces.calling import Caller

Behave = Callable[[socket.socket], None]
PATIENCE = 0.6  # seconds, instead of the profiles' tens


def request_of(peer: socket.socket) -> bytes:
    """One whole request."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = peer.recv(65536)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
    )
    while len(body) < length:
        body += peer.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def superior(behave: Behave, context: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[bytes]]]:
    """A server on loopback that reads a request and then does as told; the requests it has read."""
    seen: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def one(peer: socket.socket) -> None:
        with suppress(OSError):
            if context is not None:
                peer = context.wrap_socket(peer, server_side=True)
            with peer:
                seen.append(request_of(peer))
                behave(peer)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{listener.getsockname()[1]}", seen
    finally:
        listener.close()


def answer(status: str = "200 OK", body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    told = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(told).encode() + b"\r\n\r\n" + body


def drip(peer: socket.socket, *, head: bytes = b"") -> None:
    """A byte now and then: each read is in time, the answer never is."""
    peer.sendall(head)
    for sign in b"X-Slow: " + b"a" * 2000:
        peer.sendall(bytes([sign]))
        time.sleep(0.05)


def silent(peer: socket.socket) -> None:
    time.sleep(PATIENCE * 4)


YES = json.dumps({"result": "accepted", "reference": "R-1"}).encode()
BAD: dict[str, Behave] = {
    "says nothing": silent,
    "hangs up": lambda peer: None,
    "headers that trickle": lambda peer: drip(peer, head=b"HTTP/1.1 200 OK\r\n"),
    "a status line that trickles": drip,
    "a body that trickles": lambda peer: drip(peer, head=b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"),
    "a yes cut short": lambda peer: peer.sendall(answer(body=YES, length=len(YES) + 1)),
    "half closed": lambda peer: (peer.sendall(answer(body=YES[:10], length=len(YES))), peer.shutdown(socket.SHUT_WR)),  # type: ignore[dict-item]
    "chunks that never end": lambda peer: (peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), silent(peer)),  # type: ignore[dict-item]
    "a chunk without a size": lambda peer: peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"),
    "no HTTP": lambda peer: peer.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "broken gzip": lambda peer: peer.sendall(answer("200 OK", b"not gzip at all", "Content-Encoding: gzip")),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_b4_what_is_no_answer_is_silence_and_ends_in_time(what: str) -> None:
    with superior(BAD[what]) as (url, _):
        start = time.monotonic()
        with pytest.raises(Later) as told:
            Caller("省平台", connect=1, read=PATIENCE, most=1 << 20).ask("POST", url, b"x")
        assert told.value.unreachable
        assert time.monotonic() - start < PATIENCE * 4
        assert "省平台" in told.value.reason


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_b14_a_redirect_to_another_host_is_not_followed_and_carries_no_secret_there(status: str) -> None:
    with superior(lambda peer: peer.sendall(answer(body=YES))) as (elsewhere, heard):
        moved = answer(status, YES, f"Location: {elsewhere}/steal")
        with superior(lambda peer: peer.sendall(moved)) as (url, _):
            caller = Caller("省平台", connect=1, read=PATIENCE, most=1 << 20, headers={"Authorization": "Bearer s"})
            with pytest.raises(Later) as told:
                caller.ask("POST", f"{url}/v1/messages", b"x")
        assert told.value.code.startswith("REDIRECT")
        assert heard == []


def test_a_small_answer_that_unpacks_to_a_gigabyte_is_cut_where_it_was_agreed() -> None:
    packed = gzip.compress(bytes(256 << 20), 9)
    with superior(lambda peer: peer.sendall(answer("200 OK", packed, "Content-Encoding: gzip"))) as (url, _):
        found = Caller("省平台", connect=1, read=20, most=1 << 20).ask("GET", url)
    assert len(found.content) == 1 << 20
    with pytest.raises(Later):
        calling.json_object(found.text, "省平台")


def test_a_body_without_end_is_cut_where_it_was_agreed() -> None:
    def endless(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(4000):
            peer.sendall(b"y" * 65536)

    with superior(endless) as (url, _):
        assert len(Caller("省平台", connect=1, read=20, most=1 << 20).ask("GET", url).content) == 1 << 20


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "null", "", '"accepted"', "\ufeff{}", "{'result': 'accepted'}"])
def test_b4_what_is_no_object_is_never_read_as_one(text: str) -> None:
    with pytest.raises(Later):
        calling.json_object(text, "上级")


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    """A certificate that nobody we trust has signed."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={name}",
         "-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


def test_a_certificate_that_is_not_the_superiors_is_told_nothing(tmp_path: Path) -> None:
    context = certificate(tmp_path, "elsewhere.example")
    with superior(lambda peer: peer.sendall(answer(body=YES)), context) as (url, heard):
        with pytest.raises(Later) as told:
            Caller("省平台", connect=1, read=PATIENCE, most=1 << 20).ask(
                "POST", url, b"x", {"Authorization": "Bearer s"}
            )
        assert told.value.unreachable and "SSL" in told.value.reason
        assert heard == []


def test_the_same_connection_serves_the_next_message_after_a_good_answer() -> None:
    def twice(peer: socket.socket) -> None:
        peer.sendall(answer(body=YES))
        request_of(peer)
        peer.sendall(answer(body=b'{"n": 2}'))

    with superior(twice) as (url, seen):
        caller = Caller("省平台", connect=1, read=PATIENCE, most=1 << 20)
        assert caller.ask("GET", url).content == YES
        assert caller.ask("GET", url).content == b'{"n": 2}'
        assert len(seen) == 1  # one connection


def test_an_answer_that_comes_after_our_patience_is_not_taken_for_the_next_ones() -> None:
    """The late answer to an older message dies with its connection."""

    def late(peer: socket.socket) -> None:
        time.sleep(PATIENCE * 1.5)
        peer.sendall(answer(body=b'{"of": "the first"}'))

    answers: list[Behave] = [late, lambda peer: peer.sendall(answer(body=b'{"of": "the second"}'))]
    with superior(lambda peer: answers.pop(0)(peer)) as (url, _):
        caller = Caller("省平台", connect=1, read=PATIENCE, most=1 << 20)
        with pytest.raises(Later):
            caller.ask("POST", url, b"1")
        time.sleep(PATIENCE)
        assert caller.ask("POST", url, b"2").content == b'{"of": "the second"}'
