"""The slip, the window's code, and the office's page on codes and posters."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_noop
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from minping import law
from minping.evaluate import tokens
from minping.evaluate.arrival import Arrival, sign
from minping.evaluate.channels.qr import codes, queries, services
from minping.evaluate.channels.qr.models import WindowCode
from minping.evaluate.channels.qr.posters import posters_pdf
from minping.evaluate.channels.sms.services.codes import phone_code_send
from minping.evaluate.models import Service
from minping.evaluate.services import InvitationUnknown
from minping.evaluate.states import RatingKind
from minping.evaluate.view import kind_label, service_view
from minping.kernel import clock
from minping.kernel.caller import caller, too_many
from minping.kernel.errors import Problem
from minping.kernel.language import limit_text, problem_line
from minping.kernel.web import actor, public_page, staff_page
from minping.registry import queries as registry

DAYS = 30
WIDTHS = ("58", "80")
PROVEN = Arrival("qr", "phone_code")


# --- the slip: whoever holds the invitation may print it, nobody else ------------------------------


def _service(token: str) -> Service:
    service = Service.objects.filter(token=tokens.stored(token)).first()
    if service is None:
        raise InvitationUnknown()
    return service


@public_page
@require_safe
def slip(request: HttpRequest, token: str) -> HttpResponse:
    """The slip to be printed at the end of a service, `?width=58` or `80` mm: no name, no telephone."""
    service = _service(token)
    width = request.GET.get("width", "")
    last = clock.beijing(service.default_due_at - timedelta(seconds=1))  # the day whose end is the due time
    context = {
        "service": service_view(service),
        "width": width if width in WIDTHS else WIDTHS[1],
        "picture": reverse("slip_svg", args=[token]),
        "slip_code": tokens.slip_code(service.pk),
        "address": codes.slip_address(token).partition("?")[0],
        "until_text": f"{last.month}月{last.day}日",
    }
    return render(request, "qr/slip.html", context)


@public_page
@require_safe
def slip_svg(request: HttpRequest, token: str) -> HttpResponse:
    """The slip's code as SVG."""
    _service(token)
    return HttpResponse(codes.svg(codes.slip_address(token)), content_type="image/svg+xml")


@public_page
@require_safe
def slip_png(request: HttpRequest, token: str) -> HttpResponse:
    """The slip's code as PNG, for slip printers that take pictures."""
    _service(token)
    return HttpResponse(codes.png(codes.slip_address(token)), content_type="image/png")


# --- the window's code -----------------------------------------------------------------------------


@public_page
@require_http_methods(["GET", "HEAD", "POST"])
def window(request: HttpRequest, code: str) -> HttpResponse:
    """Which service?  Proven by a code to the phone on the record; never straight to the tiles."""
    row = WindowCode.objects.filter(code=code).first() if code.isalnum() else None  # a code is letters and digits
    if row is None or row.retired_at is not None:
        return _dead(request, code, row)
    step = request.POST.get("step", "")
    try:
        if step == "phone":
            return _ask_digits(request, row)
        if step == "digits":
            return _list(request, row)
    except Problem as problem:
        return _window(request, row, problem, request.POST.get("id", "") if step == "digits" else "")
    return _window(request, row)


def _window(
    request: HttpRequest, row: WindowCode, problem: Problem | None = None, identifier: str = "", phone: str = ""
) -> HttpResponse:
    place = registry.directory().places.get(row.organization_code)
    rules = law.at(place.area_code if place else settings.MINPING_AREA, clock.beijing(clock.now()).date())
    context: dict[str, Any] = {
        "place": place.name if place else "",
        "window": registry.directory().windows.get((row.organization_code, row.window_code), row.window_code),
        "action": reverse("window_code", args=[row.code]),
        "identifier": identifier,
        "tail": phone[-4:],
        "minutes": limit_text(rules.limit("phone_code")),
        "error": problem_line(problem),
    }
    return render(request, "qr/window.html", context, status=problem.status if problem else 200)


