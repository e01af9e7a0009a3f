"""The rater's pages.  Opening shows; only the person's own press writes (principle 10)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from minping import law
from minping.evaluate import tokens
from minping.evaluate.arrival import arrival_of, back_of
from minping.evaluate.models import AddedWord, PageVisit, Rating, Service
from minping.evaluate.queries import next_kind, reason_missing
from minping.evaluate.services import (
    AlreadyRated,
    InvitationClosed,
    InvitationUnknown,
    LevelUnknown,
    Press,
    Receipt,
    above,
    rating_give,
    word_add,
)
from minping.evaluate.states import Outcome, RatingKind
from minping.evaluate.view import (
    entry_label,
    kind_label,
    kind_note,
    levels_view,
    promise_view,
    rules_of,
    service_view,
    tags_view,
    words_view,
)
from minping.kernel import clock, events
from minping.kernel.caller import forgive, too_many
from minping.kernel.errors import Problem
from minping.kernel.language import before, full_moment_text, level_label, moment_text, problem_line, problem_text
from minping.kernel.web import public_page, secure
from minping.upstream import rating_page

COOKIE = "mp_change"
KEPT = ("via", "back")  # what an address says of the person's way (evaluate/arrival.py)


@public_page
@csrf_exempt  # the token in the address is the credential, and it is not sent by other sites
@require_http_methods(["GET", "HEAD", "POST"])
def rate(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind an invitation: tiles, then reasons, then the receipt."""
    if request.method == "POST":
        return _press(request, token)
    service = find(token)
    return unknown(request) if service is None else _show(request, token, service)


def find(token: str) -> Service | None:
    return Service.objects.filter(token=tokens.stored(token)).first()


def unknown(request: HttpRequest) -> HttpResponse:
    problem = InvitationUnknown()
    if _wants_json(request):
        return _json_error(problem)
    return render(
        request, "link/unknown.html", {"title": problem_text(problem)[0].rstrip("。.")}, status=problem.status
    )


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


def _json_error(problem: Problem) -> JsonResponse:
    return JsonResponse({"error": problem.as_json()}, status=problem.status, json_dumps_params={"ensure_ascii": False})


# --- showing -----------------------------------------------------------------------------------


def _show(request: HttpRequest, token: str, service: Service) -> HttpResponse:
    now = clock.now()
    ratings = list(Rating.objects.filter(service=service).order_by("ordinal"))
    last = ratings[-1] if ratings else None
    if last is not None and request.GET.get("step") == "reasons" and _may_change(request, last, now):
        return _reasons(request, token, service, last)
    kind = next_kind(service, ratings, now)
    if kind is not None and (not ratings or request.GET.get("say")):
        if now >= service.closes_at:
            return _closed(request, service)
        came = arrival_of(request.GET.get("via", ""), token)
        ours = request.GET.get("page") == "ours" or kind is not RatingKind.FIRST
        if not ours and above.goes_above(service, came.channel, now):
            return _away(request, token, service)
        return _tiles(request, token, service, kind)
    return _receipt(request, service, ratings, now, token, kind=kind)


def _may_change(request: HttpRequest, rating: Rating, now: datetime) -> bool:
    if reason_missing(rating, now):  # a key-pad's level without a reason: the invitation's holder may give it
        return True
    given = request.COOKIES.get(COOKIE, "")
    return bool(given) and tokens.stored(given) == bytes(rating.change_token) and now < rating.change_until


def _away(request: HttpRequest, token: str, service: Service) -> HttpResponse:
    """The way to the superior's page, by the person's own press (minan/3.4.2)."""
    visit = above.last_visit(service)
    gone = visit is not None and visit.state == PageVisit.LED
    way = _via(request)
    context = {
        "service": service_view(service),
        "gone": gone,
        "action": reverse("rate", args=[token]) + way,
        "ours_url": f"{reverse('rate', args=[token])}{way or '?'}{'&' if way else ''}page=ours" if gone else "",
    }
    response = render(request, "link/away.html", context)
    # A browser holds the answer of a form to the same directive as the form itself.
    response._csp_update = {"form-action": ["'self'", *sorted(rating_page.origins())]}  # type: ignore[attr-defined]
    return response


