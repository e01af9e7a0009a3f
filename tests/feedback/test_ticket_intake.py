"""Where there is no interface: tickets from a file, tickets and negatives typed in, answers as a file (minan/6.2)."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from minping.evaluate.files.intake import FileResult
from minping.evaluate.models import Rating
from minping.feedback import decisions
from minping.feedback.models import Case
from minping.feedback.tickets import answers, files
from minping.feedback.tickets.models import Answer, Ticket
from minping.kernel import journal
from minping.kernel.models import JournalEntry
from minping.registry.importing import cells
from minping.registry.importing.cells import FileUnreadable
from tests.support.world import OTHER_ITEM, Story, actor, beijing, receive, service_row, signed_in, ticket

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
AT = beijing("2026-11-20 16:30")
HEADINGS = [
    "来件编号",
    "机构代码",
    "办件编号",
    "反映时间",
    "要求答复时间",
    "反映内容",
    "姓名",
    "手机号",
    "证件类型",
    "证件号码",
]


def row(number: str, **more: str) -> list[str]:
    """A line of a hotline's file; `more` by heading."""
    said = {
        "来件编号": number, "机构代码": "minan-center", "办件编号": "", "反映时间": "2026-11-20 15:50",
        "要求答复时间": "2026-11-27 18:00", "反映内容": "同样的证明要交两次。", "姓名": "群众甲",
        "手机号": "13800000000", "证件类型": "身份证", "证件号码": "350213190001010011",
    }  # fmt: skip
    return list({**said, **more}.values())


def sheet(*rows: list[str], headings: list[str] = HEADINGS) -> bytes:
    return cells.written([("来件", headings, rows)])


def taken(data: bytes, who: str = "reviewer") -> FileResult[Any]:
    return files.import_data("hotline", data, "来件.xlsx", by=actor(who), at=AT)


# --- a file ----------------------------------------------------------------------------------------


def test_the_tickets_of_a_file_are_what_the_interface_would_have_made_of_them() -> None:
    case = Story().negative()
    result = taken(sheet(row("XM-1"), row("XM-2", 手机号="13900000000", 证件号码="", 姓名="群众乙")))
    assert (result.total, result.accepted) == (2, 2)
    joined, own = Ticket.objects.order_by("number")
    assert (joined.state, joined.case, joined.demanded_at) == ("joined", case, beijing("2026-11-27 18:00"))
    assert own.case is not None and own.case.rating_id is None
    assert not joined.typed
    assert joined.opened()["person"]["cert_type"] == "111"
    assert journal.verify().clean


@pytest.mark.parametrize("heading", ["来件编号", "工单编号", "工单号", "number"])
def test_the_number_may_stand_under_the_hotlines_own_heading(heading: str) -> None:
    assert taken(sheet(row("XM-1"), headings=[heading, *HEADINGS[1:]])).accepted == 1
    assert Ticket.objects.get().number == "XM-1"


def test_the_same_file_twice_changes_nothing_and_other_words_are_an_update() -> None:
    for _ in range(2):
        taken(sheet(row("XM-1")))
    assert (Ticket.objects.get().revision, Case.objects.count()) == (1, 1)
    taken(sheet(row("XM-1", 反映内容="三天了没人联系。")))
    assert (Ticket.objects.get().revision, Case.objects.count()) == (2, 1)


def test_bad_rows_keep_the_good_ones_and_say_their_row_and_column_and_nothing_of_the_person() -> None:
    result = taken(sheet(
        row("XM-1"), row("XM-2", 反映时间="昨天"), row("XM-3", 反映内容=""), row("XM-4", 机构代码="nowhere"),
        row("XM-5", 机构代码="neighbour"), row("", 姓名="群众甲"), row("XM 7"),
    ))  # fmt: skip
    assert (result.total, result.accepted) == (7, 1)
    assert [(bad.row, bad.code) for bad in result.bad] == [
        (3, "invalid_field"), (4, "invalid_field"), (5, "unknown_code"), (6, "organization_out_of_scope"),
        (7, "invalid_field"), (8, "invalid_field"),
    ]  # fmt: skip
    assert [bad.reason.split("：")[0] for bad in result.bad[:2]] == ["反映时间", "反映内容"]
    assert not any("群众甲" in bad.reason or "13800000000" in bad.reason for bad in result.bad)


@pytest.mark.parametrize("heading", ["来件编号", "机构代码", "反映时间", "反映内容"])
def test_a_file_without_a_heading_that_is_needed_is_refused_as_a_whole(heading: str) -> None:
    place = HEADINGS.index(heading)
    with pytest.raises(FileUnreadable, match=heading):
        taken(sheet(row("XM-1"), headings=[*HEADINGS[:place], "别的", *HEADINGS[place + 1 :]]))
    assert not Ticket.objects.exists()


