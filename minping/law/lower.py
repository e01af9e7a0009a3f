"""What a lower area may change: nothing, only to the stricter side, or anything.

Declared where the upper rule stands (``lower_may``) and enforced when the folder is read, against every
area above and every pair of versions that share a day: an area may not loosen a superior's limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minping.law import schema
from minping.law.areas import ancestors
from minping.law.book import Book, Key, Version
from minping.law.errors import LawError, broken
from minping.law.model import UNIT_LABELS


def check_lower(book: Book) -> list[LawError]:
    """Every rule of a lower area that its superiors do not allow."""
    faults: list[LawError] = []
    for key, by_area in sorted(book.items.items()):
        for area, versions in sorted(by_area.items()):
            for upper_area in ancestors(area)[1:]:
                for upper in by_area.get(upper_area, ()):
                    faults += [
                        fault
                        for lower in versions
                        if lower.overlaps(upper) and (fault := _fault(book, key, lower, upper)) is not None
                    ]
    return faults


def _fault(book: Book, key: Key, lower: Version, upper: Version) -> LawError | None:
    if upper.lower_may == "anything":
        return None
    mine, theirs = _substance(key, lower), _substance(key, upper)
    if mine == theirs:
        return None
    name = book.areas[upper.area].label
    where = f"{upper.file}，{upper.place}"
    if upper.lower_may == "nothing":
        wrong = f"改动了{name}不许下级改动的“{upper.label}”（{where}）"
        cure = "请删去这个文件，或写成与上级完全相同的内容"
        return broken("LAW_LOWER", lower.file, lower.place, wrong, cure)
    if _TIGHTER[key[0]](key, mine, theirs, upper):
        return None
    wrong = f"放宽了{name}的“{upper.label}”（{where}），下级只能从严"
    return broken("LAW_LOWER", lower.file, lower.place, wrong, _cure(key, theirs, upper))


def _cure(key: Key, theirs: Any, upper: Version) -> str:
    if key[0] == "limits":
        value, unit = theirs
        return f"请写不超过 {value} {UNIT_LABELS[unit]}的期限，单位与上级一致"
    if key[0] == "values" and isinstance(theirs[0], int):
        side = "不大于" if upper.tighter == "lower" else "不小于"
        return f"请写{side} {theirs[0]} 的值"
    return "请只保留上级已有的内容，或更严的内容"


def _substance(key: Key, version: Version) -> Any:
    """What of a version counts as its content: never its clause, source or label of the file."""
    payload = version.payload
    if key[0] in ("limits", "values"):
        return payload.value, payload.unit
    if key[0] == "codes":
        return dict(payload.codes)
    spec = schema.LISTS[key[1]]
    return {getattr(row, spec.key): {f: getattr(row, f) for f in spec.fields} for row in payload}


def _limit(key: Key, mine: Any, theirs: Any, upper: Version) -> bool:
    return bool(mine[1] == theirs[1] and mine[0] <= theirs[0])


def _value(key: Key, mine: Any, theirs: Any, upper: Version) -> bool:
    if mine[1] != theirs[1] or type(mine[0]) is not type(theirs[0]):
        return False
    if isinstance(mine[0], tuple):
        return set(mine[0]) <= set(theirs[0])
    if isinstance(mine[0], int):
        return bool(mine[0] <= theirs[0] if upper.tighter == "lower" else mine[0] >= theirs[0])
    return False


def _part(key: Key, mine: Any, theirs: Any, upper: Version) -> bool:
    """Leave rows out, add none, change none."""
    return all(name in theirs and theirs[name] == row for name, row in mine.items())


def _roles(key: Key, mine: Any, theirs: Any, upper: Version) -> bool:
    """A role may lose permissions, never gain one; no new role."""
    return all(name in theirs and row["may"] <= theirs[name]["may"] for name, row in mine.items())


def _never(key: Key, mine: Any, theirs: Any, upper: Version) -> bool:
    """Prohibitions may grow, never shrink."""
    return all(name in mine and mine[name]["conflicts"] >= row["conflicts"] for name, row in theirs.items())


def _list(key: Key, mine: Any, theirs: Any, upper: Version) -> bool:
    return {"roles": _roles, "never": _never}.get(key[1], _part)(key, mine, theirs, upper)


_TIGHTER: Mapping[str, Callable[[Key, Any, Any, Version], bool]] = {
    "limits": _limit,
    "values": _value,
    "codes": _part,
    "lists": _list,
}