def _lead(request: HttpRequest, token: str) -> HttpResponse:
    """To the superior's page, or, where it gives none, to our own with a word about it."""
    came = arrival_of(request.GET.get("via", ""), token)
    address = reverse("rate", args=[token]) + _via(request)
    try:
        leading = above.page_open(token=token, channel=came.channel, back=request.GET.get("back", ""), at=clock.now())
    except AlreadyRated:
        return HttpResponseRedirect(address, status=303)
    if leading.address or leading.rated:
        return HttpResponseRedirect(leading.address or address, status=303)
    return HttpResponseRedirect(f"{address}{'&' if '?' in address else '?'}page=ours", status=303)


@public_page
@require_http_methods(["GET", "HEAD"])
def rated_above(request: HttpRequest, visit: str) -> HttpResponse:
    """Back from the superior's page: what has come of it; nothing can be rated or changed from here."""
    found = above.visit_of(visit)
    if found is None:
        return unknown(request)
    ratings = list(Rating.objects.filter(service=found.service).order_by("ordinal"))
    if ratings:
        return _receipt(request, found.service, ratings, clock.now())
    return render(request, "link/waiting.html", {"service": service_view(found.service)})


def _via(request: HttpRequest) -> str:
    """How the person came here, and where to go on, stay in the address that the tiles press to."""
    kept = {name: request.GET[name] for name in KEPT if request.GET.get(name)}
    return f"?{urlencode(kept)}" if kept else ""


def _back(request: HttpRequest) -> dict[str, str]:
    return {"back": request.GET["back"]} if request.GET.get("back") else {}


def _tiles(
    request: HttpRequest, token: str, service: Service, kind: RatingKind, error: Problem | None = None
) -> HttpResponse:
    rules = rules_of(service)
    context = {
        "service": service_view(service),
        "levels": levels_view(rules),
        "promise": promise_view(rules),
        "mode": str(kind),
        "package_url": reverse("package", args=[token]) if service.package_no and kind is RatingKind.FIRST else "",
        "mode_note": kind_note(kind),
        "action": reverse("rate", args=[token]) + _via(request),
        "fell_back": request.GET.get("page") == "ours" and _fell_back(service),
        "error": problem_line(error),
    }
    return render(request, "link/rate.html", context, status=error.status if error else 200)


def _fell_back(service: Service) -> bool:
    visit = above.last_visit(service)
    return visit is not None and visit.state == PageVisit.OURS


def _reasons(
    request: HttpRequest,
    token: str,
    service: Service,
    rating: Rating,
    error: Problem | None = None,
    said: Mapping[str, Any] | None = None,
) -> HttpResponse:
    rules = rules_of(service)
    level = law.InterfaceLevel(rating.level)
    tags = tags_view(rules, level)
    said = said or {"level": rating.level, "tags": rating.tags, "text": rating.text}
    more = [tag for tag in tags if not tag["base"]]
    context = {
        "service": service_view(service),
        "level_label": level_label(rules, level),
        "levels": levels_view(rules),
        "tags_base": [tag for tag in tags if tag["base"]],
        "tags_more": more,
        "more_open": any(tag["code"] in said["tags"] for tag in more),
        "text_max": rules.value("text_max").value,
        "change_until_text": before(rating.change_until),
        "action": reverse("rate", args=[token]) + _via(request),
        "rating": said,
        "error": problem_line(error),
    }
    return render(request, "link/reasons.html", context, status=error.status if error else 200)


def _closed(request: HttpRequest, service: Service) -> HttpResponse:
    problem = InvitationClosed()
    title, cure = problem_text(problem)
    shown = service_view(service) | {"served_text": full_moment_text(service.served_at)}  # it was in another year
    context = {"service": shown, "title": title.rstrip("。."), "cure": cure}
    return render(request, "link/closed.html", context, status=problem.status)


