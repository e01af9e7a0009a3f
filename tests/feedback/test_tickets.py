"""12345 and other windows: one grievance is handled once, nothing is guessed, no ticket is ever a rating (minan/6.2)."""

from __future__ import annotations

import json
from datetime import date, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from minping.assess.indicators import indicators
from minping.evaluate.models import Rating
from minping.evaluate.services import rating_give
from minping.evaluate.services.package import package_rate
from minping.feedback import decisions
from minping.feedback import services as feedback
from minping.feedback.models import Case
from minping.feedback.states import CallPurpose
from minping.feedback.tickets import answers, services
from minping.feedback.tickets.models import Answer, Ticket, TicketRevision
from minping.kernel import journal
from minping.kernel.access import SYSTEM, Actor, Grant, key_create
from minping.kernel.errors import Problem
from minping.kernel.machine import ConflictOfInterest, MoveRefused, NotYours
from minping.kernel.models import JournalEntry
from minping.rectify import services as rectify
from minping.rectify.models import Order
from minping.upstream.building import build
from minping.upstream.models import OutboxMessage
from tests.support.world import (
    FRIDAY,
    HOTLINE,
    OTHER_ITEM,
    Story,
    actor,
    beijing,
    press,
    rate,
    receive,
    service_row,
    signed_in,
    ticket,
    ticket_row,
)  # fmt: skip

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
LATER = beijing("2026-11-20 16:30")
SUMMARY = "同一份证明交了两次，请核对系统里有没有共享。"


def decided(ticket: Ticket, verb: str, who: str = "reviewer", **said: str) -> Ticket:
    return services.ticket_decide(ticket_id=ticket.pk, verb=verb, said=said, by=actor(who), at=LATER)


# --- which grievance it is -----------------------------------------------------------------------


def test_a_ticket_of_an_open_negative_is_its_second_voice_and_the_earlier_clock_holds() -> None:
    story = Story()
    case = story.negative()
    before = (case.due_at, case.opened_at)
    joined = ticket(at=LATER)
    case.refresh_from_db()
    assert (joined.state, joined.case, Case.objects.count()) == ("joined", case, 1)
    assert (case.due_at, case.opened_at) == before
    assert case.asked_at == beijing("2026-11-27 18:00")
    assert (case.state, case.level) == ("verifying", 2)


def test_it_is_found_by_its_case_number_whatever_telephone_was_left_out() -> None:
    story = Story()
    case = story.negative()
    joined = ticket(at=LATER, case_no=story.case_no, person={})
    assert (joined.state, joined.case) == ("joined", case)


def test_the_case_number_of_somebody_else_is_for_a_person_to_decide() -> None:
    story = Story()
    story.negative()
    waits = ticket(at=LATER, case_no=story.case_no, person={"name": "群众乙", "phone": "13900000000"})
    assert (waits.state, waits.why, waits.case) == ("matching", "other_person", None)


def test_a_case_number_that_is_not_here_is_never_replaced_by_a_guess() -> None:
    Story().negative()
    waits = ticket(at=LATER, case_no="MA20261120-9999")
    assert (waits.state, waits.why) == ("matching", "no_such_case")


def test_two_services_of_the_same_person_are_a_persons_choice_and_the_item_decides_where_it_can() -> None:
    receive(service_row("MA1"), service_row("MA2", item_code=OTHER_ITEM))
    waits = ticket(at=LATER)
    assert (waits.state, waits.why) == ("matching", "many")
    sure = ticket(at=LATER, number="XM-2", item_code=OTHER_ITEM)
    assert sure.case is not None
    assert sure.case.service is not None
    assert sure.case.service.case_no == "MA2"


def test_the_same_person_with_another_item_is_not_taken_for_the_one_that_was_meant() -> None:
    receive(service_row("MA1"))
    waits = ticket(at=LATER, item_code=OTHER_ITEM)
    assert (waits.state, waits.why) == ("matching", "other_item")


@pytest.mark.parametrize(("served", "found"), [("2026-10-21 09:00", True), ("2026-10-20 23:59", False)])
def test_a_service_is_looked_for_in_the_days_of_the_law_file_and_no_longer(served: str, found: bool) -> None:
    service, = receive(service_row("MA1", served_at=beijing(served)), at=FRIDAY)  # fmt: skip
    own = ticket(at=LATER)
    assert own.case is not None
    assert (own.case.service_id == service.pk) == found


