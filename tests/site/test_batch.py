"""成批办理: press, mark and print together; each case for itself; nothing that decides."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from minping.feedback.models import Case
from minping.feedback.states import MOVES
from minping.kernel import journal
from minping.kernel.models import JournalEntry
from minping.rectify.states import MOVES as ORDERS
from minping.site import batch
from minping.site.models import Mark
from tests.support.world import Story, actor, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]


def press(username: str, view: str, act: str, cases: list[Case], **said: str) -> Any:
    return signed_in(username).post(f"/desk/{view}/batch/", {"act": act, "case": [c.pk for c in cases], **said})


def test_only_what_decides_nothing_may_be_done_to_many() -> None:
    verbs = {move.verb for table in (MOVES, ORDERS) for move in table.moves}
    assert {act.verb for act in batch.ACTS} & verbs == {"supervise"}
    move = MOVES.move("supervise")
    assert (move.source, move.starts, move.stops, move.pauses) == ((move.target,), "", "", "")


@pytest.mark.parametrize("verb", ["confirm", "dismiss", "approve", "accept", "return", "revoke", "x", ""])
def test_a_decision_pressed_upon_many_is_refused_whole(verb: str) -> None:
    case = Story().called()
    for username in ("reviewer", "head"):
        assert press(username, "verify", verb, [case], reason="理由").status_code == 404
    assert Case.objects.get().state == "verifying"


def test_the_head_presses_for_many_and_is_told_of_each_what_was_refused_and_why() -> None:
    under_way = [Story(f"B-{n}").confirmed().case for n in range(2)]
    verifying = Story("B-9").negative()
    rows = signed_in("head").get("/desk/pressed/?batch=1").context["rows"]
    assert {row["number"] for row in rows} == {case.number for case in under_way}
    page = press("head", "pressed", "supervise", [*under_way, verifying], reason="三天内报结果。")
    assert {one.number for one in page.context["done"]} == {case.number for case in under_way}
    ((refused,),) = (page.context["refused"],)
    assert refused.number == verifying.number
    assert "现在是“待核实”" in refused.text
    assert Case.objects.filter(supervised_at__isnull=False).count() == 2
    assert JournalEntry.objects.filter(action="case.supervise").count() == 2
    assert journal.verify().clean


def test_one_that_somebody_else_moved_meanwhile_is_told_and_the_others_are_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = (Story(f"B-{n}").confirmed().case for n in range(2))
    done = batch.DO["supervise"]

    def late(case_id: Any, *rest: Any) -> None:
        if case_id == first.pk:  # between the look and the write
            from minping.feedback import services

            case = services.case_get(case_id)
            Case.objects.filter(pk=case_id).update(revision=case.revision + 1)
            monkeypatch.setattr(services, "case_get", lambda _: case)
            try:
                done(case_id, *rest)
            finally:
                monkeypatch.undo()
            return
        done(case_id, *rest)

    monkeypatch.setitem(batch.DO, "supervise", late)  # type: ignore[arg-type]
    page = press("head", "pressed", "supervise", [first, second], reason="请抓紧。")
    assert [one.number for one in page.context["done"]] == [second.number]
    assert "刚刚被别人处理过" in page.context["refused"][0].text


def test_without_the_right_or_without_a_reason_nothing_is_done() -> None:
    case = Story().confirmed().case
    assert press("reviewer", "mine", "supervise", [case], reason="请抓紧。").status_code == 403
    assert press("head", "pressed", "supervise", [case], reason=" ")["Location"] == "/desk/pressed/?batch=1"
    assert press("head", "pressed", "supervise", [], reason="请抓紧。")["Location"] == "/desk/pressed/?batch=1"
    assert not Case.objects.filter(supervised_at__isnull=False).exists()


def test_what_is_not_in_ones_scope_is_not_touched_and_not_named() -> None:
    case = Story().confirmed().case
    page = press("neighbour", "mine", "mark", [case], word="看")
    assert (page.context["done"], page.context["refused"], page.context["missing"]) == ([], [], 1)
    assert case.number not in page.content.decode()
    assert not Mark.objects.exists()


def test_many_are_marked_and_unmarked_for_oneself() -> None:
    cases = [Story(f"B-{n}").negative() for n in range(3)]
    press("reviewer", "verify", "mark", cases, word="今天打")
    assert set(Mark.objects.values_list("account", "word")) == {(actor("reviewer").name, "今天打")}
    press("reviewer", "marked", "unmark", cases[:2])
    assert Mark.objects.get().case_id == cases[2].pk
    assert press("reviewer", "verify", "mark", cases, word="13800000000").status_code == 302


def test_the_sheets_of_many_come_in_one_archive_each_on_record() -> None:
    cases = [Story(f"B-{n}").negative() for n in range(2)]
    answer = press("reviewer", "verify", "sheet", cases)
    folder = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content) if answer.streaming else answer.content))
    names = folder.namelist()
    assert sum(name.endswith(".pdf") for name in names) == 2
    assert all(folder.read(name).startswith(b"%PDF") for name in names if name.endswith(".pdf"))
    told = folder.read("清单.txt").decode()
    assert all(f"{case.number}\t已打印" in told for case in cases)
    assert JournalEntry.objects.filter(action="case.printed").count() == 2


def test_more_than_a_page_is_refused_and_looking_chooses_nothing() -> None:
    case = Story().negative()
    answer = signed_in("reviewer").post(
        "/desk/verify/batch/", {"act": "mark", "word": "看", "case": [f"{n:032x}" for n in range(batch.MOST + 1)]}
    )
    assert answer["Location"] == "/desk/verify/?batch=1"
    page = signed_in("reviewer").get("/desk/verify/?batch=1").content.decode()
    assert f'value="{case.pk}"' in page
    assert "checked" not in page
    assert signed_in("reviewer").get("/desk/verify/batch/").status_code == 405
