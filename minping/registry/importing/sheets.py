"""What a registry file holds: one declaration per sheet, read by the workbook, the folder, the check and the write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from minping.registry.models import Area, Device, Item, Organization, Package, Retirable, Staff, Window

Key = tuple[str, ...]
CODE = r"[^\s/\x00-\x1f\x7f、，；]{1,40}"
WORDS = r"[^\x00-\x1f\x7f]+"
CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def credit_code_wrong(code: str) -> str | None:
    """Why `code` is no unified social credit code (18 characters, the last a check: GB 32100-2015), or None."""
    if len(code) != 18 or any(c not in CREDIT_ALPHABET for c in code):
        return "应为 18 位数字或大写字母（不含 I、O、S、V、Z）"
    total = sum(CREDIT_ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(code[:17]))
    if CREDIT_ALPHABET[-total % 31] != code[17]:
        return "校验位不对，可能抄错了一位"
    return None


def day_wrong(text: str) -> str | None:
    """Why `text` is no day of the calendar, or None."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return "没有这一天"
    return None


@dataclass(frozen=True)
class Column:
    """One column.  `refers` names the sheet it points into; `within` the column that completes that key.

    `lookup` is how the stored value is asked for, `derived` says that the file never holds it.
    """

    name: str
    heading: str
    required: bool = True
    pattern: str = WORDS
    shape: str = "不能含换行等控制字符"
    longest: int = 200
    choices: Mapping[str, str] = field(default_factory=dict)
    refers: str = ""
    within: str = ""
    many: bool = False
    derived: bool = False
    lookup: str = ""
    wrong: Callable[[str], str | None] | None = None

    @property
    def is_code(self) -> bool:
        """Whether full-width letters and digits are typing slips to be mended silently."""
        return self.pattern != WORDS

    def shown(self, value: str) -> str:
        return self.choices.get(value, value)


@dataclass(frozen=True)
class Sheet:
    name: str
    title: str
    model: type[Retirable]
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ("code",)

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def by_organization(self) -> bool:
        """Whether a row belongs to one organisation (the others are common to the installation)."""
        return self.key != ("code",) or self.name == "organizations"

    @property
    def in_file(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if not column.derived)

    def label(self, key: Key) -> str:
        return " ".join(key)

    def key_of(self, values: Mapping[str, Any]) -> Key:
        return tuple(values.get(name, "") for name in self.key)


ITEM_KINDS = {
    "01": "行政许可", "02": "行政处罚", "03": "行政强制", "04": "行政征收", "05": "行政给付", "06": "行政检查",
    "07": "行政确认", "08": "行政奖励", "09": "行政裁决", "10": "其他行政权力", "20": "公共服务", "99": "其他",
}  # fmt: skip  # GB/T 39046
DEVICE_KINDS = {"qr": "二维码立牌", "tablet": "窗口平板", "keypad": "按键评价器", "terminal": "自助终端"}

_CODED: dict[str, Any] = {"pattern": CODE, "shape": "应为 1 至 40 个字符，不含空格和斜线", "longest": 40}
_ORGANIZATION = Column("organization", "机构代码", refers="organizations", **_CODED)
_WINDOW = Column(
    "window", "窗口代码", required=False, refers="windows", within="organization", lookup="window__code", **_CODED
)

SHEETS: tuple[Sheet, ...] = (
    Sheet("areas", "区划", Area, (
        Column("code", "区划代码", pattern=r"\d{6}|\d{9}|\d{12}", shape="应为 6、9 或 12 位数字", longest=12),
        Column("name", "区划名称", longest=80),
        Column("parent", "上级区划", required=False, refers="areas", pattern=r"\d{6}|\d{9}|\d{12}",
               shape="应为 6、9 或 12 位数字", longest=12),
    )),
    Sheet("organizations", "机构", Organization, (
        Column("code", "机构代码", pattern=r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,39}",
               shape="应为 1 至 40 位字母、数字、点、横线或下划线", longest=40),
        Column("name", "机构名称", longest=100),
        Column("kind", "机构类别", choices=dict(Organization.Kind.choices), longest=20),
        Column("area", "区划代码", refers="areas", pattern=r"\d{6}|\d{9}|\d{12}",
               shape="应为 6、9 或 12 位数字", longest=12),
        Column("parent", "上级机构", required=False, refers="organizations", **_CODED),
        Column("credit_code", "统一社会信用代码", required=False, pattern=r"[^\s]+", longest=18,
               shape="应为 18 位", wrong=credit_code_wrong),
        Column("reports_from", "报送起始日", required=False, pattern=r"\d{4}-\d{2}-\d{2}", longest=10,
               shape="应写成 2026-01-01 这样", wrong=day_wrong),
        Column("opens_at", "开门时间", required=False, pattern=r"([01]\d|2[0-3]):[0-5]\d", longest=5,
               shape="应写成 08:30 这样"),
        Column("path", "隶属", required=False, derived=True, longest=300),
    )),
    Sheet("windows", "窗口", Window, (
        _ORGANIZATION,
        Column("code", "窗口代码", **_CODED),
        Column("name", "窗口名称", longest=80),
    ), key=("organization", "code")),
    Sheet("staff", "人员", Staff, (
        _ORGANIZATION,
        Column("code", "工号", **_CODED),
        Column("name", "显示名", longest=60),
        _WINDOW,
    ), key=("organization", "code")),
    Sheet("devices", "装置", Device, (
        _ORGANIZATION,
        Column("code", "装置编号", **_CODED),
        Column("kind", "装置类别", choices=DEVICE_KINDS, longest=20),
        _WINDOW,
    ), key=("organization", "code")),
    Sheet("items", "事项", Item, (
        Column("code", "事项编码", pattern=r"[0-9A-Z]{31}(?:[0-9A-Z]{2})?",
               shape="应为 31 位实施编码或 33 位业务办理项编码（数字和大写字母）", longest=33),
        Column("name", "事项名称", longest=200),
        Column("kind", "事项类型", choices=ITEM_KINDS, longest=2),
        Column("version", "版本", required=False, longest=20),
    )),
    Sheet("packages", "套餐", Package, (
        Column("code", "套餐编码", **_CODED),
        Column("name", "套餐名称", longest=120),
        Column("items", "包含事项", refers="items", many=True, pattern=r"[0-9A-Z]+",
               shape="应为事项编码，几个之间用顿号隔开", longest=33),
    )),
)  # fmt: skip
BY_NAME = {sheet.name: sheet for sheet in SHEETS}
BY_TITLE = {sheet.title: sheet for sheet in SHEETS}
