"""What became of a service's chance to be rated, and the kinds of rating."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum


class Outcome(StrEnum):
    """`default` is made by rule and is never a rating (R2)."""

    NONE = "none"
    RATING = "rating"
    DEFAULT = "default"
    INVALID = "invalid"

    @property
    def label(self) -> str:
        return {"none": "待评价", "rating": "已评价", "default": "默认满意", "invalid": "无效"}[self.value]


class Entry(StrEnum):
    """Through whose hands the word came in: never mixed up, from the table to the last chart (principle 9)."""

    PERSON = "person"
    OPERATOR = "operator"
    PACKAGE = "package"
    TYPED = "typed"

    @property
    def label(self) -> str:
        return {
            "person": "本人作出", "operator": "人工电话代录", "package": "套餐总评带入", "typed": "上级转来，手工录入",
        }[self.value]  # fmt: skip


class RatingKind(StrEnum):
    """`first` is the one rating of a service; the others stand beside it and never replace it (R3, R9).

    `package` is what an overall rating of a 一件事 left on a service without a rating of
    its own; the person's own rating prevails over it, whichever came first (R10).
    """

    PACKAGE = "package"
    FIRST = "first"
    SUPPLEMENTARY = "supplementary"
    RERATING = "rerating"

    @property
    def label(self) -> str:
        labels = {"package": "套餐总评", "first": "评价", "supplementary": "追加评价", "rerating": "再次评价"}
        return labels[self.value]

    @property
    def message(self) -> str:
        """The kind of the message upward."""
        return "rating" if self in (RatingKind.PACKAGE, RatingKind.FIRST) else self.value


def next_kind(outcome: str, kinds: Sequence[str], rerating: bool) -> RatingKind | None:
    """Which kind of word a service would take, of which `kinds` have been said; None where it has had its one.

    `rerating`: an invitation to rate again after a rectification is open.
    """
    if outcome == Outcome.NONE:
        return RatingKind.FIRST
    if rerating:
        return RatingKind.RERATING
    if all(kind == RatingKind.PACKAGE for kind in kinds):
        return {"default": RatingKind.SUPPLEMENTARY, "rating": RatingKind.FIRST}.get(outcome)
    return None
