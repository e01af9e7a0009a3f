"""One signed announcement over HTTP, in the manner of Standard Webhooks (https://www.standardwebhooks.com).

No redirect is followed, nothing of the answer but its status is used, and the whole call has an
end that a receiver cannot stretch by answering a letter at a time.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import secrets
import socket
import ssl
import threading
from base64 import b64decode, b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from minping.evaluate.channels.hall.addresses import AddressRefused, Place, found, place_of

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 10.0
ANSWER_MOST = 64 * 1024  # bytes of an answer that are read so that the receiver may finish it
BUSY = frozenset({429, 502, 503, 504})  # the receiver, or what stands before it, wants to be left alone for a while
PREFIX = "whsec_"


@dataclass(frozen=True)
class Answer:
    """What came of one try.  `status` None: nobody answered."""

    status: int | None
    error: str = ""

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def silent(self) -> bool:
        return self.status is None or self.status in BUSY


def secret_make() -> str:
    """A new secret of 256 bits, as Standard Webhooks writes it."""
    return PREFIX + b64encode(secrets.token_bytes(32)).decode()


def signature(secret: str, identifier: str, seconds: int, body: bytes) -> str:
    """`v1,` and the HMAC-SHA256 over id, timestamp and body."""
    key = b64decode(secret.removeprefix(PREFIX))
    return "v1," + b64encode(hmac.digest(key, f"{identifier}.{seconds}.".encode() + body, hashlib.sha256)).decode()


def post(address: str, *, identifier: str, seconds: int, body: bytes, keys: Sequence[str]) -> Answer:
    """Send once, signed with each of the keys; never raises."""
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "minping",
        "Connection": "close",
        "webhook-id": identifier,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(signature(key, identifier, seconds, body) for key in keys),
    }
    try:
        place = found(place_of(address))
    except AddressRefused as refused:
        return Answer(None, refused.message)
    try:
        return _call(place, body, headers)
    except ssl.SSLError as failure:  # before ValueError, which a refused certificate is as well
        return Answer(None, f"证书或加密连接不对（{failure.reason or type(failure).__name__}）")
    except TimeoutError:
        return Answer(None, f"对方 {TOTAL_SECONDS:.0f} 秒内没有答复")
    except (http.client.HTTPException, ValueError):
        return Answer(None, "对方的答复不是 HTTP，或没有答完")
    except OSError:
        return Answer(None, "连不上对方")


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _connect(place: Place) -> socket.socket:
    failure: OSError = ConnectionRefusedError()
    for ip in place.ips:
        try:
            return socket.create_connection((ip, place.port), CONNECT_SECONDS)
        except OSError as refused:
            failure = refused
    raise failure


def _call(place: Place, body: bytes, headers: dict[str, str]) -> Answer:
    wire = _connect(place)
    overdue = threading.Event()

    def end() -> None:
        overdue.set()
        with suppress(OSError):
            wire.shutdown(socket.SHUT_RDWR)

    # A time-out of the socket begins anew with each byte; this one does not.
    watch = threading.Timer(TOTAL_SECONDS, end)
    watch.daemon = True
    watch.start()
    line: http.client.HTTPConnection
    try:
        wire.settimeout(TOTAL_SECONDS)
        if place.secure:
            line = http.client.HTTPSConnection(place.host, place.port, context=_tls())
            line.sock = _tls().wrap_socket(wire.dup(), server_hostname=place.host)
        else:
            line = http.client.HTTPConnection(place.host, place.port)
            line.sock = wire.dup()
        try:
            line.request("POST", place.path, body=body, headers=headers)
            answer = line.getresponse()
            if overdue.is_set():  # cut off within the headers, which reads like their end
                raise TimeoutError
            with suppress(OSError, http.client.HTTPException):  # the status is the answer; the rest is its own affair
                answer.read(ANSWER_MOST)
            return Answer(answer.status, "" if 200 <= answer.status < 300 else _said(answer.status))
        finally:
            line.close()
    except (OSError, http.client.HTTPException, ValueError):
        if overdue.is_set():
            raise TimeoutError from None
        raise
    finally:
        watch.cancel()
        wire.close()


def _said(status: int) -> str:
    return f"对方答复 {status}，转址不跟随" if 300 <= status < 400 else f"对方答复 {status}"
