"""The canonical messages, typed: what travels between levels of government, whatever the wire looks like.

The kinds of issue 5: seven go up, two come down; three more only between levels that both run this program
(the quarterly report up, 转报 and 督办 down).  A province's profile maps these
fields to its own names and codes; nothing else of a province is known outside its
profile and driver.  `typed` checks a stored or built message field by field, so that
an empty level or a number where a text belongs stops here and not at the superior
(failures.md B15, B16); `envelope` is the way back.

Levels are interface codes (5 非常满意 … 1 非常不满意) and never bare numbers.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar

from minping.kernel.clock import beijing
from minping.law.levels import InterfaceLevel
from minping.upstream.port import Message


class NotCanonical(ValueError):
    """A message is not what its kind says it must be; `field` names the place, the text is for people."""

    def __init__(self, kind: str, field: str, text: str) -> None:
        super().__init__(f"{kind}.{field}：{text}")
        self.kind = kind
        self.field = field
        self.text = text


@dataclass(frozen=True, slots=True)
class Person:
    """Who received the service, or an agent of theirs; opened only for the superior."""

    kind: str
    name: str
    cert_type: str
    cert_no: str
    phone: str = ""


@dataclass(frozen=True, slots=True)
class ServiceContent:
    """办件服务: one chance to rate (minan/2.0)."""

    KIND: ClassVar = ("service",)
    service_name: str
    item_code: str
    item_name: str
    organization_name: str
    handling: str
    case_state: int
    served_at: datetime
    applicant: Person
    window_code: str = ""
    staff_code: str = ""
    package_no: str = ""
    accepted_at: datetime | None = None
    finished_at: datetime | None = None
    agent: Person | None = None
    item_type: str = ""
    case_kind: str = ""
    case_name: str = ""
    node_name: str = ""
    department_code: str = ""
    window_name: str = ""
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RatingContent:
    """评价、追评、再评: a person's own words, exactly as written."""

    KIND: ClassVar = ("rating", "supplementary", "rerating")
    level: InterfaceLevel
    channel: str
    proof: str
    rated_at: datetime
    assess_no: int
    tags: tuple[str, ...] = ()
    text: str = ""
    case_number: str = ""
    device: str = ""
    entry: str = ""
    package_no: str = ""
    package_rating: str = ""
    offline: bool = False
    pressed_at: datetime | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DefaultContent:
    """默认: made by rule after silence, never a rating (minan/3.4.4, R2)."""

    KIND: ClassVar = ("default",)
    level: InterfaceLevel
    made_by_rule: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Round:
    """One round of a rectification with its clock, for a superior that keeps whole records (Driver.mirrors)."""

    id: str
    round: int
    organization_code: str
    state: str
    assigned_at: datetime
    rectify_due_at: datetime
    window_code: str = ""
    measures: str = ""
    reported_at: datetime | None = None
    extended_at: datetime | None = None
    accepted_at: datetime | None = None
    followed_at: datetime | None = None
    follow_up: str = ""
    rerating: str = ""
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OfCase:
    """What is said of a negative case, by its number, which is the same at every level."""

    case_number: str
    level: InterfaceLevel


@dataclass(frozen=True, slots=True)
class RectificationContent(OfCase):
    """差评办理与整改结果 (minan/4.2.1): an update of one record, by revision."""

    KIND: ClassVar = ("case",)
    state: str
    opened_at: datetime
    confirmed_at: datetime | None = None
    closed_at: datetime | None = None
    result: str = ""
    rounds: int = 0
    measures: str = ""
    rectified_at: datetime | None = None
    follow_up: str = ""
    rerated: bool = False
    rating: str = ""
    verify_due_at: datetime | None = None
    verified_at: datetime | None = None
    appealed_at: datetime | None = None
    supervised_at: datetime | None = None
    orders: tuple[Round, ...] = ()
    arrival: str = ""  # by which road the case came here: own, superior, hotline, window
    joined: tuple[str, ...] = ()  # tickets of the same grievance, as source:number (minan/6.2)


