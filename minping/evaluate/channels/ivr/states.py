"""Where a call stands, what may be reported of it, and what became of it."""

from __future__ import annotations

from enum import StrEnum

REPEAT, FINISH, OPT_OUT = "*", "#", "9"  # keys beside the levels; what the levels' keys say is data (phone_keys.yaml)


class Direction(StrEnum):
    """`outgoing`: we dial the phone on the record of a service.  `incoming`: a phone rings us."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"

    @property
    def label(self) -> str:
        return {"incoming": "打进来", "outgoing": "打出去"}[self.value]


class CallState(StrEnum):
    """The question that the call waits for an answer to."""

    DIALLING = "dialling"
    WHICH = "which"
    LEVEL = "level"
    WORDS = "words"
    OVER = "over"

    @property
    def label(self) -> str:
        return {
            "dialling": "正在接通", "which": "请选是哪一次服务", "level": "请按评价等级", "words": "可以留言",
            "over": "已经结束",
        }[self.value]  # fmt: skip


class EventKind(StrEnum):
    """What a telephone system reports."""

    ANSWERED = "answered"
    KEY = "key"
    SILENCE = "silence"
    WORDS = "words"
    HUNG_UP = "hung_up"


class CallOutcome(StrEnum):
    """Only `rated` is a rating; silence, refusal and a lost line are never a level (failures.md A7)."""

    RATED = "rated"
    SILENT = "offered_not_answered"
    OPTED_OUT = "opted_out"
    NO_ANSWER = "no_answer"
    NO_SERVICE = "no_service"
    REFUSED = "refused"
    LOST = "lost"

    @property
    def label(self) -> str:
        return {
            "rated": "作了评价", "offered_not_answered": "已邀请，未作答", "opted_out": "不再接这样的电话",
            "no_answer": "没有接通", "no_service": "没有等着评价的服务", "refused": "没有收下", "lost": "没有下文",
        }[self.value]  # fmt: skip
