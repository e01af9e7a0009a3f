"""The negative case as a table of moves, from its arrival to its end (minan/4.2.1–4.2.3, R4, R5, R7, R8)."""

from __future__ import annotations

from minping.kernel.moves import Labelled, Move, Table


class CaseState(Labelled):
    VERIFYING = "verifying", "待核实"
    APPEALED = "appealed", "申诉待复核"
    MALICIOUS = "malicious", "疑似恶意，待第二人复核"
    PROPOSED = "proposed", "待负责人审批"
    REVOKING = "revoking", "申请撤销中"
    CONFIRMED = "confirmed", "整改中"
    ACCEPTED = "accepted", "整改已验收"
    CLOSED = "closed", "已办结"


S = CaseState
_VERIFY = (S.VERIFYING, S.APPEALED)
MOVES = Table(
    "差评件",
    (
        Move(
            "confirm", "属实，转办整改", (S.VERIFYING,), S.CONFIRMED, "case.verify", "minan/4.2.3",
            stops="verify", starts="rectify", announces="CaseConfirmed",
        ),
        # Once, and before the rectification is accepted: `accepted` is no source (R4).
        Move(
            "appeal", "提出申诉", (S.VERIFYING, S.CONFIRMED), S.APPEALED, "case.appeal", "minan/4.2.2",
            pauses="rectify", starts="verify", announces="CaseAppealed", rated=True,
        ),
        Move(
            "dismiss", "申诉不成立，转办整改", (S.APPEALED,), S.CONFIRMED, "case.verify", "minan/4.2.2",
            stops="verify", starts="rectify", announces="CaseConfirmed", rated=True,
        ),
        # The clock of verification goes on until the office has decided: a proposal is no answer.
        Move("mistaken", "认定误评，申请撤销", _VERIFY, S.PROPOSED, "case.verify", "minan/4.2.2", rated=True),
        Move("not_ours", "不是本单位的事项，申请撤销", _VERIFY, S.PROPOSED, "case.verify", "minan/4.2.2", rated=True),
        Move("malicious", "认定恶意，请第二人复核", _VERIFY, S.MALICIOUS, "case.verify", "minan/4.2.2", rated=True),
        # To a unit below or beside that it belongs to.  The clock goes on: passing on buys nothing.
        Move(
            "assign", "转给其他单位核实", (S.VERIFYING,), S.VERIFYING, "case.assign", "minan/6.1",
        ),
        Move(
            "assign_review", "转给其他单位复核申诉", (S.APPEALED,), S.APPEALED, "case.assign", "minan/6.1",
            rated=True,
        ),
        Move("second", "第二人复核：同意认定恶意", (S.MALICIOUS,), S.PROPOSED, "case.second", "minan/4.2.2", rated=True),
        Move("doubt", "第二人复核：不同意，重新核实", (S.MALICIOUS,), S.VERIFYING, "case.second", "minan/4.2.2", rated=True),
        Move(
            "approve", "同意，上报申请撤销", (S.PROPOSED,), S.REVOKING, "case.approve", "minan/4.2.2",
            stops="verify", announces="RevocationRequested", rated=True,
        ),
        Move("disapprove", "不同意，重新核实", (S.PROPOSED,), S.VERIFYING, "case.approve", "minan/4.2.2", rated=True),
        Move(
            "forward", "上级已转报更高一级", (S.REVOKING,), S.REVOKING, "case.answer", "minan/4.2.2", by_system=True,
            rated=True,
        ),
        Move(
            "revoke", "上级已撤销", (S.REVOKING,), S.CLOSED, "case.answer", "minan/4.2.2",
            announces="RevocationAnswered", by_system=True, rated=True,
        ),
        Move(
            "refuse", "上级不予撤销，转办整改", (S.REVOKING,), S.CONFIRMED, "case.answer", "minan/4.2.2",
            starts="rectify", announces="RevocationAnswered", by_system=True, rated=True,
        ),
        Move(
            "supervise", "督办", (S.CONFIRMED,), S.CONFIRMED, "case.supervise", "minan/4.2.3",
            announces="CaseChanged", by_system=True,
        ),
        # A word of the hotline is no rating: where nothing is to be rectified, its source is answered and judges (minan/6.2).
        Move(
            "explain", "不用整改，解释说明后答复来源", (S.VERIFYING,), S.CLOSED, "case.verify", "minan/6.2",
            stops="verify", announces="CaseClosed", rated=False,
        ),
        # By the decision of a person on a ticket that came when all was done (feedback/tickets).
        Move(
            "reconsider", "来件反映没有解决，重新核实", (S.CLOSED,), S.VERIFYING, "", "minan/6.2",
            starts="verify", announces="CaseChanged",
        ),
        Move("accept", "整改通过验收", (S.CONFIRMED,), S.ACCEPTED, "", "minan/4.2.3", announces="CaseChanged"),
        Move(
            "reopen", "没有解决，重新整改", (S.ACCEPTED,), S.CONFIRMED, "", "minan/4.2.3",
            starts="rectify", announces="CaseChanged",
        ),
        Move("close", "办结", (S.ACCEPTED,), S.CLOSED, "", "minan/4.2.3", announces="CaseClosed"),
        Move(
            "withdraw", "评价人改了评价", (S.VERIFYING,), S.CLOSED, "", "minan/3.1.3",
            stops="verify", announces="CaseChanged",
        ),
        Move(
            "restore", "评价人又改为差评", (S.CLOSED,), S.VERIFYING, "", "minan/3.1.3",
            starts="verify", announces="CaseChanged",
        ),
    ),
)  # fmt: skip


