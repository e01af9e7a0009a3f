"""A subordinate makes its organisations known: created below its own, never beside it, where the law says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from minping import law
from minping.kernel import journal
from minping.kernel.access import Actor
from minping.kernel.clock import beijing
from minping.law.areas import ancestors
from minping.law.errors import LawError
from minping.registry import queries as registry
from minping.registry.models import Area, Organization
from minping.upstream.below.intake import TooManyMessages, Unreadable, code_like, readable, subordinate_of

MOST = 500
KNOWN, CREATED, WAITING, REFUSED = "known", "created", "waiting", "refused"


def organizations_take(rows: Sequence[Any], *, by: Actor, at: datetime) -> list[dict[str, str]]:
    """Take organisations, parents first; says of each whether it is known, created, waits or is refused.

    The rule `introduce` of our area says whether they are created from what the subordinate
    says, or wait until somebody here imports them.  Raises Forbidden, NotSubordinate, TooManyMessages.
    """
    where = subordinate_of(by)
    if len(rows) > MOST:
        raise TooManyMessages(most=MOST, count=len(rows))
    create = law.at(settings.MINPING_AREA, beijing(at).date()).value("introduce").value == "create"
    with transaction.atomic():
        answers = [_take(row, where, create, by, at) for row in rows]
    registry.forget()
    return answers


def _take(row: Any, where: registry.Place, create: bool, by: Actor, at: datetime) -> dict[str, str]:
    names = ("code", "name", "kind", "area_code", "area_name", "parent")
    told = {name: row.get(name, "") for name in names} if isinstance(row, dict) else {}
    code = told.get("code") or ""
    try:
        readable(told)
    except Unreadable:
        told = {}
    if not told or not all(isinstance(value, str) for value in told.values()) or not code_like(code):
        return {"code": code if isinstance(code, str) and code.isprintable() else "", "result": REFUSED}
    there = Organization.objects.filter(pk=code).values_list("path", flat=True).first()
    if there is not None:
        return {"code": code, "result": KNOWN if there.startswith(where.path) else REFUSED}
    parent = Organization.objects.filter(pk=told["parent"]).first()
    if parent is None or not parent.path.startswith(where.path) or not _sound(told, where):
        return {"code": code, "result": REFUSED}
    if not create:
        return {"code": code, "result": WAITING}
    area, _ = Area.objects.get_or_create(code=told["area_code"], defaults={"name": told["area_name"][:80]})
    Organization.objects.create(
        code=code, name=told["name"], kind=told["kind"], area=area, parent=parent, path=f"{parent.path}{code}/"
    )
    journal.write(
        "below.organization", at=at, actor=by.name, organization_code=where.code, code=code, name=told["name"],
        parent=parent.pk,
    )  # fmt: skip
    return {"code": code, "result": CREATED}


def _sound(told: dict[str, str], where: registry.Place) -> bool:
    """Texts of the right length, a known kind, and an area at or below the subordinate's own."""
    if not 0 < len(told["name"]) <= 100 or not (told["name"] + told["area_name"]).isprintable():
        return False
    try:
        within = where.area_code in ancestors(told["area_code"])
    except LawError:
        return False
    return within and told["kind"] in Organization.Kind.values and told["kind"] != Organization.Kind.AUTHORITY
