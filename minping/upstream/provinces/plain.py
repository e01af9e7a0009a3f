"""What a way to a superior is unless its driver says otherwise: it takes nothing, tells nothing and has no limit."""

from __future__ import annotations

from datetime import date

from minping.upstream.messages import Dictionary, NegativeReceived, OpenService
from minping.upstream.port import Ability, Message


class Plain:
    """The base of every driver (`port.Driver` says what each of these means)."""

    abilities: frozenset[Ability] = frozenset()
    takes: frozenset[str] = frozenset()
    unneeded: frozenset[str] = frozenset()
    updates = False
    mirrors = False
    ends = False
    repeats_service = False
    per_second = 0.0
    batch = 200

    def counts(self) -> dict[tuple[str, str, int | None], int] | None:
        return None

    def holds(self, kind: str) -> set[str] | None:
        return None

    def page(self, service: Message, *, back: str, channel: str) -> str:
        raise NotImplementedError

    def results(self, service: Message) -> list[NegativeReceived]:
        raise NotImplementedError

    def negatives(self) -> list[NegativeReceived]:
        raise NotImplementedError

    def open_services(self, since: date) -> list[OpenService]:
        raise NotImplementedError

    def dictionary(self) -> Dictionary:
        raise NotImplementedError
