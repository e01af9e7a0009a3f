"""查件: one case by its number or the number of the service, within one's own scope.

Asked by POST: what somebody types, which may be a name by mistake, stands in no address and no access log.
Each lookup is by key: the case's unique number, or (organisation, number) of the service.
"""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from minping.evaluate.models import Service
from minping.feedback import view as cases
from minping.feedback.models import Case
from minping.kernel import clock, work
from minping.kernel.access import Actor
from minping.kernel.web import SIGNED_IN, actor, staff_page
from minping.rectify.models import Order
from minping.registry import queries as registry
from minping.site.desk import MINE, Desk, lines_context

MOST = 20
LONGEST = 60  # of a number; nothing longer is looked for
PREFIX = "差评-"


def cases_found(who: Actor, typed: str) -> list[work.Row]:
    """The cases with this number that `who` may open, at most `MOST`; in two queries."""
    text = typed.strip()
    if not text or len(text) > LONGEST:
        return []
    places = [(place.code, place.path) for place in registry.directory().places.values()]
    read, handed, rated = (
        work.scope_of(who.scopes(permission), places) for permission in ("case.read", "order.read", "case.appeal")
    )
    ordered = Exists(Order.objects.filter(case=OuterRef("pk")))
    # The same three ways in as the page of the case itself.
    open_to = _within(read) | (_within(handed) & Q(ordered)) | (_within(rated) & ~Q(ordered))
    within = {code for scope in (read, handed, rated) for code in scope.organizations}
    within |= {code for scope in (read, handed, rated) for code, _ in scope.windows}
    services = Service.objects.filter(organization_code__in=sorted(within), case_no=text).values_list("pk", flat=True)
    number = text.upper()
    wanted = Q(number__in=[number, PREFIX + number]) | Q(service_id__in=list(services[:MOST]))
    return cases.rows(Case.objects.filter(wanted).filter(open_to).order_by("-opened_at").only(*cases.LINE)[:MOST])


def _within(scope: work.Scope) -> Q:
    wanted = Q(organization_code__in=scope.organizations)
    for organization, window in scope.windows:
        wanted |= Q(organization_code=organization, window_code=window)
    return wanted


@staff_page(SIGNED_IN)
@require_POST
def find(request: HttpRequest) -> HttpResponse:
    """One found: open it.  Several (a service negative twice): the lines.  None: say so, without saying why."""
    who, now = actor(request), clock.now()
    found = cases_found(who, request.POST.get("number", ""))
    if len(found) == 1:
        return HttpResponseRedirect(reverse("desk_case", args=[MINE, found[0].case_id]))
    if not found:
        messages.error(request, "您的范围里没有这个编号的差评件。请核对差评件编号或办件编号。")
        return HttpResponseRedirect(reverse("desk"))
    table = Desk(who, now)
    context = {
        "views": table.views(""), "view_label": "查到的件", "order_text": "最近的在前", "find_url": reverse("desk_find"),
        "rows": lines_context(found, MINE, None, now), "page": {"next": "", "prev": ""}, "list_url": reverse("desk"),
    }  # fmt: skip
    return render(request, "site/desk.html", context)
