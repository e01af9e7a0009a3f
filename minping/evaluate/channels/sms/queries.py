"""What the office sees of its texts: figures, what was not delivered, replies nobody understood."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Count

from minping.evaluate.channels.sms.models import OptOut, Reply, Text
from minping.evaluate.channels.sms.states import ReplyOutcome, TextState

DAYS = 30


def counts(since: datetime) -> dict[tuple[str, str], int]:
    """Texts by purpose and state, made after `since`."""
    rows = Text.objects.filter(created_at__gte=since).values_list("purpose", "state").annotate(n=Count("pk"))
    return {(purpose, state): n for purpose, state, n in rows}


def troubled(codes: Sequence[str], at: datetime, most: int = 50) -> list[Text]:
    """The newest texts that did not arrive, or of which nobody knows."""
    states = (TextState.FAILED, TextState.UNSURE)
    rows = Text.objects.select_related("service").filter(
        state__in=states, organization_code__in=codes, created_at__gte=at - timedelta(days=DAYS)
    )
    return list(rows.order_by("-settled_at")[:most])


def kept_replies(codes: Sequence[str], at: datetime, most: int = 50) -> list[Reply]:
    """Replies that could not be told for certain, newest first."""
    rows = Reply.objects.select_related("text__service").filter(
        outcome__in=[ReplyOutcome.ASKED, ReplyOutcome.KEPT],
        text__organization_code__in=codes,
        at__gte=at - timedelta(days=DAYS),
    )
    return list(rows.order_by("-at")[:most])


def silent() -> int:
    return OptOut.objects.count()