# What the level with the authority decides on the case of a subordinate (origin not empty): the moves above are
# made below, these are made here, and what they decide goes down and takes effect there (minan/4.2.2, R7).
DECISIONS = Table(
    "撤销申请（有权限的一级）",
    (
        Move("grant", "决定撤销这条评价", (S.REVOKING,), S.CLOSED, "case.decide", "minan/4.2.2",
             announces="RevocationAnswered"),
        Move("deny", "不予撤销，转办整改", (S.REVOKING,), S.CONFIRMED, "case.decide", "minan/4.2.2",
             announces="RevocationAnswered"),
        Move("refer", "转报更高一级", (S.REVOKING,), S.REVOKING, "case.decide", "minan/4.2.2",
             announces="RevocationForwarded"),
    ),
)  # fmt: skip


class Arrival(Labelled):
    """By which road a case came here; said wherever the case is shown, exported or sent (minan/6.2)."""

    OWN = "own", "本地评价渠道"
    SUPERIOR = "superior", "上级下发"
    HOTLINE = "hotline", "12345 热线"
    WINDOW = "window", "“办不成事”窗口"


class Ground(Labelled):
    """Why a revocation is applied for (minan/4.2.2)."""

    MISTAKEN = "mistaken", "误评"
    MALICIOUS = "malicious", "恶意差评"
    NOT_OURS = "not_our_case", "不是本单位的事项"


class Authority(Labelled):
    """Who decides on a revocation, upward by level (minan/4.2.2)."""

    DISTRICT = "district", "区"
    CITY = "city", "市"
    PROVINCE = "province", "省"

    @property
    def next(self) -> Authority | None:
        ladder = list(Authority)
        place = ladder.index(self) + 1
        return ladder[place] if place < len(ladder) else None

    @classmethod
    def of(cls, area_code: str) -> Authority | None:
        """The level of an area itself; None for a street, which decides on no revocation."""
        if len(area_code) > 6 and area_code[6:].strip("0"):
            return None
        return cls.DISTRICT if area_code[4:6] != "00" else cls.CITY if area_code[2:4] != "00" else cls.PROVINCE

    @classmethod
    def above(cls, area_code: str) -> Authority:
        """The first level above an area: street → district → city → province."""
        if len(area_code) > 6 and area_code[6:].strip("0"):
            return cls.DISTRICT
        return cls.CITY if area_code[4:6] != "00" else cls.PROVINCE


class CallOutcome(Labelled):
    ANSWERED = "answered", "接通"
    NO_ANSWER = "no_answer", "未接通"
    REFUSED = "refused", "接通后拒绝"
    WRONG_NUMBER = "wrong_number", "号码有误"

    @property
    def heard(self) -> bool:
        """The person was reached: they spoke, or said that they will not."""
        return self in (CallOutcome.ANSWERED, CallOutcome.REFUSED)


class CallPurpose(Labelled):
    VERIFY = "verify", "核实回访"
    FOLLOW_UP = "follow_up", "整改回访"