def test_a_service_after_the_call_is_not_what_was_called_about() -> None:
    receive(service_row("MA1", served_at=beijing("2026-11-20 15:55")))
    own = ticket(at=LATER)
    assert own.case is not None
    assert own.case.service is None


def test_another_units_service_is_not_looked_at() -> None:
    receive(service_row("MA1", organization_code="minan-agent-01", window_code="01", staff_code=None))
    own = ticket(at=LATER)
    assert own.case is not None
    assert own.case.service is None


def test_a_ticket_for_the_whole_office_finds_the_service_of_its_centre() -> None:
    case = Story().negative()
    assert ticket(at=LATER, organization_code="minan").case == case


def test_the_same_person_at_two_windows_without_a_service_is_one_grievance_only_where_a_person_says_so() -> None:
    first = ticket(at=LATER)
    second = ticket(at=LATER, number="BB-1", source="window", by=window_key())
    assert (first.state, second.state, second.why) == ("joined", "matching", "many")
    assert first.case is not None
    moved = decided(second, "choose", about=f"case:{first.case.pk}")
    assert (moved.state, moved.case) == ("joined", first.case)


def test_the_same_item_of_the_same_person_is_one_grievance() -> None:
    first = ticket(at=LATER, item_code=OTHER_ITEM)
    second = ticket(at=LATER, number="BB-1", source="window", by=window_key(), item_code=OTHER_ITEM)
    assert first.case == second.case


def window_key() -> Actor:
    return Actor("key:window", "反映窗口", (Grant(frozenset({"tickets:window"}), "/minan/"),))


def test_an_overall_rating_of_a_package_is_joined_by_a_ticket_about_any_of_its_items() -> None:
    first, second = receive(
        service_row("MA1", package_no="P1"), service_row("MA2", package_no="P1", item_code=OTHER_ITEM)
    )
    package_rate(press(first, 1))
    case = Case.objects.get()
    other = second if case.service_id == first.pk else first
    assert ticket(at=LATER, case_no=other.case_no).case == case


# --- a case without a rating -----------------------------------------------------------------------


def test_a_ticket_without_a_rating_opens_a_case_of_its_own_kind_which_is_no_rating() -> None:
    service, = receive()  # fmt: skip
    own = ticket(at=LATER)
    case = own.case
    assert case is not None
    assert (case.arrival, case.rating_id, case.level, case.service_id) == ("hotline", None, None, service.pk)
    assert case.number.startswith("热线-")
    assert case.due_at == beijing("2026-11-25 00:00")
    assert not Rating.objects.exists()
    assert service.outcome == "none"
    assert "群众甲" not in case.excerpt
    assert journal.verify().clean


def test_it_counts_in_no_indicator_and_is_not_told_to_the_province() -> None:
    story = Story()
    story.negative()
    period = (date(2026, 11, 1), date(2026, 12, 31))
    before = indicators("minan-center", *period, LATER)
    ticket(at=LATER, number="XM-9", person={}, item_name="无关的事")
    after = indicators("minan-center", *period, LATER)
    assert Case.objects.count() == 2
    assert before == after
    assert OutboxMessage.objects.filter(kind="case").count() == 1


def test_a_negative_rating_that_comes_later_joins_it_and_the_superior_is_told_of_both_voices() -> None:
    receive()
    own = ticket(at=LATER)
    assert own.case is not None
    service = own.case.service
    assert service is not None
    rating = rate(service, 1, at=LATER + timedelta(hours=1), tags=(), text="等了两个小时")
    case = Case.objects.get()
    assert (case.rating, case.level, case.due_at, case.arrival) == (rating, 1, own.case.due_at, "hotline")
    sent = OutboxMessage.objects.get(kind="case")
    body = build([sent])[sent.pk].body
    assert (body["arrival"], body["joined"]) == ("hotline", [f"hotline:{own.number}"])
    assert journal.verify().clean


def test_a_rating_that_its_giver_takes_back_leaves_the_ticket_in_a_case_of_its_own() -> None:
    service, = receive()  # fmt: skip
    receipt = press(service, 2)
    told = rating_give(receipt)
    joined = ticket(at=receipt.at + timedelta(minutes=1))
    rating_give(press(service, 5, tags=(), text="", change=told.change_token, at=receipt.at + timedelta(minutes=2)))
    joined.refresh_from_db()
    withdrawn, own = Case.objects.order_by("pk")
    assert (withdrawn.state, withdrawn.result) == ("closed", "changed_by_rater")
    assert (joined.case, own.rating_id, own.state) == (own, None, "verifying")
    assert journal.verify().clean


