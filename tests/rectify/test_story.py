"""The negative case along its story, and what its tables forbid (minan/4.2.1–4.2.3, R4, R5, R8, R9)."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from minping import law
from minping.evaluate.models import Rating, ReratingInvitation
from minping.feedback import services as feedback
from minping.feedback.models import Case
from minping.feedback.states import MOVES as CASE_MOVES
from minping.feedback.states import CallPurpose, CaseState
from minping.kernel import journal
from minping.kernel.access import Actor, Grant
from minping.kernel.documents import EvidenceRefused, Upload
from minping.kernel.errors import Invalid, Problem, Stale
from minping.kernel.machine import ConflictOfInterest, MoveRefused, NotYours, refusal
from minping.kernel.moves import CONFLICTS, Move, Table
from minping.rectify import queries, services
from minping.rectify.models import Evidence, Order
from minping.rectify.states import MOVES as ORDER_MOVES
from minping.rectify.states import OrderState
from minping.upstream.models import OutboxMessage
from tests.support.world import FRIDAY, Story, actor, beijing, rate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]


def test_a_negative_opens_a_case_whose_two_working_days_start_the_next_day() -> None:
    case = Story().negative()
    # Friday 11-20 does not count; Monday 11-23 and Tuesday 11-24 do.
    assert (case.state, case.due_at) == ("verifying", beijing("2026-11-25 00:00"))
    assert (case.due_clause, case.due_provisional) == ("minan/4.2.2", False)
    assert "2026" in case.due_edition


@pytest.mark.parametrize("level", [3, 4, 5])
def test_the_other_levels_open_none(level: int) -> None:
    rate(Story().service, level)
    assert not Case.objects.exists()


def test_nothing_is_confirmed_before_the_person_was_called() -> None:
    case = Story().negative()
    with pytest.raises(feedback.NotCalledYet):
        feedback.case_confirm(case_id=case.pk, note="", by=actor("reviewer"), at=FRIDAY)


def test_confirming_hands_it_over_with_five_working_days() -> None:
    order = Story().confirmed()
    assert (order.state, order.organization_code, order.round) == ("assigned", "minan-center", 1)
    assert order.due_at == beijing("2026-11-28 00:00")  # from Friday 11-20: Monday 11-23 … Friday 11-27
    assert order.case.state == "confirmed"
    assert order.case.due_at is None


def test_the_whole_way_to_a_re_rating_that_closes_the_case() -> None:
    story = Story()
    order = story.followed()
    assert order.state == "solved"
    again = rate(story.service, 4, at=story.later(), tags=(), text="")
    order.refresh_from_db()
    case = order.case
    case.refresh_from_db()
    assert (again.kind, again.ordinal) == ("rerating", 2)
    assert (order.state, order.rerating_id, case.state, case.result) == ("done", again.pk, "closed", "rerated")
    assert Rating.objects.get(ordinal=1).level == 2  # the first rating is never touched (R9)
    assert [m.kind for m in OutboxMessage.objects.order_by("id")] == [
        "service", "rating", "case", "case", "case", "case", "case", "rerating", "case",
    ]  # fmt: skip
    assert journal.verify().clean


def test_a_re_rating_is_voluntary_and_its_days_end_by_themselves() -> None:
    story = Story()
    order = story.followed()
    assert order.due_at is not None
    assert services.orders_finish(at=order.due_at) == 1
    assert Case.objects.get().result == "solved"
    with pytest.raises(Problem):
        rate(story.service, 5, at=order.due_at)


@pytest.mark.parametrize("answer", ["partly", "unsolved"])
def test_not_solved_begins_a_new_round_with_a_new_clock(answer: str) -> None:
    story = Story()
    first = story.followed(answer)
    assert first.state == "unsolved"
    second = story.order(first.case)
    assert (second.round, second.state) == (2, "assigned")
    assert second.due_at == beijing("2026-11-28 00:00")
    assert not ReratingInvitation.objects.exists()


def test_a_re_rating_that_is_still_negative_begins_a_new_round() -> None:
    story = Story()
    first = story.followed()
    rate(story.service, 1, at=story.later(), tags=(), text="还是一样")
    assert story.order(first.case).round == 2
    assert Case.objects.count() == 1  # the case under way takes it; no second one opens


def test_a_call_not_answered_is_recorded_and_nothing_moves() -> None:
    story = Story()
    order = story.accepted()
    moved = services.follow_up_record(
        order_id=order.pk, outcome="no_answer", answer="", words="", recording_no="", by=actor("reviewer"),
        at=story.later(),
    )  # fmt: skip
    assert moved.state == "accepted"
    assert order.case.calls.filter(purpose="follow_up", outcome="no_answer").count() == 1


def test_returning_a_report_needs_a_reason_and_buys_no_new_days() -> None:
    story = Story()
    order = story.reported()
    with pytest.raises(Invalid):
        services.order_return(order_id=order.pk, reason=" ", by=actor("reviewer"), at=story.later())
    back = services.order_return(order_id=order.pk, reason="没有说明以后怎么办", by=actor("reviewer"), at=story.later())
    assert (back.state, back.due_at) == ("assigned", order.rectify_due_at)


def test_the_reporter_never_accepts_the_own_report() -> None:
    order = Story().reported()
    both = Actor(
        order.reported_by, grants=(Grant(frozenset({"order.accept", "order.return", "order.follow_up"}), "/"),)
    )
    with pytest.raises(ConflictOfInterest):
        services.order_accept(order_id=order.pk, by=both, at=FRIDAY)


def test_the_rated_window_cannot_verify_even_when_made_reviewer() -> None:
    case = Story().negative()
    grants = (Grant(frozenset({"case.verify", "case.call", "case.read"}), "/"),)
    party = Actor("account:w", grants=grants, windows=frozenset({("minan-center", "03")}))
    with pytest.raises(ConflictOfInterest):
        feedback.call_record(
            case_id=case.pk, purpose=CallPurpose.VERIFY, outcome="answered", words="x", recording_no="", by=party,
            at=FRIDAY,
        )  # fmt: skip
    with pytest.raises(ConflictOfInterest):
        feedback.case_confirm(case_id=case.pk, note="", by=party, at=FRIDAY)


def test_two_reviewers_confirm_in_the_same_moment_and_one_is_told() -> None:
    story = Story()
    case = story.called()
    read_before = feedback.case_get(case.pk)
    feedback.case_confirm(case_id=case.pk, note="", by=actor("reviewer"), at=story.later())
    with pytest.raises(Stale):
        feedback.machine.advance(Case.objects.filter(pk=case.pk), CASE_MOVES.move("confirm"), state=read_before.state)
    assert Order.objects.count() == 1


def every() -> list[tuple[Table, Move, Any, str, str]]:
    """Every (table × move × state × role × conflict)."""
    roles = [*law.at("350213005", FRIDAY.date()).roles, "nobody"]
    tables = ((CASE_MOVES, CaseState), (ORDER_MOVES, OrderState))
    return [
        (table, move, state, role, conflict)
        for table, states in tables
        for move, state, role, conflict in product(table.moves, states, roles, ["", *CONFLICTS])
    ]


def test_what_the_table_does_not_allow_is_refused_for_every_state_move_role_and_conflict() -> None:
    rules = law.at("350213005", FRIDAY.date())
    allowed = 0
    for _, move, state, role, conflict in every():
        permissions = rules.roles[role].may if role in rules.roles else frozenset()
        by = Actor(f"account:{role}", grants=(Grant(frozenset(permissions), "/minan/"),))
        told = refusal(
            move, state=state, by=by, path="/minan/minan-center/", window_code="03",
            conflicts={conflict} - {""}, rules=rules,
        )  # fmt: skip
        right = (
            state in move.source
            and bool(move.permission)
            and move.permission in permissions
            and conflict not in rules.never(move.permission)
        )
        assert (told is None) == right, (move.verb, state, role, conflict, told)
        if told is not None:
            assert isinstance(told, MoveRefused | NotYours | ConflictOfInterest)
            assert told.message.endswith("。")
        allowed += right
    assert 10 < allowed < len(every()) / 10


def test_nobody_of_the_neighbouring_subdistrict_may_do_anything_here() -> None:
    case = Story().called()
    with pytest.raises(NotYours):
        feedback.case_confirm(case_id=case.pk, note="", by=actor("neighbour"), at=FRIDAY)


@pytest.mark.parametrize(
    "name, content",
    [("a.pdf", b"MZ\x90\x00"), ("a.exe", b"%PDF-1.4"), ("a.png", b"%PDF-1.4"), ("a.pdf", b""), ("a.svg", b"<svg>")],
    ids=["program as pdf", "pdf as program", "pdf as png", "empty", "svg"],
)
def test_a_document_is_judged_by_its_content(name: str, content: bytes) -> None:
    order = Story().confirmed()
    with pytest.raises(EvidenceRefused):
        services.order_report(
            order_id=order.pk, measures="做了。", uploads=[Upload(name, content)], by=actor("unit"), at=FRIDAY
        )
    assert not Evidence.objects.exists()


def test_a_document_is_kept_sealed_under_its_hash_and_read_by_those_who_may(here: Any) -> None:
    Story().reported()
    record = Evidence.objects.get()
    stored = (here / "evidence" / record.sha256).read_bytes()
    assert b"%PDF" not in stored
    assert services.evidence_read(evidence_id=record.pk, by=actor("head"))[1] == b"%PDF-1.4 test"
    with pytest.raises(Problem):
        services.evidence_read(evidence_id=record.pk, by=actor("neighbour"))


def test_the_rater_is_told_each_step() -> None:
    story = Story()
    story.followed()
    steps = queries.story_of(story.service)
    assert [(s["title"], s["done"]) for s in steps] == [("核实", True), ("整改", True), ("回访", True), ("办结", False)]
