"""`make show-delivery`: everything that the issue on delivery asks to be shown, and a table, one line each.

Run inside `scripts/postgres run --`, so that PostgreSQL is there.  MINPING_SHOW_SERVICES
sets the size of the outage (100,000 unless told; the superior's own speed sets how long).
"""

from __future__ import annotations

import os
import re
import sys

from tests.show import outage
from tests.show.table import POSTGRES, ROOT, Line, both, measured, pytest, show

SERVICES = int(os.environ.get("MINPING_SHOW_SERVICES", "100000"))
NUMBERED = r"^def (test_[a-d]\d+_\w+)"


def outages() -> str:
    patience = max(300.0, SERVICES / 20)
    databases = ["", *([POSTGRES] if POSTGRES else [])]
    told = [outage.run(SERVICES, database=url, workers=2, kill_every=30, patience=patience) for url in databases]
    said = "；".join(map(str, told))
    assert not any(one.steps.slower() for one in told), f"上级不正常时，有人等得更久：{said}"
    return said


def failures() -> str:
    """Each failure that concerns delivery, by its number in a test's name."""
    folder = ROOT / "tests" / "upstream"
    names = {name for file in folder.glob("test_*.py") for name in re.findall(NUMBERED, file.read_text("utf-8"), re.M)}
    numbers = {number for name in names for number in re.findall(r"_([abd]\d+)", name)}
    # Not of delivery: A4, A10–A12, A14, A15, and of D all but 4, 5 and 8; docs/failures.md says where those stand.
    wanted = (
        {f"b{n}" for n in range(1, 28)}
        | {f"a{n}" for n in (1, 2, 3, 5, 6, 7, 8, 9, 13, 16)}
        | {f"d{n}" for n in (4, 5, 8)}
    )
    assert wanted <= numbers, f"没有测试的编号：{sorted(wanted - numbers)}"
    return f"{len(wanted)} 个编号，{len(names)} 条测试；{both('tests/upstream')}"


LINES = (
    Line("停机三天、变慢、丢答复、杀进程：两边逐级相等，各一次，按办件有序", outages),
    Line("答复之后、提交之前杀死工作进程十次；两个进程同时抢同一批", lambda: both("tests/upstream/test_killed.py")),
    Line("接口缺陷与失败，逐个编号", failures),
    Line("国密：标准向量，与 openssl 互通 200 组，另一份实现互读", lambda: pytest("tests/kernel/test_sm.py", "tests/sandbox/test_families.py")),
    Line("各种文字，每一份省平台配置：原样到达，写不出的立为待办", lambda: pytest("tests/upstream/test_words.py")),
    Line("到省平台的评价页评：浏览器里走一遍，结果三路取回", lambda: both("tests/journeys/test_superior_page.py", "tests/upstream/test_rating_page.py")),
    Line("福建、山东两族与第三份配置，对真的沙盒", lambda: both("tests/upstream/test_families.py", "tests/upstream/test_third_profile.py")),
    Line("一千五百条真实留言，原样到省平台和导出", lambda: both("tests/journeys/test_messages.py")),
    Line("街道、区、市各一套进程和库，区里停一天：逐级相等，撤销由区、市决定，指标是下面的和", lambda: pytest("tests/journeys/test_levels.py", database=POSTGRES)),
    Line("上级也用民评：接口的攻击、驱动、裁决；两个区四个街道互不相碰；最上面一级", lambda: both("tests/upstream/test_below.py", "tests/upstream/test_minping_driver.py", "tests/upstream/test_authority.py", "tests/upstream/test_siblings.py", "tests/upstream/test_end.py")),
    Line("上送每秒多少，1 个和 4 个进程，与沙盒自己的极限相比", lambda: "；".join(measured("relay", "上送", "极限"))),
    Line("上级还列为待评的服务，与本地逐件核对：问得到的问，问不到的粘贴清单", lambda: both("tests/upstream/test_unrated.py")),
    Line("沙盒省平台", lambda: pytest("tests/sandbox")),
)  # fmt: skip


if __name__ == "__main__":
    sys.exit(show(LINES))
