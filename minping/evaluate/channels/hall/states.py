"""What is announced to other systems, and how an announcement ends."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """The kinds of announcements; `test` is the operator's own press and goes to its one subscriber."""

    RATING_GIVEN = "rating.given"
    DEFAULT_MADE = "default.made"
    CASE_CLOSED = "case.closed"
    TEST = "callback.test"

    @property
    def label(self) -> str:
        return {
            "rating.given": "作出评价", "default.made": "记为默认", "case.closed": "差评件办结", "callback.test": "测试",
        }[self.value]  # fmt: skip


OFFERED = (Event.RATING_GIVEN, Event.DEFAULT_MADE, Event.CASE_CLOSED)  # what a subscriber may choose from


class AnnouncementState(StrEnum):
    """`waiting` and `dead` hold back what follows in the same case; a person replays or drops what is dead."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"
    DROPPED = "dropped"

    @property
    def label(self) -> str:
        return {"waiting": "待送", "delivered": "已收", "dead": "送不到", "dropped": "已放下"}[self.value]


UNFINISHED = (AnnouncementState.WAITING, AnnouncementState.DEAD)
