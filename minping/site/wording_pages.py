"""答复模板 on the page: kept by who may, and put into the text field of a case without any script."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from minping.kernel import clock, work
from minping.kernel.errors import NotFound, Problem
from minping.kernel.web import SIGNED_IN, actor, staff_page
from minping.registry import queries as registry
from minping.site import desk, wording
from minping.site.models import AnswerTemplate


@staff_page(wording.MANAGE)
@require_safe
def templates(request: HttpRequest) -> HttpResponse:
    """The templates of the offices that one manages."""
    names = {place.code: place.name for place in wording.offices_of(actor(request))}
    rows = AnswerTemplate.objects.filter(organization_code__in=list(names)).order_by("organization_code", "title")
    shown = [
        {
            "title": row.title, "text": row.text, "unit_name": names[row.organization_code],
            "changed_text": clock.day_text(row.changed_at), "url": reverse("template_edit", args=[row.pk]),
        }
        for row in rows
    ]  # fmt: skip
    context = {"templates": shown, "new_url": reverse("template_new"), "placeholders": wording.PLACEHOLDERS}
    return render(request, "site/templates.html", context)


@staff_page(wording.MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def template_edit(request: HttpRequest, template_id: UUID | None = None) -> HttpResponse:
    """Make, change or delete one."""
    by, now = actor(request), clock.now()
    template = wording.template_get(template_id, by) if template_id else None
    offices = wording.offices_of(by)
    said: dict[str, Any] = {
        "organization_code": template.organization_code if template else offices[0].code if offices else "",
        "title": template.title if template else "", "text": template.text if template else "",
    }  # fmt: skip
    wrong: Problem | None = None
    if request.method == "POST":
        try:
            if template is not None and request.POST.get("delete"):
                wording.template_delete(template=template, by=by, at=now)
                messages.success(request, "模板已删除。")
                return HttpResponseRedirect(reverse("templates"))
            said = {name: request.POST.get(name, said[name]) for name in said}
            if template is not None:  # it stays with its office
                said["organization_code"] = template.organization_code
            wording.template_save(template=template, **said, by=by, at=now)
        except Problem as problem:
            wrong = problem
        else:
            messages.success(request, "模板已保存。")
            return HttpResponseRedirect(reverse("templates"))
    error = {wrong.field: wrong.message + wrong.cure} if wrong else {}
    fields: list[dict[str, Any]] = [
        {"name": "title", "label": "名称", "type": "text", "required": True, "value": said["title"]},
        {
            "name": "text", "label": "内容", "type": "textarea", "required": True, "max": wording.TEXT, "rows": 8,
            "value": said["text"], "help": "占位：" + "".join(f"〔{name}〕" for name in wording.PLACEHOLDERS) + "。不写任何人的姓名、电话、证件号码。",
        },
    ]  # fmt: skip
    if template is None and len(offices) > 1:
        options = [{"value": p.code, "label": p.name, "selected": p.code == said["organization_code"]} for p in offices]
        fields.insert(
            0,
            {
                "name": "organization_code",
                "label": "哪个单位用",
                "type": "select",
                "required": True,
                "options": options,
            },
        )
    for field in fields:
        field["error"] = error.get(field["name"], "")
    context = {
        "title": "改模板" if template else "新模板", "fields": fields, "back_url": reverse("templates"),
        "may_delete": template is not None, "error": error.get(None, ""),
    }  # fmt: skip
    return render(request, "site/template_form.html", context, status=422 if wrong else 200)


@staff_page(SIGNED_IN)
@require_POST
def template_insert(request: HttpRequest, view: str, case_id: UUID) -> HttpResponse:
    """Put a template behind what is already written in a form of this case, and show the form again.

    Nothing is decided and nothing kept but what was typed, for the one next look (kernel/work).
    """
    by, now = actor(request), clock.now()
    shown = desk.case_for(case_id, by, now)
    if not {"case", "order"} & set(shown):
        raise NotFound()
    path = registry.place(desk.unit_of(shown)).path
    chosen = next((t for t in wording.templates_for(path) if str(t.pk) == request.POST.get("template", "")), None)
    verb, into = request.POST.get("verb", ""), request.POST.get("into", "")
    fields = {name: request.POST[name] for name in request.POST if name not in work.NOT_SAID}
    if chosen is not None and into:
        before = fields.get(into, "").rstrip()
        more = wording.filled(chosen.text, desk.values_of(shown), now)
        fields[into] = f"{before}\n{more}" if before else more
    elif chosen is None:
        messages.error(request, "请先选一个模板。")
    work.keep(request, case_id, verb, fields)
    here = reverse("desk_case", args=[work.opened_from(request, view), case_id])
    return HttpResponseRedirect(f"{here}{work.trail_of(request)}#act-{verb}")
