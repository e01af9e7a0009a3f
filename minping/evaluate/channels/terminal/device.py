"""A terminal as a device of its own: paired by a code as the window's tablet is, shown and ended by the office.

A paired terminal's tries are counted by itself, not by the address it shares with others, and its
ratings say which one it was.  A terminal whose credential has ended says so and takes nothing.
"""

from __future__ import annotations

from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render

from minping.evaluate.channels.tablet.models import Credential
from minping.evaluate.channels.tablet.services import DeviceUnknown, credential_find
from minping.kernel.caller import caller
from minping.kernel.errors import Problem
from minping.kernel.web import View

COOKIE, PATH, KIND = "mp_terminal_device", "/terminal/", "terminal"


class TerminalUnpaired(Problem):
    code = "terminal_unpaired"
    status = 401
    message = "这台设备还没有配对为自助终端。"
    cure = "请管理员在“窗口装置”页生成配对码。"


def credential_of(request: HttpRequest) -> Credential | None:
    """The credential of the terminal that asks; None for a browser that is none.

    Raises DeviceUnknown where it was ended, TerminalUnpaired where only paired ones may be used
    (setting `terminal_paired_only`).
    """
    if not hasattr(request, "terminal"):  # asked for once in a request
        secret = request.COOKIES.get(COOKIE, "")
        if not secret and settings.MINPING_TERMINAL_PAIRED_ONLY:
            raise TerminalUnpaired()
        request.terminal = credential_find(secret, kind=KIND) if secret else None  # type: ignore[attr-defined]
    found: Credential | None = request.terminal  # type: ignore[attr-defined]
    return found


def only_live(view: View) -> View:
    """Show that it is out of use instead of the page, to a terminal that is."""

    @wraps(view)
    def checked(request: HttpRequest, *args: object, **named: object) -> HttpResponseBase:
        try:
            credential_of(request)
        except (DeviceUnknown, TerminalUnpaired) as problem:
            shown = {"message": problem.message, "cure": problem.cure}
            return render(request, "terminal/stopped.html", shown, status=problem.status)
        return view(request, *args, **named)

    return checked


def origin_of(request: HttpRequest) -> str:
    """Where tries are counted: at the terminal itself, or at the address of a browser that is none."""
    credential = credential_of(request)
    return f"device:{credential.device_id.hex}" if credential else caller(request)


def code_of(request: HttpRequest) -> str:
    """The device's code in the registry, to be kept with its ratings."""
    credential = credential_of(request)
    return credential.device.code if credential else ""
