"""A rater reports retaliation or pressure, from the receipt, straight into the seal before 纪检 (minan/5.2).

The receipt code is the one way in, by POST: it stands in no address.  GET writes nothing and shows where to begin.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from minping.evaluate import tokens
from minping.evaluate.models import Rating
from minping.evaluate.view import service_view
from minping.kernel import clock
from minping.kernel.caller import forgive, too_many
from minping.kernel.documents import never_on_disk, uploads_of
from minping.kernel.errors import Problem
from minping.kernel.language import problem_line
from minping.kernel.web import public_page
from minping.supervise import clues

TRIES_A_MINUTE = 20


@public_page
@never_on_disk
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest) -> HttpResponse:
    """The form, and what it hands in: what happened, and whether and how the person wants to be contacted."""
    if request.method != "POST":
        return HttpResponseRedirect(reverse("receipt"))
    code = request.POST.get("code", "")
    if too_many("receipt", TRIES_A_MINUTE, request):
        return _lookup(request, _("查询太频繁。请过一分钟再试。"), 429)
    rating = Rating.objects.select_related("service").filter(receipt=tokens.receipt_index(code)).first()
    if rating is None:
        return _lookup(request, _("没有找到这个回执号。请核对 16 位数字。"), 404)
    forgive("receipt", request)
    service = rating.service
    said = {name: request.POST.get(name, "") for name in ("words", "contact")}
    error, status = "", 200
    if request.POST.get("step") == "send":
        try:
            clues.report_hand_in(service=service, **said, at=clock.now(), uploads=uploads_of(request, "files"))
        except Problem as problem:
            error, status = problem_line(problem), problem.status
        else:
            return HttpResponseRedirect(reverse("reported"))  # a reload hands nothing in twice
    context = {
        "code": code, "service": service_view(service), "key": clues.key_for(service.organization_code),
        "most": clues.LONGEST, "error": error, "files": clues.files_rule(service.area_code, clock.now()), **said,
    }  # fmt: skip
    return render(request, "supervise/report.html", context, status=status)


@public_page
@require_safe
def reported(request: HttpRequest) -> HttpResponse:
    """It is in.  The page knows nothing of what, or by whom."""
    return render(request, "supervise/reported.html")


def _lookup(request: HttpRequest, error: str, status: int) -> HttpResponse:
    context = {"action": reverse("receipt"), "error": error}
    return render(request, "link/receipt_lookup.html", context, status=status)
