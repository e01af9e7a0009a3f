"""The port: what is sent upward, and the only answers there are.

A driver's `send` returns `Accepted`, or raises `AlreadyDone`, `Later` or `Never`.
There is no fifth outcome: what a driver cannot classify it raises as `Later` with
the text, which a person sees at the delivery desk (failures.md B3, B4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True)
class Message:
    """A canonical message: the case's key, the kind, and the fields of the kind.

    `fact_at` is the time of the fact (never altered to please a receiver);
    `personal` names the fields of `body` that identify a person.
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


@dataclass(frozen=True)
class Accepted:
    """The superior has it; `reference` is its own number for the record."""

    reference: str
    received: str = ""


class Delivery(Exception):
    """Base of the three answers that are not a plain yes."""

    def __init__(self, reason: str, *, code: str = "", received: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.received = received


class AlreadyDone(Delivery):
    """The superior had it already: success, with its reference in `code` where it tells."""


class Later(Delivery):
    """Not now.  `unreachable` where the superior as a whole did not answer."""

    def __init__(self, reason: str, *, code: str = "", received: str = "", unreachable: bool = False) -> None:
        super().__init__(reason, code=code, received=received)
        self.unreachable = unreachable


class Never(Delivery):
    """Refused for what it says: a person must look at it."""


class Driver(Protocol):
    """A way to one superior system.  `abilities` are the kinds it takes; the rest goes by hand."""

    name: str
    label: str
    abilities: frozenset[str]

    def send(self, key: str, message: Message) -> Accepted: ...

    def counts(self) -> dict[tuple[str, str, int | None], int] | None:
        """What the superior says it holds, by (day, kind, level); None where it cannot be asked."""
        ...
