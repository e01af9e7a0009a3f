"""The port: what is sent upward, and the only answers there are.

A driver's `send` returns `Accepted`, or raises `AlreadyDone`, `Later` or `Never`.
There is no fifth outcome: what a driver cannot classify it raises as `Later` with
the text, which a person sees at the delivery desk (failures.md B3, B4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable


class Ability(StrEnum):
    """What an adapter declares it can do; what it lacks falls to the manual queue (interfaces.md §6)."""

    GET_PAGE = "get_page"
    BUILD_PAGE = "build_page"
    PUSH_SERVICE = "push_service"
    PUSH_SERVICE_BATCH = "push_service_batch"
    PUSH_RATING = "push_rating"
    PUSH_LATE = "push_late"
    PULL_RATINGS = "pull_ratings"
    PULL_NEGATIVES = "pull_negatives"
    RECEIVE_CALLBACK = "receive_callback"
    PUSH_RECTIFICATION = "push_rectification"
    REQUEST_REVOCATION = "request_revocation"
    PULL_DICTIONARY = "pull_dictionary"
    PULL_OPEN_SERVICES = "pull_open_services"
    PUSH_REPORT = "push_report"
    PULL_DOWN = "pull_down"

    @property
    def label(self) -> str:
        return ABILITY_LABELS[self]


ABILITY_LABELS = {
    Ability.GET_PAGE: "取得省平台评价页",
    Ability.BUILD_PAGE: "自行拼出省平台评价页",
    Ability.PUSH_SERVICE: "报送办件服务",
    Ability.PUSH_SERVICE_BATCH: "成批报送办件服务",
    Ability.PUSH_RATING: "报送评价",
    Ability.PUSH_LATE: "补报",
    Ability.PULL_RATINGS: "取回评价",
    Ability.PULL_NEGATIVES: "取回差评",
    Ability.RECEIVE_CALLBACK: "接收回调",
    Ability.PUSH_RECTIFICATION: "报送整改结果",
    Ability.REQUEST_REVOCATION: "申请撤销",
    Ability.PULL_DICTIONARY: "取得字典",
    Ability.PULL_OPEN_SERVICES: "取回未评服务",
    Ability.PUSH_REPORT: "报送季度报告",
    Ability.PULL_DOWN: "取回下发（差评、决定、督办）",
}
# Which ability a kind of message needs; without it, or without a mapping for the kind, it goes by hand.
NEEDS = {
    "service": Ability.PUSH_SERVICE,
    "rating": Ability.PUSH_RATING,
    "default": Ability.PUSH_RATING,
    "supplementary": Ability.PUSH_RATING,
    "rerating": Ability.PUSH_RATING,
    "case": Ability.PUSH_RECTIFICATION,
    "validity": Ability.PUSH_RECTIFICATION,
    "revocation": Ability.REQUEST_REVOCATION,
    "report": Ability.PUSH_REPORT,
}
# What is asked of a superior about a service, and the abilities of which one answers it.
ASKS = {
    "page": (Ability.GET_PAGE, Ability.BUILD_PAGE),
    "results": (Ability.PULL_RATINGS,),
}


@dataclass(frozen=True)
class Message:
    """A canonical message: the case's key, the kind, and the fields of the kind.

    `fact_at` is the time of the fact (never altered to please a receiver);
    `personal` names the fields of `body` that identify a person.  `service` is the service
    that the message is about, for superiors whose format repeats it; else None.
    `service_reference` is the superior's own number for that service, where it gave one.
    """

    kind: str
    revision: int
    area_code: str
    organization_code: str
    case_no: str
    service_no: int
    fact_at: datetime
    body: Mapping[str, Any]
    personal: tuple[str, ...] = ()
    service: Message | None = None
    service_reference: str = ""


@dataclass(frozen=True)
class Accepted:
    """The superior has it; `reference` is its own number for the record.

    `sent` is the text as it left, before any encryption, where it is not simply the body.
    """

    reference: str
    received: str = ""
    sent: str = ""


@dataclass(frozen=True)
class Rehearsed(Accepted):
    """All was done but the last step: it is fit to be sent, nothing has left this house, and nothing has arrived."""


class Delivery(Exception):
    """Base of the three answers that are not a plain yes."""

    def __init__(self, reason: str, *, code: str = "", received: str = "", sent: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.received = received
        self.sent = sent


class AlreadyDone(Delivery):
    """The superior had it already: success, with its reference in `code` where it tells."""


class RatedAbove(AlreadyDone):
    """Asked for its page, the superior answers that the person has rated there: `rating` is what it tells of it."""

    def __init__(self, rating: Any, *, received: str = "", sent: str = "") -> None:
        super().__init__("省平台已有评价", code=rating.reference, received=received, sent=sent)
        self.rating = rating


class Later(Delivery):
    """Not now.  `unreachable` where the superior as a whole did not answer."""

    def __init__(
        self, reason: str, *, code: str = "", received: str = "", sent: str = "", unreachable: bool = False
    ) -> None:
        super().__init__(reason, code=code, received=received, sent=sent)
        self.unreachable = unreachable


class Never(Delivery):
    """Refused for what it says: a person must look at it."""


class Driver(Protocol):
    """A way to one superior system.

    `takes` are the kinds of message it has a way for; the rest goes by hand.
    `repeats_service` where its format repeats the service in every message.
    `unneeded` are the kinds that it does not want at all (its rating message says it all).
    `updates` where it takes a later revision of a record; else a change goes by hand, for
    "already there" would hide it.  `per_second` is its rate limit (0: none), `batch` how
    many are taken at once.  `mirrors` where it keeps whole records of ours and sums them:
    it is told each step with its clock, the quarterly reports, and what it sent down itself.
    `ends` where there is nobody above and nothing is to be sent (decision 0080).
    """

    name: str
    label: str
    abilities: frozenset[Ability]
    takes: frozenset[str]
    unneeded: frozenset[str]
    updates: bool
    mirrors: bool
    ends: bool
    repeats_service: bool
    per_second: float
    batch: int

    def send(self, key: str, message: Message) -> Accepted: ...

    def counts(self) -> dict[tuple[str, str, int | None], int] | None:
        """What the superior says it holds, by (day, kind, level); None where it cannot be asked."""
        ...

    def holds(self, kind: str) -> set[str] | None:
        """The subjects (hex) of the records of a kind that it holds; None where it cannot be asked."""
        ...

    def negatives(self) -> list[Any]:
        """Negatives to take over (`messages.NegativeReceived`), for `pull_negatives`.  Raises Later."""
        ...

    def page(self, service: Message, *, back: str, channel: str) -> str:
        """The address of the superior's own page for one service (`get_page`, `build_page`); it leads to `back`
        afterwards.  Raises RatedAbove, Later, Never."""
        ...

    def results(self, service: Message) -> list[Any]:
        """What was said of a service on the superior's page (`messages.NegativeReceived`, of any level), for
        `pull_ratings`.  Raises Later."""
        ...

    def open_services(self, since: date) -> list[Any]:
        """All services of ours from that Beijing day on of which it has no word yet (`messages.OpenService`), for
        `pull_open_services`.  Raises Later."""
        ...

    def dictionary(self) -> Any:
        """The tags now (`messages.Dictionary`), for `pull_dictionary`.  Raises Later."""
        ...


@runtime_checkable
class Batched(Protocol):
    """A driver whose superior takes many messages in one call and answers each by itself."""

    def send_many(self, rows: Sequence[tuple[str, Message]]) -> list[Accepted | Delivery]: ...


@runtime_checkable
class Rehearses(Protocol):
    """A driver that can do all that `send` does up to the wire: into their fields and codes, signed and sealed, with a
    token that is good.  Raises Later, Never."""

    def rehearse(self, message: Message) -> Rehearsed: ...


@runtime_checkable
class SendsDown(Protocol):
    """A driver whose superior keeps what it sends down in one order (`pull_down`)."""

    def down(self, after: int) -> tuple[list[Any], int]:
        """The typed contents after that number, and up to where they go.  Raises Later."""
        ...
