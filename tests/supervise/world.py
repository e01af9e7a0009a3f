"""Situations of 监督: confirmed negatives in a row, an inquiry in any state, a key and its private half."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from minping.feedback import decisions
from minping.feedback import services as feedback
from minping.feedback.models import Case
from minping.feedback.states import CallPurpose
from minping.kernel.access import SYSTEM
from minping.supervise import clues, sealed, services
from minping.supervise.models import ClueKey, Inquiry
from tests.support.world import FRIDAY, actor, rate, receive, service_row

PASSPHRASE = "只在测试里用的口令-纪检"
MARK = "窗口把我的材料扔了出去，还说再给差评就别来了"


def confirmed(number: int, at: datetime = FRIDAY, **row: Any) -> Case:
    """The n-th negative, rated at `at`, called back and confirmed within two hours."""
    service = receive(service_row(f"MA-REPEAT-{number:03d}", served_at=at, **row))[0]
    case = Case.objects.get(rating=rate(service, 2, at=at + timedelta(minutes=4)))
    later = at + timedelta(hours=1)
    feedback.call_record(
        case_id=case.pk, purpose=CallPurpose.VERIFY, outcome="answered", words="属实。", recording_no="L-1",
        by=actor("reviewer", later), at=later,
    )  # fmt: skip
    return feedback.case_confirm(case_id=case.pk, note="", by=actor("reviewer", later), at=at + timedelta(hours=2))


def day(number: int) -> datetime:
    return FRIDAY + timedelta(days=number)


def inquiry_of(kind: str = "window") -> Inquiry:
    """Three negatives at window three: an inquiry about the window, and one about its person."""
    for number in range(3):
        confirmed(number, day(number))
    return Inquiry.objects.get(kind=kind)


def decide(inquiry: Inquiry, verb: str, who: str, at: datetime = FRIDAY + timedelta(days=4), **said: str) -> Inquiry:
    return services.inquiry_decide(inquiry_id=inquiry.pk, verb=verb, said=said, by=actor(who, at), at=at)


def revoked(case: Case, at: datetime) -> None:
    """The window appeals, it is found mistaken, the head approves, the district revokes."""
    for verb, who, said in (
        ("appeal", "window3", {"reason": "点错了。"}),
        ("mistaken", "reviewer", {"statement": "评价人说点错了。"}),
        ("approve", "head", {}),
    ):
        decisions.case_decide(case_id=case.pk, verb=verb, said=said, by=actor(who, at), at=at)
    decisions.case_decide(case_id=case.pk, verb="revoke", said={"reference": "17号"}, by=SYSTEM, at=at)


@cache
def key_pair(which: int = 0) -> tuple[bytes, bytes, sealed.Private]:
    """A key that is made once for all tests: file, public half, private half."""
    file, public = sealed.key_make(PASSPHRASE)
    return file, public, sealed.key_read(file, PASSPHRASE)


def key_in_force(at: datetime = FRIDAY, organization: str = "minan", which: int = 0) -> tuple[ClueKey, sealed.Private]:
    """The officer makes a key on their own machine; the head compares the fingerprint from paper."""
    _, public, private = key_pair(which)
    key = clues.key_propose(
        organization_code=organization, name="翔安区纪委监委", public=sealed.public_text(public),
        by=actor("discipline", at), at=at,
    )  # fmt: skip
    clues.key_confirm(key_id=key.pk, fingerprint=sealed.fingerprint(public).lower(), by=actor("head", at), at=at)
    return key, private
