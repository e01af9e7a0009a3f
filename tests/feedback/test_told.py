"""What the superior is told of a negative, road by road: every step that the table marks, once, in order (minan/4.2.1).

A step is one act of a person, a rater or a clock.  Whether it is told is read from the journal and the tables of
`docs/machines.md`, what was told from the outbox and the message that is built for it at that moment.
"""

from __future__ import annotations

import pytest

from minping.feedback import decisions
from minping.feedback import services as feedback
from minping.feedback.models import Case
from minping.feedback.services import JOURNAL_OF
from minping.feedback.states import MOVES as CASES
from minping.feedback.states import CallPurpose
from minping.kernel.models import JournalEntry
from minping.rectify import services as rectify
from minping.rectify.models import Order
from minping.rectify.states import MOVES as ORDERS
from minping.upstream import services as upstream
from minping.upstream.models import OutboxMessage
from tests.support.world import Story, actor, rate, ticket

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
SAID = {"reason": "当时系统停机，窗口已经说明。", "statement": "评价人说点错了，本意是满意。", "reference": "翔审撤17"}
# The moves that the page of the tables marks as told, by the name under which each stands in the journal.
TOLD = {JOURNAL_OF.get(move.verb, f"case.{move.verb}") for move in CASES.moves if move.announces} | {
    f"order.{move.verb}" for move in ORDERS.moves if move.announces
}
# Told besides, without a move: that the case is there, and that another voice has joined it.
TOLD |= {"case.opened", "case.ticket_joined", "case.ticket_updated"}
Said = tuple[str, int, str, str]  # state, rounds, what the person said of the rectification, result


