"""The registry as plain rows, for `minping registry list --json` and `minping item list --json`."""

from __future__ import annotations

from typing import Any

from minping.registry.models import Area, Device, Item, Organization, Package, Staff, Window


def rows() -> list[dict[str, Any]]:
    """Every row of the registry, retired ones too, from the top down.

    Each has kind, code, name, organization_code, parent, path and live (null where a
    kind has none); organisations, devices and items also say their `type`.
    """
    places = list(
        Organization.objects.order_by("path").values_list(
            "code", "name", "parent_id", "path", "retired_at", "kind", "area_id"
        )
    )
    paths = {place[0]: place[3] for place in places}
    found = [
        _row("area", code, name, parent=parent, retired=retired)
        for code, name, parent, retired in Area.objects.order_by("code").values_list(
            "code", "name", "parent_id", "retired_at"
        )
    ]
    found += [
        _row("organization", code, name, parent=parent, path=path, retired=retired, type=kind, area_code=area)
        for code, name, parent, path, retired, kind, area in places
    ]
    for kind, model, extra in (("window", Window, ()), ("staff", Staff, ()), ("device", Device, ("kind",))):
        named = "name" if model is not Device else "code"
        window = () if model is Window else ("window__code",)
        values = model._default_manager.order_by("organization_id", "code").values_list(
            "code", named, "organization_id", "retired_at", *window, *extra
        )
        for code, name, organization, retired, *more in values:
            detail = dict(zip(("window_code", "type"), more, strict=False))
            path = paths.get(organization)
            found.append(_row(kind, code, name, organization_code=organization, path=path, retired=retired, **detail))
    found += [_row("item", item["code"], item["name"], live=item["live"], type=item["kind"]) for item in items()]
    found += [
        _row("package", code, name, retired=retired)
        for code, name, retired in Package.objects.order_by("code").values_list("code", "name", "retired_at")
    ]
    return found


def _row(
    kind: str, code: str, name: str, *, retired: Any = None, live: bool | None = None, **more: Any
) -> dict[str, Any]:
    empty = {"organization_code": None, "parent": None, "path": None}
    alive = retired is None if live is None else live
    return {"kind": kind, "code": code, "name": name, **empty, **more, "live": alive}


def items() -> list[dict[str, Any]]:
    """Every item with its type (GB/T 39046 code) and the packages it is part of."""
    packages: dict[str, list[str]] = {}
    for item, package in Package.items.through.objects.order_by("package_id").values_list("item_id", "package_id"):
        packages.setdefault(item, []).append(package)
    return [
        {
            "code": code,
            "name": name,
            "kind": kind,
            "version": version,
            "live": retired is None,
            "packages": packages.get(code, []),
        }
        for code, name, kind, version, retired in Item.objects.order_by("code").values_list(
            "code", "name", "kind", "version", "retired_at"
        )
    ]
