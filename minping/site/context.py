"""What every template may say: whose page it is, and whether this is a sandbox."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache, partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from minping import law
from minping.evaluate.channels.sms.gateways import gateway
from minping.kernel import clock, language
from minping.kernel.access import Actor, Grant
from minping.registry import queries as registry
from minping.upstream.provinces import driver

# What each stage of the chain has of its own in the side bar: (label, url name, any of these permissions).
# The work place carries the rest: its views are grouped by the same words (site/desk).
GROUPS: tuple[tuple[str, tuple[tuple[str, str, tuple[str, ...]], ...]], ...] = (
    ("", (("工作台", "desk", ("case.read", "order.read")),)),
    ("评价", (
        ("电话请评", "ask", ("rating.ask",)),
        ("窗口装置", "devices", ("device.read",)),
        ("二维码", "codes", ("posters.make", "registry.read")),
        ("短信", "texts", ("delivery.read",)),
    )),
    ("反馈", (
        ("来件", "tickets", ("ticket.read",)),
        ("答复模板", "templates", ("templates.manage",)),
    )),
    ("改进", ()),
    ("监督", (
        ("各单位", "units", ("case.read",)),
        ("问责疑点", "supervise", ("notice.read",)),
        ("本人评价", "own", ("own.read",)),
        ("纪检线索", "clues", ("clue.open", "clue.key", "clue.confirm")),
    )),
    ("考核", (
        ("指标", "indicators", ("indicators.read",)),
        ("季度报告", "quarter", ("quarter.send",)),
    )),
    ("上下级", (
        ("上送", "delivery", ("delivery.read",)),
        ("下级", "below", ("below.read",)),
        ("回调", "callbacks", ("delivery.read",)),
    )),
    ("管理", (
        ("登记簿", "registry", ("registry.read",)),
        ("账号", "accounts", ("account.read",)),
        ("日志", "journal", ("journal.read",)),
    )),
)  # fmt: skip
SECTIONS = tuple(section for _, sections in GROUPS for section in sections)


# name in the templates, url name: what each header and footer points to.
LINKS = (("home", "home"), ("about", "about"), ("lookup", "receipt"), ("desk", "desk"), ("login", "login"))


@cache
def address(name: str, *args: str) -> str:
    """The address of a page, which is the same while the process runs; each page of the desk names thirty."""
    return reverse(name, args=args)


def office_name() -> str:
    """The office whose installation this is, as the registry calls it; empty before the first import."""
    office = registry.directory().office(settings.MINPING_AREA)
    return office.name if office else ""


def grant_label(grant: Grant) -> tuple[str, str]:
    """Role and place of a grant, as people say them.

    A grant carries no role, only what the role may do: the role is the one that may exactly that.
    """
    directory = registry.directory()
    place = next((place for place in directory.places.values() if place.path == grant.path), None)
    if place is None:
        return "", ""
    roles = law.at(place.area_code, clock.beijing(clock.now()).date()).roles.values()
    role = next((role.label for role in roles if frozenset(role.may) == grant.permissions), "")
    window = directory.windows.get((place.code, grant.window_code), grant.window_code)
    return role, f"{place.name} {window}".rstrip()


def who_card(who: Actor) -> dict[str, Any]:
    """Name, role and place in the corner of the desk; more roles than one are counted."""
    role, unit = grant_label(who.grants[0]) if who.grants else ("还没有角色", "")
    return {
        "name": who.label,
        "role_label": f"{role}等 {len(who.grants)} 项" if len(who.grants) > 1 else role,
        "unit_name": unit,
        "password_url": address("password"),
        "logout_url": address("logout"),
    }


LOOK, KEPT = "mp_look", 365 * 86400  # cookie: 1 for 长辈版, 0 for the usual pages; seconds


def look(request: HttpRequest) -> dict[str, Any]:
    """长辈版 or not, as the person chose, and the address of the other look of the same page."""
    elder = request.GET.get("elder", request.COOKIES.get(LOOK, "")) == "1"
    return {"elder": elder, "elder_url": _but(request, elder="0" if elder else "1")}


def _but(request: HttpRequest, **other: str) -> str:
    """This page's address with another word in it."""
    query = request.GET.copy()
    for name, value in other.items():
        query[name] = value
    return f"{request.path}?{query.urlencode()}"


def languages(request: HttpRequest) -> list[dict[str, Any]]:
    """The chooser, which works without script: each language by its own name."""
    here = language.current().code
    return [
        {"name": one.name, "tag": one.tag, "code": one.code, "here": one.code == here,
         "url": _but(request, lang=one.code)}
        for one in language.LANGUAGES.values()
    ]  # fmt: skip


def group_of(
    label: str, views: Sequence[dict[str, Any]] = (), entries: Sequence[dict[str, Any]] = (), *, folded: bool = False
) -> dict[str, Any]:
    """One group of the side bar: the views of the work place first, then the sections."""
    return {"label": label, "views": views, "entries": entries, "folded": folded}


def menu_of(groups: list[dict[str, Any]]) -> dict[str, Any]:
    """The side bar as the templates take it: its groups, and the name of the place one is at."""
    here = [one["label"] for group in groups for one in (*group["views"], *group["entries"]) if one["active"]]
    return {"groups": groups, "place": here[0] if here else "菜单"}


def groups_for(who: Actor, path: str, also: Collection[str] = ()) -> list[dict[str, Any]]:
    """The side bar of one person: what opens to them, by stage; a stage without any of it is left out unless in `also`."""
    shown = []
    for stage, sections in GROUPS:
        mine = [
            {"label": label, "url": (url := address(name)), "active": path.startswith(url)}
            for label, name, permissions in sections
            if any(who.may(permission) for permission in permissions)
        ]
        if mine or stage in also:
            shown.append(group_of(stage, entries=mine))
    return shown


def everywhere(request: HttpRequest) -> dict[str, Any]:
    context: dict[str, Any] = {
        "sandbox": settings.MINPING_SANDBOX,
        "links": {name: address(url_name) for name, url_name in LINKS},
        # Lazy: an error page about the database must not ask the database for a name it does not print.
        "office_name": SimpleLazyObject(office_name),
        "notes": [],
        "languages": SimpleLazyObject(partial(languages, request)),  # no page of the staff asks for them
    }
    if settings.MINPING_SANDBOX:
        context["clock_text"] = language.moment_text(clock.now())
    who = getattr(request, "actor", None)
    if who is None or who.account_id is None:
        return context | look(request)
    menu = cache(lambda: menu_of(groups_for(who, request.path)))  # not asked for by the work place: it has its own
    context |= {
        "groups": SimpleLazyObject(lambda: menu()["groups"]),
        "place": SimpleLazyObject(lambda: menu()["place"]),
    }
    context["who"] = who_card(who)
    if not settings.MINPING_PROVINCE and not driver().ends:
        context["notes"].append("没有接省平台接口：上送的内容写入文件夹，由人工录入省平台后登记编号。")
    if not gateway().real:
        context["notes"].append("没有接短信网关：短信只写进文件夹，没有真正发出。")
    return context
