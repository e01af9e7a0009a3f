"""A reader is told where a clause stands in the document, not by which id the code cites it."""

from __future__ import annotations

import pytest

from minping import law
from minping.kernel.templatetags.plan import clause


def test_each_clause_of_the_plan_and_each_ruling_says_where_it_stands() -> None:
    silent = [known.id for known in law.clauses().values() if known.id.startswith(("minan/", "R")) and not known.place]
    assert silent == []
    assert len({known.place for known in law.clauses().values() if known.place}) == sum(
        bool(known.place) for known in law.clauses().values()
    )


@pytest.mark.parametrize(
    ("identifier", "shown"),
    [
        ("minan/4.2.3", "方案四（二）（3）"),
        ("R4", "裁定四"),
        ("state/2019-51", "国办发〔2019〕51号 建立政务服务“好差评”制度"),
        ("unknown", "unknown"),
    ],
)
def test_a_page_shows_the_place(identifier: str, shown: str) -> None:
    assert clause(identifier) == shown
