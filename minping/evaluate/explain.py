"""What anyone may know of the system, in plain words (minan/6.3.1): every number is read from the law of the day.

One text for the page, the terminal and whoever else explains it; in the language of the page.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from minping import law
from minping.evaluate.view import levels_view
from minping.kernel.language import level_label, limit_text, said

# title, id of the limit, sentence with {limit}
STEPS = (
    (gettext_noop("核实"), "verify", gettext_noop("复核专员在 {limit}内打电话给您，问清情况。被评价的人和窗口不参与。")),
    (gettext_noop("整改"), "rectify", gettext_noop("属实的，转责任单位在 {limit}内整改到位，写明做了什么、怎样不再发生。")),
    (gettext_noop("验收和回访"), "", gettext_noop("由另一个人验收，再打电话问您改好了没有。没有改好的，重新整改。")),
    (gettext_noop("再评一次"), "rerate", gettext_noop("您可以在 {limit}内对整改再评一次。第一次的评价保留不变。")),
)  # fmt: skip

# who, what they see, what they do not (R8, R12)
SEES = (
    (gettext_noop("被评价的窗口"), gettext_noop("评价的内容和要求"), gettext_noop("您的姓名、电话、证件号")),
    (gettext_noop("责任单位"), gettext_noop("原话、整改要求和期限"), gettext_noop("您的姓名、电话、证件号")),
    (gettext_noop("复核专员"), gettext_noop("回访时的电话，每次查看留记录"), gettext_noop("证件号")),
    (gettext_noop("省好差评系统"), gettext_noop("评价原文和办件信息"), "—"),
    (gettext_noop("公众"), gettext_noop("汇总数字"), gettext_noop("任何一个人的评价")),
)


def explanation(rules: law.Rules) -> dict[str, Any]:
    """The context of `evaluate/_explanation.html`."""
    default = law.InterfaceLevel(rules.value("default_level").number)
    return {
        "levels": levels_view(rules),
        "bad": [level_label(rules, row.code) for row in rules.levels if row.negative],
        "change_text": limit_text(rules.limit("change")),
        "steps": [_step(rules, *row) for row in STEPS],
        "sees": [{"who": _(who), "sees": _(sees), "hidden": _(hidden)} for who, sees, hidden in SEES],
        "default_text": _(
            "{limit}内没有评价的，按规定记为默认{level}。默认不是您的评价，在每一处都注明“默认”，统计时单独列出。"
            "之后 {late}内，您仍可以打开链接说出您的看法，如实记录，如实上报。"
        ).format(
            limit=limit_text(rules.limit("default")), late=limit_text(rules.limit("late_voice")),
            level=level_label(rules, default),
        ),
    }  # fmt: skip


def _step(rules: law.Rules, title: str, limit_id: str, sentence: str) -> dict[str, str]:
    if not limit_id:
        return {"title": _(title), "text": _(sentence), "clause": ""}
    limit = rules.limit(limit_id)
    rule = law.clause(limit.clause).title
    text = _(sentence).format(limit=limit_text(limit))
    source = law.spoken(limit.source)
    basis = f"{rule}（{source}）" if source == limit.source else f"{rule}，{source}"
    return {"title": _(title), "text": text, "clause": said(basis)}
