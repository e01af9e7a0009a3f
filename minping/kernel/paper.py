"""A form on paper: sections of facts, tables and words, set once and made as PDF or as Word.

The PDF is for the file and the seal, the Word file for whoever must go on writing in it.
Fonts of the Word file are those of 公文 by name (their files are proprietary): the reader's machine has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from minping.kernel.pdf import pdf

TEMPLATE = Path(__file__).with_name("paper.typ")
PDF, DOCX = "pdf", "docx"
TYPES = {
    PDF: "application/pdf",
    DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


@dataclass(frozen=True)
class Section:
    """A titled part: `facts` label by label, then a table with a head, then a remark.

    `widths` of the table's columns, in parts of the whole; empty: all alike.
    """

    title: str
    facts: Sequence[tuple[str, str]] = ()
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    remark: str = ""
    widths: Sequence[int] = ()


@dataclass(frozen=True)
class Paper:
    """The whole form; `signatures` are the posts that sign at its end."""

    title: str
    number: str
    sections: Sequence[Section]
    signatures: Sequence[str] = ()
    foot: str = ""


def make(paper: Paper, kind: str) -> bytes:
    """The form as `pdf` or `docx`.  Raises PdfNotMade."""
    if kind == PDF:
        return pdf(TEMPLATE, asdict(paper))
    from minping.kernel.word import word  # its libraries are read by whoever writes one, not by every process

    return word(paper)
