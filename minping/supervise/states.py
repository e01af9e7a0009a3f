"""问责提醒 and 线索 as tables of moves (minan/5.2, R8)."""

from __future__ import annotations

from minping.kernel.moves import Labelled, Move, Table


class Kind(Labelled):
    """Whose negatives repeat: counted apart, each by its own number and window of the law file."""

    WINDOW = "window", "窗口"
    STAFF = "staff", "人员"
    ITEM = "item", "事项"
    UNIT = "unit", "单位"


class InquiryState(Labelled):
    OPENED = "opened", "待说明"
    ANSWERED = "answered", "待处理"
    IMPROVING = "improving", "限期整改中"
    IMPROVED = "improved", "改进待验收"
    RAISED = "raised", "已报上级，等决定"
    SETTLED = "settled", "已处理"
    LIFTED = "lifted", "差评撤销后不足次数，已撤回"


I = InquiryState  # noqa: E741 — the table reads better with one letter
_CLAUSE = "minan/5.2"
MOVES = Table(
    "问责提醒",
    (
        Move(
            "explain", "提交情况说明", (I.OPENED,), I.ANSWERED, "notice.answer", _CLAUSE,
            stops="inquiry_explain", starts="inquiry_decide",
        ),
        # Whoever may be called to account is heard first: the decision waits for the words, or for the days given.
        Move(
            "lapse", "到期没有说明", (I.OPENED,), I.ANSWERED, "", _CLAUSE,
            stops="inquiry_explain", starts="inquiry_decide",
        ),
        Move(
            "order", "限期整改", (I.ANSWERED,), I.IMPROVING, "notice.decide", _CLAUSE,
            stops="inquiry_decide", starts="inquiry_improve",
        ),
        Move("settle", "作出处理", (I.ANSWERED,), I.SETTLED, "notice.decide", _CLAUSE, stops="inquiry_decide"),
        Move("spare", "不予问责", (I.ANSWERED,), I.SETTLED, "notice.decide", _CLAUSE, stops="inquiry_decide"),
        # Nobody decides on the own unit: what no one here may decide goes up.
        Move("raise", "报上级决定", (I.ANSWERED,), I.RAISED, "notice.raise", _CLAUSE, stops="inquiry_decide"),
        Move("told", "登记上级的决定", (I.RAISED,), I.SETTLED, "notice.raise", _CLAUSE),
        # The clock goes on until the improvement is accepted: a poor report buys no days.
        Move("report", "报送改进情况", (I.IMPROVING,), I.IMPROVED, "notice.answer", _CLAUSE),
        Move("return", "退回补充改进", (I.IMPROVED,), I.IMPROVING, "notice.decide", _CLAUSE),
        Move("accept", "改进通过验收", (I.IMPROVED,), I.SETTLED, "notice.decide", _CLAUSE, stops="inquiry_improve"),
        Move(
            "lift", "差评已撤销，不足次数，撤回", (I.OPENED, I.ANSWERED, I.IMPROVING, I.IMPROVED), I.LIFTED,
            "notice.decide", _CLAUSE,
        ),
    ),
)  # fmt: skip
ENDED = (InquiryState.SETTLED, InquiryState.LIFTED)


class ClueState(Labelled):
    SEALED = "sealed", "已收到"
    TAKEN = "taken", "已转交"
    SETTLED = "settled", "已办结"


CLUES = Table(
    "线索",
    (
        Move("take", "取出密封件", (ClueState.SEALED,), ClueState.TAKEN, "clue.open", _CLAUSE),
        Move("settle", "办结", (ClueState.TAKEN,), ClueState.SETTLED, "clue.open", _CLAUSE),
    ),
)


class LeadState(Labelled):
    OPEN = "open", "待查"
    CLOSED = "closed", "已查结"


LEADS = Table(
    "疑点",
    # A finding, by a person, on record.  No rating moves: what is invalid is so by the case's own table alone (R7).
    (Move("close", "查结", (LeadState.OPEN,), LeadState.CLOSED, "lead.close", _CLAUSE),),
)


class Finding(Labelled):
    """What the person who looked into a lead found."""

    TRUE = "true", "属实"
    HARMLESS = "harmless", "有正当原因"
    UNCLEAR = "unclear", "查不清"
