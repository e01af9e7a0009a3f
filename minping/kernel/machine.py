"""A state machine is a table that a jurist can read (principle 2).

One row per move.  The same table says what may be done, draws the buttons, and is
walked by the tests over every (state × move × role × conflict).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models

from minping import law
from minping.kernel.access import Actor
from minping.kernel.errors import Problem, Stale
from minping.kernel.moves import CONFLICTS, Move


class MoveRefused(Problem):
    code = "move_refused"
    status = 409
    message = "现在是“{state}”，不能“{verb}”。"
    cure = "请刷新后按页面上的按钮办理。"


class NotYours(Problem):
    code = "not_permitted"
    status = 403
    message = "您没有“{verb}”的权限。"
    cure = "请由有此职责的人员办理。"


class ConflictOfInterest(Problem):
    code = "conflict_of_interest"
    status = 403
    message = "{why}，按规定须回避，不能“{verb}”。"
    cure = "请由与此事无关的人员办理。"


def refusal(
    move: Move,
    *,
    state: Any,
    by: Actor,
    path: str,
    window_code: str,
    conflicts: Iterable[str],
    rules: law.Rules,
) -> Problem | None:
    """Why `by` may not make this move now, or None where it may.

    The one question behind the button on the page and the check in the service.
    """
    if state not in move.source:
        return MoveRefused(state=type(move.target)(state).label, verb=move.label)  # type: ignore[attr-defined]
    if by.name == "system" and (move.by_system or not move.permission):
        return None
    if not move.permission:
        return NotYours(verb=move.label)
    if not by.can(move.permission, path, window_code):
        return NotYours(verb=move.label)
    for conflict in sorted(rules.never(move.permission) & set(conflicts)):
        return ConflictOfInterest(why=CONFLICTS[conflict], verb=move.label)
    return None


def advance(rows: models.QuerySet[Any], move: Move, *, state: Any, **changes: Any) -> None:
    """Compare and set: exactly the one row in `rows` still in `state` moves, else Stale."""
    if rows.filter(state=state).update(state=move.target, **changes) != 1:
        raise Stale()
