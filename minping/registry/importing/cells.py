"""Spreadsheets as plain rows of text: what people's programs write, made harmless before anyone judges it.

The registry's import and the import of services (minping/evaluate/files.py) both read
through this module.  It knows the traps of the trade: a long number that a spreadsheet
keeps as a float and so has lost its last digits, a formula without a value, a date
without a time, a text file in GB18030.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings

from minping.kernel.errors import Problem

MEMBERS_MOST = 2000
CELLS_MOST = 5_000_000  # of a workbook: one cell at the far right makes a row of 16,384
EXACT = 10**15  # a spreadsheet keeps whole numbers exactly below this

LOST_DIGITS = "这一格被表格软件存成了数字，末尾几位已经丢失。请把整列设为“文本”格式，再重新粘贴。"
TOO_LARGE = "这个工作簿展开后超过 {} MB，没有读。"
TOO_WIDE = "这个工作簿超过 {} 万格，没有读完，什么也没有导入。"
IN_PARTS = "请删掉没有内容的行和列，或者分成几个文件再导入。"
FORMULA_BROKEN = "这一格是算不出的公式。请改成文字。"


class FileUnreadable(Problem):
    code = "file_unreadable"
    status = 422
    message = "这个文件读不了。"
    cure = "请另存为 .xlsx 工作簿后重试。"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a sheet: `number` as the spreadsheet shows it, `broken` names cells that lie by their column."""

    number: int
    cells: tuple[str, ...]
    broken: dict[int, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return not any(self.cells) and not self.broken


def workbook(data: bytes) -> dict[str, list[Line]]:
    """The sheets of an .xlsx by title, each without its empty rows.  Raises FileUnreadable."""
    import openpyxl  # large: read by whoever opens a workbook, not by every process

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            members = package.infolist()
        # What the directory of the file says is what is read at most: a larger member ends in an error.
        if (
            len(members) > MEMBERS_MOST
            or sum(member.file_size for member in members) > settings.MINPING_IMPORT_UNPACKED
        ):
            raise FileUnreadable(TOO_LARGE.format(settings.MINPING_IMPORT_UNPACKED // 2**20), cure=IN_PARTS)
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except FileUnreadable:
        raise
    except Exception as broken:  # openpyxl lets through whatever its parsers raise on a damaged file
        raise FileUnreadable("这不是 .xlsx 工作簿，或者文件已损坏。") from broken
    sheets: dict[str, list[Line]] = {}
    left = CELLS_MOST
    try:
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # some programs write a wrong extent
            lines = sheets[sheet.title.strip()] = []
            for line in _lines(sheet.iter_rows()):
                left -= len(line.cells) + 1
                if left < 0:
                    raise FileUnreadable(TOO_WIDE.format(CELLS_MOST // 10_000), cure=IN_PARTS)
                if not line.empty:
                    lines.append(line)
    except FileUnreadable:
        raise
    except Exception as broken:
        raise FileUnreadable("这个工作簿读到一半出错，文件可能已损坏。") from broken
    finally:
        book.close()
    return sheets


def _lines(rows: Any) -> Iterator[Line]:
    for number, row in enumerate(rows, start=1):
        broken: dict[int, str] = {}
        cells = []
        for column, cell in enumerate(row):
            text, wrong = _text(cell)
            cells.append(text)
            if wrong:
                broken[column] = wrong
        yield Line(number, tuple(cells), broken)


def _text(cell: Any) -> tuple[str, str]:
    """A cell as text, and what is wrong with it."""
    value = cell.value
    if value is None:
        return "", ""
    if isinstance(value, bool):
        return ("是" if value else "否"), ""
    if isinstance(value, (int, float)):
        if abs(value) >= EXACT:
            return "", LOST_DIGITS
        if value != int(value):
            return repr(value), ""
        zeros = re.fullmatch("0{2,40}", str(cell.number_format or ""))
        return str(int(value)).zfill(len(zeros[0]) if zeros else 0), ""
    if isinstance(value, datetime):
        value = (value + timedelta(milliseconds=500)).replace(microsecond=0)
        dated = value.time() == time() and "h" not in str(cell.number_format).lower()
        return (value.date().isoformat() if dated else value.isoformat(" ")), ""
    if isinstance(value, (date, time)):
        return value.isoformat(), ""
    if cell.data_type == "e":
        return "", FORMULA_BROKEN
    return str(value).strip(), ""


def text_table(data: bytes) -> list[Line]:
    """A CSV (comma, semicolon or tab) in UTF-8, UTF-16 with its mark, or GB18030.  Raises FileUnreadable."""
    text = _decoded(data)
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t，", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as broken:
        raise FileUnreadable("这个 CSV 文件的引号或换行不成对。") from broken
    lines = []
    for number, row in enumerate(rows, start=1):
        broken_cells = {i: LOST_DIGITS for i, cell in enumerate(row) if re.fullmatch(r"\d\.\d+[eE]\+\d+", cell.strip())}
        cells = tuple("" if i in broken_cells else _unquoted(cell) for i, cell in enumerate(row))
        lines.append(Line(number, cells, broken_cells))
    return [line for line in lines if not line.empty]


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileUnreadable("看不出这个文件的文字编码。", cure="请另存为“CSV UTF-8”或 .xlsx 后重试。")


def _unquoted(cell: str) -> str:
    """Without the dress that keeps digits whole in a spreadsheet: ="0123" and '0123."""
    cell = cell.strip()
    dressed = re.fullmatch(r'="(.*)"', cell, re.DOTALL)
    return dressed[1].strip() if dressed else cell.removeprefix("'").strip()


def heading(text: str) -> str:
    """A heading as it is compared: without blanks, stars and what stands in brackets."""
    return re.sub(r"[\s*＊]|（.*?）|\(.*?\)", "", text)


def written(sheets: Sequence[tuple[str, Sequence[str], Sequence[Sequence[str]]]]) -> bytes:
    """An .xlsx of (title, headings, rows), every column formatted as text so that codes keep their zeros."""
    import xlsxwriter

    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        text = book.add_format({"num_format": "@"})
        bold = book.add_format({"num_format": "@", "bold": True, "bg_color": "#E3EFF6"})
        for title, headings, rows in sheets:
            sheet = book.add_worksheet(title)
            sheet.freeze_panes(1, 0)
            for column, name in enumerate(headings):
                longest = max([len(name) * 2, *(len(row[column]) for row in rows[:200])])
                sheet.set_column(column, column, min(max(longest + 2, 10), 48), text)
                sheet.write_string(0, column, name, bold)
            for number, row in enumerate(rows, start=1):
                for column, value in enumerate(row):
                    if value:
                        sheet.write_string(number, column, value, text)
    return stream.getvalue()
