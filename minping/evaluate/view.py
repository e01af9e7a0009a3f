"""What every channel shows of an invitation: the same words on every face (minan/3.1.1)."""

from __future__ import annotations

from typing import Any

from minping import law
from minping.evaluate.models import Rating, Service
from minping.evaluate.states import Entry, RatingKind
from minping.kernel import clock

NOTES = {
    RatingKind.SUPPLEMENTARY: "这次服务已过评价期限，按规定记为默认满意；默认不是您的评价。您现在说的会如实记录、如实上报。",
    RatingKind.RERATING: "您反映的问题已经整改。请您再评一次；上次的评价原样保留。",
}


def rules_of(service: Service) -> law.Rules:
    """The law of today at the place of the service."""
    return law.at(service.area_code, clock.beijing(clock.now()).date())


def service_view(service: Service) -> dict[str, Any]:
    """What is rated, where and when; never who."""
    return {
        "item_name": service.item_name,
        "organization_name": service.organization_name,
        "window_name": service.window_name,
        "place_text": service.organization_name,
        "served_text": clock.moment_text(service.served_at),
        "case_tail": service.case_tail,
    }


def levels_view(rules: law.Rules) -> list[dict[str, Any]]:
    """The five tiles, in their fixed order."""
    return [{"value": int(row.code), "label": row.label, "face": int(row.code)} for row in rules.levels]


def tags_view(rules: law.Rules, level: law.InterfaceLevel) -> list[dict[str, Any]]:
    """The reasons offered for a level; `base` ones are shown first."""
    return [{"code": tag.code, "label": tag.label, "base": tag.base} for tag in rules.tags(level)]


def promise_view(rules: law.Rules) -> list[str]:
    """What the person is told before being asked; the days come from the law folder."""
    verify, rectify = rules.limit("verify"), rules.limit("rectify")
    return [
        "窗口人员看不到您的姓名和电话。",
        f"不满意的评价由专人在 {verify.value} 个工作日内回访核实，属实的 {rectify.value} 个工作日内整改，并给您回音。",
        "每次服务只评价一次，评价如实上报省“好差评”平台。",
    ]


def entry_label(rating: Rating) -> str:
    """Through whose hands the word came in; empty where it is simply the person's own press on a page.

    Words spoken to a telephone system were written down by a machine, which may have misheard.
    """
    if rating.entry != Entry.PERSON:
        return Entry(rating.entry).label
    if rating.channel == "phone":
        return "电话按键，留言由语音识别" if rating.text else "电话按键"
    return ""


def words_view(rating: Rating, rules: law.Rules) -> dict[str, Any]:
    """What a rating says, in words."""
    labels = [{"code": code, "label": tag.label if (tag := rules.tag(code)) else code} for code in rating.tags]
    return {
        "kind_label": RatingKind(rating.kind).label,
        "entry_label": entry_label(rating),
        "level_label": law.InterfaceLevel(rating.level).label,
        "tags": labels,
        "text": rating.text,
        "time_text": clock.moment_text(rating.rated_at),
    }
