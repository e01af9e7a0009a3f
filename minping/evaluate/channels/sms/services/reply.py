"""A text that came back: a rating with its words, a wish to hear no more, or something to ask about, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db import transaction

from minping.evaluate import tokens
from minping.evaluate.channels.sms.models import OptOut, Reply, Text
from minping.evaluate.channels.sms.states import Purpose, ReplyOutcome, TextState
from minping.evaluate.channels.sms.understanding import Said, understand
from minping.evaluate.models import Rating, Service
from minping.evaluate.queries import next_kind
from minping.evaluate.services.rate import Press, rating_give
from minping.kernel import ids, journal, privacy
from minping.kernel.access import RATER
from minping.kernel.errors import Problem

ASKED = (TextState.SENDING, TextState.SENT, TextState.DELIVERED, TextState.UNSURE)


def reply_receive(*, gateway_id: str, phone: str, words: str, at: datetime) -> ReplyOutcome:
    """Take one reply in; the same `gateway_id` again is answered as the first time.

    Only a phone that was invited is heard: from any other number it is nothing, and is
    kept as such.  A late reply is a late voice (R3).
    """
    known = Reply.objects.filter(gateway_id=gateway_id[:80]).first()
    if known is not None:
        return ReplyOutcome(known.outcome)
    index = privacy.index("phone", privacy.normal_phone(phone))
    said = understand(words)
    with transaction.atomic():
        invited = list(
            Text.objects.select_related("service")
            .filter(phone_index=index, purpose=Purpose.INVITATION, state__in=ASKED)
            .order_by("-sent_at", "-pk")[:20]
        )
        outcome, text, rating = _heard(said, invited, index, at)
        reply = Reply(id=ids.uuid7(at), gateway_id=gateway_id[:80], at=at, phone_index=index, outcome=outcome)
        reply.text, reply.rating = text, rating
        reply.words = privacy.seal(words.encode(), reply.place)
        reply.save(force_insert=True)
        journal.write(
            "reply.received", at=at, actor=RATER.name, subject=rating.pk if rating else None, outcome=str(outcome),
            organization_code=text.organization_code if text else "",
        )  # fmt: skip
    return outcome


def _heard(
    said: Said, invited: list[Text], index: bytes, at: datetime
) -> tuple[ReplyOutcome, Text | None, Rating | None]:
    if not invited:
        return ReplyOutcome.STRANGER, None, None
    if said.stop:
        OptOut.objects.get_or_create(phone_index=index, defaults={"at": at})
        return ReplyOutcome.OPT_OUT, None, None
    if said.start:
        OptOut.objects.filter(phone_index=index).delete()
        return ReplyOutcome.OPT_IN, None, None
    open_ones = [text for text in invited if text.service and _takes(text.service, at)]
    if len(open_ones) == 1 and said.level is not None:
        text = open_ones[0]
        assert text.service_id is not None
        receipt = rating_give(_press(text.service_id, said, at))
        return ReplyOutcome.RATING, text, receipt.rating
    if not open_ones and (changed := _changed(said, invited, at)) is not None:
        return changed
    # Not understood, or of which of several services it speaks: ask once, and keep it either way.
    text = (open_ones or invited)[0]
    assert text.service_id is not None
    asked = bool(open_ones) and _ask(text, at)
    return (ReplyOutcome.ASKED if asked else ReplyOutcome.KEPT), text, None


def _takes(service: Service, at: datetime) -> bool:
    """Whether the service still takes a word of its person."""
    ratings = list(Rating.objects.filter(service=service).order_by("ordinal"))
    return at < service.closes_at and next_kind(service, ratings, at) is not None


def _press(service_id: UUID, said: Said, at: datetime) -> Press:
    assert said.level is not None
    return Press(
        token=tokens.invitation_token(service_id), level=said.level, at=at, channel="sms", proof="phone_reply",
        text=said.words or None,
    )  # fmt: skip


def _changed(said: Said, invited: list[Text], at: datetime) -> tuple[ReplyOutcome, Text | None, Rating | None] | None:
    """Within the minutes of change a second reply is a change of mind, or the words that belong to the first."""
    last = (
        Rating.objects.filter(
            service__in=[t.service_id for t in invited if t.service_id], channel="sms", change_until__gt=at
        )
        .order_by("-rated_at")
        .first()
    )
    if last is None:
        return None
    press = _press(last.service_id, replace(said, level=said.level or last.level), at)
    press = replace(press, change=tokens.change_token(last.pk), done=True)
    try:
        with transaction.atomic():
            receipt = rating_give(press)
    except Problem:
        return None
    text = next(text for text in invited if text.service_id == last.service_id)
    return ReplyOutcome.CHANGED, text, receipt.rating


def _ask(text: Text, at: datetime) -> bool:
    """Ask for one plain figure; False where that has been asked for this service before."""
    assert text.service_id is not None
    _, made = Text.objects.get_or_create(
        service_id=text.service_id,
        purpose=Purpose.ASK_BACK,
        defaults={
            "id": ids.uuid7(at), "organization_code": text.organization_code, "phone_index": text.phone_index,
            "created_at": at, "next_try_at": at,
        },
    )  # fmt: skip
    return made
