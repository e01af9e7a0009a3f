"""Who is invited by text: everyone with a phone whose service has no rating after a while (R11, minan/3.4.1).

Nobody chooses and nothing is queued at intake: the job walks over the services in the
order of their time-ordered ids and makes one text for each, as sets.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from minping import law
from minping.evaluate.channels.sms.hours import within
from minping.evaluate.channels.sms.models import OptOut, Progress, Text
from minping.evaluate.channels.sms.states import Purpose, TextState
from minping.evaluate.models import Service
from minping.evaluate.states import Outcome
from minping.kernel import bulk, ids

BATCH = 2000
_COLUMNS = (
    "id", "purpose", "organization_code", "service", "phone", "phone_index", "created_at", "state", "next_try_at",
    "attempts", "claimed_until", "reference", "error",
)  # fmt: skip


def opted_out(phones: Iterable[bytes]) -> set[bytes]:
    """Which of the phones want no invitations."""
    return set(map(bytes, OptOut.objects.filter(phone_index__in=set(phones)).values_list("phone_index", flat=True)))


def invitations_make(*, at: datetime) -> int:
    """Make the texts of the next services whose time at the window has passed; returns how many services were seen."""
    rules = law.at(settings.MINPING_AREA, at.astimezone(law.BEIJING).date())
    ready = at - timedelta(minutes=rules.limit("sms_settle").value)
    with transaction.atomic():
        progress, _ = Progress.objects.select_for_update().get_or_create(
            name="invitations", defaults={"upto": UUID(int=0)}
        )
        seen = list(
            Service.objects.filter(pk__gt=progress.upto, pk__lt=ids.uuid7_floor(ready))
            .order_by("pk")
            .values_list("pk", "organization_code", "applicant__phone_index", "outcome", "default_due_at", named=True)[
                :BATCH
            ]
        )
        if not seen:
            return 0
        wanted = [
            (row, bytes(row.applicant__phone_index))
            for row in seen
            if row.outcome == Outcome.NONE and row.default_due_at > at and row.applicant__phone_index is not None
        ]  # fmt: skip
        silent = opted_out(phone for _, phone in wanted)
        bulk.insert(
            Text,
            _COLUMNS,
            [
                (
                    ids.uuid7(at), Purpose.INVITATION, row.organization_code, row.pk, None,
                    phone, at, TextState.WAITING, within(rules, at), 0, 0.0, "", "",
                )
                for row, phone in wanted
                if phone not in silent
            ],
        )  # fmt: skip
        progress.upto = seen[-1].pk
        progress.save()
    return len(seen)
