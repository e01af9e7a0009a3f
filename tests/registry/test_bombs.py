"""Attacks with a workbook: small on the wire, without end once unpacked.  Refused in a sentence, in little time and memory."""

from __future__ import annotations

import io
import time
import tracemalloc
import zipfile
from typing import Any

import pytest

from minping.registry.importing import cells

SHEET = "xl/worksheets/sheet1.xml"
ROW = '<row r="{n}"><c r="XFD{n}" t="inlineStr"><is><t>x</t></is></c></row>'


def altered(member: str, content: bytes, *, told: int | None = None) -> bytes:
    """A sound workbook with one member replaced; `told`: the size that its directory gives instead of the true one."""
    sound, stream = cells.written([("服务", ["甲"], [["1"]])]), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sound)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, content if info.filename == member else old.read(info))
        if told is not None:
            new.getinfo(member).file_size = told
    return stream.getvalue()


def refused(data: bytes) -> str:
    tracemalloc.start()
    begun = time.monotonic()
    try:
        with pytest.raises(cells.FileUnreadable) as told:
            cells.workbook(data)
        assert time.monotonic() - begun < 20
        assert tracemalloc.get_traced_memory()[1] < 150 * 2**20
    finally:
        tracemalloc.stop()
    return f"{told.value.message}{told.value.cure}"


def test_a_bomb_is_refused_before_it_is_unpacked_and_the_sentence_says_what_to_do(settings: Any) -> None:
    settings.MINPING_IMPORT_UNPACKED = 3 * 2**20
    data = altered(SHEET, b" " * (4 * 2**20))
    assert len(data) < 20_000
    assert refused(data) == "这个工作簿展开后超过 3 MB，没有读。请删掉没有内容的行和列，或者分成几个文件再导入。"


def test_a_bomb_that_lies_about_its_size_is_read_no_further_than_it_says(settings: Any) -> None:
    settings.MINPING_IMPORT_UNPACKED = 3 * 2**20
    assert "文件已损坏" in refused(altered(SHEET, b" " * (64 * 2**20), told=1000))


def test_a_cell_at_the_far_right_of_each_row_does_not_become_millions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "CELLS_MOST", 200_000)
    rows = "".join(ROW.format(n=n) for n in range(1, 40))
    sheet = f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{rows}</sheetData></worksheet>'
    assert "超过 20 万格" in refused(altered(SHEET, sheet.encode()))


def test_a_package_of_thousands_of_members_is_refused() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as package:
        for number in range(cells.MEMBERS_MOST + 1):
            package.writestr(f"{number}.xml", b"")
    assert "展开后超过" in refused(stream.getvalue())


def test_a_usual_workbook_is_read_as_before(settings: Any) -> None:
    settings.MINPING_IMPORT_UNPACKED = 3 * 2**20
    sheets = cells.workbook(cells.written([("服务", ["甲", "乙"], [["1", ""], ["", "2"]])]))
    assert [line.cells for line in sheets["服务"]] == [("甲", "乙"), ("1",), ("", "2")]
