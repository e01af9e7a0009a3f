"""Reading a profile: every fault names the file, the key and the cure; nothing is guessed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from minping.law import schema, yamlfile
from minping.law.errors import LawError, broken
from minping.law.schema import Bad
from minping.upstream.port import ASKS, NEEDS, Ability
from minping.upstream.profile.model import ANSWER_CLASSES, CODE_TABLES, AnswerRule, Field, MessageForm, Need, Profile

ROOT = Path(__file__).resolve().parents[1] / "provinces"
FAMILIES = ("soap", "envelope", "form")
CHARSETS = ("utf-8", "gb2312", "gbk", "gb18030")

_TOP = {"id": schema.text, "label": schema.text, "family": schema.one_of(*FAMILIES), "source": schema.text,
        "checked_on": schema.day, "versions": schema.rows}  # fmt: skip


def _anything(value: Any) -> Any:
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Bad("应当是“键: 值”的形式", "请逐行写明")
    return value


def _texts(value: Any) -> Mapping[str, str]:
    for name, one in _mapping(value).items():
        if not isinstance(name, str) or not isinstance(one, str):
            raise Bad(f"“{name}: {one}”两边都应当是文字", "数字要加引号")
    return dict(value)


def _number(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
        return float(value)
    raise Bad(f"“{value}”不是正数", "请写成正数，不带引号")


def _words(value: Any) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(one, str) and one for one in value):
        return tuple(value)
    raise Bad("应当是文字的列表", "请写成 [甲, 乙]；像数字的要加引号")


def _raw(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise Bad(f"“{value}”不是文字", "像数字的文字要加引号；空格也要加引号")


def _conditions(value: Any) -> Mapping[str, tuple[str, ...]]:
    return {path: _words(one) for path, one in _mapping(value).items()}


_VERSION_MUST = {
    "from": schema.day, "charset": schema.one_of(*CHARSETS), "abilities": schema.set_of(schema.one_of(*Ability)),
    "per_second": _number, "paths": _texts, "codes": _mapping, "messages": _mapping, "answers": schema.rows,
}  # fmt: skip
_VERSION_MAY = {
    "to": schema.day, "note": schema.text, "references": schema.yes_no, "unneeded": _words, "updates": schema.yes_no,
    "batch": schema.positive, "connect_seconds": _number, "read_seconds": _number, "security": _mapping,
    "credentials": _words, "case_key": _mapping, "back": _mapping, "page_origins": _words, "late_after_days": schema.positive,
}  # fmt: skip
_FIELD_MAY = {
    "take": schema.text, "value": _raw, "code": schema.one_of(*CODE_TABLES), "time": schema.text, "join": _raw,
    "count": schema.yes_no, "pad": schema.positive, "first": schema.positive, "prefix": _raw, "then": schema.text, "between": _raw, "replace": _texts,
    "number": schema.yes_no, "required": schema.yes_no, "blank": _raw, "most": schema.positive, "when": _conditions,
}  # fmt: skip
# Which path of the superior an ability needs, by family; a driver that needs none has no row.
PATHS = {
    Ability.PUSH_SERVICE: "service",
    Ability.PUSH_RATING: "rating",
    Ability.PUSH_RECTIFICATION: "rectification",
    Ability.REQUEST_REVOCATION: "revocation",
    Ability.PULL_DICTIONARY: "dictionary",
    Ability.PULL_NEGATIVES: "negatives",
    Ability.GET_PAGE: "page",
    Ability.BUILD_PAGE: "page",
    Ability.PULL_RATINGS: "results",
    Ability.PUSH_LATE: "late",
}

# What no documented interface of a province has (decision 0097): a profile that declares it would promise too much.
NO_FAMILY = frozenset({Ability.PULL_OPEN_SERVICES})


def names() -> list[str]:
    """The profiles that are shipped."""
    return sorted(file.parent.name for file in ROOT.glob("*/profile.yaml"))


def load(name: str, *, on: date) -> Profile:
    """The version in force on a day, of a shipped profile or of a file.  Raises LawError."""
    file = Path(name) if name.endswith((".yaml", ".yml")) else ROOT / name / "profile.yaml"
    if not file.exists():
        raise broken(
            "PROFILE_NONE", name, "", "没有这个省的配置", f"现有：{'、'.join(names())}；或给出 YAML 文件的路径"
        )
    versions = read_file(file)
    for one in versions:
        if one.start <= on and (one.end is None or on <= one.end):
            return one
    raise broken("PROFILE_DATE", versions[0].file, "versions", f"没有哪一版在 {on} 有效", "请补上那一天起的一版")


def read_file(file: Path) -> list[Profile]:
    """Every version in a file, newest first.  Raises LawError naming file, key and cure."""
    name = f"{file.parent.name}/{file.name}"
    top = schema.fields(yamlfile.read(file, name), name, "", _TOP, {})
    versions = [_version(top, one, name, f"versions[{n}]") for n, one in enumerate(top["versions"])]
    versions.sort(key=lambda one: one.start, reverse=True)
    for newer, older in itertools.pairwise(versions):
        if older.end is None or older.end >= newer.start:
            raise broken("PROFILE_DATE", name, "versions", f"{older.start} 起的一版与 {newer.start} 起的一版重叠",
                         "请给前一版写上 to，早于后一版的 from")  # fmt: skip
    return versions


def _version(top: Mapping[str, Any], raw: Any, file: str, key: str) -> Profile:
    found = schema.fields(raw, file, key, _VERSION_MUST, _VERSION_MAY)
    abilities = frozenset(Ability(one) for one in found["abilities"])
    _able(abilities, found, file, key)
    codes = {table: _codes(table, one, file, f"{key}.codes.{table}") for table, one in found["codes"].items()}
    messages = {kind: _form(one, file, f"{key}.messages.{kind}", codes) for kind, one in found["messages"].items()}
    for kind in messages:
        if kind not in NEEDS and kind not in ASKS:
            known = "、".join((*NEEDS, *ASKS))
            raise broken("PROFILE_KIND", file, f"{key}.messages.{kind}", "没有这一类消息", f"可用：{known}")
        needed = ASKS.get(kind) or (NEEDS[kind],)
        if not abilities & set(needed):
            raise broken("PROFILE_ABILITY", file, f"{key}.messages.{kind}", f"没有声明“{needed[0].label}”",
                         f"请在 abilities 里加上 {needed[0]}，或删去这一类")  # fmt: skip
    _asked(abilities, messages, file, key)
    case_key = schema.fields(found.get("case_key", {}), file, f"{key}.case_key", {},
                             {"prefix": _raw, "most": schema.positive})  # fmt: skip
    back = {table: dict(_texts(one)) for table, one in found.get("back", {}).items()}
    if abilities & {Ability.PULL_NEGATIVES, Ability.PULL_RATINGS, Ability.RECEIVE_CALLBACK}:
        _both_ways(codes, back, file, key)
    return Profile(
        id=top["id"], label=top["label"], family=top["family"], source=top["source"], checked_on=top["checked_on"],
        start=found["from"], end=found.get("to"), charset=found["charset"], references=found.get("references", False),
        abilities=abilities, unneeded=frozenset(found.get("unneeded", ())), updates=found.get("updates", False),
        per_second=found["per_second"], batch=found.get("batch", 200), connect_seconds=found.get("connect_seconds", 3.0),
        read_seconds=found.get("read_seconds", 10.0), paths=found["paths"], security=found.get("security", {}),
        credentials=found.get("credentials", ()), page_origins=found.get("page_origins", ()),
        late_after_days=found.get("late_after_days", 0), case_key_prefix=case_key.get("prefix", ""),
        case_key_most=case_key.get("most", 50), codes=codes, back=back, messages=messages,
        answers=tuple(_answer(one, file, f"{key}.answers[{n}]") for n, one in enumerate(found["answers"])), file=file,
    )  # fmt: skip


def _able(abilities: frozenset[Ability], found: Mapping[str, Any], file: str, key: str) -> None:
    """Nothing is declared that no family can do, or that has no address."""
    for ability in sorted(abilities & NO_FAMILY):
        raise broken("PROFILE_ABILITY", file, f"{key}.abilities", f"没有哪一族会“{ability.label}”",
                     "请去掉；省平台屏幕上的未评清单，在上送页粘贴核对")  # fmt: skip
    for ability in sorted(abilities):
        path = PATHS.get(ability)
        if path and path not in found["paths"]:
            raise broken("PROFILE_PATH", file, f"{key}.paths.{path}", f"声明了“{ability.label}”，却没有地址",
                         "请补上地址，或去掉这项能力")  # fmt: skip
    if (Ability.PUSH_LATE in abilities) != ("late_after_days" in found):
        raise broken("PROFILE_LATE", file, f"{key}.late_after_days", "补报的能力和补报的天数要一起写",
                     "请补上 late_after_days 和 push_late，或都去掉")  # fmt: skip


def _asked(abilities: frozenset[Ability], messages: Mapping[str, MessageForm], file: str, key: str) -> None:
    """A page and its results need their fields; what stands in an address may not name a person (failures.md B21)."""
    for kind, able in ASKS.items():
        declared = abilities & set(able)
        if declared and kind not in messages:
            raise broken("PROFILE_PAGE", file, f"{key}.messages.{kind}", f"声明了“{min(declared).label}”，却没有字段",
                         f"请在 messages 里写出 {kind}，或去掉这项能力")  # fmt: skip
    if Ability.BUILD_PAGE in abilities and Ability.GET_PAGE not in abilities:
        for one in messages["page"].fields:
            if {"applicant", "agent"} & set(one.take.split(".")):
                raise broken("PROFILE_PAGE", file, f"{key}.messages.page", f"“{one.to}”会把个人信息写进网址",
                             "自行拼出的评价页地址里只能有编号和代码")  # fmt: skip


def _codes(table: str, raw: Any, file: str, key: str) -> Mapping[str, str]:
    if table not in CODE_TABLES:
        raise broken("PROFILE_CODES", file, key, "没有这张代码表", f"可用：{'、'.join(CODE_TABLES)}")
    rows = schema.fields(raw, file, key, {}, dict.fromkeys(raw, _raw)) if isinstance(raw, dict) else None
    if not rows:
        raise broken("PROFILE_CODES", file, key, "代码表是空的", '请逐行写：我方的代码: "省里的代码"')
    for ours in rows:
        if not isinstance(ours, str):
            raise broken("PROFILE_CODES", file, f"{key}.{ours}", "我方的代码不是文字", f'请写成加引号的 "{ours}"')
    allowed = CODE_TABLES[table]
    unknown = sorted(set(rows) - allowed) if allowed else []
    if unknown:
        raise broken(
            "PROFILE_CODES",
            file,
            f"{key}.{unknown[0]}",
            "我方没有这个代码",
            f"可用：{'、'.join(sorted(allowed or ()))}",
        )
    return rows


def _both_ways(
    codes: Mapping[str, Mapping[str, str]], back: Mapping[str, Mapping[str, str]], file: str, key: str
) -> None:
    """What comes down must be readable too: one of theirs may stand for several of ours only where `back` chooses."""
    for table, rows in codes.items():
        seen: dict[str, str] = {}
        for ours, theirs in rows.items():
            if theirs in seen and theirs not in back.get(table, {}):
                raise broken("PROFILE_BACK", file, f"{key}.back.{table}.{theirs}",
                             f"省里的“{theirs}”既是“{seen[theirs]}”又是“{ours}”，取回时分不清", "请在 back 里写明取哪一个")  # fmt: skip
            seen[theirs] = ours


def _form(raw: Any, file: str, key: str, codes: Mapping[str, Any]) -> MessageForm:
    found = schema.fields(raw, file, key, {"fields": schema.rows}, {"needs": schema.rows})
    fields = tuple(_field(one, file, f"{key}.fields[{n}]", codes) for n, one in enumerate(found["fields"]))
    repeated = sorted({one.to for one in fields if [f.to for f in fields].count(one.to) > 1 and not one.when})
    if repeated:
        raise broken(
            "PROFILE_TWICE", file, f"{key}.fields", f"字段“{repeated[0]}”写了两遍", "请只留一个，或分别写明 when"
        )
    needs = []
    for n, one in enumerate(found.get("needs", ())):
        row = schema.fields(one, file, f"{key}.needs[{n}]",
                            {"one_of": _words, "when": _conditions, "say": schema.text}, {})  # fmt: skip
        needs.append(Need(row["one_of"], row["when"], row["say"]))
    return MessageForm(fields, tuple(needs))


def _field(raw: Any, file: str, key: str, codes: Mapping[str, Any]) -> Field:
    found = schema.fields(raw, file, key, {"to": schema.text}, _FIELD_MAY)
    if ("take" in found) == ("value" in found):
        raise broken(
            "PROFILE_FIELD", file, key, "take 与 value 应当恰有一个", "取我方的字段写 take，固定的内容写 value"
        )
    if found.get("code") and found["code"] not in codes:
        raise broken("PROFILE_CODES", file, f"{key}.code", f"没有代码表“{found['code']}”", "请在 codes 里写出这张表")
    if "take" in found and not re.fullmatch(r"[a-z_]+(\.[a-z_]+)*", found["take"]):
        raise broken("PROFILE_FIELD", file, f"{key}.take", "不是我方字段的路径", "例如 level、service.item_code")
    if "first" in found and "code" not in found and not found["take"].endswith(("code", "_no", "key")):
        raise broken(
            "PROFILE_FIELD", file, f"{key}.first", "只有代码可以截取，文字不可以", "文字太长请用 most，让人来处理"
        )
    return Field(**found)


def _answer(raw: Any, file: str, key: str) -> AnswerRule:
    found = schema.fields(raw, file, key, {"is": schema.one_of(*ANSWER_CLASSES)},
                          {"code": _raw, "text": schema.text, "call": schema.text})  # fmt: skip
    if "code" not in found and "text" not in found:
        raise broken("PROFILE_ANSWER", file, key, "没有写 code 或 text", "请写明什么样的答复属于这一类")
    return AnswerRule(found["is"], found.get("code"), found.get("text"), found.get("call"))


__all__ = ["PATHS", "LawError", "load", "names", "read_file"]
