"""A superior decides on what a street applies for, and only a superior does (minan/4.2.2, R7)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client

from minping.evaluate.models import Rating, Service
from minping.feedback import authority, below, decisions
from minping.feedback import services as feedback
from minping.feedback.models import Case, Revocation
from minping.feedback.states import DECISIONS, MOVES, Authority, CaseState
from minping.kernel import clock, journal
from minping.kernel.errors import Problem
from minping.upstream.events import DecisionCameDown
from minping.upstream.incoming import decision_take, rating_take
from minping.upstream.messages import NegativeReceived, ValidityContent
from minping.upstream.models import OutboxMessage, SentDown
from tests.support import levels
from tests.support.levels import application, case, iso, post, rating, service, validity
from tests.support.world import FRIDAY, actor, signed_in

pytestmark = pytest.mark.django_db
NOW = FRIDAY + timedelta(days=1)
NUMBER = "差评-20261120-AAAAAAA"


@pytest.fixture(autouse=True)
def district(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    levels.district_world(settings)
    monkeypatch.setattr(clock, "now", lambda: NOW)


class Disputed:
    """A street's negative whose revocation is applied for, as it arrives here."""

    def __init__(self) -> None:
        self.service, self.rating, self.case, self.asked = (uuid4() for _ in range(4))
        self.key = levels.key()
        assert self.send(
            service(self.service), rating(self.rating), case(self.case, self.rating), application(self.asked),
            validity(self.asked), case(self.case, self.rating, "revoking", 2),
        ) == ["accepted"] * 6  # fmt: skip

    def send(self, *rows: Any) -> list[str]:
        answers = post("messages", {"messages": list(rows)}, self.key).json()["answers"]
        return [f"{one['result']}:{one.get('code', '')}".rstrip(":") for one in answers]

    @property
    def row(self) -> Case:
        return Case.objects.get(pk=self.case)

    def decide(self, verb: str, who: str = "authority", text: str = "回访记录清楚。") -> Revocation:
        authority.revocation_decide(case_id=self.case, verb=verb, said={"text": text}, by=actor(who, NOW), at=NOW)
        return Revocation.objects.get(pk=self.asked)


def outcome(of: UUID) -> str:
    return str(Service.objects.values_list("outcome", flat=True).get(pk=of))


def test_what_the_application_rests_on_is_there_to_decide_by() -> None:
    disputed = Disputed()
    asked = Revocation.objects.get(pk=disputed.asked)
    assert (asked.authority, asked.statement, asked.document) == ("district", "两次回访均称点错。", "回访记录 3 号")
    assert disputed.row.calls.get().words == "我点错了。"
    # Upward goes that it is disputed; the application itself only when it is referred.
    assert list(OutboxMessage.objects.order_by("id").values_list("kind", flat=True)) == [
        "service", "rating", "case", "validity", "case",
    ]  # fmt: skip


def test_it_counts_until_it_is_decided_and_then_no_longer() -> None:
    disputed = Disputed()
    assert outcome(disputed.service) == "rating"
    decided = disputed.decide("grant")
    assert (outcome(disputed.service), disputed.row.state, disputed.row.result) == ("invalid", "closed", "revoked")
    down = SentDown.objects.get()
    assert (down.subordinate, down.kind, down.reference) == ("minan", "validity", decided.reference)
    assert decided.reference.startswith("撤决-350213-20261121-")
    assert OutboxMessage.objects.filter(kind="validity", subject=disputed.asked, revision=2).count() == 1
    assert Rating.objects.filter(pk=disputed.rating).exists()  # it stays readable
    assert journal.verify().clean


def test_the_echo_of_the_decision_changes_nothing_and_goes_nowhere_twice() -> None:
    disputed = Disputed()
    decided = disputed.decide("grant")
    before = OutboxMessage.objects.count()
    told = {"decision_reference": decided.reference, "decided_by": "区级"}
    closed = {"result": "revoked", "closed_at": iso(NOW)}
    assert disputed.send(
        validity(disputed.asked, "invalid", 2, body=told), case(disputed.case, disputed.rating, "closed", 3, body=closed)
    ) == ["accepted", "accepted"]  # fmt: skip
    assert OutboxMessage.objects.count() == before + 1  # the case's own step
    assert SentDown.objects.count() == 1
    assert disputed.row.closed_at == NOW