class Heard(Story):
    """An unrated grievance of the hotline on its way."""

    def opened(self) -> Ticket:
        assert self.service
        self.ticket = ticket(at=self.later())
        return self.ticket

    def heard(self, **more: Any) -> Case:
        case = self.opened().case
        assert case is not None
        feedback.call_record(
            case_id=case.pk, purpose=CallPurpose.VERIFY, outcome="answered", words="我叫群众甲，证明交了两次。",
            recording_no="L-1", by=actor("reviewer"), at=self.later(), **{"summary": SUMMARY, **more},
        )  # fmt: skip
        return case

    def rectified(self) -> Order:
        case = self.heard()
        feedback.case_confirm(case_id=case.pk, note="", by=actor("reviewer"), at=self.later())
        order = rectify.order_report(
            order_id=Order.objects.get().pk, measures="已接通证明共享，不再要求提交。", uploads=[], by=actor("unit"),
            at=self.later(),
        )  # fmt: skip
        return rectify.order_accept(order_id=order.pk, by=actor("head"), at=self.later())

    def solved(self) -> Case:
        order = rectify.follow_up_record(
            order_id=self.rectified().pk, outcome="answered", answer="solved", words="可以了。", recording_no="L-2",
            by=actor("reviewer"), at=self.later(),
        )  # fmt: skip
        case = order.case
        case.refresh_from_db()
        return case


def test_it_goes_the_same_way_to_its_end_and_its_source_is_answered() -> None:
    story = Heard()
    case = story.solved()
    story.ticket.refresh_from_db()
    answer = Answer.objects.get()
    assert (case.state, case.result, story.ticket.state) == ("closed", "solved", "answered")
    assert (answer.state, answers.code_of(answer)) == ("waiting", "办结")
    assert "已接通证明共享" in answer.text
    assert "群众甲" not in answer.text
    assert journal.verify().clean


def test_it_is_not_confirmed_without_something_to_tell_the_unit() -> None:
    case = Heard().heard(summary="")
    with pytest.raises(feedback.NothingToTell):
        feedback.case_confirm(case_id=case.pk, note="", by=actor("reviewer"), at=LATER)


def test_nothing_to_rectify_is_explained_to_its_source_after_a_call() -> None:
    story = Heard()
    case = story.opened().case
    assert case is not None
    said = {"explanation": "该项不属本街道办理，已告知到区医保中心。"}
    with pytest.raises(feedback.NotCalledYet):
        decisions.case_decide(case_id=case.pk, verb="explain", said=said, by=actor("reviewer"), at=LATER)
    feedback.call_record(
        case_id=case.pk, purpose=CallPurpose.VERIFY, outcome="answered", words="知道了", recording_no="", at=LATER,
        by=actor("reviewer"),
    )  # fmt: skip
    case = decisions.case_decide(case_id=case.pk, verb="explain", said=said, by=actor("reviewer"), at=LATER)
    answer = Answer.objects.get()
    assert (case.state, case.result, answers.code_of(answer)) == ("closed", "explained", "解释说明")
    assert answer.text == said["explanation"]


def test_a_rated_negative_is_never_explained_away() -> None:
    case = Story().called()
    with pytest.raises(feedback.KindRefused):
        decisions.case_decide(
            case_id=case.pk, verb="explain", said={"explanation": "不用整改"}, by=actor("reviewer"), at=LATER
        )


@pytest.mark.parametrize("verb", ["mistaken", "malicious", "not_ours", "appeal"])
def test_where_there_is_no_rating_there_is_none_to_revoke(verb: str) -> None:
    case = Heard().heard()
    said = {"statement": "理由" * 20, "document": "1号", "reason": "理由"}
    with pytest.raises(feedback.KindRefused):
        decisions.case_decide(case_id=case.pk, verb=verb, said=said, by=actor("reviewer"), at=LATER)


def test_nobody_left_a_telephone_so_nobody_is_called() -> None:
    own = ticket(at=LATER, person={})
    assert own.case is not None
    case = decisions.case_decide(
        case_id=own.case.pk, verb="explain", said={"explanation": "已在大厅张贴说明。"}, by=actor("reviewer"), at=LATER
    )
    assert case.state == "closed"


