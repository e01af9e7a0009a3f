"""Ratings as a file for machines: word for word, nothing personal of the applicant."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime
from typing import TextIO

from minping import law
from minping.evaluate.models import DefaultOutcome, Rating
from minping.evaluate.states import Entry, RatingKind
from minping.kernel.clock import beijing

HEADINGS = (
    "机构代码", "办件编号", "服务序号", "事项编码", "窗口代码", "类别", "等级", "等级代码", "标签", "评价文字", "渠道",
    "时间", "录入方式",
)  # fmt: skip


def _rows(start: datetime, end: datetime) -> Iterator[tuple[object, ...]]:
    ratings = Rating.objects.filter(rated_at__gte=start, rated_at__lt=end).select_related("service")
    for rating in ratings.order_by("rated_at", "id").iterator(chunk_size=2000):
        service = rating.service
        yield (
            service.organization_code, service.case_no, service.service_no, service.item_code, service.window_code,
            RatingKind(rating.kind).label, law.InterfaceLevel(rating.level).label, rating.level, "、".join(rating.tags),
            rating.text, rating.channel, beijing(rating.rated_at).isoformat(timespec="seconds"),
            Entry(rating.entry).label,
        )  # fmt: skip
    defaults = DefaultOutcome.objects.filter(made_at__gte=start, made_at__lt=end).select_related("service")
    for default in defaults.order_by("made_at", "id").iterator(chunk_size=2000):
        service = default.service
        yield (
            service.organization_code, service.case_no, service.service_no, service.item_code, service.window_code,
            "默认（按规定，不是评价）", law.InterfaceLevel(default.level).label, default.level, "", "", "",
            beijing(default.made_at).isoformat(timespec="seconds"), "",
        )  # fmt: skip


def ratings_write(stream: TextIO, start: datetime, end: datetime) -> int:
    """Write ratings and defaults of the period as CSV, words unchanged; returns how many rows.

    For programs, not for a spreadsheet: a word that begins with `=` stays as it is
    (the XLSX exports of the pages carry text as text).
    """
    writer = csv.writer(stream)
    writer.writerow(HEADINGS)
    count = 0
    for row in _rows(start, end):
        writer.writerow(row)
        count += 1
    return count
