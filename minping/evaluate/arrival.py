"""How a person came to the invitation's page: by which channel, and with what proof beyond the link (R12).

`?via=` of the address says it.  `qr` alone is the slip's own code; a proof is signed for
one service and holds for minutes only, so that it cannot be written by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.core import signing

from minping.evaluate import tokens

SALT = "minping.arrival"
SECONDS = 1800


@dataclass(frozen=True)
class Arrival:
    """Channel and proof, as codes of the law folder."""

    channel: str
    proof: str


LINK = Arrival("mobile", "link")
SLIP = Arrival("qr", "link")


def sign(service_id: UUID, arrival: Arrival) -> str:
    """`via` for one who has proven himself for this service."""
    return signing.dumps([service_id.hex, arrival.channel, arrival.proof], salt=SALT, compress=True)


def arrival_of(via: str, token: str) -> Arrival:
    """What `via` says for the invitation `token`; anything else than a fresh proof for it is the plain link."""
    if via == "qr":
        return SLIP
    try:
        service, channel, proof = signing.loads(via, salt=SALT, max_age=SECONDS)
        fits = tokens.invitation_token(UUID(service)) == token
    except (signing.BadSignature, ValueError):
        return LINK
    return Arrival(channel, proof) if fits else LINK