# --- once, and again ---------------------------------------------------------------------------------


def test_the_same_ticket_twice_is_one_and_one_with_other_words_is_an_update_with_its_history() -> None:
    Story().negative()
    first = ticket(at=LATER)
    again = ticket(at=LATER)
    assert (first.pk, again.revision) == (again.pk, 1)
    changed = ticket(at=LATER, words="催办：三天了没人联系。", demanded_at="2026-11-24T12:00:00+08:00")
    case = Case.objects.get()
    assert (changed.revision, changed.opened()["words"]) == (2, "催办：三天了没人联系。")
    assert TicketRevision.objects.get().revision == 1
    assert case.asked_at == beijing("2026-11-24 12:00")
    assert journal.verify().clean


def test_an_update_that_names_the_case_settles_what_waited() -> None:
    receive(service_row("MA1"), service_row("MA2"))
    assert ticket(at=LATER).state == "matching"
    assert ticket(at=LATER, case_no="MA2").state == "joined"


def test_a_number_of_another_unit_is_not_taken_over() -> None:
    ticket(at=LATER)
    stranger = Actor("key:n", "", (Grant(frozenset({"tickets:hotline"}), "/neighbour/"),))
    with pytest.raises(services.TicketElsewhere):
        ticket(at=LATER, by=stranger, organization_code="neighbour")
    assert Ticket.objects.get().organization_code == "minan-center"


def test_a_ticket_after_the_end_waits_for_a_person_and_the_case_stays_closed() -> None:
    story = Story()
    case = story.followed().case
    rate(story.service, 5, at=story.later(), tags=(), text="")
    late = ticket(at=story.later())
    case.refresh_from_db()
    assert (late.state, late.case, case.state) == ("deciding", case, "closed")


def closed(story: Story) -> Ticket:
    story.followed()
    rate(story.service, 5, at=story.later(), tags=(), text="")
    return ticket(at=story.later())


def test_the_person_reopens_it_with_a_new_clock_and_the_superior_is_told() -> None:
    story = Story()
    late = closed(story)
    assert late.case is not None
    told = OutboxMessage.objects.filter(kind="case").count()
    moved = services.ticket_decide(ticket_id=late.pk, verb="reopen", said={}, by=actor("reviewer"), at=story.at)
    case = Case.objects.get()
    assert (moved.state, case.state, case.closed_at, case.result) == ("joined", "verifying", None, "")
    assert case.due_at == beijing("2026-11-25 00:00")
    assert OutboxMessage.objects.filter(kind="case").count() > told
    assert journal.verify().clean


def test_or_answers_with_what_was_done_and_nothing_moves() -> None:
    late = closed(Story())
    decided(late, "told")
    assert Case.objects.get().state == "closed"
    answer = Answer.objects.get()
    assert (answers.code_of(answer), answer.state) == ("办结", "waiting")
    assert "系统内核验" in answer.text


def test_what_the_superior_revoked_is_not_reopened_by_a_ticket() -> None:
    story = Story()
    case = story.called()
    for verb, who in (("mistaken", "reviewer"), ("approve", "head"), ("revoke", "head")):
        said = {"statement": "评价人说点错了。", "reference": "翔审撤17"}
        decisions.case_decide(case_id=case.pk, verb=verb, said=said, by=actor(who), at=story.later())
    late = ticket(at=story.later())
    assert late.state == "deciding"
    with pytest.raises(services.NotReopened):
        decided(late, "reopen")
    moved = decided(late, "own")
    assert moved.case is not None
    assert (moved.state, moved.case.rating_id) == ("joined", None)


def test_a_ticket_that_comes_back_after_its_answer_is_decided_by_a_person_and_answered_anew() -> None:
    story = Heard()
    story.solved()
    back = ticket(at=story.later(), words="并没有解决，退回重办。")
    assert back.state == "deciding"
    decided(back, "told")
    assert [one.ordinal for one in Answer.objects.order_by("ordinal")] == [1, 2]


# --- who decides ---------------------------------------------------------------------------------------


