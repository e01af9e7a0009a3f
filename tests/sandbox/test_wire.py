"""The HTTP of the sandbox: keep-alive, limits, and what is no HTTP."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest

import minping.sandbox
from minping.sandbox import Server

from .conftest import TOKEN, message


def talk(province: Server, *pieces: bytes) -> bytes:
    """Send raw bytes on one connection, and read until the other side has closed."""
    host, port = province.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


def post(case_no: str, head: str = "") -> bytes:
    body = json.dumps(message("service", case_no)).encode()
    lines = f"POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n{head}"
    return f"{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


def test_one_connection_carries_many_messages_also_pipelined(province: Server) -> None:
    answer = talk(province, post("A1") + post("A2"), post("A3"))
    assert answer.count(b"HTTP/1.1 200 OK") == answer.count(b'"accepted"') == 3


def test_a_client_that_asks_to_close_is_closed_after_its_answer(province: Server) -> None:
    answer = talk(province, post("A1", "Connection: close\r\n"), post("A2"))
    assert answer.count(b"HTTP/1.1") == 1 and b"Connection: close" in answer


def test_a_client_that_waits_for_leave_to_send_is_told_to_continue(province: Server) -> None:
    assert talk(province, post("A1", "Expect: 100-continue\r\n")).startswith(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"
    )


def test_half_a_message_is_neither_stored_nor_answered(province: Server) -> None:
    assert talk(province, post("A1")[:-5]) == b""
    assert province.received() == []


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"HELLO\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", 431),
    ],
)
def test_what_is_no_request_of_ours_gets_its_status_and_the_connection_ends(
    province: Server, raw: bytes, status: int
) -> None:
    host, port = province.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(raw)
        assert connection.recv(4096).startswith(f"HTTP/1.1 {status} ".encode())


def test_the_sandbox_imports_nothing_of_minping_but_itself() -> None:
    folder = Path(minping.sandbox.__file__).parent
    for file in folder.glob("*.py"):
        for name in re.findall(r"^(?:from|import) (minping[\w.]*)", file.read_text("utf-8"), re.MULTILINE):
            assert name.startswith("minping.sandbox"), f"{file.name}: {name}"
