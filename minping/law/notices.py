"""Reading, checking and storing a year's holiday notice.

Two shapes are accepted: ours (``year name number notices holidays workdays``, YAML) and the widespread
one of the public holiday-cn data (``year papers days[name date isOffDay]``, JSON). Both must be a whole
year.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from minping.law import schema, yamlfile
from minping.law.errors import broken
from minping.law.workdays import FIRST, LAST, SPILL_FROM, WEEKDAYS, Edition

# Every notice since 2008 rules all seven; a file without one of them is cut off.
HOLIDAYS = ("元旦", "春节", "清明", "劳动", "端午", "中秋", "国庆")
_ABROAD = {"name": schema.text, "date": schema.text, "isOffDay": schema.yes_no}
_DAY = {"date": schema.day, "name": schema.text}


def read_edition(path: Path, name: str, fixed: Mapping[int, frozenset[tuple[int, int]]]) -> Edition:
    """Read one file of either shape and check it; ``fixed`` are the statutory days with a fixed date."""
    text = yamlfile.read_text(path, name)
    if text.lstrip().startswith("{"):
        try:
            raw = json.loads(text)
        except json.JSONDecodeError as fault:
            wrong = f"第 {fault.lineno} 行不是正确的 JSON 写法"
            raise broken("LAW_CALENDAR_FILE", name, "", wrong, "请重新取得这个文件") from None
    else:
        raw = yamlfile.parse(text, name)
    if not isinstance(raw, dict):
        raise broken("LAW_CALENDAR_FILE", name, "", "不是放假安排", "请用一年一个文件、写明 year 的放假安排")
    edition = _from_abroad(raw, name) if "days" in raw else _from_ours(raw, name)
    _check(edition, name, fixed)
    return edition


def dump(edition: Edition) -> str:
    """The file text of an edition, in our shape, each day with its weekday for the eye."""

    def rows(days: Mapping[date, str]) -> list[dict[str, object]]:
        return [{"date": d, "weekday": WEEKDAYS[d.weekday()], "name": n} for d, n in sorted(days.items())]

    content = {
        "year": edition.year,
        "name": edition.name,
        "number": edition.number,
        "notices": list(edition.notices),
        "holidays": rows(edition.off),
        "workdays": rows(edition.work),
    }
    if not edition.number:
        del content["number"]
    options: dict[str, Any] = {"allow_unicode": True, "sort_keys": False, "width": 200}
    return str(yaml.safe_dump(content, default_flow_style=None, **options))


def store(edition: Edition, into: Path, known: Edition | None) -> Edition:
    """Write an edition into the folder, atomically, and return it under the name that due times will carry.

    A corrected notice gets a name of its own, so that a due time tells which of the two made it.
    """
    if known is not None and known.same_days(edition):
        return known
    if known is not None:
        days = json.dumps([sorted(map(str, edition.off)), sorted(map(str, edition.work))])
        digest = hashlib.sha256(days.encode()).hexdigest()[:8]
        name = f"{edition.name.split('（更正')[0]}（更正 {digest}）"
        edition = Edition(edition.year, name, edition.number, edition.notices, edition.off, edition.work)
    target = into / f"{edition.year}.yaml"
    try:
        into.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=into, prefix=".", suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(dump(edition))
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes it private to its owner, but every process of the office reads it.
        Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
    except OSError as fault:
        wrong = f"写不进去（{fault.strerror or fault}）"
        cure = "请检查文件夹的权限和磁盘空间"
        raise broken("LAW_CALENDAR_WRITE", str(target), "", wrong, cure) from None
    return edition


def _from_abroad(raw: dict[str, Any], name: str) -> Edition:
    year = _year(raw, name)
    if raw["days"] == []:
        wrong = f"{year} 年的放假安排一天也没有，通知多半还没有公布"
        cure = "请等国务院办公厅公布后再导入；在那之前系统按暂定日历计算，并在期限旁注明"
        raise broken("LAW_CALENDAR_EMPTY", name, "days", wrong, cure)
    needed = {"year": schema.whole, "papers": _addresses, "days": schema.rows}
    found = schema.fields(_known(raw, needed), name, "", needed, {})
    off: dict[date, str] = {}
    work: dict[date, str] = {}
    for index, row in enumerate(found["days"]):
        key = f"days[{index}]"
        one = schema.fields(_known(row, _ABROAD), name, key, _ABROAD, {})
        day = _iso(one["date"], name, f"{key}.date")
        _add(off if one["isOffDay"] else work, (off, work), day, one["name"], name, f"{key}.date")
    return Edition(year, f"国办 {year} 年放假安排", "", found["papers"], off, work)


def _from_ours(raw: dict[str, Any], name: str) -> Edition:
    year = _year(raw, name)
    if not raw.get("holidays"):
        wrong = f"{year} 年的放假安排没有一个放假日"
        cure = "请按国务院办公厅的通知逐日写明；通知公布前不必导入，系统按暂定日历计算"
        raise broken("LAW_CALENDAR_EMPTY", name, "holidays", wrong, cure)
    needed = {"year": schema.whole, "name": schema.text, "notices": _addresses, "holidays": schema.rows}
    optional: dict[str, schema.Check] = {"number": schema.text, "workdays": _list}
    found = schema.fields(raw, name, "", needed, optional)
    # Not ``off`` and ``on``: YAML 1.1 reads these as booleans.
    sides: dict[str, dict[date, str]] = {"holidays": {}, "workdays": {}}
    for side, days in sides.items():
        for index, row in enumerate(found.get(side, [])):
            key = f"{side}[{index}]"
            one = schema.fields(row, name, key, _DAY, {"weekday": schema.text})
            right = WEEKDAYS[one["date"].weekday()]
            if one.get("weekday", right) != right:
                wrong = f"{one['date']} 是{right}，写的却是{one['weekday']}"
                raise broken("LAW_CALENDAR_WEEKDAY", name, f"{key}.weekday", wrong, "请对照通知核对日期")
            _add(days, tuple(sides.values()), one["date"], one["name"], name, f"{key}.date")
    number = found.get("number", "")
    return Edition(year, found["name"], number, found["notices"], sides["holidays"], sides["workdays"])


def _year(raw: dict[str, Any], name: str) -> int:
    year = raw.get("year")
    if isinstance(year, int) and not isinstance(year, bool) and FIRST.year < year <= LAST.year:
        return year
    wrong = f"“{year}”不是 {FIRST.year + 1} 至 {LAST.year} 之间的年份" if "year" in raw else "没有写年份"
    raise broken("LAW_CALENDAR_YEAR", name, "year", wrong, "请写明是哪一年的放假安排，例如 year: 2027")


def _add(side: dict[date, str], both: tuple[dict[date, str], ...], day: date, label: str, name: str, key: str) -> None:
    if any(day in one for one in both):
        raise broken("LAW_CALENDAR_TWICE", name, key, f"{_said(day)}写了两遍", "请对照通知，只留一行")
    side[day] = label


def _check(edition: Edition, name: str, fixed: Mapping[int, frozenset[tuple[int, int]]]) -> None:
    year = edition.year
    for day in sorted([*edition.off, *edition.work]):
        if day.year != year and not (day.year == year - 1 and (day.month, day.day) >= SPILL_FROM):
            wrong = f"{_said(day)}不是 {year} 年的日子"
            cure = f"{year} 年的文件只能含当年的日子，以及上年 12 月 29 日至 31 日；请对照通知改正"
            raise broken("LAW_CALENDAR_YEAR", name, str(day), wrong, cure)
    for day in sorted(edition.work):
        if day.weekday() < 5:
            wrong = f"{_said(day)}本来就是工作日，不能列为调休上班日"
            raise broken("LAW_CALENDAR_WEEKDAY", name, str(day), wrong, "请对照通知核对是哪一天")
    since = max(one for one in fixed if one <= year)
    for month, number in sorted(fixed[since]):
        day = date(year, month, number)
        if day not in edition.off:
            wrong = f"{_said(day)}是法定节假日，文件里却没有列为放假"
            cure = "请对照通知核对文件是否完整"
            raise broken("LAW_CALENDAR_PART", name, str(day), wrong, cure)
    named = "、".join(edition.off.values())
    for holiday in HOLIDAYS:
        if holiday not in named:
            wrong = f"{year} 年的放假安排缺少“{holiday}”"
            cure = "一年的安排请一次写全，七个节日缺一不可"
            raise broken("LAW_CALENDAR_PART", name, "", wrong, cure)


def _iso(value: str, name: str, key: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        wrong = f"“{value}”不是日期"
        raise broken("LAW_CALENDAR_DATE", name, key, wrong, "请写成 2027-01-01 这样的日期") from None


def _said(day: date) -> str:
    return f"{day}（{WEEKDAYS[day.weekday()]}）"


def _known(raw: Any, needed: Mapping[str, schema.Check]) -> Any:
    """Only the keys we read: the other shape is not ours, and may grow keys that do not concern us."""
    return {key: raw[key] for key in needed if key in raw} if isinstance(raw, dict) else raw


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    raise schema.Bad("应当是一个列表", "没有调休上班日的，请写 []")


def _addresses(value: Any) -> tuple[str, ...]:
    if isinstance(value, list) and value and all(isinstance(one, str) and one.strip() for one in value):
        return tuple(value)
    raise schema.Bad("没有写明通知的网址", "请写上国务院办公厅通知的网址，以备核对")


def read_folder(folder: Path, label: str, fixed: Mapping[int, frozenset[tuple[int, int]]]) -> dict[int, Edition]:
    """Every edition in a folder of ``<year>.yaml`` files; the name of a file must be its year."""
    found: dict[int, Edition] = {}
    for path in sorted(folder.glob("*.yaml")):
        if path.name.startswith(".") or path.stem == "statutory":
            continue
        name = f"{label}/{path.name}"
        edition = read_edition(path, name, fixed)
        if path.stem != str(edition.year):
            wrong = f"写的是 {edition.year} 年，文件名却是 {path.name}"
            raise broken("LAW_CALENDAR_YEAR", name, "year", wrong, f"请把文件改名为 {edition.year}.yaml")
        found[edition.year] = edition
    return found


def read_statutory(path: Path, name: str) -> dict[int, frozenset[tuple[int, int]]]:
    """Statutory holidays with a fixed date, by the first year they hold."""
    rows = yamlfile.read(path, name)
    if not isinstance(rows, list):
        raise broken("LAW_SHAPE", name, "", "应当是一个列表", "每行写 {from_year, days, source}")
    needed = {"from_year": schema.whole, "days": schema.rows, "source": schema.text, "checked_on": schema.day}
    found: dict[int, frozenset[tuple[int, int]]] = {}
    for index, row in enumerate(rows):
        one = schema.fields(row, name, f"[{index}]", needed, {})
        days = set()
        for text in one["days"]:
            try:
                day = date.fromisoformat(f"2000-{text}")
            except (ValueError, TypeError):
                wrong = f"“{text}”不是月-日"
                key = f"[{index}].days"
                raise broken("LAW_VALUE", name, key, wrong, '请写成加引号的 "10-01"') from None
            days.add((day.month, day.day))
        found[one["from_year"]] = frozenset(days)
    return found
