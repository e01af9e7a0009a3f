"""How a person came to the invitation's page: by which channel, and with what proof beyond the link (R12).

`?via=` of the address says it.  `qr` alone is the slip's own code; a proof is signed for
one service and holds for minutes only, so that it cannot be written by hand.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core import signing

from minping.evaluate import tokens
from minping.kernel.errors import Problem

SALT = "minping.arrival"
BACK_SALT = "minping.arrival.back"
SECONDS = 1800


@dataclass(frozen=True)
class Arrival:
    """Channel and proof, as codes of the law folder."""

    channel: str
    proof: str


LINK = Arrival("mobile", "link")
SLIP = Arrival("qr", "link")
PLAIN = {"qr": SLIP, "pc": Arrival("pc", "link"), "mobile": LINK}  # say a channel and prove nothing more


def sign(service_id: UUID, arrival: Arrival) -> str:
    """`via` for one who has proven himself for this service."""
    return signing.dumps([service_id.hex, arrival.channel, arrival.proof], salt=SALT, compress=True)


def arrival_of(via: str, token: str) -> Arrival:
    """What `via` says for the invitation `token`; anything else than a fresh proof for it is the plain link."""
    if via in PLAIN:
        return PLAIN[via]
    try:
        service, channel, proof = signing.loads(via, salt=SALT, max_age=SECONDS)
        fits = tokens.invitation_token(UUID(service)) == token
    except (signing.BadSignature, ValueError):
        return LINK
    return Arrival(channel, proof) if fits else LINK


class ReturnRefused(Problem):
    code = "return_refused"
    status = 422
    message = "返回地址不在允许的名单里。"
    cure = "请管理员把它的来源（如 https://zwfw.example.gov.cn）加进 minping.toml 的 return_origins。"


def origin_named(address: str, origins: Collection[str]) -> bool:
    """Whether the address is of an origin that the installation has named: scheme, host and port, to the letter."""
    if any(ch in address for ch in "\\ \t\r\n"):  # browsers read these their own way
        return False
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return f"{parts.scheme}://{parts.netloc}" in origins


def _allowed(address: str) -> bool:
    return origin_named(address, settings.MINPING_RETURN_ORIGINS)


def back_sign(address: str) -> str:
    """`back` for an address to return to; empty for none.  Raises ReturnRefused."""
    if not address:
        return ""
    if not _allowed(address):
        raise ReturnRefused(field="return_url")
    return signing.dumps(address, salt=BACK_SALT, compress=True)


def back_of(back: str) -> str:
    """The address that `back` says, if we signed it and its origin is still allowed; else empty: never a stranger's."""
    try:
        address = str(signing.loads(back, salt=BACK_SALT)) if back else ""
    except signing.BadSignature:
        return ""
    return address if address and _allowed(address) else ""
