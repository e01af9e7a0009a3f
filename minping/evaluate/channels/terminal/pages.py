"""The pages of a terminal.  The first page always wipes; a screen in a hall keeps nothing (minan/3.1.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from minping import law
from minping.evaluate import tokens
from minping.evaluate.channels.sms.gateways import gateway
from minping.evaluate.channels.sms.services import phone_code_send
from minping.evaluate.channels.tablet.pages import device_keep
from minping.evaluate.channels.tablet.services import DeviceUnknown, credential_seen
from minping.evaluate.channels.terminal import device, services, visit
from minping.evaluate.channels.terminal.visit import Visit
from minping.evaluate.explain import explanation
from minping.evaluate.models import Rating, Service
from minping.evaluate.queries import next_kind
from minping.evaluate.services import LevelUnknown, Press, rating_give
from minping.evaluate.states import RatingKind
from minping.evaluate.view import kind_note, levels_view, promise_view, rules_of, service_view, tags_view
from minping.kernel import clock, language
from minping.kernel.errors import Problem
from minping.kernel.language import level_label, problem_line
from minping.kernel.web import public_page

Page = Callable[..., HttpResponse]


def _page(*methods: str) -> Callable[[Page], Page]:
    """A page of the terminal: for everyone at a terminal in use, kept by no browser."""

    def decorate(view: Page) -> Page:
        return public_page(never_cache(require_http_methods([*methods, "HEAD"])(device.only_live(view))))  # type: ignore[return-value]

    return decorate


def _rules() -> law.Rules:
    return law.at(settings.MINPING_AREA, clock.beijing(clock.now()).date())


def _show(request: HttpRequest, name: str, error: Problem | None = None, **context: Any) -> HttpResponse:
    rules = _rules()
    idle, countdown = rules.value("terminal_idle").number, rules.value("terminal_countdown").number
    frame = {
        "elder": True,
        "idle": idle,
        "countdown": countdown,
        "whole": idle + countdown,
        "error": problem_line(error),
        "can_text": gateway().real or settings.MINPING_SANDBOX,
        "text_note": not gateway().real,
        "paired": device.COOKIE in request.COOKIES,
    }
    return render(request, f"terminal/{name}.html", {**frame, **context}, status=error.status if error else 200)


def _go(name: str) -> HttpResponse:
    return HttpResponseRedirect(reverse(name), status=303)


@_page("GET", "POST")
def start(request: HttpRequest) -> HttpResponse:
    """The slip's code.  Opening this page ends whatever was under way."""
    if request.method != "POST":
        return visit.wipe(_show(request, "start", quiet=True))
    now = clock.now()
    try:
        found = services.slip_open(code=request.POST.get("code", ""), address=device.origin_of(request), at=now)
    except Problem as problem:
        return visit.wipe(_show(request, "start", problem))
    return _enter(request, [found], "link")


def _enter(request: HttpRequest, found: list[Service], proof: str) -> HttpResponse:
    """Begin a visit; where only one service still takes a word, it is the one."""
    now = clock.now()
    open_ones = [one for one in found if _takes(one)]
    chosen = open_ones[0] if len(open_ones) == 1 else found[0] if len(found) == 1 else None
    begun = Visit(
        until=visit.until(_rules(), now), services=tuple(one.pk.hex for one in found), proof=proof,
        service=chosen.pk.hex if chosen else "",
    )  # fmt: skip
    return visit.keep(_go("terminal_rate"), begun, request)


def _takes(service: Service) -> RatingKind | None:
    """Which kind of word the service would take now."""
    now = clock.now()
    if now >= service.closes_at:
        return None
    return next_kind(service, list(Rating.objects.filter(service=service).order_by("ordinal")), now)


@public_page
@csrf_exempt  # says nothing but that the terminal is there, and its cookie stays on this site
@require_POST
def here(request: HttpRequest) -> HttpResponse:
    """A paired terminal reports that it is there; one whose credential has ended learns it."""
    try:
        credential = device.credential_of(request)
    except (DeviceUnknown, device.TerminalUnpaired) as problem:
        return HttpResponse(problem.message, status=problem.status, content_type="text/plain; charset=utf-8")
    response = HttpResponse(status=204)
    if credential is not None:
        credential_seen(credential, at=clock.now())
        device_keep(response, request.COOKIES[device.COOKIE], request, device.COOKIE, device.PATH)
    return response


@_page("GET")
def about(request: HttpRequest) -> HttpResponse:
    """What anyone may know of the system, without leaving the terminal; the way back is to where the visit stands."""
    here = visit.read(request, clock.now())
    name = "terminal_rate" if here and here.services else "terminal_code" if here and here.asked else "terminal"
    said = f"?lang={language.current().code}"  # the first page would begin anew, in the house's own language
    if here and here.rated and request.GET.get("step") == "done":
        said += "&step=done"
    return _show(request, "about", back_url=reverse(name) + said, **explanation(_rules()))


