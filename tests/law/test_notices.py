"""Loading a year's holiday notice: what is accepted, what is refused, and with which words."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from minping import law
from minping.law import overlay

AREA = "350213005"


def notice(year: int = 2027) -> dict[str, Any]:
    """A whole, invented notice for a year, in the shape of the public data."""
    off = {
        "元旦": ["01-01", "01-02", "01-03"],
        "春节": [f"02-{n:02}" for n in range(5, 13)],
        "清明节": ["04-05"],
        "劳动节": ["05-01", "05-02", "05-03"],
        "端午节": ["06-09"],
        "中秋节": ["09-15"],
        "国庆节": [f"10-{n:02}" for n in range(1, 8)],
    }
    rows = [{"name": name, "date": f"{year}-{day}", "isOffDay": True} for name, group in off.items() for day in group]
    rows.append({"name": "春节", "date": f"{year}-02-20", "isOffDay": False})  # 2027-02-20 周六
    return {"$schema": "x", "year": year, "papers": ["https://www.gov.cn/notice"], "days": rows}


def ours(year: int = 2027) -> dict[str, Any]:
    raw = notice(year)
    return {
        "year": year,
        "name": f"国办 {year} 年放假安排",
        "number": "国办发明电〔2026〕9号",
        "notices": raw["papers"],
        "holidays": [{"date": date.fromisoformat(r["date"]), "name": r["name"]} for r in raw["days"] if r["isOffDay"]],
        "workdays": [{"date": date(year, 2, 20), "weekday": "周六", "name": "春节"}],
    }


def write(path: Path, content: Any) -> Path:
    as_json = path.suffix == ".json"
    text = json.dumps(content, ensure_ascii=False) if as_json else yaml.safe_dump(content, allow_unicode=True)
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(("file", "content"), [("2027.json", notice()), ("notice.yaml", ours())])
def test_both_shapes_load_and_make_the_year_firm(tmp_path: Path, file: str, content: Any) -> None:
    home = tmp_path / "law"
    law.use_overlay(home)
    limit = law.at(AREA, date(2026, 12, 31)).limit("rectify")
    start = datetime(2026, 12, 31, 2, tzinfo=UTC)  # 周四
    assert law.due(limit, start).provisional
    edition = law.load_calendar(write(tmp_path / file, content), into=home)
    assert (edition.year, edition.name) == (2027, "国办 2027 年放假安排")
    due = law.due(limit, start)
    assert not due.provisional
    assert due.edition == "国办 2027 年放假安排"
    assert not law.calendar().is_working_day(date(2027, 2, 8))
    assert law.calendar().is_working_day(date(2027, 2, 20))
    assert law.check() == []


def test_the_due_time_moves_with_the_notice(tmp_path: Path) -> None:
    law.use_overlay(tmp_path / "law")
    limit = law.at(AREA, date(2026, 12, 31)).limit("rectify")
    start = datetime(2027, 2, 4, 2, tzinfo=UTC)  # 周四
    before = law.due(limit, start)
    law.load_calendar(write(tmp_path / "2027.json", notice()), into=tmp_path / "law")
    after = law.due(limit, start)
    assert (before.last_day, after.last_day) == (date(2027, 2, 11), date(2027, 2, 19))  # 周四，周五
    assert before.provisional and not after.provisional


def test_what_is_stored_reads_back_the_same_and_shows_weekdays(tmp_path: Path) -> None:
    edition = law.load_calendar(write(tmp_path / "2027.json", notice()), into=tmp_path / "law")
    stored = tmp_path / "law" / "2027.yaml"
    assert "weekday: 周六" in stored.read_text("utf-8")
    law.use_overlay(tmp_path / "law")
    assert law.calendar().editions[2027] == edition


def test_loading_the_same_days_again_changes_nothing(tmp_path: Path) -> None:
    first = law.load_calendar(write(tmp_path / "2027.json", notice()), into=tmp_path / "law")
    written = (tmp_path / "law" / "2027.yaml").stat().st_mtime_ns
    again = law.load_calendar(write(tmp_path / "b.yaml", ours()), into=tmp_path / "law")
    assert again == first
    assert (tmp_path / "law" / "2027.yaml").stat().st_mtime_ns == written


def test_a_corrected_notice_carries_a_name_of_its_own(tmp_path: Path) -> None:
    home = tmp_path / "law"
    law.load_calendar(write(tmp_path / "2027.json", notice()), into=home)
    changed = notice()
    changed["days"].append({"name": "春节", "date": "2027-02-04", "isOffDay": True})
    second = law.load_calendar(write(tmp_path / "2027.json", changed), into=home)
    assert second.name.startswith("国办 2027 年放假安排（更正 ")
    back = law.load_calendar(write(tmp_path / "2027.json", notice()), into=home)
    assert back.name.count("更正") == 1 and back.name != second.name


def test_a_notice_may_hold_the_last_days_of_the_year_before(tmp_path: Path) -> None:
    content = notice()
    content["days"].append({"name": "元旦", "date": "2026-12-31", "isOffDay": True})
    law.use_overlay(tmp_path / "law")
    assert law.calendar().is_working_day(date(2026, 12, 31))
    law.load_calendar(write(tmp_path / "2027.json", content), into=tmp_path / "law")
    assert not law.calendar().is_working_day(date(2026, 12, 31))
    assert law.calendar().edition(date(2026, 12, 31)).endswith("国办 2027 年放假安排")


def test_a_key_that_the_public_data_may_grow_does_no_harm(tmp_path: Path) -> None:
    content = notice() | {"license": "MIT"}
    content["days"][0]["note"] = "x"
    assert law.load_calendar(write(tmp_path / "2027.json", content), into=tmp_path / "law").year == 2027


def _days(change: Callable[[list[dict[str, Any]]], Any]) -> Callable[[dict[str, Any]], None]:
    def apply(content: dict[str, Any]) -> None:
        change(content["days"])

    return apply


REFUSED: list[tuple[str, Callable[[dict[str, Any]], Any], str, str]] = [
    ("an empty year", lambda c: c.update(days=[], papers=[]), "LAW_CALENDAR_EMPTY", "通知多半还没有公布"),
    ("no address of the notice", lambda c: c.update(papers=[]), "LAW_VALUE", "网址"),
    ("no year", lambda c: c.pop("year"), "LAW_CALENDAR_YEAR", "没有写年份"),
    ("a year as text", lambda c: c.update(year="2027"), "LAW_CALENDAR_YEAR", "“2027”不是"),
    ("days that are no list", lambda c: c.update(days={"a": 1}), "LAW_VALUE", "列表"),
    (
        "a day of the next year",
        _days(lambda d: d[3].update(date="2028-02-05")),
        "LAW_CALENDAR_YEAR",
        "2028-02-05",
    ),
    ("a day of last November", _days(lambda d: d[3].update(date="2026-11-30")), "LAW_CALENDAR_YEAR", "周一"),
    ("the days of another year", lambda c: c.update(year=2029), "LAW_CALENDAR_YEAR", "不是 2029 年的日子"),
    ("a day written twice", _days(lambda d: d.append(dict(d[0]))), "LAW_CALENDAR_TWICE", "写了两遍"),
    (
        "a day both off and on",
        _days(lambda d: d.append({**d[0], "isOffDay": False})),
        "LAW_CALENDAR_TWICE",
        "写了两遍",
    ),
    (
        "a make-up day on a Friday",
        _days(lambda d: d[-1].update(date="2027-02-19")),
        "LAW_CALENDAR_WEEKDAY",
        "2027-02-19（周五）本来就是工作日",
    ),
    (
        "a date that is none",
        _days(lambda d: d[0].update(date="2027-02-30")),
        "LAW_CALENDAR_DATE",
        "days[0].date",
    ),
    ("off or on as text", _days(lambda d: d[0].update(isOffDay="true")), "LAW_VALUE", "true 或 false"),
    ("a day without a name", _days(lambda d: d[0].pop("name")), "LAW_KEY_MISSING", "days[0].name"),
    (
        "a file cut off after May",
        _days(lambda d: d.__delitem__(slice(15, None))),
        "LAW_CALENDAR_PART",
        "10-01",
    ),
    (
        "a year without 端午",
        _days(lambda d: d.remove(next(r for r in d if r["name"] == "端午节"))),
        "LAW_CALENDAR_PART",
        "端午",
    ),
    ("National Day as a working day", _days(lambda d: d.__delitem__(-7)), "LAW_CALENDAR_PART", "法定节假日"),
]


@pytest.mark.parametrize(("what", "change", "code", "words"), REFUSED, ids=[r[0] for r in REFUSED])
def test_an_unsound_notice_is_refused_and_nothing_is_stored(
    tmp_path: Path, what: str, change: Callable[[dict[str, Any]], Any], code: str, words: str
) -> None:
    content = notice()
    change(content)
    with pytest.raises(law.LawError) as caught:
        law.load_calendar(write(tmp_path / "2027.json", content), into=tmp_path / "law")
    assert caught.value.code == code
    assert words in caught.value.message
    assert "文件 2027.json" in caught.value.message and caught.value.message.endswith("。")
    assert not (tmp_path / "law").exists()


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.json", b'{"year": 2027, ', "不是正确的 JSON"),
        ("a.yaml", b"year: [2027", "不是正确的 YAML"),
        ("a.yaml", b"", "是空的"),
        ("a.yaml", b"- 1\n- 2\n", "不是放假安排"),
        ("a.yaml", "year: 2027\nname: 甲".encode("gb18030"), "UTF-8"),
        ("a.yaml", b"year: 2027\nyear: 2028\n", "写了两遍"),
        ("a.yaml", b"year: 2027\nholidays: [{date: 2027-02-30, name: x}]\n", "不存在的日期"),
    ],
)
def test_a_file_that_is_no_notice_is_refused_in_words(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(law.LawError, match=words):
        law.load_calendar(tmp_path / name, into=tmp_path / "law")


def test_a_missing_file_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(law.LawError, match="读不出来"):
        law.load_calendar(tmp_path / "2027.json", into=tmp_path / "law")


def test_a_wrong_weekday_beside_a_date_is_refused(tmp_path: Path) -> None:
    content = ours()
    content["workdays"][0]["weekday"] = "周日"
    with pytest.raises(law.LawError, match="2027-02-20 是周六，写的却是周日"):
        law.load_calendar(write(tmp_path / "a.yaml", content), into=tmp_path / "law")


# --- the overlay folder --------------------------------------------------------------------------------


def test_a_process_sees_within_a_second_what_another_has_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(overlay, "monotonic", lambda: now)
    home = tmp_path / "law"
    law.use_overlay(home)
    assert law.calendar().is_provisional(2027)
    edition = law.load_calendar(write(tmp_path / "2027.json", notice()), into=tmp_path / "elsewhere")
    home.mkdir()
    (tmp_path / "elsewhere" / "2027.yaml").rename(home / "2027.yaml")
    overlay._state.look_at = now + overlay.LOOK_EVERY  # as in a process that has just looked
    assert law.calendar().is_provisional(2027)
    now += overlay.LOOK_EVERY + 0.01
    assert law.calendar().editions[2027] == edition
    (home / "2027.yaml").unlink()
    now += overlay.LOOK_EVERY + 0.01
    assert law.calendar().is_provisional(2027)


def test_a_file_broken_under_a_running_office_keeps_the_last_good_calendar_and_is_named(
    tmp_path: Path,
) -> None:
    home = tmp_path / "law"
    law.use_overlay(home)
    law.load_calendar(write(tmp_path / "2027.json", notice()), into=home)
    assert not law.calendar().is_provisional(2027)
    (home / "2027.yaml").write_text("year: 2027\n", "utf-8")
    overlay._state.look_at = 0
    assert not law.calendar().is_provisional(2027)
    assert "law/2027.yaml" in law.check()[0]
    # A sound file loaded over the broken one repairs it.
    law.load_calendar(tmp_path / "2027.json", into=home)
    assert not law.calendar().is_provisional(2027)
    assert law.check() == []


def test_a_broken_file_at_the_start_is_raised_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "2027.yaml").write_text("year: 2027\n", "utf-8")
    law.use_overlay(tmp_path)
    with pytest.raises(law.LawError, match=r"2027\.yaml"):
        law.calendar()
    assert len(law.check()) == 1


def test_a_file_under_the_name_of_another_year_is_refused(tmp_path: Path) -> None:
    law.load_calendar(write(tmp_path / "2027.json", notice()), into=tmp_path / "law")
    (tmp_path / "law" / "2027.yaml").rename(tmp_path / "law" / "2028.yaml")
    law.use_overlay(tmp_path / "law")
    with pytest.raises(law.LawError, match=r"改名为 2027\.yaml"):
        law.calendar()
