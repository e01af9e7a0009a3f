"""Repeated negatives open a 问责提醒: neither missed nor doubled, never by defaults, never by what was revoked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import IntegrityError, connection, transaction

from minping.evaluate.models import DefaultOutcome
from minping.evaluate.services import defaults_make
from minping.feedback import services as feedback
from minping.feedback.models import Case
from minping.feedback.states import CallPurpose
from minping.kernel import journal
from minping.kernel.errors import Problem
from minping.registry.queries import place
from minping.supervise import repeats, services, view
from minping.supervise.models import Inquiry, InquiryRow
from minping.supervise.states import InquiryState, Kind
from tests.supervise.world import confirmed, day, decide, inquiry_of, revoked
from tests.support.world import FRIDAY, OTHER_ITEM, actor, rate, receive, service_row, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]


def kinds() -> dict[str, int]:
    return {one.kind: one.rows.count() for one in Inquiry.objects.all()}


def test_the_third_confirmed_negative_opens_one_notice_for_the_window_and_one_for_the_person() -> None:
    confirmed(1, day(0))
    confirmed(2, day(1))
    assert kinds() == {}
    confirmed(3, day(2))
    assert kinds() == {"window": 3, "staff": 3}
    inquiry = Inquiry.objects.get(kind="window")
    assert (inquiry.key, inquiry.name, inquiry.least, inquiry.days) == ("03", "3号窗口", 3, 90)
    assert inquiry.clause == "minan/5.2"
    assert "裁定" in inquiry.rule and "ruling" not in inquiry.rule
    # Sunday's confirmation; three working days: the following Wednesday at midnight.
    assert inquiry.due_limit == "inquiry_explain"
    assert journal.verify().clean


def test_a_further_negative_joins_the_open_notice_and_opens_none() -> None:
    inquiry = inquiry_of()
    confirmed(9, day(5))
    assert kinds() == {"window": 4, "staff": 4}
    rows = view.inquiry_context(inquiry, actor("head"), {})["rows"]
    assert [row["later"] for row in rows] == [False, False, False, True]


def test_counting_again_doubles_nothing() -> None:
    inquiry_of()
    for _ in range(2):
        repeats.repeats_sweep(at=day(3))
    assert kinds() == {"window": 3, "staff": 3}
    row = InquiryRow.objects.filter(kind="window").first()
    assert row is not None
    with pytest.raises(IntegrityError), transaction.atomic():
        InquiryRow.objects.create(inquiry=row.inquiry, kind="window", case=row.case, added_at=FRIDAY)


def test_the_sweep_finds_what_was_confirmed_before_there_was_any_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    from minping import chain
    from minping.feedback.events import CaseConfirmed

    with monkeypatch.context() as older:
        follows = tuple(one for one in chain.CHAIN[CaseConfirmed] if one is not repeats.on_case_confirmed)
        older.setitem(chain.CHAIN, CaseConfirmed, follows)  # type: ignore[arg-type]
        for number in range(3):
            confirmed(number, day(number))
        assert kinds() == {}
    assert repeats.repeats_sweep(at=day(3)) == 2
    assert kinds() == {"window": 3, "staff": 3}


def test_the_window_of_days_is_the_law_files() -> None:
    confirmed(1, day(0))
    confirmed(2, day(1))
    confirmed(3, day(90))  # the 91st day: outside the ninety that begin with the first
    assert kinds() == {}
    confirmed(4, day(90))
    assert kinds() == {"window": 3, "staff": 3}


@pytest.mark.parametrize(("last", "opens"), [(89, True), (90, False)])
def test_the_first_day_counts_and_the_ninetieth_is_the_last(last: int, opens: bool) -> None:
    rows = [(FRIDAY, day(0)), (FRIDAY, day(1)), (FRIDAY, day(last))]
    assert bool(repeats.reached(rows, 3, 90)) is opens  # type: ignore[arg-type]


def test_an_item_and_a_unit_have_numbers_of_their_own() -> None:
    for number in range(5):  # two windows, no person of one of them three times
        window = ("03", "w03") if number % 2 else ("05", "w05")
        confirmed(number, day(number), window_code=window[0], staff_code=window[1], item_code=OTHER_ITEM)
    found = Inquiry.objects.get(kind="item")
    assert (found.key, found.name, found.rows.count()) == (OTHER_ITEM, "老年优待证申领", 5)
    assert not Inquiry.objects.filter(kind="unit").exists()
    for number in range(5, 10):
        confirmed(number, day(number))
    assert Inquiry.objects.get(kind="unit").name == "民安街道便民服务中心"


def test_a_default_is_never_counted() -> None:
    for number in range(4):
        receive(service_row(f"MA-SILENT-{number}"))
    defaults_make(at=day(9))
    assert DefaultOutcome.objects.count() == 4
    repeats.repeats_sweep(at=day(10))
    assert kinds() == {}


def test_a_revoked_negative_is_shown_so_and_the_notice_may_be_taken_back() -> None:
    inquiry = inquiry_of()
    case = Case.objects.order_by("opened_at").first()
    assert case is not None
    with pytest.raises(services.EnoughStill):
        decide(inquiry, "lift", "head")
    revoked(case, day(3))
    shown = view.inquiry_context(inquiry, actor("head"), {})
    assert (shown["standing"], shown["below"]) == (2, True)
    assert [row["revoked"] for row in shown["rows"]] == [True, False, False]
    page = signed_in("head").get(f"/desk/mine/{inquiry.pk}/").content.decode()
    assert "不足规定的 3 件" in page
    assert "已撤销，不计" in page
    assert decide(inquiry, "lift", "head").state == InquiryState.LIFTED
    assert journal.verify().clean
    confirmed(8, day(6))  # the two that stand count anew
    fresh = Inquiry.objects.get(kind="window", ended_at=None)
    assert fresh.pk != inquiry.pk
    assert fresh.rows.count() == 3


def test_what_was_revoked_before_counts_for_nothing() -> None:
    first = confirmed(1, day(0))
    confirmed(2, day(1))
    revoked(first, day(1) + timedelta(hours=3))
    confirmed(3, day(2))
    assert kinds() == {}


def test_after_an_end_the_same_negatives_open_nothing_again() -> None:
    inquiry = inquiry_of()
    decide(inquiry, "explain", "window3", explanation="当天停机。")
    decide(inquiry, "spare", "head", measure="no_fault", reason="停机属实。")
    repeats.repeats_sweep(at=day(6))
    confirmed(7, day(7))
    assert Inquiry.objects.filter(kind="window").count() == 1


def test_the_person_sees_the_notice_about_them_and_a_colleague_does_not() -> None:
    about = inquiry_of("staff")
    assert signed_in("window3").get(f"/desk/mine/{about.pk}/").status_code == 200
    for name in ("window5", "operator", "neighbour"):
        assert signed_in(name).get(f"/desk/mine/{about.pk}/").status_code in (302, 404), name
    page = signed_in("window3").get(f"/desk/mine/{about.pk}/").content.decode()
    assert "15:24" not in page  # the day of a negative, never its minute (failures.md D14)
    assert "群众甲" not in page
    decide(about, "explain", "window3", explanation="系统停机。")
    ever_head = replace(actor("head"), staff_code="w03")  # were the rated person ever made a head
    with pytest.raises(Problem, match="回避"):
        services.inquiry_decide(
            inquiry_id=about.pk, verb="settle", said={"measure": "talk", "reason": "x"}, by=ever_head, at=day(5)
        )


def test_nobody_decides_on_the_own_unit() -> None:
    for number in range(10):
        confirmed(number, day(number // 4), window_code="", staff_code="")
    unit = Inquiry.objects.get(kind="unit")
    decide(unit, "explain", "unit", explanation="人手不足。")
    with pytest.raises(Problem, match="被问责单位自己的人员"):
        decide(unit, "settle", "inside", measure="talk", reason="自己看。")
    raised = decide(unit, "raise", "inside", reason="本单位不能自己处理。")
    told = decide(raised, "told", "inside", reference="翔审改〔2026〕3号", reason="约谈。")
    assert told.state == InquiryState.SETTLED
    assert place("minan-center").path == "/minan/minan-center/"


def test_without_an_explanation_the_leader_decides_when_the_days_are_over() -> None:
    inquiry = inquiry_of()
    assert services.inquiries_lapse(at=inquiry.due_at - timedelta(seconds=1)) == 0  # type: ignore[operator]
    with pytest.raises(Problem, match="待说明"):
        decide(inquiry, "settle", "head", measure="talk", reason="x")
    assert services.inquiries_lapse(at=inquiry.due_at) == 2  # type: ignore[arg-type]
    inquiry.refresh_from_db()
    assert (inquiry.state, inquiry.due_limit, inquiry.explanation) == ("answered", "inquiry_decide", "")


def test_a_measure_is_one_of_the_law_file_and_of_that_move() -> None:
    inquiry = inquiry_of()
    decide(inquiry, "explain", "window3", explanation="当天停机。")
    with pytest.raises(Problem, match="怎样处理"):
        decide(inquiry, "order", "head", measure="talk", reason="x")
    ordered = decide(inquiry, "order", "head", measure="improve", reason="五天内改好。")
    assert (ordered.state, ordered.due_limit) == ("improving", "inquiry_improve")


def test_the_work_place_lists_it_with_its_time_left() -> None:
    inquiry = inquiry_of()
    page = signed_in("window3").get("/desk/answering/").content.decode()
    assert inquiry.number in page
    assert "窗口反复被差评：3号窗口" in page
    assert signed_in("head").get("/desk/judging/").status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
def test_two_confirmations_in_the_same_instant_miss_nothing() -> None:
    confirmed(1, day(0))
    gate = Barrier(2)
    failures: list[BaseException] = []
    cases = []
    for number in (2, 3):
        service = receive(service_row(f"MA-RACE-{number}", served_at=day(1)))[0]
        case = Case.objects.get(rating=rate(service, 2))
        feedback.call_record(
            case_id=case.pk, purpose=CallPurpose.VERIFY, outcome="answered", words="属实。", recording_no="",
            by=actor("reviewer"), at=day(1) + timedelta(hours=1),
        )  # fmt: skip
        cases.append(case)

    def confirm(case: Case) -> None:
        try:
            gate.wait(10)
            feedback.case_confirm(case_id=case.pk, note="", by=actor("reviewer"), at=day(1) + timedelta(hours=2))
        except BaseException as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [Thread(target=confirm, args=(case,)) for case in cases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert failures == []
    assert kinds() == {"window": 3, "staff": 3}


def test_every_kind_has_a_number_and_a_window_in_the_law_file() -> None:
    from minping import law

    rules = law.at("350213005", FRIDAY.date())
    assert {kind: (rules.value(f"repeat_{kind}").number, rules.limit(f"repeat_{kind}_days").value) for kind in Kind} == {
        "window": (3, 90), "staff": (3, 90), "item": (5, 90), "unit": (10, 90),
    }  # fmt: skip
