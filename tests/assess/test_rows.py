"""The rows behind a number are as many as the number says, and never say who."""

from __future__ import annotations

from datetime import date

import pytest

from minping.assess.indicators import indicators
from minping.assess.rows import SOURCES, Rows, rows_of
from minping.assess.units import unit_of
from minping.evaluate.models import Rating
from minping.feedback.models import Case
from minping.kernel.access import Actor
from minping.kernel.errors import NotFound
from tests.assess import world
from tests.assess.world import HEAD, OFFICE, UNIT

pytestmark = pytest.mark.usefixtures("office")
NOVEMBER = (date(2026, 11, 1), date(2026, 11, 30))  # Sunday to Monday
YEAR = (date(2026, 1, 1), date(2026, 12, 31))  # Thursday to Thursday
DAYS = [date(2026, 11, 5), date(2026, 11, 18), date(2026, 12, 30)]  # Thursday, Wednesday, Wednesday


def rows(
    indicator: str, part: str, as_of: date = DAYS[-1], by: Actor = HEAD, unit: str = OFFICE,
    period: tuple[date, date] = NOVEMBER,
) -> Rows:  # fmt: skip
    return rows_of(indicator, part, unit_of(unit), *period, as_of, by=by)


@pytest.mark.parametrize("unit", [OFFICE, world.CENTER, f"{world.CENTER}/W1"])
def test_every_part_has_as_many_rows_as_its_number_says(unit: str) -> None:
    world.november()
    for as_of in DAYS:
        official = {one.id: one for one in indicators(unit, *YEAR, as_of)}
        for indicator in SOURCES:
            counted = {}
            for part in rows(indicator, "denominator", as_of, unit=unit, period=YEAR).parts:
                found = rows(indicator, part.id, as_of, unit=unit, period=YEAR)
                assert found.total == part.count == len(list(found.every(1000))), (as_of, indicator, part)
                counted[part.id] = found.total
            of = official[indicator]
            told = {"denominator": of.denominator, "numerator": of.numerator, "rest": of.denominator - of.numerator}
            assert {part: counted[part] for part in told} == told, (as_of, indicator)


def test_a_default_is_marked_as_made_by_rule_in_its_row() -> None:
    world.november()
    found = rows("praise", "defaults")
    assert {row.cells[found.columns.index("从哪里来")] for row in found.page(1)} == {
        "默认（按规则生成）", "默认（按规则生成）；追加评价：不满意",
    }  # fmt: skip


def test_an_invalid_rating_stays_readable_with_what_becomes_of_it() -> None:
    world.november()
    found = rows("praise", "invalid")
    (row,) = found.page(1)
    assert row.cells[5:7] == ("非常不满意", "本人评价；认定无效，申请撤销中，照常计入")


def test_who_may_not_read_cases_sees_days_but_no_hour_number_or_words() -> None:
    world.november()
    Rating.objects.filter(kind="first").update(text="我的原话")
    for indicator in ("praise", "rectified"):
        told = rows(indicator, "denominator", by=HEAD)
        kept = rows(indicator, "denominator", by=UNIT)
        assert "留言" in told.columns and "办件编号" in told.columns
        assert "留言" not in kept.columns and "办件编号" not in kept.columns
        text = "\n".join(str(cell) for row in kept.page(1) for cell in row.cells)
        assert "我的原话" not in text
        assert ":" not in text  # no hour anywhere
        assert all(row.case_id is None for row in kept.page(1))
        assert "我的原话" in "\n".join(str(cell) for row in told.page(1) for cell in row.cells)


def test_a_level_given_up_after_the_day_asked_for_is_shown_as_it_was() -> None:
    mild = world.rating(world.service("2026-11-02"), 5, "2026-11-02", hour=23)
    world.changed(mild, 3, world.beijing("2026-11-03", 0, 5))
    assert rows("praise", "numerator", date(2026, 11, 2)).page(1)[0].cells[5] == "非常满意"  # Monday
    assert rows("praise", "rest", date(2026, 11, 3)).page(1)[0].cells[5] == "基本满意"  # Tuesday


def test_rows_come_in_pages_newest_first() -> None:
    for number in range(60):
        world.service("2026-11-02" if number % 2 else "2026-11-03")
    found = rows("praise", "denominator")
    assert (found.pages, found.total, len(found.page(1)), len(found.page(2)), found.page(3)) == (
        2,
        60,
        50,
        10,
        [],
    )
    assert str(found.page(1)[0].cells[0]).startswith("2026年11月3日 周二")
    assert str(found.page(2)[-1].cells[0]).startswith("2026年11月2日 周一")


def test_each_quarter_owed_is_a_row_with_its_due_time() -> None:
    found = rows("reporting", "rest", as_of=date(2026, 11, 23), period=YEAR)
    assert [row.cells[:2] for row in found.page(1)] == [
        ("民安街道办事处", "2026年第一季度"), ("民安街道办事处", "2026年第二季度"), ("民安街道办事处", "2026年第三季度"),
    ]  # fmt: skip
    assert all("24:00 前" in str(row.cells[2]) for row in found.page(1))


@pytest.mark.parametrize(
    ("indicator", "part"), [("nothing", "denominator"), ("praise", "opened"), ("rectified", "defaults")]
)
def test_an_unknown_indicator_or_part_is_refused_by_name(indicator: str, part: str) -> None:
    with pytest.raises(NotFound):
        rows(indicator, part)


def test_a_negative_says_by_which_road_it_came() -> None:
    world.november()
    one = Case.objects.rated().first()
    assert one is not None
    Case.objects.filter(pk=one.pk).update(arrival="superior")
    found = rows("rectified", "opened")
    place = found.columns.index("来源")
    assert {row.cells[0]: row.cells[place] for row in found.every(1000)} == {
        case.number: "上级下发" if case.pk == one.pk else "本地评价渠道" for case in Case.objects.rated()
    }
