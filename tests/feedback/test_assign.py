"""A case that belongs to another unit is verified there: below or beside, with a reason, and no day is won by it (minan/6.1)."""

from __future__ import annotations

import pytest

from minping.feedback import decisions
from minping.feedback import services as feedback
from minping.feedback.models import Case
from minping.feedback.states import CallPurpose
from minping.kernel import journal, notices
from minping.kernel.access import Actor
from minping.kernel.errors import Invalid, Problem
from minping.kernel.machine import ConflictOfInterest, NotYours
from minping.kernel.models import Account, Assignment, JournalEntry, Notice
from minping.rectify import services as rectify
from minping.rectify.models import Order
from minping.registry import queries as registry
from tests.support.world import FRIDAY, Story, actor, beijing, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
REASON = "这项服务在代办点办理，窗口只是代收。"


def account(username: str, role: str, organization: str) -> Actor:
    made = Account.objects.create_account(username, username, "只在测试里用的口令-2026", staff_code=username)
    Assignment.objects.create(account=made, role=role, organization_code=organization)
    registry.forget()
    return actor(username)


@pytest.fixture
def agent() -> Actor:
    return account("agent", "reviewer", "minan-agent-01")


def assign(case: Case, by: Actor, to: str = "minan-agent-01", reason: str = REASON, verb: str = "assign") -> Case:
    said = {"organization_code": to, "reason": reason}
    return decisions.case_decide(case_id=case.pk, verb=verb, said=said, by=by, at=FRIDAY)


def test_the_other_unit_has_it_with_the_days_that_are_left_and_the_rating_stays_where_it_was_given(
    agent: Actor,
) -> None:
    case = Story().negative()
    browser = signed_in("agent")
    assert browser.get(f"/desk/verify/{case.pk}/").status_code == 404
    before = (case.due_at, case.verify_due_at, case.organization_code, case.window_code)
    moved = assign(case, actor("reviewer"))
    moved.refresh_from_db()
    assert (moved.state, moved.seat_code) == ("verifying", "minan-agent-01")
    assert (moved.due_at, moved.verify_due_at, moved.organization_code, moved.window_code) == before
    page = browser.get(f"/desk/verify/{case.pk}/").content.decode()
    assert case.number in browser.get("/desk/verify/").content.decode()
    for asked in ({"text": case.excerpt[:4]}, {"text": case.number}, {"unit": "minan-agent-01"}):
        browser.post("/desk/find/", asked)
        assert [row["number"] for row in browser.get("/desk/found/").context["rows"]] == [case.number], asked
    assert "已转给甲社区便民代办点核实" in page and REASON in page  # by whom, to whom and why, in the history
    told = JournalEntry.objects.get(action="case.assign").facts
    assert (told["moved_from"], told["moved_to"]) == ("minan-center", "minan-agent-01")
    assert journal.verify().clean


def test_what_the_other_unit_confirms_it_rectifies(agent: Actor) -> None:
    case = assign(Story().negative(), actor("reviewer"))
    feedback.call_record(
        case_id=case.pk, purpose=CallPurpose.VERIFY, outcome="answered", words="属实。", recording_no="", by=agent,
        at=FRIDAY,
    )  # fmt: skip
    feedback.case_confirm(case_id=case.pk, note="", by=agent, at=FRIDAY)
    order = Order.objects.get(case=case)
    assert (order.organization_code, order.window_code) == ("minan-agent-01", "")
    assert signed_in("unit").get(f"/desk/mine/{case.pk}/").status_code == 200  # the rated unit may appeal as before


def test_the_new_unit_is_told_at_once_and_reminded_from_then_on(agent: Actor) -> None:
    case = assign(Story().negative(), actor("reviewer"))
    given = Notice.objects.get()
    assert (given.kind, given.account, given.number) == ("given", "agent", case.number)
    notices.notices_gather(area_code="350213005", at=beijing("2026-11-23 09:00"))
    assert notices.notices_of(actor("reviewer")) == []  # who handed it over knows
    (shown,) = notices.notices_of(agent)
    assert shown["label"] == "转来"
    notices.notices_make(at=beijing("2026-11-24 09:00"))
    assert {row.account for row in Notice.objects.filter(kind="soon")} == {"agent", "reviewer"}


