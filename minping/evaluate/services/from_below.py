"""Services, ratings and defaults of a subordinate, kept here as rows of the same tables (upstream/below).

Nothing follows from them here: the default is made, the case is opened and the person is
asked below, once.  Their times are those of the facts and are never ours.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Model

from minping import law
from minping.evaluate import tokens
from minping.evaluate.models import Applicant, DefaultOutcome, PackageRating, Rating, RatingRevision, Service
from minping.evaluate.states import Entry, Outcome, RatingKind
from minping.kernel import ids, journal, privacy
from minping.upstream.below.intake import Missing, NotOurs, Refuse, Told, kept
from minping.upstream.messages import DefaultContent, RatingContent, ServiceContent, _plain

NOBODY = bytes(16)  # in place of a blind index: who gave an overall rating is known below only


class ServiceTaken(Refuse):
    code = "service_conflict"
    message = "办件 {tail} 的第 {number} 次服务，上级已有另一条记录。"
    cure = "同一次服务只收一次；请核对编号。"


class UnknownWord(Refuse):
    code = "unknown_code"
    message = "上级不认识“{word}”这个代码（{where}）。"
    cure = "请核对两级的规则是不是同一版。"


class OutcomeTaken(Refuse):
    code = "outcome_conflict"
    message = "上级的这次服务已有结果（{outcome}），不能再是另一种。"
    cure = "请核对两级的记录。"


def take_service(told: Told) -> bool:
    """A service: a row with no running default and no invitation of ours; its person stays sealed, or below."""
    said, message = told.content, told.message
    assert isinstance(said, ServiceContent)
    if told.subject in _there(told, Service):
        raise NotOurs()
    key = {"organization_code": told.place.code, "case_no": message.case_no, "service_no": message.service_no}
    services = _services(told)
    if tuple(key.values()) in services:
        raise ServiceTaken(tail=message.case_no[-4:], number=message.service_no)
    rules = law.at(told.place.area_code, said.served_at.astimezone(law.BEIJING).date())
    if said.handling not in rules.handlings:
        raise UnknownWord(word=said.handling, where="handling")
    plain = json.dumps(_plain(said), ensure_ascii=False, sort_keys=True).encode()
    service = Service(
        id=told.subject, **key, area_code=told.place.area_code, organization_name=told.place.name,
        service_name=said.service_name, item_code=said.item_code, item_name=said.item_name,
        window_code=said.window_code, window_name=said.window_name, staff_code=said.staff_code,
        handling=said.handling, case_state=said.case_state, package_no=said.package_no, accepted_at=said.accepted_at,
        served_at=said.served_at, finished_at=said.finished_at,
        # Counted from when it was reported to the level that rendered it: so sums agree for any past day.
        received_at=said.received_at or told.at, reported_by=told.by.name,
        content=privacy.keyed("index", b"below\0" + plain)[:16],
        token=tokens.stored(tokens.invitation_token(told.subject)),
        # Closed from the start: nobody is asked here, and the silence is counted below.
        default_due_at=said.served_at, default_rule="below", closes_at=said.served_at, origin=told.origin,
    )  # fmt: skip
    kept(service)
    person = {"kind": "", "name": "", "cert_type": "", "cert_no": "", "phone": "", **dataclasses.asdict(said.applicant)}
    if said.agent is not None:
        person["agent"] = dataclasses.asdict(said.agent)
    sealed = privacy.seal(json.dumps(person, ensure_ascii=False).encode(), f"applicant:{told.subject.hex}")
    Applicant(service=service, sealed=sealed).save(force_insert=True)
    _write(told, "below.service", [service])
    services[service.organization_code, service.case_no, service.service_no] = service
    _there(told, Service)[service.pk] = service
    return True


def take_rating(told: Told) -> bool:
    """A person's word, or a later version of it; what it said before stays readable."""
    said = told.content
    assert isinstance(said, RatingContent)
    service = service_of(told)
    ratings = _there(told, Rating)
    rating = ratings.get(told.subject)
    if rating is not None:
        return _change(told, said, service, rating)
    kind = RatingKind.PACKAGE if said.package_rating else RatingKind(_KINDS[told.message.kind])
    records: list[PackageRating | Rating] = []
    package = _package(said, service, records) if said.package_rating else None
    if kind in (RatingKind.FIRST, RatingKind.PACKAGE):
        _spend(service, Outcome.RATING, told)
    made = Rating(
        id=told.subject, service=service, ordinal=0 if kind is RatingKind.PACKAGE else said.assess_no, kind=kind,
        level=int(said.level), tags=list(said.tags), text=said.text, channel=said.channel, proof=said.proof,
        rated_at=said.rated_at, revision=told.message.revision,
        change_token=tokens.stored(tokens.change_token(told.subject)), change_until=said.rated_at,
        receipt=tokens.receipt_index(tokens.receipt_code(told.subject)), entry=said.entry or Entry.PERSON,
        device_code=said.device, pressed_at=said.pressed_at, offline=said.offline, package=package,
    )  # fmt: skip
    kept(made)
    _write(told, f"below.{kind}", [*records, made], level=made.level)
    ratings[made.pk] = made
    return True


