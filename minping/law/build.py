"""From checked fields to the typed rows a reader of the rules gets: one builder per kind of file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from minping.law import model, schema
from minping.law.errors import broken
from minping.law.levels import InterfaceLevel


@dataclass(frozen=True, slots=True)
class Place:
    """Where a version stands: for the rows it makes and for the errors it causes."""

    file: str
    area: str
    id: str
    key: str
    first: date
    last: date | None
    clauses: Mapping[str, model.Clause]


Builder = Callable[[Place, dict[str, Any], dict[str, Any]], Any]


def known_clause(place: Place, clause: str, key: str) -> str:
    """The clause, when clauses.yaml has it."""
    if clause not in place.clauses:
        cure = "请改成 clauses.yaml 里有的编号，或先在那里登记这一条"
        raise broken("LAW_CLAUSE", place.file, key, f"没有编号为“{clause}”的条款", cure)
    return clause


def build_limit(place: Place, header: dict[str, Any], version: dict[str, Any]) -> model.Limit:
    """A time limit."""
    return model.Limit(starts=header["starts"], **_common(place, header, version))


def build_value(place: Place, header: dict[str, Any], version: dict[str, Any]) -> model.Parameter:
    """A parameter; one counted in levels must hold levels."""
    value = version["value"]
    items = value if isinstance(value, tuple) else (value,)
    if version["unit"] == "level" and not all(isinstance(one, int) and 1 <= one <= 5 for one in items):
        cure = "请按接口代码写 1 至 5（5 为非常满意）"
        raise broken("LAW_VALUE", place.file, f"{place.key}.value", "含有不是等级的值", cure)
    if version["unit"] == "page" and value not in model.PAGES:
        raise broken(
            "LAW_VALUE", place.file, f"{place.key}.value", f"“{value}”不是评价页", f"请写 {'、'.join(model.PAGES)} 之一"
        )
    return model.Parameter(**_common(place, header, version))


def build_codes(place: Place, header: dict[str, Any], version: dict[str, Any]) -> model.CodeMap:
    """A map to the codes of an outside system; one code may not stand for two of our ids."""
    rows: dict[str, str] = version["rows"]
    seen: dict[str, str] = {}
    for ours, theirs in rows.items():
        if theirs in seen:
            key = f"{place.key}.rows.{ours}"
            wrong = f"代码 {theirs} 已经给了 {seen[theirs]}"
            raise broken("LAW_DUPLICATE", place.file, key, wrong, "一个代码只能对应一项，请核对对方的文件")
        seen[theirs] = ours
    return model.CodeMap(
        id=place.id,
        label=header["label"],
        kind=header["kind"],
        codes=rows,
        clause=version["clause"],
        source=version["source"],
        area=place.area,
        valid_from=place.first,
    )


def build_list(place: Place, header: dict[str, Any], version: dict[str, Any]) -> tuple[Any, ...]:
    """The rows of a list, each with its own clause or the version's."""
    spec = schema.LISTS[place.id]
    seen: set[Any] = set()
    rows: list[Any] = []
    for index, raw in enumerate(version["rows"]):
        key = f"{place.key}.rows[{index}]"
        found = schema.fields(raw, place.file, key, spec.fields, {"clause": schema.text})
        clause = known_clause(place, found.pop("clause", version["clause"]), f"{key}.clause")
        name = found[spec.key]
        if name in seen:
            raise broken("LAW_DUPLICATE", place.file, f"{key}.{spec.key}", f"“{name}”写了两遍", "请只留一行")
        seen.add(name)
        rows.append(_SPECIAL.get(place.id, _row)(place, key, version, {**found, "clause": clause}))
    _WHOLE.get(place.id, _any)(place, rows)
    return tuple(rows)


def _common(place: Place, header: dict[str, Any], version: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": place.id,
        "label": header["label"],
        "value": version["value"],
        "unit": version["unit"],
        "clause": version["clause"],
        "source": version["source"],
        "area": place.area,
        "valid_from": place.first,
        "checked_on": version["checked_on"],
        "lower_may": header["lower_may"],
    }


def _row(place: Place, key: str, version: dict[str, Any], found: dict[str, Any]) -> Any:
    return schema.LISTS[place.id].row(**found)


def _level(place: Place, key: str, version: dict[str, Any], found: dict[str, Any]) -> model.LevelRow:
    level = InterfaceLevel(found["code"])
    for name, right in (("label", level.label), ("negative", level.negative)):
        if found[name] != right:
            wrong = f"与等级 {int(level)}（{level.label}）不符"
            cure = f"请写 {str(right).lower()}；五个等级由全国统一，不能改名"
            raise broken("LAW_VALUE", place.file, f"{key}.{name}", wrong, cure)
    return model.LevelRow(level, found["label"], found["negative"], found["clause"])


def _tag(place: Place, key: str, version: dict[str, Any], found: dict[str, Any]) -> model.Tag:
    if len(found["code"]) != 3 or found["code"][0] != str(found["level"]):
        wrong = f"标签 {found['code']} 不属于等级 {found['level']}"
        cure = "标签为三位数字，首位就是它的等级，请核对"
        raise broken("LAW_TAG", place.file, f"{key}.code", wrong, cure)
    return model.Tag(
        code=found["code"],
        label=found["label"],
        level=InterfaceLevel(found["level"]),
        base=found["base"],
        version=version["name"],
        valid_from=place.first,
        valid_to=place.last,
        clause=found["clause"],
    )


def _any(place: Place, rows: list[Any]) -> None:
    if not rows:
        raise broken("LAW_VALUE", place.file, f"{place.key}.rows", "一行也没有", "请至少写一行")


def _all_levels(place: Place, rows: list[model.LevelRow]) -> None:
    if [row.code for row in rows] != sorted(InterfaceLevel, reverse=True):
        cure = "请从 5 到 1 依次写全"
        raise broken("LAW_VALUE", place.file, f"{place.key}.rows", "不是完整的五个等级", cure)


_SPECIAL: Mapping[str, Callable[[Place, str, dict[str, Any], dict[str, Any]], Any]] = {
    "levels": _level,
    "tags": _tag,
}
_WHOLE: Mapping[str, Callable[[Place, list[Any]], None]] = {"levels": _all_levels}
