"""The rectification order as a table of moves."""

from __future__ import annotations

from minping.kernel.moves import Labelled, Move, Table


class OrderState(Labelled):
    ASSIGNED = "assigned", "待整改"
    EXTENDING = "extending", "待整改，延期待批"
    COMPLEX = "complex", "复杂件，延期整改中"
    REPORTED = "reported", "待验收"
    EXPLAINED = "explained", "解释说明，待验收"
    SUSPENDED = "suspended", "申诉复核中，暂停整改"
    ACCEPTED = "accepted", "待回访"
    SOLVED = "solved", "待再评"
    UNSOLVED = "unsolved", "未解决，已重新转办"
    DONE = "done", "已办结"
    CANCELLED = "cancelled", "差评已撤销，不再整改"


class FollowUp(Labelled):
    """What the person says of the rectification."""

    SOLVED = "solved", "解决了"
    PARTLY = "partly", "部分解决"
    UNSOLVED = "unsolved", "没有解决"


UNREACHABLE = "unreached"  # stands where a `FollowUp` would: nobody spoke, so it is never one of them

S = OrderState
_WORKING = (S.ASSIGNED, S.COMPLEX)
_REPORTED = (S.REPORTED, S.EXPLAINED)
MOVES = Table(
    "整改单",
    (
        Move(
            "report", "报送整改情况", _WORKING, S.REPORTED, "order.report", "minan/4.2.3",
            stops="rectify", announces="OrderTold",
        ),
        Move(
            "explain", "没有过错，解释说明", _WORKING, S.EXPLAINED, "order.report", "minan/4.2.3",
            stops="rectify", announces="OrderTold",
        ),
        # To a unit below or beside, where the cause is theirs.  The clock goes on: passing on buys nothing.
        Move("transfer", "转办给实际责任单位", (S.ASSIGNED,), S.ASSIGNED, "order.transfer", "minan/4.2.3"),
        # The first clock goes on until the extension is granted: asking buys nothing.
        Move("ask_extension", "情况复杂，报计划申请延期", (S.ASSIGNED,), S.EXTENDING, "order.report", "minan/4.2.3"),
        Move(
            "extend", "同意延期", (S.EXTENDING,), S.COMPLEX, "order.extend", "minan/4.2.3",
            stops="rectify", starts="extend",
        ),
        Move("keep", "不同意延期", (S.EXTENDING,), S.ASSIGNED, "order.extend", "minan/4.2.3"),
        Move(
            # The first clock goes on: a poor report must not buy five new days.
            "return", "退回补充整改", _REPORTED, S.ASSIGNED, "order.return", "minan/4.2.3",
            announces="OrderTold",
        ),
        Move("accept", "验收通过", _REPORTED, S.ACCEPTED, "order.accept", "minan/4.2.3", announces="OrderAccepted"),
        Move(
            "suspend", "申诉复核，暂停整改", (*_WORKING, S.EXTENDING, *_REPORTED), S.SUSPENDED, "", "minan/4.2.2",
            pauses="rectify",
        ),
        Move("resume", "申诉不成立，恢复整改", (S.SUSPENDED,), S.ASSIGNED, "", "minan/4.2.2", starts="rectify"),
        Move("cancel", "差评已撤销", (S.SUSPENDED,), S.CANCELLED, "", "minan/4.2.2"),
        Move(
            "solve", "回访：解决了", (S.ACCEPTED,), S.SOLVED, "order.follow_up", "minan/4.2.3",
            starts="rerate", announces="OrderTold",
        ),
        Move(
            "unreached", "回访：无法联系", (S.ACCEPTED,), S.SOLVED, "order.follow_up", "minan/4.2.3",
            starts="rerate", announces="OrderTold",
        ),
        Move(
            "fail", "回访：没有解决", (S.ACCEPTED,), S.UNSOLVED, "order.follow_up", "minan/4.2.3",
            announces="OrderUnsolved",
        ),
        Move("rerate_bad", "再评仍不满意", (S.SOLVED,), S.UNSOLVED, "", "minan/4.2.3", announces="OrderUnsolved"),
        Move("finish", "办结", (S.SOLVED,), S.DONE, "", "minan/4.2.3", stops="rerate", announces="OrderDone"),
    ),
)  # fmt: skip
