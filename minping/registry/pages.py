"""登记簿: the tree of who is rated and where, and its import with a dry run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_safe

from minping.kernel import clock
from minping.kernel.access import Grant
from minping.kernel.errors import Invalid, Problem
from minping.kernel.web import actor, staff_page
from minping.registry import importing
from minping.registry.importing import keeping
from minping.registry.importing.sheets import DEVICE_KINDS
from minping.registry.models import Device, Item, Organization, Package, Retirable, Staff, Window

ITEMS_A_PAGE = 50
BAD_SHOWN = 300
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@staff_page("registry.read")
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Units, windows, devices and staff within the reader's scope, and the items."""
    by = actor(request)
    scopes = by.scopes("registry.read")
    places = [place for place in Organization.objects.order_by("path") if _covered(place.path, scopes)]
    inside = {place.code for place in places}
    windows = [row for row in Window.objects.order_by("code") if row.organization_id in inside]
    staff = [row for row in Staff.objects.order_by("code") if row.organization_id in inside]
    devices = [row for row in Device.objects.order_by("code") if row.organization_id in inside]
    page = Paginator(Item.objects.order_by("code"), ITEMS_A_PAGE).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    in_package = set(
        Package.items.through.objects.filter(item_id__in=[item.code for item in shown]).values_list(
            "item_id", flat=True
        )
    )
    context: dict[str, Any] = {
        "tree": tree(places, windows, staff, devices),
        "counts": [
            _count("机构", places), _count("窗口", windows), _count("人员", staff), _count("装置", devices),
            {"label": "事项", "count": Item.objects.filter(retired_at=None).count()},
        ],
        "items": [
            {**_state(item), "code": item.code, "name": item.name, "package": item.code in in_package} for item in shown
        ],
        "page": {
            "prev": f"?page={page.previous_page_number()}" if page.has_previous() else None,
            "next": f"?page={page.next_page_number()}" if page.has_next() else None,
            "text": f"第 {page.number} 页，共 {page.paginator.num_pages} 页",
        },
    }  # fmt: skip
    if by.may("registry.import"):
        context["import_url"] = reverse("registry_import")
        context["services_import_url"] = _address("services_import")
    if by.may("device.read"):
        context["devices_url"] = _address("devices")
    return render(request, "registry/index.html", context)


def _covered(path: str, scopes: Iterable[Grant]) -> bool:
    return any(path.startswith(grant.path) for grant in scopes)