@pytest.mark.parametrize("reference", ["", "撤决-350213-20261121-ZZZZZZZ"])
def test_a_street_cannot_say_that_its_rating_is_revoked(reference: str) -> None:
    disputed = Disputed()
    claimed = validity(disputed.asked, "invalid", 2, body={"decision_reference": reference, "decided_by": "区级"})
    closed = case(disputed.case, disputed.rating, "closed", 3, body={"result": "revoked", "closed_at": iso(NOW)})
    assert disputed.send(claimed, closed) == ["never:not_decided_here"] * 2
    assert (outcome(disputed.service), disputed.row.state) == ("rating", "revoking")
    disputed.decide("deny")
    assert disputed.send(claimed) == ["never:not_decided_here"]
    assert outcome(disputed.service) == "rating"


def test_an_earlier_state_still_on_its_way_does_not_undo_the_decision() -> None:
    disputed, refused = Disputed(), None
    disputed.decide("deny")
    assert disputed.send(case(disputed.case, disputed.rating, "revoking", 3)) == ["accepted"]
    assert disputed.row.state == "confirmed"
    refused = Revocation.objects.get(pk=disputed.asked)
    assert (refused.answer, SentDown.objects.get().reference) == ("refuse", refused.reference)
    assert not disputed.row.orders.exists()  # it is rectified below


def test_referred_it_goes_up_and_the_answer_of_the_city_holds_at_every_level() -> None:
    disputed = Disputed()
    asked = disputed.decide("refer")
    assert (asked.authority, SentDown.objects.get().kind) == (Authority.CITY, "forwarded")
    assert OutboxMessage.objects.filter(kind="revocation", subject=disputed.asked).count() == 1
    with pytest.raises(authority.NotOurAuthority):
        disputed.decide("grant")
    told = ValidityContent(NUMBER, levels_level(2), "invalid", NOW, "mistaken", "市级", "撤决-350200-1", "同意。")
    assert decision_take(told, at=NOW) and decision_take(told, at=NOW)
    assert (outcome(disputed.service), disputed.row.result) == ("invalid", "revoked")
    assert list(SentDown.objects.order_by("number").values_list("kind", "reference")) == [
        ("forwarded", asked.reference), ("validity", "撤决-350200-1"),
    ]  # fmt: skip
    assert journal.verify().clean


def levels_level(code: int) -> Any:
    from minping import law

    return law.InterfaceLevel(code)


def test_only_the_role_with_the_authority_decides_and_once() -> None:
    disputed = Disputed()
    with pytest.raises(Problem) as refused:
        disputed.decide("grant", who="auditor")
    assert refused.value.code == "not_permitted"
    with pytest.raises(Problem) as refused:
        disputed.decide("grant", text=" ")
    assert refused.value.field == "text"
    disputed.decide("deny")
    for verb in ("grant", "deny", "refer"):
        with pytest.raises(Problem) as refused:
            disputed.decide(verb)
        assert refused.value.code == "move_refused"


def test_nothing_of_a_subordinates_case_is_worked_on_here() -> None:
    disputed = Disputed()
    everything = frozenset(move.permission for move in MOVES.moves if move.permission)
    from minping.kernel.access import Actor, Grant

    almighty = Actor("account:all", "全权", (Grant(everything | {"case.call"}, "/"),))
    for state in CaseState:
        Case.objects.filter(pk=disputed.case).update(state=state)
        for move in MOVES.from_state(state):
            refused = feedback.refusal(move.verb, disputed.row, almighty, NOW)
            assert refused is not None and refused.code == "handled_below"
    assert isinstance(feedback.call_refusal(disputed.row, almighty, NOW), feedback.HandledBelow)
    assert {move.permission for move in DECISIONS.moves} == {"case.decide"}


def test_a_superior_presses_on_record_and_below() -> None:
    disputed = Disputed()
    disputed.decide("deny")
    authority.case_press(case_id=disputed.case, text="本周内办结。", by=actor("authority", NOW), at=NOW)
    assert disputed.row.supervised_at == NOW
    assert list(SentDown.objects.order_by("number").values_list("kind", flat=True)) == ["validity", "supervision"]
    with pytest.raises(Problem):
        authority.case_press(case_id=disputed.case, text="再催。", by=actor("auditor", NOW), at=NOW)
    assert journal.verify().clean