def test_who_was_rated_never_says_which_case_it_is() -> None:
    receive(service_row("MA1"), service_row("MA2"))
    waits = ticket(at=LATER)
    (one, _) = services.search(waits).candidates
    by = actor("reviewer")
    for party in (
        Actor(by.name, by.label, by.grants, by.account_id, "w03"),
        Actor(by.name, by.label, by.grants, by.account_id, "r01", frozenset({("minan-center", "03")})),
    ):
        with pytest.raises(ConflictOfInterest):
            services.ticket_decide(ticket_id=waits.pk, verb="choose", said={"about": one.key}, by=party, at=LATER)


@pytest.mark.parametrize("who", ["window3", "unit", "head", "operator", "auditor", "neighbour"])
def test_only_the_reviewer_of_the_place_decides(who: str) -> None:
    receive(service_row("MA1"), service_row("MA2"))
    waits = ticket(at=LATER)
    with pytest.raises(NotYours):
        decided(waits, "own", who)
    assert signed_in(who).post(f"/tickets/{waits.pk}/own/").status_code == 403


def test_what_is_decided_is_not_decided_again() -> None:
    receive(service_row("MA1"), service_row("MA2"))
    waits = ticket(at=LATER)
    decided(waits, "choose", case_no="MA2")
    with pytest.raises(MoveRefused):
        decided(waits, "own")


def test_a_candidate_that_is_none_is_refused() -> None:
    receive(service_row("MA1"), service_row("MA2"))
    waits = ticket(at=LATER)
    for said in ({"about": f"service:{waits.pk}"}, {"case_no": "MA77"}, {}):
        with pytest.raises(Problem):
            services.ticket_decide(ticket_id=waits.pk, verb="choose", said=said, by=actor("reviewer"), at=LATER)


# --- what may not leak -----------------------------------------------------------------------------------


def test_the_words_and_the_person_stand_nowhere_in_the_open() -> None:
    ticket(at=LATER)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM tickets_ticket")
        row = repr(cursor.fetchall())
    for word in ("群众甲", "13800000000", "不听解释"):
        assert word not in row
        assert word.encode().hex() not in row
    assert not any("群众甲" in entry.data or "13800000000" in entry.data for entry in JournalEntry.objects.all())


@pytest.mark.parametrize("word", ["群众甲", "13800000000", "350213190001010011"])
def test_an_answer_that_says_who_it_was_is_held(word: str) -> None:
    story = Heard()
    case = story.heard()
    decisions.case_decide(
        case_id=case.pk, verb="explain", said={"explanation": f"已告知{word}。"}, by=actor("reviewer"), at=LATER
    )
    answer = Answer.objects.get()
    assert answer.state == "held"
    assert "姓名、电话或证件" in answer.why
    assert answers.answers_waiting("hotline", by=HOTLINE, permission="tickets:hotline") == []
    with pytest.raises(Problem):
        answers.answer_write(answer_id=answer.pk, result="explained", text=f"已告知{word}", by=actor("head"), at=LATER)
    written = answers.answer_write(
        answer_id=answer.pk, result="explained", text="已告知本人。", by=actor("head"), at=LATER
    )
    assert written.state == "waiting"
    assert journal.verify().clean


CONSENTS = [
    (None, False), (feedback.Consent(to_unit=False, to_others=True), False),
    (feedback.Consent(to_unit=True, to_others=False), True),
]  # fmt: skip


@pytest.mark.parametrize(("consent", "spoken"), CONSENTS)
def test_without_consent_the_unit_reads_the_summary_and_never_what_was_spoken(consent: Any, spoken: bool) -> None:
    story = Heard()
    case = story.heard(consent=consent)
    feedback.case_confirm(case_id=case.pk, note="", by=actor("reviewer"), at=story.later())
    page = signed_in("unit").get(f"/desk/rectify/{case.pk}/").content.decode()
    assert SUMMARY in page
    assert ("我叫群众甲" in page) == spoken
    assert "不听解释" not in page  # the ticket's own words stay with those who verify
    assert "13800000000" not in page


@pytest.mark.parametrize(("consent", "spoken"), [*CONSENTS[:1], (feedback.Consent(False, True), True)])
def test_without_consent_the_superior_gets_no_spoken_word(consent: Any, spoken: bool) -> None:
    story = Story()
    case = story.negative()
    feedback.call_record(
        case_id=case.pk, purpose=CallPurpose.VERIFY, outcome="answered", words="说点错了。", recording_no="L-1",
        by=actor("reviewer"), at=story.later(), consent=consent,
    )  # fmt: skip
    for verb, who in (("mistaken", "reviewer"), ("approve", "head")):
        said = {"statement": "评价人说点错了。"}
        decisions.case_decide(case_id=case.pk, verb=verb, said=said, by=actor(who), at=story.later())
    row = OutboxMessage.objects.get(kind="revocation")
    assert build([row])[row.pk].body.get("call_back_words", "") == ("说点错了。" if spoken else "")


