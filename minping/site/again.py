"""What was written when the session had already ended: carried through the sign-in, shown, and sent again by a press.

Nothing of it is kept on the server, where anyone could fill a table with it: the browser sends it along (307), the
page of the sign-in holds it in its form, and the page after it offers to send it where it was to go.  Files cannot
be held; the page says so.  An act that is refused on a page of its own (a right withdrawn meanwhile, a unit that has
the case no more) gives the words back on that page in the same way.  Whether the act is allowed is asked when it arrives, as for any other.
"""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, QueryDict
from django.urls import Resolver404, resolve

from minping.kernel.web import PUBLIC, SENT_TO, UNWRITTEN

MOST = 200_000  # characters of all fields together; a text of a staff form has some thousand
CARRIED = "carried"


def arrived(request: HttpRequest) -> str:
    """What comes with this request, as the sign-in form carries it; empty where nothing is to be carried."""
    if request.method != "POST":
        return ""
    if CARRIED in request.POST:
        return request.POST[CARRIED]
    if SENT_TO not in request.GET:
        return ""
    fields = _fields(request)
    content_type = (request.content_type or "").lower()
    carried = {
        "to": request.GET[SENT_TO],
        "fields": fields,
        "files": "multipart" in content_type and bool(request.FILES),
    }
    text = json.dumps(carried, ensure_ascii=False)
    return text if len(text) <= MOST else ""


def opened(carried: str) -> dict[str, Any]:
    """The same as the page shows it: where it goes, every field, and those that a person wrote.  Empty: nothing to send."""
    try:
        told = json.loads(carried) if len(carried) <= MOST else {}
        fields = [(str(name), str(value)) for name, value in told["fields"]]
        ours = getattr(resolve(str(told["to"])).func, "permission", PUBLIC) != PUBLIC
    except (ValueError, KeyError, TypeError, Resolver404):
        return {}
    if not ours:
        return {}
    return {"to": told["to"], "fields": fields, "written": _written(fields), "files": bool(told.get("files"))}


def given_back(request: HttpRequest) -> list[str]:
    """What somebody signed in had written when it was refused, to be shown to them on the page that says so, and kept nowhere."""
    if request.method != "POST" or getattr(getattr(request, "actor", None), "account_id", None) is None:
        return []
    match = request.resolver_match
    if match is None or getattr(match.func, "permission", PUBLIC) == PUBLIC:
        return []
    fields = _fields(request)
    return _written(fields) if sum(len(value) for _, value in fields) <= MOST else []


Fields = list[tuple[str, str]]


def _fields(request: HttpRequest) -> Fields:
    secret = UNWRITTEN - {"verb"}
    return [(name, value) for name in request.POST if name not in secret for value in request.POST.getlist(name)]


def _written(fields: Fields) -> list[str]:
    """Of the fields those that a person wrote."""
    return [value for name, value in fields if name != "verb" and (len(value) > SHORT or not value.isascii())]


SHORT = 12  # a longer value, or one in Chinese, was written; the rest are choices and numbers


def is_sign_in(posted: QueryDict) -> bool:
    """Whether a person tried to sign in, and did not only arrive with what they had written."""
    return "username" in posted
