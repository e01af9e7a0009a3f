"""What becomes of a text, and of a reply."""

from __future__ import annotations

from enum import StrEnum


class Purpose(StrEnum):
    """Why a text is sent; `invitation` is sent once per service."""

    INVITATION = "invitation"
    ASK_BACK = "ask_back"
    PHONE_CODE = "phone_code"

    @property
    def label(self) -> str:
        return {"invitation": "评价邀请", "ask_back": "请再说清楚", "phone_code": "验证码"}[self.value]


class TextState(StrEnum):
    """`unsure`: the gateway was asked and its answer was lost; such a text is never sent a second time."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNSURE = "unsure"
    CANCELLED = "cancelled"

    @property
    def label(self) -> str:
        return {
            "waiting": "待发", "sending": "正在发", "sent": "已交短信网关", "delivered": "已送达手机", "failed": "未送达",
            "unsure": "网关没有回音", "cancelled": "不用发了",
        }[self.value]  # fmt: skip


class ReplyOutcome(StrEnum):
    RATING = "rating"
    CHANGED = "changed"
    ASKED = "asked"
    KEPT = "kept"
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    STRANGER = "stranger"

    @property
    def label(self) -> str:
        return {
            "rating": "已记为评价", "changed": "已改评价", "asked": "看不懂，已请本人说清楚", "kept": "看不懂，原样保存",
            "opt_out": "退订", "opt_in": "恢复接收", "stranger": "不是登记的号码，不作数",
        }[self.value]  # fmt: skip
