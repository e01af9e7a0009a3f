"""Canonical messages of the disputed negative: the application for revocation, and the rating's validity (R7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from minping.feedback.models import CallBack, Revocation
from minping.feedback.states import Authority, CallPurpose
from minping.upstream.messages import RevocationContent, ValidityContent, envelope
from minping.upstream.port import Message

VALIDITY = {"": "disputed", "revoke": "invalid", "refuse": "valid"}


def _rows(ids: Sequence[UUID]) -> list[Revocation]:
    return list(Revocation.objects.filter(pk__in=ids).select_related("case__service", "case__rating"))


def _about(row: Revocation) -> dict[str, Any]:
    case = row.case
    service, rating, _ = case.rated
    return {
        "area_code": case.area_code, "organization_code": case.organization_code, "case_no": service.case_no,
        "service_no": service.service_no, "fact_at": rating.rated_at,
    }  # fmt: skip


def revocation_messages(ids: Sequence[UUID]) -> Mapping[UUID, Message]:
    """The ground, the call-back and who applied; the person's words go sealed (minan/4.2.2)."""
    rows = _rows(ids)
    calls: dict[UUID, CallBack] = {}
    for call in CallBack.objects.filter(
        case__in=[row.case_id for row in rows], purpose=CallPurpose.VERIFY, outcome="answered"
    ).order_by("at"):
        calls[call.case_id] = call
    return {row.pk: _application(row, calls.get(row.case_id)) for row in rows}


def _application(row: Revocation, call: CallBack | None) -> Message:
    content = RevocationContent(
        case_number=row.case.number,
        level=row.case.rated[2],
        ground=row.ground,
        requested_at=row.approved_at or row.proposed_at,
        statement=row.statement,
        call_back_at=call.at if call else None,
        # What was spoken goes on only where the person agreed to that (minan/3.1.4); else the reviewer's summary.
        call_back_words=(call.words if call.to_others else call.summary) if call else "",
        evidence=(row.document,) if row.document else (),
        applicant_role="head",
    )
    return envelope(content, kind="revocation", **_about(row))


def validity_messages(ids: Sequence[UUID]) -> Mapping[UUID, Message]:
    """disputed while the superior has it; then what it decided, under its number."""
    return {row.pk: _validity(row) for row in _rows(ids)}


def _validity(row: Revocation) -> Message:
    content = ValidityContent(
        case_number=row.case.number,
        level=row.case.rated[2],
        validity=VALIDITY[row.answer],
        decided_at=row.answered_at or row.approved_at or row.proposed_at,
        ground=row.ground,
        decided_by=f"{Authority(row.authority).label}级" if row.answer else "",
        decision_reference=row.reference,
        text=row.answer_text if row.answer else "",
    )
    return envelope(content, kind="validity", revision=2 if row.answer else 1, **_about(row))