def test_an_appeal_may_be_reviewed_elsewhere_too_and_goes_back_the_same_way(agent: Actor) -> None:
    case = Story().negative()
    decisions.case_decide(case_id=case.pk, verb="appeal", said={"reason": "不实。"}, by=actor("window3"), at=FRIDAY)
    with pytest.raises(Problem):
        assign(case, actor("reviewer"))  # it waits for the review of the appeal, not for the first verification
    assign(case, actor("reviewer"), verb="assign_review")
    back = assign(case, actor("reviewer"), to="minan-center", verb="assign_review")
    assert (back.state, back.seat_code) == ("appealed", "minan-center")


def test_who_may_not(agent: Actor) -> None:
    case = Story().negative()
    for name in ("window3", "unit", "operator", "auditor", "neighbour"):
        with pytest.raises(NotYours):
            assign(case, actor(name))
    with pytest.raises(NotYours):
        assign(case, agent)  # it is not there yet
    inside = account("inside", "reviewer", "minan-center")
    with pytest.raises(NotYours, match="没有别的单位"):
        assign(case, inside)  # nothing beside it is in this person's scope
    with pytest.raises(Invalid, match="列出的单位"):
        assign(case, actor("reviewer"), to="neighbour")
    with pytest.raises(Invalid, match="为什么"):
        assign(case, actor("reviewer"), reason=" ")
    rated = account("w03b", "reviewer", "minan")
    Case.objects.filter(pk=case.pk).update(staff_code="w03b")
    with pytest.raises((ConflictOfInterest, Invalid)):
        assign(case, rated)
    Case.objects.filter(pk=case.pk).update(staff_code="w03")
    assert Case.objects.get().seat_code == "minan-center"


def test_once_handed_on_the_first_unit_decides_on_it_no_more(agent: Actor) -> None:
    inside = account("inside", "reviewer", "minan-center")
    case = assign(Story().called(), actor("reviewer"))
    with pytest.raises(NotYours):
        feedback.case_confirm(case_id=case.pk, note="", by=inside, at=FRIDAY)
    assert signed_in("inside").get(f"/desk/mine/{case.pk}/").status_code == 200  # it may still read what became of it
    assert case.number not in signed_in("inside").get("/desk/verify/").content.decode()


def test_the_page_says_to_whom_it_went_and_the_supervisors_page_counts_it_there(agent: Actor) -> None:
    case = Story().negative()
    answer = signed_in("reviewer").post(
        f"/cases/{case.pk}/move/assign/", {"organization_code": "minan-agent-01", "reason": REASON}, follow=True
    )
    page = answer.content.decode()
    assert "已转给甲社区便民代办点，原时限照常计算" in page
    assert "电话核实后认定，已转给甲社区便民代办点" in page  # in the list of whoever has both units
    units = {unit["code"]: unit["open"] for unit in signed_in("head").get("/units/").context["units"]}
    assert (units["minan-agent-01"], units["minan-center"]) == (1, 0)


def test_what_is_to_be_judged_stands_before_the_buttons_that_judge_it() -> None:
    case = Story().negative()
    decisions.case_decide(
        case_id=case.pk, verb="appeal", said={"reason": "当场已告知。"}, by=actor("window3"), at=FRIDAY
    )
    page = signed_in("reviewer").get(f"/desk/review/{case.pk}/").content.decode()
    assert page.count("当场已告知。") == 1
    assert page.index("当场已告知。") < page.index("申诉不成立，转办整改")
    order = Story("MA20261120-0418").reported()
    page = signed_in("head").get(f"/desk/accept/{order.case_id}/").content.decode()
    assert page.index("已改为系统内核验") < page.index(f"/orders/{order.pk}/accept/")


def test_two_who_assign_it_in_the_same_second_send_it_once(agent: Actor) -> None:
    case = Story().negative()
    stale = feedback.case_get(case.pk)
    assign(case, actor("reviewer"))
    with pytest.raises(Problem):
        feedback.case_move(stale, "assign", actor("head"), FRIDAY, facts={}, assigned_code="minan", seat_code="minan")
    assert Case.objects.get().seat_code == "minan-agent-01"


def test_an_order_that_is_transferred_is_told_of_too() -> None:
    order = Story().confirmed()
    account("hands", "unit", "minan-agent-01")
    rectify.order_transfer(
        order_id=order.pk, organization_code="minan-agent-01", reason=REASON, by=actor("reviewer"), at=order.assigned_at
    )
    assert Notice.objects.filter(kind="given", account="hands", number=order.case.number).count() == 1
