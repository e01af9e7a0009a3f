"""The device's own page with what it asks and reports, and the office's page on its devices."""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import segno
from django.conf import settings
from django.contrib import messages
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from pydantic import ValidationError

from minping import law
from minping.evaluate.channels.tablet import queries
from minping.evaluate.channels.tablet.models import PAIRED, Credential, DeviceEvent, EventNote
from minping.evaluate.channels.tablet.services import (
    DeviceUnknown,
    PairingRefused,
    Report,
    credential_find,
    credential_revoke,
    device_pair,
    pairing_start,
    report_take,
)
from minping.evaluate.channels.tablet.services.pairing import area_of
from minping.evaluate.channels.tablet.words import words_of
from minping.evaluate.explain import explanation
from minping.evaluate.view import levels_view, tags_view, verify_promise
from minping.kernel import clock
from minping.kernel.caller import forgive, too_many
from minping.kernel.errors import Invalid, NotFound, Problem
from minping.kernel.language import LANGUAGES
from minping.kernel.web import actor, public_page, secure, staff_page
from minping.registry import queries as registry
from minping.registry.models import Device

COOKIE = "mp_device"
# Under which name and for which pages each kind of device keeps its secret.
KEPT = {"tablet": (COOKIE, "/tablet"), "terminal": ("mp_terminal_device", "/terminal/")}
YEAR = 400 * 24 * 3600  # the longest that browsers keep one; each report prolongs it
MINUTE = 60
TRIES_A_MINUTE = 10
JSON_OPTIONS = {"ensure_ascii": False}


def _credential(request: HttpRequest) -> Credential:
    return credential_find(request.COOKIES.get(COOKIE, ""))


@cache
def _build() -> str:
    """What the device's page is made of, as a short digest."""
    here = Path(__file__).parent
    parts = [
        path for folder in ("static", "templates") for path in sorted((here / folder).rglob("*")) if path.is_file()
    ]
    shared = [Path(str(finders.find(f"minping/{name}"))) for name in ("tokens.css", "components.css")]
    digest = hashlib.sha256(str(settings.LOCALE_PATHS).encode())  # a folder named by what the catalogues say
    for path in (*parts, *shared, here / "words.py"):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def version() -> str:
    """Of the device's page: it changes with an upgrade, and with the day, as the rules may."""
    return f"{_build()}-{clock.beijing(clock.now()):%Y%m%d}"


def _stream_url(request: HttpRequest) -> str:
    """Where the open lines are: where the settings say, else the same host on the stream's own port."""
    if settings.MINPING_STREAM:
        return f"{settings.MINPING_STREAM}/tablet/stream"
    port = os.environ.get("MINPING_STREAM_PORT", "")
    if not port:
        return "/tablet/stream"
    host = urlsplit(f"//{request.get_host()}").hostname or "127.0.0.1"
    return f"{request.scheme}://{f'[{host}]' if ':' in host else host}:{port}/tablet/stream"


# --- the device ----------------------------------------------------------------------------------


@public_page
@require_safe
def tablet(request: HttpRequest) -> HttpResponse:
    """The device's one page: everything it can show, so that it goes on while the server is away."""
    try:
        device = _credential(request).device
    except DeviceUnknown:
        return HttpResponseRedirect(reverse("tablet_pair"))
    rules = law.at(area_of(device), clock.beijing(clock.now()).date())
    stream = _stream_url(request)
    context = {
        "device": device,
        "levels": levels_view(rules),
        "reasons": [
            {"level": row.code, "label": row.label, "tags": tags_view(rules, row.code)} for row in rules.levels
        ],
        "idle": rules.value("tablet_idle").number,
        "countdown": rules.value("tablet_countdown").number,
        "promise": verify_promise(rules),
        "words": words_of(rules),
        "version": version(),
        "text_max": rules.value("text_max").number,
        "stream": stream,
    }
    response = render(request, "tablet/tablet.html", context)
    response["Cache-Control"] = "no-cache"
    parts = urlsplit(stream)
    if parts.netloc:
        response._csp_update = {"connect-src": ["'self'", f"{parts.scheme}://{parts.netloc}"]}  # type: ignore[attr-defined]
    return response


