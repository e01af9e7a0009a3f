"""The rounds of a subordinate's rectification, each with its own clock as it runs below."""

from __future__ import annotations

from uuid import UUID

from minping.evaluate.models import Rating
from minping.feedback import from_below as feedback
from minping.feedback.models import Case
from minping.kernel import journal
from minping.rectify import words
from minping.rectify.models import Order
from minping.rectify.states import OrderState
from minping.registry import queries as registry
from minping.upstream.below.intake import Missing, NotOurs, Told, kept
from minping.upstream.messages import RectificationContent, Round

SAME = (
    "state", "assigned_at", "rectify_due_at", "measures", "reported_at", "extended_at", "accepted_at", "followed_at",
    "follow_up", "finished_at",
)  # fmt: skip


def take_case(told: Told) -> bool:
    """A case with its rounds, as one record."""
    case, new = feedback.take_case(told)
    if not new:
        return False
    said = told.content
    assert isinstance(said, RectificationContent)
    for one in said.orders:
        _take(told, case, one)
    words.words_set([case.pk])
    return True


def _take(told: Told, case: Case, said: Round) -> None:
    if said.state not in set(OrderState):
        raise feedback.UnknownState(state=said.state)
    try:
        identifier = UUID(hex=said.id)
    except ValueError as failure:
        raise NotOurs() from failure
    order = Order.objects.filter(pk=identifier).first()
    if order is not None and order.case_id != case.pk:
        raise NotOurs()
    before = None if order is None else journal.leaf(order)
    if order is None:
        order = Order(id=identifier, case=case, round=said.round, assigned_by=told.by.name, origin=told.origin)
    places = registry.directory().places
    where = places.get(said.organization_code)
    if where is None or not where.path.startswith(places[told.origin].path):
        where = places[case.organization_code]
    order.organization_code, order.area_code = where.code, where.area_code
    order.window_code = said.window_code
    for name in SAME:
        setattr(order, name, getattr(said, name))
    order.rerating = _rerating(case, said.rerating)
    if journal.leaf(order) == before:
        return
    kept(order)
    journal.write(
        "below.order", at=told.at, actor=told.by.name, organization_code=order.organization_code, subject=case.pk,
        records=[order], round=order.round, state=order.state, origin=told.origin,
    )  # fmt: skip


def _rerating(case: Case, told: str) -> Rating | None:
    if not told:
        return None
    try:
        found = Rating.objects.filter(pk=UUID(hex=told), service=case.service_id).first()
    except ValueError as failure:
        raise NotOurs() from failure
    if found is None:
        raise Missing(what="再次评价")
    return found
