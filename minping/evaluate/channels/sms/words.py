"""What the texts say: courteous, neutral, no name and no matter (minan/3.1.3, 3.1.4, 4.1.3)."""

from __future__ import annotations

from minping.evaluate import tokens
from minping.evaluate.channels.sms.models import PhoneCode, Text
from minping.evaluate.channels.sms.states import Purpose
from minping.evaluate.models import Service
from minping.kernel import clock


def words_of(text: Text, service: Service | None) -> str:
    """The words of a text, made when it is sent; they hold what nobody else may read, so they are not kept."""
    if text.purpose == Purpose.PHONE_CODE:
        code = PhoneCode.objects.get(pk=text.pk)
        minutes = max(1, round((code.until - code.made_at).total_seconds() / 60))
        return f"验证码 {tokens.phone_code(code.pk)}，{minutes} 分钟内有效，用于评价您办过的事。工作人员不会向您索要。"
    assert service is not None
    link = tokens.invitation_url(service.pk)
    if text.purpose == Purpose.ASK_BACK:
        return f"没看懂您的回复。请只回一个数字：5非常满意 4满意 3基本满意 2不满意 1非常不满意，后面可以接着写原因；或打开 {link}"
    served = clock.beijing(service.served_at)
    return (
        f"您{served.month}月{served.day}日在{service.organization_name}办过事，请您评价：{link} "
        "或回复数字：5非常满意 4满意 3基本满意 2不满意 1非常不满意，后面可以接着写原因。退订回T"
    )