@dataclass(frozen=True, slots=True)
class ValidityContent(OfCase):
    """有效性: what the level with the authority has decided on a rating (minan/4.2.2, R7).

    `validity` is valid, disputed (申请撤销中) or invalid; the rating itself stays readable.
    """

    KIND: ClassVar = ("validity",)
    VALIDITIES: ClassVar = ("valid", "disputed", "invalid")
    validity: str
    decided_at: datetime
    ground: str = ""
    decided_by: str = ""
    decision_reference: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class RevocationContent(OfCase):
    """申请撤销: with the ground, the call-back's evidence and who applied (minan/4.2.2)."""

    KIND: ClassVar = ("revocation",)
    GROUNDS: ClassVar = ("mistaken", "malicious", "not_our_case")
    ground: str
    requested_at: datetime
    statement: str
    call_back_at: datetime | None = None
    call_back_words: str = ""
    evidence: tuple[str, ...] = ()
    applicant_role: str = ""


@dataclass(frozen=True, slots=True)
class ReportContent:
    """季度报告: that it was sent, and when it was due (minan/4.2.4, 5.1.5)."""

    KIND: ClassVar = ("report",)
    organization_name: str
    year: int
    quarter: int
    sent_at: datetime
    due_at: datetime
    rule_version: str
    digest: str
    figures: str  # the frozen figures as JSON text, exactly as they were sealed by the digest


@dataclass(frozen=True, slots=True)
class ProbeContent:
    """探针: a marked 非常不满意 of nobody; proves that the worst level can travel, and is kept nowhere."""

    KIND: ClassVar = ("probe",)
    level: InterfaceLevel
    text: str = ""


@dataclass(frozen=True, slots=True)
class AboutCase:
    """What a superior sends down about a case, under a number of its own."""

    case_number: str
    reference: str


@dataclass(frozen=True, slots=True)
class ForwardedDown(AboutCase):
    """转报: the level that had an application for revocation has passed it on (minan/4.2.2)."""

    KIND: ClassVar = ("forwarded",)


@dataclass(frozen=True, slots=True)
class SupervisionDown(AboutCase):
    """督办: a superior presses for a rectification, on record (minan/4.2.3)."""

    KIND: ClassVar = ("supervision",)
    text: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class NegativeReceived:
    """来自上级的差评: pushed or pulled; `reference` is the superior's own number for it."""

    KIND: ClassVar = ("negative",)
    reference: str
    organization_code: str
    case_no: str
    service_no: int
    level: InterfaceLevel
    rated_at: datetime
    text: str = ""
    tags: tuple[str, ...] = ()
    channel: str = ""


@dataclass(frozen=True, slots=True)
class OpenService:
    """未评服务: one that the superior still holds open for rating; asked for, never sent down by itself.

    The unit is empty where a person brings the list of a screen that does not show it.
    """

    KIND: ClassVar = ("open_service",)
    organization_code: str
    case_no: str
    service_no: int


@dataclass(frozen=True, slots=True)
class DictionaryTag:
    code: str
    label: str
    level: InterfaceLevel
    base: bool = False
    in_use: bool = True


@dataclass(frozen=True, slots=True)
class Dictionary:
    """字典: the superior's tags as of a day; earlier editions stay readable."""

    KIND: ClassVar = ("dictionary",)
    edition: str
    valid_from: date
    tags: tuple[DictionaryTag, ...] = field(default=())


Content = (
    ServiceContent
    | RatingContent
    | DefaultContent
    | RectificationContent
    | ValidityContent
    | RevocationContent
    | ReportContent
    | ProbeContent
)
UPWARD: tuple[type[Any], ...] = typing.get_args(Content)
DOWNWARD: tuple[type[Any], ...] = (NegativeReceived, Dictionary, ForwardedDown, SupervisionDown)
BY_KIND: dict[str, type[Any]] = {kind: one for one in (*UPWARD, *DOWNWARD) for kind in one.KIND}
# Fields of the content that identify a person, by kind.
PERSONAL = {"service": ("applicant", "agent"), "revocation": ("call_back_words",)}
# What a body carries besides the content: told by the envelope, or for receivers that want it spelled out.
_BESIDE = frozenset({"fact_at", "level_system"})


def envelope(
    content: Content,
    *,
    kind: str,
    area_code: str,
    organization_code: str,
    case_no: str,
    service_no: int,
    fact_at: datetime,
    revision: int = 1,
) -> Message:
    """A typed content as the message that the outbox sends.  Raises NotCanonical."""
    if kind not in content.KIND:
        raise NotCanonical(kind, "kind", f"{type(content).__name__} 不是这一类")
    body = {"fact_at": _plain(fact_at), **_mapping(content)}
    if "level" in body:
        body["level_system"] = "interface"
    message = Message(
        kind, revision, area_code, organization_code, case_no, service_no, fact_at, body, PERSONAL.get(kind, ())
    )
    typed(message)
    return message


