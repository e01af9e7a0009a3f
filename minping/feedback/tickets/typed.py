"""A negative that the superior told of on paper or by telephone: taken as one that came by interface, and marked so."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from minping import law
from minping.evaluate.models import Service
from minping.evaluate.services.identity import conflicts_of
from minping.feedback.models import Case
from minping.kernel import journal
from minping.kernel.access import Actor
from minping.kernel.clock import beijing
from minping.kernel.errors import Invalid, Problem
from minping.kernel.machine import ConflictOfInterest
from minping.kernel.moves import CONFLICTS
from minping.registry import queries as registry
from minping.upstream.incoming import MANUAL, TYPED, rating_take
from minping.upstream.messages import NegativeReceived
from minping.upstream.models import Incoming


class ReferenceKnown(Problem):
    code = "reference_known"
    status = 409
    message = "上级编号 {reference} 已经收过。"
    cure = "请先查这一件；确是另一件的，请核对编号。"


class NotTaken(Problem):
    code = "negative_not_taken"
    status = 409
    message = "不能录入：{why}。"
    cure = "请核对单位、办件编号和服务序号；没有报送过的服务先补报，只有诉求没有评价的按来件录入。"


def negative_take(told: NegativeReceived, *, by: Actor, at: datetime) -> Case:
    """Take it over word for word; its case opens like any other and says that it was typed in, by whom and from what.

    Raises Forbidden, ConflictOfInterest, Invalid, ReferenceKnown, NotTaken.
    """
    where = registry.directory().places.get(told.organization_code)
    if where is None:
        raise Invalid("请从列出的单位里选一个。", cure="", field="organization_code")
    by.require("ticket.take", where.path)
    if not told.level.negative:
        raise Invalid("只录入差评：不满意、非常不满意。", cure="", field="level")
    if told.rated_at > at:
        raise Invalid("评价的时间在将来。", cure="请核对。", field="rated_at")
    if told.channel and told.channel not in law.at(where.area_code, told.rated_at).channels:
        raise Invalid("那一天没有这个评价渠道。", cure="请核对来文；没有写明的选“来文来电没有写明”。", field="channel")
    service = Service.objects.filter(
        organization_code=told.organization_code, case_no=told.case_no, service_no=told.service_no
    ).first()
    if service is not None:
        rules = law.at(where.area_code, beijing(at).date())
        for conflict in sorted(rules.never("ticket.take") & conflicts_of(service, by)):
            raise ConflictOfInterest(why=CONFLICTS[conflict], verb="录入差评")
    with transaction.atomic():
        if not rating_take(told, target=TYPED, at=at):
            raise ReferenceKnown(reference=told.reference, field="reference")
        row = Incoming.objects.get(target=TYPED, reference=told.reference)
        case = Case.objects.filter(service=service, rating__proof="superior").order_by("-opened_at").first()
        if row.state == MANUAL or case is None:
            raise NotTaken(why=row.note or "本地已有这条评价", field="case_no")
        journal.write(
            "case.typed", at=at, actor=by.name, organization_code=case.organization_code, subject=case.pk,
            detail=f"依据 {told.reference}", reference=told.reference,
            channel=told.channel,
        )  # fmt: skip
    return case
