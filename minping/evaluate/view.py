"""What every channel shows of an invitation: the same words on every face (minan/3.1.1)."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from minping import law
from minping.evaluate.models import Rating, Service
from minping.evaluate.states import Entry, Outcome, RatingKind
from minping.kernel import clock
from minping.kernel.language import level_label, limit_text, moment_text, tag_label

NOTES = {
    RatingKind.SUPPLEMENTARY: gettext_noop(
        "这次服务已过评价期限，按规定记为默认满意；默认不是您的评价。您现在说的会如实记录、如实上报。"
    ),
    RatingKind.RERATING: gettext_noop("您反映的问题已经整改。请您再评一次；上次的评价原样保留。"),
}
# The labels of states.py, which knows no Django, as the catalogue must have them (tests/house/test_languages.py).
LABELS = (
    gettext_noop("待评价"), gettext_noop("已评价"), gettext_noop("默认满意"), gettext_noop("无效"),
    gettext_noop("人工电话代录"), gettext_noop("套餐总评带入"), gettext_noop("上级转来，手工录入"),
    gettext_noop("评价"), gettext_noop("套餐总评"), gettext_noop("追加评价"), gettext_noop("再次评价"),
)  # fmt: skip


def kind_note(kind: RatingKind | str) -> str:
    """What the person should know before this kind of word; empty for the first."""
    return _(NOTES.get(RatingKind(kind), ""))


def kind_label(kind: str) -> str:
    return _(RatingKind(kind).label)


def outcome_label(outcome: str) -> str:
    return _(Outcome(outcome).label)


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
        "served_text": moment_text(service.served_at),
        "case_tail": service.case_tail,
    }


def levels_view(rules: law.Rules) -> list[dict[str, Any]]:
    """The five tiles, in their fixed order."""
    return [
        {"value": int(row.code), "label": level_label(rules, row.code), "face": int(row.code)} for row in rules.levels
    ]


def tags_view(rules: law.Rules, level: law.InterfaceLevel) -> list[dict[str, Any]]:
    """The reasons offered for a level; `base` ones are shown first."""
    return [{"code": tag.code, "label": tag_label(rules, tag.code), "base": tag.base} for tag in rules.tags(level)]


def verify_promise(rules: law.Rules) -> str:
    """What follows a negative rating and by when; the days come from the law folder."""
    sentence = _("不满意的评价由专人在 {verify}内回访核实，属实的 {rectify}内整改，并给您回音。")
    return sentence.format(verify=limit_text(rules.limit("verify")), rectify=limit_text(rules.limit("rectify")))


def promise_view(rules: law.Rules) -> list[str]:
    """What the person is told before being asked; the days come from the law folder."""
    return [
        _("窗口人员看不到您的姓名和电话。"),
        verify_promise(rules),
        _("每次服务只评价一次，评价如实上报省“好差评”平台。"),
    ]


def entry_label(rating: Rating) -> str:
    """Through whose hands the word came in; empty where it is simply the person's own press on a page.

    Words spoken to a telephone system were written down by a machine, which may have misheard.
    """
    if rating.entry != Entry.PERSON:
        return _(Entry(rating.entry).label)
    if rating.channel == "phone":
        return _("电话按键，留言由语音识别") if rating.text else _("电话按键")
    return ""


def words_view(rating: Rating, rules: law.Rules) -> dict[str, Any]:
    """What a rating says, in words."""
    labels = [{"code": code, "label": tag_label(rules, code)} for code in rating.tags]
    return {
        "kind_label": kind_label(rating.kind),
        "entry_label": entry_label(rating),
        "level_label": level_label(rules, rating.level),
        "tags": labels,
        "text": rating.text,
        "time_text": moment_text(rating.rated_at),
    }
