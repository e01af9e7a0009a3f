"""The duties of 评价, one file each."""

from minping.evaluate.services.add import EnoughWords, NothingSaid, word_add
from minping.evaluate.services.default import defaults_make, defaults_round
from minping.evaluate.services.identity import identity_open
from minping.evaluate.services.intake import Received, services_receive
from minping.evaluate.services.invalid import service_invalidate
from minping.evaluate.services.package import NotAPackage, PackageReceipt, package_change, package_rate
from minping.evaluate.services.rate import (
    AlreadyRated,
    InvitationClosed,
    InvitationUnknown,
    LevelUnknown,
    Press,
    Receipt,
    TagMismatch,
    TextTooLong,
    rating_give,
    ratings_give,
    rerating_invite,
)

__all__ = [
    "AlreadyRated",
    "EnoughWords",
    "InvitationClosed",
    "InvitationUnknown",
    "LevelUnknown",
    "NotAPackage",
    "NothingSaid",
    "PackageReceipt",
    "Press",
    "Receipt",
    "Received",
    "TagMismatch",
    "TextTooLong",
    "defaults_make",
    "defaults_round",
    "identity_open",
    "package_change",
    "package_rate",
    "rating_give",
    "ratings_give",
    "rerating_invite",
    "service_invalidate",
    "services_receive",
    "word_add",
]