def _ask_digits(request: HttpRequest, row: WindowCode) -> HttpResponse:
    phone = request.POST.get("phone", "")
    made = phone_code_send(
        phone=phone, purpose="window", address=caller(request), at=clock.now()
    )  # fmt: skip
    return _window(request, row, identifier=str(made), phone=phone)


def _list(request: HttpRequest, row: WindowCode) -> HttpResponse:
    try:
        identifier = UUID(request.POST.get("id", ""))
    except ValueError as failure:
        raise services.CodeDead(
            gettext_noop("验证码要重新获取。"), cure=gettext_noop("请再填一次手机号。")
        ) from failure
    found = services.services_prove(
        row=row, identifier=identifier, digits=request.POST.get("digits", ""), at=clock.now()
    )
    context = {
        "services": [
            {
                **service_view(open_.service),
                "kind": "" if open_.kind == RatingKind.FIRST else kind_label(open_.kind),
                "url": _proven(open_.service),
            }
            for open_ in found
        ],
    }
    return render(request, "qr/which.html", context)


def _proven(service: Service) -> str:
    again = "&say=1" if service.outcome != "none" else ""
    address = reverse("rate", args=[tokens.invitation_token(service.pk)])
    return f"{address}?via={sign(service.pk, PROVEN)}{again}"


# --- codes that lead nowhere -----------------------------------------------------------------------

DEAD_A_MINUTE = 10


def _dead(request: HttpRequest, code: str, row: WindowCode | None) -> HttpResponse:
    context = {
        "retired": row is not None,
        "report": reverse("window_dead", args=[code]),
    }
    return render(request, "qr/dead.html", context, status=410 if row else 404)


@public_page
@csrf_exempt  # it counts a meeting and nothing else; link previews run no script and press no button
@require_POST
def window_dead(request: HttpRequest, code: str) -> HttpResponse:
    """A person met a dead code: the page says so by itself, or by the button where scripts are off."""
    if code.isalnum() and not too_many("dead", DEAD_A_MINUTE, request):
        services.dead_scan_count(code=code[:16], at=clock.now())
    if request.headers.get("Sec-Fetch-Mode") == "navigate":
        return render(request, "qr/dead.html", {"thanks": True})
    return HttpResponse(status=204)


# --- the office ------------------------------------------------------------------------------------


@staff_page("registry.read")
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Each window's code, the posters, and the dead codes that people still meet."""
    who = actor(request)
    within = registry.directory().within(who.scopes("registry.read"))
    since = clock.beijing(clock.now()).date() - timedelta(days=DAYS)
    found = queries.points(within)
    context = {
        "days": DAYS,
        "points": [
            {
                "place": point.organization_name,
                "kind": point.kind,
                "window": point.window_name,
                "code": point.code,
                "url": reverse("window_code", args=[point.code]) if point.code else "",
                "replace_url": reverse("code_replace", args=[point.code]) if point.code else "",
            }
            for point in found
        ],
        "dead": queries.dead(within, since),
        "posters_url": reverse("posters") if who.may("posters.make") else "",
    }
    return render(request, "qr/index.html", context)


@staff_page("posters.make")
@require_POST
def posters(request: HttpRequest) -> HttpResponse:
    """One press: every window has its code, and all posters come as one PDF."""
    now = clock.now()
    try:
        made = posters_pdf(services.window_codes_make(by=actor(request), at=now), clock.beijing(now).date())
    except Problem as problem:
        messages.error(request, problem.message + problem.cure)
        return HttpResponseRedirect(reverse("codes"))
    response = HttpResponse(made, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="posters-{clock.beijing(now):%Y%m%d}.pdf"'
    return response


@staff_page("posters.make")
@require_POST
def replace(request: HttpRequest, code: str) -> HttpResponse:
    """A new code for a window; the old one is retired and counted from then on."""
    try:
        services.window_code_replace(code=code, by=actor(request), at=clock.now())
        messages.success(request, "旧码已停用，新码已生成。请重新打印海报并换下旧的。")
    except Problem as problem:
        messages.error(request, problem.message + problem.cure)
    return HttpResponseRedirect(reverse("codes"))
