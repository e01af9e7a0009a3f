"""标记 on the page: set or cleared, then back to the same case in the same view."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from minping.kernel import clock
from minping.kernel.errors import Invalid
from minping.kernel.web import SIGNED_IN, actor, staff_page
from minping.site import marks


@staff_page(SIGNED_IN)
@require_POST
def mark(request: HttpRequest, view: str, case_id: UUID) -> HttpResponse:
    """One's own word on a case: set, changed, or taken away."""
    by, now = actor(request), clock.now()
    try:
        if request.POST.get("clear"):
            marks.mark_clear(case_id=case_id, by=by, at=now)
        else:
            marks.mark_set(case_id=case_id, word=request.POST.get("word", ""), by=by, at=now)
    except (Invalid, marks.TooManyMarks) as problem:
        messages.error(request, problem.message + problem.cure)
    return HttpResponseRedirect(reverse("desk_case", args=[view if view.isidentifier() else "mine", case_id]))
