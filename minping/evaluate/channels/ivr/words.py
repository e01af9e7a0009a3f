"""What is said on the telephone: courteous, neutral, the same for every level (minan/4.1.2, failures.md A3).

Short sentences, each by itself, so that a telephone system can speak them or play its own
recording of them.  To someone who picks up our call neither name nor matter is told: whoever
picks up may be someone else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minping import law
from minping.evaluate.models import Service
from minping.kernel import clock

REFUSED_KEY = "没有这个选项。"
NOTHING_HEARD = "没有听到按键。"
THANKS = "谢谢您，再见。"
GOODBYE = "没有收到您的选择，这次就不记评价。您还可以用短信里的链接或者办事凭条上的二维码评价。再见。"
OPTED_OUT = "好的，以后不再给您打这样的电话。再见。"
NO_SERVICE = (
    "没有找到用这个号码登记、现在可以评价的服务。",
    "您可以用短信里的链接、办事凭条上的二维码，或者大厅的自助终端评价，也可以拨打一二三四五反映。再见。",
)
KEPT = "您的话已经记下。"


def _day(service: Service) -> str:
    local = clock.beijing(service.served_at)
    return f"{local.month}月{local.day}日"


def greeting(service: Service) -> Sequence[str]:
    """To someone whom we have called."""
    return (
        f"您好，这里是{service.organization_name}的评价电话。",
        "请您对一次政务服务作个评价，窗口人员看不到您的姓名和电话。不方便请直接挂机。",
    )


def welcome(service: Service) -> Sequence[str]:
    """To someone who has called us."""
    return (f"您好，这里是{service.organization_name}的评价电话。", "窗口人员看不到您的姓名和电话。")


def ask_which(services: Sequence[Service]) -> Sequence[str]:
    return (
        f"您有{len(services)}次服务可以评价。",
        *(f"{_day(one)}办的{one.item_name}，请按{number}。" for number, one in enumerate(services, 1)),
        "重听请按星号键。",
    )


def ask_level(
    service: Service, rules: law.Rules, order: Sequence[int], keys: Mapping[str, int], opt_out: bool
) -> Sequence[str]:
    """`order`: levels in interface codes, in the order in which they are read; `keys`: which key says which level."""
    key_of = {level: key for key, level in keys.items()}
    labels = {int(row.code): row.label for row in rules.levels}
    return (
        f"您{_day(service)}在{service.organization_name}办的一次服务，您的评价是？",
        *(f"{labels[level]}，请按{key_of[level]}。" for level in order),
        "重听请按星号键。",
        *(("不想再接到这样的电话，请按9。",) if opt_out else ()),
    )


def ask_words(label: str) -> Sequence[str]:
    """After any level alike."""
    return (
        f"已记下：{label}。",
        "要改，请按星号键。",
        "想说原因，请在嘀声后讲，讲完按井号键；不想说，请直接挂机。",
    )
