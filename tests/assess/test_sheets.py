"""An export says what the page says, to the last character, and runs nothing on the reader's machine."""

from __future__ import annotations

import csv
import io

import openpyxl
import pytest

from minping.assess.sheets import Sheet, csv_text, harmless, workbook

WORDS = [
    "=1+1", "+8613800000000", "-2", "@SUM(A1)", "＝1+1", "\t=1+1", " =1+1", "谢谢。", "第一行\n第二行", "“引号”,逗号",
    "🙂 生僻字𠮷", "0012", "https://example.invalid/a", "",
]  # fmt: skip


@pytest.mark.parametrize("words", WORDS[:7])
def test_a_text_that_would_run_as_a_formula_is_made_harmless_in_csv(words: str) -> None:
    assert harmless(words) == f"'{words}"


@pytest.mark.parametrize("words", WORDS[7:])
def test_any_other_text_stays_as_it_is(words: str) -> None:
    assert harmless(words) == words


def test_numbers_stay_numbers() -> None:
    assert harmless(-3) == -3


def test_the_csv_reads_back_as_written() -> None:
    text = csv_text([Sheet("甲", ("词",), [(word,) for word in WORDS])])
    assert text.startswith("\ufeff词\r\n")
    read = [row[0] if row else "" for row in csv.reader(io.StringIO(text[1:], newline=""))][1:]
    assert read == [harmless(word) for word in WORDS]


def test_the_workbook_keeps_every_text_as_text() -> None:
    content = workbook([Sheet("甲/乙", ("词", "数"), [(word, number) for number, word in enumerate(WORDS)])])
    page = openpyxl.load_workbook(io.BytesIO(content)).active
    assert page is not None
    rows = list(page.iter_rows(min_row=2))
    assert [row[0].value or "" for row in rows] == WORDS
    assert {row[0].data_type for row in rows if row[0].value} == {"s"}
    assert [row[1].value for row in rows] == list(range(len(WORDS)))
    assert not any(row[0].hyperlink for row in rows)


def test_several_tables_stand_one_below_the_other_under_their_titles() -> None:
    text = csv_text([Sheet("甲", ("一",), [(1,)]), Sheet("乙", ("二",), [(2,)])])
    assert text == "\ufeff甲\r\n一\r\n1\r\n\r\n乙\r\n二\r\n2\r\n"
