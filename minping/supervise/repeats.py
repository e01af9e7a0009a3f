"""反复被差评: counting confirmed negatives of a window, a person, an item, a unit; opening a 问责提醒 (minan/5.2).

Done in the transaction that confirms a negative (a row of chain.py), so that it is never missed; under a lock on the
subject, and with a database key on (negative, kind), so that it is never doubled.  A job asks the same again each
hour: a law file that was changed, and cases from before this version, are caught, too.

A default never becomes a case, so it never counts.  A negative counts until the superior has revoked it (R7).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet

from minping import law
from minping.feedback.events import CaseConfirmed, RevocationAnswered
from minping.feedback.models import Case
from minping.feedback.services import number_of
from minping.feedback.states import CaseState
from minping.kernel import due, ids, journal
from minping.kernel.access import SYSTEM
from minping.kernel.clock import beijing
from minping.registry import queries as registry
from minping.supervise.models import Inquiry, InquiryRow, Subject
from minping.supervise.states import InquiryState, Kind

NOT_COUNTED = ("revoked", "changed_by_rater")  # results of a closed case that is no negative any more
FIELD = {
    Kind.WINDOW: "window_code", Kind.STAFF: "staff_code", Kind.ITEM: "service__item_code", Kind.UNIT: "",
}  # fmt: skip


def confirmed() -> QuerySet[Case]:
    """The negative ratings that count: confirmed, and not revoked since.

    Those of a level below are answered for there; a ticket without a rating is none (0058).
    """
    rated = Case.objects.rated().filter(confirmed_at__isnull=False, origin="")
    return rated.exclude(state=CaseState.CLOSED, result__in=NOT_COUNTED)


def _uncounted(kind: Kind) -> QuerySet[Case]:
    taken = InquiryRow.objects.filter(case=OuterRef("pk"), kind=kind, released_at__isnull=True)
    return confirmed().filter(~Exists(taken))


def key_of(kind: Kind, case: Case) -> str | None:
    """The subject's key within its unit; None where the service names none."""
    keys = {
        Kind.WINDOW: case.window_code, Kind.STAFF: case.staff_code, Kind.ITEM: case.rated[0].item_code, Kind.UNIT: "",
    }  # fmt: skip
    return keys[kind] if kind is Kind.UNIT or keys[kind] else None


def reached(rows: Sequence[tuple[UUID, datetime]], least: int, days: int) -> list[UUID]:
    """The first run of `rows` (by time) that holds at least `least` within `days` days; empty where there is none.

    Days are Beijing's: the first of them counts.
    """
    for start, (_, first) in enumerate(rows):
        end = beijing(first).date() + timedelta(days=days)
        within = [key for key, at in rows[start:] if beijing(at).date() < end]
        if len(within) >= least:
            return within
    return []


def on_case_confirmed(event: CaseConfirmed) -> None:
    if event.case.rating_id is None:
        return
    for kind in sorted(Kind):
        key = key_of(kind, event.case)
        if key is not None:
            subject_count(kind, event.case.organization_code, key, at=event.at)


def on_revocation_answered(event: RevocationAnswered) -> None:
    """That a negative was revoked is put on record with each inquiry that lists it."""
    if event.revocation.answer != "revoke":
        return
    rows = InquiryRow.objects.filter(case=event.revocation.case_id, released_at__isnull=True)
    for row in rows.select_related("inquiry"):
        journal.write(
            "inquiry.row_revoked", at=event.at, actor=SYSTEM.name, organization_code=row.inquiry.organization_code,
            subject=row.inquiry_id, number=row.inquiry.number, standing=standing(row.inquiry),
        )  # fmt: skip


def standing(inquiry: Inquiry) -> int:
    """How many of the negatives that made it still count."""
    return confirmed().filter(pk__in=inquiry.rows.filter(released_at__isnull=True).values("case")).count()


