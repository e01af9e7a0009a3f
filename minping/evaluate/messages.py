"""Canonical messages of 评价: built from the records when they are sent, never stored twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from minping import law
from minping.evaluate.models import DefaultOutcome, Rating, RatingRevision, Service
from minping.evaluate.states import Entry, RatingKind
from minping.kernel import privacy
from minping.kernel.clock import beijing
from minping.upstream.port import Message
from minping.upstream.provinces import driver


def _time(moment: datetime | None) -> str | None:
    return beijing(moment).isoformat(timespec="seconds") if moment else None


def _message(
    kind: str,
    service: Service,
    fact_at: datetime,
    body: dict[str, Any],
    revision: int = 1,
    personal: tuple[str, ...] = (),
) -> Message:
    return Message(
        kind=kind,
        revision=revision,
        area_code=service.area_code,
        organization_code=service.organization_code,
        case_no=service.case_no,
        service_no=service.service_no,
        fact_at=fact_at,
        body={"fact_at": _time(fact_at), **body},
        personal=personal,
    )


def service_messages(ids: Sequence[UUID]) -> Mapping[UUID, Message]:
    """Services, with the applicant opened for the superior: the one place where the seal is broken for it."""
    whole = driver().mirrors
    return {
        service.pk: _message(
            "service",
            service,
            service.served_at,
            {
                "service_name": service.service_name,
                "item_code": service.item_code,
                "item_name": service.item_name,
                "organization_name": service.organization_name,
                "window_code": service.window_code,
                "staff_code": service.staff_code,
                "handling": service.handling,
                "case_state": service.case_state,
                "package_no": service.package_no,
                "accepted_at": _time(service.accepted_at),
                "served_at": _time(service.served_at),
                "finished_at": _time(service.finished_at),
                "applicant": privacy.unseal_json(service.applicant.sealed, f"applicant:{service.pk.hex}"),
                **({"window_name": service.window_name, "received_at": _time(service.received_at)} if whole else {}),
            },
            personal=("applicant",),
        )
        for service in Service.objects.filter(pk__in=ids).select_related("applicant")
    }


def rating_messages(ids: Sequence[UUID]) -> Mapping[UUID, Message]:
    """Ratings of every kind, the words exactly as written."""
    changed: dict[UUID, str | None] = {}
    if driver().mirrors:
        earlier = RatingRevision.objects.filter(rating__in=ids).order_by("revision")
        changed = {pk: _time(until) for pk, until in earlier.values_list("rating_id", "until")}
    return {
        rating.pk: _message(
            RatingKind(rating.kind).message,
            rating.service,
            rating.rated_at,
            {
                "level": int(law.InterfaceLevel(rating.level)),
                "level_system": "interface",
                "tags": list(rating.tags),
                "text": rating.text,
                "channel": rating.channel,
                "proof": rating.proof,
                "rated_at": _time(rating.rated_at),
                "assess_no": max(1, rating.ordinal),  # a share stands where one's own word would (R10)
                **_how(rating),
                **({"changed_at": changed[rating.pk]} if rating.pk in changed else {}),
                # Each round of rectification may bring one: the number keeps them apart above.
                **({"case_number": str(rating.ordinal)} if rating.kind == RatingKind.RERATING else {}),
            },
            revision=rating.revision,
        )
        for rating in Rating.objects.filter(pk__in=ids).select_related("service")
    }


def _how(rating: Rating) -> dict[str, Any]:
    """How the word came in, where that is not simply the person's own press."""
    how: dict[str, Any] = {}
    if rating.entry != Entry.PERSON:
        how["entry"] = str(rating.entry)
    if rating.package_id is not None:
        how |= {"package_no": rating.service.package_no, "package_rating": rating.package_id.hex}
    if rating.offline:
        how |= {"offline": True, "pressed_at": _time(rating.pressed_at)}
    return how


def default_messages(ids: Sequence[UUID]) -> Mapping[UUID, Message]:
    """Defaults, by the ids of their services; marked as made by rule."""
    return {
        default.service_id: _message(
            "default",
            default.service,
            default.made_at,
            {
                "level": int(default.level),
                "level_system": "interface",
                "made_by_rule": default.rule,
                "made_at": _time(default.made_at),
            },
        )
        for default in DefaultOutcome.objects.filter(service__in=ids).select_related("service")
    }