class Road(Story):
    """A story that looks after each step at what went up."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[Said] = []
        assert self.service

    @property
    def case(self) -> Case:
        return Case.objects.get()

    def walk(self, *steps: str) -> list[Said]:
        for step in steps:
            self.step(step)
        return self.said

    def step(self, name: str) -> None:
        journal = set(JournalEntry.objects.values_list("pk", flat=True))
        sent = set(OutboxMessage.objects.values_list("pk", flat=True))
        getattr(self, name)()
        acts = set(JournalEntry.objects.exclude(pk__in=journal).values_list("action", flat=True))
        rows = list(OutboxMessage.objects.filter(kind="case").exclude(pk__in=sent).order_by("pk"))
        assert len(rows) == bool(acts & TOLD), f"{name}: {sorted(acts)} 之后报了 {len(rows)} 次"
        for row in rows:
            case, body = self.case, upstream.build([row])[row.pk].body
            assert row.revision == case.revision
            assert (body["state"], body["result"]) == (case.state, case.result)
            self.said.append((body["state"], body["rounds"], body["follow_up"], body["result"]))

    def decide(self, verb: str, who: str) -> None:
        decisions.case_decide(case_id=self.case.pk, verb=verb, said=SAID, by=actor(who), at=self.later())

    def call(self, purpose: CallPurpose, outcome: str, words: str) -> None:
        feedback.call_record(
            case_id=self.case.pk, purpose=purpose, outcome=outcome, words=words, recording_no="", by=actor("reviewer"),
            at=self.later(hours=13),
        )  # fmt: skip

    # --- steps ---

    def rated(self) -> None:
        self.negative()

    def heard(self) -> None:
        self.call(CallPurpose.VERIFY, "answered", "情况属实。")

    def confirm(self) -> None:
        feedback.case_confirm(case_id=self.case.pk, note="", by=actor("reviewer"), at=self.later())

    def appeal(self) -> None:
        self.decide("appeal", "window3")

    def dismiss(self) -> None:
        self.decide("dismiss", "reviewer")

    def mistaken(self) -> None:
        self.decide("mistaken", "reviewer")

    def disapprove(self) -> None:
        self.decide("disapprove", "head")

    def approve(self) -> None:
        self.decide("approve", "head")

    def revoke(self) -> None:
        self.decide("revoke", "head")

    def refuse(self) -> None:
        self.decide("refuse", "head")

    def report(self, verb: str = "report") -> None:
        rectify.order_report(
            order_id=self.order(self.case).pk, measures="已改为系统内核验。", uploads=[], by=actor("unit"),
            at=self.later(), verb=verb,
        )  # fmt: skip

    def explain(self) -> None:
        self.report("explain")

    def send_back(self) -> None:
        rectify.order_return(
            order_id=self.order(self.case).pk, reason="没有说清楚。", by=actor("head"), at=self.later()
        )

    def accept(self) -> None:
        rectify.order_accept(order_id=self.order(self.case).pk, by=actor("head"), at=self.later())

    def follow(self, answer: str) -> None:
        rectify.follow_up_record(
            order_id=self.order(self.case).pk, outcome="answered", answer=answer, words="说了。", recording_no="",
            by=actor("reviewer"), at=self.later(),
        )  # fmt: skip

    def solved(self) -> None:
        self.follow("solved")

    def unsolved(self) -> None:
        self.follow("unsolved")

    def missed(self) -> None:
        self.call(CallPurpose.FOLLOW_UP, "no_answer", "")

    def unreached(self) -> None:
        rectify.follow_up_unreached(order_id=self.order(self.case).pk, by=actor("reviewer"), at=self.later(hours=13))

    def rerate(self) -> None:
        rate(self.service, 5, at=self.later(), tags=(), text="")

    def rerate_bad(self) -> None:
        rate(self.service, 1, at=self.later(), tags=(), text="还是一样。")

    def waited(self) -> None:
        due = Order.objects.latest("round").due_at
        assert due is not None
        self.at = due
        rectify.orders_finish(at=self.at)

    def ticket(self) -> None:
        ticket(at=self.later(), case_no=self.case_no)

    def reminder(self) -> None:
        ticket(at=self.later(), case_no=self.case_no, words="催办。")


FIRST: list[Said] = [("verifying", 0, "", "")]
CONFIRMED: list[Said] = [*FIRST, ("confirmed", 1, "", "")]
# The report, then its acceptance.
RECTIFIED: list[Said] = [*CONFIRMED, ("confirmed", 1, "", ""), ("accepted", 1, "", "")]
ROADS: dict[str, tuple[tuple[str, ...], list[Said]]] = {
    "revoked by the superior": (
        ("rated", "heard", "appeal", "mistaken", "approve", "revoke"),
        [*FIRST, ("appealed", 0, "", ""), ("revoking", 0, "", ""), ("closed", 0, "", "revoked")],
    ),
    "refused by the superior": (
        ("rated", "heard", "mistaken", "disapprove", "mistaken", "approve", "refuse"),
        [*FIRST, ("revoking", 0, "", ""), ("confirmed", 1, "", "")],
    ),
    "an appeal while it is rectified": (
        ("rated", "heard", "confirm", "appeal", "dismiss"),
        [*CONFIRMED, ("appealed", 1, "", ""), ("confirmed", 1, "", "")],
    ),
    "rectified, solved and rated again": (
        ("rated", "heard", "confirm", "report", "accept", "solved", "rerate"),
        [*RECTIFIED, ("accepted", 1, "solved", ""), ("closed", 1, "solved", "rerated")],
    ),
    "sent back, then solved and silent": (
        ("rated", "heard", "confirm", "report", "send_back", "report", "accept", "solved", "waited"),
        [*CONFIRMED, *[("confirmed", 1, "", "")] * 3, ("accepted", 1, "", ""), ("accepted", 1, "solved", ""),
         ("closed", 1, "solved", "solved")],
    ),
    "not solved, reopened": (
        ("rated", "heard", "confirm", "report", "accept", "unsolved", "report", "accept", "solved", "rerate"),
        [*RECTIFIED, ("confirmed", 2, "", ""), ("confirmed", 2, "", ""), ("accepted", 2, "", ""),
         ("accepted", 2, "solved", ""), ("closed", 2, "solved", "rerated")],
    ),
    "rated badly again, reopened": (
        ("rated", "heard", "confirm", "report", "accept", "solved", "rerate_bad"),
        [*RECTIFIED, ("accepted", 1, "solved", ""), ("confirmed", 2, "", "")],
    ),
    "explained": (
        ("rated", "heard", "confirm", "explain", "accept", "solved", "rerate"),
        [*RECTIFIED, ("accepted", 1, "solved", ""), ("closed", 1, "solved", "rerated")],
    ),
    "unreachable": (
        ("rated", "heard", "confirm", "report", "accept", "missed", "missed", "missed", "unreached", "waited"),
        [*RECTIFIED, ("accepted", 1, "unreached", ""), ("closed", 1, "unreached", "unreached")],
    ),
    "joined by a ticket": (
        ("rated", "ticket", "reminder", "heard", "confirm", "report", "accept", "solved", "rerate"),
        [*FIRST, *FIRST, *RECTIFIED, ("accepted", 1, "solved", ""), ("closed", 1, "solved", "rerated")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("road", ROADS)
def test_each_step_that_the_table_marks_is_told_once_and_in_order(road: str) -> None:
    steps, said = ROADS[road]
    assert Road().walk(*steps) == said
    revisions = list(OutboxMessage.objects.filter(kind="case").order_by("pk").values_list("revision", flat=True))
    assert revisions == sorted(set(revisions))
    assert revisions[-1] == Case.objects.get().revision


def test_a_road_without_its_marks_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check itself: a step that is no longer told fails it."""
    monkeypatch.setattr("minping.chain.upstream.messages_enqueue", lambda rows, at: 0)
    with pytest.raises(AssertionError):
        Road().walk("rated")
