"""States of a message upward."""

from __future__ import annotations

from enum import StrEnum


class MessageState(StrEnum):
    """`waiting` and `refused` hold back what follows in the same case; the others do not.

    `check` is a marked test row on its way back: it is never sent, never kept and in no count.
    `rehearsed` is a probe that a real province must not get: it went as far as the last step before the wire.
    """

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    MANUAL = "manual"
    CHECKING = "checking"
    BY_HAND = "by_hand"
    CHECK = "check"
    UNNEEDED = "unneeded"
    REHEARSED = "rehearsed"

    @property
    def label(self) -> str:
        return LABELS[self]


LABELS = {
    MessageState.WAITING: "待上送",
    MessageState.ACCEPTED: "省平台已收",
    MessageState.REFUSED: "省平台拒收",
    MessageState.MANUAL: "待人工上送",
    MessageState.CHECKING: "已录入，待复核",
    MessageState.BY_HAND: "已人工上送",
    MessageState.CHECK: "晨检",
    MessageState.UNNEEDED: "省平台不单独要这一类",
    MessageState.REHEARSED: "探测到发送前一步",
}
UNFINISHED = (MessageState.WAITING, MessageState.REFUSED)
UNSETTLED = (*UNFINISHED, MessageState.MANUAL, MessageState.CHECKING)  # somebody or something must still act
ARRIVED = (MessageState.ACCEPTED, MessageState.BY_HAND)

PROBE = "probe"
KINDS = {
    "service": "服务",
    "rating": "评价",
    "default": "默认",
    "supplementary": "追评",
    "rerating": "再评",
    "case": "差评办理",
    "validity": "有效性",
    "revocation": "申请撤销",
    "report": "季度报告",
    PROBE: "探针",
}
