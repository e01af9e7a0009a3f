"""账号: who may sign in and with which roles; each act is one call of `site/accounts.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from minping import law
from minping.kernel import clock
from minping.kernel.access import Actor
from minping.kernel.errors import Forbidden, Problem
from minping.kernel.models import Account, Assignment
from minping.kernel.paging import page_of
from minping.kernel.web import actor, staff_page
from minping.registry import queries as registry
from minping.site import accounts as services
from minping.site.forms import AccountForm, Choices, NewAccountForm, RoleForm, refuse

PAGE = 50


@staff_page("account.read")
@require_safe
def accounts(request: HttpRequest) -> HttpResponse:
    """The accounts within the actor's scope, and what each role may do."""
    who = actor(request)
    page = page_of(services.accounts_of(who).prefetch_related("assignments"), request, size=PAGE, key=UUID)
    locked = services.locked_usernames(account.username for account in page.rows)
    rules = _rules()
    context = {
        "accounts": [_line(account, rules, account.username in locked) for account in page.rows],
        "page": page.links,
        "new_url": reverse("account_new") if who.may("account.manage") else "",
        "roles": [_role(role, rules) for role in rules.roles.values()],
    }
    return render(request, "site/accounts.html", context)


def _rules() -> law.Rules:
    return law.at(settings.MINPING_AREA, clock.beijing(clock.now()).date())


def _line(account: Account, rules: law.Rules, locked: bool) -> dict[str, Any]:
    held = list(account.assignments.all())
    label = "停用" if not account.is_active else "暂时锁定" if locked else "启用"
    if account.is_active and not locked and account.must_change_password:
        label = "待改初始密码"
    return {
        "username": account.username,
        "name": account.name,
        "role_label": "、".join(dict.fromkeys(_role_label(one, rules) for one in held)) or "还没有角色",
        "unit_name": "、".join(dict.fromkeys(_place_label(one) for one in held)),
        "active": account.is_active,
        "locked": locked,
        "state_label": label,
        "seen_text": clock.moment_text(account.last_login) if account.last_login else "",
        "url": reverse("account_edit", args=[account.pk]),
    }


def _role_label(assignment: Assignment, rules: law.Rules) -> str:
    role = rules.roles.get(assignment.role)
    return role.label if role else assignment.role


def _place_label(assignment: Assignment) -> str:
    directory = registry.directory()
    place = directory.places.get(assignment.organization_code)
    name = place.name if place else assignment.organization_code
    if not assignment.window_code:
        return name
    key = (assignment.organization_code, assignment.window_code)
    return f"{name} {directory.windows.get(key, assignment.window_code)}"


def _role(role: law.Role, rules: law.Rules) -> dict[str, Any]:
    """What a role may, by whom it may never be done whatever the role (R8), and of what it is reminded (minan/5.2)."""
    never: dict[frozenset[str], list[str]] = {}
    for permission in sorted(role.may):
        if conflicts := rules.never(permission):
            never.setdefault(conflicts, []).append(rules.permissions[permission].label)
    sentences = [
        f"{'、'.join(rules.conflicts[one].label for one in sorted(conflicts))}不得{'、'.join(labels)}"
        for conflicts, labels in never.items()
    ]
    may = [rules.permissions[permission].label for permission in rules.permissions if permission in role.may]
    told = {
        said: [row.label for row in rules.reminders.values() if getattr(row, occasion)[0] == role.id]
        for occasion, said in law.OCCASIONS.items()
    }
    return {
        "label": role.label, "may": may, "never_text": "；".join(sentences),
        "told_text": "；".join(f"{said}：{'、'.join(labels)}" for said, labels in told.items() if labels),
    }  # fmt: skip


# --- making ------------------------------------------------------------------------------------


def _roles() -> Choices:
    return [(role.id, role.label) for role in _rules().roles.values()]


def _organizations(who: Actor) -> Choices:
    """The organisations where the actor may give roles."""
    return [
        (place.code, place.name)
        for place in sorted(registry.directory().places.values(), key=lambda place: place.path)
        if place.live and any(place.path.startswith(grant.path) for grant in who.scopes("account.manage"))
    ]


@staff_page("account.manage")
@require_http_methods(["GET", "HEAD", "POST"])
def account_new(request: HttpRequest) -> HttpResponse:
    """A new account with its first role; the password is on this answer and nowhere else."""
    who = actor(request)
    form = NewAccountForm(request.POST or None, roles=_roles(), organizations=_organizations(who))
    status = 200
    if request.method == "POST":
        if form.is_valid():
            given = form.cleaned_data
            try:
                account, password = services.account_create(
                    username=given["username"], name=given["name"], staff_code=given["staff_code"],
                    role=given["role"], organization_code=given["organization"], window_code=given["window"],
                    by=who, at=clock.now(),
                )  # fmt: skip
            except Problem as problem:
                refuse(form, problem)
                status = problem.status
            else:
                return _edit_page(request, account.pk, first_password=password)
        else:
            status = 422
    context = {"title": "新建账号", "form": form, "back_url": reverse("accounts")}
    return render(request, "site/account_form.html", context, status=status)


# --- changing ----------------------------------------------------------------------------------


