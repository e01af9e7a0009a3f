"""A table as a page, a CSV and a workbook show it: made once, written three ways, so they cannot differ."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xlsxwriter

Cell = str | int | float | None
# What a spreadsheet takes for the beginning of a formula, in half and full width.
FORMULA = tuple("=+-@＝＋－＠")
BOM = "\ufeff"  # without it the office's spreadsheet reads UTF-8 as GBK


@dataclass(frozen=True)
class Sheet:
    """A title, the heads, and the rows."""

    title: str
    heads: tuple[str, ...]
    rows: Iterable[Sequence[Cell]]


def harmless(cell: Cell) -> Cell:
    """A text that a spreadsheet would run as a formula gets an apostrophe in front; all else stays as it is.

    Needed in CSV only, which knows no types; in a workbook a text is a text, to the last character.
    """
    if not isinstance(cell, str):
        return cell
    if cell.lstrip(" \t\r\n\u3000").startswith(FORMULA) or cell[:1] in ("\t", "\r", "\n"):
        return f"'{cell}"
    return cell


def csv_text(sheets: Sequence[Sheet]) -> str:
    """One table as plain CSV; several one below the other, each under its title, a blank line between."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for number, sheet in enumerate(sheets):
        if len(sheets) > 1:
            if number:
                writer.writerow([])
            writer.writerow([harmless(sheet.title)])
        writer.writerow(sheet.heads)
        for row in sheet.rows:
            writer.writerow([harmless(cell) for cell in row])
    return BOM + buffer.getvalue()


def workbook(sheets: Iterable[Sheet]) -> bytes:
    """The tables as an XLSX, one sheet each; texts as texts, whatever they begin with."""
    import xlsxwriter  # read by whoever writes a workbook, not by every process

    target = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(target, options) as book:
        head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        body = book.add_format({"text_wrap": True, "valign": "top"})
        for number, sheet in enumerate(sheets, start=1):
            page = book.add_worksheet(_name(sheet.title, number))
            for column, text in enumerate(sheet.heads):
                page.write_string(0, column, text, head)
            page.freeze_panes(1, 0)
            page.set_column(0, max(0, len(sheet.heads) - 1), 18)
            for offset, row in enumerate(sheet.rows, start=1):
                for column, cell in enumerate(row):
                    _write(page, offset, column, cell, body)
    return target.getvalue()


def _write(page: xlsxwriter.worksheet.Worksheet, line: int, column: int, cell: Cell, body: object) -> None:
    if cell is None:
        return
    if isinstance(cell, str):
        page.write_string(line, column, cell, body)
    else:
        page.write_number(line, column, cell, body)


def _name(title: str, number: int) -> str:
    """A sheet's name: at most 31 characters, without those that a workbook forbids."""
    return f"{number} {''.join(c for c in title if c not in '[]:*?/' + chr(92))}"[:31].strip("'")
