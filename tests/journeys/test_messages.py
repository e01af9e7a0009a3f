"""The 1,500 real messages as the words of raters: intact from the page to the province's record and the export."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.live import Installation
from tests.support.reports import post, write_services

SOURCE = Path(__file__).resolve().parents[3] / "shared" / "data" / "messages" / "messages_with_replies.csv"
HARD = [
    "一，二。三|四&<五>“六”'七'\"八\"😀𠮷𪚥",
    "第一行\n第二行\n\n第四行",
    "=1+1",
    "  前后有空格  ",
    "\ttab，​零宽",
    "字" * 10000,
]


@pytest.fixture(scope="module")
def live() -> Iterator[Installation]:
    with Installation(os.environ.get("MINPING_DATABASE", "")) as installation:
        yield installation


def words() -> list[str]:
    if not SOURCE.exists():
        return []
    csv.field_size_limit(10**8)
    with SOURCE.open(encoding="utf-8", newline="") as stream:
        return [row["text"] for row in csv.DictReader(stream)]


def test_words_arrive_intact_at_the_province_and_in_the_export(live: Installation, tmp_path: Path) -> None:
    real = words()
    texts = HARD + real
    file, links = tmp_path / "services.csv", tmp_path / "links.tsv"
    write_services(file, len(texts), live.now())
    assert live.cli("services", "import", str(file), "--links", str(links)).returncode == 0
    rows = [line.split("\t") for line in links.read_text().splitlines()]
    said = {row[0]: text for row, text in zip(rows, texts, strict=True)}
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda pair: post(live, pair[0][2], level=2, text=pair[1]), zip(rows, texts, strict=True))
        )
    assert set(answers) == {303}
    live.wait_for(lambda: len(live.received("rating")) == len(texts), 120, "没有全部送到")
    assert {row["case_no"]: row["text"] for row in live.received("rating")} == said

    exported = live.cli("export", "ratings", str(tmp_path / "ratings.csv"))
    assert exported.returncode == 0, exported.stderr
    with (tmp_path / "ratings.csv").open(encoding="utf-8-sig", newline="") as stream:
        back = {row["办件编号"]: row["评价文字"] for row in csv.DictReader(io.StringIO(stream.read(), newline=""))}
    assert back == said
    if not real:
        pytest.skip("没有 shared/data/messages：只用难写的文字测了，真实留言未测。")
