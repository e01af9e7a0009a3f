"""成批办理 on the page: lines are chosen by a press, done each for itself, and told each for itself."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from minping.kernel import clock
from minping.kernel.documents import download
from minping.kernel.errors import Forbidden, Invalid
from minping.kernel.web import SIGNED_IN, actor, staff_page
from minping.site import batch
from minping.site.desk import Desk, label_of


@staff_page(SIGNED_IN)
@require_POST
def batch_act(request: HttpRequest, view: str) -> HttpResponse:
    """One act on the lines chosen in a view; the answer says of each what became of it."""
    by, now = actor(request), clock.now()
    act = batch.act_of(request.POST.get("act", ""))
    label, back = label_of(view), reverse("desk_view", args=[view])
    if act.permission and not by.may(act.permission):
        raise Forbidden()
    chosen = request.POST.getlist("case")
    try:
        if act.verb == "sheet":
            made = batch.sheets(ids=chosen, by=by, at=now)
            return download(f"处理单-{clock.beijing(now):%Y%m%d-%H%M}.zip", made, "application/zip")
        done = batch.batch_do(act=act, ids=chosen, said=request.POST.dict(), by=by, at=now)
    except Invalid as problem:
        messages.error(request, problem.message + problem.cure)
        return HttpResponseRedirect(f"{back}?batch=1")
    context = {
        **Desk(by, now).menu(view), "title": f"成批{act.label}", "back_url": back, "back_label": label,
        "done": [one for one in done if one.done], "refused": [one for one in done if not one.done],
        "missing": len(set(chosen)) - len(done), "view": view,
    }  # fmt: skip
    return render(request, "site/batch.html", context)
