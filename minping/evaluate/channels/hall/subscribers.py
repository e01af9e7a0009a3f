"""Duties of those who decide whom this installation calls back: register, change the secret, stop, test, replay."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from minping import law
from minping.evaluate.channels.hall.addresses import place_of
from minping.evaluate.channels.hall.announce import Fact, announcements_enqueue
from minping.evaluate.channels.hall.models import Announcement, Subscriber, SubscriberSecret
from minping.evaluate.channels.hall.states import OFFERED, AnnouncementState, Event
from minping.evaluate.channels.hall.wire import secret_make
from minping.kernel import clock, ids, journal, privacy
from minping.kernel.access import SYSTEM, Actor
from minping.kernel.errors import Invalid, NotFound, Stale
from minping.registry import queries as registry

MANAGE = "callback.manage"


def subscriber_register(
    *, organization_code: str, label: str, address: str, events: Sequence[str], by: Actor, at: datetime
) -> tuple[Subscriber, str]:
    """A new subscriber and its secret, which is shown this once.  Raises Forbidden, NotFound, Invalid, AddressRefused."""
    where = registry.place(organization_code)
    by.require(MANAGE, where.path)
    label = label.strip()
    if not label or len(label) > 60:
        raise Invalid("请写对方系统的名称，不超过 60 个字。", cure="", field="label")
    place_of(address)
    chosen = [event.value for event in OFFERED if event in events]
    if not chosen or len(chosen) != len(set(events)):
        raise Invalid("请选要通知哪些事。", cure="至少选一项。", field="events")
    with transaction.atomic():
        made = Subscriber.objects.create(
            organization_code=where.code, label=label, address=address, events=chosen, made_at=at
        )
        secret = _secret_make(made, at)
        _write("callback.registered", made, by, at, address=address, events=chosen)
    return made, secret


def secret_change(*, subscriber_id: UUID, by: Actor, at: datetime) -> str:
    """A new secret, shown this once; the old one signs beside it for the time of the limit `callback_secret_kept`."""
    found = _subscriber(subscriber_id, by)
    until = law.due(_rules(found, at).limit("callback_secret_kept"), at).at
    with transaction.atomic():
        # Older ones that are still good end now: two at most are ever valid, so that a leaked one can be got rid of.
        for old in found.secrets.filter(until__gt=at):
            _until(old, at, at)
        for old in found.secrets.filter(until=None):
            _until(old, until, at)
        secret = _secret_make(found, at)
        _write("callback.secret_changed", found, by, at, old_until=until)
    return secret


def subscriber_switch(*, subscriber_id: UUID, enabled: bool, reason: str, by: Actor, at: datetime) -> None:
    """Stop or resume calling, with a reason; what is announced meanwhile waits in its order."""
    found = _subscriber(subscriber_id, by)
    reason = _reason(reason)
    with transaction.atomic():
        rows = Subscriber.objects.filter(pk=found.pk, enabled=not enabled, retired_at=None)
        if not rows.update(enabled=enabled, reason=reason, next_probe=0):
            raise Stale()
        found.refresh_from_db()
        _write("callback.switched", found, by, at, enabled=enabled, reason=reason)


def subscriber_retire(*, subscriber_id: UUID, reason: str, by: Actor, at: datetime) -> None:
    """End a subscriber for good: nothing more is announced to it, and what still waited is dropped."""
    found = _subscriber(subscriber_id, by)
    reason = _reason(reason)
    with transaction.atomic():
        if not Subscriber.objects.filter(pk=found.pk, retired_at=None).update(retired_at=at, reason=reason):
            raise Stale()
        for secret in found.secrets.all():
            if secret.until is None or secret.until > at:
                _until(secret, at, at)
        dropped = Announcement.objects.filter(
            target=found, state__in=[AnnouncementState.WAITING, AnnouncementState.DEAD]
        ).update(state=AnnouncementState.DROPPED, settled_at=at, claimed_by="", claimed_until=0)
        found.refresh_from_db()
        _write("callback.retired", found, by, at, reason=reason, dropped=dropped)


def subscriber_test(*, subscriber_id: UUID, by: Actor, at: datetime) -> UUID:
    """A marked row through the real queue, in the order of its own case; returns its reference."""
    found = _subscriber(subscriber_id, by)
    fact = Fact(ids.uuid7(at), found.organization_code, "", 0, at)
    with transaction.atomic():
        announcements_enqueue(Event.TEST, [fact], at=at, only=found)
        _write("callback.tested", found, by, at, reference=fact.subject.hex)
    return fact.subject


def announcement_replay(*, announcement_id: int, by: Actor, at: datetime) -> None:
    """Try a dead announcement anew, or a waiting one at once.  Raises NotFound, Forbidden, Stale."""
    row = _announcement(announcement_id, by)
    with transaction.atomic():
        moved = Announcement.objects.filter(
            pk=row.pk, state__in=[AnnouncementState.DEAD, AnnouncementState.WAITING], target__retired_at=None
        ).update(
            state=AnnouncementState.WAITING, next_try_at=at, tried_from=at, settled_at=None, claimed_by="",
            claimed_until=0,
        )  # fmt: skip
        if not moved:
            raise Stale()
        Subscriber.objects.filter(pk=row.target_id).update(next_probe=0)
        _write("callback.replayed", row.target, by, at, reference=row.subject.hex, event=row.event)


def announcement_drop(*, announcement_id: int, reason: str, by: Actor, at: datetime) -> None:
    """Give a dead announcement up, with a reason, so that what follows in its case may go."""
    row = _announcement(announcement_id, by)
    reason = _reason(reason)
    with transaction.atomic():
        dropped = {"state": AnnouncementState.DROPPED, "settled_at": at}
        if not Announcement.objects.filter(pk=row.pk, state=AnnouncementState.DEAD).update(**dropped):
            raise Stale()
        _write("callback.dropped", row.target, by, at, reference=row.subject.hex, event=row.event, reason=reason)


# --- what they share ---------------------------------------------------------------------------


def _subscriber(subscriber_id: UUID, by: Actor) -> Subscriber:
    found = Subscriber.objects.filter(pk=subscriber_id, retired_at=None).first()
    if found is None:
        raise NotFound("没有这个回调对象，或已注销。")
    by.require(MANAGE, registry.place(found.organization_code).path)
    return found


def _announcement(announcement_id: int, by: Actor) -> Announcement:
    row = Announcement.objects.filter(pk=announcement_id).select_related("target").first()
    if row is None:
        raise NotFound()
    by.require(MANAGE, registry.place(row.target.organization_code).path)
    return row


def _reason(reason: str) -> str:
    if not reason.strip():
        raise Invalid("请写明理由。", cure="停用、恢复、注销和放下都要留下理由。", field="reason")
    return reason.strip()[:200]


def _rules(subscriber: Subscriber, at: datetime) -> law.Rules:
    return law.at(registry.place(subscriber.organization_code).area_code, clock.beijing(at).date())


def _secret_make(subscriber: Subscriber, at: datetime) -> str:
    secret = secret_make()
    made = SubscriberSecret(subscriber=subscriber, made_at=at)
    made.sealed = privacy.seal(secret.encode(), made.place)
    made.save(force_insert=True)
    journal.write(
        "callback.secret", at=at, actor=SYSTEM.name, organization_code=subscriber.organization_code,
        subject=subscriber.pk, records=[made],
    )  # fmt: skip
    return secret


def _until(secret: SubscriberSecret, until: datetime, at: datetime) -> None:
    secret.until = until
    secret.save(update_fields=["until"])
    journal.write(
        "callback.secret_ends", at=at, actor=SYSTEM.name, organization_code=secret.subscriber.organization_code,
        subject=secret.subscriber_id, records=[secret], until=until,
    )  # fmt: skip


def _write(action: str, subscriber: Subscriber, by: Actor, at: datetime, **facts: Any) -> None:
    journal.write(
        action, at=at, actor=by.name, organization_code=subscriber.organization_code, subject=subscriber.pk,
        records=[subscriber], label=subscriber.label, **facts,
    )  # fmt: skip
