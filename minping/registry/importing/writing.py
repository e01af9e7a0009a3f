"""A Book as a workbook: the registry as it is, to be edited and imported again, and the empty form."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from minping.registry.importing import cells
from minping.registry.importing.checking import stored
from minping.registry.importing.reading import Book, Row
from minping.registry.importing.sheets import SHEETS, Column

HOW = (
    "每张表第一行是列名，一行一条；不用的表整张删去，或只留列名：文件里没有的表不动。",
    "文件里有的表，以文件为准：没有写进来的旧行会停用（不删除），再写进来就恢复。",
    "代码一律是文本，01 不要写成 1。人员只写岗位称呼，不写真名。",
    "先试导入，看清要新增、更改、停用哪些，再确认。有一行不对，就一行也不导入。",
)


def current(organizations: Collection[str] | None = None) -> Book:
    """What is live in the registry, in the words of a file (`organizations`: only of these codes)."""
    book = Book("registry.xlsx")
    rows = stored()
    for sheet in SHEETS:
        live = [
            was.values
            for key, was in sorted(rows[sheet.name].items())
            if was.live and (organizations is None or not sheet.by_organization or key[0] in organizations)
        ]
        book.rows[sheet.name] = [Row(number, values) for number, values in enumerate(live, start=2)]
    return book


def workbook(book: Book) -> bytes:
    """`book` as .xlsx; sheets that it does not have are left out."""
    return cells.written(
        [
            (
                sheet.title,
                [column.heading for column in sheet.in_file],
                [[_cell(column, row.values[column.name]) for column in sheet.in_file] for row in book.rows[sheet.name]],
            )
            for sheet in SHEETS
            if sheet.name in book.rows
        ]
    )


def form() -> bytes:
    """The empty form with a sheet 说明 that says what each column wants."""
    rows = [[line, "", "", ""] for line in HOW]
    rows += [
        [sheet.title, column.heading, "必填" if column.required else "选填", _wants(column)]
        for sheet in SHEETS
        for column in sheet.in_file
    ]
    sheets: list[tuple[str, list[str], list[list[str]]]] = [
        (sheet.title, [column.heading for column in sheet.in_file], []) for sheet in SHEETS
    ]
    return cells.written([("说明", ["表", "列", "是否必填", "怎么填"], rows), *sheets])


def _wants(column: Column) -> str:
    if column.choices:
        return "、".join(column.choices.values())
    return column.shape if column.is_code else f"最多 {column.longest} 个字"


def _cell(column: Column, value: Any) -> str:
    return "、".join(value) if isinstance(value, tuple) else column.shown(value)
