"""Who is rated, about what, where.  Loaded from a workbook or folder; changed and retired, never deleted.

Codes are the primary keys that the outside world uses; a retired row stays, because
ratings of its time speak of it.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from minping.kernel import ids


class Retirable(models.Model):
    retired_at = models.DateTimeField("停用时间", null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def live(self) -> bool:
        return self.retired_at is None


class Area(Retirable):
    """行政区划: 6 digits for province, city, district; 9 for a subdistrict; 12 for a community."""

    code = models.CharField("区划代码", max_length=12, primary_key=True)
    name = models.CharField("名称", max_length=80)
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")

    class Meta:
        verbose_name = "行政区划"

    def __str__(self) -> str:
        return self.name


class Organization(Retirable):
    """机构: the subdistrict office, its centre, an agent point.  `path` lists the codes from the top."""

    class Kind(models.TextChoices):
        OFFICE = "office", "街道办事处"
        CENTER = "center", "便民服务中心"
        AGENT_POINT = "agent_point", "便民代办点"
        DEPARTMENT = "department", "部门"
        AUTHORITY = "authority", "上级主管机构"

    code = models.CharField("机构代码", max_length=40, primary_key=True)
    name = models.CharField("名称", max_length=100)
    kind = models.CharField("类别", max_length=20, choices=Kind.choices)
    area = models.ForeignKey(Area, on_delete=models.PROTECT)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    path = models.CharField(max_length=300, db_index=True)
    credit_code = models.CharField("统一社会信用代码", max_length=18, blank=True)
    # The day, as the file has it, from which it reports: no quarter before it is owed (minan/5.1.5, decision 0082).
    reports_from = models.CharField("报送起始日", max_length=10, blank=True, default="")
    # Its own hour, where it differs from that of the area (minan/4.1.1); by then each window has been checked.
    opens_at = models.CharField("开门时间", max_length=5, blank=True, default="")

    class Meta:
        verbose_name = "机构"

    def __str__(self) -> str:
        return self.name


class Window(Retirable):
    """窗口 of an organisation; an agent point's desk is a window too."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="windows")
    code = models.CharField("窗口代码", max_length=40)
    name = models.CharField("名称", max_length=80)

    class Meta:
        verbose_name = "窗口"
        constraints: ClassVar = [models.UniqueConstraint(fields=["organization", "code"], name="window_code_once")]

    def __str__(self) -> str:
        return self.name


class Staff(Retirable):
    """人员, known to this system by number and role only; the name on the badge is the office's affair."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="staff")
    code = models.CharField("工号", max_length=40)
    name = models.CharField("显示名", max_length=60)
    window = models.ForeignKey(Window, null=True, blank=True, on_delete=models.PROTECT, related_name="staff")

    class Meta:
        verbose_name = "人员"
        constraints: ClassVar = [models.UniqueConstraint(fields=["organization", "code"], name="staff_code_once")]

    def __str__(self) -> str:
        return self.name


class Device(Retirable):
    """装置: what a rating is collected on at a window (minan/3.4.2)."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="devices")
    code = models.CharField("装置编号", max_length=40)
    kind = models.CharField("类别", max_length=20)
    window = models.ForeignKey(Window, null=True, blank=True, on_delete=models.PROTECT, related_name="devices")

    class Meta:
        verbose_name = "装置"
        constraints: ClassVar = [models.UniqueConstraint(fields=["organization", "code"], name="device_code_once")]


class Item(Retirable):
    """事项: what is applied for, under the code of the implementation list (实施编码, 31 characters)."""

    code = models.CharField("事项编码", max_length=33, primary_key=True)
    name = models.CharField("事项名称", max_length=200)
    kind = models.CharField("事项类型", max_length=2)
    version = models.CharField("版本", max_length=20, blank=True)

    class Meta:
        verbose_name = "事项"

    def __str__(self) -> str:
        return self.name


class Package(Retirable):
    """一件事: items that are applied for together (minan/3.4.3)."""

    code = models.CharField("套餐编码", max_length=40, primary_key=True)
    name = models.CharField("名称", max_length=120)
    items = models.ManyToManyField(Item, related_name="packages")

    class Meta:
        verbose_name = "一件事套餐"