_KINDS = {"rating": "first", "supplementary": "supplementary", "rerating": "rerating"}


def _package(said: RatingContent, service: Service, records: list[PackageRating | Rating]) -> PackageRating:
    try:
        identifier = UUID(hex=said.package_rating)
    except ValueError as failure:
        raise UnknownWord(word=said.package_rating[:40], where="package_rating") from failure
    known = PackageRating.objects.select_related("service").filter(pk=identifier).first()
    if known is not None:
        if known.service.origin != service.origin:
            raise NotOurs()
        return known
    made = PackageRating(
        id=identifier, package_no=said.package_no, person=NOBODY, service=service, rated_at=said.rated_at
    )
    kept(made)
    records.append(made)
    return made


def _change(told: Told, said: RatingContent, service: Service, rating: Rating) -> bool:
    if rating.service_id != service.pk:
        raise NotOurs()
    if rating.revision >= told.message.revision:
        return False
    before = RatingRevision(
        rating=rating, revision=rating.revision, level=rating.level, tags=rating.tags, text=rating.text,
        until=said.changed_at or told.at,
    )  # fmt: skip
    before.save(force_insert=True)
    rating.level, rating.tags, rating.text = int(said.level), list(said.tags), said.text
    rating.revision = told.message.revision
    kept(rating)
    _write(told, "below.changed", [rating, before], level=rating.level)
    return True


def take_default(told: Told) -> bool:
    """Silence below became a default below; here it is the same record, made by the same rule (R2)."""
    said = told.content
    assert isinstance(said, DefaultContent)
    service = service_of(told)
    if service.pk != told.subject:
        raise NotOurs()
    if DefaultOutcome.objects.filter(service=service).exists():
        return False
    _spend(service, Outcome.DEFAULT, told)
    made = DefaultOutcome(
        id=ids.uuid7(), service=service, level=int(said.level), rule=said.made_by_rule, made_at=said.made_at
    )
    kept(made)
    _write(told, "below.default", [made], level=made.level)
    return True


def service_of(told: Told) -> Service:
    """The mirrored service that a message is about.  Raises Missing, NotOurs."""
    service = _services(told).get((told.place.code, told.message.case_no, told.message.service_no))
    if service is None:
        raise Missing(what="服务")
    if service.origin != told.origin:
        raise NotOurs()
    return service


def _services(told: Told) -> dict[tuple[str, str, int], Service]:
    """The services of every case that this call speaks of: asked for once."""
    together = told.together
    if "services" not in together.memo:
        found = Service.objects.filter(
            organization_code__in={organization for organization, _ in together.cases},
            case_no__in={case_no for _, case_no in together.cases},
        )
        together.memo["services"] = {(one.organization_code, one.case_no, one.service_no): one for one in found}
    services: dict[tuple[str, str, int], Service] = together.memo["services"]
    return services


def _there(told: Told, model: type[Any]) -> dict[UUID, Any]:
    """The rows of a model under the numbers that this call speaks of: asked for once."""
    memo = told.together.memo
    if model not in memo:
        memo[model] = model.objects.in_bulk(told.together.subjects)
    found: dict[UUID, Any] = memo[model]
    return found


def _spend(service: Service, outcome: Outcome, told: Told) -> None:
    """The one outcome of a service; a word of one's own after the share of an overall rating changes none (R10)."""
    spent = Service.objects.filter(pk=service.pk, outcome=Outcome.NONE).update(
        outcome=outcome, outcome_at=told.message.fact_at
    )
    if spent:
        service.outcome, service.outcome_at = outcome, told.message.fact_at
    elif service.outcome != outcome:
        raise OutcomeTaken(outcome=Outcome(service.outcome).label)


def _write(told: Told, action: str, records: Sequence[Model], **facts: Any) -> None:
    entry = journal.entry_for(
        action, at=told.at, actor=told.by.name, organization_code=told.place.code, subject=told.subject,
        records=records, origin=told.origin, revision=told.message.revision, **facts,
    )  # fmt: skip
    told.together.entries.append(entry)
