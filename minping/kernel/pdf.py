"""PDF from a typst template and data: the one place where paper is set.

Fonts: what the administrator put into `fonts/` of the home folder comes first, then the
system's.  Without a Chinese font every character would print as an empty box: no PDF is
made then, and the refusal says which fonts to install.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typst

from minping.kernel.errors import Problem
from minping.kernel.home import home

# How the families of Chinese fonts name themselves.
CHINESE = ("CJK", "SC", "Han", "Song", "Hei", "Kai", "Fang", "WenKai", "宋", "黑", "楷", "仿", "Sun", "YaHei", "UMing")


class PdfNotMade(Problem):
    code = "pdf_not_made"
    status = 500
    message = "PDF 没有排出来：{why}"
    cure = "请管理员安装中文字体（Debian：fonts-noto-cjk），或把有授权的字体放进数据目录的 fonts/。"


def pdf(template: Path, data: Mapping[str, Any], pictures: Mapping[str, bytes] | None = None) -> bytes:
    """Set `template` with `data` (its `json("data.json")`) and `pictures` (file names beside it).

    The files lie in a folder of their own while it is set, so that a template reads
    nothing else of the machine.  Raises PdfNotMade.
    """
    with tempfile.TemporaryDirectory(prefix="minping-pdf-") as name:
        folder = Path(name)
        (folder / "main.typ").write_bytes(template.read_bytes())
        (folder / "data.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        for file, content in (pictures or {}).items():
            (folder / file).write_bytes(content)
        fonts = home().path / "fonts"
        paths: list[Any] = [fonts] if fonts.is_dir() else []
        if not any(word in family for family in typst.Fonts(font_paths=paths).families() for word in CHINESE):
            raise PdfNotMade(why="这台机器上没有中文字体")
        try:
            made = typst.compile(folder / "main.typ", root=folder, format="pdf", font_paths=paths)
        except typst.TypstError as failure:
            raise PdfNotMade(why=str(failure).splitlines()[0]) from failure
    assert isinstance(made, bytes)
    return made
