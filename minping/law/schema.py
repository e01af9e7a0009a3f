"""What a data file may hold, as tables from field to check; nothing else knows the shapes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from minping.law import model
from minping.law.errors import broken

Check = Callable[[Any], Any]

LOWER_MAY = ("nothing", "tighten", "anything")
LIMIT_UNITS = tuple(model.UNIT_LABELS)
VALUE_UNITS = (
    "level", "service", "character", "byte", "file", "suffix", "hour", "count", "second", "clock", "word", "page", "sentence",
)  # fmt: skip


class Bad(Exception):
    """A value that a check refuses: what is wrong, and the cure, as Chinese half sentences."""

    def __init__(self, wrong: str, cure: str) -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.cure = cure


def text(value: Any) -> str:
    """A sentence or a name that is not empty."""
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise Bad(f"“{value}”不是文字，或者是空的", "请写成文字；像数字的文字要加引号")


def whole(value: Any) -> int:
    """A whole number of at least 0."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise Bad(f"“{value}”不是 0 或正整数", "请写成不带引号的整数")


def positive(value: Any) -> int:
    """A whole number of at least 1."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise Bad(f"“{value}”不是正整数", "请写成 1 或更大的整数，不带引号")


def yes_no(value: Any) -> bool:
    """true or false."""
    if isinstance(value, bool):
        return value
    raise Bad(f"“{value}”不是是非值", "请写 true 或 false")


def day(value: Any) -> date:
    """A day such as 2021-11-18."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise Bad(f"“{value}”不是日期", "请写成 2021-11-18 这样的日期，不带引号和时刻")


def code(value: Any) -> str:
    """A code of digits, kept as text so that leading zeros stay."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}", value):
        return value
    raise Bad(f"“{value}”不是代码", '代码请写成加引号的数字，例如 "001"')


def ident(value: Any) -> str:
    """An identifier: lower-case letters, digits, underscore."""
    if isinstance(value, str) and re.fullmatch(r"[a-z][a-z0-9_]{0,39}", value):
        return value
    raise Bad(f"“{value}”不是标识", "请用小写英文字母开头，只含小写字母、数字和下划线")


def permission(value: Any) -> str:
    """A permission such as ``order.accept`` or ``services:write``."""
    if isinstance(value, str) and re.fullmatch(r"[a-z]+[.:][a-z_]+", value):
        return value
    raise Bad(f"“{value}”不是权限名", "权限写作 order.accept 或 services:write 这样的形式")


def ruling(value: Any) -> str:
    """R1, R2, …"""
    if isinstance(value, str) and re.fullmatch(r"R[1-9][0-9]?", value):
        return value
    raise Bad(f"“{value}”不是裁定编号", "请写 R1、R2 这样的编号")


def one_of(*allowed: str) -> Check:
    """One of the words given."""

    def check(value: Any) -> str:
        if isinstance(value, str) and value in allowed:
            return value
        raise Bad(f"“{value}”不在可选之列", f"请写 {'、'.join(allowed)} 之一")

    return check


def set_of(check: Check) -> Check:
    """A list without repeats, each item by ``check``."""

    def check_all(value: Any) -> frozenset[str]:
        if not isinstance(value, list):
            raise Bad("应当是一个列表", "请写成 [甲, 乙] 或分行加短横")
        found = [check(one) for one in value]
        if len(set(found)) != len(found):
            raise Bad("列表里有重复", "每一项请只写一次")
        return frozenset(found)

    return check_all


def row_of(check: Check) -> Check:
    """A list in its order, not empty and without repeats: who comes first is said by the place."""

    def check_all(value: Any) -> tuple[str, ...]:
        found = tuple(check(one) for one in rows(value))
        if len(set(found)) != len(found):
            raise Bad("列表里有重复", "每一项请只写一次")
        return found

    return check_all


def level_code(value: Any) -> int:
    """A level in interface codes, 1 to 5 (minan/3.3)."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 5:
        return value
    raise Bad(f"“{value}”不是等级", "请按接口代码写 1 至 5（5 为非常满意）")


def plain(value: Any) -> Any:
    """The value of a parameter: a whole number, a text, or a list of one of these (kept as a tuple)."""
    if isinstance(value, list):
        if not value or any(isinstance(one, list) for one in value):
            raise Bad("列表是空的，或者一层套一层", "请写成不空的一层列表")
        found = tuple(plain(one) for one in value)
        if len(set(found)) != len(found):
            raise Bad("列表里有重复", "每一项请只写一次")
        return found
    if isinstance(value, str):
        return text(value)
    return whole(value)


def rows(value: Any) -> list[Any]:
    """A list with at least one entry; each entry is checked by its own table."""
    if isinstance(value, list) and value:
        return value
    raise Bad("应当是一个不空的列表", "请分行、每行以短横开头写明")


