"""The indicators in words: sentences with n of N, percentages, and when a sample is too small to compare."""

from __future__ import annotations

from collections.abc import Mapping

from minping.assess.indicators import Indicator
from minping.assess.tally import fraction

TOO_SMALL = "样本过少"

# What stands below and above the line, as one sentence.
SENTENCES: Mapping[str, str] = {
    "participation": (
        "实体大厅、代办点和自助终端的 {denominator} 次服务（{cases} 件办件）里，{shown} 次由本人评价；"
        "默认后追加的 {supplementary} 次不计入。"
    ),
    "praise": "全部 {denominator} 次服务（{cases} 件办件）里，{shown} 次是好评{of_defaults}。",
    "rectified": "应办结的 {denominator} 件差评里，{shown} 件按流程、按时办结。",
    "follow_up": ("整改已验收的 {denominator} 件差评里，{shown} 件本人认为解决了。实名差评 {real}，要求 100%。"),
    "reporting": "应报送的 {denominator} 个季度里，{shown} 个按时报送。",
}
NOTHING: Mapping[str, str] = {
    "participation": "这段时间没有大厅、代办点或自助终端的服务。",
    "praise": "这段时间没有服务。",
    "rectified": "这段时间没有到期的差评。",
    "follow_up": "这段时间没有整改已验收的差评。",
    "reporting": "这段时间没有到期的季度报告。",
}


def percent(value: float | None) -> str:
    return "—" if value is None else f"{value * 100:.2f}%"


def bar(indicator: Indicator, with_defaults: bool) -> tuple[float | None, str]:
    """One bar of the small trend and its few letters; too small a sample is no bar, only n/N (R13)."""
    if indicator.small_sample:
        return None, of(indicator, with_defaults) if indicator.denominator else "—"
    value = fraction(indicator.shown(with_defaults), indicator.denominator)
    return value, "—" if value is None else f"{value * 100:.1f}%"


def value_text(indicator: Indicator, with_defaults: bool) -> str:
    return percent(fraction(indicator.shown(with_defaults), indicator.denominator))


def of(indicator: Indicator, with_defaults: bool) -> str:
    """`n/N`."""
    return f"{indicator.shown(with_defaults)}/{indicator.denominator}"


def comparable(indicator: Indicator, with_defaults: bool) -> str:
    """The rate where rates stand side by side: too small a sample is not ranked (R13)."""
    if indicator.small_sample and indicator.denominator:
        return TOO_SMALL
    return value_text(indicator, with_defaults)


def sentence(indicator: Indicator, with_defaults: bool) -> str:
    if not indicator.denominator:
        return NOTHING.get(indicator.id, "这段时间没有可计的。")
    rule_made = indicator.numerator - indicator.without_defaults
    real = indicator.real_name or (0, 0)
    return SENTENCES.get(indicator.id, "{denominator} 里有 {shown}。").format(
        denominator=indicator.denominator,
        cases=indicator.cases,
        shown=indicator.shown(with_defaults),
        supplementary=indicator.supplementary,
        of_defaults=f"，其中 {rule_made} 次是默认满意" if with_defaults and rule_made else "",
        real=f"{real[0]}/{real[1]}",
    )


def other_reading(indicator: Indicator, with_defaults: bool) -> str:
    """The same rate read the other way, wherever defaults make a difference."""
    if indicator.with_defaults == indicator.without_defaults:
        return ""
    label, number = (
        ("不含默认满意", indicator.without_defaults) if with_defaults else ("计入默认满意", indicator.with_defaults)
    )
    return f"{label}：{number}/{indicator.denominator}，{percent(fraction(number, indicator.denominator))}"
