"""Whose figures: an organisation with all below it, or one window of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Q

from minping.kernel.access import Actor
from minping.kernel.errors import Forbidden, NotFound
from minping.registry import queries as registry
from minping.registry.models import Organization, Window

MOST_CHOICES = 500


@dataclass(frozen=True)
class Unit:
    """`code` is the organisation's; `window_code` is empty for the whole of it and everything below."""

    code: str
    window_code: str
    label: str
    path: str
    area_code: str

    @property
    def key(self) -> str:
        """How it is asked for: `CODE` or `CODE/WINDOW`."""
        return f"{self.code}/{self.window_code}" if self.window_code else self.code

    @property
    def codes(self) -> tuple[str, ...]:
        """The organisations it is made of."""
        return (self.code,) if self.window_code else registry.directory().below(self.path)

    @property
    def scope(self) -> Q:
        """Its services, and its negative cases: both carry the same two codes."""
        if self.window_code:
            return Q(organization_code=self.code, window_code=self.window_code)
        codes = self.codes
        return Q(organization_code=codes[0]) if len(codes) == 1 else Q(organization_code__in=codes)

    @property
    def reporting(self) -> tuple[str, ...]:
        """Who within it owes a quarterly report: each subdistrict office, and what stands above all (minan/4.2.4).

        A district or city owes none itself: its figure is the sum of those below.
        """
        if self.window_code:
            return ()
        places = registry.directory().places
        above = {place.path for place in places.values()}
        return tuple(
            code
            for code in self.codes
            if places[code].kind == Organization.Kind.OFFICE
            or (
                places[code].kind != Organization.Kind.AUTHORITY
                and not any(places[code].path.startswith(path) for path in above if path != places[code].path)
            )
        )


def unit_of(text: str) -> Unit:
    """The unit `CODE` or `CODE/WINDOW`.  Raises NotFound."""
    code, _, window_code = text.strip().partition("/")
    where = registry.place(code)
    if not window_code:
        return _whole(where)
    name = registry.directory().windows.get((code, window_code))
    if name is None:  # one that has been retired keeps its figures
        name = Window.objects.filter(organization_id=code, code=window_code).values_list("name", flat=True).first()
    if name is None:
        raise NotFound(f"机构“{where.name}”没有窗口“{window_code}”。", cure="请核对窗口代码。", field="unit")
    return Unit(code, window_code, f"{where.name} {name}", where.path, where.area_code)


def unit_for(by: Actor, text: str, permission: str) -> Unit:
    """The unit asked for, or the first that `by` may see.  Raises NotFound, Forbidden."""
    if not text:
        choices = units_of(by, permission)
        if not choices:
            raise Forbidden()
        return choices[0]
    unit = unit_of(text)
    by.require(permission, unit.path, unit.window_code)
    return unit


def units_of(by: Actor, permission: str) -> list[Unit]:
    """What `by` may choose from: organisations from the top down, then windows that were granted singly."""
    directory = registry.directory()
    grants = by.scopes(permission)
    wholes = [directory.places[code] for code in directory.within(grants) if directory.places[code].live]
    units = [_whole(place) for place in sorted(wholes, key=lambda place: place.path)[:MOST_CHOICES]]
    for grant in grants:
        for (code, window_code), name in sorted(directory.windows.items()):
            place = directory.places[code]
            if grant.window_code == window_code and place.path.startswith(grant.path):
                units.append(Unit(code, window_code, f"{place.name} {name}", place.path, place.area_code))
    return units


@dataclass(frozen=True)
class Part:
    """One line of the drill-down: a child organisation or a window; `unit` is empty where none was recorded."""

    label: str
    unit: Unit | None
    codes: tuple[str, ...]
    window_code: str | None = None  # None: whole organisations


def parts_of(unit: Unit, seen: Collection[tuple[str, str]]) -> list[Part]:
    """The unit's own windows and its direct children, which together are the unit.

    `seen` are the (organisation, window) pairs that facts speak of: a retired window
    keeps its line, and so does what was recorded without a window.
    """
    if unit.window_code:
        return []
    directory = registry.directory()
    own = directory.places[unit.code]
    parts = _windows(own, seen, _retired([unit.code], seen), f"{unit.label} ", bare=True)
    children: list[registry.Place] = []
    below = sorted((directory.places[code] for code in unit.codes if code != unit.code), key=lambda p: len(p.path))
    for place in below:
        if not any(place.path.startswith(child.path) for child in children):
            children.append(place)
    parts += [
        Part(child.name, _whole(child), directory.below(child.path))
        for child in sorted(children, key=lambda child: child.path)
    ]
    return parts


def points_of(unit: Unit, seen: Collection[tuple[str, str]]) -> list[Part]:
    """Every window and every agent point of the unit, as the quarterly analysis wants them (minan/4.2.4)."""
    if unit.window_code:
        return []
    directory = registry.directory()
    retired = _retired(unit.codes, seen)
    parts = []
    for place in sorted((directory.places[code] for code in unit.codes), key=lambda place: place.path):
        if place.kind == Organization.Kind.AGENT_POINT:
            parts.append(Part(place.name, _whole(place), (place.code,)))
        else:
            parts += _windows(place, seen, retired, f"{place.name} ")
    return parts


def _retired(codes: Collection[str], seen: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Names of the windows that facts speak of and that are in use no longer."""
    live = registry.directory().windows
    gone = {pair for pair in seen if pair[1] and pair[0] in codes and pair not in live}
    if not gone:
        return {}
    rows = Window.objects.filter(organization_id__in={code for code, _ in gone}).values_list(
        "organization_id", "code", "name"
    )
    known = {(organization, code): f"{name}（已停用）" for organization, code, name in rows}
    return {pair: known.get(pair, pair[1]) for pair in gone}


def _windows(
    place: registry.Place,
    seen: Collection[tuple[str, str]],
    retired: dict[tuple[str, str], str],
    prefix: str,
    bare: bool = False,
) -> list[Part]:
    names = {**registry.directory().windows, **retired}
    parts = [
        Part(
            name if bare else prefix + name,
            Unit(place.code, code, prefix + name, place.path, place.area_code),
            (place.code,),
            code,
        )
        for (organization, code), name in sorted(names.items())
        if organization == place.code
    ]
    if (place.code, "") in seen:
        parts.append(Part("未记窗口" if bare else f"{prefix}未记窗口", None, (place.code,), ""))
    return parts


def _whole(place: registry.Place) -> Unit:
    return Unit(place.code, "", place.name, place.path, place.area_code)