def code_rows(value: Any) -> dict[str, str]:
    """Our ids with the codes of an outside system."""
    if not isinstance(value, dict) or not value:
        raise Bad('应当是“我方标识: "对方代码"”的表', "请逐行写明")
    for ours, theirs in value.items():
        if not isinstance(ours, str):
            raise Bad(f"标识“{ours}”不是文字", "数字标识要加引号")
        text(theirs)
    return dict(value)


def key_rows(value: Any) -> dict[str, int]:
    """What each key of a device means, as a level in interface codes."""
    if not isinstance(value, dict) or not value or not all(isinstance(one, str) for one in value):
        raise Bad("应当是“按键代码: 等级”的表，按键代码加引号", '请写成 {"3": 5, "2": 4}')
    return {one: level_code(level) for one, level in value.items()}


# Every version of everything carries these: a legal number is data with a date and a clause.
VERSION: Mapping[str, Check] = {"from": day, "clause": text, "source": text, "checked_on": day}
VERSION_OPTIONAL: Mapping[str, Check] = {"to": day, "note": text}

HEADER: Mapping[str, Check] = {"label": text, "lower_may": one_of(*LOWER_MAY)}


@dataclass(frozen=True, slots=True)
class ListSpec:
    """One kind of list: the row type, the fields of a row, and the extra keys of a version."""

    row: type
    key: str
    fields: Mapping[str, Check]
    version: Mapping[str, Check] = field(default_factory=dict)


LISTS: Mapping[str, ListSpec] = {
    "levels": ListSpec(model.LevelRow, "code", {"code": level_code, "label": text, "negative": yes_no}),
    "tags": ListSpec(
        model.Tag,
        "code",
        {"code": code, "label": text, "level": level_code, "base": yes_no},
        {"name": ident},
    ),
    "channels": ListSpec(model.Channel, "id", {"id": ident, "label": text, "online": yes_no}),
    "keypads": ListSpec(
        model.Keypad,
        "id",
        {"id": ident, "label": text, "system": ident, "keys": key_rows, "silent": set_of(text)},
    ),
    "phone_keys": ListSpec(
        model.Keypad,
        "id",
        {"id": ident, "label": text, "system": ident, "keys": key_rows, "silent": set_of(text)},
    ),
    "proofs": ListSpec(model.Proof, "id", {"id": ident, "label": text, "real_name": yes_no}),
    "handlings": ListSpec(model.Handling, "id", {"id": ident, "label": text, "online": yes_no}),
    "sources": ListSpec(model.Source, "id", {"id": ident, "label": text, "word": text, "results": code_rows}),
    "certificates": ListSpec(
        model.Certificate, "id", {"id": code, "label": text, "who": one_of("person", "legal", "any")}
    ),
    "applicants": ListSpec(model.Applicant, "id", {"id": ident, "label": text}),
    "indicators": ListSpec(
        model.Indicator,
        "id",
        {
            "id": ident,
            "label": text,
            "formula": text,
            "numerator": text,
            "denominator": text,
            "defaults_count": yes_no,
        },
    ),
    "permissions": ListSpec(
        model.Permission,
        "id",
        {
            "id": permission,
            "label": text,
            "holder": one_of("role", "key", "both"),
            "implies": set_of(permission),
        },
    ),
    "conflicts": ListSpec(model.Conflict, "id", {"id": ident, "label": text}),
    "never": ListSpec(model.Never, "id", {"id": permission, "conflicts": set_of(ident)}),
    "roles": ListSpec(model.Role, "id", {"id": ident, "label": text, "may": set_of(permission)}),
    "reminders": ListSpec(
        model.Reminder,
        "id",
        {"id": ident, "label": text, **dict.fromkeys(model.OCCASIONS, row_of(ident))},
    ),
    "measures": ListSpec(model.Measure, "id", {"id": ident, "label": text, "move": ident}),
    "words": ListSpec(model.Word, "id", {"id": ident, "en": text}),
    "rulings": ListSpec(model.Ruling, "id", {"id": ruling, "label": text, "text": text}),
}


def fields(
    value: Any, file: str, key: str, required: Mapping[str, Check], optional: Mapping[str, Check]
) -> dict[str, Any]:
    """Check a mapping against its table: every required key there, no unknown key, each value good."""
    if not isinstance(value, dict):
        raise broken("LAW_SHAPE", file, key, "应当是“键: 值”的形式", "请参照同类文件逐项写明")
    allowed = {**required, **optional}
    for name in value:
        if name not in allowed:
            here = f"{key}.{name}" if key else str(name)
            raise broken("LAW_KEY_UNKNOWN", file, here, "是不认识的键", f"可用的键是 {'、'.join(allowed)}")
    for name in required:
        if name not in value:
            here = f"{key}.{name}" if key else name
            raise broken("LAW_KEY_MISSING", file, here, "没有写", "请补上这个键；含义见同类文件")
    found: dict[str, Any] = {}
    for name, raw in value.items():
        try:
            found[name] = allowed[name](raw)
        except Bad as bad:
            here = f"{key}.{name}" if key else str(name)
            raise broken("LAW_VALUE", file, here, bad.wrong, bad.cure) from None
    return found
