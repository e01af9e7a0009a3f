"""A spreadsheet's rows as services: the words of offices translated into the schema of the API."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.conf import settings
from pydantic import BaseModel, ValidationError

from minping import law
from minping.evaluate.schemas import RowInvalid, ServiceIn, problem_of
from minping.kernel import clock
from minping.kernel.errors import Problem
from minping.registry.importing import cells
from minping.registry.importing.cells import FileUnreadable, Line

# Words of offices for what the law folder calls otherwise.
ALSO = {
    "handling": {
        "大厅": "hall",
        "窗口": "hall",
        "代办点": "agent_point",
        "终端": "terminal",
        "网上": "online",
        "线上": "online",
    },
    "applicant.kind": {"个人": "person", "法人": "legal", "企业": "legal"},
    "applicant.cert_type": {"身份证": "111", "护照": "414", "统一社会信用代码": "001"},
    "case_state": {"待受理": "1", "已受理": "2", "已办结": "3"},
}
# And for our headings.
ALSO_HEADED = {"来件编号": ("工单编号", "工单号")}


@dataclass(frozen=True)
class Column:
    """One column: the field it fills, its heading, an invented example, and how its text is read."""

    field: str
    heading: str
    example: str = ""
    required: bool = False
    kind: str = "text"  # text, number, moment, choice

    @property
    def names(self) -> tuple[str, ...]:
        """Headings it answers to: 办件编号, case_no, applicant.name, applicant_name."""
        return (self.heading, self.field, self.field.replace(".", "_"), *ALSO_HEADED.get(self.heading, ()))


COLUMNS = (
    Column("case_no", "办件编号", "YL20260101-0001", True),
    Column("service_no", "服务序号", "1", True, "number"),
    Column("service_name", "服务名称", "办结", True),
    Column("item_code", "事项编码", "XN35021300520MINPINGDEMO2026001", True),
    Column("item_name", "事项名称", "城乡居民基本医疗保险参保登记"),
    Column("organization_code", "机构代码", "minan-center", True),
    Column("window_code", "窗口代码", "03"),
    Column("staff_code", "工号", "w03"),
    Column("handling", "办理方式", "大厅", True, "choice"),
    Column("case_state", "办件状态", "已办结", True, "choice"),
    Column("package_no", "套餐号"),
    Column("accepted_at", "受理时间", "2026-01-05 09:10", False, "moment"),
    Column("served_at", "服务时间", "2026-01-05 09:30", True, "moment"),
    Column("finished_at", "办结时间", "2026-01-05 09:30", False, "moment"),
    Column("applicant.kind", "申请人类别", "个人", True, "choice"),
    Column("applicant.name", "姓名", "样例甲（请删去本行）", True),
    Column("applicant.cert_type", "证件类型", "居民身份证", True, "choice"),
    Column("applicant.cert_no", "证件号码", "350213190001010011", True),
    Column("applicant.phone", "手机号", "13800000000"),
    Column("agent.kind", "代办人类别", "", False, "choice"),
    Column("agent.name", "代办人姓名"),
    Column("agent.cert_type", "代办人证件类型", "", False, "choice"),
    Column("agent.cert_no", "代办人证件号码"),
    Column("agent.phone", "代办人手机号"),
)
Row = TypeVar("Row", bound=BaseModel)
Words = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Form(Generic[Row]):
    """One kind of file: its title, its columns, what a row becomes, and by which fields a bad row is told."""

    title: str
    columns: tuple[Column, ...]
    shape: type[Row]
    named: tuple[str, ...]

    @property
    def headings(self) -> dict[str, str]:
        return {column.field: column.heading for column in self.columns}

    def template(self) -> bytes:
        """An .xlsx with the headings and one plainly invented row; a second sheet says what each column wants."""
        notes = [[column.heading, "必填" if column.required else "选填", column.field] for column in self.columns]
        return cells.written(
            [
                (self.title, list(self.headings.values()), [[column.example for column in self.columns]]),
                ("说明", ["列", "是否必填", "英文列名"], notes),
            ]
        )


SERVICE = Form("服务", COLUMNS, ServiceIn, ("case_no", "service_no"))


def read(data: bytes, name: str, *, at: datetime) -> list[tuple[int, ServiceIn | Problem]]:
    """The rows of a file with their numbers in the sheet (first data row 2), each a service or what is wrong.

    Times without a zone are Beijing.  The words for choices are those of the law on the
    day of `at`.  Raises FileUnreadable where no row can be read: format, encoding, headings.
    """
    return read_rows(data, name, SERVICE, _words(at))


def read_rows(data: bytes, name: str, form: Form[Row], words: Words) -> list[tuple[int, Row | Problem]]:
    """The rows of a file in any form, with their numbers in the sheet.  Raises FileUnreadable."""
    if data[:4] == b"PK\x03\x04":
        sheets = cells.workbook(data)
        lines = next((sheet for sheet in sheets.values() if sheet), [])
    elif name.lower().endswith((".xls", ".xlsx", ".et")):
        raise FileUnreadable("这不是 .xlsx 工作簿，或者文件已损坏。")
    else:
        lines = cells.text_table(data)
    if not lines:
        raise FileUnreadable("文件里没有内容。", cure="第一行应是列名，可下载空表模板。")
    columns = _headings(lines[0], form.columns)
    return [(line.number, _row(line, columns, words, form)) for line in lines[1:]]


def _headings(top: Line, wanted: Sequence[Column]) -> dict[int, Column]:
    """Which column stands where.  Columns that are not ours stay unread: exports have many."""
    known = {cells.heading(name).lower(): column for column in wanted for name in column.names}
    columns: dict[int, Column] = {}
    for place, text in enumerate(top.cells):
        column = known.get(cells.heading(text).lower())
        if column is None:
            continue
        if column in columns.values():
            raise FileUnreadable(f"列“{column.heading}”出现了两次。", cure="请删去一列。")
        columns[place] = column
    missing = [column.heading for column in wanted if column.required and column not in columns.values()]
    if missing:
        raise FileUnreadable(f"缺少列：{'、'.join(missing)}。", cure="请对照空表模板补上列名。")
    return columns


def certificate_words(at: datetime) -> dict[str, str]:
    """Kinds of certificates by code, by the law's label, and by what offices also say."""
    rules = law.at(settings.MINPING_AREA, clock.beijing(at).date())
    return _known(rules.certificates, "applicant.cert_type")