# --- the API ---------------------------------------------------------------------------------------------


def call(method: str, path: str, key: str, body: Any = None) -> tuple[int, Any]:
    answer = getattr(Client(), method)(
        f"/api/v1{path}", **({"data": json.dumps(body), "content_type": "application/json"} if body is not None else {}),
        headers={"authorization": f"Bearer {key}"},
    )  # fmt: skip
    return answer.status_code, json.loads(answer.content)


def key(can: str = "tickets:hotline", organization: str = "minan") -> str:
    return key_create(organization_code=organization, permissions=can.split(","), label="热线", by=SYSTEM, at=FRIDAY)


def test_the_hotline_sends_pulls_and_receipts_over_the_interface() -> None:
    secret = key()
    status, told = call("post", "/tickets/hotline", secret, ticket_row(person={}))
    assert (status, told["status"], told["state"]) == (200, "accepted", "joined")
    assert call("post", "/tickets/hotline", secret, ticket_row(person={}))[1]["status"] == "known"
    decisions.case_decide(
        case_id=Case.objects.get().pk,
        verb="explain",
        said={"explanation": "已张贴说明。"},
        by=actor("reviewer"),
        at=LATER,
    )
    status, pulled = call("get", "/tickets/hotline/answers", secret)
    (answer,) = pulled["answers"]
    assert (answer["number"], answer["result"], answer["text"]) == ("XM20261120000017", "解释说明", "已张贴说明。")
    receipts = [{"number": answer["number"], "receipt_no": "HZ-1"}]
    assert call("post", "/tickets/hotline/receipts", secret, receipts)[0] == 200
    assert call("post", "/tickets/hotline/receipts", secret, receipts)[0] == 200  # said twice, delivered once
    assert call("get", "/tickets/hotline/answers", secret)[1]["answers"] == []
    status, told = call("post", "/tickets/hotline/receipts", secret, [{**receipts[0], "receipt_no": "HZ-2"}])
    assert (status, told[0]["error"]["code"]) == (207, "receipt_differs")
    status, one = call("get", "/tickets/hotline/XM20261120000017", secret)
    assert (one["state"], one["answers"][0]["receipt_no"]) == ("answered", "HZ-1")
    assert journal.verify().clean


def test_a_key_for_one_source_neither_writes_nor_reads_another() -> None:
    secret = key()
    for method, path, body in (
        ("post", "/tickets/window", ticket_row()), ("get", "/tickets/window/answers", None),
        ("get", "/tickets/window/XM20261120000017", None), ("post", "/tickets/window/receipts", []),
    ):  # fmt: skip
        assert call(method, path, secret, body)[0] == 403
    assert call("post", "/tickets/hotline", key("services:write"), ticket_row())[0] == 403


def test_rows_are_answered_one_by_one_and_wrong_ones_say_what_is_wrong() -> None:
    status, told = call(
        "post", "/tickets/hotline", key(),
        [ticket_row(), {**ticket_row("XM-2"), "words": ""}, {**ticket_row("XM-3"), "organization_code": "neighbour"}],
    )  # fmt: skip
    assert status == 207
    assert [row.get("error", {}).get("code") for row in told] == [None, "invalid_field", "organization_out_of_scope"]
    assert Ticket.objects.count() == 1


@pytest.mark.parametrize("body", ["nonsense", [1], [[]], None])
def test_what_is_no_ticket_is_refused(body: Any) -> None:
    assert call("post", "/tickets/hotline", key(), body if body is not None else [None])[0] == 422


# --- attacks ---------------------------------------------------------------------------------------------


def typed(**said: str) -> Any:
    row = {
        "source": "hotline", "number": "纸-1", "organization_code": "minan-center", "said_at": "2026-11-20 10:00",
        "words": "证明交了两次。", **said,
    }  # fmt: skip
    return signed_in("reviewer").post("/tickets/new/", row)


