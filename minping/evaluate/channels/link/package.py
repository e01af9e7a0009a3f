"""The page of a 一件事: one overall rating, or each item on its own (minan/3.4.3, R10)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db.models import Case, F, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from minping import law
from minping.evaluate import tokens
from minping.evaluate.channels.link.pages import find, press_of, said_of, unknown
from minping.evaluate.models import Rating, Service
from minping.evaluate.queries import package_of
from minping.evaluate.services import (
    InvitationUnknown,
    NotAPackage,
    PackageReceipt,
    package_change,
    package_rate,
)
from minping.evaluate.states import Outcome, RatingKind
from minping.evaluate.view import (
    kind_label,
    levels_view,
    outcome_label,
    promise_view,
    rules_of,
    service_view,
    tags_view,
)
from minping.kernel import clock
from minping.kernel.errors import Problem
from minping.kernel.language import before, level_label, problem_line
from minping.kernel.web import public_page, secure

COOKIE = "mp_package"


@public_page
@csrf_exempt  # the token in the address is the credential, and it is not sent by other sites
@require_http_methods(["GET", "HEAD", "POST"])
def package(request: HttpRequest, token: str) -> HttpResponse:
    """All items that one person had done as one thing: tiles for the whole, a link to each."""
    if request.method == "POST":
        return _press(request, token)
    service = find(token)
    if service is None:
        return unknown(request)
    parts = package_of(service)
    return _show(request, token, parts) if len(parts) > 1 else HttpResponseRedirect(reverse("rate", args=[token]))


def _press(request: HttpRequest, token: str) -> HttpResponse:
    try:
        press = press_of(request, token, said_of(request))
        given = _shares_to_change(request, token) if press.done or request.POST.get("change") else []
        if given and given[0].package_id:
            change = request.COOKIES.get(COOKIE, "")
            receipt = package_change(given[0].package_id, replace(press, change=change))
        else:
            receipt = package_rate(press)
    except (InvitationUnknown, NotAPackage):
        return unknown(request)
    except Problem as problem:
        service = find(token)
        return unknown(request) if service is None else _show(request, token, package_of(service), problem)
    return _answer(request, token, receipt)


def _answer(request: HttpRequest, token: str, receipt: PackageReceipt) -> HttpResponse:
    address = reverse("package", args=[token])
    more = request.POST.get("step") == "level"
    response = HttpResponseRedirect(f"{address}?step=reasons" if more else address, status=303)
    if receipt.made:
        seconds = (receipt.shares[0].change_until - clock.now()).total_seconds()
        response.set_cookie(
            COOKIE, receipt.change_token, max_age=max(1, int(seconds)), path=address, httponly=True, samesite="Lax",
            secure=secure(request),
        )  # fmt: skip
    return response


def _shares_to_change(request: HttpRequest, token: str) -> list[Rating]:
    service = find(token)
    ratings = _shares(package_of(service)) if service else []
    return [rating for rating in ratings if _may_change(request, rating)]


def _shares(parts: list[Service]) -> list[Rating]:
    """Shares, the newest overall rating first, and of each first the one on which a case would be opened."""
    shares = Rating.objects.filter(service__in=parts, kind=RatingKind.PACKAGE).select_related("package")
    pressed_from = Case(When(service=F("package__service"), then=0), default=1)
    return list(shares.order_by("-package", pressed_from, "service__served_at", "service__case_no"))


def _may_change(request: HttpRequest, rating: Rating) -> bool:
    given = request.COOKIES.get(COOKIE, "")
    assert rating.package_id is not None
    return tokens.change_token(rating.package_id) == given and clock.now() < rating.change_until


def _show(request: HttpRequest, token: str, parts: list[Service], error: Problem | None = None) -> HttpResponse:
    rules, now = rules_of(parts[0]), clock.now()
    ratings = Rating.objects.filter(service__in=parts).order_by("ordinal")
    said = {rating.service_id: rating for rating in ratings}  # the last word of each
    shares = [share for share in _shares(parts) if _may_change(request, share)]
    wants = request.GET.get("step") == "reasons" or (error is not None and error.status == 422)
    context: dict[str, Any] = {
        "service": service_view(parts[0]),
        "parts": [_line(rules, part, said.get(part.pk), now >= part.closes_at) for part in parts],
        "open": any(part.outcome == Outcome.NONE and now < part.closes_at for part in parts),
        "levels": levels_view(rules),
        "promise": promise_view(rules),
        "action": reverse("package", args=[token]),
        "error": problem_line(error),
    }
    if shares:
        context |= _reasons(shares[0], rules, request) if wants else {"change_url": "?step=reasons"}
        context["level_label"] = level_label(rules, shares[0].level)
        context["change_until_text"] = before(shares[0].change_until)
        context["receipt_code"] = tokens.receipt_code(shares[0].pk)
    return render(request, "link/package.html", context, status=error.status if error else 200)


def _reasons(share: Rating, rules: law.Rules, request: HttpRequest) -> dict[str, Any]:
    post = request.POST
    rating = {
        "level": share.level,
        "tags": post.getlist("tags") or share.tags,
        "text": post.get("text", share.text),
    }
    return {
        "reasons": True,
        "rating": rating,
        "tags": tags_view(rules, law.InterfaceLevel(share.level)),
        "text_max": rules.value("text_max").value,
    }


def _line(rules: law.Rules, part: Service, rating: Rating | None, closed: bool) -> dict[str, Any]:
    """One item: what was said of it, and the way to rate it on its own."""
    if rating is not None:
        state = _("{level}（{kind}）").format(level=level_label(rules, rating.level), kind=kind_label(rating.kind))
    else:
        state = _("评价已截止") if closed and part.outcome == Outcome.NONE else outcome_label(part.outcome)
    own = rating is None or rating.kind == RatingKind.PACKAGE
    address = reverse("rate", args=[tokens.invitation_token(part.pk)])
    return {
        "item_name": part.item_name,
        "organization_name": part.organization_name,
        "state": state,
        "url": f"{address}?say=1" if own and not closed else address,
        "own": own and not closed,
    }
