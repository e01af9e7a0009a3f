"""Whom to call about a case: the applicant, and whoever a ticket named; for a purpose, on record (minan/3.1.4, R8)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from minping import law
from minping.evaluate.services.identity import PURPOSES, Identity, conflicts_of, identity_open
from minping.feedback import services
from minping.feedback.models import Case
from minping.feedback.tickets.models import Ticket
from minping.kernel import journal
from minping.kernel.access import Actor
from minping.kernel.clock import beijing
from minping.kernel.errors import Forbidden, Invalid
from minping.kernel.machine import ConflictOfInterest
from minping.kernel.moves import CONFLICTS


def people_open(*, case: Case, purpose: str, by: Actor, at: datetime) -> list[Identity]:
    """Names and telephones behind a case, each telephone once.  Raises Forbidden, ConflictOfInterest, Invalid."""
    if purpose not in PURPOSES:
        raise Invalid("请说明为什么要看联系方式。", cure="", field="purpose")
    if not by.can("identity.open", services.seat(case).path):
        raise Forbidden()
    rules = law.at(case.area_code, beijing(at).date())
    for conflict in sorted(rules.never("identity.open") & conflicts_of(case, by)):
        raise ConflictOfInterest(why=CONFLICTS[conflict], verb="查看联系方式")
    found: dict[str, Identity] = {}
    with transaction.atomic():
        if case.service is not None:
            applicant = identity_open(service=case.service, purpose=purpose, by=by, at=at)
            found[applicant.phone] = applicant
        named = list(Ticket.objects.filter(case=case, phone_index__isnull=False).order_by("received_at"))
        for ticket in named:
            person = ticket.opened()["person"]
            found.setdefault(person["phone"], Identity(name=person["name"] or "（没有留姓名）", phone=person["phone"]))
        if named:
            journal.write(
                "identity.opened", at=at, actor=by.name, organization_code=case.organization_code, subject=case.pk,
                purpose=purpose, tickets=[ticket.number for ticket in named],
            )  # fmt: skip
    return list(found.values())
