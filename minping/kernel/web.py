"""What every page says of itself: who may open it.  No page without a permission (tests/house)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import resolve_url

from minping.kernel.access import Actor
from minping.kernel.errors import Forbidden

View = Callable[..., HttpResponseBase]
PUBLIC = "public"
SIGNED_IN = "signed_in"
SENT_TO = "sent_to"  # the address of the act that met no session
UNWRITTEN = frozenset({"csrfmiddlewaretoken", "verb", "old_password", "new_password1", "new_password2", "password"})


def actor(request: HttpRequest) -> Actor:
    """Who acts in this request, as the middleware found out."""
    found: Actor = request.actor  # type: ignore[attr-defined]
    return found


def staff_page(permission: str, *, with_first_password: bool = False) -> Callable[[View], View]:
    """A page for signed-in staff who hold `permission` somewhere; each act checks its own place again.

    Whoever still has the password that someone else gave out opens nothing but the page that changes it.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            who = actor(request)
            if who.account_id is None:
                query = urlencode({"next": _page(request)} | ({SENT_TO: request.path} if _written(request) else {}))
                answer = HttpResponseRedirect(f"{resolve_url(settings.LOGIN_URL)}?{query}")
                if SENT_TO in query:
                    answer.status_code = HTTPStatus.TEMPORARY_REDIRECT  # what was written goes along (site/again.py)
                return answer
            if not with_first_password and getattr(request.user, "must_change_password", False):
                return HttpResponseRedirect(resolve_url("password"))
            if permission != SIGNED_IN and not who.may(permission):
                raise Forbidden()
            response = view(request, *args, **kwargs)
            if isinstance(response, HttpResponse):
                response.setdefault("Cache-Control", "no-store")
            return response

        checked.permission = permission  # type: ignore[attr-defined]
        return checked

    return decorate


def _written(request: HttpRequest) -> bool:
    """Whether a form comes with words in it: a session that ended must not cost anybody what they wrote."""
    return request.method == "POST" and any(
        str(value).strip() for name, value in request.POST.items() if name not in UNWRITTEN
    )


def _page(request: HttpRequest) -> str:
    """The page to come back to after signing in: an act has none of its own, only the one it was sent from."""
    if request.method == "GET":
        return request.get_full_path()
    sent_from = urlsplit(request.headers.get("Referer", ""))
    if sent_from.netloc != request.get_host():
        return ""
    return urlunsplit(("", "", sent_from.path, sent_from.query, ""))


def secure(request: HttpRequest) -> bool:
    """Whether a cookie goes over HTTPS only: so the office's own address says, or the connection."""
    return bool(settings.SECURE_COOKIES) or request.is_secure()


def public_page(view: View) -> View:
    """A page for everyone."""
    view.permission = PUBLIC  # type: ignore[attr-defined]
    return view
