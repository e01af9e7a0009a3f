"""The disputed negative: appeal, two people, the head, the superior (minan/4.2.2, R4, R7, R8)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from minping import law
from minping.evaluate.models import Rating, Service
from minping.feedback import authority, decisions
from minping.feedback import services as feedback
from minping.feedback.models import Case, Revocation
from minping.feedback.states import Authority, CallPurpose
from minping.kernel import journal
from minping.kernel.errors import Invalid, Problem, Stale
from minping.kernel.machine import ConflictOfInterest, MoveRefused, NotYours
from minping.rectify import queries
from minping.rectify import services as rectify
from minping.rectify.models import Order
from minping.upstream import incoming
from minping.upstream import services as upstream
from minping.upstream.messages import ValidityContent, typed
from minping.upstream.models import OutboxMessage, Task
from tests.support.world import FRIDAY, Story, actor, beijing, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
STATEMENT = "评价人说点错了，本意是非常满意，电话里讲得很清楚，愿意改正。"
SAID = {
    "reason": "当时系统停机，窗口已经说明。", "statement": STATEMENT, "document": "监控调取单〔2026〕3号",
    "reference": "翔审撤〔2026〕17号",
}  # fmt: skip


class Dispute(Story):
    """A story in which somebody disagrees."""

    def act(self, case: Case, verb: str, who: str, **said: str) -> Case:
        return decisions.case_decide(
            case_id=case.pk, verb=verb, said={**SAID, **said}, by=actor(who, self.at), at=self.later()
        )

    def appealed(self) -> Case:
        return self.act(self.called(), "appeal", "window3")

    def proposed(self, verb: str = "mistaken") -> Case:
        return self.act(self.called(), verb, "reviewer")

    def revoking(self) -> Case:
        return self.act(self.proposed(), "approve", "head")


def test_an_appeal_starts_the_two_working_days_anew_and_belongs_to_the_window_that_was_rated() -> None:
    story = Dispute()
    case = story.called()
    with pytest.raises(NotYours):
        story.act(case, "appeal", "window5")
    moved = story.act(case, "appeal", "window3")
    assert (moved.state, moved.due_at, moved.due_clause) == ("appealed", beijing("2026-11-25 00:00"), "minan/4.2.2")
    assert moved.appeal == SAID["reason"]


def test_an_appeal_is_made_once() -> None:
    story = Dispute()
    case = story.act(story.appealed(), "dismiss", "reviewer")
    with pytest.raises(decisions.AppealedAlready):
        story.act(case, "appeal", "window3")


def test_an_appeal_comes_before_the_rectification_is_accepted() -> None:
    story = Dispute()
    order = story.accepted()
    with pytest.raises(MoveRefused):
        story.act(order.case, "appeal", "window3")


def test_an_appeal_pauses_the_rectification_which_goes_on_with_the_days_it_had_left() -> None:
    story = Dispute()
    order = story.confirmed()  # Friday: to the end of Friday 11-27
    story.at = beijing("2026-11-24 10:00")  # Tuesday: Wednesday, Thursday, Friday are left
    case = story.act(order.case, "appeal", "window3")
    order.refresh_from_db()
    assert (order.state, order.due_at, order.paused_days) == ("suspended", None, 3)
    story.at = beijing("2026-11-26 09:00")  # Thursday: Friday, Monday, Tuesday
    story.act(case, "dismiss", "reviewer")
    order.refresh_from_db()
    assert (order.state, order.due_at) == ("assigned", beijing("2026-12-02 00:00"))
    assert Order.objects.count() == 1
    assert "恢复之日" in order.due_rule


def test_revoked_cancels_the_rectification_that_waited() -> None:
    story = Dispute()
    case = story.act(story.confirmed().case, "appeal", "window3")
    for verb, who in (("mistaken", "reviewer"), ("approve", "head"), ("revoke", "head")):
        case = story.act(case, verb, who)
    assert Order.objects.get().state == "cancelled"
    assert (case.state, case.result) == ("closed", "revoked")


def test_a_rating_is_invalid_only_when_the_superior_has_revoked_it() -> None:
    story = Dispute()
    case = story.revoking()
    assert (case.state, case.due_at) == ("revoking", None)
    assert Service.objects.get().outcome == "rating"
    assert queries.story_of(story.service)[0]["title"] == "申请撤销中"
    case = story.act(case, "revoke", "head")
    service = Service.objects.get()
    assert (service.outcome, service.outcome_at) == ("invalid", story.at)
    assert Rating.objects.get().text  # the original stays readable for ever (R7)
    assert "原话照样保留" in queries.story_of(story.service)[0]["text"]
    assert journal.verify().clean


def test_refused_above_it_goes_back_to_be_rectified_with_five_days_of_its_own() -> None:
    story = Dispute()
    case = story.revoking()
    story.at = beijing("2026-12-01 09:00")  # Tuesday
    case = story.act(case, "refuse", "head")
    order = Order.objects.get()
    assert (case.state, order.state, order.due_at) == ("confirmed", "assigned", beijing("2026-12-09 00:00"))
    assert Service.objects.get().outcome == "rating"


def test_the_clock_of_verification_goes_on_until_the_head_has_decided() -> None:
    story = Dispute()
    case = story.called()
    before = case.due_at
    case = story.act(case, "mistaken", "reviewer")
    assert case.due_at == before
    case = story.act(case, "disapprove", "head")
    assert (case.state, case.due_at) == ("verifying", before)
    assert not Revocation.objects.filter(ended_at__isnull=True).exists()


def test_malicious_needs_a_second_person_of_another_unit() -> None:
    story = Dispute()
    case = story.proposed("malicious")
    assert case.state == "malicious"
    with pytest.raises(MoveRefused):
        story.act(case, "approve", "head")
    with pytest.raises(ConflictOfInterest, match="您"):
        story.act(case, "second", "reviewer")
    with pytest.raises(ConflictOfInterest, match="同属一个单位"):
        story.act(case, "second", "head")  # another person, the same office
    case = story.act(case, "second", "second")
    assert case.state == "proposed"
    case = story.act(case, "approve", "head")
    row = Revocation.objects.get()
    assert (row.proposed_unit, row.seconded_unit) == ("/minan/", "/minan/minan-center/")
    assert len({row.proposed_by, row.seconded_by, row.approved_by}) == 3


@pytest.mark.parametrize(
    "said", [{"document": ""}, {"statement": "就是恶意"}], ids=["no document", "a ground that says nothing"]
)
def test_malicious_needs_evidence(said: dict[str, str]) -> None:
    story = Dispute()
    with pytest.raises(decisions.NoEvidence):
        story.act(story.called(), "malicious", "reviewer", **said)
    assert Case.objects.get().state == "verifying"


def test_who_proposes_never_approves_nor_enters_the_answer() -> None:
    story = Dispute()
    case = story.proposed()
    Revocation.objects.update(proposed_by="account:head")
    with pytest.raises(ConflictOfInterest):
        story.act(case, "approve", "head")
    Revocation.objects.update(proposed_by="account:reviewer")
    case = story.act(case, "approve", "head")
    with pytest.raises(ConflictOfInterest):
        story.act(case, "revoke", "reviewer")


def test_an_answer_from_above_needs_its_number() -> None:
    story = Dispute()
    case = story.revoking()
    for verb in ("revoke", "refuse", "forward"):
        with pytest.raises(Invalid):
            story.act(case, verb, "head", reference=" ")


def test_upward_by_level_of_authority_to_the_province_and_no_further() -> None:
    story = Dispute()
    case = story.revoking()
    levels = [Revocation.objects.get().authority]
    for _ in range(2):
        case = story.act(case, "forward", "head")
        levels.append(Revocation.objects.get().authority)
    assert levels == ["district", "city", "province"]
    with pytest.raises(authority.HighestAuthority):
        story.act(case, "forward", "head")
    assert [Authority.above(code) for code in ("350213005", "350213", "350200")] == levels


def test_the_superior_is_told_the_application_the_dispute_and_the_decision_in_canonical_messages() -> None:
    story = Dispute()
    story.act(story.revoking(), "revoke", "head")
    rows = OutboxMessage.objects.filter(kind__in=("revocation", "validity")).order_by("id")
    assert [(row.kind, row.revision) for row in rows] == [("revocation", 1), ("validity", 1), ("validity", 2)]
    built = upstream.build(rows)
    told: list[Any] = [typed(built[row.pk]) for row in rows]
    assert (told[0].ground, told[0].statement, told[0].call_back_words) == (
        "mistaken",
        STATEMENT,
        "",
    )  # consent was not asked
    assert (told[2].validity, told[2].decision_reference) == ("invalid", SAID["reference"])
    assert "call_back_words" in built[rows[0].pk].personal


def told(case: Case, validity: str = "invalid", reference: str = "闽审撤17") -> ValidityContent:
    return ValidityContent(
        case_number=case.number, level=law.InterfaceLevel(2), validity=validity, decided_at=FRIDAY,
        decided_by="翔安区", decision_reference=reference,
    )  # fmt: skip


def test_the_answer_comes_down_by_interface_and_once() -> None:
    story = Dispute()
    case = story.revoking()
    for _ in range(2):
        assert incoming.decision_take(told(case), at=story.later())
    case.refresh_from_db()
    row = Revocation.objects.get()
    assert (case.state, case.result, row.reference, row.answered_by) == ("closed", "revoked", "闽审撤17", "system")
    assert Service.objects.get().outcome == "invalid"
    assert not Task.objects.exists()


def test_a_decision_that_no_application_waits_for_is_a_task_and_moves_nothing() -> None:
    case = Dispute().called()
    assert not incoming.decision_take(told(case), at=FRIDAY)
    case.refresh_from_db()
    assert case.state == "verifying"
    assert "闽审撤17" in Task.objects.get().text
    with pytest.raises(incoming.CallbackUnreadable):
        incoming.decision_take(told(case, reference=" "), at=FRIDAY)


def test_not_solved_is_reopened_with_a_new_clock_and_the_superior_is_told() -> None:
    story = Story()
    order = story.followed("unsolved")
    assert [o.round for o in Order.objects.order_by("round")] == [1, 2]
    row = OutboxMessage.objects.filter(kind="case", subject=order.case_id).latest("id")
    body = upstream.build([row])[row.pk].body
    assert (body["state"], body["rounds"]) == ("confirmed", 2)


def test_a_step_that_fails_half_way_leaves_the_case_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Dispute()
    case = story.proposed()

    def dies(event: object) -> None:
        raise RuntimeError("the worker is gone")

    monkeypatch.setattr(decisions.events, "publish", dies)
    with pytest.raises(RuntimeError):
        story.act(case, "approve", "head")
    assert Case.objects.get().state == "proposed"
    assert Revocation.objects.get().approved_at is None


def test_two_who_read_the_same_case_do_not_both_decide_it() -> None:
    story = Dispute()
    case = story.called()
    read_before = feedback.case_get(case.pk)
    story.act(case, "mistaken", "reviewer")
    with pytest.raises(Stale):
        feedback.case_move(read_before, "confirm", actor("reviewer"), story.at, facts={})


# --- unreachable --------------------------------------------------------------------------------


def call(case_id: Any, at: datetime, purpose: CallPurpose = CallPurpose.VERIFY, outcome: str = "no_answer") -> None:
    feedback.call_record(
        case_id=case_id, purpose=purpose, outcome=outcome, words="", recording_no="", by=actor("reviewer"), at=at
    )


@pytest.mark.parametrize(
    "hours, enough",
    [((0, 1), False), ((0, 1, 2), False), ((0, 24), False), ((0, 1, 24), True)],
    ids=["two on a day", "three on a day", "two on two days", "three on two days"],
)
def test_unreachable_is_three_attempts_on_two_days(hours: tuple[int, ...], enough: bool) -> None:
    case = Story().negative()
    for hour in hours:
        call(case.pk, FRIDAY + timedelta(hours=hour))
    after = FRIDAY + timedelta(days=3)
    if not enough:
        with pytest.raises(feedback.NotCalledYet):
            feedback.case_confirm(case_id=case.pk, note="", by=actor("reviewer"), at=after)
        return
    assert feedback.case_confirm(case_id=case.pk, note="", by=actor("reviewer"), at=after).state == "confirmed"


def test_after_a_rectification_the_unreachable_keep_their_re_rating_and_no_answer_is_invented() -> None:
    story = Story()
    order = story.accepted()
    with pytest.raises(rectify.NotTriedEnough):
        rectify.follow_up_unreached(order_id=order.pk, by=actor("reviewer"), at=story.at)
    for hours in (1, 2, 26):
        call(order.case_id, story.at + timedelta(hours=hours), CallPurpose.FOLLOW_UP)
    order = rectify.follow_up_unreached(order_id=order.pk, by=actor("reviewer"), at=story.later(hours=30))
    assert (order.state, order.follow_up) == ("solved", "unreached")
    assert order.due_at is not None
    rectify.orders_finish(at=order.due_at)
    assert Case.objects.get().result == "unreached"


# --- explanation and extension -------------------------------------------------------------------


def test_an_explanation_is_judged_by_someone_else_like_a_rectification() -> None:
    story = Story()
    order = story.confirmed()
    order = rectify.order_report(
        order_id=order.pk, measures="依据《条例》第九条，须本人到场。", uploads=[], by=actor("unit"), at=story.later(),
        verb="explain",
    )  # fmt: skip
    assert order.state == "explained"
    with pytest.raises(Problem):
        rectify.order_accept(order_id=order.pk, by=actor("unit"), at=story.later())
    assert rectify.order_accept(order_id=order.pk, by=actor("head"), at=story.later()).state == "accepted"


def test_one_extension_granted_by_the_head_begins_where_the_first_limit_ends() -> None:
    story = Story()
    order = story.confirmed()  # to the end of Friday 11-27
    order = rectify.extension_ask(order_id=order.pk, plan="分三步整改。", by=actor("unit"), at=story.later())
    assert (order.state, order.due_at) == ("extending", beijing("2026-11-28 00:00"))
    order = rectify.extension_decide(
        order_id=order.pk, verb="extend", reason="确实复杂", by=actor("head"), at=story.later()
    )
    assert (order.state, order.due_at, order.due_limit) == ("complex", beijing("2026-12-05 00:00"), "extend")
    assert order.rectify_due_at == order.due_at
    order = rectify.order_report(order_id=order.pk, measures="做了。", uploads=[], by=actor("unit"), at=story.later())
    order = rectify.order_return(order_id=order.pk, reason="还差一步", by=actor("reviewer"), at=story.later())
    with pytest.raises(rectify.ExtendedAlready):
        rectify.extension_ask(order_id=order.pk, plan="再延。", by=actor("unit"), at=story.later())


def test_a_refused_extension_and_a_late_one_change_nothing() -> None:
    story = Story()
    order = story.confirmed()
    due_at = order.due_at
    assert due_at is not None
    order = rectify.extension_ask(order_id=order.pk, plan="分步。", by=actor("unit"), at=story.later())
    order = rectify.extension_decide(
        order_id=order.pk, verb="keep", reason="不复杂", by=actor("head"), at=story.later()
    )
    assert (order.state, order.due_at) == ("assigned", due_at)
    with pytest.raises(rectify.TooLateToExtend):
        rectify.extension_ask(order_id=order.pk, plan="分步。", by=actor("unit"), at=due_at)


def test_who_appealed_is_told_what_became_of_it_and_why() -> None:
    story = Dispute()
    case = story.appealed()
    for name in ("window3", "unit"):
        assert "正在复核" in signed_in(name).get(f"/desk/mine/{case.pk}/").content.decode()
    why = "监控里没有看到窗口说明。"
    case = story.act(case, "dismiss", "reviewer", reason=why)
    assert (case.appeal_answer, case.appeal_answered_by) == (why, "account:reviewer")
    for name in ("window3", "unit", "head"):
        page = signed_in(name).get(f"/desk/mine/{case.pk}/").content.decode()
        assert page.count(why) == 1 and "申诉不成立" in page, name
    assert journal.verify().clean


def test_of_a_refused_revocation_the_unit_learns_the_answer_and_nothing_of_what_was_weighed_inside() -> None:
    story = Dispute()
    case = story.act(
        story.act(story.act(story.appealed(), "mistaken", "reviewer"), "approve", "head"), "refuse", "head"
    )
    page = signed_in("unit").get(f"/desk/mine/{case.pk}/").content.decode()
    assert "上级不予撤销" in page and SAID["reference"] in page
    assert SAID["statement"] not in page
