"""A row of the outbox as the message that is sent: built from its record, with its service, or for a rehearsal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from minping.kernel import clock, events
from minping.upstream.models import OutboxMessage
from minping.upstream.port import Driver, Message, Rehearses
from minping.upstream.states import ARRIVED, PROBE

PROBE_TEXT = "探针：检验非常不满意能否送达，不是评价"


def key_of(row: OutboxMessage) -> str:
    """The idempotency key: the same for every try, and after a restore of a backup."""
    return f"{row.kind}:{row.subject.hex}:{row.revision}"


def build(rows: Iterable[OutboxMessage]) -> dict[int, Message]:
    """The canonical message of each row, built in one go per kind."""
    by_kind: dict[str, list[OutboxMessage]] = {}
    for row in rows:
        by_kind.setdefault(row.kind, []).append(row)
    # From the kind of a message to the function that builds it: a table in `minping/chain.py`.
    builders: Mapping[str, Callable[[Sequence[UUID]], Mapping[UUID, Message]]] = events.table("MESSAGES")
    built: dict[int, Message] = {}
    for kind, members in by_kind.items():
        if kind == PROBE:
            built |= {row.pk: _probe(row) for row in members}
            continue
        messages = builders[kind]([row.subject for row in members])
        for row in members:
            built[row.pk] = messages[row.subject]
    return built


def _probe(row: OutboxMessage) -> Message:
    """A marked 非常不满意 of nobody (watch.py)."""
    body = {
        "fact_at": clock.beijing(row.fact_at).isoformat(timespec="seconds"), "level": row.level,
        "level_system": "interface", "text": PROBE_TEXT,
    }  # fmt: skip
    return Message("probe", 1, row.area_code, row.organization_code, row.case_no, row.service_no, row.fact_at, body)


def with_services(rows: list[OutboxMessage], messages: Mapping[int, Message]) -> dict[int, Message]:
    """Each message with the service it is about, and the superior's number for it: three queries a batch."""
    cases = {(row.organization_code, row.case_no) for row in rows if row.kind != "service"}
    found: dict[tuple[str, str, int], OutboxMessage] = {}
    if cases:
        services = OutboxMessage.objects.filter(
            kind="service",
            organization_code__in={organization for organization, _ in cases},
            case_no__in={case_no for _, case_no in cases},
        ).order_by("id")
        found = {(one.organization_code, one.case_no, one.service_no): one for one in services}
    built = build(found.values())
    result = {}
    for row in rows:
        service = found.get((row.organization_code, row.case_no, row.service_no)) if row.kind != "service" else None
        result[row.pk] = (
            replace(messages[row.pk], service=built[service.pk], service_reference=service.reference)
            if service is not None
            else messages[row.pk]
        )
    return result


def recent_messages(most: int) -> list[Message]:
    """The newest messages as they would go, each with its service: for a rehearsal that sends nothing."""
    rows = list(OutboxMessage.objects.order_by("-id")[:most])
    return list(with_services(rows, build(rows)).values())


def is_rehearsal(chosen: Driver, row: OutboxMessage) -> bool:
    """Whether it is a probe on its way to somebody who must not get it: no 非常不满意 of nobody into a legal platform."""
    return row.kind == PROBE and PROBE not in chosen.takes and isinstance(chosen, Rehearses)


def rating_to_rehearse(target: str) -> OutboxMessage | None:
    """The newest rating that has arrived: nothing but its level and words can be wrong with it."""
    found: OutboxMessage | None = (
        OutboxMessage.objects.filter(target=target, kind="rating", state__in=ARRIVED).order_by("-id").first()
    )
    return found


def rehearsals(chosen: Driver, rows: list[OutboxMessage]) -> dict[int, Message]:
    """What stands for a probe that is rehearsed: a real rating, said as the probe says it."""
    probes = [row for row in rows if is_rehearsal(chosen, row)]
    last = rating_to_rehearse(chosen.name) if probes else None
    if last is None:
        return {}
    (rating,) = with_services([last], build([last])).values()
    return {
        row.pk: replace(rating, body={**rating.body, "level": row.level, "text": PROBE_TEXT, "tags": []})
        for row in probes
    }
