"""A broken folder is refused; the error names the file, the key and the cure."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from minping import law
from minping.law.loader import open_folder, read_folder
from minping.law.rules import rules_of

RECTIFY = "areas/350213005/limits/rectify.yaml"
LEVELS = "areas/000000/levels.yaml"
TAGS = "areas/000000/tags.yaml"
TOLD = "areas/000000/reminders.yaml"
ROLES = "areas/000000/roles.yaml"
PF = "areas/350000/codes/fujian_pf.yaml"
GOOD = "areas/350213005/values/good_levels.yaml"
SECOND = """
  - from: {first}
    value: 4
    unit: working_day
    clause: minan/4.2.3
    source: 厦翔民街办〔2021〕33号
    checked_on: 2026-11-23
"""

# what, file, text to find, text to put, error code, key, words of the cure or the fault
BROKEN = [
    ("no unit", RECTIFY, "    unit: working_day\n", "", "LAW_KEY_MISSING", "versions[0].unit", "补上"),
    ("an unknown unit", RECTIFY, "working_day", "workday", "LAW_VALUE", "versions[0].unit", "working_day、"),
    ("a value as text", RECTIFY, "value: 5", 'value: "5"', "LAW_VALUE", "versions[0].value", "不带引号"),
    ("a value of nought", RECTIFY, "value: 5", "value: 0", "LAW_VALUE", "versions[0].value", "1 或更大"),
    ("a truth as value", RECTIFY, "value: 5", "value: true", "LAW_VALUE", "versions[0].value", "正整数"),
    (
        "an unknown key",
        RECTIFY,
        "    value:",
        "    amount: 5\n    value:",
        "LAW_KEY_UNKNOWN",
        "versions[0].amount",
        "可用的键",
    ),
    ("an unknown key on top", RECTIFY, "label:", "lable: 甲\nlabel:", "LAW_KEY_UNKNOWN", "lable", "label"),
    (
        "a key written twice",
        RECTIFY,
        "    value: 5",
        "    value: 5\n    value: 6",
        "LAW_KEY_TWICE",
        "versions[0].value",
        "只留一个",
    ),
    ("no clause", RECTIFY, "    clause: minan/4.2.3\n", "", "LAW_KEY_MISSING", "versions[0].clause", "补上"),
    (
        "a clause that is none",
        RECTIFY,
        "minan/4.2.3",
        "minan/9.9",
        "LAW_CLAUSE",
        "versions[0].clause",
        "clauses.yaml",
    ),
    ("no source", RECTIFY, "厦翔民街办〔2021〕33号", '""', "LAW_VALUE", "versions[0].source", "请写成文字"),
    (
        "a date as text",
        RECTIFY,
        "from: 2021-11-18",
        'from: "2021-11-18"',
        "LAW_VALUE",
        "versions[0].from",
        "不带引号",
    ),
    (
        "a date with a time",
        RECTIFY,
        "from: 2021-11-18",
        "from: 2021-11-18 08:00:00",
        "LAW_VALUE",
        "versions[0].from",
        "时刻",
    ),
    ("a date that is none", RECTIFY, "2021-11-18", "2021-02-30", "LAW_YAML", "", "核对当月"),
    (
        "an end before the start",
        RECTIFY,
        "    value:",
        "    to: 2021-11-17\n    value:",
        "LAW_ORDER",
        "versions[0].to",
        "核对",
    ),
    ("broken YAML", RECTIFY, "versions:", "versions: [", "LAW_YAML", "", "缩进"),
    (
        "an unknown lower_may",
        RECTIFY,
        "tighten",
        "perhaps",
        "LAW_VALUE",
        "lower_may",
        "nothing、tighten、anything",
    ),
    ("no label", RECTIFY, "label: 整改期限\n", "", "LAW_KEY_MISSING", "label", "补上"),
    (
        "versions as one",
        RECTIFY,
        "versions:\n  - from",
        "versions:\n    from",
        "LAW_VALUE",
        "versions",
        "列表",
    ),
    (
        "a level renamed",
        LEVELS,
        "label: 基本满意",
        "label: 一般",
        "LAW_VALUE",
        "versions[0].rows[2].label",
        "基本满意",
    ),
    (
        "a negative level called good",
        LEVELS,
        "不满意, negative: true",
        "不满意, negative: false",
        "LAW_VALUE",
        "versions[0].rows[3].negative",
        "true",
    ),
    (
        "a level left out",
        LEVELS,
        "      - {code: 3, label: 基本满意, negative: false}\n",
        "",
        "LAW_VALUE",
        "versions[0].rows",
        "从 5 到 1",
    ),
    ("a sixth level", LEVELS, "code: 3", "code: 6", "LAW_VALUE", "versions[0].rows[2].code", "1 至 5"),
    (
        "a tag in the wrong level",
        TAGS,
        'code: "210"',
        'code: "320"',
        "LAW_TAG",
        "versions[1].rows[27].code",
        "首位",
    ),
    (
        "a tag without quotes",
        TAGS,
        'code: "210"',
        "code: 210",
        "LAW_VALUE",
        "versions[1].rows[27].code",
        "加引号",
    ),
    (
        "a tag twice",
        TAGS,
        'code: "210"',
        'code: "209"',
        "LAW_DUPLICATE",
        "versions[1].rows[27].code",
        "只留一行",
    ),
    (
        "an unknown permission",
        ROLES,
        "order.report",
        "order.erase",
        "LAW_REFERENCE",
        "versions[0].rows[0].may",
        "permissions.yaml",
    ),
    (
        "a permission misspelt",
        ROLES,
        "order.report",
        "order report",
        "LAW_VALUE",
        "versions[0].rows[0].may",
        "权限写作",
    ),
    (
        "one code for two channels",
        PF,
        'sms: "7"',
        'sms: "6"',
        "LAW_DUPLICATE",
        "versions[0].rows.sms",
        "核对",
    ),
    ("a code as a number", PF, 'sms: "7"', "sms: 7", "LAW_VALUE", "versions[0].rows", "加引号"),
    ("a channel that is none", PF, "sms:", "fax:", "LAW_REFERENCE", "versions[0].rows.fax", "channels.yaml"),
    ("a level that is none", GOOD, "[5, 4]", "[5, 9]", "LAW_VALUE", "versions[0].value", "1 至 5"),
    ("an empty list", GOOD, "[5, 4]", "[]", "LAW_VALUE", "versions[0].value", "不空"),
    ("a level twice", GOOD, "[5, 4]", "[5, 5]", "LAW_VALUE", "versions[0].value", "只写一次"),
    (
        "an area under another code",
        "areas/350213005/area.yaml",
        '"350213005"',
        '"350213006"',
        "LAW_AREA",
        "code",
        "同一个代码",
    ),
    (
        "a clause twice",
        "clauses.yaml",
        "id: minan/3.2,",
        "id: minan/3.3,",
        "LAW_DUPLICATE",
        "[6].id",
        "只留一个",
    ),
    (
        "a reminder to a role that is none",
        TOLD,
        "soon: [reviewer",
        "soon: [boss",
        "LAW_REFERENCE",
        "versions[0].rows[0].soon",
        "roles.yaml",
    ),
    (
        "a reminder to nobody",
        TOLD,
        "soon: [reviewer, head]",
        "soon: []",
        "LAW_VALUE",
        "versions[0].rows[0].soon",
        "不空",
    ),
    ("a deputy of oneself", TOLD, "[reviewer, head]", "[head, head]", "LAW_VALUE", "versions[0].rows[0].soon", "一次"),
    (
        "a ruling nobody knows",
        "areas/000000/rulings.yaml",
        "id: R7",
        "id: R77",
        "LAW_REFERENCE",
        "versions[0].rows[6].id",
        "clauses.yaml",
    ),
]


@pytest.mark.parametrize(("what", "file", "old", "new", "code", "key", "words"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_broken_file_names_itself_the_key_and_the_cure(
    folder: Path, what: str, file: str, old: str, new: str, code: str, key: str, words: str
) -> None:
    path = folder / file
    text = path.read_text("utf-8")
    assert old in text, "the example no longer fits the data"
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(law.LawError) as caught:
        open_folder(folder)
    error = caught.value
    assert (error.code, error.file, error.key) == (code, file, key)
    assert f"文件 {file}" in error.message and key in error.message
    assert words in error.message
    assert re.search(r"：.+。.+。", error.message), "what is wrong, then what to do"


def test_the_copy_itself_is_clean(folder: Path) -> None:
    assert read_folder(folder)[1] == []
    assert law.check(folder) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("areas/350213005/limits/Rectify.yaml", "小写"),
        ("areas/350213005/limits/rectify.yml", "不是认识的规则文件"),
        ("areas/350213005/limit/rectify.yaml", "不是认识的规则文件"),
        ("areas/350213005/levles.yaml", "不是认识的规则文件"),
        ("areas/35021300/area.yaml", "最短的区划代码"),
        ("areas/350213000000/area.yaml", "最短的区划代码"),
    ],
)
def test_a_file_in_the_wrong_place_is_not_silently_ignored(folder: Path, name: str, words: str) -> None:
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(folder / RECTIFY, target)
    with pytest.raises(law.LawError, match=words):
        open_folder(folder)


def test_an_area_without_its_own_file_is_refused(folder: Path) -> None:
    (folder / "areas/350200/area.yaml").unlink()
    with pytest.raises(law.LawError, match=r"areas/350200/area\.yaml"):
        open_folder(folder)


def test_an_empty_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(law.LawError, match=r"clauses\.yaml"):
        open_folder(tmp_path)


def test_one_bad_file_hides_no_other(folder: Path) -> None:
    for name in (RECTIFY, GOOD):
        (folder / name).write_text("label: 甲\n", "utf-8")
    problems = law.check(folder)
    assert len(problems) == 2 and all("没有写" in one for one in problems)
    with pytest.raises(law.LawError, match="另有 1 处问题"):
        open_folder(folder)


def test_a_change_is_a_new_version_beside_the_old_one(folder: Path) -> None:
    path = folder / RECTIFY
    path.write_text(path.read_text("utf-8").rstrip("\n") + SECOND.format(first="2027-03-01"), "utf-8")
    book = open_folder(folder)
    days = [date(2021, 11, 17), date(2021, 11, 18), date(2027, 2, 28), date(2027, 3, 1)]
    assert [rules_of(book, "350213005", day).limit("rectify").value for day in days] == [10, 5, 5, 4]
    versions = {rules_of(book, "350213005", day).version for day in days}
    assert len(versions) == 3
    assert rules_of(book, "350213005", days[1]).version == law.at("350213005", days[1]).version


def test_versions_out_of_order_are_refused(folder: Path) -> None:
    path = folder / RECTIFY
    path.write_text(path.read_text("utf-8").rstrip("\n") + SECOND.format(first="2021-11-18"), "utf-8")
    with pytest.raises(law.LawError, match="从早到晚"):
        open_folder(folder)


def test_a_version_that_ends_leaves_the_field_to_the_superior(folder: Path) -> None:
    path = folder / RECTIFY
    path.write_text(path.read_text("utf-8").replace("    value:", "    to: 2026-12-31\n    value:"), "utf-8")
    book = open_folder(folder)
    assert rules_of(book, "350213005", date(2026, 12, 31)).limit("rectify").value == 5
    assert rules_of(book, "350213005", date(2027, 1, 1)).limit("rectify").value == 10


def test_reading_a_document_again_does_not_change_the_version(folder: Path) -> None:
    path = folder / RECTIFY
    text = path.read_text("utf-8").replace("checked_on: 2026-11-23", "checked_on: 2027-11-23")
    path.write_text(text, "utf-8")
    day = date(2026, 7, 1)
    assert rules_of(open_folder(folder), "350213005", day).version == law.at("350213005", day).version


def test_a_changed_number_changes_the_version(folder: Path) -> None:
    path = folder / RECTIFY
    path.write_text(path.read_text("utf-8").replace("value: 5", "value: 4"), "utf-8")
    day = date(2026, 7, 1)
    assert rules_of(open_folder(folder), "350213005", day).version != law.at("350213005", day).version
