"""The rectification order as a table of moves."""

from __future__ import annotations

from enum import StrEnum

from minping.kernel.moves import Move, Table


class OrderState(StrEnum):
    ASSIGNED = "assigned"
    REPORTED = "reported"
    ACCEPTED = "accepted"
    SOLVED = "solved"
    UNSOLVED = "unsolved"
    DONE = "done"

    @property
    def label(self) -> str:
        return {
            "assigned": "待整改", "reported": "待验收", "accepted": "待回访", "solved": "待再评",
            "unsolved": "未解决，已重新转办", "done": "已办结",
        }[self.value]  # fmt: skip


class FollowUp(StrEnum):
    """What the person says of the rectification."""

    SOLVED = "solved"
    PARTLY = "partly"
    UNSOLVED = "unsolved"

    @property
    def label(self) -> str:
        return {"solved": "解决了", "partly": "部分解决", "unsolved": "没有解决"}[self.value]


S = OrderState
MOVES = Table(
    "整改单",
    (
        Move(
            "report", "报送整改情况", (S.ASSIGNED,), S.REPORTED, "order.report", "minan/4.2.3",
            stops="rectify", announces="OrderReported",
        ),
        Move(
            # The first clock goes on: a poor report must not buy five new days.
            "return", "退回补充整改", (S.REPORTED,), S.ASSIGNED, "order.return", "minan/4.2.3",
            announces="OrderReturned",
        ),
        Move("accept", "验收通过", (S.REPORTED,), S.ACCEPTED, "order.accept", "minan/4.2.3", announces="OrderAccepted"),
        Move(
            "solve", "回访：解决了", (S.ACCEPTED,), S.SOLVED, "order.follow_up", "minan/4.2.3",
            starts="rerate", announces="OrderSolved",
        ),
        Move(
            "fail", "回访：没有解决", (S.ACCEPTED,), S.UNSOLVED, "order.follow_up", "minan/4.2.3",
            announces="OrderUnsolved",
        ),
        Move("rerate_bad", "再评仍不满意", (S.SOLVED,), S.UNSOLVED, "", "minan/4.2.3", announces="OrderUnsolved"),
        Move("finish", "办结", (S.SOLVED,), S.DONE, "", "minan/4.2.3", stops="rerate", announces="OrderDone"),
    ),
)  # fmt: skip
OPEN = (S.ASSIGNED, S.REPORTED, S.ACCEPTED, S.SOLVED)
