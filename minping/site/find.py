"""查件: by number, by words, item, window, level, state and period, within one's own scope.

Asked by POST and kept in the session: what somebody types, which may be a name by mistake, stands in no address
and no access log.  What was found is a view of the work place like any other: it can be paged, skipped, worked.
"""

from __future__ import annotations

from dataclasses import asdict

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from minping.kernel.errors import Invalid
from minping.kernel.web import SIGNED_IN, actor, staff_page
from minping.site import looking
from minping.site.desk import FOUND, MINE


@staff_page(SIGNED_IN)
@require_POST
def find(request: HttpRequest) -> HttpResponse:
    """A number found once: open its case.  Anything else: the lines, or none, without saying why."""
    who = actor(request)
    text = request.POST.get("text", "").strip()[: looking.LONGEST]
    numbered = looking.by_number(who, text)
    if len(numbered) == 1:
        return HttpResponseRedirect(reverse("desk_case", args=[MINE, numbered[0]]))
    if numbered:
        request.session[looking.KEPT] = {"text": text, looking.NUMBERED: [str(one) for one in numbered]}
        return HttpResponseRedirect(reverse("desk_view", args=[FOUND]))
    try:
        asked = looking.asked_of(request.POST)
        if not asked:
            raise Invalid("请写下要找的编号或文字，或选一个条件。", cure="")
    except Invalid as problem:
        messages.error(request, problem.message + problem.cure)
        return HttpResponseRedirect(reverse("desk"))
    request.session[looking.KEPT] = asdict(asked)
    return HttpResponseRedirect(reverse("desk_view", args=[FOUND]))