def _known(rows: Mapping[str, Any], field: str) -> dict[str, str]:
    return {**{row.label: code for code, row in rows.items()}, **{code: code for code in rows}, **ALSO[field]}


def _words(at: datetime) -> dict[str, dict[str, str]]:
    """For each choice: code by code, by the law's label, and by what offices also say."""
    rules = law.at(settings.MINPING_AREA, clock.beijing(at).date())
    known: dict[str, Mapping[str, Any]] = {
        "handling": rules.handlings,
        "applicant.kind": rules.applicants,
        "applicant.cert_type": rules.certificates,
    }
    words = {field: _known(rows, field) for field, rows in known.items()}
    words["case_state"] = {**ALSO["case_state"], "1": "1", "2": "2", "3": "3"}
    words["agent.kind"] = words["applicant.kind"]
    words["agent.cert_type"] = words["applicant.cert_type"]
    return words


def _row(line: Line, columns: Mapping[int, Column], words: Words, form: Form[Row]) -> Row | Problem:
    given: dict[str, Any] = {}
    said: dict[str, Any] = {}
    try:
        for place, column in columns.items():
            if place in line.broken:
                raise _wrong(column, line.broken[place])
            text = line.cells[place] if place < len(line.cells) else ""
            if text:
                part, _, field = column.field.rpartition(".")
                value = _value(column, text, words)
                (given.setdefault(part, {}) if part else given)[field] = value
                if column.field in form.named:
                    said[field] = value
            elif column.required:
                raise _wrong(column, "没有填。请补上。")
        return form.shape.model_validate(given)
    except ValidationError as failure:
        problem: Problem = problem_of(failure)
        heading = form.headings.get(problem.field or "", "")
        if heading:
            problem.message = heading + problem.message.removeprefix(problem.field or "")
    except RowInvalid as wrong:
        problem = wrong
    problem.detail = said  # which service it would have been, for the answer
    return problem


def _wrong(column: Column, reason: str) -> RowInvalid:
    return RowInvalid(f"{column.heading}：{reason}", field=column.field)


def _value(column: Column, text: str, words: Words) -> Any:
    if column.kind == "number":
        if not re.fullmatch(r"\d{1,9}", text):
            raise _wrong(column, "应为整数。")
        return int(text)
    if column.kind == "moment":
        return _moment(column, text)
    if column.kind == "choice":
        known = words[column.field]
        if text not in known:
            labels: dict[str, str] = {}
            for label, code in known.items():
                if label != code:
                    labels.setdefault(code, label)
            raise _wrong(column, f"没有这一种。应为：{'、'.join(labels.values())}。")
        return int(known[text]) if column.field == "case_state" else known[text]
    return text


_MOMENT = re.compile(
    r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?[ T　]*(?:(\d{1,2})[:：时]?(\d{2})分?(?:[:：]?(\d{2})(?:\.\d+)?秒?)?)?"
    r"\s*(Z|[+-]\d{2}:?\d{2})?"
)


def _moment(column: Column, text: str) -> datetime:
    parts = _MOMENT.fullmatch(text)
    if parts is None:
        raise _wrong(column, "看不懂这个时间。请写成 2026-11-23 15:20。")
    year, month, day, hour, minute, second, zone = parts.groups()
    if hour is None:
        raise _wrong(column, "只有日期，没有时间。请写成 2026-11-23 15:20。")
    try:
        stated = datetime.fromisoformat(f"2026-01-01T00:00{zone}").tzinfo if zone else clock.BEIJING
        return datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0), tzinfo=stated)
    except ValueError as impossible:
        raise _wrong(column, "没有这个时间。请核对年月日和时分。") from impossible


template = SERVICE.template
