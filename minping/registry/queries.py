"""Reads of the registry that every stage asks: who is where, and what an actor's grants are."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from minping import law
from minping.kernel import access
from minping.kernel.access import Actor, Grant
from minping.kernel.clock import beijing
from minping.kernel.errors import NotFound
from minping.kernel.models import Account, ApiKey
from minping.registry.models import Item, Organization, Staff, Window


@dataclass(frozen=True)
class Place:
    """An organisation as the rating path needs it: no query per row."""

    code: str
    name: str
    kind: str
    path: str
    area_code: str
    live: bool
    reports_from: date | None = None
    ended_on: date | None = None  # the Beijing day on which it was retired


@dataclass(frozen=True)
class Directory:
    """The registry in memory, for intake and lists: small tables, read once every few seconds."""

    places: dict[str, Place]
    windows: dict[tuple[str, str], str]
    staff: dict[tuple[str, str], str]
    items: dict[str, tuple[str, str]]  # code → name, version

    def below(self, path: str) -> tuple[str, ...]:
        """Codes of the organisations at `path` and below it."""
        return tuple(place.code for place in self.places.values() if place.path.startswith(path))

    def within(self, grants: Iterable[Grant]) -> tuple[str, ...]:
        """Codes of the organisations that any of the grants covers as a whole."""
        paths = [grant.path for grant in grants if not grant.window_code]
        return tuple(p.code for p in self.places.values() if any(p.path.startswith(path) for path in paths))

    def office(self, area_code: str) -> Place | None:
        """The office (of a district or city: its authority) that governs the area: whose installation this is."""
        mine = (p for p in self.places.values() if p.kind in ("office", "authority") and p.area_code == area_code)
        return next(mine, None)


KEEP_SECONDS = 2.0
_kept: tuple[float, Directory] | None = None


def directory(fresh: bool = False) -> Directory:
    """The registry as of at most two seconds ago (`fresh`: as of now)."""
    global _kept
    if not fresh and _kept is not None and time.monotonic() - _kept[0] < KEEP_SECONDS:
        return _kept[1]
    read = Directory(
        places={
            row[0]: Place(
                *row[:5],
                row[5] is None,
                date.fromisoformat(row[6]) if row[6] else None,
                beijing(row[5]).date() if row[5] else None,
            )
            for row in Organization.objects.values_list(
                "code", "name", "kind", "path", "area_id", "retired_at", "reports_from"
            )
        },
        windows={
            (row[0], row[1]): row[2]
            for row in Window.objects.filter(retired_at=None).values_list("organization_id", "code", "name")
        },
        staff={
            (row[0], row[1]): row[2]
            for row in Staff.objects.filter(retired_at=None).values_list("organization_id", "code", "name")
        },
        items={row[0]: (row[1], row[2]) for row in Item.objects.values_list("code", "name", "version")},
    )
    _kept = (time.monotonic(), read)
    return read


def forget() -> None:
    """Drop the kept registry: after an import, and between tests."""
    global _kept
    _kept = None


def place(code: str) -> Place:
    """The organisation `code`.  Raises NotFound."""
    found = directory().places.get(code) or directory(fresh=True).places.get(code)
    if found is None:
        raise NotFound(f"没有机构“{code}”。", cure="用 minping registry list 可查机构代码。", field="organization_code")
    return found


def actor_of(account: Account, on: date) -> Actor:
    """The account with its grants: each assignment's role, read in the law of the day, at its place."""
    places = directory().places
    grants = []
    windows = set()
    labels = []
    for assignment in account.assignments.all():
        where = places.get(assignment.organization_code)
        role = law.at(where.area_code, on).roles.get(assignment.role) if where else None
        if where is None or role is None:
            continue
        labels.append(role.label)
        grants.append(Grant(frozenset(role.may), where.path, assignment.window_code))
        if assignment.window_code:
            windows.add((assignment.organization_code, assignment.window_code))
    return Actor(
        name=f"account:{account.username}",
        label=account.name,
        grants=tuple(grants),
        account_id=account.pk,
        staff_code=account.staff_code,
        windows=frozenset(windows),
    )


def actor_of_key(key: ApiKey) -> Actor:
    """A business system's key: its permissions at its organisation and below."""
    where = place(key.organization_code)
    return Actor(
        name=f"key:{key.pk}",
        label=key.label or "接口",
        grants=(Grant(access.implied(key.permissions), where.path),),
    )
