"""导入服务: choose a file, see what each row would answer, confirm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from minping.evaluate.files.intake import BadService, FileResult, check_data, import_data
from minping.evaluate.files.reading import template
from minping.kernel import clock
from minping.kernel.access import Actor, Grant
from minping.kernel.errors import Problem
from minping.kernel.web import actor, staff_page
from minping.registry.importing import keeping
from minping.registry.pages import BAD_SHOWN, attachment, uploaded


def reporter(by: Actor) -> Actor:
    """Whoever may import the registry of an office may report its services from a file, and nothing more."""
    reports = (Grant(frozenset({"services:write"}), g.path) for g in by.scopes("registry.import") if not g.window_code)
    return Actor(by.name, by.label, tuple(reports), by.account_id, by.staff_code, by.windows)


@staff_page("registry.import")
@require_http_methods(["GET", "HEAD", "POST"])
def services_import(request: HttpRequest) -> HttpResponse:
    """Choose a file, see what each row would answer, confirm."""
    by, now = reporter(actor(request)), clock.now()
    context = {
        "back_url": reverse("registry"),
        "action": reverse("services_import"),
        "template_url": reverse("services_template"),
    }
    return import_page(
        request, "registry/services_import.html", context, noun="办件",
        check=lambda data, name: check_data(data, name, by=by, at=now),
        take=lambda data, name: import_data(data, name, by=by, at=now),
    )  # fmt: skip


Taking = Callable[[bytes, str], FileResult[Any]]


def import_page(
    request: HttpRequest, template_name: str, context: dict[str, Any], *, noun: str, check: Taking, take: Taking
) -> HttpResponse:
    """Any import of rows: `check` says what each would answer and keeps nothing, `take` does what was looked at."""
    context["file_help"] = "CSV（UTF-8 或 GB18030）或 xlsx，第一行是列名"
    status = 200
    if request.method == "POST":
        try:
            if request.POST.get("step") == "confirm":
                return _confirm(request, context["action"], take)
            data, name = uploaded(request)
            context["result"] = _shown(check(data, name), keeping.keep(data, name), noun)
        except Problem as problem:
            context["error"] = f"{problem.message}{problem.cure}"
            status = problem.status
    return render(request, template_name, context, status=status)


def _shown(result: FileResult[Any], token: str, noun: str) -> dict[str, Any]:
    bad = result.bad
    text = f"共 {result.total:,} 行，可以收下 {result.accepted:,} 行"
    if bad:
        text += f"，有问题 {len(bad):,} 行" + (f"（先列出 {BAD_SHOWN} 行）" if len(bad) > BAD_SHOWN else "")
    return {
        "text": text,
        "bad": list(_bad_rows(bad, noun)),
        "confirm_token": token if result.accepted else "",
        "confirm_label": f"收下可以收的 {result.accepted:,} 行" if bad else "确认导入",
    }


def _bad_rows(bad: Sequence[BadService], noun: str) -> Iterator[dict[str, Any]]:
    for row in bad[:BAD_SHOWN]:
        yield {"sheet": f"{noun} …{row.case_no[-4:]}" if row.case_no else noun, "row": row.row, "reason": row.reason}


def _confirm(request: HttpRequest, here: str, take: Taking) -> HttpResponse:
    token = request.POST.get("confirm", "")
    data, name = keeping.kept(token)
    result = take(data, name)
    keeping.drop(token)
    say = messages.warning if result.bad else messages.success
    first = "".join(f" 第 {bad.row} 行：{bad.reason}" for bad in result.bad[:5])
    say(request, result.summary() + first)
    return HttpResponseRedirect(here)


@staff_page("registry.import")
@require_safe
def services_template(request: HttpRequest) -> HttpResponse:
    """The empty form to download."""
    return attachment(template(), "services-form.xlsx")
