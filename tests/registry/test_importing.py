"""The registry's import: looked at first, done wholly or not at all, retired and never deleted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from minping.kernel.access import SYSTEM, Actor, Grant
from minping.kernel.clock import now
from minping.kernel.errors import Forbidden
from minping.kernel.ids import uuid7
from minping.kernel.models import JournalEntry
from minping.registry import demo, importing, queries
from minping.registry.importing import cells
from minping.registry.importing.sheets import SHEETS, credit_code_wrong, day_wrong
from minping.registry.models import Area, Item, Organization, Package, Staff, Window

pytestmark = pytest.mark.django_db
Edit = Callable[[str, str, str], Path]
ITEM = "XN35021300520MINPINGDEMO2026001"


def load(path: Path = demo.FOLDER, by: Actor = SYSTEM) -> importing.Plan:
    return importing.registry_import(importing.plan(importing.read(path)), by=by, at=now())


@pytest.fixture
def edit(tmp_path: Path) -> Edit:
    """A copy of the demonstration folder in which one piece of text is replaced."""
    folder = tmp_path / "registry"
    shutil.copytree(demo.FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))

    def change(file: str, old: str, new: str) -> Path:
        text = (folder / file).read_text("utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), "utf-8")
        return folder

    return change


def counts() -> list[int]:
    return [sheet.model._default_manager.count() for sheet in SHEETS]


def workbook(tmp_path: Path, **sheets: list[list[str]]) -> Path:
    """A workbook of sheets, the first row of each its headings."""
    file = tmp_path / "registry.xlsx"
    file.write_bytes(cells.written([(title, rows[0], rows[1:]) for title, rows in sheets.items()]))
    return file


def reasons(path: Path) -> list[tuple[str, int, str]]:
    return [(bad.sheet, bad.row, bad.reason) for bad in importing.plan(importing.read(path)).bad]


def test_a_dry_run_changes_nothing() -> None:
    plan = importing.plan(importing.read(demo.FOLDER))
    assert plan.bad == ()
    assert len(plan.add) == sum(count.added for count in plan.counts) > 50
    assert counts() == [0] * 7
    assert not JournalEntry.objects.exists()


def test_the_demonstration_office_is_loaded_with_paths_links_and_one_journal_row() -> None:
    load()
    assert Organization.objects.get(code="minan-center").path == "/minan/minan-center/"
    assert Organization.objects.get(code="minan").path == "/minan/"
    assert Staff.objects.get(code="w03").window == Window.objects.get(organization="minan-center", code="03")
    assert Area.objects.get(code="350213005901").parent_id == "350213005"
    assert Package.objects.get().items.count() == 4
    assert all(len(code) == 31 and "00000000" not in code for code in Item.objects.values_list("code", flat=True))
    entry = JournalEntry.objects.get(action="registry.imported")
    assert entry.facts["counts"]["窗口"] == [10, 0, 0, 0]
    assert "窗口三号" not in entry.data


def test_importing_the_same_again_changes_nothing() -> None:
    load()
    plan = importing.plan(importing.read(demo.FOLDER))
    assert plan.empty and plan.bad == ()
    assert {count.same for count in plan.counts} >= {6, 10, 8}


def test_a_change_is_shown_field_by_field_and_then_made(edit: Edit) -> None:
    load()
    kept = Window.objects.get(organization="minan-center", code="03").pk
    plan = load(edit("windows.yaml", "3号窗口 社会保障", "3号窗口 就业社保"))
    (step,) = plan.change
    assert [(c.heading, c.old, c.new) for c in step.changes] == [("窗口名称", "3号窗口 社会保障", "3号窗口 就业社保")]
    assert (len(plan.add), len(plan.retire)) == (0, 0)
    assert Window.objects.get(pk=kept).name == "3号窗口 就业社保"
    assert queries.directory().windows[("minan-center", "03")] == "3号窗口 就业社保"
    assert "3号窗口 就业社保" in plan.summary()


def test_what_is_absent_is_retired_never_deleted_and_comes_back_when_it_reappears(edit: Edit) -> None:
    load()
    before = counts()
    gone = '- {organization: minan-center, code: keypad-01, kind: keypad, window: "01"}\n'
    plan = load(edit("devices.yaml", gone, ""))
    assert [step.key for step in plan.retire] == [("minan-center", "keypad-01")]
    assert counts() == before
    assert not SHEETS[4].model._default_manager.get(code="keypad-01").live
    plan = load()
    assert [(c.old, c.new) for c in plan.change[0].changes] == [("停用", "启用")]
    assert SHEETS[4].model._default_manager.get(code="keypad-01").live
    assert counts() == before


def test_sheets_that_the_file_does_not_have_stay_as_they_are(tmp_path: Path) -> None:
    load()
    plan = load(workbook(tmp_path, 窗口=[["机构代码", "窗口代码", "窗口名称"], ["minan-center", "01", "1号窗口"]]))
    assert {step.sheet.name for step in plan.retire} == {"windows"}
    assert Staff.objects.filter(retired_at=None).count() == 15


def test_a_sheet_with_headings_only_is_an_unused_form(tmp_path: Path) -> None:
    load()
    file = tmp_path / "form.xlsx"
    file.write_bytes(importing.form())
    with pytest.raises(importing.FileUnreadable):
        importing.read(file)
    one = [["事项编码", "事项名称", "事项类型"], [ITEM, "城乡居民基本医疗保险参保登记", "公共服务"]]
    plan = importing.plan(importing.read(workbook(tmp_path, 事项=one, 套餐=[["套餐编码", "套餐名称", "包含事项"]])))
    assert "packages" not in {step.sheet.name for step in plan.retire}


def test_a_moved_parent_moves_the_paths_of_all_below_retired_ones_too(edit: Edit) -> None:
    load()
    above = 'area: "350213005901", parent: minan'
    load(edit("organizations.yaml", above, above + "-center"))
    assert Organization.objects.get(code="minan-agent-01").path == "/minan/minan-center/minan-agent-01/"
    book = importing.current()
    row = next(r for r in book.rows["organizations"] if r.values["code"] == "minan-agent-01")
    book.rows["organizations"].remove(row)
    for name in ("windows", "staff", "devices"):
        book.rows[name] = [r for r in book.rows[name] if r.values["organization"] != "minan-agent-01"]
    importing.registry_import(importing.plan(book), by=SYSTEM, at=now())
    for row in book.rows["organizations"]:
        if row.values["code"] == "minan-center":
            row.values["parent"] = ""
    importing.registry_import(importing.plan(book), by=SYSTEM, at=now())
    retired = Organization.objects.get(code="minan-agent-01")
    assert not retired.live
    assert retired.path == "/minan-center/minan-agent-01/"


def test_a_workbook_says_the_same_as_the_folder(tmp_path: Path) -> None:
    folder = importing.read(demo.FOLDER)
    file = tmp_path / "same.xlsx"
    file.write_bytes(importing.workbook(folder))
    read = importing.read(file)
    assert read.bad == []
    assert read.digest == folder.digest
    load(file)
    assert importing.plan(folder).empty
    file.write_bytes(importing.workbook(importing.current()))
    assert importing.plan(importing.read(file)).empty


ORGANIZATIONS = ["机构代码", "机构名称", "机构类别", "区划代码", "上级机构", "统一社会信用代码"]
AREA = [["区划代码", "区划名称"], ["350213005", "民安街道"]]
ITEMS = ["事项编码", "事项名称", "事项类型"]


@pytest.mark.parametrize(
    ("sheets", "sheet", "row", "said"),
    [
        ({"区划": [AREA[0], ["350213005", ""]]}, "区划", 2, "“区划名称”没有填"),
        ({"区划": [AREA[0], ["35021", "民安"]]}, "区划", 2, "应为 6、9 或 12 位数字"),
        ({"区划": [*AREA, ["350213005", "又一个"]]}, "区划", 3, "与第 2 行重复"),
        ({"区划": [["区划代码", "区划名称", "上级区划"], ["350213", "翔安区", "350213005"],
                  ["350213005", "民安街道", "350213"]]}, "区划", 2, "绕成了圈：350213 → 350213005 → 350213"),
        ({"区划": AREA, "机构": [ORGANIZATIONS, ["a", "甲", "便民服务中心", "350213006", "", ""]]},
         "机构", 2, "没有区划“350213006”"),
        ({"区划": AREA, "机构": [ORGANIZATIONS, ["a", "甲", "饭店", "350213005", "", ""]]},
         "机构", 2, "没有“饭店”这一种。应为：街道办事处、便民服务中心、便民代办点、部门"),
        ({"区划": AREA, "机构": [ORGANIZATIONS, ["a/b", "甲", "部门", "350213005", "", ""]]}, "机构", 2, "“机构代码”应为"),
        ({"区划": AREA, "机构": [ORGANIZATIONS, ["a", "甲", "部门", "350213005", "a", ""]]}, "机构", 2, "绕成了圈：a → a"),
        ({"区划": AREA, "机构": [ORGANIZATIONS, ["a", "甲", "部门", "350213005", "", "91350200XXXXXXXXX9"]]},
         "机构", 2, "校验位不对"),
        ({"窗口": [["机构代码", "窗口代码", "窗口名称"], ["nowhere", "01", "一号"]]}, "窗口", 2, "没有机构“nowhere”"),
        ({"事项": [ITEMS, [ITEM[:30], "少一位", "公共服务"]]}, "事项", 2, "（30 位）"),
        ({"事项": [ITEMS, [ITEM + "0", "多一位", "公共服务"]]}, "事项", 2, "（32 位）"),
        ({"事项": [ITEMS, [ITEM, "甲", "公共服务"]], "套餐": [["套餐编码", "套餐名称", "包含事项"], ["p", "套餐", ITEM + "、X1"]]},
         "套餐", 2, "没有事项“X1”"),
        ({"事项": [["事项编码", "事项名称"], [ITEM, "甲"]]}, "事项", 1, "缺少列：事项类型"),
        ({"事项": [[*ITEMS, "颜色"], [ITEM, "甲", "公共服务", "红"]]}, "事项", 1, "不认识列“颜色”"),
        ({"天气": [["晴"], ["雨"]]}, "天气", 1, "不认识工作表“天气”"),
    ],
)  # fmt: skip
def test_every_bad_row_is_named_with_its_reason_and_its_cure(
    tmp_path: Path, sheets: dict[str, list[list[str]]], sheet: str, row: int, said: str
) -> None:
    found = reasons(workbook(tmp_path, **sheets))
    assert [bad for bad in found if bad[:2] == (sheet, row) and said in bad[2]], found
    assert all(any(cure in bad[2] for cure in ("请", "应为", "列是")) for bad in found)


def test_all_bad_rows_are_named_at_once_and_none_of_the_good_ones_is_imported(tmp_path: Path) -> None:
    rows = [ITEMS, [ITEM, "好的", "公共服务"], [ITEM[:29] + "77", "", "公共服务"], ["短", "坏的", "公共服务"]]
    path = workbook(tmp_path, 事项=rows)
    plan = importing.plan(importing.read(path))
    assert [bad.row for bad in plan.bad] == [3, 4]
    assert [step.key for step in plan.add] == [(ITEM,)]
    with pytest.raises(importing.ImportRefused, match="2 处问题，一行也没有导入"):
        importing.registry_import(plan, by=SYSTEM, at=now())
    assert not Item.objects.exists()


def test_an_item_code_of_33_characters_is_good(tmp_path: Path) -> None:
    assert reasons(workbook(tmp_path, 事项=[ITEMS, [ITEM + "01", "业务办理项", "20"]])) == []


def test_staff_may_not_sit_at_another_units_window(edit: Edit) -> None:
    folder = edit("staff.yaml", "{organization: minan, code: r01, name: 复核专员}",
                  "{organization: minan, code: r01, name: 复核专员, window: \"03\"}")  # fmt: skip
    assert [(sheet, "机构“minan”没有窗口“03”" in reason) for sheet, _, reason in reasons(folder)] == [("人员", True)]


def test_a_bad_row_of_a_folder_is_named_by_its_line(edit: Edit) -> None:
    folder = edit("windows.yaml", 'code: "02", name: 2号窗口 医疗保障', 'code: "02", nmae: 2号窗口')
    found = reasons(folder)
    assert [(sheet, line) for sheet, line, _ in found] == [("窗口", 2), ("窗口", 2)]
    assert "不认识“nmae”" in found[0][2]


def test_zeros_before_a_code_stay_in_a_folder_without_quotes(edit: Edit) -> None:
    book = importing.read(edit("windows.yaml", 'code: "01"', "code: 01"))
    assert book.rows["windows"][0].values["code"] == "01"


def test_yaml_that_cannot_be_read_is_named_with_its_line(edit: Edit) -> None:
    found = reasons(edit("items.yaml", 'kind: "20", version', 'kind: "20, version'))
    assert found[0][0] == "事项" and "YAML" in found[0][2]
    assert not [bad for bad in found if bad[0] == "套餐"], (
        "nobody is blamed for pointing into a file that cannot be read"
    )


def test_codes_that_a_spreadsheet_turned_into_numbers_are_named_not_guessed(tmp_path: Path) -> None:
    import xlsxwriter

    file = tmp_path / "numbers.xlsx"
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet("区划")
        padded = book.add_format({"num_format": "000000000000"})
        sheet.write_row(0, 0, ["区划代码", "区划名称"])
        sheet.write_row(1, 0, [350213005, "民安街道"])
        sheet.write_number(2, 0, 35021300501, padded)
        sheet.write(2, 1, "补零")
        sheet.write_row(3, 0, [1.1350213e30, "丢了末位"])
    read = importing.read(file)
    assert [row.values["code"] for row in read.rows["areas"]][:2] == ["350213005", "035021300501"]
    assert [(bad.row, "末尾几位已经丢失" in bad.reason) for bad in read.bad] == [(4, True)]


def test_a_file_that_is_no_workbook_is_refused_with_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "x.xlsx"
    file.write_bytes(b"PK\x03\x04 not a package")
    with pytest.raises(importing.FileUnreadable, match="已损坏"):
        importing.read(file)
    with pytest.raises(importing.FileUnreadable, match="打不开"):
        importing.read(tmp_path / "absent.xlsx")


def test_the_number_of_queries_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    load()

    def queries_for(rows: int, first: int) -> tuple[int, int]:
        book = importing.current()
        items = book.rows["items"]
        for number in range(first, first + rows):
            values = {"code": f"XN35021300520MINPINGTEST{number:07d}", "name": "测试", "kind": "20", "version": ""}
            items.append(importing.Row(number, dict(values)))
            book.rows["windows"].append(
                importing.Row(number, {"organization": "minan", "code": f"t{number}", "name": "测试"})
            )
        with CaptureQueriesContext(connection) as added:
            importing.registry_import(importing.plan(book), by=SYSTEM, at=now())
        for row in items[-rows:]:
            row.values["name"] = "改名"
        book.rows["windows"] = book.rows["windows"][:-rows]
        with CaptureQueriesContext(connection) as changed:
            importing.registry_import(importing.plan(book), by=SYSTEM, at=now())
        return len(added), len(changed)

    assert queries_for(3, first=0) == queries_for(2000, first=10)


# --- who may -------------------------------------------------------------------------------------


def person(path: str) -> Actor:
    return Actor("account:operator", "管理员", (Grant(frozenset({"registry.import"}), path),), account_id=uuid7())


def test_a_person_imports_only_within_the_scope_they_hold(tmp_path: Path) -> None:
    load()
    rows = [["机构代码", "窗口代码", "窗口名称"], ["minan-center", "01", "改名"], ["minan-agent-01", "01", "也改"]]
    book = importing.read(workbook(tmp_path, 窗口=rows))
    plan = importing.plan(book, ("/minan/minan-center/",))
    assert [(bad.row, "不在您的管理范围内" in bad.reason) for bad in plan.bad] == [(3, True)]
    assert {step.key[0] for step in plan.retire} == {"minan-center"}
    with pytest.raises(Forbidden):
        importing.registry_import(importing.plan(book), by=person("/minan/minan-center/"), at=now())
    with pytest.raises(Forbidden):
        importing.registry_import(replace(plan, bad=()), by=person("/elsewhere/"), at=now())


def test_what_is_common_to_all_offices_is_not_changed_by_one_of_them(tmp_path: Path) -> None:
    load()
    book = importing.read(workbook(tmp_path, 事项=[ITEMS, [ITEM, "改了名", "公共服务"]]))
    plan = importing.plan(book, ("/minan/minan-center/",))
    assert "各单位共用" in plan.bad[0].reason
    assert plan.retire == ()
    assert importing.plan(book, ("/minan/",)).bad == ()


def test_the_part_of_an_office_can_be_downloaded_and_imported_again(tmp_path: Path) -> None:
    load()
    file = tmp_path / "part.xlsx"
    file.write_bytes(importing.workbook(importing.current({"minan-center"})))
    plan = importing.plan(importing.read(file), ("/minan/minan-center/",))
    assert plan.bad == () and plan.empty


def test_a_plan_over_a_registry_that_others_changed_is_not_carried_out(edit: Edit) -> None:
    load()
    plan = importing.plan(importing.read(edit("windows.yaml", "3号窗口 社会保障", "3号窗口")))
    Window.objects.filter(organization="minan-center", code="03").update(name="别人改的")
    with pytest.raises(importing.RegistryMoved):
        importing.registry_import(plan, by=SYSTEM, at=now())
    assert Window.objects.get(organization="minan-center", code="03").name == "别人改的"


@pytest.mark.parametrize(("day", "right"), [("2026-04-01", True), ("2026-02-29", False), ("2026-13-01", False)])
def test_a_day_of_the_calendar_is_one(day: str, right: bool) -> None:
    assert (day_wrong(day) is None) == right


@pytest.mark.parametrize(
    ("code", "wrong"),
    [("91350100M000100Y43", None), ("91350100M000100Y4", "18 位"), ("91350100M000100Y4I", "18 位"),
     ("91350100M000100Y44", "校验位")],
)  # fmt: skip
def test_a_credit_code_is_checked_by_its_last_character(code: str, wrong: Any) -> None:
    said = credit_code_wrong(code)
    assert said is None if wrong is None else said is not None and wrong in said