@pytest.mark.parametrize(
    ("field", "value"),
    [("phone", "王某 13800000000"), ("number", "纸/1"), ("item_name", "参保\x01登记"), ("case_no", "MA\x01")],
)
def test_what_is_typed_wrong_is_shown_at_its_field_and_stands_in_no_log(
    field: str, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = typed(**{field: value})
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert "13800000000" not in caplog.text


def explained(case: Case | None, explanation: str) -> None:
    assert case is not None
    feedback.call_record(
        case_id=case.pk, purpose=CallPurpose.VERIFY, outcome="answered", words="交了两次。", recording_no="L-1",
        by=actor("reviewer"), at=LATER, summary=SUMMARY,
    )  # fmt: skip
    decisions.case_decide(
        case_id=case.pk, verb="explain", said={"explanation": explanation}, by=actor("reviewer"), at=LATER
    )


@pytest.mark.parametrize("told", ["138 0000 0000", "138-0000-0000", "+86 13800000000"])
@pytest.mark.parametrize("written", ["13800000000", "138 0000-0000"])
def test_an_answer_is_held_however_the_telephone_is_written(told: str, written: str) -> None:
    explained(ticket(at=LATER, person={"name": "群众甲", "phone": told}).case, f"已电话{written}告知。")
    assert Answer.objects.get().state == "held"


def test_an_answer_to_one_voice_says_nothing_of_another() -> None:
    """Two people, one grievance: the hotline must not learn from us who came to the window."""
    receive(service_row("MA1"))
    first = ticket(at=LATER, case_no="MA1")
    second = ticket(
        at=LATER, case_no="MA1", number="BB-1", source="window", by=window_key(),
        person={"name": "群众乙", "phone": "13900000000"},
    )  # fmt: skip
    assert second.why == "other_person"
    decided(second, "choose", case_no="MA1")
    explained(first.case, "已告知群众乙（13900000000）。")
    assert set(Answer.objects.values_list("state", flat=True)) == {"held"}
    assert answers.answers_waiting("hotline", by=HOTLINE, permission="tickets:hotline") == []


def test_a_number_that_no_database_can_hold_is_refused_in_a_sentence() -> None:
    receipts = [{"number": "XM-1", "receipt_no": "H\0"}, {"number": "X\0", "receipt_no": "H"}]
    status, told = call("post", "/tickets/hotline/receipts", key(), receipts)
    assert status in (207, 422), told
    assert call("get", "/tickets/hotline/%00", key())[0] in (404, 422)
    half = call("get", "/tickets/hotline/%ED%A0%80", key())[0]
    assert half in (404, 422)
    assert call("post", "/tickets/hotline/receipts", key(), [{"number": "\ud800", "receipt_no": "H"}])[0] in (207, 422)
    assert call("post", "/tickets/hotline", key(), ticket_row(words="\ud800"))[0] == 422


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
def test_two_voices_of_one_service_in_the_same_instant_are_one_case(monkeypatch: pytest.MonkeyPatch) -> None:
    receive(service_row("MA1"))
    gate, failures = Barrier(2), list[BaseException]()
    found = services.search

    def both_found(ticket: Ticket) -> Any:
        told = found(ticket)
        gate.wait(10)
        return told

    monkeypatch.setattr(services, "search", both_found)

    def told(**row: Any) -> None:
        try:
            ticket(at=LATER, case_no="MA1", **row)
        except BaseException as failure:
            failures.append(failure)
        finally:
            connection.close()

    rows: tuple[dict[str, Any], ...] = ({"number": "A"}, {"number": "B", "source": "window", "by": window_key()})
    threads = [Thread(target=told, kwargs=row) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert failures == []
    assert Case.objects.count() == 1
    assert Ticket.objects.filter(case=Case.objects.get(), state="joined").count() == 2


# --- what is said on the telephone -----------------------------------------------------------------------


def test_the_call_is_made_in_the_words_of_the_law_and_speaks_of_a_rating_only_where_there_is_one() -> None:
    rated, browser = Story().negative(), signed_in("reviewer")
    own = ticket(at=LATER, number="XM-9", case_no="", person={"phone": "13900000000"})
    assert own.case is not None
    heard = {case.pk: browser.get(f"/cases/{case.pk}/call/").content.decode() for case in (rated, own.case)}
    assert "您最近对一次服务作了评价" in heard[rated.pk]
    assert "您最近反映了一件事" in heard[own.case.pk]
    assert "您最近对一次服务作了评价" not in heard[own.case.pk]
