"""A canonical message as the province's fields, and codes back into ours.

The original is never touched: transforms happen here, at the edge, on what is sent.
What has no code, is too long, is missing or cannot be written in the province's
character set stops that one message with a named reason; nothing becomes "999", is
cut, or is left out in silence (failures.md B19, B23, B24, B27).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from minping.kernel.clock import beijing
from minping.upstream.messages import NotCanonical, typed
from minping.upstream.port import Message, Never
from minping.upstream.profile.model import Field, MessageForm, Profile

# A1A4 and A1AA of GB 2312 are read as one of two characters each, by whose table one reads (・ or ·, ― or —):
# what a reader may take for another character counts as one that the charset cannot carry.
AMBIGUOUS = {"gb2312": "\u30fb\u2015\u00b7\u2014"}


class Unmapped(Never):
    """This message cannot be said in the province's form; a person must look.  The reason names no personal value."""


def case_key(profile: Profile, case_no: str) -> str:
    """The case number in the province's form: computed here and nowhere else (failures.md B19)."""
    key = profile.case_key_prefix + case_no
    if len(key) > profile.case_key_most:
        raise Unmapped(f"办件编号在省里的写法超过 {profile.case_key_most} 个字符", code="LOCAL_LENGTH")
    return key


def render(
    profile: Profile, message: Message, ask: str = "", more: Mapping[str, Any] | None = None
) -> dict[str, str | int]:
    """The province's fields in their order: of the message's own kind, or of what is asked about it (port.ASKS),
    with `more` that a profile may take besides.  Raises Unmapped."""
    form = profile.messages.get(ask or message.kind)
    if form is None:
        raise Unmapped("省里的接口不收这一类", code="LOCAL_KIND")
    facts = _facts(profile, message) | dict(more or {})
    done: dict[str, str | int] = {}
    for one in form.fields:
        if not _holds(one.when, facts):
            continue
        value = _written(profile, one, facts)
        if value is not None:
            done[one.to] = value
    _check_needs(form, done, facts)
    return done


def _facts(profile: Profile, message: Message) -> dict[str, Any]:
    """Everything a profile may take: the message's own fields, its service's, and the key."""
    try:
        facts: dict[str, Any] = _plain(typed(message))
        facts["service"] = _plain(typed(message.service)) if message.service else {}
    except NotCanonical as failure:
        raise Unmapped(f"消息本身不完整：{failure.field} {failure.text}", code="LOCAL_CONTENT") from failure
    if message.kind == "service":
        facts["service"] = facts
    facts |= {
        "key": case_key(profile, message.case_no), "case_no": message.case_no, "service_no": message.service_no,
        "area_code": message.area_code, "organization_code": message.organization_code, "fact_at": message.fact_at,
        "revision": message.revision, "service_reference": message.service_reference,
        "service_number_above": message.service_reference.partition("/")[0],
        "item_digits": str(len(str(_take("service.item_code", facts) or ""))),
    }  # fmt: skip
    return facts


def _plain(content: Any) -> dict[str, Any]:
    return {one.name: getattr(content, one.name) for one in dataclasses.fields(content)}


def _take(path: str, facts: Mapping[str, Any]) -> Any:
    value: Any = facts
    for step in path.split("."):
        if value is None:
            return None
        value = value.get(step) if isinstance(value, Mapping) else getattr(value, step, None)
    return value


def _holds(when: Mapping[str, tuple[str, ...]], facts: Mapping[str, Any]) -> bool:
    return all(_text(_take(path, facts)) in allowed for path, allowed in when.items())


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, int) else str(value)


def _written(profile: Profile, one: Field, facts: Mapping[str, Any]) -> str | int | None:
    value = one.value if one.value is not None else _take(one.take, facts)
    if one.count:
        text = str(len(value or ()))
    elif one.time:
        text = _time(value, one.time) if isinstance(value, datetime) else ""
    elif isinstance(value, tuple):
        text = _joined(one, value)
    else:
        text = _coded(profile, one, value) if one.code else _text(value)
    if text == "":
        if one.required:
            raise Unmapped(f"省里要的“{one.to}”没有值", code="LOCAL_REQUIRED")
        return one.blank
    for old, new in one.replace.items():
        text = text.replace(old, new)
    text = one.prefix + text
    if one.pad:
        text = text.ljust(one.pad, "0")
    if one.first:
        text = text[: one.first]
    if one.then:
        text += one.between + _text(_take(one.then, facts))
    if one.most and len(text) > one.most:
        raise Unmapped(f"“{one.to}”有 {len(text)} 个字符，省里最多 {one.most} 个", code="LOCAL_LENGTH")
    _check_charset(profile, one, text)
    return int(text) if one.number else text


def _time(value: datetime, form: str) -> str:
    """Beijing time, said explicitly; never "now", never bent (failures.md B11)."""
    if form == "millis":
        return str(int(value.timestamp() * 1000))
    return beijing(value).strftime(form)


def _joined(one: Field, values: tuple[Any, ...]) -> str:
    """Codes joined; a code that holds the separator itself would come apart above, so it stops (failures.md B12)."""
    separator = one.join if one.join is not None else ","
    texts = [_text(value) for value in values]
    if any(separator in text for text in texts):
        raise Unmapped(f"“{one.to}”的一项里含有分隔符“{separator}”", code="LOCAL_CONTENT")
    return separator.join(texts)


def _coded(profile: Profile, one: Field, value: Any) -> str:
    if value in (None, ""):
        return ""
    known = profile.codes[one.code].get(_text(value))
    if known is None:
        raise Unmapped(f"“{one.code}”的代码“{_text(value)}”在省里没有对应", code="LOCAL_CODE")
    return known


def _check_charset(profile: Profile, one: Field, text: str) -> None:
    if any((ord(sign) < 32 and sign not in "\t\n\r") or sign in "\ufffe\uffff" for sign in text):
        raise Unmapped(f"“{one.to}”含有控制字符，省里的格式写不出来", code="LOCAL_CHARSET")
    if profile.references:
        return
    for sign in AMBIGUOUS.get(profile.charset, ""):
        if sign in text:
            raise Unmapped(f"“{one.to}”里有 {profile.charset} 读不准的字（U+{ord(sign):04X}）", code="LOCAL_CHARSET")
    try:
        text.encode(profile.charset)
    except UnicodeEncodeError as failure:
        sign = text[failure.start]
        raise Unmapped(
            f"“{one.to}”里有 {profile.charset} 写不出的字（U+{ord(sign):04X}）", code="LOCAL_CHARSET"
        ) from None


def _check_needs(form: MessageForm, done: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    for need in form.needs:
        if _holds(need.when, facts) and not any(str(done.get(name, "")).strip() for name in need.one_of):
            raise Unmapped(need.say, code="LOCAL_REQUIRED")


def reverse(profile: Profile, table: str, theirs: str) -> str | None:
    """Our code for one of theirs; None where it is unknown, which the caller shows as such."""
    chosen = profile.back.get(table, {}).get(theirs)
    if chosen is not None:
        return chosen
    return next((ours for ours, known in profile.codes.get(table, {}).items() if known == theirs), None)
