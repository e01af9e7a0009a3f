"""What was handed in or said is not kept for ever: removed when its time is over, with a journal row (minan/3.1.4)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from minping import law
from minping.feedback.models import CallBack, CaseDocument
from minping.kernel import documents, journal
from minping.kernel.clock import beijing
from minping.rectify.models import Evidence

MOST = 200  # of each table at a time
TABLES: tuple[tuple[type[Evidence] | type[CaseDocument], str], ...] = (
    (Evidence, "order__case"),
    (CaseDocument, "case"),
)


def evidence_expire(*, area_code: str, at: datetime) -> int:
    """Remove the content of documents of cases closed longer ago than the law keeps them; returns how many.

    The row stays with name, size and hash: that there was a document, and when it went, remains provable.
    """
    days = law.at(area_code, beijing(at).date()).limit("evidence_kept").value
    done = 0
    for model, to_case in TABLES:
        old = model._default_manager.select_related(to_case).filter(
            removed_at__isnull=True, **{f"{to_case}__closed_at__lt": at - timedelta(days=days)}
        )
        with transaction.atomic():
            chosen: list[Evidence | CaseDocument] = list(old.order_by("added_at", "id")[: MOST - done])
            documents.remove(chosen, [table for table, _ in TABLES], at=at)
            for record in chosen:
                case = record.order.case if isinstance(record, Evidence) else record.case
                journal.write(
                    "evidence.removed", at=at, actor="system", organization_code=case.organization_code,
                    subject=case.pk, records=[record], after_days=days,
                )  # fmt: skip
        done += len(chosen)
    return done


def calls_expire(*, area_code: str, at: datetime) -> int:
    """Remove what a person said at a call-back of a case closed longer ago than the law keeps it (law: calls_kept).

    That there was a call, when, by whom and with what outcome stays, as does the number of its recording.
    """
    days = law.at(area_code, beijing(at).date()).limit("calls_kept").value
    old = CallBack.objects.select_related("case").filter(
        removed_at__isnull=True, case__closed_at__lt=at - timedelta(days=days)
    )
    with transaction.atomic():
        chosen = list(old.exclude(words="", summary="").order_by("at", "id")[:MOST])
        for call in chosen:
            call.words, call.summary, call.removed_at = "", "", at
        CallBack.objects.bulk_update(chosen, ["words", "summary", "removed_at"])
        for call in chosen:
            journal.write(
                "call.removed", at=at, actor="system", organization_code=call.case.organization_code,
                subject=call.case_id, records=[call], after_days=days,
            )  # fmt: skip
    return len(chosen)


def strays_expire(*, at: datetime) -> int:
    """Sealed contents of acts that came to nothing: a day old and named by no row, so nobody can ask for them."""
    gone = documents.strays_remove([table for table, _ in TABLES], before=at - timedelta(days=1))
    if gone:
        journal.write("evidence.strays", at=at, actor="system", count=gone)
    return gone