def test_the_empty_form_can_be_filled_in_and_sent_back() -> None:
    names = next(iter(cells.workbook(files.FORM.template()).values()))[0].cells
    assert set(HEADINGS) <= set(names)


def test_the_page_shows_what_each_row_would_answer_and_keeps_nothing_before_it_is_confirmed() -> None:
    browser = signed_in("reviewer")
    file = SimpleUploadedFile("来件.xlsx", sheet(row("XM-1"), row("XM-2", 反映时间="昨天")))
    shown = browser.post("/tickets/import/hotline/", {"step": "dry_run", "file": file})
    page = shown.content.decode()
    assert "可以收下 1 行，有问题 1 行" in page
    assert "群众甲" not in page
    assert not Ticket.objects.exists() and not Case.objects.exists()
    token = shown.context["result"]["confirm_token"]
    assert browser.post("/tickets/import/hotline/", {"step": "confirm", "confirm": token}).status_code == 302
    assert Ticket.objects.get().number == "XM-1"


@pytest.mark.parametrize("who", ["window3", "unit", "head", "operator", "auditor"])
def test_only_who_may_take_tickets_reads_a_file_in_or_types(who: str) -> None:
    browser = signed_in(who)
    for address in ("/tickets/import/hotline/", "/tickets/new/", "/tickets/negative/", "/tickets/form/"):
        assert browser.get(address).status_code == 403
    file = SimpleUploadedFile("来件.xlsx", sheet(row("XM-1")))
    assert browser.post("/tickets/import/hotline/", {"step": "dry_run", "file": file}).status_code == 403
    assert not Ticket.objects.exists()


# --- typed in --------------------------------------------------------------------------------------

TYPED = {
    "source": "hotline", "number": "来电 7", "organization_code": "minan-center", "said_at": "2026-11-20T15:50",
    "words": "同样的证明要交两次。", "name": "群众甲", "phone": "13800000000",
}  # fmt: skip


def test_a_ticket_that_was_typed_in_says_so_everywhere() -> None:
    case = Story().negative()
    assert signed_in("reviewer").post("/tickets/new/", TYPED).status_code == 302
    typed = Ticket.objects.get()
    assert (typed.number, typed.typed, typed.state, typed.case) == ("来电7", True, "joined", case)
    assert typed.said_at == beijing("2026-11-20 15:50")
    for address in (f"/tickets/{typed.pk}/", "/tickets/?show=all", f"/desk/verify/{case.pk}/"):
        assert "手工录入" in signed_in("reviewer").get(address).content.decode()
    assert "手工录入" in JournalEntry.objects.filter(action="ticket.received").get().data
    assert journal.verify().clean


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"words": ""}, "反映的内容"),
        ({"said_at": "昨天"}, "看不懂这个时间"),
        ({"organization_code": "neighbour"}, "单位"),
    ],
)
def test_what_is_missing_or_not_theirs_is_said_at_its_field_and_nothing_is_kept(
    wrong: dict[str, str], said: str
) -> None:
    told = signed_in("reviewer").post("/tickets/new/", {**TYPED, **wrong})
    assert told.status_code == 422
    assert said in told.content.decode()
    assert not Ticket.objects.exists()


NEGATIVE = {
    "reference": "翔审督〔2026〕3号", "organization_code": "minan-center", "case_no": "MA1", "service_no": "1", "level": "1",
    "rated_at": "2026-11-20T15:40", "words": "等了两个小时。", "channel": "sms",
}  # fmt: skip


def test_a_negative_of_the_superior_that_was_typed_in_is_a_rating_with_its_source_and_reference() -> None:
    (service,) = receive(service_row("MA1"))
    assert signed_in("reviewer").post("/tickets/negative/", NEGATIVE).status_code == 302
    rating, case = Rating.objects.get(), Case.objects.get()
    assert (rating.service_id, rating.level, rating.proof, rating.text) == (service.pk, 1, "superior", "等了两个小时。")
    assert (case.rating, case.arrival) == (rating, "superior")
    page = signed_in("reviewer").get(f"/desk/verify/{case.pk}/").content.decode()
    assert "手工录入" in page and "翔审督〔2026〕3号" in page
    assert rating.channel == "sms" and ">短信<" in page and "没有写明" not in page
    assert JournalEntry.objects.get(action="case.typed").facts["channel"] == "sms"
    assert journal.verify().clean


def test_the_channel_of_what_was_typed_in_is_chosen_and_never_guessed() -> None:
    receive(service_row("MA1"))
    browser = signed_in("reviewer")
    empty = browser.get("/tickets/negative/").content.decode()
    assert (
        'value="" selected' in empty.partition('name="channel"')[2] or "请选择" in empty.partition('name="channel"')[2]
    )
    for wrong in ("", "fax"):
        assert browser.post("/tickets/negative/", {**NEGATIVE, "channel": wrong}).status_code == 422
    assert not Case.objects.exists()
    assert browser.post("/tickets/negative/", {**NEGATIVE, "channel": "unsaid"}).status_code == 302
    case = Case.objects.get()
    assert "上级没有写明" in browser.get(f"/desk/verify/{case.pk}/").content.decode()
    assert JournalEntry.objects.get(action="case.typed").facts["channel"] == ""


