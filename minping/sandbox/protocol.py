"""Protocol v1: the kinds of message, what each must carry, and how a message is answered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, NoReturn

from minping.sandbox.masking import masked

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")

LEVELS: dict[int, str] = {5: "非常满意", 4: "满意", 3: "基本满意", 2: "不满意", 1: "非常不满意"}
"""Levels of the interface (5 is best; facts/interfaces.md, 2.1)."""


@dataclass(frozen=True)
class Kind:
    """One kind of message: its rules as data.

    ``dated_by`` names the body fields that tell the day of the fact where ``fact_at`` does not; the first
    present one counts, and a message without any is dated by its receipt. ``by_case_number`` makes the case
    number part of the record's key, since one service may have several negative cases (a rating's and a later
    supplementary one's).
    """

    label: str
    needs_service: bool = True
    needs_level: bool = False
    excludes: str = ""
    by_case_number: bool = False
    dated_by: tuple[str, ...] = ()


_VOICE = ("rated_at", "assessed_at")

KINDS: dict[str, Kind] = {
    "service": Kind("办件服务", needs_service=False, dated_by=("served_at", "finished_at", "accepted_at")),
    "rating": Kind("评价", needs_level=True, excludes="default", dated_by=_VOICE),
    "default": Kind("默认评价", needs_level=True, excludes="rating", dated_by=("made_at", "defaulted_at", *_VOICE)),
    "case": Kind("差评件", by_case_number=True, dated_by=("opened_at", "received_at")),
    "supplementary": Kind("追评", needs_level=True, dated_by=_VOICE),
    "rerating": Kind("重新评价", needs_level=True, by_case_number=True, dated_by=_VOICE),
    "validity": Kind("有效性", by_case_number=True, dated_by=("decided_at",)),
    "probe": Kind("探针", needs_service=False, needs_level=True),
    "revocation": Kind("申请撤销", by_case_number=True, dated_by=("requested_at",)),
}

REFUSALS: dict[str, str] = {
    "E_TOKEN": "凭证不对：请在 Authorization 头中写 Bearer 加约定的密钥",
    "E_NOT_JSON": "请求体不是一个 JSON 对象",
    "E_KIND": "不认识的报文类别",
    "E_FIELD": "字段缺失或格式不对",
    "E_NO_SERVICE": "尚未收到这次办件服务：请先上送 service 报文，再送其余报文",
    "E_NO_LEVEL": "评价没有级别：level 须为 5 至 1 的整数",
    "E_LEVEL": "评价级别不在 5 至 1 之间",
    "E_TWO_OUTCOMES": "同一次服务已有另一种结果：评价与默认评价只能有一个",
    "E_ID_REUSED": "这个报文编号已用于另一条记录：每条报文须有自己的编号",
    "E_REFUSED": "沙盒省平台按设定退回",
}

_TEXT_MAX = 200
_REVISION_MAX = 2**31 - 1


class Refused(Exception):
    """A message that is answered with a refusal: HTTP status, code, and a sentence in Chinese.

    ``told`` is a code to answer in place of our own, where the behaviour says so.
    """

    def __init__(self, code: str, detail: str = "", status: int = 422, told: str = "") -> None:
        self.code, self.status = told or code, status
        self.message = f"{REFUSALS[code]}（{detail}）" if detail else REFUSALS[code]
        super().__init__(self.message)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the sender: HTTP status and the JSON body."""

    status: int
    body: dict[str, str]

    @property
    def result(self) -> str:
        return self.body["result"]

    @classmethod
    def taken(cls, result: str, reference: str) -> Answer:
        """``accepted`` or ``duplicate``, with the province's reference of the record."""
        return cls(200, {"result": result, "reference": reference})

    @classmethod
    def refused(cls, error: Refused) -> Answer:
        return cls(error.status, {"result": "refused", "code": error.code, "message": error.message})


UNAVAILABLE = Answer(503, {"result": "unavailable"})


@dataclass(frozen=True, slots=True)
class Message:
    """One checked message. ``body`` is what is kept: every field as received, personal fields masked."""

    id: str
    kind: str
    revision: int
    organization_code: str
    case_no: str
    service_no: str
    case_number: str
    level: int | None
    day: str
    body: dict[str, Any]
    alone: bool = False  # of a family whose ratings come without a service record before them


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are Python's, not JSON's


def parse(raw: bytes) -> Message:
    """Read one message from a request body.

    Raises Refused: E_NOT_JSON with status 400, otherwise E_KIND, E_FIELD, E_NO_LEVEL or E_LEVEL with 422.
    """
    try:
        body = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused("E_NOT_JSON", status=400) from None
    if not isinstance(body, dict):
        raise Refused("E_NOT_JSON", status=400)
    name = body.get("kind")
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None or not isinstance(name, str):
        raise Refused("E_KIND", "可用的类别：" + "、".join(KINDS))
    revision = body.get("revision")
    if type(revision) is not int or not 0 <= revision <= _REVISION_MAX:
        raise Refused("E_FIELD", "revision 须为不小于 0 的整数")
    return Message(
        id=_text(body, "id"),
        kind=name,
        revision=revision,
        organization_code=_text(body, "organization_code"),
        case_no=_text(body, "case_no"),
        service_no=_text(body, "service_no"),
        case_number=_text(body, "case_number") if kind.by_case_number and body.get("case_number") else "",
        level=_level(body, kind),
        day=_day(body, kind),
        body={key: value for key, value in masked(body).items() if key != "id"},
    )


def _text(body: dict[str, Any], key: str) -> str:
    value = body.get(key)
    if type(value) is int and key == "service_no":
        value = str(value)  # the number of the service within its case; both notations name the same service
    if not isinstance(value, str) or not value.strip() or len(value) > _TEXT_MAX:
        raise Refused("E_FIELD", f"{key} 须为 1 至 {_TEXT_MAX} 个字符的文本")
    try:
        value.encode()
    except UnicodeEncodeError:  # half a surrogate pair: legal in JSON, no character
        raise Refused("E_FIELD", f"{key} 含有不成字符的编码") from None
    return value


def _level(body: dict[str, Any], kind: Kind) -> int | None:
    level = body.get("level")
    if level is None or level == "":
        if kind.needs_level:
            raise Refused("E_NO_LEVEL")
        return None
    if type(level) is int and level in LEVELS:
        return level
    if kind.needs_level:
        raise Refused("E_LEVEL", "须为整数 5、4、3、2、1 之一")
    return None


def _day(body: dict[str, Any], kind: Kind) -> str:
    """Beijing day of the fact as YYYY-MM-DD; empty where the message does not tell it."""
    for key in ("fact_at", *kind.dated_by):
        value = body.get(key)
        if not isinstance(value, str):
            continue
        try:
            at = datetime.fromisoformat(value)
            return (at.astimezone(BEIJING) if at.tzinfo else at).date().isoformat()
        except (ValueError, OverflowError):
            raise Refused("E_FIELD", f"{key} 须为带时区的 ISO 8601 时间") from None
    return ""
