"""Every table in one box: cards on a phone, each cell behind the word of its column; a table all the same to who listens."""

from __future__ import annotations

import re
from pathlib import Path

from django.template import engines

ROOT = Path(__file__).resolve().parents[2] / "minping"
HEAD = "<thead><tr>{}</tr></thead>"


def shown(heads: list[str], row: str) -> str:
    columns = "".join(f'<th scope="col">{head}</th>' for head in heads)
    source = f'{{% table "甲" %}}<table><thead><tr>{columns}</tr></thead><tbody><tr>{row}</tr></tbody></table>{{% endtable %}}'
    return engines["django"].from_string(source).render({"words": '<b>"乙"</b>'})


def test_each_cell_carries_the_word_of_its_column() -> None:
    page = shown(
        ["编号", "单位", "状态", '<span class="unseen">操作</span>'],
        '<th scope="row">1</th><td class="r">二</td><td>三</td><td>四</td>',
    )
    assert page.startswith('<div class="scroll stacks" tabindex="0" role="region" aria-label="甲（表）">')
    for cell in ('scope="row" role="rowheader" data-label="编号">1', 'class="r" role="cell" data-label="单位">二',
                 'role="cell" data-label="状态">三', 'role="cell" data-label="">四'):  # fmt: skip
        assert cell in page, cell
    for role in ("table", "rowgroup", "row", "columnheader"):
        assert f'role="{role}"' in page, role


def test_a_table_of_few_columns_stays_one_unless_it_is_all_words() -> None:
    row = "<td>一</td><td>二</td><td>三</td>"
    assert "data-label" in shown(["甲", "乙", "丙"], row)
    source = HEAD.format('<th scope="col">甲</th><th scope="col" class="r">乙</th><th scope="col">丙</th>')
    page = engines["django"].from_string(
        f'{{% table "甲" %}}<table>{source}<tbody><tr>{row}</tr></tbody></table>{{% endtable %}}'
    )
    shown_as = page.render({})
    assert 'class="scroll"' in shown_as and "data-label" not in shown_as


def test_what_a_template_escaped_stays_escaped() -> None:
    page = shown(["{{ words }}", "乙", "丙", "丁"], "<td>{{ words }}</td><td></td><td>—</td><td> 0 </td>")
    assert "<b>" not in page
    assert 'data-label="&lt;b&gt;&quot;乙&quot;&lt;/b&gt;"' in page
    assert page.count(" data-nil") == 2  # nothing in it: no line of the card; a zero is something


def test_a_sentence_in_place_of_rows_has_no_column() -> None:
    page = shown(["甲", "乙", "丙", "丁"], '<td colspan="4">没有</td>')
    assert '<td colspan="4" role="cell">没有</td>' in page


def test_every_staff_table_is_shown_this_way() -> None:
    apart = {
        "agenda.html",
        "page.html",
        "rating_page.html",
        "_explanation.html",
    }  # a month; the sandbox; the public page
    files = [file for file in ROOT.rglob("*.html") if "<table" in file.read_text(encoding="utf-8")]
    assert len(files) > 15
    for file in files:
        text = file.read_text(encoding="utf-8")
        boxed = len(re.findall(r"{% table [^%]+%}<table", text))
        assert boxed == text.count("<table") or file.name in apart, file
