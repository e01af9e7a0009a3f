"""Who acts, and how a refusal looks: each in one place."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext_noop

from minping.kernel import clock, language
from minping.kernel.access import Actor
from minping.kernel.caller import address_of, client, vouched
from minping.kernel.errors import Problem
from minping.kernel.web import PUBLIC, secure
from minping.law import LawError
from minping.registry import queries as registry
from minping.site import again
from minping.site.context import KEPT, LOOK

log = logging.getLogger("minping.site")
NOBODY = Actor("anonymous")


class FromWhere:
    """Behind the office's own proxies a request comes from the person and over the person's connection.

    First of all: whatever asks for the address later (limits, django-axes, cookies, links) is told the same.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        trusted = settings.MINPING_TRUSTED_PROXIES
        peer = request.META.get("REMOTE_ADDR", "")
        if vouched(address_of(peer), trusted):
            scheme = request.META.get("HTTP_X_FORWARDED_PROTO", "").strip().lower()
            if scheme in ("http", "https"):
                request.META["wsgi.url_scheme"] = scheme
            request.META["REMOTE_ADDR"] = client(peer, request.META.get("HTTP_X_FORWARDED_FOR", ""), trusted)
        return self.get_response(request)


class SmallFiles:
    """Style sheets and scripts travel compressed, a third of their size on a slow line.

    Pages do not: where something secret stands beside what a stranger may have put in, the length would tell (BREACH).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.smaller = GZipMiddleware(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith(settings.STATIC_URL) or request.method != "GET":
            return self.get_response(request)
        kept = request.META.get("HTTP_IF_NONE_MATCH", "")
        request.META["HTTP_IF_NONE_MATCH"] = kept.removeprefix("W/")  # our own tag, weak since it was compressed
        response = self.get_response(request)
        whole = response.status_code == HTTPStatus.OK  # neither "not modified" nor a part
        return self.smaller.process_response(request, response) if whole else response


class BodyTooLarge(Problem):
    code = "body_too_large"
    status = 413
    message = gettext_noop("提交的内容太大。")
    cure = gettext_noop("请删减后再提交。")


class ShortForms:
    """What a stranger sends is refused unread where it is longer than anything these pages ask for.

    The interface takes ten thousand services in one body; the same room on a page would be a way to fill the memory.
    """

    MOST = 2 * 1024 * 1024  # bytes: a tablet's twenty kept entries, each of the longest words
    LONGER = {"/report/": 17 * 1024 * 1024}  # three photographs of a telephone (law: clue_count, clue_size)
    EVERYONES = ("/r/", "/w/", "/receipt", "/report/", "/terminal/", "/tablet/", "/login", "/mine/", "/sms/")

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        told = request.META.get("CONTENT_LENGTH") or "0"
        if request.path.startswith(self.EVERYONES) and not (
            told.isascii() and told.isdigit() and int(told) <= self.LONGER.get(request.path, self.MOST)
        ):
            return problem_response(request, BodyTooLarge())
        return self.get_response(request)


class HealthFirst:
    """Liveness probes carry any Host header; they learn nothing but the figures."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/api/v1/healthz" and request.method in ("GET", "HEAD"):
            from minping.site.health import healthz

            return healthz()
        return self.get_response(request)


