"""Staff see their own results, so that nobody is found by them (failures.md D14), and answer; what is annulled shows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from minping.evaluate import tokens
from minping.evaluate.services import defaults_make
from minping.kernel import journal
from minping.kernel.errors import NotFound
from minping.supervise import own
from minping.supervise.models import Statement
from tests.supervise.world import confirmed, day, decide, inquiry_of, revoked
from tests.support.world import FRIDAY, actor, beijing, rate, receive, service_row, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
DECEMBER = beijing("2026-12-10 09:00")


def month(count: int, level: int = 5, **row: str) -> None:
    for number in range(count):
        service = receive(service_row(f"MA-OWN-{level}-{number}-{row.get('window_code', '')}", **row))[0]
        rate(service, level, tags=(), text="")


def shown(name: str = "window3", at: object = DECEMBER) -> dict[str, list[dict[str, object]]]:
    return {table["label"]: table["rows"] for table in own.months(actor(name), at)}  # type: ignore[arg-type]


def test_counts_by_level_of_the_months_that_are_over() -> None:
    month(4)
    month(2, 3)
    assert shown()["本人"] == [{"month": "2026年11月", "n": 6, "levels": [4, 0, 2, 0, 0], "few": "", "annulled": 0}]
    assert shown("window5")["本窗口"] == []  # a colleague's are not theirs


def test_the_running_month_is_not_shown_so_that_no_figure_moves_from_day_to_day() -> None:
    month(8)
    assert shown(at=beijing("2026-11-30 23:59")) == {"本人": [], "本窗口": []}


@pytest.mark.parametrize("count", [1, 4])
def test_a_month_with_few_ratings_says_nothing_of_them(count: int) -> None:
    month(count, 1)
    row = shown()["本窗口"][0]
    assert (row["n"], row["levels"], row["annulled"]) == ("", [], "")
    assert row["few"] == "少于 5 件，不显示"


def test_a_default_is_no_rating_of_mine() -> None:
    for number in range(9):
        receive(service_row(f"MA-SILENT-{number}"))
    defaults_make(at=day(9))
    assert shown()["本人"] == []


def test_what_was_revoked_is_shown_as_annulled_and_is_out_of_the_count() -> None:
    month(5)
    case = confirmed(1)
    revoked(case, FRIDAY + timedelta(hours=4))
    row = shown()["本人"][0]
    assert (row["n"], row["levels"], row["annulled"]) == (5, [5, 0, 0, 0, 0], 1)
    page = signed_in("window3").get("/own/").content.decode()
    assert "<del>" in page
    assert "已撤销，不计入" in page


def test_the_page_names_no_person_no_day_and_no_minute() -> None:
    confirmed(1)
    page = signed_in("window3").get("/own/").content.decode()
    for said in ("群众甲", "11月20日", "15:2", "同样的证明交了两次"):
        assert said not in page
    assert "2026年11月" in page


def test_an_answer_is_kept_with_the_case_and_not_shown_to_the_rater() -> None:
    case = confirmed(1)
    said = "当天系统停机，已向群众当面解释。"
    answer = signed_in("window3").post(f"/own/{case.pk}/statement/", {"text": said})
    assert answer.status_code == 302
    assert said in signed_in("reviewer").get(f"/desk/mine/{case.pk}/").content.decode()
    assert said in signed_in("window3").get("/own/").content.decode()
    for face in (
        Client().post("/receipt", {"code": tokens.receipt_code(case.rating_id)}),
        Client().get(f"/r/{tokens.invitation_token(case.service_id)}"),
    ):
        assert said not in face.content.decode()
    assert journal.verify().clean


@pytest.mark.parametrize("name", ["window5", "unit", "head", "operator", "neighbour"])
def test_nobody_answers_for_another(name: str) -> None:
    case = confirmed(1)
    assert signed_in(name).post(f"/own/{case.pk}/statement/", {"text": "x"}).status_code in (403, 404)
    with pytest.raises(NotFound):
        own.statement_add(case_id=case.pk, text="x", by=actor(name), at=FRIDAY)
    assert Statement.objects.count() == 0


def test_an_empty_answer_is_refused_with_a_sentence() -> None:
    case = confirmed(1)
    answer = signed_in("window3").post(f"/own/{case.pk}/statement/", {"text": " "})
    assert (answer.status_code, "请写下您的说明" in answer.content.decode()) == (422, True)


def test_the_notice_about_me_leads_from_my_page_to_my_answer() -> None:
    about = inquiry_of("staff")
    window3 = signed_in("window3")
    assert f"/desk/mine/{about.pk}/" in window3.get("/own/").content.decode()
    answer = window3.post(f"/inquiries/{about.pk}/move/explain/", {"explanation": "系统停机。"})
    assert answer.status_code == 302
    about.refresh_from_db()
    assert about.state == "answered"


def queries(name: str, address: str) -> int:
    client = signed_in(name)
    client.get(address)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address).status_code == 200
    return len(asked)


def test_the_overview_lists_what_since_when_due_and_state_in_a_fixed_number_of_queries() -> None:
    inquiry = inquiry_of()
    page = signed_in("head").get("/supervise/").content.decode()
    for said in (inquiry.number, "窗口：3号窗口", "3 件", "11月22日 周日", "待说明", "11月25日 周三 24:00 前"):
        assert said in page, said
    few = queries("head", "/supervise/"), queries("window3", "/own/")
    for number in range(20, 23):
        confirmed(number, day(number % 3), window_code="05", staff_code="w05")
    confirmed(30, day(3))
    many = queries("head", "/supervise/"), queries("window3", "/own/")
    # A registry that grew old between the two is read again: four queries, whatever there is.
    assert all(later <= before + 4 for later, before in zip(many, few, strict=True)), (few, many)
    assert max(few) <= 16
    decide(inquiry, "explain", "window3", explanation="停机。")
    decide(inquiry, "spare", "head", measure="no_fault", reason="属实。")
    assert inquiry.number not in signed_in("head").get("/supervise/").content.decode()
    assert inquiry.number in signed_in("auditor").get("/supervise/?ended=1").content.decode()


@pytest.mark.parametrize(("name", "may"), [("unit", True), ("auditor", True), ("window3", False), ("operator", False)])
def test_who_sees_the_overview_is_a_matter_of_the_law_file(name: str, may: bool) -> None:
    assert signed_in(name).get("/supervise/").status_code == (200 if may else 403)
    assert "疑点：" not in signed_in("unit").get("/supervise/").content.decode()


def test_two_tables_are_not_subtracted_to_find_the_few_of_a_colleague() -> None:
    """All of the window less mine would be the one rating of whoever stood in for me (failures.md D14)."""
    month(6)
    month(1, 1, staff_code="w05")
    tables = shown()
    assert tables["本窗口"][0]["n"] == 7
    assert (tables["本人"][0]["n"], tables["本人"][0]["levels"]) == ("", [])
    assert "相减" in str(tables["本人"][0]["few"])
