"""The front page, how rating works, and signing in."""

from __future__ import annotations

import logging
from typing import Any, cast

from django.conf import settings
from django.contrib import auth, messages
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from minping import law
from minping.evaluate.explain import explanation
from minping.kernel import clock
from minping.kernel.home import home as home_folder
from minping.kernel.models import Account
from minping.kernel.web import SIGNED_IN, public_page, staff_page
from minping.registry import demo
from minping.site import accounts, again
from minping.site.forms import PasswordForm, SignInForm

log = logging.getLogger("minping.site")
STRANGERS_A_MINUTE = 30  # failed sign-ins of unknown names or locked accounts that the journal takes


# --- for everyone ------------------------------------------------------------------------------


@public_page
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this is, and the ways in."""
    mine = resolve_url("mine") if settings.MINPING_IDENTITY.get("issuer") else ""
    return render(request, "site/home.html", {"mine_url": mine})


@public_page
@require_safe
def about(request: HttpRequest) -> HttpResponse:
    """How to rate, what happens after a bad rating, who sees what, how to check: days from the law of today."""
    rules = law.at(settings.MINPING_AREA, clock.beijing(clock.now()).date())
    return render(request, "site/about.html", explanation(rules))


# --- signing in --------------------------------------------------------------------------------


@public_page
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The staff's way in; a fresh session, and a row in the journal either way."""
    if request.user.is_authenticated:
        return HttpResponseRedirect(_onward(request))
    if request.method != "POST" or (again.arrived(request) and not again.is_sign_in(request.POST)):
        return _sign_in_page(request, SignInForm(request))
    form = SignInForm(request, data=request.POST)
    if not form.is_valid():
        _note_refusal(request, form)
        return _sign_in_page(request, form, status=422)
    account = form.get_user()
    auth.login(request, account)
    accounts.signed_in(account=account, at=clock.now())
    written = again.opened(again.arrived(request))
    if written and not account.must_change_password:
        return render(request, "site/again.html", {**written, "back_url": _onward(request)})
    return HttpResponseRedirect(_onward(request), status=303)


def _onward(request: HttpRequest) -> str:
    """Where the person wanted to go, if it is ours; else the work place."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if wanted and ours else resolve_url(settings.LOGIN_REDIRECT_URL)


def _note_refusal(request: HttpRequest, form: SignInForm) -> None:
    username = form.cleaned_data.get("username", "")
    if not username or not form.cleaned_data.get("password"):
        return  # nothing was tried
    locked = bool(getattr(request, "axes_locked_out", False))
    if locked or not Account.objects.filter(username=username).exists():
        # Anyone may knock for ever: an append-only journal must not grow by it without bound.
        cache.add("signin:strangers", 0, 60)
        if cache.incr("signin:strangers") > STRANGERS_A_MINUTE:
            log.warning("sign-in refused; too many a minute for the journal")
            return
    accounts.sign_in_refused(username=username, locked=locked, at=clock.now())


def _sign_in_page(request: HttpRequest, form: SignInForm, *, locked: str = "", status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form,
        "next": request.POST.get("next") or request.GET.get("next") or "",
        "locked": locked,
        "carried": again.arrived(request),
        "demo_accounts": demo_accounts(),
    }
    return render(request, "registration/login.html", context, status=status)


def demo_accounts() -> list[dict[str, str]]:
    """Accounts to try, of a sandbox only, as the loader of the demonstration office wrote them down."""
    if not settings.MINPING_SANDBOX:
        return []
    try:
        lines = (home_folder().path / demo.FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return [{"username": row[0], "role_label": row[1], "password": row[2]} for row in rows if len(row) == 3]


def locked_out(request: HttpRequest, *details: object) -> HttpResponse:
    """The page of an account that is locked for too many wrong passwords (called by django-axes)."""
    minutes = round(settings.AXES_COOLOFF_TIME * 60)
    sentence = (
        f"连续输错 {settings.AXES_FAILURE_LIMIT} 次，这个账号锁定 {minutes} 分钟。"
        f"请 {minutes} 分钟后再试；着急的，请系统管理员重置密码。"
    )
    return _sign_in_page(request, SignInForm(request), locked=sentence, status=429)


@public_page
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    if request.user.is_authenticated:
        accounts.signed_out(account=request.user, at=clock.now())
    auth.logout(request)
    return HttpResponseRedirect(resolve_url(settings.LOGOUT_REDIRECT_URL), status=303)


@staff_page(SIGNED_IN, with_first_password=True)
@sensitive_post_parameters("old_password", "new_password1", "new_password2")
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """The person's own new password; other sessions of the account end."""
    account = cast(Account, request.user)
    must = account.must_change_password
    form = PasswordForm(account, request.POST or None)
    if request.method == "POST" and form.is_valid():
        accounts.password_change(account=account, password=form.cleaned_data["new_password1"], at=clock.now())
        auth.update_session_auth_hash(request, account)
        messages.success(request, "密码已更改。")
        return HttpResponseRedirect(resolve_url(settings.LOGIN_REDIRECT_URL), status=303)
    status = 422 if request.method == "POST" else 200
    return render(request, "site/password.html", {"form": form, "must": must}, status=status)
