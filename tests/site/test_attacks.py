"""Attacks on the negative case, by who is no party to it and by who is: what the tables forbid stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from minping.evaluate.models import Rating
from minping.evaluate.services import defaults_make
from minping.feedback import decisions
from minping.feedback.models import CallBack, Case, CaseDocument, Revocation
from minping.kernel import journal
from minping.kernel.errors import Problem
from minping.kernel.models import Account, Assignment, JournalEntry
from minping.rectify import services as rectify
from minping.rectify.models import Evidence, Order
from minping.supervise.models import Inquiry
from tests.supervise.world import decide, inquiry_of
from tests.support.world import Story, actor, rate, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
WORDS = {
    "reason": "x", "statement": "就是这样，材料都在这里，大家都看到了，确实如此，没有别的。", "reference": "1号",
    "measures": "做了。", "explanation": "x", "plan": "x", "text": "x", "organization_code": "minan-agent-01",
    "outcome": "answered", "answer": "solved", "words": "好。", "measure": "talk", "improvement": "x", "purpose": "verify",
    "kind": "pdf",
}  # fmt: skip
CASE = (
    "confirm", "appeal", "dismiss", "mistaken", "malicious", "not_ours", "second", "doubt", "approve", "disapprove",
    "revoke", "refuse", "supervise", "explain", "grant", "deny",
)  # fmt: skip
ORDER = (
    "report", "explain", "ask-extension", "extend", "keep", "transfer", "accept", "return", "unreached", "follow-up",
)  # fmt: skip


def standing() -> list[object]:
    """Everything that an act could have moved."""
    tables = (Case, Order, Revocation, CallBack, Evidence, CaseDocument, Inquiry)
    return [list(table._default_manager.order_by("pk").values()) for table in tables]


def also(username: str, role: str, organization: str = "minan") -> Client:
    """One who by mistake was given another role, too."""
    Assignment.objects.create(account=Account.objects.get(username=username), role=role, organization_code=organization)
    return signed_in(username)


def addresses(order: Order) -> list[str]:
    case = order.case
    found = [f"/cases/{case.pk}/move/{verb}/" for verb in CASE]
    found += [f"/cases/{case.pk}/call/", f"/cases/{case.pk}/identity/", f"/cases/{case.pk}/confirm/"]
    found += [f"/cases/{case.pk}/sheet/", f"/cases/{case.pk}/clue/"]
    found += [f"/orders/{order.pk}/{verb}/" for verb in ORDER]
    return found


@pytest.mark.parametrize("made", [Story.confirmed, Story.reported, Story.accepted])
@pytest.mark.parametrize("name", ["", "operator", "neighbour", "window5"])
def test_who_has_no_part_in_it_moves_nothing_by_posting_to_addresses_they_guessed(
    made: Callable[[Story], Order], name: str
) -> None:
    order = made(Story())
    browser = signed_in(name) if name else Client()
    before, opened = standing(), JournalEntry.objects.filter(action="identity.opened").count()
    for address in addresses(order):
        answer = browser.post(address, WORDS)
        assert answer.status_code in (302, 307, 403, 404, 405), address
        if answer.status_code in (302, 307) and not name:
            assert answer["Location"].startswith("/login"), address
        for secret in ("13800000000", "群众甲", order.case.number):
            assert secret not in answer.content.decode(), address
    for record in Evidence.objects.all():
        assert browser.get(f"/evidence/{record.pk}/").status_code in (302, 403, 404)
    assert standing() == before
    assert JournalEntry.objects.filter(action="identity.opened").count() == opened


def test_a_rated_clerk_who_was_also_made_a_reviewer_judges_nothing_of_their_own_window() -> None:
    order = Story().reported()
    browser = also("window3", "reviewer")
    before = standing()
    for address in addresses(order):
        if address.endswith(("/sheet/", "/clue/", "/appeal/")):
            continue  # to print, to hand in a clue, to appeal judges nothing
        assert "13800000000" not in browser.post(address, WORDS).content.decode(), address
    assert standing() == before
    waiting = Story("MA-2").called()
    for verb in ("confirm", "mistaken", "malicious"):
        browser.post(f"/cases/{waiting.pk}/move/{verb}/", WORDS)
    waiting.refresh_from_db()
    assert waiting.state == "verifying"


def test_who_wrote_the_report_that_was_sent_back_does_not_accept_the_one_another_wrote() -> None:
    story = Story()
    order = story.confirmed()
    browser = also("unit", "head")
    first, second = actor("unit"), actor("window5")
    rectify.order_report(order_id=order.pk, measures="口头提醒。", uploads=[], by=first, at=story.later())
    rectify.order_return(order_id=order.pk, reason="不够。", by=actor("head"), at=story.later())
    Assignment.objects.create(
        account=Account.objects.get(username="window5"), role="unit", organization_code="minan-center"
    )
    second = actor("window5")
    rectify.order_report(order_id=order.pk, measures="改了系统。", uploads=[], by=second, at=story.later())
    browser.post(f"/orders/{order.pk}/accept/")
    order.refresh_from_db()
    assert order.state == "reported"
    with pytest.raises(Problem, match="整改情况是您自己报的"):
        rectify.order_accept(order_id=order.pk, by=actor("unit"), at=story.later())


def test_of_an_inquiry_too() -> None:
    inquiry = inquiry_of()
    decide(inquiry, "explain", "window3", explanation="停机。")
    ordered = decide(inquiry, "order", "head", measure="improve", reason="改好。")
    first = decide(ordered, "report", "unit", improvement="提醒了。")
    back = decide(first, "return", "head", reason="不够。")
    also("unit", "head")
    told = decide(back, "report", "window3", improvement="改了。")
    with pytest.raises(Problem, match="您自己写的"):
        decide(told, "accept", "unit")


def test_a_page_from_before_the_transfer_moves_nothing_for_the_unit_that_had_it() -> None:
    story = Story()
    order = story.confirmed()
    rectify.order_transfer(
        order_id=order.pk, organization_code="minan-agent-01", reason="代办点的材料。", by=actor("reviewer"),
        at=story.later(),
    )  # fmt: skip
    before = standing()
    for verb in ("report", "explain", "ask-extension"):
        assert signed_in("unit").post(f"/orders/{order.pk}/{verb}/", WORDS).status_code in (302, 403, 404)
    assert standing() == before


def test_pressing_twice_does_once() -> None:
    case = Story().called()
    reviewer = signed_in("reviewer")
    for _ in range(2):
        assert reviewer.post(f"/cases/{case.pk}/confirm/").status_code == 302
    assert Order.objects.filter(case=case).count() == 1
    window = signed_in("window3")
    for _ in range(2):
        window.post(f"/cases/{case.pk}/move/appeal/", WORDS)
    reviewer.post(f"/cases/{case.pk}/call/", WORDS)
    reviewer.post(f"/cases/{case.pk}/move/dismiss/", WORDS)
    window.post(f"/cases/{case.pk}/move/appeal/", WORDS)  # once, ever
    case.refresh_from_db()
    assert case.state == "confirmed"
    assert JournalEntry.objects.filter(subject=case.pk, action="case.appeal").count() == 1
    assert Order.objects.filter(case=case).count() == 1
    assert journal.verify().clean


def test_nothing_closes_while_an_appeal_is_looked_at() -> None:
    story = Story()
    order = story.reported()
    decisions.case_decide(
        case_id=order.case_id, verb="appeal", said={"reason": "按规定办的。"}, by=actor("window3"), at=story.later()
    )
    before = standing()
    for name in ("head", "unit", "reviewer"):
        for verb in ("accept", "return", "report", "follow-up", "unreached", "transfer"):
            signed_in(name).post(f"/orders/{order.pk}/{verb}/", WORDS)
    assert rectify.orders_finish(at=story.at + timedelta(days=60)) == 0
    assert defaults_make(at=story.at + timedelta(days=60)) == 0
    assert standing() == before


def test_a_second_re_rating_is_none() -> None:
    story = Story()
    order = story.followed()
    rate(story.service, 5, at=story.later(), tags=(), text="")
    order.refresh_from_db()
    assert order.state == "done"
    with pytest.raises(Problem):
        rate(story.service, 1, at=story.later(days=2), tags=("110",), text="又不好了。")
    assert Rating.objects.filter(service=story.service, kind="rerating").count() == 1
    assert Rating.objects.get(service=story.service, kind="first").level == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("两面.pdf", b"<html>%PDF-1.4<script>fetch('/')</script>"),
        ("网页.pdf", b"<!doctype html><script>1</script>"),
        ("图.png.html", b"\x89PNG\r\n\x1a\n<script>1</script>"),
        ("图.svg", b"<svg onload=alert(1)>"),
        ("包.docx", b"PK\x03\x04 no archive at all"),
        ("..\\..\\x.exe", b"MZ"),
    ],
)
def test_a_document_that_is_something_else_is_not_taken(name: str, content: bytes) -> None:
    order = Story().confirmed()
    file = SimpleUploadedFile(name, content)
    signed_in("unit").post(f"/orders/{order.pk}/report/", {"measures": "做了。", "evidence": [file]})
    order.refresh_from_db()
    assert (order.state, Evidence.objects.count()) == ("assigned", 0)


def test_what_is_taken_is_never_run_by_a_browser() -> None:
    order = Story().confirmed()
    both = SimpleUploadedFile("两面.pdf", b"%PDF-1.4\n<script>alert(1)</script>", "text/html")
    signed_in("unit").post(f"/orders/{order.pk}/report/", {"measures": "做了。", "evidence": [both]})
    answer = signed_in("unit").get(f"/evidence/{Evidence.objects.get().pk}/")
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