@staff_page("account.read")
@require_http_methods(["GET", "HEAD", "POST"])
def account_edit(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """One account: its name and state, its roles, a fresh password."""
    if request.method != "POST":
        return _edit_page(request, account_id)
    if not actor(request).may("account.manage"):
        raise Forbidden()
    return VERBS.get(request.POST.get("verb", ""), _save)(request, account_id)


def _save(request: HttpRequest, account_id: UUID) -> HttpResponse:
    who = actor(request)
    form = _form(services.account_get(account_id=account_id, by=who), who, request.POST)
    if not form.is_valid():
        return _edit_page(request, account_id, form=form, status=422)
    given = form.cleaned_data
    try:
        services.account_change(
            account_id=account_id, name=given["name"], staff_code=given["staff_code"], active=given["active"],
            by=who, at=clock.now(),
        )  # fmt: skip
    except Problem as problem:
        refuse(form, problem)
        return _edit_page(request, account_id, form=form, status=problem.status)
    messages.success(request, "已保存。")
    return HttpResponseRedirect(reverse("account_edit", args=[account_id]), status=303)


def _assign(request: HttpRequest, account_id: UUID) -> HttpResponse:
    who = actor(request)
    form = RoleForm(request.POST, roles=_roles(), organizations=_organizations(who))
    error = "请选择角色和机构。"
    status = 422
    if form.is_valid():
        given = form.cleaned_data
        try:
            services.assignment_add(
                account_id=account_id, role=given["role"], organization_code=given["organization"],
                window_code=given["window"], by=who, at=clock.now(),
            )  # fmt: skip
        except Problem as problem:
            error, status = f"{problem.message}{problem.cure}", problem.status
        else:
            messages.success(request, "已加上这个角色，下一次打开页面就生效。")
            return HttpResponseRedirect(reverse("account_edit", args=[account_id]), status=303)
    return _edit_page(request, account_id, error=error, status=status)


def _unassign(request: HttpRequest, account_id: UUID) -> HttpResponse:
    try:
        assignment_id = UUID(request.POST.get("assignment", ""))
    except ValueError:
        return _edit_page(request, account_id, status=422)
    services.assignment_remove(account_id=account_id, assignment_id=assignment_id, by=actor(request), at=clock.now())
    messages.success(request, "已去掉这个角色，马上生效。")
    return HttpResponseRedirect(reverse("account_edit", args=[account_id]), status=303)


def _reset(request: HttpRequest, account_id: UUID) -> HttpResponse:
    password = services.password_reset(account_id=account_id, by=actor(request), at=clock.now())
    return _edit_page(request, account_id, first_password=password)


VERBS: dict[str, Callable[[HttpRequest, UUID], HttpResponse]] = {
    "assign": _assign,
    "unassign": _unassign,
    "reset": _reset,
}


def _form(account: Account, who: Actor, data: Any = None) -> AccountForm:
    """The account's form; what the actor may not change is shown, and stays as it is whatever is sent."""
    shown = {"name": account.name, "staff_code": account.staff_code, "active": account.is_active}
    form = AccountForm(data, initial=shown)
    managed, own = services.manages(who, account), account.pk == who.account_id
    for name, field in form.fields.items():
        field.disabled = not managed or (own and name != "name")
    return form


def _edit_page(
    request: HttpRequest,
    account_id: UUID,
    *,
    form: AccountForm | None = None,
    first_password: str = "",
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    who = actor(request)
    account = services.account_get(account_id=account_id, by=who)
    own = account.pk == who.account_id
    managed = services.manages(who, account)
    rules = _rules()
    url = reverse("account_edit", args=[account.pk])
    context: dict[str, Any] = {
        "title": f"账号 {account.username}",
        "form": form or _form(account, who),
        "action": url,
        "held": [f"{_role_label(one, rules)} · {_place_label(one)}" for one in account.assignments.all()],
        "first_password": first_password,
        "back_url": reverse("accounts"),
    }
    if managed and not own:
        context["actions"] = _actions(account, url, rules, who, error, request.POST)
    else:
        refusal = services.OwnAccount() if own and managed else services.OutOfScope()
        context["refusals"] = [{"label": "改角色、重置密码", "reason": f"{refusal.message}{refusal.cure}"}]
    return render(request, "site/account_form.html", context, status=status)


def _actions(account: Account, url: str, rules: law.Rules, who: Actor, error: str, given: Any) -> list[dict[str, Any]]:
    def options(name: str, choices: Choices) -> list[dict[str, Any]]:
        return [
            {"value": value, "label": label, "selected": bool(error) and given.get(name) == value}
            for value, label in choices
        ]

    return [
        {
            "verb": "assign",
            "label": "加一个角色",
            "url": url,
            "error": error,
            "fields": [
                {"name": "role", "label": "角色", "type": "select", "required": True,
                 "options": options("role", _roles())},
                {"name": "organization", "label": "机构", "type": "select", "required": True,
                 "options": options("organization", _organizations(who))},
                {"name": "window", "label": "窗口代码", "type": "text", "help": "只管一个窗口的才填。",
                 "value": given.get("window", "") if error else ""},
            ],
        },
        *(
            {
                "verb": "unassign",
                "label": f"去掉 {_role_label(one, rules)} · {_place_label(one)}",
                "url": url,
                "hidden": [{"name": "assignment", "value": str(one.pk)}],
            }
            for one in account.assignments.all()
        ),
        {"verb": "reset", "label": "重置密码", "url": url},
    ]  # fmt: skip
