"""Reads: the windows with their codes, and dead codes that people met."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import Max, Sum

from minping.evaluate.channels.qr.models import DeadScan, WindowCode
from minping.registry import queries as registry
from minping.registry.models import Organization, Window


@dataclass(frozen=True)
class Point:
    """A window or an agent point's desk, with its fixed code ("" where none was made yet)."""

    organization_code: str
    organization_name: str
    kind: str
    window_code: str
    window_name: str
    code: str


def points(organization_codes: Iterable[str]) -> list[Point]:
    """The live windows of the organisations, in the order of the registry."""
    codes = tuple(organization_codes)
    made = {
        (row.organization_code, row.window_code): row.code
        for row in WindowCode.objects.filter(organization_code__in=codes, retired_at=None)
    }
    rows = Window.objects.filter(organization__in=codes, retired_at=None, organization__retired_at=None)
    return [
        Point(
            row.organization_id, row.organization.name, Organization.Kind(row.organization.kind).label, row.code,
            row.name, made.get((row.organization_id, row.code), ""),
        )
        for row in rows.select_related("organization").order_by("organization__path", "code")
    ]  # fmt: skip


@dataclass(frozen=True)
class Dead:
    """A code that leads nowhere and that people still meet."""

    label: str
    count: int
    last: date


def dead(organization_codes: Iterable[str], since: date) -> list[Dead]:
    """Retired codes of the organisations, and codes never made here, met since a day; the most met first."""
    codes = tuple(organization_codes)
    retired = {
        row.code: row for row in WindowCode.objects.filter(organization_code__in=codes, retired_at__isnull=False)
    }
    names = registry.directory()
    found = []
    met = DeadScan.objects.filter(day__gte=since).values("code").annotate(n=Sum("count"), last=Max("day"))
    for row in met.order_by("-n"):
        code = row["code"]
        if not code:
            found.append(Dead("不是本系统的码，或抄错的码", row["n"], row["last"]))
        elif code in retired:
            was = retired[code]
            place = names.places.get(was.organization_code)
            window = names.windows.get((was.organization_code, was.window_code), was.window_code)
            found.append(Dead(f"{place.name if place else ''} {window}（旧码 {code}）", row["n"], row["last"]))
    return found
