"""The form on paper (minping/kernel/paper.py) as a Word file, for whoever must go on writing in it."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

from docx import Document as Word
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from docx.text.paragraph import Paragraph

from minping.kernel.paper import Paper

# What a Word document, being XML, cannot hold: shown as U+FFFD, so that one such sign in a person's words keeps no
# case from paper.
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def _font(paragraph: Paragraph, text: str, east: str, size: float, bold: bool = False) -> None:
    run = paragraph.add_run(NOT_XML.sub("\ufffd", text))
    run.font.size, run.font.name, run.bold = Pt(size), "Times New Roman", bold
    run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), east)


def word(paper: Paper) -> bytes:
    """The form as a .docx."""
    word = Word()
    page = word.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.top_margin, page.bottom_margin, page.left_margin, page.right_margin = Mm(25), Mm(20), Mm(22), Mm(22)
    word.core_properties.title, word.core_properties.author = f"{paper.title} {paper.number}", "民评"
    title = word.add_paragraph()
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _font(title, paper.title, "宋体", 20, bold=True)
    line = word.add_paragraph()
    line.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    _font(line, f"编号：{paper.number}", "仿宋", 12)
    for section in paper.sections:
        _font(word.add_paragraph(), section.title, "黑体", 14, bold=True)
        if section.facts:
            _table(word, [list(fact) for fact in section.facts], widths=(36, 130))
        if section.rows:
            parts = section.widths or (1,) * len(section.head)
            widths = [166 * part / sum(parts) for part in parts]
            _table(word, [list(section.head), *map(list, section.rows)], widths=widths, head=True)
        if section.remark:
            _font(word.add_paragraph(), section.remark, "仿宋", 10.5)
    if paper.signatures:
        word.add_paragraph()
        _table(word, [[f"{post}（签字）：\n\n　　　　年　月　日" for post in paper.signatures]], widths=(55,) * 3)
    foot = word.add_paragraph()
    _font(foot, paper.foot, "仿宋", 9)
    stream = io.BytesIO()
    word.save(stream)
    return stream.getvalue()


def _table(word: Word, rows: list[list[str]], *, widths: Sequence[float], head: bool = False) -> None:  # type: ignore[valid-type]
    table = word.add_table(rows=len(rows), cols=len(rows[0]), style="Table Grid")  # type: ignore[attr-defined]
    for number, row in enumerate(rows):
        for cell, text, width in zip(table.rows[number].cells, row, widths, strict=False):
            cell.width = Mm(width)
            _font(cell.paragraphs[0], text, "仿宋", 11, bold=head and number == 0)
