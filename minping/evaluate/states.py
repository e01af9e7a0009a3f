"""What became of a service's chance to be rated, and the kinds of rating."""

from __future__ import annotations

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

    @property
    def label(self) -> str:
        return {"person": "本人作出", "operator": "人工电话代录", "package": "套餐总评带入"}[self.value]


class RatingKind(StrEnum):
    """`first` is the one rating of a service; the others stand beside it and never replace it (R3, R9)."""

    FIRST = "first"
    SUPPLEMENTARY = "supplementary"
    RERATING = "rerating"

    @property
    def label(self) -> str:
        return {"first": "评价", "supplementary": "追加评价", "rerating": "再次评价"}[self.value]

    @property
    def message(self) -> str:
        """The kind of the message upward."""
        return {"first": "rating", "supplementary": "supplementary", "rerating": "rerating"}[self.value]
