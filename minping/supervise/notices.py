"""The clocks of a 问责提醒, and who is reminded of each (kernel/notices; minan/5.2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from minping.kernel.notices import Clock, Running, Source
from minping.registry import queries as registry
from minping.supervise.models import Inquiry
from minping.supervise.states import InquiryState

# While it stands there a clock runs; that of an improvement goes on until it is accepted.
RUNNING = (InquiryState.OPENED, InquiryState.ANSWERED, InquiryState.IMPROVING, InquiryState.IMPROVED)


def _until(until: datetime, most: int) -> Iterable[Clock]:
    rows = Inquiry.objects.filter(state__in=RUNNING, due_at__lte=until).order_by("due_at")
    return [
        Clock(
            one.pk, one.number, one.state, one.due_at, one.area_code, registry.place(one.organization_code).path,
            f"inquiry_{one.state}", one.window_code,
        )
        for one in rows[:most]
        if one.due_at is not None
    ]  # fmt: skip


def _running(inquiries: Collection[UUID]) -> Iterable[Running]:
    rows = Inquiry.objects.filter(pk__in=inquiries, state__in=RUNNING, due_at__isnull=False)
    return rows.values_list("pk", "state", "due_at")


CLOCKS = (Source(_until, _running),)
