"""The one page of the sandbox province: what it has, what came last, how it behaves now. No script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from minping.sandbox.behaviour import EFFECTS, MODES, Behaviour, BehaviourError
from minping.sandbox.protocol import BEIJING, KINDS, LEVELS

LINES = 20
"""How many of the last messages are shown."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

_TEMPLATE = Template(files(__package__).joinpath("page.html").read_text("utf-8"))
_WEEKDAYS = "一二三四五六日"
_RESULTS = {
    "accepted": "收下",
    "duplicate": "已有",
    "unavailable": "繁忙，未收",
    "garbage": "乱答，未收",
    "lost": "答复丢失",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One message as the page shows it: of the case number the tail, ``result`` a word or a refusal code."""

    at: datetime
    kind: str
    tail: str
    revision: int
    level: int | None
    result: str


def moment(at: datetime) -> str:
    """Beijing time with its weekday, no seconds: 11月23日 周一 23:28."""
    local = at.astimezone(BEIJING)
    return f"{local.month}月{local.day}日 周{_WEEKDAYS[local.weekday()]} {local:%H:%M}"


def read_form(fields: Iterable[tuple[str, str]]) -> dict[str, object]:
    """The form's fields as a behaviour to tell; nothing filled in means 正常. Raises BehaviourError."""
    told: dict[str, object] = {}
    for key, value in fields:
        value = value.strip()
        if not value:
            continue
        if key in EFFECTS or key in ("rate", "delay"):
            try:
                told[key] = float(value)
            except ValueError:
                raise BehaviourError(f"{key} 应为数字") from None
        else:
            told[key] = value
    return told if set(told) - {"code"} else {"mode": "up"}


def _counts(totals: Mapping[tuple[str, int | None], int]) -> str:
    columns: tuple[int | None, ...] = (*LEVELS, None)
    rows = []
    for kind, about in KINDS.items():
        cells = [totals.get((kind, level), 0) for level in columns]
        numbers = "".join(f"<td>{cell or '·'}</td>" for cell in cells)
        rows.append(
            f'<tr><th scope="row"><a href="/received?kind={kind}">{about.label}</a></th>'
            f'<td class="sum">{sum(cells)}</td>{numbers}</tr>'
        )
    return "".join(rows)


def _lines(lines: list[Line]) -> str:
    rows = []
    for line in reversed(lines):
        bad = line.result not in ("accepted", "duplicate")
        cells = (
            KINDS[line.kind].label if line.kind in KINDS else "读不懂",
            LEVELS.get(line.level or 0, ""),
            f"…{line.tail}" if line.tail else "",
            str(line.revision) if line.tail else "",
        )
        result = _RESULTS.get(line.result, f"退回 {line.result}")
        rows.append(
            f'<tr><td>{moment(line.at)}</td><td class="{"bad" if bad else "ok"}">{escape(result)}</td>'
            + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
            + "</tr>"
        )
    return "".join(rows) or '<tr><td colspan="6" class="none">还没有收到报文</td></tr>'


def _fields(now: Behaviour) -> str:
    rows = []
    for effect in EFFECTS:
        name, _, about = MODES[effect].partition("：")
        slow = effect == "slow"
        share = now.shares.get(effect)
        value = "" if share is None else f"{now.delay:g}" if slow else f"{float(share):g}"
        hint, limits = ("秒", 'max="600"') if slow else ("比例 0–1", 'max="1"')
        rows.append(
            f'<label for="{effect}"><b>{name}</b><span>{about}</span></label>'
            f'<input id="{effect}" name="{effect}" type="number" min="0" {limits} step="any" '
            f'inputmode="decimal" placeholder="{hint}" value="{value}">'
        )
    return "".join(rows)


def describe(now: Behaviour) -> str:
    """The present behaviour in words: 正常, or 丢失答复 0.1、变慢 2 秒."""
    words = []
    for effect, share in now.shares.items():
        word = MODES[effect].partition("：")[0]
        if effect == "slow":
            word += f" {now.delay:g} 秒"
        if effect == "refuse":
            word += f" {now.code}"
        words.append(word if share == 1 else f"{word}（比例 {float(share):g}）")
    return "、".join(words) or MODES["up"]


def render(
    totals: Mapping[tuple[str, int | None], int],
    lines: list[Line],
    now: Behaviour,
    plan: Mapping[str, Any],
    problem: str,
) -> str:
    """The whole page as HTML."""
    steps = plan["schedule"]
    more = f"<p>另有 {len(steps)} 步已排定，下一步在 {steps[0]['after']:.0f} 秒后。</p>" if steps else ""
    return _TEMPLATE.substitute(
        now=escape(describe(now)),
        state="ok" if now.mode == "up" else "bad",
        schedule=more,
        problem=f'<p class="problem" role="alert">没有改变：{escape(problem)}</p>' if problem else "",
        total=sum(totals.values()),
        levels="".join(f'<th scope="col">{label}</th>' for label in LEVELS.values()),
        counts=_counts(totals),
        lines=_lines(lines),
        fields=_fields(now),
        code=escape(now.code, quote=True),
        at=moment(datetime.now(BEIJING)),
    )
