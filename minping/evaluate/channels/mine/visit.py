"""What a browser keeps of a login: two sealed cookies of this path, each for some minutes.

One holds what must come back unchanged from the platform (state, nonce, PKCE), the other
the blind index of the certificate and nothing else.  No Django session, and so nothing
that could ever be taken for a member of staff.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from minping import law
from minping.kernel import privacy
from minping.kernel.errors import Problem
from minping.kernel.web import secure

PATH = "/mine/"
LOGIN, PERSON = "mp_login", "mp_mine"


def until(at: datetime) -> datetime:
    """When what begins at `at` is over (limit `mine_visit`)."""
    rules = law.at(settings.MINPING_AREA, at.astimezone(law.BEIJING).date())
    return law.due(rules.limit("mine_visit"), at).at


def keep(response: HttpResponseBase, name: str, told: dict[str, str], request: HttpRequest, at: datetime) -> None:
    """Seal `told` into the cookie `name`; its end is sealed in with it.

    Lax: both are needed on the way back from the platform, which is another site.
    """
    content = json.dumps({**told, "until": until(at).timestamp()}).encode()
    response.set_cookie(
        name, urlsafe_b64encode(privacy.seal(content, name)).decode(), path=PATH, httponly=True, samesite="Lax",
        secure=secure(request),
    )  # fmt: skip


def read(request: HttpRequest, name: str, at: datetime) -> dict[str, Any]:
    """What the cookie holds; empty where there is none, it is over, or it is not ours."""
    try:
        sealed = urlsafe_b64decode(request.COOKIES.get(name, ""))
        told: dict[str, Any] = privacy.unseal_json(sealed, name)
    except (ValueError, IndexError, Problem):
        return {}
    return told if at.timestamp() < told["until"] else {}


def wipe(response: HttpResponseBase, *names: str) -> None:
    for name in names:
        response.delete_cookie(name, path=PATH, samesite="Lax")
