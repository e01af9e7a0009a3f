"""The rows of a call that are kept: sealed, hashed and written as one set, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from minping.evaluate import tokens
from minping.evaluate.events import ServicesReceived
from minping.evaluate.models import Applicant, Service
from minping.evaluate.schemas import ApplicantIn, ServiceIn
from minping.evaluate.states import Outcome
from minping.kernel import bulk, events, ids, journal, privacy
from minping.kernel.access import Actor
from minping.registry import queries as registry
from minping.upstream.services import Draft, messages_enqueue


class Clocks(NamedTuple):
    """The limits of one area and day, resolved once per batch."""

    default_due_at: datetime
    default_rule: str
    closes_at: datetime
    skew: timedelta


class Taken(NamedTuple):
    """A row that will be kept: what it says (also as JSON, and its digest), and what registry and law say of it."""

    row: ServiceIn
    said: bytes
    content: bytes
    where: registry.Place
    clocks: Clocks
    item_name: str
    item_version: str
    window_name: str


_SAID = (
    "case_no", "service_no", "service_name", "item_code", "handling", "case_state", "accepted_at", "served_at",
    "finished_at",
)  # fmt: skip
_SAID_OF = attrgetter(*_SAID)
_SERVICE = (
    "id", *_SAID, "area_code", "organization_code", "organization_name", "item_name", "item_version", "window_code",
    "window_name", "staff_code", "package_no", "received_at", "reported_by", "content", "token", "default_due_at",
    "default_rule", "closes_at", "outcome",
)  # fmt: skip
_APPLICANT = ("service", "sealed", "phone_index", "certificate_index", "agent_index")


def services_keep(taken: Sequence[Taken], *, by: Actor, at: datetime) -> list[UUID]:
    """Write the services with applicants, messages and journal row, in one transaction; returns their ids in order.

    Raises IntegrityError where one of them has come in since it was looked for.
    """
    if not taken:
        return []
    rows, said, content, wheres, clocks, item_names, item_versions, window_names = zip(*taken, strict=True)
    count = len(rows)
    made = ids.uuid7_many(count, at)
    told = list(zip(*map(_SAID_OF, rows), strict=True))
    cases, numbers, _, items, handlings, _, _, served, _ = told
    areas, organizations = [w.area_code for w in wheres], [w.code for w in wheres]
    windows, staff = [r.window_code or "" for r in rows], [r.staff_code or "" for r in rows]
    due = [c.default_due_at for c in clocks]
    token_of = tokens.invitation_tokens()
    stored = [tokens.stored(token_of(i)) for i in made]
    sealed, phones, certificates, agents = _sealed(made, rows, said)
    leaves = journal.leaves_of(
        Service._meta.label_lower,
        made,
        (organizations, cases, numbers, items, windows, staff, handlings, served, content, stored, due, sealed),
    )
    services = (
        made, *told, areas, organizations, [w.name for w in wheres], item_names, item_versions, windows,
        window_names, staff, [r.package_no or "" for r in rows], [at] * count, [by.name] * count, content, stored,
        due, [c.default_rule for c in clocks], [c.closes_at for c in clocks], [Outcome.NONE.value] * count,
    )  # fmt: skip
    drafts = map(Draft, ["service"] * count, made, areas, organizations, cases, numbers, served)
    with transaction.atomic():
        bulk.insert_columns(Service, _SERVICE, services)
        bulk.insert_columns(Applicant, _APPLICANT, (made, sealed, phones, certificates, agents))
        messages_enqueue(drafts, at=at)
        journal.write(
            "services.received", at=at, actor=by.name, organization_code=organizations[0],
            subject=made[0] if count == 1 else None, leaves=leaves, count=count,
        )  # fmt: skip
        events.publish(ServicesReceived(tuple(made), at))
    return made


def _sealed(
    made: Sequence[UUID], rows: Sequence[ServiceIn], said: Sequence[bytes]
) -> tuple[list[bytes], list[bytes | None], list[bytes], list[bytes | None]]:
    """The applicants (and agents) sealed, each for its service, with the three blind indexes."""
    seal = privacy.sealer()
    phone_key, certificate_key = privacy.keyed_many("index", b"phone\0"), privacy.keyed_many("index", b"certificate\0")
    sealed: list[bytes] = []
    phones: list[bytes | None] = []
    certificates: list[bytes] = []
    agents: list[bytes | None] = []

    def certificate_of(person: ApplicantIn) -> bytes:
        certificate = f"{person.cert_type}:{privacy.normal_certificate(person.cert_no)}"
        return certificate_key(certificate.encode())[:16]

    for identifier, row, text in zip(made, rows, said, strict=True):
        person = row.applicant
        sealed.append(seal(_applicant(text), f"applicant:{identifier.hex}"))
        phone = privacy.normal_phone(person.phone)
        phones.append(phone_key(phone.encode())[:16] if phone else None)
        certificates.append(certificate_of(person))
        agents.append(certificate_of(row.agent) if row.agent else None)
    return sealed, phones, certificates, agents


_BEFORE, _BETWEEN, _NOBODY = b',"applicant":', b',"agent":', b"null}"


def _applicant(said: bytes) -> bytes:
    """The applicant's part of a row's JSON, with the agent in it where there is one.

    The two are the last members of a row, and within a string of JSON no quotation mark
    stands bare, so the cut is exact and nothing is written as JSON twice.
    """
    start = said.rindex(_BEFORE) + len(_BEFORE)
    end = said.rindex(_BETWEEN)
    if said.endswith(_NOBODY, end):
        return said[start:end]
    return said[start : end - 1] + said[end:]
