"""The desk's page on texts, and the addresses that gateways call back."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import wraps
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from minping.evaluate.channels.sms import gateways, queries, services
from minping.evaluate.channels.sms.gateways import kannel
from minping.evaluate.channels.sms.gateways.https import at_path
from minping.evaluate.channels.sms.states import Purpose, ReplyOutcome, TextState
from minping.kernel import clock, privacy
from minping.kernel.web import actor, public_page, staff_page
from minping.registry import queries as registry

View = Callable[[HttpRequest], HttpResponse]
FRESH_SECONDS = 300.0  # a signed call-back is not taken after this, so that it cannot be replayed later


# --- the desk ----------------------------------------------------------------------------------


@staff_page("delivery.read")
@require_safe
def texts(request: HttpRequest) -> HttpResponse:
    """How many texts went out and came back, what did not arrive, and replies to be read by a person."""
    who, now = actor(request), clock.now()
    codes = registry.directory().within([grant for grant in who.grants if "delivery.read" in grant.permissions])
    counts = queries.counts(now - timedelta(days=queries.DAYS))
    driver = gateways.gateway()
    context = {
        "gateway": driver.label,
        "days": queries.DAYS,
        "states": [state.label for state in TextState],
        "rows": [
            {"label": purpose.label, "counts": [counts.get((purpose, state), 0) for state in TextState]}
            for purpose in Purpose
        ],
        "troubled": [
            {
                "label": Purpose(text.purpose).label,
                "tail": text.service.case_tail if text.service else "",
                "state": TextState(text.state).label,
                "why": text.error,
                "when": clock.moment_text(text.settled_at) if text.settled_at else "",
            }
            for text in queries.troubled(codes, now)
        ],
        "replies": [
            {
                "words": privacy.unseal(reply.words, reply.place).decode(),
                "outcome": ReplyOutcome(reply.outcome).label,
                "tail": reply.text.service.case_tail if reply.text and reply.text.service else "",
                "when": clock.moment_text(reply.at),
            }
            for reply in queries.kept_replies(codes, now)
        ],
        "silent": queries.silent(),
    }
    return render(request, "sms/texts.html", context)


# --- call-backs --------------------------------------------------------------------------------


def _refused() -> HttpResponse:
    return HttpResponse("回调的密钥不对。", status=401, content_type="text/plain; charset=utf-8")


def basic_auth(view: View) -> View:
    """The gateway proves itself by `callback_user` and `callback_password` of `[sms]`, never in the address."""

    @wraps(view)
    def checked(request: HttpRequest) -> HttpResponse:
        settings = gateways.settings()
        wanted = f"{settings.get('callback_user', 'gateway')}:{settings.get('callback_password', '')}"
        given = request.headers.get("Authorization", "").partition("Basic ")[2]
        try:
            said = base64.b64decode(given)
        except (binascii.Error, ValueError):
            return _refused()
        if not settings.get("callback_password") or not hmac.compare_digest(said, wanted.encode()):
            return _refused()
        return view(request)

    return checked


@public_page
@csrf_exempt
@require_http_methods(["GET"])
@basic_auth
def kannel_report(request: HttpRequest) -> HttpResponse:
    """Kannel's delivery report: the id is ours, the state is Kannel's bit."""
    try:
        identifier, state = UUID(request.GET.get("id", "")), int(request.GET.get("state", ""))
    except ValueError:
        return HttpResponse("id 或 state 不对。", status=400, content_type="text/plain; charset=utf-8")
    if state in (kannel.DELIVERED, kannel.FAILED, kannel.REFUSED):
        services.report_receive(identifier=identifier, delivered=state == kannel.DELIVERED, at=clock.now())
    return HttpResponse(status=202)


@public_page
@csrf_exempt
@require_POST
@basic_auth
def kannel_reply(request: HttpRequest) -> HttpResponse:
    """A text from a phone (`post-url` of sms-service): words in the body, the rest in headers.

    An empty answer, so that Kannel sends nothing of its own: what is to be said goes
    through the same outbox as every other text.
    """
    sender = request.headers.get("X-Kannel-From", "")
    words = request.body.decode("utf-8", "replace")
    identifier = request.headers.get("X-Kannel-ID") or _digest(sender, request.headers.get("X-Kannel-Time", ""), words)
    services.reply_receive(gateway_id=f"kannel:{identifier}", phone=sender, words=words, at=clock.now())
    return HttpResponse(status=200)


def _digest(*parts: str) -> str:
    return privacy.index("reply", "\0".join(parts)).hex()


def signed(view: Callable[[HttpRequest, Mapping[str, Any]], HttpResponse]) -> View:
    """A provider signs body and time: `X-Time` (ms) and `X-Sign` = HMAC-SHA256(secret, time + body), hex."""

    @wraps(view)
    def checked(request: HttpRequest) -> HttpResponse:
        secret, time = str(gateways.settings().get("secret", "")), request.headers.get("X-Time", "")
        made = hmac.new(secret.encode(), time.encode() + request.body, hashlib.sha256).hexdigest()
        fresh = time.isdecimal() and abs(clock.wall() - int(time) / 1000) < FRESH_SECONDS
        if not secret or not fresh or not hmac.compare_digest(made, request.headers.get("X-Sign", "")):
            return _refused()
        try:
            content = json.loads(request.body)
        except (ValueError, RecursionError):
            return HttpResponse("请求体不是 JSON。", status=400, content_type="text/plain; charset=utf-8")
        return view(request, content)

    return checked


def _field(content: Mapping[str, Any], name: str) -> str:
    """A field of a call-back under the name that `[sms.fields]` gives it."""
    return at_path(content, str((gateways.settings().get("fields") or {}).get(name, name)))


@public_page
@csrf_exempt
@require_POST
@signed
def https_report(request: HttpRequest, content: Mapping[str, Any]) -> HttpResponse:
    """A provider's delivery report: `id` (ours), `state` (one of `[sms] delivered` means it arrived)."""
    try:
        identifier = UUID(_field(content, "id"))
    except ValueError:
        return HttpResponse("id 不对。", status=400, content_type="text/plain; charset=utf-8")
    delivered = _field(content, "state") in map(str, gateways.settings().get("delivered") or ("DELIVRD",))
    services.report_receive(identifier=identifier, delivered=delivered, at=clock.now())
    return HttpResponse(status=202)


@public_page
@csrf_exempt
@require_POST
@signed
def https_reply(request: HttpRequest, content: Mapping[str, Any]) -> HttpResponse:
    """A provider hands on a reply: `reply_id`, `phone`, `words`."""
    phone, words = _field(content, "phone"), _field(content, "words")
    identifier = _field(content, "reply_id") or _digest(phone, request.headers.get("X-Time", ""), words)
    services.reply_receive(gateway_id=f"https:{identifier}", phone=phone, words=words, at=clock.now())
    return HttpResponse(status=202)
