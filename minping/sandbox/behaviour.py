"""How the sandbox province behaves: what it is told, checked, scheduled, and counted out exactly."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

MODES: dict[str, str] = {
    "up": "正常",
    "slow": "变慢：等若干秒再处理",
    "down": "停机：不收、不答，直接断开连接",
    "refuse": "退回：不收，答 422 和设定的代码",
    "unavailable": "繁忙：不收，答 503",
    "garbage": "乱答：不收，答 200 但内容不是 JSON",
    "duplicate": "重复：内部把同一报文处理两遍",
    "lose": "丢失答复：收下之后断开连接，不答",
    "expire": "口令失效：福建一族的口令提前作废",
}
EFFECTS = tuple(mode for mode in MODES if mode != "up")

_EXCLUSIVE = ("refuse", "unavailable", "garbage")
_DELAY_MAX = 600.0
_SKEW_MAX = 30 * 86_400.0
_AFTER_MAX = 7 * 86_400.0
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,39}")


class BehaviourError(ValueError):
    """The behaviour asked for is not one of ours; the text (Chinese) lists what is."""


@dataclass(frozen=True)
class Behaviour:
    """One way to behave. Shares are exact: 1/10 means every tenth message.

    ``delay`` is the seconds of ``slow``; ``code`` is what ``refuse`` answers; ``skew`` is by how many seconds the
    province's own clock is ahead (or, below 0, behind).
    """

    shares: Mapping[str, Fraction] = field(default_factory=dict)
    delay: float = 1.0
    code: str = "E_REFUSED"
    skew: float = 0.0

    @property
    def mode(self) -> str:
        """``up``, the one effect's name, or ``mixed``."""
        return "up" if not self.shares else next(iter(self.shares)) if len(self.shares) == 1 else "mixed"

    def as_dict(self) -> dict[str, Any]:
        """What a GET shows: the mode and each effect with its share, delay and code where they matter."""
        shown: dict[str, Any] = {"mode": self.mode}
        shown["effects"] = {effect: float(share) for effect, share in self.shares.items()}
        if "slow" in self.shares:
            shown["delay"] = self.delay
        if "refuse" in self.shares:
            shown["code"] = self.code
        if self.skew:
            shown["skew"] = self.skew
        return shown


@dataclass(frozen=True)
class Verdict:
    """What happens to one message: a wait, then an answer ``instead``, or stored (twice), perhaps lost."""

    delay: float = 0.0
    instead: str = ""
    code: str = ""
    twice: bool = False
    lost: bool = False
    expire: bool = False


def _number(key: str, value: object, most: float, hint: str) -> Fraction:
    if isinstance(value, (bool, int, float)):
        try:
            number = Fraction(str(float(value)))  # by its decimal text: 0.1 is exactly a tenth
        except (ValueError, OverflowError):
            number = Fraction(-1)
        if 0 <= number <= most:
            return number
    raise BehaviourError(f"{key} 的值不对：{hint}")


def _share(key: str, value: object) -> Fraction:
    return _number(key, value, 1, "应为 0 至 1 的比例，或 true、false")


def _seconds(key: str, value: object, most: float) -> float:
    if isinstance(value, bool):
        raise BehaviourError(f"{key} 的值不对：应为秒数，例如 0.5")
    return float(_number(key, value, most, f"应为 0 至 {most:g} 的秒数"))


