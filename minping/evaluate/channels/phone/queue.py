"""Whom to call next: given by the system, by whose time ends first; never chosen by anyone (minan/3.1.3).

One queue for the operator's page and for a telephone system, so that the times of asking
(value `ask_calls`) are counted together.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from minping import law
from minping.evaluate.channels.ivr.states import CallOutcome, Direction
from minping.evaluate.channels.phone.states import AskOutcome
from minping.evaluate.channels.sms.services.invite import opted_out
from minping.evaluate.models import Service
from minping.evaluate.states import Outcome

LOOK = 200  # candidates read at a time; conflicts and opt-outs among them are passed over


def waiting(codes: Iterable[str], rules: law.Rules, at: datetime) -> QuerySet[Service]:
    """Unrated services of the organisations that may be asked about by telephone, whose time ends first first.

    Left out: without a telephone, asked often enough, in a call just now, and whoever said that
    he does not want to.
    """
    machine = Q(ivr_calls__direction=Direction.OUTGOING)
    return (
        Service.objects.filter(
            organization_code__in=tuple(codes), outcome=Outcome.NONE, default_due_at__gt=at,
            applicant__phone_index__isnull=False,
        )
        .annotate(
            asked=Count("ask_calls", distinct=True) + Count("ivr_calls", distinct=True, filter=machine),
            open=Count("ask_calls", distinct=True, filter=Q(ask_calls__outcome=""))
            + Count("ivr_calls", distinct=True, filter=machine & Q(ivr_calls__outcome="")),
        )
        .filter(asked__lt=int(rules.value("ask_calls").value), open=0)
        .exclude(ask_calls__outcome=AskOutcome.DECLINED)
        .exclude(ivr_calls__outcome=CallOutcome.OPTED_OUT)
        .select_related("applicant")
        .order_by("asked", "default_due_at", "id")
    )  # fmt: skip


def willing(services: Iterable[Service]) -> list[Service]:
    """Those of the services whose person has not asked to be left alone."""
    found = list(services)
    silent = opted_out(phone_of(service) for service in found)
    return [service for service in found if phone_of(service) not in silent]


def phone_of(service: Service) -> bytes:
    """The blind index of the phone on the record; empty where there is none."""
    return bytes(service.applicant.phone_index or b"")
