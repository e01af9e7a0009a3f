"""What the table of the order forbids is refused in the service and on the page; the API offers no move at all.

Every (state × move × role × conflict) is generated from the table itself (the API: tests/feedback/test_every_move.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from minping import law
from minping.feedback.models import CallBack, Case
from minping.kernel.access import Actor
from minping.kernel.errors import Problem
from minping.kernel.machine import ConflictOfInterest, MoveRefused, NotYours
from minping.kernel.models import Account
from minping.kernel.moves import CONFLICTS, Move
from minping.rectify import services, view
from minping.rectify.models import Order
from minping.rectify.states import MOVES, OrderState
from tests.support.world import FRIDAY, Story, actor

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
PEOPLE = ("window3", "window5", "unit", "reviewer", "head", "operator", "auditor", "neighbour")
REFUSALS = (MoveRefused, NotYours, ConflictOfInterest)
NOW = FRIDAY + timedelta(hours=3)
SAID = {
    "measures": "已改。", "plan": "分三步。", "reason": "理由。", "organization_code": "minan-agent-01",
    "outcome": "answered", "words": "说过了。",
}  # fmt: skip
ANSWERS = {"solve": "solved", "fail": "unsolved"}


def _follow(verb: str) -> Callable[[Order, Actor], Any]:
    return lambda order, by: services.follow_up_record(
        order_id=order.pk, outcome="answered", answer=ANSWERS[verb], words="说过了。", recording_no="", by=by, at=NOW
    )


def _report(verb: str) -> Callable[[Order, Actor], Any]:
    return lambda order, by: services.order_report(
        order_id=order.pk, measures="已改。", uploads=[], by=by, at=NOW, verb=verb
    )


def _decide(verb: str) -> Callable[[Order, Actor], Any]:
    return lambda order, by: services.extension_decide(order_id=order.pk, verb=verb, reason="理由。", by=by, at=NOW)


DUTY: Mapping[str, Callable[[Order, Actor], Any]] = {
    "report": _report("report"), "explain": _report("explain"), "extend": _decide("extend"), "keep": _decide("keep"),
    "solve": _follow("solve"), "fail": _follow("fail"),
    "transfer": lambda order, by: services.order_transfer(
        order_id=order.pk, organization_code="minan-agent-01", reason="理由。", by=by, at=NOW
    ),
    "ask_extension": lambda order, by: services.extension_ask(order_id=order.pk, plan="分三步。", by=by, at=NOW),
    "return": lambda order, by: services.order_return(order_id=order.pk, reason="理由。", by=by, at=NOW),
    "accept": lambda order, by: services.order_accept(order_id=order.pk, by=by, at=NOW),
    "unreached": lambda order, by: services.follow_up_unreached(order_id=order.pk, by=by, at=NOW),
}  # fmt: skip


@pytest.fixture
def order() -> Order:
    """A confirmed order whose person was tried often enough, so that nothing but the table stands in the way."""
    made = Story().confirmed()
    for days in (0, 1, 1):
        CallBack.objects.create(
            case=made.case, purpose="follow_up", at=NOW + timedelta(days=days), by="account:reviewer", by_label="复核",
            outcome="no_answer",
        )  # fmt: skip
    return made


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def standing(order: Order, state: OrderState) -> None:
    """Put the order, and the case that belongs to it, into a state."""
    accepted = state in (OrderState.ACCEPTED, OrderState.SOLVED)
    Order.objects.filter(pk=order.pk).update(
        state=state, reported_by="", extension_asked_by="", accepted_at=FRIDAY if accepted else None
    )
    Case.objects.filter(pk=order.case_id).update(state="accepted" if accepted else "confirmed")


def party(by: Actor, conflict: str, order: Order) -> Actor:
    """The same person, in that way party to the order."""
    if conflict == "rated_person":
        return replace(by, staff_code=order.case.staff_code)
    if conflict == "rated_window":
        return replace(by, windows=frozenset({(order.case.organization_code, order.case.window_code)}))
    if conflict == "reporter":
        Order.objects.update(reported_by=by.name)
    return by


def move_it(order: Order, move: Move, by: Actor) -> Problem | None:
    try:
        if move.verb in DUTY:
            DUTY[move.verb](order, by)
        else:
            services._move(services.order_get(order.pk), move.verb, by, NOW)
    except Problem as problem:
        return problem
    return None


def right(order: Order, move: Move, state: OrderState, by: Actor) -> bool:
    """What the table says, read independently of the machine."""
    here = by.can(move.permission, "/minan/minan-center/", order.window_code)
    return state in move.source and bool(move.permission) and here


def barred(order: Order, move: Move, by: Actor) -> bool:
    order = services.order_get(order.pk)
    never = law.at(order.area_code, FRIDAY.date()).never(move.permission) if move.permission else frozenset()
    return bool(services.conflicts(order, by) & never)


def test_the_service_refuses_whatever_the_table_does_not_allow(order: Order) -> None:
    people = {name: actor(name) for name in PEOPLE}
    allowed = 0
    for state, move, name in product(OrderState, MOVES.moves, PEOPLE):
        standing(order, state)
        may = right(order, move, state, people[name])
        for conflict in ["", *CONFLICTS] if may else [""]:
            with undone():
                by = party(people[name], conflict, order)
                never = barred(order, move, by)
                problem = move_it(order, move, by)
                assert (problem is None) == (may and not never), (state, move.verb, name, conflict, problem)
                if problem is not None:
                    assert isinstance(problem, REFUSALS), (state, move.verb, name, conflict, problem)
                    assert problem.message.endswith("。")
                allowed += problem is None
    assert allowed > 40


def address(order: Order, verb: str) -> str:
    """Where a move is asked for on the page; empty for those that only the system makes."""
    if verb in ANSWERS:
        return reverse("order_follow_up", args=[order.pk])
    return reverse(view.FORMS[verb][0], args=[order.pk]) if verb in view.FORMS else ""


def test_the_page_refuses_whatever_the_table_does_not_allow(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    from minping.kernel import clock

    monkeypatch.setattr(clock, "now", lambda: NOW)
    clients = {}
    people = [name for name in PEOPLE if name not in ("window5", "operator")]  # each page costs: the service has all
    for name in people:
        clients[name] = Client()
        clients[name].force_login(Account.objects.get(username=name))
    moved = 0
    for state, move, name in product(OrderState, MOVES.moves, people):
        where = address(order, move.verb)
        if not where:
            assert not move.permission, move.verb  # nobody but the system: there is nowhere to ask
            continue
        standing(order, state)
        before = Order.objects.filter(pk=order.pk).values().get()
        with undone():
            answer = clients[name].post(where, {**SAID, "answer": ANSWERS.get(move.verb, "")})
            after = Order.objects.filter(pk=order.pk).values().get()
            by = actor(name)
            if right(order, move, state, by) and not barred(order, move, by):
                assert answer.status_code == 302, (state, move.verb, name)
                assert after != before, (state, move.verb, name)
                moved += 1
            else:
                assert answer.status_code in (302, 403, 404, 409), (state, move.verb, name)
                assert after == before, (state, move.verb, name)
    assert moved > 20


def test_the_page_shows_a_button_for_each_move_that_may_be_made_and_for_no_other(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    from minping.kernel import clock

    monkeypatch.setattr(clock, "now", lambda: NOW)
    for state, name in product(OrderState, ("unit", "reviewer", "head")):
        standing(order, state)
        client = Client()
        client.force_login(Account.objects.get(username=name))
        page = client.get(f"/desk/mine/{order.case_id}/").content.decode()
        for move in MOVES.moves:
            where = address(order, move.verb)
            if where and move.verb != "fail":  # one call decides between solved and not
                may = right(order, move, state, actor(name)) and not barred(order, move, actor(name))
                assert (where in page) == may, (state, move.verb, name)
