"""What a superior does about a subordinate besides deciding: send a negative down, and see how it stands (minan/4.2.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q

from minping import law
from minping.evaluate.models import Rating, Service
from minping.evaluate.states import RatingKind
from minping.feedback.models import Case, Revocation
from minping.feedback.services import number_of
from minping.feedback.states import CaseState
from minping.kernel import clock, ids
from minping.kernel.access import Actor
from minping.kernel.errors import Invalid, NotFound, Problem
from minping.registry import queries as registry
from minping.upstream.below.down import send_down
from minping.upstream.messages import NegativeReceived
from minping.upstream.models import FromBelow, Subordinate, Task


class RatedBelow(Problem):
    code = "rated_below"
    status = 409
    message = "这次服务已经评价过了，一次服务只评价一次。"
    cure = "要反映新的情况，请走投诉或 12345。"


def negative_send(
    *,
    organization_code: str,
    case_no: str,
    service_no: int,
    level: int,
    text: str,
    channel: str,
    by: Actor,
    at: datetime,
) -> str:
    """Send a negative that was given here about a subordinate's service down; its case is opened there.

    Returns its reference.  Raises NotFound, Forbidden, Invalid, RatedBelow.
    """
    service = Service.objects.filter(
        organization_code=organization_code, case_no=case_no.strip(), service_no=service_no
    ).exclude(origin="").first()  # fmt: skip
    if service is None:
        raise NotFound("没有下级的这次服务。", cure="请核对机构、办件编号和服务序号。", field="case_no")
    by.require("negative.send", registry.place(service.organization_code).path)
    found = next((one for one in law.InterfaceLevel if int(one) == level and one.negative), None)
    if found is None:
        raise Invalid("请选择不满意或非常不满意。", cure="好评不下发。", field="level")
    if not text.strip():
        raise Invalid("请把评价人的话照原样写下。", cure="不要写姓名电话。", field="text")
    if Rating.objects.filter(service=service, kind=RatingKind.FIRST).exists():
        raise RatedBelow()
    reference = f"{settings.MINPING_AREA}-{number_of(ids.uuid7(), at, '下发')}"
    told = NegativeReceived(
        reference=reference, organization_code=service.organization_code, case_no=service.case_no,
        service_no=service.service_no, level=found, rated_at=at, text=text.strip()[:2000], channel=channel,
    )  # fmt: skip
    with transaction.atomic():
        send_down(service.origin, told, reference=reference, by=by, at=at)
    return reference


@dataclass(frozen=True)
class Standing:
    """How one subordinate stands with us."""

    name: str
    heard_text: str
    received: int
    to_decide: int
    open_cases: int
    not_taken: int  # sent down and not asked for yet
    tasks: tuple[str, ...]


def standings(by: Actor) -> list[Standing]:
    """Every subordinate within the actor's reach, in a fixed number of queries."""
    directory = registry.directory()
    rows = [
        (row, place)
        for row in Subordinate.objects.all()
        if (place := directory.places.get(row.organization_code)) and by.can("below.read", place.path)
    ]
    codes = [place.code for _, place in rows]
    received = dict(
        FromBelow.objects.filter(subordinate__in=codes, kind="service")
        .values_list("subordinate").annotate(n=Count("id"))
    )  # fmt: skip
    waiting = dict(
        Revocation.objects.filter(case__origin__in=codes, ended_at__isnull=True)
        .values_list("case__origin").annotate(n=Count("id"))
    )  # fmt: skip
    cases = dict(
        Case.objects.filter(~Q(state=CaseState.CLOSED), origin__in=codes).values_list("origin").annotate(n=Count("id"))
    )
    tasks: dict[str, list[str]] = {}
    for target, text in Task.objects.filter(kind="below", closed_at__isnull=True).values_list("target", "text"):
        tasks.setdefault(target, []).append(text)
    return [
        Standing(
            name=place.name, heard_text=clock.moment_text(row.heard_at) if row.heard_at else "",
            received=received.get(place.code, 0), to_decide=waiting.get(place.code, 0),
            open_cases=cases.get(place.code, 0), not_taken=row.last_number - row.taken,
            tasks=tuple(tasks.get(place.code, ())),
        )
        for row, place in sorted(rows, key=lambda pair: pair[1].path)
    ]  # fmt: skip