@public_page
@require_safe
def tablet_about(request: HttpRequest, code: str) -> HttpResponse:
    """The explanation for the frame of the device, in one language; a piece of a page, with no way off it."""
    if code not in LANGUAGES:
        raise NotFound()
    rules = law.at(settings.MINPING_AREA, clock.beijing(clock.now()).date())
    with translation.override(code):
        response = render(request, "evaluate/_explanation.html", explanation(rules))
    response["Cache-Control"] = "no-cache"
    return response


@public_page
@require_http_methods(["GET", "HEAD", "POST"])
def tablet_pair(request: HttpRequest) -> HttpResponse:
    """Make this browser the device: the code comes in the address's fragment, which no log sees, or is typed."""
    context: dict[str, Any] = {}
    if request.method != "POST":
        return render(request, "tablet/pair.html", context)
    try:
        if too_many("pairing", TRIES_A_MINUTE, request):
            raise PairingRefused("试得太频繁。", cure="请过一分钟再试。")
        credential, secret = device_pair(code=request.POST.get("code", ""), at=clock.now())
    except PairingRefused as problem:
        context["error"] = f"{problem.message}{problem.cure}"
        return render(request, "tablet/pair.html", context, status=problem.status)
    forgive("pairing", request)
    kind = credential.device.kind
    response = HttpResponseRedirect(reverse(kind), status=303)
    device_keep(response, secret, request, *KEPT[kind])
    return response


def device_keep(
    response: HttpResponse, secret: str, request: HttpRequest, cookie: str = COOKIE, path: str = "/tablet"
) -> None:
    """Have the device keep its secret, for another year; it is sent to the device's own pages only."""
    response.set_cookie(cookie, secret, max_age=YEAR, path=path, httponly=True, samesite="Lax", secure=secure(request))


@public_page
@require_safe
def tablet_events(request: HttpRequest) -> HttpResponse:
    """What the open line would bring, for a device that cannot hold one."""
    try:
        credential = _credential(request)
    except DeviceUnknown as problem:
        return JsonResponse({"error": problem.as_json()}, status=problem.status, json_dumps_params=JSON_OPTIONS)
    after = request.GET.get("after", "0")
    shown = queries.open_events(
        credential.device_id, int(after) if after.isascii() and after.isdigit() else 0, clock.now()
    )
    response = JsonResponse({"events": shown}, json_dumps_params=JSON_OPTIONS)
    response["Cache-Control"] = "no-store"
    return response


@public_page
@csrf_exempt  # the body must be JSON, which no other site's form can send, and the cookie stays on this site
@require_POST
def tablet_report(request: HttpRequest) -> HttpResponse:
    """What the device kept: presses, words, notes, checks, each answered by itself."""
    try:
        credential = _credential(request)
        if request.content_type != "application/json":
            raise Invalid("请求体不是 JSON。", cure="")
        report = Report.model_validate(json.loads(request.body))
    except (ValidationError, ValueError, RecursionError):
        problem: Problem = Invalid("装置报来的内容看不懂。", cure="请刷新装置的页面。")
        return JsonResponse({"error": problem.as_json()}, status=problem.status, json_dumps_params=JSON_OPTIONS)
    except Problem as refused:
        return JsonResponse({"error": refused.as_json()}, status=refused.status, json_dumps_params=JSON_OPTIONS)
    answers = report_take(report, credential=credential)
    response = JsonResponse(
        {"now": clock.now().isoformat(), "version": version(), "entries": answers}, json_dumps_params=JSON_OPTIONS
    )
    device_keep(response, request.COOKIES[COOKIE], request)
    return response


