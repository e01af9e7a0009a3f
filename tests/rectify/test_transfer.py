"""转办 to the unit at fault: below or beside, with a reason, and no day is won by it (minan/4.2.3, R5, R8)."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from minping.kernel import journal
from minping.kernel.access import Actor
from minping.kernel.documents import Upload
from minping.kernel.errors import Invalid, Problem
from minping.kernel.models import Account, Assignment, JournalEntry
from minping.rectify import services
from minping.rectify.models import Order
from minping.registry import queries as registry
from tests.support.world import Story, actor

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
REASON = "材料由代办点收取，漏收在代办点。"


@pytest.fixture
def agent() -> Account:
    account = Account.objects.create_account("agent", "代办点责任人", "只在测试里用的口令-2026", staff_code="a09")
    Assignment.objects.create(account=account, role="unit", organization_code="minan-agent-01", window_code="")
    registry.forget()
    return account


def transfer(order: Order, by: Actor, to: str = "minan-agent-01", reason: str = REASON, **more: object) -> Order:
    return services.order_transfer(
        order_id=order.pk, organization_code=to, reason=reason, by=by, at=order.assigned_at, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def page(username: str, order: Order) -> tuple[int, str]:
    client = Client()
    client.force_login(Account.objects.get(username=username))
    answer = client.get(f"/desk/mine/{order.case_id}/")
    return answer.status_code, answer.content.decode()


def test_the_unit_at_fault_has_the_order_and_the_days_go_on(agent: Account) -> None:
    order = Story().confirmed()
    moved = transfer(order, actor("reviewer"))
    assert (moved.state, moved.organization_code, moved.window_code) == ("assigned", "minan-agent-01", "")
    assert (moved.due_at, moved.rectify_due_at) == (order.due_at, order.rectify_due_at)
    assert page("unit", order)[0] == 200  # the rated unit still sees its case, and may appeal
    assert "填报" not in page("unit", order)[1]
    status, shown = page("agent", order)
    assert status == 200
    assert REASON in shown
    assert f"/orders/{order.pk}/report/" in shown
    with pytest.raises(Problem):
        services.order_report(
            order_id=order.pk, measures="已改。", uploads=[], by=actor("unit"), at=order.assigned_at
        )  # fmt: skip


def test_the_reason_is_proven_and_stands_in_no_journal_line() -> None:
    order = transfer(Story().confirmed(), actor("reviewer"))
    entry = JournalEntry.objects.get(action="order.transfer")
    assert REASON not in entry.data
    told = json.loads(entry.data)
    assert (told["moved_from"], told["moved_to"]) == ("minan-center", "minan-agent-01")
    while journal.seal():
        pass
    assert journal.verify().clean
    Order.objects.filter(pk=order.pk).update(transfer_reason="另一个理由")
    assert not journal.verify().clean


@pytest.mark.parametrize("to", ["neighbour", "minan-center", "nowhere", ""])
def test_it_goes_to_no_unit_outside_ones_own_scope_and_not_to_itself(to: str) -> None:
    order = Story().confirmed()
    with pytest.raises(Invalid):
        transfer(order, actor("reviewer"), to)
    with pytest.raises(Invalid):
        transfer(order, actor("reviewer"), reason="  ")
    assert Order.objects.get().organization_code == "minan-center"


@pytest.mark.parametrize("username", ["window3", "window5", "unit", "operator", "auditor", "neighbour"])
def test_nobody_else_passes_it_on(username: str) -> None:
    order = Story().confirmed()
    with pytest.raises(Problem):
        transfer(order, actor(username))
    assert f"/orders/{order.pk}/transfer/" not in page(username, order)[1]


def test_the_second_of_two_transfers_at_once_is_told() -> None:
    order = Story().confirmed()
    transfer(order, actor("reviewer"), "minan-agent-01")
    with pytest.raises(Invalid):
        transfer(order, actor("head"), "minan-agent-01")


def test_a_further_round_stays_with_the_unit_it_was_transferred_to(agent: Account) -> None:
    story = Story()
    order = transfer(story.confirmed(), actor("reviewer"))
    services.order_report(
        order_id=order.pk, measures="已经补收材料。", uploads=[Upload("说明.pdf", b"%PDF-1.4 t")],
        by=actor("agent"), at=story.later(),
    )  # fmt: skip
    services.order_accept(order_id=order.pk, by=actor("head"), at=story.later())
    services.follow_up_record(
        order_id=order.pk, outcome="answered", answer="unsolved", words="还是没有。", recording_no="L-9",
        by=actor("reviewer"), at=story.later(),
    )  # fmt: skip
    again = Order.objects.get(round=2)
    assert (again.organization_code, again.state) == ("minan-agent-01", "assigned")


def test_the_page_offers_the_units_and_transfers(agent: Account) -> None:
    order = Story().confirmed()
    client = Client()
    client.force_login(Account.objects.get(username="reviewer"))
    shown = client.get(f"/desk/mine/{order.case_id}/").content.decode()
    assert "甲社区便民代办点" in shown
    assert "邻街道" not in shown
    answer = client.post(
        f"/orders/{order.pk}/transfer/", {"organization_code": "minan-agent-01", "reason": REASON}
    )  # fmt: skip
    assert answer.status_code == 302
    assert Order.objects.get().organization_code == "minan-agent-01"
