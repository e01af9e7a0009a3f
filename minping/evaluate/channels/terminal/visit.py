"""One person's minutes at a terminal: a signed cookie of this path, gone at the end, never renewed past its limit.

It names services by their ids, which open nothing by themselves; the invitation's token
stands in no address and no history of a screen that the next person will touch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from uuid import UUID

from django.core import signing
from django.http import HttpRequest, HttpResponse

from minping import law
from minping.kernel.web import secure

COOKIE, PATH, SALT = "mp_terminal", "/terminal/", "minping.terminal"


@dataclass(frozen=True)
class Visit:
    """`asked` is the phone code under way for `case_no`; afterwards `services` are those proven, `service` the chosen
    one and `rating` what was said of it in this visit.  `until` in epoch seconds."""

    until: float
    asked: str = ""
    case_no: str = ""
    services: tuple[str, ...] = ()
    service: str = ""
    proof: str = ""
    rating: str = ""

    def but(self, **changed: object) -> Visit:
        return replace(self, **changed)  # type: ignore[arg-type]

    @property
    def rated(self) -> UUID | None:
        return UUID(self.rating) if self.rating else None


def until(rules: law.Rules, at: datetime) -> float:
    return law.due(rules.limit("terminal_visit"), at).at.timestamp()


def read(request: HttpRequest, at: datetime) -> Visit | None:
    """The visit under way, or None where there is none, it has ended, or the cookie is not ours."""
    try:
        told = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT)
        found = Visit(**{**told, "services": tuple(told["services"])})
    except (signing.BadSignature, TypeError, KeyError):
        return None
    return found if at.timestamp() < found.until else None


def keep(response: HttpResponse, visit: Visit, request: HttpRequest) -> HttpResponse:
    response.set_cookie(
        COOKIE, signing.dumps(asdict(visit), salt=SALT), path=PATH, httponly=True, samesite="Strict",
        secure=secure(request),
    )  # fmt: skip
    return response


def wipe(response: HttpResponse) -> HttpResponse:
    response.delete_cookie(COOKIE, path=PATH, samesite="Strict")
    return response