@public_page
@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """The script that keeps the page on the device; it must stand where its scope is."""
    path = finders.find("tablet/sw.js")
    assert isinstance(path, str)
    with open(path, encoding="utf-8") as file:
        response = HttpResponse(file.read(), content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response


# --- the office ----------------------------------------------------------------------------------


@staff_page("device.read")
@require_safe
def devices(request: HttpRequest) -> HttpResponse:
    """窗口装置: windows unchecked, devices silent, windows without ratings; pairing for those who may."""
    return _devices(request)


def _devices(request: HttpRequest, paired: dict[str, Any] | None = None) -> HttpResponse:
    who, now = actor(request), clock.now()
    scopes = [grant for grant in who.scopes("device.read") if not grant.window_code]
    directory = registry.directory()
    inside = directory.within(scopes)
    area = next((directory.places[code].area_code for code in inside), settings.MINPING_AREA)
    found = queries.overview(inside, area, now)
    context = {
        "found": found,
        "rows": [
            {
                "line": line,
                "state": line.state,
                "seen": clock.moment_text(line.credential.seen_at)
                if line.credential and line.credential.seen_at
                else "",
                "skew": _skew(line.credential),
                "check": _check_text(line),
                "manage": line.device.kind in PAIRED and who.can("device.manage", line.device.organization.path),
            }
            for line in found.lines
        ],
        "paired": paired,
        "now_text": clock.moment_text(now),
    }
    response = render(request, "tablet/devices.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _skew(credential: Credential | None) -> str:
    """How far the device's clock is off, where that is worth a word (a minute and more)."""
    if credential is None or abs(credential.skew) < MINUTE:
        return ""
    hours, minutes = divmod(abs(credential.skew) // 60, 60)
    size = f"{hours} 小时 {minutes} 分" if hours else f"{minutes} 分"
    return f"时钟快 {size}" if credential.skew > 0 else f"时钟慢 {size}"


def _check_text(line: queries.Line) -> str:
    if line.checked is None:
        return ""
    if line.checked.returned_at is None:
        return "已按，还没有回来"
    return f"{clock.beijing(line.checked.received_at):%H:%M} 正常"


@staff_page("device.read")
@require_safe
def device_story(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """What a device was told of late and what became of it; never a level."""
    device = Device.objects.filter(pk=device_id).select_related("organization", "window").first()
    if device is None or not actor(request).can("device.read", device.organization.path):
        raise NotFound()
    rows = [
        {
            "time": clock.moment_text(event.at),
            "label": DeviceEvent.Kind(event.kind).label,
            "tail": event.service.case_tail if event.service else "",
            "notes": [
                {
                    "time": f"{clock.beijing(note.at):%H:%M}",
                    "label": EventNote.What(note.what).label,
                    "device_time": f"{clock.beijing(note.device_at):%H:%M}"
                    if abs((note.device_at - note.at).total_seconds()) > MINUTE
                    else "",
                }
                for note in event.notes.all()
            ]
            or ([{"time": "", "label": "—", "device_time": ""}] if event.service is None else []),
        }
        for event in queries.recent_events(device.pk)
    ]
    return render(request, "tablet/story.html", {"device": device, "rows": rows})


@staff_page("device.manage")
@require_POST
def device_pairing(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Make a one-use code and show it, once, as a picture to scan and as letters to type."""
    code = pairing_start(device_id=device_id, by=actor(request), at=clock.now())
    address = request.build_absolute_uri(reverse("tablet_pair"))
    picture = segno.make(f"{address}#{code}", error="m", micro=False).svg_data_uri(scale=6, border=2)
    return _devices(
        request,
        {
            "device_id": device_id,
            "code": f"{code[:5]}-{code[5:]}",
            "address": address,
            "picture": picture,
        },
    )


@staff_page("device.manage")
@require_POST
def device_revoke(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """End the device's credential; the device's page says so within a second."""
    credential_revoke(device_id=device_id, by=actor(request), at=clock.now())
    messages.success(request, "已停用这台装置的凭据。平板还存着的评价，重新配对后照常送来。")
    return HttpResponseRedirect(reverse("devices"))
