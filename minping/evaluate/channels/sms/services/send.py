"""Hand waiting texts to the gateway: each at most once, in the hours allowed, its state true at every moment.

A text is claimed before the gateway is asked.  Where the answer is lost, or the process
dies between the two, the text is *unsure*: a report of delivery may still settle it, but
it is not sent again, for a person who gets a text twice is worse served than one who
finds the invitation elsewhere.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from minping import law
from minping.evaluate.channels.sms import words
from minping.evaluate.channels.sms.gateways import Answer, Later, Never, Sent, gateway
from minping.evaluate.channels.sms.hours import within
from minping.evaluate.channels.sms.models import Text
from minping.evaluate.channels.sms.services.invite import opted_out
from minping.evaluate.channels.sms.states import Purpose, TextState
from minping.evaluate.models import Applicant, Service
from minping.evaluate.states import Outcome
from minping.kernel import clock, journal, privacy
from minping.kernel.access import SYSTEM

BATCH = 100
SENDERS = 4
CLAIM_SECONDS = 120.0
CEILING = timedelta(minutes=10)
TRIES = 12


def texts_send(*, at: datetime) -> bool:
    """Send one batch; True where more may be waiting.  No transaction is open while the gateway answers."""
    _give_up(at)
    texts = _claim(at)
    if not texts:
        return False
    ready = _ready(texts, at)
    driver = gateway()
    with ThreadPoolExecutor(SENDERS) as pool:
        answers = list(pool.map(lambda one: driver.send(one[0].pk, one[1], one[2]), ready))
    _settle([text for text, _, _ in ready], answers, at)
    return len(texts) == BATCH


def _claim(at: datetime) -> list[Text]:
    rules = law.at(settings.MINPING_AREA, at.astimezone(law.BEIJING).date())
    due = Q(state=TextState.WAITING, next_try_at__lte=at)
    if within(rules, at) != at:
        due &= ~Q(purpose=Purpose.INVITATION)
    with transaction.atomic():
        texts = list(Text.objects.select_for_update(skip_locked=True).filter(due).order_by("next_try_at", "pk")[:BATCH])
        Text.objects.filter(pk__in=[text.pk for text in texts]).update(
            state=TextState.SENDING, attempts=F("attempts") + 1, claimed_until=clock.wall() + CLAIM_SECONDS
        )
    return texts


def _give_up(at: datetime) -> None:
    """Claims of the dead: nobody knows whether the gateway was asked."""
    Text.objects.filter(state=TextState.SENDING, claimed_until__lt=clock.wall()).update(
        state=TextState.UNSURE, settled_at=at, error="发送中途停机，不知道网关是否收到；不重发"
    )


def _ready(texts: Sequence[Text], at: datetime) -> list[tuple[Text, str, str]]:
    """Texts with number and words; those that have lost their point meanwhile are cancelled."""
    services = Service.objects.in_bulk([text.service_id for text in texts if text.service_id])
    sealed = dict(Applicant.objects.filter(service__in=list(services)).values_list("service_id", "sealed"))
    silent = opted_out(bytes(text.phone_index) for text in texts)
    ready, pointless = [], []
    for text in texts:
        service = services.get(text.service_id) if text.service_id else None
        if text.purpose == Purpose.INVITATION and (
            service is None or service.outcome != Outcome.NONE or bytes(text.phone_index) in silent
        ):
            pointless.append(text.pk)
            continue
        ready.append((text, _phone(text, sealed), words.words_of(text, service)))
    Text.objects.filter(pk__in=pointless).update(
        state=TextState.CANCELLED, settled_at=at, error="已经评价、已到期或已退订"
    )
    return ready


def _phone(text: Text, sealed: Mapping[UUID, bytes | memoryview]) -> str:
    if text.phone is not None:
        return privacy.unseal(text.phone, text.place).decode()
    assert text.service_id is not None
    person = privacy.unseal_json(sealed[text.service_id], f"applicant:{text.service_id.hex}")
    return privacy.normal_phone(person["phone"])


def _settle(texts: Sequence[Text], answers: Sequence[Answer], at: datetime) -> None:
    for text, answer in zip(texts, answers, strict=True):
        text.state, text.error, text.reference, text.claimed_until = _state(text, answer), "", "", 0.0
        if isinstance(answer, Sent):
            text.sent_at, text.reference = at, answer.reference[:80]
        else:
            text.error = answer.error[:200]
        if text.state == TextState.WAITING:
            text.next_try_at = at + min(CEILING, timedelta(seconds=5 * 2 ** (text.attempts + 1))) * random.uniform(
                0.8, 1.2
            )
        else:
            text.settled_at = at
    with transaction.atomic():
        # A report of delivery may have overtaken the answer: what it said stays.
        held = Text.objects.select_for_update().filter(pk__in=[t.pk for t in texts], state=TextState.SENDING)
        mine = set(held.values_list("pk", flat=True))
        Text.objects.bulk_update(
            [text for text in texts if text.pk in mine],
            ["state", "error", "reference", "claimed_until", "sent_at", "next_try_at", "settled_at"],
        )
        sent = sum(isinstance(answer, Sent) for answer in answers)
        if sent:
            journal.write("texts.sent", at=at, actor=SYSTEM.name, count=sent)


def _state(text: Text, answer: Answer) -> TextState:
    if isinstance(answer, Sent):
        return TextState.SENT
    if isinstance(answer, Never):
        return TextState.FAILED
    if isinstance(answer, Later):
        return TextState.WAITING if text.attempts + 1 < TRIES else TextState.FAILED
    return TextState.UNSURE


def report_receive(*, identifier: UUID, delivered: bool, at: datetime) -> bool:
    """The gateway says what became of a text; False where it is not one of ours.  Saying it twice changes nothing."""
    state = TextState.DELIVERED if delivered else TextState.FAILED
    known = Text.objects.filter(pk=identifier)
    known.exclude(state__in=[TextState.DELIVERED, TextState.FAILED]).update(
        state=state, settled_at=at, error="" if delivered else "运营商回报：没有送达"
    )
    return known.exists()
