"""Asking for a rating by telephone.  The system says who is called next; the operator asks, and writes down."""

from __future__ import annotations

import secrets
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from minping import law
from minping.evaluate import tokens
from minping.evaluate.channels.phone import queue
from minping.evaluate.channels.phone.models import AskCall
from minping.evaluate.channels.phone.states import AskOutcome
from minping.evaluate.models import Rating, Service
from minping.evaluate.services import Press, ratings_give
from minping.evaluate.services.identity import conflicts_of
from minping.evaluate.states import Entry
from minping.kernel import ids, journal
from minping.kernel.access import Actor
from minping.kernel.errors import Forbidden, Invalid, NotFound, Stale
from minping.kernel.machine import ConflictOfInterest
from minping.kernel.moves import CONFLICTS
from minping.registry import queries as registry


class NobodyToAsk(NotFound):
    code = "nobody_to_ask"
    message = "现在没有要打电话请评的服务。"
    cure = "没有登记电话的、已退订的、已经评价的和到期的都不打。"


def ask_open(*, by: Actor, at: datetime) -> AskCall:
    """The operator's open call, or a new one on the service whose time ends first.

    Nobody chooses whom to ask: that would be choosing the answers.  Passed over are
    services without a telephone, of people who want no invitations, asked often enough
    (value `ask_calls`), and those to which the operator is party (R8).  Raises NobodyToAsk.
    """
    if not by.may("rating.ask"):
        raise Forbidden()
    with transaction.atomic():
        mine = AskCall.objects.filter(by=by.name, outcome="").first()
        if mine is not None:
            return mine
        service = _next(by, at)
        order = [level.value for level in law.InterfaceLevel]
        secrets.SystemRandom().shuffle(order)
        call = AskCall.objects.create(id=ids.uuid7(at), service=service, by=by.name, opened_at=at, order=order)
        journal.write(
            "rating.asked", at=at, actor=by.name, organization_code=service.organization_code, subject=call.pk,
            service=service.pk.hex, order=order,
        )  # fmt: skip
    return call


def _next(by: Actor, at: datetime) -> Service:
    rules = law.at(settings.MINPING_AREA, at.astimezone(law.BEIJING).date())
    codes = registry.directory().within(by.scopes("rating.ask"))
    never = rules.never("rating.ask")
    for service in queue.willing(queue.waiting(codes, rules, at)[: queue.LOOK]):
        if not never & conflicts_of(service, by):
            return service
    raise NobodyToAsk()


def ask_get(*, call_id: UUID, by: Actor) -> AskCall:
    """The operator's own open call.  Raises NotFound, Forbidden, ConflictOfInterest."""
    call = AskCall.objects.select_related("service").filter(pk=call_id, by=by.name).first()
    if call is None:
        raise NotFound("没有这次电话。", cure="请从“电话请评”进入。")
    by.require("rating.ask", registry.place(call.service.organization_code).path)
    rules = law.at(call.service.area_code, call.opened_at.astimezone(law.BEIJING).date())
    for conflict in sorted(rules.never("rating.ask") & conflicts_of(call.service, by)):
        raise ConflictOfInterest(why=CONFLICTS[conflict], verb="电话请评")
    return call


def ask_record(
    *, call_id: UUID, outcome: str, level: str, words: str, recording_no: str, by: Actor, at: datetime
) -> Rating | None:
    """Write down what the call brought; a level said becomes a rating entered by an operator.

    Raises Invalid, Stale, and the refusals of `rating_give`.
    """
    call = ask_get(call_id=call_id, by=by)
    try:
        result = AskOutcome(outcome)
    except ValueError as failure:
        raise Invalid("请选择通话结果。", cure="", field="outcome") from failure
    recording_no = recording_no.strip()
    if result is not AskOutcome.NO_ANSWER and not recording_no:
        raise Invalid("接通了必须填写录音编号。", cure="没有录音的通话不能作为评价。", field="recording_no")
    if result is AskOutcome.RATED and level not in {str(value) for value in call.order}:
        raise Invalid("请选择对方说的等级。", cure="对方没有说等级的，选“不愿意评价”。", field="level")
    if result is not AskOutcome.RATED and (level or words.strip()):
        raise Invalid("只有作了评价的，才填等级和原话。", cure="请改选通话结果，或清空等级和原话。", field="outcome")
    with transaction.atomic():
        ended = AskCall.objects.filter(pk=call.pk, outcome="").update(
            outcome=result, recording_no=recording_no[:60], ended_at=at
        )
        if ended != 1:
            raise Stale()
        rating = _rate(call, int(level), words, at) if result is AskOutcome.RATED else None
        if rating is not None:
            AskCall.objects.filter(pk=call.pk).update(rating=rating)
        journal.write(
            "rating.ask_ended", at=at, actor=by.name, organization_code=call.service.organization_code,
            subject=call.pk, outcome=str(result), recording_no=recording_no[:60], rated=rating.pk.hex if rating else "",
        )  # fmt: skip
    return rating


def _rate(call: AskCall, level: int, words: str, at: datetime) -> Rating:
    press = Press(
        token=tokens.invitation_token(call.service_id), level=level, at=at, channel="phone", proof="phone_reply",
        text=words.strip(), entry=Entry.OPERATOR, press_id=call.pk,
    )  # fmt: skip
    answer = ratings_give([press])[0]
    if isinstance(answer, Exception):
        raise answer
    return answer.rating