def test_the_same_reference_is_taken_once_and_a_service_that_is_not_here_is_not_invented() -> None:
    receive(service_row("MA1"), service_row("MA2", item_code=OTHER_ITEM))
    browser = signed_in("reviewer")
    assert browser.post("/tickets/negative/", NEGATIVE).status_code == 302
    again = browser.post("/tickets/negative/", {**NEGATIVE, "case_no": "MA2"})
    assert (again.status_code, Case.objects.count()) == (422, 1)
    assert "已经收过" in again.content.decode()
    nowhere = browser.post("/tickets/negative/", {**NEGATIVE, "reference": "4号", "case_no": "MA9"})
    assert (nowhere.status_code, Case.objects.count(), Rating.objects.count()) == (422, 1, 1)
    assert "不能录入" in nowhere.content.decode()


# --- the answers as a file -------------------------------------------------------------------------


def test_the_answers_go_as_a_file_whose_cells_are_text_and_that_it_was_made_is_on_record() -> None:
    formula = '=HYPERLINK("http://example.invalid","点我")'
    own = ticket(at=AT, person={})
    assert own.case is not None
    decisions.case_decide(
        case_id=own.case.pk, verb="explain", said={"explanation": formula}, by=actor("reviewer"), at=AT
    )
    told = signed_in("reviewer").post("/tickets/answers/hotline/export/")
    assert told.status_code == 200
    rows = list(openpyxl.load_workbook(io.BytesIO(told.content)).active.iter_rows())
    assert [cell.value for cell in rows[0]] == list(answers.HEADINGS)
    assert [cell.value for cell in rows[1]][:4] == [own.number, "1", "解释说明", formula]
    assert {cell.data_type for cell in rows[1] if cell.value} == {"s"}
    assert JournalEntry.objects.filter(action="answers.exported").count() == 1
    assert Answer.objects.get().state == "waiting"  # delivered only under a receipt number
    assert signed_in("window3").post("/tickets/answers/hotline/export/").status_code == 403
    assert signed_in("reviewer").get("/tickets/answers/hotline/export/").status_code == 405


# --- what the pages cost ---------------------------------------------------------------------------


@pytest.mark.parametrize("show", ["open", "all", "answers"])
def test_the_list_costs_the_same_for_few_and_many(show: str, django_assert_max_num_queries: Any) -> None:
    browser = signed_in("reviewer")

    def more(first: int, last: int) -> None:
        for number in range(first, last):
            own = ticket(at=AT, number=f"XM-{number}", person={}, item_name=f"第 {number} 件")
            if show == "answers":
                assert own.case is not None
                decisions.case_decide(
                    case_id=own.case.pk, verb="explain", said={"explanation": "已说明。"}, by=actor("reviewer"), at=AT
                )
            ticket(at=AT, number=f"BH-{number}", case_no="没有这个编号")

    more(0, 2)
    browser.get(f"/tickets/?show={show}")
    with django_assert_max_num_queries(14) as few:
        browser.get(f"/tickets/?show={show}")
    more(2, 9)
    with django_assert_max_num_queries(len(few)) as many:
        page = browser.get(f"/tickets/?show={show}").content.decode()
    assert len(many) <= len(few)
    assert "XM-8" in page or "BH-8" in page


def test_one_ticket_costs_the_same_for_few_and_many_candidates(django_assert_max_num_queries: Any) -> None:
    browser = signed_in("reviewer")
    receive(service_row("MA0"), service_row("MA1"))
    waits = ticket(at=AT)
    browser.get(f"/tickets/{waits.pk}/")
    with django_assert_max_num_queries(18) as few:
        browser.get(f"/tickets/{waits.pk}/")
    receive(*(service_row(f"MA{number}") for number in range(2, 12)))
    ticket(at=AT, number="XM-2", words="同一件")
    with django_assert_max_num_queries(len(few)):
        page = browser.get(f"/tickets/{waits.pk}/").content.decode()
    assert page.count("就是这一件") == 12


def test_a_case_costs_the_same_for_one_voice_and_many(django_assert_max_num_queries: Any) -> None:
    case, browser = Story().negative(), signed_in("reviewer")
    ticket(at=AT)
    browser.get(f"/desk/verify/{case.pk}/")
    with django_assert_max_num_queries(60) as few:
        browser.get(f"/desk/verify/{case.pk}/")
    for number in range(6):
        ticket(at=AT, number=f"XM-{number}")
    with django_assert_max_num_queries(len(few)):
        page = browser.get(f"/desk/verify/{case.pk}/").content.decode()
    assert "XM-5" in page