@_page("GET", "POST")
def case(request: HttpRequest) -> HttpResponse:
    """Case number and telephone: a code goes to that telephone if a record knows it; nobody is told whether."""
    if request.method != "POST":
        return visit.wipe(_show(request, "case"))
    now = clock.now()
    typed = {"case_no": services.plain(request.POST.get("case_no", ""))[:50], "phone": request.POST.get("phone", "")}
    try:
        asked = phone_code_send(
            phone=services.plain(typed["phone"]), purpose="terminal", address=device.origin_of(request), at=now
        )
    except Problem as problem:
        return visit.wipe(_show(request, "case", problem, typed=typed))
    begun = Visit(until=visit.until(_rules(), now), asked=asked.hex, case_no=typed["case_no"])
    return visit.keep(_go("terminal_code"), begun, request)


@_page("GET", "POST")
def code(request: HttpRequest) -> HttpResponse:
    """The six digits that were sent."""
    now = clock.now()
    here = visit.read(request, now)
    if here is None or not here.asked:
        return visit.wipe(_go("terminal"))
    if request.method != "POST":
        return _show(request, "code", case_no=here.case_no, minutes=_rules().limit("phone_code").value)
    try:
        found = services.case_open(
            case_no=here.case_no, identifier=UUID(here.asked), code=request.POST.get("code", ""),
            address=device.origin_of(request), at=now,
        )  # fmt: skip
    except Problem as problem:
        return _show(request, "code", problem, case_no=here.case_no, minutes=_rules().limit("phone_code").value)
    return _enter(request, found, "phone_code")


@_page("GET", "POST")
def rate(request: HttpRequest) -> HttpResponse:
    """Which service, the five tiles, the reasons, the receipt: one address, for the visit says where it stands."""
    now = clock.now()
    here = visit.read(request, now)
    if here is None or not here.services:
        return visit.wipe(_go("terminal"))
    if request.method == "POST" and request.POST.get("step") == "which":
        wanted = request.POST.get("service", "")
        if wanted in here.services:
            here = here.but(service=wanted, rating="")
        return visit.keep(_go("terminal_rate"), here, request)
    if not here.service:
        return _which(request, here)
    service = Service.objects.get(pk=here.service)
    if request.method == "POST":
        return _press(request, here, service)
    return _stand(request, here, service)


def _which(request: HttpRequest, here: Visit) -> HttpResponse:
    found = Service.objects.in_bulk([UUID(one) for one in here.services])
    rows = [
        {"id": one, **service_view(found[UUID(one)]), "service_name": found[UUID(one)].service_name,
         "rated": _takes(found[UUID(one)]) is None}
        for one in here.services
    ]  # fmt: skip
    return _show(request, "which", rows=rows)


def _stand(request: HttpRequest, here: Visit, service: Service, error: Problem | None = None) -> HttpResponse:
    """The page of where the visit stands."""
    rules = rules_of(service)
    shown = {"service": service_view(service), "levels": levels_view(rules)}
    if here.rated is not None:
        rating = Rating.objects.get(pk=here.rated)
        changeable = clock.now() < rating.change_until
        if request.GET.get("step") == "done" or not changeable:
            return _show(
                request, "done", error, **shown, receipt_code=tokens.receipt_code(rating.pk), change=changeable,
                about_step="done",
            )  # fmt: skip
        level = law.InterfaceLevel(rating.level)
        said = {"level": rating.level, "tags": rating.tags, "text": rating.text}
        if error is not None and request.POST.get("step") == "reasons":  # what was typed stays on the page
            said = {**said, "tags": request.POST.getlist("tags"), "text": request.POST.get("text", "")}
        tags = tags_view(rules, level)
        return _show(
            request, "reasons", error, **shown, level_label=level_label(rules, level), rating=said,
            tags_base=[tag for tag in tags if tag["base"]], tags_more=[tag for tag in tags if not tag["base"]],
            text_max=rules.value("text_max").value,
        )  # fmt: skip
    kind = _takes(service)
    if kind is None:
        closed = clock.now() >= service.closes_at
        return _show(request, "over", error, **shown, closed=closed)
    return _show(
        request, "rate", error, **shown, mode=str(kind), mode_note=kind_note(kind), promise=promise_view(rules)
    )


def _press(request: HttpRequest, here: Visit, service: Service) -> HttpResponse:
    """One press through the one road; a second press of the same visit is a change of mind."""
    post, step = request.POST, request.POST.get("step")
    skip = "skip" in post or step != "reasons"
    try:
        level = int(post.get("level", ""))
    except ValueError:
        return _stand(request, here, service, LevelUnknown(field="level"))
    press = Press(
        token=tokens.invitation_token(service.pk),
        level=level,
        at=clock.now(),
        channel="terminal",
        proof=here.proof,
        tags=None if skip else tuple(post.getlist("tags")),
        text=None if skip else post.get("text", ""),
        change=tokens.change_token(here.rated) if here.rated else "",
        hold=step == "level",
        done=step == "reasons",
        device_code=device.code_of(request),
    )
    try:
        receipt = rating_give(press)
    except Problem as problem:
        return _stand(request, here, service, problem)
    here = here.but(rating=receipt.rating.pk.hex if receipt.made else here.rating)
    response = _go("terminal_rate")
    if step == "reasons":
        response["Location"] += "?step=done"
    return visit.keep(response, here.but(until=visit.until(_rules(), clock.now())), request)
