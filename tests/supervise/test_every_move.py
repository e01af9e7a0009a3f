"""What the tables of 监督 forbid is refused in the service and on the page: (state × move × role × conflict).

Generated from the tables themselves, as for the case (tests/feedback/test_every_move.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product

import pytest
from django.db import transaction

from minping import law
from minping.kernel.access import Actor
from minping.kernel.errors import Problem
from minping.kernel.machine import ConflictOfInterest, MoveRefused, NotYours
from minping.kernel.moves import CONFLICTS, Move
from minping.site.api import api
from minping.supervise import clues, services
from minping.supervise.models import Clue, Inquiry, InquiryRow
from minping.supervise.states import CLUES, MOVES, ClueState, InquiryState
from tests.supervise.world import inquiry_of, key_in_force
from tests.support.world import FRIDAY, actor, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
PEOPLE = (
    "window3", "window5", "unit", "reviewer", "head", "inside", "operator", "auditor", "discipline", "neighbour",
)  # fmt: skip
REFUSALS = (MoveRefused, NotYours, ConflictOfInterest)
SAID = {"explanation": "说明", "reason": "理由", "reference": "17号", "improvement": "改了"}
MEASURE = {"order": "improve", "settle": "talk", "spare": "no_fault"}


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def standing(inquiry: Inquiry, state: InquiryState) -> None:
    Inquiry.objects.filter(pk=inquiry.pk).update(state=state, explained_by="", improved_by="", kind="window")


def party(by: Actor, conflict: str, inquiry: Inquiry) -> Actor:
    """The same person, in that way party to the inquiry."""
    if conflict == "rated_person":
        return replace(by, staff_code="w03")
    if conflict == "rated_window":
        return replace(by, windows=frozenset({(inquiry.organization_code, "03")}))
    if conflict == "answerer":
        Inquiry.objects.filter(pk=inquiry.pk).update(explained_by=by.name)
    if conflict == "rated_unit":
        here = "/minan/minan-center/"
        Inquiry.objects.filter(pk=inquiry.pk).update(kind="unit", window_code="")
        return replace(by, grants=tuple(replace(grant, path=here) for grant in by.grants))
    return by


def decide(inquiry: Inquiry, move: Move, by: Actor) -> Problem | None:
    said = SAID | ({"measure": MEASURE[move.verb]} if move.verb in MEASURE else {})
    try:
        if move.verb in services.ACTS:
            services.inquiry_decide(inquiry_id=inquiry.pk, verb=move.verb, said=said, by=by, at=FRIDAY)
        else:
            services._move(services.inquiry_get(inquiry.pk), move.verb, by, FRIDAY)
    except Problem as problem:
        return problem
    return None


def right(inquiry: Inquiry, move: Move, state: InquiryState, by: Actor) -> bool:
    """What the table says, read independently of the machine."""
    here = by.can(move.permission, "/minan/minan-center/", inquiry.window_code)
    return state in move.source and bool(move.permission) and here


def short_of_the_number(inquiry: Inquiry) -> None:
    """One row away, so that taking it back is not refused for its number."""
    InquiryRow.objects.filter(pk=InquiryRow.objects.filter(inquiry=inquiry).earliest("id").pk).update(
        released_at=FRIDAY
    )


def test_the_service_refuses_whatever_the_table_does_not_allow() -> None:
    inquiry = inquiry_of()
    short_of_the_number(inquiry)
    rules = law.at(inquiry.area_code, FRIDAY.date())
    people = {name: actor(name) for name in PEOPLE}
    allowed = 0
    for state, move, name in product(InquiryState, MOVES.moves, PEOPLE):
        standing(inquiry, state)
        may = right(inquiry, move, state, people[name])
        for conflict in ["", *CONFLICTS] if may else [""]:
            with undone():
                by = party(people[name], conflict, inquiry)
                now = services.inquiry_get(inquiry.pk)
                has = services.conflicts(now, by)
                barred = bool(has & rules.never(move.permission)) if move.permission else False
                problem = decide(now, move, by)
                assert (problem is None) == (right(now, move, state, by) and not barred), (
                    state,
                    move.verb,
                    name,
                    conflict,
                    problem,
                )
                if problem is not None:
                    assert isinstance(problem, REFUSALS), (state, move.verb, name, conflict, problem)
                    assert problem.message.endswith("。")
                if conflict in rules.never(move.permission or "case.read"):
                    assert isinstance(problem, ConflictOfInterest), (state, move.verb, name, conflict)
                allowed += problem is None
    assert allowed > 60


def test_the_page_refuses_whatever_the_table_does_not_allow_and_shows_no_button_for_it() -> None:
    inquiry = inquiry_of()
    short_of_the_number(inquiry)
    rules = law.at(inquiry.area_code, FRIDAY.date())
    people = ("window3", "unit", "head", "auditor")
    clients = {name: signed_in(name) for name in people}
    moved = 0
    for state, name in product(InquiryState, people):
        standing(inquiry, state)
        shown = clients[name].get(f"/desk/mine/{inquiry.pk}/").content.decode()
        by = actor(name)
        for move in MOVES.moves:
            barred = bool(services.conflicts(inquiry, by) & rules.never(move.permission)) if move.permission else False
            may = right(inquiry, move, state, by) and not barred
            address = f"/inquiries/{inquiry.pk}/move/{move.verb}/"
            assert (address in shown) == may, (state, move.verb, name)
            before = Inquiry.objects.values().get(pk=inquiry.pk)
            with undone():
                answer = clients[name].post(
                    address, SAID | ({"measure": MEASURE[move.verb]} if move.verb in MEASURE else {})
                )
                after = Inquiry.objects.values().get(pk=inquiry.pk)
            assert answer.status_code in (302, 403, 404)
            assert (after != before) == may, (state, move.verb, name)
            moved += may
    assert moved == 15


def test_a_clue_moves_by_its_table_and_for_the_discipline_officer_alone() -> None:
    from minping.evaluate.models import Rating
    from tests.support.world import Story

    key_in_force()
    case = Story().negative()
    clue = clues.report_hand_in(service=Rating.objects.get().service, words="有人威胁我。", contact="", at=FRIDAY)
    acts = {"take": clues.clue_take, "settle": clues.clue_settle}
    assert set(acts) == {move.verb for move in CLUES.moves}
    done = 0
    for state, move, name in product(ClueState, CLUES.moves, PEOPLE):
        Clue.objects.filter(pk=clue.pk).update(state=state)
        # Taking out again is no move, and on record as every time.
        may = name == "discipline" and (state in move.source or move.verb == "take")
        with undone():
            try:
                acts[move.verb](clue_id=clue.pk, by=actor(name), at=FRIDAY)
            except Problem as problem:
                assert not may, (state, move.verb, name, problem)
                assert problem.status in (404, 409)
            else:
                assert may, (state, move.verb, name)
                done += 1
    assert done == 4
    assert case.pk


def test_the_api_offers_nothing_of_it() -> None:
    parts = {part for path in api.get_openapi_schema()["paths"] for part in path.split("/")}
    verbs = {move.verb for table in (MOVES, CLUES) for move in table.moves}
    assert parts & (verbs | {"inquiries", "clues", "report", "leads"}) == set()
