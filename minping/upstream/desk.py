"""Duties of a person at the delivery desk: send again, enter by hand and look a second time, switch, close."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction

from minping.kernel import journal
from minping.kernel.access import Actor
from minping.kernel.errors import Forbidden, Invalid, NotFound, Problem, Stale
from minping.registry import queries as registry
from minping.upstream.models import OutboxMessage, Target
from minping.upstream.provinces import driver
from minping.upstream.states import UNFINISHED, UNSETTLED, MessageState


def message_replay(*, message_id: int, by: Actor, at: datetime) -> None:
    """Send a refused message again, or a waiting one at once.  Raises NotFound, Forbidden, Stale."""
    row = _row(message_id, by)
    moved = (
        OutboxMessage.objects.filter(pk=row.pk)
        .filter(state__in=UNFINISHED)
        .update(state=MessageState.WAITING, next_try_at=at, settled_at=None, claimed_by="", claimed_until=0)
    )
    if not moved:
        raise Stale()
    Target.objects.filter(code=row.target).update(next_probe=0)
    journal.write(
        "message.replayed", at=at, actor=by.name, organization_code=row.organization_code, subject=row.subject,
        kind=row.kind,
    )  # fmt: skip


def message_done_by_hand(*, message_id: int, reference: str, by: Actor, at: datetime) -> None:
    """Record that a person entered it in the province's screens, under which reference number.

    It counts as arrived only after another person's look (`message_checked`).
    """
    row = _row(message_id, by)
    reference = reference.strip()
    if not reference:
        raise Invalid("还没有填省平台的编号。", cure="请把省平台显示的编号抄在这里。", field="reference")
    moved = OutboxMessage.objects.filter(pk=row.pk, state__in=[MessageState.MANUAL, MessageState.REFUSED]).update(
        state=MessageState.CHECKING, reference=reference[:120], settled_at=at, entered_by=by.name
    )
    if not moved:
        raise Stale()
    journal.write(
        "message.done_by_hand", at=at, actor=by.name, organization_code=row.organization_code, subject=row.subject,
        kind=row.kind, reference=reference,
    )  # fmt: skip


class OwnWork(Problem):
    code = "own_work"
    status = 403
    message = "这一条是您自己录入的，要由另一个人复核。"
    cure = "请交给另一位有复核权限的人员。"


def message_checked(*, message_id: int, right: bool, by: Actor, at: datetime) -> None:
    """The second look at what was entered by hand: right, and it has arrived; wrong, and it is to be done again.

    Raises NotFound, Forbidden, OwnWork (never by who entered it), Stale.
    """
    row = _row(message_id, by, "delivery.check")
    if row.entered_by == by.name:
        raise OwnWork()
    new = (
        {"state": MessageState.BY_HAND}
        if right
        else {"state": MessageState.MANUAL, "reference": "", "entered_by": "", "settled_at": None}
    )
    moved = OutboxMessage.objects.filter(
        pk=row.pk, state=MessageState.CHECKING, entered_by=row.entered_by, reference=row.reference
    ).update(**new)
    if not moved:
        raise Stale()
    journal.write(
        "message.checked", at=at, actor=by.name, organization_code=row.organization_code, subject=row.subject,
        kind=row.kind, reference=row.reference, right=right, entered_by=row.entered_by,
    )  # fmt: skip


def target_switch(*, code: str, enabled: bool, reason: str, by: Actor, at: datetime) -> None:
    """Stop or resume sending to a target, with a reason; what is waiting stays waiting."""
    # A target serves the whole office: who answers for a part of it may not silence the rest.
    office = registry.directory().office(settings.MINPING_AREA)
    if office is None or not by.can("delivery.act", office.path):
        raise Forbidden()
    if not reason.strip():
        raise Invalid("请写明理由。", cure="停用或恢复上送都要留下理由。", field="reason")
    Target.objects.get_or_create(code=code)
    Target.objects.filter(pk=code).update(enabled=enabled, reason=reason.strip()[:200], next_probe=0)
    journal.write("target.switched", at=at, actor=by.name, target=code, enabled=enabled, reason=reason.strip())


def messages_close(*, reason: str, by: Actor, at: datetime) -> int:
    """Where this level is the end: settle what was meant for a superior that there was, unsent.  Raises Invalid."""
    chosen = driver()
    if not chosen.ends:
        raise Invalid("本级有上级，没有送完的照常送。", cure="只有设为终点之后才能停送。")
    if not reason.strip():
        raise Invalid("请写明理由。", cure="写清楚为什么这些消息不再送。", field="reason")
    with transaction.atomic():
        left = OutboxMessage.objects.filter(state__in=UNSETTLED).exclude(target=chosen.name)
        count = left.update(state=MessageState.UNNEEDED, settled_at=at, claimed_by="", claimed_until=0)
        journal.write("messages.closed", at=at, actor=by.name, count=count, reason=reason.strip()[:200])
    return count


def _row(message_id: int, by: Actor, permission: str = "delivery.act") -> OutboxMessage:
    row = OutboxMessage.objects.filter(pk=message_id).first()
    if row is None:
        raise NotFound()
    by.require(permission, registry.place(row.organization_code).path)
    return row
