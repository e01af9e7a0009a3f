"""Rating on the superior's page (minan/3.4.2): the person's own press leads there, the outcome comes back.

It comes by the superior's answer, by its call-back or by asking, each once (upstream/incoming.py); where the
superior cannot give its page the person rates here, and that is on record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse

from minping import law
from minping.evaluate import tokens
from minping.evaluate.messages import service_messages
from minping.evaluate.models import PageVisit, Service
from minping.evaluate.services.rate import AlreadyRated, InvitationClosed, InvitationUnknown
from minping.evaluate.states import Outcome
from minping.kernel import ids, journal
from minping.kernel.access import RATER
from minping.upstream import provinces, rating_page
from minping.upstream.incoming import rating_take
from minping.upstream.port import Delivery, RatedAbove

SALT = "minping.rated_above"
ASK_FIRST, ASK_CEILING = timedelta(seconds=3), timedelta(hours=1)
BATCH = 50
MOST_VISITS = 20  # of one service; who presses still more often rates here


@dataclass(frozen=True)
class Leading:
    """Where the person goes on: to `address`; or, where it is empty, on our own page."""

    visit: PageVisit
    address: str = ""

    @property
    def rated(self) -> bool:
        return self.visit.state == PageVisit.DONE


def goes_above(service: Service, channel: str, at: datetime) -> bool:
    """Whether the area lets people who came by this channel rate on the superior's page, and there is one.

    The hall's own devices always show ours: they cannot leave it (channels that are not online).
    """
    rules = law.at(service.area_code, at.astimezone(law.BEIJING).date())
    known = rules.channels.get(channel)
    online = known is not None and known.online
    return online and rules.value("rating_page").value == "superior" and rating_page.offered()


def page_open(*, token: str, channel: str, back: str = "", at: datetime) -> Leading:
    """Ask for the superior's page; whatever comes of it is on record, and the person is never turned away.

    Raises InvitationUnknown, InvitationClosed, AlreadyRated.
    """
    service = Service.objects.filter(token=tokens.stored(token)).first()
    if service is None:
        raise InvitationUnknown()
    if at >= service.closes_at:
        raise InvitationClosed()
    if service.outcome != Outcome.NONE:
        raise AlreadyRated()
    last = last_visit(service)
    if last is not None and PageVisit.objects.filter(service=service).count() >= MOST_VISITS:
        return Leading(last)
    identifier = ids.uuid7(at)
    address, why, rated = "", "", None
    try:
        message = service_messages([service.pk])[service.pk]
        address = rating_page.page_ask(message, back=return_address(identifier, back), channel=channel)
    except RatedAbove as known:
        rated = known.rating
    except Delivery as refusal:
        why = refusal.reason or type(refusal).__name__
    with transaction.atomic():
        visit = PageVisit.objects.create(
            id=identifier, service=service, target=provinces.driver().name, channel=channel, opened_at=at,
            state=PageVisit.OURS if why else PageVisit.DONE if rated else PageVisit.LED, why=why[:200],
            next_ask_at=at + ASK_FIRST,
        )  # fmt: skip
        journal.write(
            "visit.fell_back" if why else "visit.opened", at=at, actor=RATER.name,
            organization_code=service.organization_code, subject=service.pk, target=visit.target, channel=channel,
            why=why[:200],
        )  # fmt: skip
    if rated is not None:
        rating_take(rated, target=visit.target, at=at)
    return Leading(visit, address)


def return_address(visit: UUID, back: str = "") -> str:
    """Where the superior's page sends the browser afterwards: it shows how far the visit is, and can rate nothing."""
    address = settings.MINPING_BASE_URL + reverse("rated_above", args=[signing.dumps(visit.hex, salt=SALT)])
    return f"{address}?{urlencode({'back': back})}" if back else address


def visit_of(signed: str) -> PageVisit | None:
    """The visit behind a return address; None for one that we did not sign."""
    try:
        visit = UUID(signing.loads(signed, salt=SALT))
    except (signing.BadSignature, ValueError):
        return None
    return PageVisit.objects.select_related("service").filter(pk=visit).first()


def last_visit(service: Service) -> PageVisit | None:
    return PageVisit.objects.filter(service=service).order_by("-opened_at").first()


def results_ask(*, at: datetime) -> bool:
    """Ask for the outcomes of visits that have none yet, each at growing intervals while the invitation is open."""
    due = PageVisit.objects.filter(state=PageVisit.LED, next_ask_at__lte=at).select_related("service")
    visits = list(due.order_by("next_ask_at")[:BATCH])
    if not visits:
        return False
    over = [one for one in visits if one.service.outcome == Outcome.RATING or at >= one.service.closes_at]
    asked = [one for one in visits if one not in over]
    PageVisit.objects.filter(pk__in=[one.pk for one in over], state=PageVisit.LED).update(state=PageVisit.DONE)
    for one in asked:  # noted first: a superior that hangs is not asked the same again at once
        one.next_ask_at = at + min(ASK_CEILING, max(ASK_FIRST, at - one.opened_at))
    PageVisit.objects.bulk_update(asked, ["next_ask_at"])
    rating_page.results_take(list(service_messages([one.service_id for one in asked]).values()), at=at)
    return len(visits) == BATCH


def channel_of(service: Service) -> str:
    """By which of our channels a person last went to the superior's page for this service; empty for none."""
    found = PageVisit.objects.filter(service=service).exclude(state=PageVisit.OURS).order_by("-opened_at")
    return found.values_list("channel", flat=True).first() or ""