def _receipt(
    request: HttpRequest,
    service: Service,
    ratings: list[Rating],
    now: datetime,
    token: str = "",
    error: str = "",
    kind: RatingKind | None = None,
    **more: Any,
) -> HttpResponse:
    """What has been said, what becomes of it, and what may still be done; `kind` of word the service would take."""
    rules = rules_of(service)
    last = ratings[-1] if ratings else None
    address = reverse("rate", args=[token]) if token else ""
    context: dict[str, Any] = {
        "service": service_view(service),
        "default": last is None and service.outcome == Outcome.DEFAULT,
        "what_next": events.table("STORY")(service),
        "reports": events.table("REPORTS")(service),
        "can_rerate": kind is RatingKind.RERATING,
        "rerate_url": f"{address}?say=1",
        "can_supplement": kind is RatingKind.SUPPLEMENTARY,
        "own_url": f"{address}?say=1" if kind is RatingKind.FIRST else "",  # so far an overall rating alone
        "supplement_url": f"{address}?say=1",
        "error": error,
        "back_url": back_of(request.GET.get("back", "")),
        **more,
    }
    if last is not None:
        context |= {
            "added": [
                {"text": word.text, "time_text": moment_text(word.added_at)}
                for word in AddedWord.objects.filter(rating__in=ratings).order_by("added_at")
            ],
            "text_max": rules.value("text_max").value,
            **words_view(last, rules),
            "receipt_code": tokens.receipt_code(last.pk),
            "state_text": " · ".join(
                filter(None, (kind_label(last.kind), entry_label(last), moment_text(last.rated_at)))
            ),
            "others": [words_view(rating, rules) for rating in reversed(ratings[:-1])],
        }
        if token and _may_change(request, last, now):
            context["change_url"] = f"{address}?step=reasons"
            context["can_change_until_text"] = _("{time}可以修改").format(time=before(last.change_until))
    return render(request, "link/receipt.html", context, status=409 if error else 200)


# --- pressing ----------------------------------------------------------------------------------


def said_of(request: HttpRequest) -> Mapping[str, Any]:
    """Level, tags, text and step, from a form or from JSON."""
    if request.content_type == "application/json":
        try:
            content = json.loads(request.body)
        except (ValueError, RecursionError) as failure:
            raise LevelUnknown("请求体不是 JSON。", cure="请发送 level、tags、text。") from failure
        if not isinstance(content, dict):
            raise LevelUnknown("请求体应为一个对象。", cure="请发送 level、tags、text。")
        tags = content.get("tags")
        return {**content, "tags": [str(tag) for tag in tags] if isinstance(tags, list) else tags}
    post = request.POST
    said: dict[str, Any] = {
        name: post[name] for name in ("level", "text", "step", "change", "change_token", "skip") if name in post
    }
    if "tags" in post or said.get("step") == "reasons":
        said["tags"] = [code for value in post.getlist("tags") for code in value.replace("，", ",").split(",") if code]
    return said


def _press(request: HttpRequest, token: str) -> HttpResponse:
    """Save the press; the service itself is read only where something must be shown."""
    said: Mapping[str, Any] = {}
    try:
        said = said_of(request)
        if said.get("step") == "superior":
            return _lead(request, token)
        receipt = rating_give(press_of(request, token, said))
    except Problem as problem:
        service = find(token)
        return unknown(request) if service is None else _refused(request, token, service, said, problem)
    address = reverse("rate", args=[token])
    if _wants_json(request):
        response: HttpResponse = JsonResponse(_receipt_json(receipt), json_dumps_params={"ensure_ascii": False})
    else:
        more = said.get("step") == "level" and (receipt.made or receipt.changed)
        way = urlencode({**({"step": "reasons"} if more else {}), **_back(request)})
        response = HttpResponseRedirect(f"{address}?{way}" if way else address, status=303)
    if receipt.made:
        seconds = (receipt.rating.change_until - clock.now()).total_seconds()
        response.set_cookie(
            COOKIE, receipt.change_token, max_age=max(1, int(seconds)), path=address, httponly=True, samesite="Lax",
            secure=secure(request),
        )  # fmt: skip
    return response


