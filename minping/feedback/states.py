"""The negative case as a table of moves.  Appeal and revocation come with their own issue, whole."""

from __future__ import annotations

from enum import StrEnum

from minping.kernel.moves import Move, Table


class CaseState(StrEnum):
    VERIFYING = "verifying"
    CONFIRMED = "confirmed"
    CLOSED = "closed"

    @property
    def label(self) -> str:
        return {"verifying": "待核实", "confirmed": "整改中", "closed": "已办结"}[self.value]


S = CaseState
MOVES = Table(
    "差评件",
    (
        Move(
            "confirm", "属实，转办整改", (S.VERIFYING,), S.CONFIRMED, "case.verify", "minan/4.2.3",
            stops="verify", starts="rectify", announces="CaseConfirmed",
        ),
        Move(
            "reopen", "没有解决，重新整改", (S.CONFIRMED,), S.CONFIRMED, "", "minan/4.2.3",
            starts="rectify", announces="CaseConfirmed",
        ),
        Move("close", "办结", (S.CONFIRMED,), S.CLOSED, "", "minan/4.2.3", announces="CaseClosed"),
    ),
)  # fmt: skip


class CallOutcome(StrEnum):
    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    WRONG_NUMBER = "wrong_number"

    @property
    def label(self) -> str:
        return {
            "answered": "接通", "no_answer": "未接通", "refused": "接通后拒绝", "wrong_number": "号码有误",
        }[self.value]  # fmt: skip


class CallPurpose(StrEnum):
    VERIFY = "verify"
    FOLLOW_UP = "follow_up"

    @property
    def label(self) -> str:
        return {"verify": "核实回访", "follow_up": "整改回访"}[self.value]
