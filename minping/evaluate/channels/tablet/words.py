"""The words of the tablet's page in the other languages, all at once: the page must go on while the server is away."""

from __future__ import annotations

import json
from collections.abc import Iterable

from django.utils import translation
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from minping import law
from minping.evaluate.services.rate import AlreadyRated, InvitationClosed
from minping.evaluate.view import verify_promise
from minping.kernel.language import LANGUAGES, SIMPLIFIED, level_label, tag_label

# What tablet.html marks with data-say and tablet.js says (tests/house/test_languages.py holds them together).
WORDS = (
    gettext_noop("办完事后，这里会显示您的这一次服务，请您如实评价。"),
    gettext_noop("评不评、怎么评，由您自己决定。"),
    gettext_noop("您对这次服务满意吗？"),
    gettext_noop("点一下就收下，接着可以说明原因，也可以跳过。窗口人员看不到您选了什么，也看不到您的姓名和电话。"),
    gettext_noop("现在不评"),
    gettext_noop("评价说明"),
    gettext_noop("返回"),
    gettext_noop("不评也没有关系，稍后还可以用手机评价。"),
    gettext_noop("是哪些方面？"),
    gettext_noop("（可多选，可不选）"),
    gettext_noop("想说的话"),
    gettext_noop("（选填）"),
    gettext_noop("请不要写姓名、电话、身份证号。"),
    gettext_noop("提交"),
    gettext_noop("跳过"),
    gettext_noop("点错了？改选满意程度"),
    gettext_noop("完成"),
    gettext_noop("这台装置已停用"),
    gettext_noop("请用短信里的链接或回执单上的二维码评价。"),
    gettext_noop("还在吗？"),
    gettext_noop("倒计时结束后清屏，不会留下任何内容。稍后还可以用手机评价。"),
    gettext_noop("我还在"),
    gettext_noop("这次没有收下"),
    gettext_noop("回执号"),
    gettext_noop("请抄下或拍照。凭它可以在手机上查询办到哪一步。"),
    gettext_noop("谢谢，您的评价已收下"),
    gettext_noop("这次服务已经评价过了"),
    gettext_noop("办件尾号 {tail}"),
    gettext_noop("按键器已收到您的评价"),
    gettext_noop("“{level}”。愿意的话，请说说原因。"),
    gettext_noop("没有存下，请再按一次，或稍后用手机评价。"),
    gettext_noop("已收下"),
    gettext_noop("您选了“{level}”。"),
    gettext_noop("已存在本机，联网后自动送出。"),
    gettext_noop("没有存下，请再点一次。"),
    gettext_noop("改为“{level}”。"),
    gettext_noop("停用"),
    gettext_noop("在线"),
    gettext_noop("等待 {n}"),
    gettext_noop("连接中断"),
)
PROBLEMS = (AlreadyRated, InvitationClosed)  # what the server may answer to a press


def _pairs(rules: law.Rules, promise: str) -> Iterable[tuple[str, str]]:
    """Each Simplified text of the page with what is said in the language now active."""
    yield from ((text, _(text)) for text in WORDS)
    yield from ((f"{one.message}{one.cure}", f"{_(one.message)} {_(one.cure)}") for one in PROBLEMS)
    yield promise, verify_promise(rules)
    for level in rules.levels:
        yield level.label, level_label(rules, level.code)
        yield from ((tag.label, tag_label(rules, tag.code)) for tag in rules.tags(level.code))


def words_of(rules: law.Rules) -> SafeString:
    """JSON: Simplified text → its text in each other language, in their order; the Simplified page itself needs none."""
    promise = verify_promise(rules)
    found: dict[str, list[str]] = {}
    for code in LANGUAGES:
        if code != SIMPLIFIED:
            with translation.override(code):
                for text, said in _pairs(rules, promise):
                    found.setdefault(text, []).append(said)
    told = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    # As Django's json_script does it, yet with Chinese as letters, which are half as long as their numbers.
    return mark_safe(told.translate({ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"}))
