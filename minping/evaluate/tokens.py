"""Invitation tokens and receipt codes: derived under a key, so that nothing that opens a door is stored.

A token is 144 bits of HMAC over the service's id; the database holds only its
digest.  Reporting a service again therefore gives the same address, and a copy of the
database gives none.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings

from minping.kernel import privacy


def _readable(digest: bytes) -> str:
    """24 letters and digits only: a dash at the end of an address would not survive a text message."""
    return b64encode(digest[:18], altchars=b"Qz").decode()


def invitation_token(service_id: UUID) -> str:
    """The 24-character token of the service's one invitation."""
    return _readable(privacy.keyed("invitation", service_id.bytes))


def invitation_url(service_id: UUID) -> str:
    return f"{settings.MINPING_BASE_URL}/r/{invitation_token(service_id)}"


def invitation_tokens() -> Callable[[UUID], str]:
    """`invitation_token` for many services in a row."""
    keyed = privacy.keyed_many("invitation")
    return lambda service_id: _readable(keyed(service_id.bytes))


def invitation_urls() -> Callable[[UUID], str]:
    """`invitation_url` for many services in a row."""
    token, start = invitation_tokens(), f"{settings.MINPING_BASE_URL}/r/"
    return lambda service_id: start + token(service_id)


def change_token(rating_id: UUID) -> str:
    """What lets the giver of a rating change it for some minutes; not the invitation's token."""
    return _readable(privacy.keyed("receipt", b"change" + rating_id.bytes))


def receipt_code(rating_id: UUID) -> str:
    """Sixteen digits, in fours, by which the giver finds the rating again without an account."""
    number = int.from_bytes(privacy.keyed("receipt", b"code" + rating_id.bytes)[:8], "big") % 10**16
    return _fours(f"{number:016d}")


def phone_code(identifier: UUID) -> str:
    """The six digits that are sent to a phone under this id."""
    number = int.from_bytes(privacy.keyed("receipt", b"phone" + identifier.bytes)[:8], "big") % 10**6
    return f"{number:06d}"


SLIP_DIGITS = 16
_MINUTES = 10**6  # 694 days: longer than any invitation stays open


def slip_code(service_id: UUID) -> str:
    """Sixteen digits, in fours, for the slip: six name the minute of the service's id, ten are a keyed digest.

    To be typed at a terminal, where tries are few (docs/decisions/0009); never part of an address.
    """
    minute = (service_id.int >> 80) // 60_000 % _MINUTES
    number = int.from_bytes(privacy.keyed("invitation", b"slip" + service_id.bytes)[:8], "big") % 10**10
    return _fours(f"{minute:06d}{number:010d}")


def slip_minute(digits: str, at: datetime) -> datetime:
    """The start of the minute, at or before `at`, in which the service of a slip was received."""
    now = int(at.timestamp()) // 60
    return datetime.fromtimestamp((now - (now - int(digits[:6])) % _MINUTES) * 60, UTC)


def same(digits: str, code: str) -> bool:
    """Whether `digits` are the digits of `code`, in the same time whether or not."""
    return hmac.compare_digest(digits.encode(), code.replace(" ", "").encode())


def _fours(digits: str) -> str:
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))


_MISREAD = str.maketrans("OoQIl|", "000111")  # letters that a hand or a camera makes of digits


def typed_digits(code: str) -> str:
    """The digits that were meant: full-width ones, spaces and dashes anywhere, letters that look like digits."""
    plain = unicodedata.normalize("NFKC", code[:200]).translate(_MISREAD)
    return "".join(sign for sign in plain if sign in "0123456789")


def receipt_index(code: str) -> bytes:
    """How a receipt code is stored and looked up."""
    return privacy.index("receipt", typed_digits(code))


def stored(token: str) -> bytes:
    """How a token is stored."""
    return hashlib.sha256(token.encode()).digest()