def typed(message: Message) -> Content:
    """The message's content, each field of its declared type.  Raises NotCanonical naming the field."""
    shape = BY_KIND.get(message.kind)
    if shape not in UPWARD:
        raise NotCanonical(message.kind, "kind", "不认识的消息类别")
    body = {name: value for name, value in message.body.items() if name not in _BESIDE}
    content: Content = _read(shape, body, message.kind)
    _times_in_order(message, content)
    return content


def _times_in_order(message: Message, content: Content) -> None:
    """Accept ≤ finish: what is wrong already here is told here, and never mended (failures.md B11)."""
    if not isinstance(content, ServiceContent) or not (content.accepted_at and content.finished_at):
        return
    if content.accepted_at > content.finished_at:
        raise NotCanonical(message.kind, "finished_at", "办结早于受理")


def read(shape: type[Any], body: Mapping[str, Any]) -> Any:
    """A content that came from outside.  Raises NotCanonical."""
    return _read(shape, body, shape.KIND[0])


_KNOWN_HINTS: dict[type[Any], dict[str, Any]] = {}


def _hints(shape: type[Any]) -> dict[str, Any]:
    if shape not in _KNOWN_HINTS:
        told = typing.get_type_hints(shape)
        _KNOWN_HINTS[shape] = {one.name: told[one.name] for one in dataclasses.fields(shape)}
    return _KNOWN_HINTS[shape]


def _read(shape: type[Any], body: Mapping[str, Any], kind: str, at: str = "") -> Any:
    hints = _hints(shape)
    unknown = [name for name in body if name not in hints]
    if unknown:
        raise NotCanonical(kind, at + unknown[0], "不是这一类消息的字段")
    values: dict[str, Any] = {}
    for one in dataclasses.fields(shape):
        if one.name in body:
            values[one.name] = _value(hints[one.name], body[one.name], kind, at + one.name)
        elif one.default is dataclasses.MISSING:
            raise NotCanonical(kind, at + one.name, "没有值")
    made = shape(**values)
    for name, allowed in (("validity", "VALIDITIES"), ("ground", "GROUNDS")):
        words = getattr(shape, allowed, None)
        if words is not None and getattr(made, name) not in words:
            raise NotCanonical(kind, at + name, f"“{getattr(made, name)}”不在 {'、'.join(words)} 之中")
    return made


def _value(hint: Any, value: Any, kind: str, at: str) -> Any:
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        hint = next(one for one in typing.get_args(hint) if one is not types.NoneType)
    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)[0]
        if not isinstance(value, (list, tuple)):
            raise NotCanonical(kind, at, "应当是列表")
        return tuple(_value(inner, one, kind, at) for one in value)
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise NotCanonical(kind, at, "应当是一组字段")
        return _read(hint, value, kind, f"{at}.")  # type: ignore[arg-type]
    reader = _READERS[hint]
    try:
        return reader(value)
    except (TypeError, ValueError) as failure:
        raise NotCanonical(kind, at, f"值不对：{failure}" if value not in (None, "") else "没有值") from failure


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("应当是文字")
    return value


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("应当是整数")
    return value


def _yes(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("应当是是非值")
    return value


def _moment(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError("时刻没有时区")
    return moment


def _day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(_text(value))


def _level(value: Any) -> InterfaceLevel:
    if isinstance(value, InterfaceLevel):
        return value
    try:
        return InterfaceLevel(_number(value))
    except TypeError:
        raise
    except Exception as failure:  # law's own error says which codes there are
        raise ValueError(str(failure)) from failure


_READERS: dict[Any, Any] = {
    str: _text, int: _number, bool: _yes, datetime: _moment, date: _day, InterfaceLevel: _level,
}  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return beijing(value).isoformat(timespec="seconds")
    if isinstance(value, InterfaceLevel):
        return int(value)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _mapping(value)
    return value


def _mapping(content: Any) -> dict[str, Any]:
    """The fields as a body carries them; what is empty by its default is left out."""
    found = {}
    for one in dataclasses.fields(content):
        value = getattr(content, one.name)
        if one.default is dataclasses.MISSING or value != one.default:
            found[one.name] = _plain(value)
    return found