def subject_count(kind: Kind, organization_code: str, key: str, *, at: datetime) -> Inquiry | None:
    """Count one subject's negatives now: join them to its open inquiry, or open one where the number is reached."""
    where = registry.place(organization_code)
    rules = law.at(where.area_code, beijing(at).date())
    number, span = rules.value(f"repeat_{kind}"), rules.limit(f"repeat_{kind}_days")
    with transaction.atomic():
        subject, _ = Subject.objects.get_or_create(kind=kind, organization_code=organization_code, key=key)
        Subject.objects.select_for_update().get(pk=subject.pk)
        rows = _uncounted(kind).filter(organization_code=organization_code)
        if kind is not Kind.UNIT:
            rows = rows.filter(**{FIELD[kind]: key})
        found = list(rows.order_by("opened_at", "pk").values_list("pk", "opened_at"))
        inquiry = Inquiry.objects.filter(
            kind=kind, organization_code=organization_code, key=key, ended_at__isnull=True
        ).first()
        if inquiry is not None:
            since = inquiry.first_at - timedelta(days=inquiry.days)
            _add(inquiry, [case for case, given in found if given >= since], at)
            return inquiry
        taken = reached(found, number.number, span.value)
        if not taken:
            return None
        first = next(given for case, given in found if case == taken[0])
        identifier = ids.uuid7(at)
        inquiry = Inquiry(
            id=identifier, number=number_of(identifier, at, "问责"), kind=kind, area_code=where.area_code,
            organization_code=organization_code, key=key, name=_name(kind, where, key, taken[-1]),
            window_code=key if kind is Kind.WINDOW else "", state=InquiryState.OPENED, opened_at=at, first_at=first,
            least=number.number, days=span.value, clause=number.clause,
            rule=f"{number.label}：{span.value} 天内 {number.number} 件，{law.spoken(number.source)}",
            **due.clock(where.area_code, "inquiry_explain", at),
        )  # fmt: skip
        inquiry.save(force_insert=True)
        _add(inquiry, taken, at, "inquiry.opened")
        return inquiry


def _name(kind: Kind, where: registry.Place, key: str, case_id: UUID) -> str:
    """What the subject is called, as the latest of its negatives says it."""
    if kind is Kind.UNIT:
        return where.name
    case = Case.objects.select_related("service", "rating").get(pk=case_id)
    names = {
        Kind.WINDOW: case.window_name or key,
        Kind.STAFF: registry.directory().staff.get((where.code, key), key),
        Kind.ITEM: case.rated[0].item_name,
    }
    return names[kind]


def _add(inquiry: Inquiry, cases: Iterable[UUID], at: datetime, action: str = "inquiry.grew") -> None:
    rows = [InquiryRow(inquiry=inquiry, kind=inquiry.kind, case_id=case, added_at=at) for case in cases]
    if not rows:
        return
    InquiryRow.objects.bulk_create(rows)
    opened = [inquiry] if action == "inquiry.opened" else []
    journal.write(
        action, at=at, actor=SYSTEM.name, organization_code=inquiry.organization_code, subject=inquiry.pk,
        records=[*opened, *rows], number=inquiry.number, count=len(rows), clause=inquiry.clause,
    )  # fmt: skip


def repeats_sweep(*, at: datetime) -> int:
    """Count every subject that could have reached its number; returns how many inquiries are open for those now.

    Asks by grouped queries for the few subjects with enough uncounted negatives, whatever the number of cases.
    """
    touched = 0
    for kind in sorted(Kind):
        named = ("organization_code", *([FIELD[kind]] if FIELD[kind] else []))
        rows = _uncounted(kind).exclude(**({FIELD[kind]: ""} if FIELD[kind] else {"pk": None}))
        groups = rows.order_by().values_list(*named).annotate(n=Count("pk"))
        for row in list(groups):
            organization_code, key = row[0], row[1] if FIELD[kind] else ""
            place = registry.directory().places.get(organization_code)
            if place is None:
                continue
            least = law.at(place.area_code, beijing(at).date()).value(f"repeat_{kind}").number
            if row[-1] >= least and subject_count(kind, organization_code, key, at=at) is not None:
                touched += 1
    return touched