def _address(name: str) -> str:
    """The address of a page that a later stage brings, if it does."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def _state(row: Retirable) -> dict[str, Any]:
    return {"active": row.live, "state_label": "在用" if row.live else "已停用"}


def _count(label: str, rows: Iterable[Retirable]) -> dict[str, Any]:
    return {"label": label, "count": sum(row.live for row in rows)}


def tree(
    places: list[Organization], windows: Iterable[Window], staff: Iterable[Staff], devices: Iterable[Device]
) -> list[dict[str, Any]]:
    """Units below units; a window holds its staff and devices, a unit those that sit at no window."""
    nodes: dict[Any, dict[str, Any]] = {
        place.code: _node(place, place.get_kind_display(), place.code, place.name, open=True) for place in places
    }
    for window in windows:
        nodes[window.pk] = _node(window, "窗口", window.code, window.name)
        nodes[window.organization_id]["children"].append(nodes[window.pk])
    for person in staff:
        holder = nodes.get(person.window_id) or nodes[person.organization_id]
        holder["children"].append(_node(person, "人员", person.code, person.name))
    for device in devices:
        holder = nodes.get(device.window_id) or nodes[device.organization_id]
        holder["children"].append(_node(device, "装置", device.code, DEVICE_KINDS.get(device.kind, device.kind)))
    tops: list[dict[str, Any]] = []
    for place in places:
        above = nodes.get(place.parent_id)
        (above["children"] if above else tops).append(nodes[place.code])
    return tops


def _node(row: Retirable, kind: str, code: str, name: str, open: bool = False) -> dict[str, Any]:
    return {**_state(row), "kind_label": kind, "code": code, "name": name, "note": "", "open": open, "children": []}


# --- import --------------------------------------------------------------------------------------


@staff_page("registry.import")
@require_http_methods(["GET", "HEAD", "POST"])
def registry_import(request: HttpRequest) -> HttpResponse:
    """Choose a workbook, look at what it would do, confirm: the file waits in between."""
    context: dict[str, Any] = {
        "back_url": reverse("registry"),
        "action": reverse("registry_import"),
        "template_url": reverse("registry_form"),
        "file_help": format_html(
            'xlsx 工作簿；可以<a href="{}">下载现有登记簿</a>，改好再传', reverse("registry_workbook")
        ),
    }
    status = 200
    if request.method == "POST":
        try:
            if request.POST.get("step") == "confirm":
                return _confirm(request)
            data, name = uploaded(request)
            plan = _plan(request, data, name)
            context["result"] = _result(plan, keeping.keep(data, name))
        except Problem as problem:
            context["error"] = f"{problem.message}{problem.cure}"
            status = problem.status
    return render(request, "registry/import.html", context, status=status)


def uploaded(request: HttpRequest) -> tuple[bytes, str]:
    """The chosen file and its name.  Raises Invalid where there is none, or it is too large."""
    file = request.FILES.get("file")
    if file is None:
        raise Invalid("还没有选文件。", cure="请选择文件后再点“试导入”。")
    if (file.size or 0) > keeping.MOST:
        raise Invalid("文件太大。", cure=f"最多 {keeping.MOST // 1024 // 1024} MB，请分成几个文件。")
    return file.read(), (file.name or "上传的文件")[-120:]


def _plan(request: HttpRequest, data: bytes, name: str) -> importing.Plan:
    scope = tuple(sorted({g.path for g in actor(request).scopes("registry.import") if not g.window_code}))
    return importing.plan(importing.read_workbook(data, name), scope)


def _result(plan: importing.Plan, token: str) -> Mapping[str, Any]:
    added, changed, retired = len(plan.add), len(plan.change), len(plan.retire)
    if plan.bad:
        text = f"有 {len(plan.bad)} 处问题" + (f"，先列出 {BAD_SHOWN} 处" if len(plan.bad) > BAD_SHOWN else "")
    elif plan.empty:
        text = "文件与登记簿一致，没有要改的"
    else:
        text = f"将新增 {added} 行，更改 {changed} 行，停用 {retired} 行"
    return {
        "text": text,
        "counts": plan.counts,
        "changes": plan.change,
        "retired": plan.retire,
        "bad": plan.bad[:BAD_SHOWN],
        "confirm_token": "" if plan.bad or plan.empty else f"{token}.{plan.fingerprint}",
    }


def _confirm(request: HttpRequest) -> HttpResponse:
    """Import what was looked at, and nothing else: the plan made again must be the same."""
    token, _, fingerprint = request.POST.get("confirm", "").partition(".")
    data, name = keeping.kept(token)
    plan = _plan(request, data, name)
    if plan.fingerprint != fingerprint:
        raise importing.RegistryMoved()
    importing.registry_import(plan, by=actor(request), at=clock.now())
    keeping.drop(token)
    done = f"已导入：新增 {len(plan.add)} 行，更改 {len(plan.change)} 行，停用 {len(plan.retire)} 行。"
    messages.success(request, done)
    return HttpResponseRedirect(reverse("registry"))


def attachment(data: bytes, name: str) -> HttpResponse:
    """`data` as a workbook to download, called `name` (ASCII)."""
    return HttpResponse(data, content_type=XLSX, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@staff_page("registry.import")
@require_safe
def registry_workbook(request: HttpRequest) -> HttpResponse:
    """What is live now within the reader's scope, as a workbook to edit and import again."""
    scopes = [grant for grant in actor(request).scopes("registry.import") if not grant.window_code]
    inside = {
        code for code, path in Organization.objects.values_list("code", "path") if _covered(path, scopes)
    }  # fmt: skip
    return attachment(importing.workbook(importing.current(inside)), "registry.xlsx")


@staff_page("registry.import")
@require_safe
def registry_form(request: HttpRequest) -> HttpResponse:
    """The empty form: every sheet with its headings, and a sheet that explains them."""
    return attachment(importing.form(), "registry-form.xlsx")