class WhoActs:
    """Give each request its actor: the signed-in account with its grants, or nobody."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = NOBODY  # type: ignore[attr-defined]
        # The rater's pages and the API have their own credentials; who sits at the browser is no matter there.
        staff = not request.path.startswith(("/r/", "/api/", "/tablet/"))
        if staff and request.user.is_authenticated:
            today = clock.beijing(clock.now()).date()
            request.actor = registry.actor_of(request.user, today)  # type: ignore[attr-defined]
        return self.get_response(request)


class InWhichLanguage:
    """Public pages speak as the person chose by a link (`?lang=en`), else as the browser asks; staff pages Simplified.

    The choice is kept for a year in a cookie that says only that.  What several people stand before
    keeps nobody's: a terminal's cookie ends with the visit, and its browser is asked nothing.
    """

    COOKIE, TERMINAL_COOKIE, TERMINAL = "mp_lang", "mp_terminal_lang", "/terminal/"
    FOR_STAFF = ("login", "logout", "tablet_pair", "slip")  # public, yet met by staff alone, or printed

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        shared = request.path.startswith((self.TERMINAL, "/tablet/"))
        chosen = request.GET.get("lang", "") if request.method in ("GET", "HEAD") else ""
        kept = request.COOKIES.get(self.TERMINAL_COOKIE if shared else self.COOKIE, "")
        begins = request.path == self.TERMINAL and request.method == "GET"
        if chosen not in language.LANGUAGES:
            chosen = ""
        spoken = chosen or ("" if begins else kept)
        if spoken not in language.LANGUAGES:
            spoken = language.SIMPLIFIED if shared else language.of_browser(request)
        translation.activate(spoken)
        try:
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", language.current().tag)
        finally:
            translation.deactivate()  # a thread serves one person after the other
        if not shared:
            patch_vary_headers(response, ("Accept-Language", "Cookie"))
        self._keep(request, response, chosen, shared, begins)
        return response

    def _keep(self, request: HttpRequest, response: HttpResponse, chosen: str, shared: bool, begins: bool) -> None:
        if chosen and not request.path.startswith(("/api/", "/tablet/")):
            response.set_cookie(
                self.TERMINAL_COOKIE if shared else self.COOKIE, chosen, max_age=None if shared else KEPT,
                path=self.TERMINAL if shared else "/", httponly=True, samesite="Lax", secure=secure(request),
            )  # fmt: skip
        elif begins and self.TERMINAL_COOKIE in request.COOKIES:
            response.delete_cookie(self.TERMINAL_COOKIE, path=self.TERMINAL, samesite="Lax")

    def process_view(self, request: HttpRequest, view: Callable[..., HttpResponse], *_: object) -> None:
        match = request.resolver_match
        public = getattr(view, "permission", "") == PUBLIC
        if not public or (match is not None and match.url_name in self.FOR_STAFF):
            translation.activate(language.SIMPLIFIED)


class Look:
    """The look that the person chose by a link (`?elder=1`, `0`), kept for a year in a cookie that says only that."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        chosen = request.GET.get("elder")
        # What several people stand before keeps nobody's choice.
        if chosen in ("0", "1") and not request.path.startswith(("/api/", "/tablet/", "/terminal/")):
            response.set_cookie(LOOK, chosen, max_age=KEPT, httponly=True, samesite="Lax", secure=secure(request))
        return response


class Problems:
    """A named refusal becomes its page or its JSON; anything else is logged and becomes a plain 500."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        blank = response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and not response.content
        if blank and request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
            # The address of an act, typed or kept by the browser: an empty answer would be the browser's own error.
            spoken = next(
                (one.code for one in language.LANGUAGES.values() if one.tag == response.get("Content-Language")), ""
            )
            with translation.override(spoken or language.SIMPLIFIED):
                page = render(request, "404.html", {"code": response.status_code}, status=response.status_code)
            page["Content-Language"] = response.get("Content-Language", "")
            page["Allow"] = response["Allow"]
            return page
        return response

    def process_exception(self, request: HttpRequest, failure: Exception) -> HttpResponse | None:
        if isinstance(failure, LawError):
            failure = Problem(failure.message, cure="")
        if isinstance(failure, Problem):
            return problem_response(request, failure)
        return None


def problem_response(request: HttpRequest, problem: Problem) -> HttpResponse:
    """One refusal as JSON for programs and as a page for people."""
    if request.path.startswith("/api/") or request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse(
            {"error": problem.as_json()}, status=problem.status, json_dumps_params={"ensure_ascii": False}
        )
    name = problem.status if problem.status in (400, 403, 404, 409, 429, 500) else 400
    message, cure = language.problem_text(problem)
    context = {"title": message.rstrip("。."), "message": message, "cure": cure, "code": problem.code}
    return _refused(request, f"{name}.html", context, problem.status)


def token_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The page of a form whose token is no more good: whoever signed in again in another tab gets their words back.

    A form of another site is not answered so: no session comes with it (SameSite).
    """
    return _refused(request, "403_csrf.html", {}, HTTPStatus.FORBIDDEN)


def _refused(request: HttpRequest, template: str, context: dict[str, str], status: int) -> HttpResponse:
    written = again.given_back(request)
    answer = render(request, template, {**context, "written": written}, status=status)
    if written:
        answer["Cache-Control"] = "no-store"
    return answer
