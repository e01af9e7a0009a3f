"""What the table of the case forbids is refused in the service and on the page, and the API offers no move at all.

Every (state × move × role × conflict) is generated from the table itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product

import pytest
from django.db import transaction
from django.test import Client

from minping import law
from minping.feedback import decisions
from minping.feedback import services as feedback
from minping.feedback.models import Case, Revocation
from minping.feedback.states import MOVES, CallPurpose, CaseState
from minping.kernel.access import Actor
from minping.kernel.errors import Problem
from minping.kernel.machine import ConflictOfInterest, MoveRefused, NotYours
from minping.kernel.models import Account
from minping.kernel.moves import CONFLICTS, Move
from minping.rectify.states import MOVES as ORDERS
from minping.site.api import api
from tests.support.world import FRIDAY, Story, actor, ticket

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
PEOPLE = ("window3", "window5", "unit", "reviewer", "second", "head", "operator", "auditor", "neighbour")
REFUSALS = (MoveRefused, NotYours, ConflictOfInterest)
SAID = {
    "explanation": "按规定不用整改",
    "reason": "理由",
    "statement": "认定的理由" * 5,
    "document": "3号",
    "reference": "17号",
    "organization_code": "minan-agent-01",
}
OPEN = (CaseState.MALICIOUS, CaseState.PROPOSED, CaseState.REVOKING)


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def standing(case: Case, state: CaseState) -> None:
    """Put the case into a state, with the open application that belongs to it."""
    Case.objects.filter(pk=case.pk).update(state=state)
    Revocation.objects.all().delete()
    if state in OPEN:
        Revocation.objects.create(
            case=case, ground="mistaken", statement="理由", proposed_at=FRIDAY, proposed_by="account:other",
            proposed_unit="/minan/", authority="district" if state is CaseState.REVOKING else "",
        )  # fmt: skip


def party(by: Actor, conflict: str, case: Case) -> Actor:
    """The same person, in that way party to the case."""
    if conflict == "rated_person":
        return replace(by, staff_code=case.staff_code)
    if conflict == "rated_window":
        return replace(by, windows=frozenset({(case.organization_code, case.window_code)}))
    names = {"proposer": "proposed_by", "seconder": "seconded_by"}
    if conflict in names:
        Revocation.objects.update(**{names[conflict]: by.name})
    if conflict == "same_unit":
        Revocation.objects.update(proposed_unit=feedback.unit_of(by, "case.second", "/minan/minan-center/"))
    return by


def decide(case: Case, move: Move, by: Actor) -> Problem | None:
    try:
        if move.verb == "confirm":
            feedback.case_confirm(case_id=case.pk, note="", by=by, at=FRIDAY)
        elif move.verb in decisions.ACTS:
            decisions.case_decide(case_id=case.pk, verb=move.verb, said=SAID, by=by, at=FRIDAY)
        else:
            feedback.case_move(feedback.case_get(case.pk), move.verb, by, FRIDAY, facts={})
    except Problem as problem:
        return problem
    return None


def right(case: Case, move: Move, state: CaseState, by: Actor) -> bool:
    """What the table says, read independently of the machine."""
    here = by.can(move.permission, "/minan/minan-center/", case.window_code)
    if move.permission == "case.assign":  # there has to be another unit to which this person may hand it
        here = here and by.can(move.permission, "/minan/minan-agent-01/")
    kind = move.rated is None or move.rated == (case.rating_id is not None)
    return state in move.source and bool(move.permission) and here and kind


def rated_case() -> Case:
    return Story().called()


def unrated_case() -> Case:
    """The same, of a ticket to which no rating belongs (minan/6.2)."""
    story = Story()
    case = ticket(case_no=story.service.case_no, at=story.at).case
    assert case is not None
    feedback.call_record(
        case_id=case.pk, purpose=CallPurpose.VERIFY, outcome="answered", words="情况属实。", recording_no="L-1",
        summary="证明交了两次。", by=actor("reviewer", story.at), at=story.later(),
    )  # fmt: skip
    return case


BOTH = pytest.mark.parametrize("made", [rated_case, unrated_case])


@BOTH
def test_the_service_refuses_whatever_the_table_does_not_allow(made: Callable[[], Case]) -> None:
    case = made()
    rules = law.at(case.area_code, FRIDAY.date())
    people = {name: actor(name) for name in PEOPLE}
    allowed = 0
    for state, move, name in product(CaseState, MOVES.moves, PEOPLE):
        standing(case, state)
        may = right(case, move, state, people[name])
        for conflict in ["", *CONFLICTS] if may else [""]:
            with undone():
                by = party(people[name], conflict, case)
                has = feedback.conflicts(case, by, move.permission)
                barred = bool(has & rules.never(move.permission)) if move.permission else False
                problem = decide(case, move, by)
                assert (problem is None) == (may and not barred), (state, move.verb, name, conflict, problem)
                if problem is not None:
                    assert isinstance(problem, REFUSALS), (state, move.verb, name, conflict, problem)
                    assert problem.code
                    assert problem.message.endswith("。")
                allowed += problem is None
    assert allowed > (30 if case.rating_id else 3)


@BOTH
def test_the_page_refuses_whatever_the_table_does_not_allow(made: Callable[[], Case]) -> None:
    case = made()
    clients = {}
    people = [name for name in PEOPLE if name not in ("window5", "operator")]  # each page costs: the service has all
    for name in people:
        clients[name] = Client()
        clients[name].force_login(Account.objects.get(username=name))
    moved = 0
    for state, move, name in product(CaseState, MOVES.moves, people):
        standing(case, state)
        before = Case.objects.values().get()
        with undone():
            answer = clients[name].post(f"/cases/{case.pk}/move/{move.verb}/", SAID)
            after = Case.objects.values().get()
            has = feedback.conflicts(case, actor(name), move.permission)
            barred = bool(has & law.at(case.area_code, FRIDAY.date()).never(move.permission)) if move.permission else 0
            if right(case, move, state, actor(name)) and not barred:
                assert answer.status_code == 302
                assert after != before, (state, move.verb, name)
                moved += 1
            else:
                assert answer.status_code in (302, 403, 404), (state, move.verb, name)
                assert after == before, (state, move.verb, name)
    assert moved > (20 if case.rating_id else 2)


@BOTH
def test_the_page_shows_a_button_for_each_move_that_may_be_made_and_for_no_other(made: Callable[[], Case]) -> None:
    case = made()
    for state, name in product(CaseState, ("reviewer", "second", "head")):
        standing(case, state)
        client = Client()
        client.force_login(Account.objects.get(username=name))
        page = client.get(f"/desk/mine/{case.pk}/").content.decode()
        rules = law.at(case.area_code, FRIDAY.date())
        for move in MOVES.moves:
            has = feedback.conflicts(case, actor(name), move.permission)
            barred = bool(has & rules.never(move.permission)) if move.permission else False
            shown = f"/cases/{case.pk}/move/{move.verb}/" in page
            assert shown == (right(case, move, state, actor(name)) and not barred), (state, move.verb, name)


def test_the_api_offers_no_move_of_a_case_or_of_an_order() -> None:
    paths = api.get_openapi_schema()["paths"]
    assert len(paths) > 3
    verbs = {move.verb for table in (MOVES, ORDERS) for move in table.moves} | {"cases", "orders", "moves"}
    assert {part for path in paths for part in path.split("/")} & verbs == set()
