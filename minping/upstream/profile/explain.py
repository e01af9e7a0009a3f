"""A profile in plain words, and a rehearsal on real rows that sends nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

from minping import law
from minping.upstream.port import NEEDS, Ability, Message
from minping.upstream.profile.model import CODE_TABLES, Profile
from minping.upstream.profile.rendering import Unmapped, render
from minping.upstream.states import KINDS

_CLASSES = {"accepted": "已收", "already": "先前已收", "never": "拒收", "later": "稍后再送", "clock": "等省平台时钟"}


def explain(profile: Profile, area_code: str, on: date) -> Iterator[str]:
    """What it can do, what goes by hand, which codes of ours it lacks, and how it reads answers."""
    until = f"至 {profile.end}" if profile.end else "起"
    yield f"{profile.label}（{profile.id}），{profile.start} {until}有效，{profile.checked_on} 核对"
    yield f"依据：{profile.source}"
    yield f"字符集 {profile.charset}{'，可用字符引用' if profile.references else ''}；每秒至多 {profile.per_second:g} 条"
    for ability in Ability:
        yield f"  {'能' if ability in profile.abilities else '　'} {ability.label}"
    for kind, ability in NEEDS.items():
        if kind in profile.unneeded:
            yield f"  {KINDS[kind]}：省里不单独要"
        elif kind in profile.messages and ability in profile.abilities:
            form = profile.messages[kind]
            must = [one.to for one in form.fields if one.required]
            yield f"  {KINDS[kind]}：{len(form.fields)} 个字段，必填 {len(must)} 个"
        else:
            yield f"  {KINDS[kind]}：人工上送"
    for table, code in lacking(profile, area_code, on):
        yield f"  注意：{table} 的“{code}”在省里没有对应，遇到会停下来由人处理"
    for rule in profile.answers:
        what = " 且 ".join(
            part for part in (f"代码 {rule.code}" if rule.code else "", f"含“{rule.text}”" if rule.text else "") if part
        )
        yield f"  答复 {what} → {_CLASSES[rule.kind]}"
    yield "  其他答复 → 看不懂，停下那一条，告诉人"
    for name in profile.credentials:
        yield f"  凭证 {name}：写在数据目录的 province.json"


def lacking(profile: Profile, area_code: str, on: date) -> list[tuple[str, str]]:
    """Codes that the law of the area has and a table of the profile lacks."""
    rules = law.at(area_code, on)
    ours = {
        "channel": set(rules.channels),
        "certificate": set(rules.certificates),
        "applicant_kind": set(rules.applicants),
        "handling": set(rules.handlings),
        **{table: set(allowed) for table, allowed in CODE_TABLES.items() if allowed},
    }
    return [
        (table, code) for table, known in profile.codes.items() for code in sorted(ours.get(table, set()) - set(known))
    ]


@dataclass
class Rehearsal:
    """How many of each kind would go, and why the others would not."""

    whole: Counter[str] = field(default_factory=Counter)
    stopped: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    by_hand: Counter[str] = field(default_factory=Counter)

    @property
    def clean(self) -> bool:
        return not self.stopped

    def lines(self) -> Iterator[str]:
        for kind, count in sorted(self.whole.items()):
            yield f"  {KINDS[kind]}：{count} 条可以送"
        for kind, count in sorted(self.by_hand.items()):
            yield f"  {KINDS[kind]}：{count} 条由人工上送"
        for (kind, code, reason), count in self.stopped.most_common():
            yield f"  {KINDS[kind]}：{count} 条会停下，{reason}（{code}）"


def rehearse(profile: Profile, messages: Iterable[Message]) -> Rehearsal:
    """Serialise and validate each message as if it were to go; nothing is sent and nothing is changed."""
    found = Rehearsal()
    for message in messages:
        if message.kind in profile.unneeded:
            continue
        if message.kind not in profile.messages:
            found.by_hand[message.kind] += 1
            continue
        try:
            render(profile, message)
        except Unmapped as stop:
            found.stopped[(message.kind, stop.code, stop.reason)] += 1
        else:
            found.whole[message.kind] += 1
    return found
