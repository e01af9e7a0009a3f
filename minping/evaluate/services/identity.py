"""Opening who a person is: for a purpose, by someone who may, on record, never for the rated (minan/3.1.4, R8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.db import transaction

from minping import law
from minping.evaluate.models import Applicant, Service
from minping.kernel import journal, privacy
from minping.kernel.access import Actor
from minping.kernel.errors import Forbidden, Invalid
from minping.kernel.machine import ConflictOfInterest
from minping.kernel.moves import CONFLICTS
from minping.registry import queries as registry

PURPOSES = {"verify": "差评核实回访", "follow_up": "整改情况回访", "ask": "电话请评"}


@dataclass(frozen=True)
class Identity:
    """What a call-back needs: name and telephone, not the certificate."""

    name: str
    phone: str


class Rated(Protocol):
    """A service, or what has copied from it who gave it and where."""

    organization_code: str
    window_code: str
    staff_code: str


def conflicts_of(service: Rated, by: Actor) -> frozenset[str]:
    """In what way `by` is party to this service: the rated person, or someone of the rated window (R8)."""
    found = set()
    if service.staff_code and service.staff_code == by.staff_code:
        found.add("rated_person")
    if service.window_code and (service.organization_code, service.window_code) in by.windows:
        found.add("rated_window")
    return frozenset(found)


def identity_open(*, service: Service, purpose: str, by: Actor, at: datetime) -> Identity:
    """Open name and telephone for a purpose.  Raises Forbidden, ConflictOfInterest, Invalid."""
    if purpose not in PURPOSES:
        raise Invalid("请说明为什么要看联系方式。", cure="", field="purpose")
    where = registry.place(service.organization_code)
    if not by.can("identity.open", where.path):
        raise Forbidden()
    rules = law.at(service.area_code, at.astimezone(law.BEIJING).date())
    for conflict in sorted(rules.never("identity.open") & conflicts_of(service, by)):
        raise ConflictOfInterest(why=CONFLICTS[conflict], verb="查看联系方式")
    with transaction.atomic():
        sealed = Applicant.objects.values_list("sealed", flat=True).get(service=service.pk)
        person = privacy.unseal_json(sealed, f"applicant:{service.pk.hex}")
        journal.write(
            "identity.opened", at=at, actor=by.name, organization_code=service.organization_code,
            subject=service.pk, purpose=purpose,
        )  # fmt: skip
    return Identity(name=person["name"], phone=person["phone"])
