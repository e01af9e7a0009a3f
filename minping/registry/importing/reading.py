"""A workbook or a folder of YAML becomes a Book: rows of text, with what was wrong already in reading them."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from minping.registry.importing import cells
from minping.registry.importing.cells import FileUnreadable
from minping.registry.importing.sheets import BY_NAME, BY_TITLE, SHEETS, Column, Sheet

Value = str | tuple[str, ...]

NOTES = ("说明", "填表说明", "readme")  # sheets for people: not read
NOT_OURS = ("accounts.yaml",)  # stands beside the demonstration's registry
SEPARATORS = re.compile(r"[、，,;；\s]+")


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be imported: where it stands, and why, with what to do (Chinese, one sentence or two)."""

    sheet: str
    row: int
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it was written; `number` is the sheet's row, or the line in a YAML file."""

    number: int
    values: dict[str, Value]


@dataclass
class Book:
    """What a file says: rows per sheet that it has (by name), and what could not even be read.

    `broken` names the sheets whose rows are unknown, so that nobody blames others for pointing into them.
    """

    source: str
    rows: dict[str, list[Row]] = field(default_factory=dict)
    bad: list[BadRow] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    @property
    def digest(self) -> str:
        """Content address of what the file says (SHA-256, hex)."""
        said = {
            name: [{c.name: row.values[c.name] for c in BY_NAME[name].in_file} for row in rows]
            for name, rows in sorted(self.rows.items())
        }
        return hashlib.sha256(json.dumps(said, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def read(path: Path) -> Book:
    """The workbook or the folder at `path`.  Raises FileUnreadable; faults of single rows are in `Book.bad`."""
    if path.is_dir():
        return _folder(path)
    try:
        data = path.read_bytes()
    except OSError as absent:
        raise FileUnreadable(
            f"打不开“{path.name}”。", cure="请核对路径，它应是 .xlsx 工作簿或 YAML 文件夹。"
        ) from absent
    return read_workbook(data, path.name)


def read_workbook(data: bytes, name: str) -> Book:
    """The workbook in `data`, called `name` in the journal.  Raises FileUnreadable."""
    book = Book(name)
    for title, lines in cells.workbook(data).items():
        if title.lower() in NOTES:
            continue
        sheet = BY_TITLE.get(title) or BY_NAME.get(title.lower())
        if sheet is None:
            book.bad.append(
                BadRow(title, 1, "", f"不认识工作表“{title}”。应为：{_titles()}；说明文字请放在“说明”表里。")
            )
        elif len(lines) > 1:  # headings alone are an unused form, not the wish to retire everything
            _sheet(book, sheet, lines)
    if not book.rows and not book.bad:
        raise FileUnreadable("工作簿里没有内容。", cure=f"至少要有一张表：{_titles()}，第一行是列名。")
    return book


def _titles() -> str:
    return "、".join(sheet.title for sheet in SHEETS)


def _sheet(book: Book, sheet: Sheet, lines: list[cells.Line]) -> None:
    top = lines[0]
    known = {name: column for column in sheet.in_file for name in (column.name, cells.heading(column.heading))}
    columns: dict[int, Column] = {}
    rows = book.rows.setdefault(sheet.name, [])
    for place, text in enumerate(top.cells):
        if not text:
            continue
        column = known.get(cells.heading(text)) or known.get(text.strip().lower())
        wrong = ""
        if column is None:
            wrong = f"不认识列“{text}”。这张表的列是：{'、'.join(c.heading for c in sheet.in_file)}。"
        elif column in columns.values():
            wrong = f"列“{text}”出现了两次。请删去一列。"
        if wrong:
            book.bad.append(BadRow(sheet.title, top.number, text, wrong))
        elif column is not None:
            columns[place] = column
    missing = [c.heading for c in sheet.in_file if c.required and c not in columns.values()]
    if missing:
        book.broken.add(sheet.name)
        reason = f"缺少列：{'、'.join(missing)}。请补上列名，或从空表模板重新填。"
        book.bad.append(BadRow(sheet.title, top.number, missing[0], reason))
        return
    for line in lines[1:]:
        values: dict[str, Value] = {column.name: _plain(column, "") for column in sheet.in_file}
        for place, column in columns.items():
            values[column.name] = _plain(column, line.cells[place] if place < len(line.cells) else "")
            if place in line.broken:
                book.bad.append(BadRow(sheet.title, line.number, column.heading, line.broken[place]))
        rows.append(Row(line.number, values))


def _plain(column: Column, text: str | Iterable[str]) -> Value:
    """A value as it is compared and stored: trimmed, codes in half-width, a list as a tuple, a choice as its code."""
    if column.many:
        parts = SEPARATORS.split(text) if isinstance(text, str) else text
        return tuple(dict.fromkeys(_half(part) for part in parts if part.strip()))
    assert isinstance(text, str)
    text = _half(text) if column.is_code or column.choices else text.strip()
    by_label = {label: code for code, label in column.choices.items()}
    return by_label.get(text, text)


def _half(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()


# --- a folder ------------------------------------------------------------------------------------


def _folder(path: Path) -> Book:
    book = Book(path.name)
    for file in sorted([*path.glob("*.yaml"), *path.glob("*.yml")]):
        if file.name in NOT_OURS:
            continue
        sheet = BY_NAME.get(file.stem)
        if sheet is None:
            wanted = "、".join(f"{name}.yaml" for name in BY_NAME)
            book.bad.append(BadRow(file.name, 1, "", f"不认识文件“{file.name}”。应为：{wanted}。"))
            continue
        _file(book, sheet, file)
    if not book.rows and not book.bad:
        raise FileUnreadable(
            "文件夹里没有登记簿文件。", cure=f"应有：{'、'.join(f'{name}.yaml' for name in BY_NAME)}。"
        )
    return book


def _file(book: Book, sheet: Sheet, file: Path) -> None:
    """Read by node, not by value: each row keeps its line, and 01 stays 01."""
    book.rows.setdefault(sheet.name, [])
    where = sheet.title
    try:
        node = yaml.compose(file.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as broken:
        mark = getattr(broken, "problem_mark", None)
        book.broken.add(sheet.name)
        reason = f"{file.name} 不是能读的 YAML（UTF-8）。请核对这一行附近的缩进、冒号和引号。"
        book.bad.append(BadRow(where, mark.line + 1 if mark else 1, "", reason))
        return
    if node is None or (isinstance(node, yaml.ScalarNode) and not node.value):
        return
    if not isinstance(node, yaml.SequenceNode):
        book.broken.add(sheet.name)
        book.bad.append(BadRow(where, 1, "", f"{file.name} 应是一个列表，每行以“- ”开头。"))
        return
    for entry in node.value:
        number = entry.start_mark.line + 1
        if not isinstance(entry, yaml.MappingNode):
            book.bad.append(BadRow(where, number, "", "应写成“列名: 值”。"))
            continue
        book.rows[sheet.name].append(Row(number, dict(_entry(book, sheet, entry))))


def _entry(book: Book, sheet: Sheet, entry: yaml.MappingNode) -> Iterator[tuple[str, Value]]:
    known = {name: column for column in sheet.in_file for name in (column.name, column.heading)}
    seen: dict[str, Value] = {column.name: _plain(column, "") for column in sheet.in_file}
    given: set[str] = set()
    for key, value in entry.value:
        line = key.start_mark.line + 1
        column = known.get(str(key.value))
        if column is None:
            columns = "、".join(c.name for c in sheet.in_file)
            book.bad.append(BadRow(sheet.title, line, str(key.value), f"不认识“{key.value}”。可用：{columns}。"))
        elif column.name in given:
            book.bad.append(BadRow(sheet.title, line, column.heading, f"“{key.value}”写了两次。请删去一处。"))
        elif isinstance(value, yaml.ScalarNode):
            seen[column.name] = _plain(column, "" if value.value in ("~", "null") else value.value)
        elif column.many and isinstance(value, yaml.SequenceNode):
            seen[column.name] = _plain(column, [str(part.value) for part in value.value])
        else:
            book.bad.append(BadRow(sheet.title, line, column.heading, f"“{column.heading}”应是文字。"))
        if column is not None:
            given.add(column.name)
    yield from seen.items()
