"""我的待评价: log in, see one's own open services, rate each by its own page, log out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from minping.evaluate import tokens
from minping.evaluate.arrival import Arrival, sign
from minping.evaluate.channels.mine import platform, queries, visit
from minping.evaluate.models import Service
from minping.evaluate.states import Outcome, RatingKind
from minping.evaluate.view import kind_label, service_view
from minping.kernel import clock
from minping.kernel.errors import Problem
from minping.kernel.language import day_text, problem_line
from minping.kernel.web import public_page

PROOF = "identity_platform"


def _back() -> str:
    """The address the platform knows us by: that of the settings, whatever Host a request claims."""
    return f"{settings.MINPING_BASE_URL}{reverse('mine_callback')}"


def _page(request: HttpRequest, template: str, context: dict[str, Any], problem: Problem | None = None) -> HttpResponse:
    try:
        context["platform"] = platform.settings().label
    except Problem as missing:
        context["platform"], problem = "", problem or missing
    context["error"] = problem_line(problem)
    missing_only = isinstance(problem, platform.PlatformMissing)
    response = render(request, template, context, status=problem.status if problem and not missing_only else 200)
    response["Cache-Control"] = "no-store"
    return response


@public_page
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The list for whoever is logged in; for others the way in, and the ways without it."""
    now = clock.now()
    told = visit.read(request, visit.PERSON, now)
    if not told:
        return _page(request, "mine/enter.html", {})
    found = queries.waiting_for(bytes.fromhex(told["person"]), now)
    channel = "mobile" if "Mobi" in request.headers.get("User-Agent", "") else "pc"
    rows = [_line(service, kind, Arrival(channel, PROOF)) for service, kind in found]
    return _page(request, "mine/list.html", {"services": rows})


def _line(service: Service, kind: RatingKind, arrival: Arrival) -> dict[str, Any]:
    again = "&say=1" if service.outcome != Outcome.NONE else ""
    address = reverse("rate", args=[tokens.invitation_token(service.pk)])
    return {
        **service_view(service),
        "kind": "" if kind == RatingKind.FIRST else kind_label(kind),
        "until_text": day_text(service.default_due_at - timedelta(seconds=1)) if kind == RatingKind.FIRST else "",
        "url": f"{address}?via={sign(service.pk, arrival)}{again}",
    }


@public_page
@require_safe
def login(request: HttpRequest) -> HttpResponse:
    """To the platform; nothing is written but a cookie of this browser."""
    try:
        address, kept = platform.login_begin(_back())
    except Problem as problem:
        return _page(request, "mine/enter.html", {}, problem)
    response = HttpResponseRedirect(address)
    response["Cache-Control"] = "no-store"
    visit.keep(response, visit.LOGIN, kept, request, clock.now())
    return response


@public_page
@require_safe
def callback(request: HttpRequest) -> HttpResponse:
    """Back from the platform: proven or refused with a sentence; either way what was begun is over."""
    now = clock.now()
    try:
        person = platform.login_end(request.GET.dict(), visit.read(request, visit.LOGIN, now), _back())
    except Problem as problem:
        refused = _page(request, "mine/enter.html", {}, problem)
        visit.wipe(refused, visit.LOGIN)
        return refused
    response = HttpResponseRedirect(reverse("mine"))
    response["Cache-Control"] = "no-store"
    visit.wipe(response, visit.LOGIN)
    visit.keep(response, visit.PERSON, {"person": person.hex()}, request, now)
    return response


@public_page
@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """Wipe what this browser kept, and show how to leave the platform as well."""
    after = f"{settings.MINPING_BASE_URL}{reverse('mine')}"
    response = _page(request, "mine/out.html", {"leave_url": platform.logout_address(after)})
    visit.wipe(response, visit.LOGIN, visit.PERSON)
    response["Clear-Site-Data"] = '"cache"'
    return response