def test_a_negative_for_a_streets_service_goes_down_and_is_not_rated_here() -> None:
    given, key = uuid4(), levels.key()
    post("messages", {"messages": [service(given)]}, key)
    told: dict[str, Any] = {
        "organization_code": "minan-center", "case_no": "MA-1", "service_no": 1, "level": 1, "text": "打了三次电话。",
        "channel": "phone", "by": actor("authority", NOW), "at": NOW,
    }  # fmt: skip
    for wrong in ({"case_no": "MA-2"}, {"level": 5}, {"text": " "}, {"by": actor("auditor", NOW)}):
        with pytest.raises(Problem):
            below.negative_send(**{**told, **wrong})
    reference = below.negative_send(**told)
    assert SentDown.objects.get().reference == reference
    # And one that came down to us from the city for it goes the same way, once.
    from_city = NegativeReceived("SJ-1", "minan-center", "MA-1", 1, levels_level(2), NOW, text="慢")
    assert rating_take(from_city, target="minping", at=NOW)
    assert not rating_take(from_city, target="minping", at=NOW)
    assert list(SentDown.objects.order_by("number").values_list("reference", flat=True)) == [reference, "SJ-1"]
    assert not Rating.objects.exists() and not Case.objects.exists()


def test_the_desk_shows_what_is_to_be_decided_and_the_case_says_who_works_on_it() -> None:
    disputed = Disputed()
    browser = signed_in("authority")
    page = browser.get("/desk/decide/").content.decode()
    assert "裁决撤销申请" in page and NUMBER[-7:] in page
    shown = browser.get(f"/desk/decide/{disputed.case}/").content.decode()
    for word in ("决定撤销这条评价", "不予撤销", "转报更高一级", "两次回访均称点错。", "我点错了。", "办理"):
        assert word in shown, word
    answer = browser.post(f"/cases/{disputed.case}/move/grant/", {"text": ""})
    assert answer.status_code == 302 and outcome(disputed.service) == "rating"
    browser.post(f"/cases/{disputed.case}/move/grant/", {"text": "回访记录清楚。"})
    assert outcome(disputed.service) == "invalid"
    assert str(disputed.case) not in browser.get("/desk/decide/").content.decode()
    stranger = signed_in("auditor")
    assert stranger.post(f"/cases/{disputed.case}/move/deny/", {"text": "不"}).status_code in (302, 403)
    assert Revocation.objects.get().answer == "revoke"


def test_the_page_on_the_levels_below() -> None:
    Disputed()
    browser = signed_in("authority")
    page = browser.get("/below/").content.decode()
    assert "民安街道办事处" in page and "待裁决的撤销申请 1 件" in page
    wrong = browser.post(
        "/below/", {"organization_code": "minan-center", "case_no": "nein", "level": "1", "text": "慢"}
    )
    assert (
        wrong.status_code == 422 and "没有下级的这次服务" in wrong.content.decode() and "慢" in wrong.content.decode()
    )
    assert signed_in("auditor").get("/below/").status_code == 403
    assert Client().get("/below/").status_code == 302


def test_where_the_superior_is_a_minping_the_answer_is_not_typed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    disputed = Disputed()
    Case.objects.filter(pk=disputed.case).update(origin="")  # as at the street
    row = disputed.row
    assert feedback.refusal("revoke", row, actor("authority", NOW), NOW).code == "not_permitted"  # type: ignore[union-attr]
    monkeypatch.setattr(feedback, "driver", lambda: type("Superior", (), {"mirrors": True}))
    assert isinstance(feedback.refusal("revoke", row, actor("authority", NOW), NOW), feedback.AnsweredByInterface)
    told = ValidityContent(NUMBER, levels_level(2), "invalid", FRIDAY + timedelta(hours=6), "", "区级", "撤决-1")
    decisions.on_decision(DecisionCameDown(told, NOW))
    # From the decision on, not from when it was learnt: so that every level counts alike.
    assert Service.objects.get().outcome_at == FRIDAY + timedelta(hours=6)
