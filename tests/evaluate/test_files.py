"""Services from a file: what offices write is understood, what is wrong is named, what is good is kept."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import path

from minping.evaluate import files
from minping.evaluate.files import intake, pages, reading
from minping.evaluate.models import Service
from minping.evaluate.schemas import ServiceIn
from minping.kernel.errors import Problem
from minping.kernel.home import home
from minping.kernel.models import Account
from minping.registry.importing import cells
from minping.registry.importing.cells import FileUnreadable
from minping.site.urls import urlpatterns as site_urls
from tests.support.world import FRIDAY, ITEM, REPORTER, beijing

pytestmark = pytest.mark.django_db

# The site's addresses with those of this file import, wherever the site includes them.
urlpatterns = [
    *site_urls,
    path("registry/services/import", pages.services_import, name="services_import"),
    path("registry/services/form.xlsx", pages.services_template, name="services_template"),
]
HEADINGS = [
    "办件编号", "服务序号", "服务名称", "事项编码", "机构代码", "窗口代码", "工号", "办理方式", "办件状态", "受理时间", "服务时间",
    "申请人类别", "姓名", "证件类型", "证件号码", "手机号",
]  # fmt: skip
AT = beijing("2026-11-20 18:00")


def row(case_no: str, **more: str) -> list[str]:
    """A line of a file: 群众甲 at window 3 on Friday 2026-11-20; `more` by heading."""
    values = dict(zip(HEADINGS, [
        case_no, "1", "办结", ITEM, "minan-center", "03", "w03", "大厅", "已办结", "2026-11-20 14:00", "2026-11-20 15:20",
        "个人", "群众甲", "身份证", "350213190001010011", "13800000000",
    ], strict=True))  # fmt: skip
    return list({**values, **more}.values())


def csv_of(
    *rows: Sequence[str], headings: Sequence[str] = HEADINGS, encoding: str = "utf-8", delimiter: str = ","
) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([headings, *rows])
    return text.getvalue().encode(encoding)


def xlsx_of(*rows: Sequence[str], headings: Sequence[str] = HEADINGS) -> bytes:
    return cells.written([("服务", headings, rows)])


def read(data: bytes, name: str = "服务.csv") -> list[tuple[int, Any]]:
    return list(files.read(data, name, at=AT))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_csv_is_read_in_every_encoding_that_offices_write(encoding: str) -> None:
    ((number, service),) = read(csv_of(row("A-1", 姓名="群众𠮷"), encoding=encoding))
    assert number == 2
    assert isinstance(service, ServiceIn)
    assert service.applicant.name == "群众𠮷"
    assert (service.handling, service.case_state, service.applicant.kind, service.applicant.cert_type) == (
        "hall", 3, "person", "111",
    )  # fmt: skip
    assert service.served_at == datetime(2026, 11, 20, 7, 20, tzinfo=UTC)


def test_csv_and_workbook_say_the_same() -> None:
    rows = [row("A-1"), row("A-2", 办理方式="代办点", 机构代码="minan-agent-01", 窗口代码="01", 工号="")]
    assert read(csv_of(*rows)) == read(xlsx_of(*rows), "服务.xlsx")
    assert read(csv_of(*rows, delimiter="\t")) == read(csv_of(*rows, delimiter=";"))


def test_english_headings_codes_an_agent_and_foreign_columns_are_understood() -> None:
    headings = [
        "case_no", "service_no", "service_name", "item_code", "organization_code", "handling", "case_state", "served_at",
        "applicant.kind", "applicant_name", "applicant.cert_type", "applicant.cert_no", "流水号", "agent.kind", "agent.name",
        "agent.cert_type", "agent.cert_no",
    ]  # fmt: skip
    data = [
        "A-1", "2", "申报", ITEM, "minan-center", "online", "2", "2026-11-20T07:20:00Z", "legal", "虚构公司", "001", "X", "9",
        "person", "群众乙", "999", "1",
    ]  # fmt: skip
    ((_, service),) = read(csv_of(data, headings=headings))
    assert isinstance(service, ServiceIn)
    assert service.agent is not None and service.agent.name == "群众乙"
    assert service.served_at == FRIDAY
    assert service.window_code is None


@pytest.mark.parametrize(
    "text",
    ["2026-11-20 15:20", "2026/11/20 15:20:00", "2026年11月20日 15:20", "2026年11月20日15时20分", "20261120152000",
     "2026-11-20T15:20:00+08:00", "2026-11-20T07:20:00Z", "2026.11.20 15:20"],
)  # fmt: skip
def test_a_time_is_understood_as_it_is_written_and_is_beijing_without_a_zone(text: str) -> None:
    assert reading._moment(reading.COLUMNS[12], text) == FRIDAY  # 2026-11-20 is a Friday


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"服务时间": "2026-11-20"}, "服务时间：只有日期，没有时间"),
        ({"服务时间": "昨天下午"}, "服务时间：看不懂这个时间"),
        ({"服务时间": "2026-02-30 10:00"}, "服务时间：没有这个时间"),
        ({"服务序号": "一"}, "服务序号：应为整数"),
        ({"服务序号": "0"}, "服务序号：太小"),
        ({"办理方式": "电话"}, "办理方式：没有这一种。应为：实体大厅、便民代办点、自助终端、网上办理。"),
        ({"办件状态": "9"}, "办件状态：没有这一种。应为：待受理、已受理、已办结。"),
        ({"姓名": ""}, "姓名：没有填"),
        ({"手机号": "电话丢了"}, "手机号：含有不允许的字符"),
        ({"办件编号": "A" * 51}, "办件编号：太长，最多 50 个字"),
        ({"证件号码": "3.50213E+17"}, "证件号码：这一格被表格软件存成了数字"),
    ],
)
def test_what_is_wrong_is_named_by_its_heading_and_never_quoted(wrong: dict[str, str], said: str) -> None:
    ((number, problem),) = read(csv_of(row("A-1", **wrong)))
    assert number == 2
    assert isinstance(problem, Problem)
    assert problem.message.startswith(said)
    assert "群众甲" not in problem.message and "350213190001" not in problem.message


@pytest.mark.parametrize("dressed", ['="350213190001010011"', "'350213190001010011", "\t350213190001010011 "])
def test_the_dress_that_keeps_long_numbers_whole_is_taken_off(dressed: str) -> None:
    ((_, service),) = read(csv_of(row("A-1", 证件号码=dressed)))
    assert service.applicant.cert_no == "350213190001010011"


def test_dates_and_numbers_of_a_spreadsheet_are_read_as_they_look(tmp_path: Path) -> None:
    import xlsxwriter

    file = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet("Sheet1")
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, HEADINGS)
        for number in (1, 3):  # the third row of the sheet stays empty
            sheet.write_row(number, 0, row("A-1"))
            sheet.write_number(number, 1, number)
            sheet.write_number(number, 15, 13800000000)
        sheet.write_datetime(1, 10, datetime(2026, 11, 20, 15, 20), moment)  # noqa: DTZ001 -- a cell has no zone
        sheet.write_datetime(3, 10, datetime(2026, 11, 20), day)  # noqa: DTZ001
    (first, good), (second, bad) = read(file.read_bytes(), "a.xlsx")
    assert (first, second) == (2, 4)
    assert (good.served_at, good.service_no, good.applicant.phone) == (FRIDAY, 1, "13800000000")
    assert "只有日期" in bad.message


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b"", "a.csv", "没有内容"),
        (b"\xff\x00\x81\x20\xff", "a.csv", "文字编码"),
        (b"\xd0\xcf\x11\xe0 old", "a.xls", "不是 .xlsx 工作簿"),
        (csv_of(row("A-1")[1:], headings=HEADINGS[1:]), "a.csv", "缺少列：办件编号"),
        (csv_of([*row("A-1"), ""], headings=[*HEADINGS, "case_no"]), "a.csv", "列“办件编号”出现了两次"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_a_sentence(data: bytes, name: str, said: str) -> None:
    with pytest.raises(FileUnreadable) as refused:
        read(data, name)
    assert said in refused.value.message


def test_bad_rows_keep_the_good_ones_and_are_named_by_the_sheets_row(world: None, tmp_path: Path) -> None:
    file = tmp_path / "服务.csv"
    file.write_bytes(csv_of(
        row("A-1"), row("A-2", 服务时间="2026-11-20"), [""] * len(HEADINGS), row("A-3", 窗口代码="99"), row("A-4"),
        row("A-5", 机构代码="neighbour", 窗口代码="01", 工号=""), row("A-6", 受理时间="2026-11-20 16:00"),
    ))  # fmt: skip
    result = files.import_file(file, by=REPORTER, at=AT)
    assert (result.total, result.accepted) == (6, 2)
    assert [(bad.row, bad.code) for bad in result.bad] == [
        (3, "invalid_field"), (5, "unknown_code"), (7, "organization_out_of_scope"), (8, "times_out_of_order"),
    ]  # fmt: skip
    assert result.summary() == "共 6 行：收下 2 行，退回 4 行。"
    assert set(Service.objects.values_list("case_no", flat=True)) == {"A-1", "A-4"}


def test_the_same_file_again_makes_nothing_new_and_other_content_is_a_conflict(world: None) -> None:
    first = files.import_data(csv_of(row("A-1")), "a.csv", by=REPORTER, at=AT)
    again = files.import_data(xlsx_of(row("A-1")), "a.xlsx", by=REPORTER, at=AT)
    assert again.answers[0][1].service_id == first.answers[0][1].service_id
    other = files.import_data(csv_of(row("A-1", 窗口代码="05", 工号="w05")), "a.csv", by=REPORTER, at=AT)
    assert [bad.code for bad in other.bad] == ["service_conflict"]
    assert Service.objects.count() == 1


def test_a_large_file_goes_in_by_chunks(world: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "CHUNK", 40)
    rows = [row(f"A-{number}", 服务序号="1" if number != 70 else "x") for number in range(100)]
    result = files.import_data(csv_of(*rows), "a.csv", by=REPORTER, at=AT)
    assert (result.total, result.accepted) == (100, 99)
    assert [bad.row for bad in result.bad] == [72]
    assert [number for number, _ in result.answers] == list(range(2, 102))


def test_the_empty_form_has_every_heading_and_one_plainly_invented_row() -> None:
    ((number, service),) = read(files.template(), "form.xlsx")
    assert number == 2
    assert isinstance(service, ServiceIn)
    assert "请删去本行" in service.applicant.name


# --- the page ------------------------------------------------------------------------------------


@pytest.fixture
def client(world: None, settings: Any) -> Client:
    settings.ROOT_URLCONF = __name__
    client = Client()
    client.force_login(Account.objects.get(username="operator"), backend="django.contrib.auth.backends.ModelBackend")
    return client


def upload(client: Client, data: bytes) -> Any:
    file = SimpleUploadedFile("服务.csv", data)
    return client.post("/registry/services/import", {"step": "dry_run", "file": file})


def test_the_page_keeps_nothing_before_it_is_confirmed(client: Client) -> None:
    page = upload(client, csv_of(row("A-1"), row("A-2")))
    assert "共 2 行，可以收下 2 行" in page.content.decode()
    assert not Service.objects.exists()
    token = page.context["result"]["confirm_token"]
    waiting = home().path / "uploads" / token
    assert "群众甲".encode() not in waiting.read_bytes(), "what waits is sealed"
    done = client.post("/registry/services/import", {"step": "confirm", "confirm": token})
    assert done.status_code == 302
    assert Service.objects.count() == 2
    assert not waiting.exists()


def test_the_page_names_bad_rows_without_the_persons_in_them(client: Client) -> None:
    text = upload(client, csv_of(row("A-1"), row("A-2", 事项编码="X"))).content.decode()
    assert "有问题 1 行" in text and "没有事项“X”" in text
    assert "群众甲" not in text


def test_the_page_reports_only_for_organisations_within_the_scope(client: Client) -> None:
    data = csv_of(row("A-1", 机构代码="neighbour", 窗口代码="01", 工号=""))
    assert "有问题 1 行" in upload(client, data).content.decode()


def test_who_may_not_import_the_registry_may_not_import_services(client: Client) -> None:
    other = Client()
    other.force_login(Account.objects.get(username="reviewer"), backend="django.contrib.auth.backends.ModelBackend")
    assert other.get("/registry/services/import").status_code == 403
    assert client.get("/registry/services/import").status_code == 200
    assert client.get("/registry/services/form.xlsx").content[:2] == b"PK"
