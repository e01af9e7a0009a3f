"""What becomes of a call that asks for a rating."""

from __future__ import annotations

from enum import StrEnum


class AskOutcome(StrEnum):
    """Only `rated` is a rating; silence and refusal on the telephone are never a level."""

    RATED = "rated"
    DECLINED = "declined"
    NO_ANSWER = "no_answer"

    @property
    def label(self) -> str:
        return {"rated": "接通，作了评价", "declined": "接通，不愿意评价", "no_answer": "没有接通"}[self.value]
