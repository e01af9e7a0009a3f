"""`make show-channels`: what the third issue asks to be shown, and a table, one line each."""

from __future__ import annotations

import re
import sys

from tests.show.table import Line, both, measured, pytest, show


def tablets() -> str:
    """The measurement itself: each event at its own tablet, p99 under the second, memory of each line."""
    rows = measured("tablets", "窗口平板", "每台内存")
    late = [p99 for p99 in re.findall(r"\d / ([\d,]+)", rows[0]) if int(p99.replace(",", "")) > 1000]
    assert not late, f"p99 {late} 毫秒"
    return "；".join(rows)


LINES = (
    Line(
        "窗口平板：没有人碰它也收得到评价；杀页面二十次，每一按只到一次；按键器没有理由的再问一句",
        lambda: both("tests/journeys/test_channel_tablet.py", MINPING_KILLS="20", MINPING_PICTURES="1"),
    ),
    Line("窗口平板二百台连着一个进程：p99 一秒内看到，每台占多少内存", tablets),
    Line(
        "窗口平板、按键器：配对、断网、钟走错、晨检",
        lambda: both("tests/evaluate/channels/tablet", "tests/evaluate/channels/keypad"),
    ),
    Line("短信：Kannel 一去一回，到省平台", lambda: both("tests/journeys/test_channel_sms.py")),
    Line(
        "短信：一次、按钟点、退订、看不懂的问一次；一万条、网关先拒三分之一，各发一次",
        lambda: both("tests/evaluate/channels/sms", MINPING_TEXTS="10000"),
    ),
    Line(
        "自助终端：凭条码或办件编号加手机，到省平台；换人即清除",
        lambda: both("tests/journeys/test_channel_terminal.py"),
    ),
    Line("自助终端：猜不出，错多了停一停", lambda: both("tests/evaluate/channels/terminal")),
    Line(
        "同一次服务四条渠道同时提供、同一秒在几条上评：只有一次评价",
        lambda: both("tests/journeys/test_four_channels.py"),
    ),
    Line(
        "网上大厅：评价页地址、凭令牌报来、返回地址只认名单；回调签名、按办件顺序、断了不丢、送不到的有人管",
        lambda: both("tests/evaluate/channels/hall"),
    ),
    Line("网上大厅：几个进程一起送回调、听到答复时被杀，同号再送", lambda: both("tests/journeys/test_callbacks.py")),
    Line("网上大厅：去我们的页面评、在自己的页面评，到省平台", lambda: both("tests/journeys/test_channel_hall.py")),
    Line("我的待评价：冒充、重放、换平台、不签名的登录都不收", lambda: both("tests/evaluate/channels/mine")),
    Line(
        "我的待评价：在真的 OpenID Connect 平台登录，到省平台，网上大厅收到回调",
        lambda: both("tests/journeys/test_channel_mine.py"),
    ),
    Line("一件事：一次总评带入各项，单独评价优先，到省平台", lambda: both("tests/journeys/test_channel_package.py")),
    Line("二维码：海报、窗口码加验证码、小票，到省平台", lambda: both("tests/journeys/test_channel_qr.py")),
    Line(
        "自动电话：按键、重听、按错、挂断、补报、两次电话一次评价；打给谁由系统给出",
        lambda: both("tests/evaluate/channels/ivr"),
    ),
    Line(
        "自动电话：真的 SIP 电话，按错、重听、留言、中途挂断、停机补报、打出去，到省平台",
        lambda: both("tests/journeys/test_channel_ivr.py"),
    ),
    Line(
        "人人能用：每一张群众页面，三种文字、三种宽度、长辈版，平板和终端在内",
        lambda: pytest("tests/journeys/test_for_everyone.py"),
    ),
    Line(
        "谁来都挡得住：伪造的来访地址、看不懂的字、超长的字、不对的格式",
        lambda: both("tests/kernel/test_caller.py", "tests/evaluate/test_strangers.py"),
    ),
    Line("人工电话请评：系统派人、随机次序、标明代录，到省平台", lambda: both("tests/journeys/test_channel_phone.py")),
)

if __name__ == "__main__":
    sys.exit(show(LINES))