def _skew(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _SKEW_MAX:
        return float(value)
    raise BehaviourError(f"skew 的值不对：应为 -{_SKEW_MAX:g} 至 {_SKEW_MAX:g} 的秒数")


def _no_others(told: Mapping[str, object], allowed: tuple[str, ...]) -> None:
    unknown = [key for key in told if key not in allowed]
    if unknown:
        raise BehaviourError(
            f"不认识或不能同用的字段：{'、'.join(map(str, unknown))}。这里可用：{'、'.join(allowed)}；"
            f"mode 可为：{'、'.join(MODES)}"
        )


def parse(told: object) -> Behaviour:
    """Read one behaviour: {"mode": …, "rate", "delay", "code"}, or several effects {"lose": 0.1, "slow": 2}.

    Raises BehaviourError naming the wrong key and all valid ones.
    """
    if not isinstance(told, Mapping) or not told:
        raise BehaviourError(f"请说明要怎样：mode 可为 {'、'.join(MODES)}；也可同时写 {'、'.join(EFFECTS)}")
    code = told.get("code", "E_REFUSED")
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise BehaviourError("code 的值不对：应为大写字母、数字、下划线，例如 E_NO_SERVICE")
    skew = _skew(told.get("skew", 0))
    if "mode" not in told:
        _no_others(told, (*EFFECTS, "code", "skew"))
        shares = {key: _share(key, told[key]) for key in EFFECTS if key in told and key != "slow"}
        delay = _seconds("slow", told["slow"], _DELAY_MAX) if "slow" in told else 0.0
        if delay:
            shares["slow"] = Fraction(1)
        return Behaviour({key: share for key, share in shares.items() if share}, delay, code, skew)
    mode = told["mode"]
    if not isinstance(mode, str) or mode not in MODES:
        raise BehaviourError(f"不认识的 mode。可用：{'、'.join(MODES)}")
    _no_others(told, ("mode", "rate", "delay", "code", "skew"))
    share = _share("rate", told.get("rate", 1))
    delay = _seconds("delay", told.get("delay", 1.0), _DELAY_MAX)
    return Behaviour({mode: share} if mode != "up" and share else {}, delay, code, skew)


def parse_schedule(told: object) -> list[tuple[float, Behaviour]]:
    """Read [{"after": seconds from now, "behaviour": {…}}, …]; sorted by time. Raises BehaviourError."""
    if not isinstance(told, list) or not told:
        raise BehaviourError('schedule 应为列表，例如 [{"after": 5, "behaviour": {"mode": "up"}}]')
    steps = []
    for number, step in enumerate(told, 1):
        if not isinstance(step, Mapping) or set(step) != {"after", "behaviour"}:
            raise BehaviourError(f"schedule 第 {number} 步应恰有 after（秒）和 behaviour 两个字段")
        steps.append((_seconds("after", step["after"], _AFTER_MAX), parse(step["behaviour"])))
    return sorted(steps, key=lambda step: step[0])


class Plan:
    """The behaviour in force now, what is scheduled, and the counters that make shares exact. Thread-safe.

    Each effect counts the messages that reach it, from the moment it was told; a share of 0.1 hits the 10th,
    the 20th and so on.
    A plan lives in memory: a province that starts again starts well.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._now = Behaviour()
        self._later: list[tuple[float, Behaviour]] = []
        self._seen: Counter[str] = Counter()

    def tell(self, told: object) -> None:
        """Replace the behaviour and the schedule; a schedule alone leaves the behaviour until its first step.

        Raises BehaviourError, and then nothing has changed.
        """
        if not isinstance(told, Mapping):
            raise BehaviourError('请给出一个 JSON 对象，例如 {"mode": "up"}')
        rest = {key: value for key, value in told.items() if key != "schedule"}
        steps = parse_schedule(told["schedule"]) if "schedule" in told else []
        now = parse(rest) if rest or not steps else None
        with self._lock:
            self._catch_up()
            if now is not None:
                self._set(now)
            start = self._clock()
            self._later = [(start + after, step) for after, step in steps]

    def _set(self, behaviour: Behaviour) -> None:
        self._now = behaviour
        self._seen.clear()

    def _catch_up(self) -> None:
        while self._later and self._later[0][0] <= self._clock():
            self._set(self._later.pop(0)[1])

    def _hits(self, effect: str) -> bool:
        share = self._now.shares.get(effect)
        if share is None:
            return False
        self._seen[effect] += 1
        count, top, bottom = self._seen[effect], share.numerator, share.denominator
        return count * top // bottom > (count - 1) * top // bottom

    def is_down(self) -> bool:
        """Whether this message meets a closed door; asked once per message, before anything else."""
        with self._lock:
            self._catch_up()
            return self._hits("down")

    def judge(self) -> Verdict:
        """What happens to this message; asked once per message that came through the door."""
        with self._lock:
            self._catch_up()
            delay = self._now.delay if self._hits("slow") else 0.0
            for effect in _EXCLUSIVE:
                if self._hits(effect):
                    return Verdict(delay, instead=effect, code=self._now.code)
            return Verdict(delay, twice=self._hits("duplicate"), lost=self._hits("lose"), expire=self._hits("expire"))

    def present(self) -> Behaviour:
        """The behaviour in force at this moment."""
        with self._lock:
            self._catch_up()
            return self._now

    def as_dict(self) -> dict[str, Any]:
        """The present behaviour and the steps still to come (``after`` in seconds from now)."""
        with self._lock:
            self._catch_up()
            now = self._clock()
            steps = [{"after": round(at - now, 3), "behaviour": step.as_dict()} for at, step in self._later]
            return {**self._now.as_dict(), "schedule": steps}
