"""What was written when the session had already ended: carried through the sign-in, shown, and sent again by a press.

Nothing of it is kept on the server, where anyone could fill a table with it: the browser sends it along (307), the
page of the sign-in holds it in its form, and the page after it offers to send it where it was to go.  Files cannot
be held; the page says so.  Whether the act is allowed is asked when it arrives, as for any other.
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
    secret = UNWRITTEN - {"verb"}
    fields = [(name, value) for name in request.POST if name not in secret for value in request.POST.getlist(name)]
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
    written = [value for name, value in fields if name != "verb" and (len(value) > SHORT or not value.isascii())]
    return {"to": told["to"], "fields": fields, "written": written, "files": bool(told.get("files"))}


SHORT = 12  # a longer value, or one in Chinese, was written; the rest are choices and numbers


def is_sign_in(posted: QueryDict) -> bool:
    """Whether a person tried to sign in, and did not only arrive with what they had written."""
    return "username" in posted
