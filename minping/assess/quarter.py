"""What a quarterly report says: figures made once, shown the same as draft, as sent, and as workbook."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from minping.assess import words
from minping.assess.clusters import clusters
from minping.assess.indicators import by_point, indicators, rules_for
from minping.assess.periods import AsOf, Quarter, cut
from minping.assess.sheets import Sheet
from minping.assess.units import Unit


def figures(unit: Unit, quarter: Quarter, as_of: AsOf) -> dict[str, Any]:
    """Everything the report says, as lists, texts and numbers only; in a fixed number of statements."""
    period = quarter.period
    start, end = period.start, period.end
    return {
        "unit": unit.key,
        "unit_label": unit.label,
        "year": quarter.year,
        "quarter": quarter.number,
        "from": start.isoformat(),
        "to": end.isoformat(),
        "as_of": cut(as_of).isoformat(),
        "rule_version": rules_for(unit, period, as_of).version,
        "indicators": [
            {
                **one.as_json(),
                "value_text": words.value_text(one, True),
                "sentence": words.sentence(one, True),
            }
            for one in indicators(unit, start, end, as_of)
        ],
        "points": [
            {
                "label": child.part.label,
                "unit": child.part.unit.key if child.part.unit else "",
                "counts": asdict(child.tally),
                "rates": {one.id: words.comparable(one, True) for one in child.indicators},
            }
            for child in by_point(unit, start, end, as_of)
        ],
        "clusters": clusters(unit, start, end, as_of).as_json(),
    }


def digest(content: Mapping[str, Any]) -> str:
    """SHA-256 of the figures' canonical text (keys sorted, no spaces), hex."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


INDICATOR_HEADS = (
    "指标", "结果", "分子", "分母", "不含默认", "服务/办件", "本人评价", "默认", "已撤销", "撤销中", "样本",
)  # fmt: skip
POINT_HEADS = ("窗口、代办点", "服务", "本人评价", "默认满意", "差评", "参与度", "好评率")
LINE_HEADS = ("件数", "占差评")


def tables(content: Mapping[str, Any]) -> list[Sheet]:
    """The report's tables, in its order."""
    found = content["clusters"]
    return [
        Sheet("五项指标", INDICATOR_HEADS, [_indicator(one) for one in content["indicators"]]),
        Sheet("各窗口、代办点", POINT_HEADS, [_point(point) for point in content["points"]]),
        _lines("差评等级", "等级", found["by_level"]),
        _lines("差评较多的事项", "事项", found["items"]),
        _lines("差评较多的窗口、代办点", "窗口、代办点", found["places"]),
        _lines("差评较多的理由", "理由", found["tags"]),
        _lines("同一处、同一理由两次以上", "哪里：什么", found["clusters"]),
    ]


def _indicator(one: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        one["label"], one["value_text"], one["numerator"], one["denominator"],
        words.percent(one["without_defaults"]["value"]), f"{one['services']}/{one['cases']}", one["ratings"],
        one["defaults"], one["invalid"] - one["pending_revocation"], one["pending_revocation"],
        words.TOO_SMALL if one["small_sample"] else "",
    )  # fmt: skip


def _point(point: Mapping[str, Any]) -> tuple[Any, ...]:
    counts, rates = point["counts"], point["rates"]
    return (
        point["label"], counts["services"], counts["ratings"], counts["defaults"], counts["opened"],
        rates.get("participation", "—"), rates.get("praise", "—"),
    )  # fmt: skip


def _lines(title: str, head: str, lines: list[Mapping[str, Any]]) -> Sheet:
    rows = [(line["label"], line["count"], words.percent(line["share"])) for line in lines]
    return Sheet(title, (head, *LINE_HEADS), rows)


def _said(one: Mapping[str, Any]) -> str:
    """An indicator as a sentence; where nothing can be computed the sentence alone says why."""
    value = "" if one["value_text"] == "—" else f"{one['value_text']}。"
    return f"{one['label']}：{value}{one['sentence']}"


def sections(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The report as its page shows it."""
    first, points, levels, items, places, tags, together = (_table(sheet) for sheet in tables(content))
    negatives = content["clusters"]["negatives"]
    return [
        {
            "title": "五项指标",
            "paragraphs": [_said(one) for one in content["indicators"]],
            "tables": [first],
            "note": "默认满意由规则生成，不是评价；每个比率都另列不含默认的结果。",
        },
        {
            "title": "各窗口、代办点",
            "tables": [points],
            "note": "各窗口办理的事项不同，数字不宜直接排名；样本过少的不列比率。",
        },
        {
            "title": "差评集中在哪里",
            "paragraphs": [f"本季度收到差评 {negatives} 件。" if negatives else "本季度没有收到差评。"],
            "tables": [levels, items, places, tags] if negatives else [],
            "clusters": [
                {"label": row[0], "text": f"{row[1]} 件，占 {row[2]}"} for row in (r["cells"] for r in together["rows"])
            ],
            "note": "一件差评可以有几个理由，也可以没有，所以理由的件数相加不等于差评数。" if negatives else "",
        },
    ]


def _table(sheet: Sheet) -> dict[str, Any]:
    return {
        "caption": sheet.title,
        "heads": list(sheet.heads),
        "rows": [{"cells": list(row)} for row in sheet.rows],
    }
