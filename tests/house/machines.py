"""Draws docs/machines.md from the tables of moves: `python -m tests.house.machines` writes it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from minping import law
from minping.feedback.states import DECISIONS, CaseState
from minping.feedback.states import MOVES as CASE
from minping.feedback.tickets.states import MOVES as TICKET
from minping.feedback.tickets.states import TicketState
from minping.kernel.moves import CONFLICTS, Table
from minping.rectify.states import MOVES as ORDER
from minping.rectify.states import OrderState
from minping.supervise.states import CLUES, LEADS, ClueState, InquiryState, LeadState
from minping.supervise.states import MOVES as INQUIRY

HEAD = """# 办理表

这一页由程序里的表画出（`minping/feedback/states.py`、`minping/rectify/states.py`、`minping/feedback/tickets/states.py`、`minping/supervise/states.py`），页面上的按钮、服务里的检查和逐项测试用的是同一张表。
“撤销申请（有权限的一级）”只用于下级报来的件：件在下级办理，本级只决定撤销。表里没有的一律不许。“停表”是时限到此完成，“暂停”是时限停下、恢复时接着算剩下的工作日，“起表”的时限次日起算。
“限于”说的是有没有评价：热线和窗口转来的诉求没有评价，用同一张表办，撤销评价的那几步用不上（docs/decisions/0058）。
"""


ONLY = {None: "—", True: "有评价的", False: "没有评价的"}


def page() -> str:
    tables = (
        (CASE, CaseState),
        (ORDER, OrderState),
        (DECISIONS, CaseState),
        (TICKET, TicketState),
        (INQUIRY, InquiryState),
        (CLUES, ClueState),
        (LEADS, LeadState),
    )
    return HEAD + "".join(_table(table, states) for table, states in tables)


def _table(table: Table, states: Any) -> str:
    rules = law.at("350213005", date(2026, 11, 23))
    roles = rules.roles.values()
    lines = [f"\n## {table.name}\n", "```mermaid", "stateDiagram-v2"]
    lines += [f"    {state.value} : {state.label}" for state in states]
    lines += [
        f"    {source.value} --> {move.target.value} : {move.label}" for move in table.moves for source in move.source
    ]
    lines += [
        "```",
        "",
        "| 动作 | 从 | 到 | 谁可以 | 谁绝不可以 | 停表 | 暂停 | 起表 | 限于 | 告诉上级 | 依据 |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for move in table.moves:
        may = "、".join(role.label for role in roles if move.permission in role.may) if move.permission else "系统"
        may += "、系统（接口收到）" if move.by_system else ""
        barred = sorted(rules.never(move.permission)) if move.permission else ()
        never = "、".join(CONFLICTS[name].removeprefix("您") for name in barred)
        sources = "、".join(states(source).label for source in move.source)
        clocks = [rules.limits[name].label if name else "—" for name in (move.stops, move.pauses, move.starts)]
        cells = [
            move.label,
            sources,
            states(move.target).label,
            may,
            never or "—",
            *clocks,
            ONLY[move.rated],
            "是" if move.announces else "—",
        ]
        cells.append(f"`{move.clause}`")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (Path(__file__).resolve().parents[2] / "docs" / "machines.md").write_text(page(), encoding="utf-8")
