"""`make show-channels`: what the third issue asks to be shown, and a table, one line each."""

from __future__ import annotations

import sys

from tests.show.table import Line, both, show

LINES = (
    Line("短信：Kannel 一去一回，到省平台", lambda: both("tests/journeys/test_channel_sms.py")),
    Line("短信：一次、按钟点、退订、看不懂的问一次；网关先拒三分之一", lambda: both("tests/evaluate/channels/sms")),
    Line("二维码：海报、窗口码加验证码、小票，到省平台", lambda: both("tests/journeys/test_channel_qr.py")),
    Line("人工电话请评：系统派人、随机次序、标明代录，到省平台", lambda: both("tests/journeys/test_channel_phone.py")),
)

if __name__ == "__main__":
    sys.exit(show(LINES))
