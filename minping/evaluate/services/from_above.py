"""A rating that a person gave on the superior's own page, taken over as it is (minan/3.4.2, 4.2.1)."""

from __future__ import annotations

from datetime import datetime

from minping import law
from minping.evaluate import tokens
from minping.evaluate.models import Rating, Service
from minping.evaluate.services.above import channel_of
from minping.evaluate.services.rate import Press, ratings_give
from minping.evaluate.states import Entry, RatingKind
from minping.kernel.access import SYSTEM
from minping.upstream.below.down import send_down
from minping.upstream.incoming import MANUAL, TAKEN, Outcome
from minping.upstream.messages import NegativeReceived


def take(told: NegativeReceived, *, at: datetime, typed: bool = False) -> Outcome:
    """Make it our record, or find it already there; where neither holds, say why a person must look.

    In the caller's transaction.  Words, level and time stay exactly as they came; a tag
    that our dictionary lacks stays readable in what came down, and is named in the note.
    """
    service = Service.objects.filter(
        organization_code=told.organization_code, case_no=told.case_no, service_no=told.service_no
    ).first()
    if service is None:
        return Outcome(MANUAL, "本地没有这次服务")
    if service.origin:  # it goes on to where the service was rendered, and its case is opened there
        send_down(service.origin, told, reference=told.reference, by=SYSTEM, at=at)
        return Outcome(TAKEN, "已下发到提供服务的下级")
    first = Rating.objects.filter(service=service, kind=RatingKind.FIRST).first()
    if first is not None:
        if first.level == int(told.level):
            return Outcome(TAKEN, "与本地的评价一致")
        return Outcome(MANUAL, f"本地的评价是“{law.InterfaceLevel(first.level).label}”，与下发的不同")
    rules = law.at(service.area_code, told.rated_at.astimezone(law.BEIJING).date())
    offered = {tag.code for tag in rules.tags(told.level)}
    unknown = [code for code in told.tags if code not in offered]
    channel = told.channel if told.channel in rules.channels else channel_of(service) or "pc"
    press = Press(
        token=tokens.invitation_token(service.pk), level=int(told.level), at=told.rated_at, channel=channel,
        proof="superior", tags=tuple(code for code in told.tags if code in offered), text=told.text,
        entry=Entry.TYPED if typed else Entry.PERSON,
    )  # fmt: skip
    (answer,) = ratings_give([press])
    if isinstance(answer, Exception):
        return Outcome(MANUAL, f"不能收为本地的评价：{answer}")
    return Outcome(TAKEN, f"字典里没有的标签：{'、'.join(unknown)}" if unknown else "")
