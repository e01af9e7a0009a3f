"""A ticket of the hotline or another window as a table of moves, and what becomes of its answer (minan/6.2)."""

from __future__ import annotations

from minping.kernel.moves import Labelled, Move, Table


class TicketState(Labelled):
    MATCHING = "matching", "待认定对应哪一件"
    DECIDING = "deciding", "对应的件已办结，待定"
    JOINED = "joined", "办理中"
    ANSWERED = "answered", "已作答复"


T = TicketState
_OPEN = (T.MATCHING, T.DECIDING)
MOVES = Table(
    "来件",
    (
        Move("choose", "就是这一件", (T.MATCHING,), T.JOINED, "ticket.match", "minan/6.2"),
        Move("own", "另立一件办理", _OPEN, T.JOINED, "ticket.match", "minan/6.2"),
        # The case that it belongs to is closed: somebody says whether that answers it.
        Move("late", "对应的件已办结", (T.MATCHING, T.JOINED, T.ANSWERED), T.DECIDING, "", "minan/6.2"),
        Move("reopen", "没有解决，重新核实原件", (T.DECIDING,), T.JOINED, "ticket.match", "minan/6.2"),
        Move("told", "已经办过，按办理结果答复", (T.DECIDING,), T.ANSWERED, "ticket.match", "minan/6.2"),
        Move("answer", "件已办结，作出答复", (T.JOINED,), T.ANSWERED, "", "minan/6.2"),
    ),
)


class AnswerState(Labelled):
    WAITING = "waiting", "等来源取走"
    HELD = "held", "要人改好才能送"
    DELIVERED = "delivered", "已送达"


class Why(Labelled):
    """Why a person must say which case a ticket belongs to; never guessed."""

    MANY = "many", "对得上的不止一件"
    OTHER_PERSON = "other_person", "办件编号对得上，电话和证件对不上"
    NO_SUCH_CASE = "no_such_case", "本地没有来件上写的办件编号"
    OTHER_ITEM = "other_item", "同一个人在这个单位办过事，但不是来件上的事项"