def press_of(request: HttpRequest, token: str, said: Mapping[str, Any]) -> Press:
    skip = bool(said.get("skip"))
    step = said.get("step")
    try:
        level = int(str(said.get("level", "")))
    except ValueError as failure:
        raise LevelUnknown(field="level") from failure
    tags, text = said.get("tags"), said.get("text")
    # The cookie alone changes nothing: the tiles of a re-rating are a new word, not a change of the old one.
    kept = request.COOKIES.get(COOKIE, "") if step == "reasons" or said.get("change") else ""
    came = arrival_of(request.GET.get("via", ""), token)
    return Press(
        token=token,
        level=level,
        at=clock.now(),
        channel=came.channel,
        proof=came.proof,
        tags=None if skip or tags is None else tuple(tags if isinstance(tags, list) else str(tags).split(",")),
        text=None if skip or text is None else str(text),
        change=str(said.get("change_token") or kept),
        hold=step == "level",
        done=step == "reasons",
    )


def _receipt_json(receipt: Receipt) -> dict[str, Any]:
    rating = receipt.rating
    return {
        "receipt": receipt.code,
        "kind": rating.kind,
        "level": rating.level,
        "tags": rating.tags,
        "text": rating.text,
        "rated_at": clock.beijing(rating.rated_at).isoformat(timespec="seconds"),
        "change_token": receipt.change_token if receipt.made else None,
        "change_until": clock.beijing(rating.change_until).isoformat(timespec="seconds"),
    }


def _refused(
    request: HttpRequest, token: str, service: Service, said: Mapping[str, Any], problem: Problem
) -> HttpResponse:
    """Show the refusal where the person was, with everything typed still on the page."""
    if _wants_json(request):
        return _json_error(problem)
    if isinstance(problem, InvitationClosed):
        return _closed(request, service)
    now = clock.now()
    ratings = list(Rating.objects.filter(service=service).order_by("ordinal"))
    if ratings and problem.status == 422 and _may_change(request, ratings[-1], now):
        kept = {"level": ratings[-1].level, "tags": said.get("tags") or [], "text": said.get("text") or ""}
        return _reasons(request, token, service, ratings[-1], problem, kept)
    kind = next_kind(service, ratings, now)
    if kind is not None:
        return _tiles(request, token, service, kind, problem)
    return _receipt(request, service, ratings, now, token, problem_line(problem), kind)


# --- by receipt code ---------------------------------------------------------------------------

TRIES_A_MINUTE = 20


@public_page
@cache_control(no_store=True)  # a shared computer keeps neither the code nor what it opened
@require_http_methods(["GET", "HEAD", "POST"])
def receipt_lookup(request: HttpRequest) -> HttpResponse:
    """The state of a rating by its receipt code: no account, nothing personal; a word may be added beside it.

    The code comes by POST: it stands in no address, no history and no log.
    """
    context: dict[str, Any] = {"action": reverse("receipt")}
    if request.method != "POST":
        return render(request, "link/receipt_lookup.html", context)
    if too_many("receipt", TRIES_A_MINUTE, request):
        context["error"] = _("查询太频繁。请过一分钟再试。")
        return render(request, "link/receipt_lookup.html", context, status=429)
    code = request.POST.get("code", "")
    rating = Rating.objects.select_related("service").filter(receipt=tokens.receipt_index(code)).first()
    if rating is None:
        context["error"] = _("没有找到这个回执号。请核对 16 位数字。")
        return render(request, "link/receipt_lookup.html", context, status=404)
    forgive("receipt", request)
    return _found(request, rating)


def _found(request: HttpRequest, rating: Rating) -> HttpResponse:
    """The receipt of a rating and of what was said before it; later ones have receipts of their own."""
    service, now = rating.service, clock.now()
    error, more = "", {}
    if request.POST.get("step") == "add":
        try:
            word_add(rating=rating, text=request.POST.get("text", ""), at=now)
            more = {"notice": _("已补充在您的评价旁边。原来的评价没有变。")}
        except Problem as problem:
            error, more = problem_line(problem), {"typed": request.POST.get("text", "")}
    every = list(Rating.objects.filter(service=service).order_by("ordinal"))
    kind = next_kind(service, every, now) if now < service.closes_at else None
    until = [one for one in every if one.ordinal <= rating.ordinal]
    return _receipt(request, service, until, now, tokens.invitation_token(service.pk), error, kind, **more)
