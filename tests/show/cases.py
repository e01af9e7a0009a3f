"""`make show-cases`: what the fourth issue asks to be shown of the negative case, and a table, one line each."""

from __future__ import annotations

import sys

from tests.show.table import Line, both, measured, pytest, show


def walk() -> str:
    pictures = both("tests/journeys/test_inbox.py", MINPING_PICTURES="1")
    return f"{pictures}；{pytest('tests/house/test_words_on_buttons.py')}"


LINES = (
    Line(
        "逐项生成：状态 × 动作 × 岗位 × 回避，表里没有的在服务、页面、接口都不许",
        lambda: both("tests/feedback/test_every_move.py", "tests/rectify/test_every_move.py"),
    ),
    Line("说明页由同一张表画出", lambda: both("tests/house/test_repository.py", "-k", "drawn_from_the_tables")),
    Line(
        "时限：十年逐日、任意暂停，不早一天不晚一天；国庆；未公布安排的元旦",
        lambda: both(
            "tests/rectify/test_clocks.py", "tests/rectify/test_notices.py", "tests/supervise/test_notices.py"
        ),
    ),
    Line(
        "申诉、误评、恶意两人两单位、负责人审批、逐级上报、撤销与不予撤销；无法联系；解释说明；只延一次",
        lambda: both("tests/feedback/test_decisions.py"),
    ),
    Line(
        "撤销之前照常计入，撤销之后才退出指标",
        lambda: both("tests/assess/test_indicators.py", "tests/assess/test_rows.py", "-k", "revoked or invalid"),
    ),
    Line(
        "浏览器里：区里撤销；申诉不成立；恶意一人不行两人行；同一秒两人办同一件，一个成一个被告知",
        lambda: both("tests/journeys/test_case_decisions.py"),
    ),
    Line(
        "进程在每一步的每一次写入时被杀：这一件要么全在之前、要么全在之后，日志核验通过",
        lambda: both("tests/feedback/test_kill_at_each_write.py", MINPING_EVERY_STEP="1"),
    ),
    Line(
        "浏览器里：国庆；未公布安排的元旦及公布后重算；没有解决重新转办；无法联系；一件事转办给实际责任单位",
        lambda: both("tests/journeys/test_case_roads.py"),
    ),
    Line(
        "转给下级或旁边的单位：要核实的件、整改单，写明理由，时限照走",
        lambda: both("tests/feedback/test_assign.py", "tests/rectify/test_transfer.py"),
    ),
    Line(
        "工作台：各视图、下一件、跳过、标记、时限日历；按编号、文字、事项、窗口、等级、状态、期间在自己的范围里查",
        lambda: both(
            "tests/site/test_desk.py",
            "tests/site/test_find.py",
            "tests/site/test_marks.py",
            "tests/site/test_agenda.py",
            "tests/site/test_batch.py",
            "tests/site/test_wording.py",
            "tests/site/test_units.py",
        ),
    ),
    Line("走一遍工作台，附图；按钮上的字是方案里的字", walk),
    Line("十万件差评的街道：各视图、查件、时限日历、各单位", lambda: "；".join(measured("office", "街道 10 万件"))),
    Line(
        "材料：按内容认种类、扫毒、封存、期满清除；处理单 PDF 和 Word", lambda: both("tests/rectify/test_evidence.py")
    ),
    Line(
        "反复被差评：到数必发、不漏不重，撤销的注明并可撤回；先听说明，再由无关的负责人处理",
        lambda: both("tests/supervise/test_repeats.py", "tests/supervise/test_every_move.py"),
    ),
    Line(
        "线索连同附件封给纪检：拿着数据库和数据目录的管理员打不开，纪检在自己的浏览器里打得开，每次打开、取出有记录；打击报复从回执页直接反映",
        lambda: both("tests/supervise/test_clues.py", "tests/supervise/test_reader.py"),
    ),
    Line(
        "疑点只供人查，不改任何数字；本人看得到自己的、能说明，认不出评价人",
        lambda: both("tests/supervise/test_leads.py", "tests/supervise/test_own.py"),
    ),
    Line(
        "浏览器里：差评、说明、限期整改、报送、退回、由别人验收；线索封存、在纪检的浏览器里打开、离线打开",
        lambda: both("tests/journeys/test_answering.py"),
    ),
    Line(
        "攻击：猜地址、身兼两职、旧页面、按两次、申诉中办结、两次再评、假后缀、压缩炸弹，表里不许的都没有成",
        lambda: both("tests/site/test_attacks.py"),
    ),
    Line(
        "热线和窗口的来件：同一件事只办一次、认不准由人定、没有评价的不进指标；接口、文件、手工录入；答复送一次、留回执",
        lambda: both("tests/feedback/test_tickets.py", "tests/feedback/test_ticket_intake.py"),
    ),
    Line(
        "逐条路走到底：表里注明告诉上级的每一步，报一次、依次报，撤销、不予撤销、再转办、无法联系、来件并入都在",
        lambda: both("tests/feedback/test_told.py"),
    ),
    Line(
        "浏览器里：热线的重复来件并入一件、凭它自己的编号取一次答复；对不准的由人选；文件、手工录入；上级只收到一件",
        lambda: both("tests/journeys/test_tickets.py"),
    ),
)

if __name__ == "__main__":
    sys.exit(show(LINES))
