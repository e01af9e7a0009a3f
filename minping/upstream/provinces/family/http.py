"""What every driver over HTTP shares: one pool, one classification of silence, and the profile's answer table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from minping.kernel import clock
from minping.kernel.home import home
from minping.upstream import profile as profiles
from minping.upstream.port import NEEDS, Ability, Accepted, AlreadyDone, Later, Message, Never, Rehearsed
from minping.upstream.profile import Profile
from minping.upstream.provinces.calling import Caller
from minping.upstream.provinces.plain import Plain

ANSWER_MOST = 1 << 20  # bytes: a superior that sends more is not answering


class Unclear(Never):
    """An answer that is in no row of the table: stop this message and tell (failures.md B3, B4)."""


class Wire(Plain):
    """Address, profile and credentials of one superior."""

    repeats_service = True

    def __init__(self, address: str, profile: Profile, credentials: Mapping[str, str] | None = None) -> None:
        self.address = address.rstrip("/")
        self.profile = profile
        self._credentials = credentials
        self.name, self.label = profile.id, profile.label
        self.abilities: frozenset[Ability] = profile.abilities
        self.takes = frozenset(kind for kind in profile.messages if NEEDS.get(kind) in profile.abilities)
        self.unneeded, self.updates = profile.unneeded, profile.updates
        self.per_second, self.batch = profile.per_second, profile.batch
        self.caller = Caller("省平台", connect=profile.connect_seconds, read=profile.read_seconds, most=ANSWER_MOST)

    def send(self, key: str, message: Message) -> Accepted:
        raise NotImplementedError

    def rehearse(self, message: Message) -> Rehearsed:
        """What it made is not kept: it names a person."""
        self.prepare(message)
        return Rehearsed("")

    def prepare(self, message: Message) -> object:
        """The message as it would leave, by the same steps as in `send`.  Raises Later, Never."""
        raise NotImplementedError

    def page(self, service: Message, *, back: str, channel: str) -> str:
        """Built here, of numbers and codes alone; a family that asks for the page answers otherwise."""
        fields = profiles.render(self.profile, service, "page", {"back": back, "channel": channel})
        return f"{self.address}{self.profile.paths['page']}?{urlencode(fields, encoding=self.profile.charset)}"

    def reporting_path(self, message: Message) -> str:
        """Where a rating goes: what happened long ago goes to the address of late reports, with its time as it was."""
        days = self.profile.late_after_days
        late = days and clock.now() - message.fact_at > timedelta(days=days)
        return "late" if late else "rating"

    def secret(self, name: str) -> str:
        """A credential from `province.json` in the home folder.  Raises Later, so that nothing is lost for its lack."""
        known = read_credentials() if self._credentials is None else self._credentials
        value = known.get(name, "")
        if value:
            self._credentials = known  # a file that lacks something is read again, so that its mending counts at once
        else:
            raise Later(f"缺少接入凭证 {name}（数据目录的 province.json）", unreachable=True)
        return value

    def call(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, content and headers.  Raises Later for silence of every kind."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.caller.ask(method, self.address + path, body, told)
        if answer.status >= 500 or answer.status == 429:
            raise Later(
                f"省平台答复 {answer.status}，暂不可用", received=answer.text, unreachable=answer.status in (429, 503)
            )
        return answer.status, answer.content, answer.headers

    def settle(self, *, code: str, text: str, call: str, reference: str, sent: str, received: str) -> Accepted:
        """By the province's own table: accepted, or one of the three other answers."""
        kind = profiles.classify(self.profile, code=code, text=text, call=call)
        told: dict[str, Any] = {"received": received, "sent": sent}
        if kind == "accepted":
            return Accepted(reference, received, sent)
        if kind == "already":
            raise AlreadyDone("省平台已有", code=reference, **told)
        if kind == "later":
            raise Later(f"省平台请稍后再送：{text or code}", code=code, **told)
        if kind == "clock":
            # The superior's clock is behind the fact: wait until it has caught up, never touch the time (B11).
            raise Later(f"省平台的时钟还没到这个时间，稍后再送：{text or code}", code="CLOCK", **told)
        if kind == "never":
            raise Never(text or "拒收", code=code, **told)
        raise Unclear(f"看不懂省平台的答复，已停下：{text or code}", code=f"UNKNOWN {code}".strip(), **told)


def read_credentials() -> dict[str, str]:
    """What `province.json` holds; nothing where there is no such file.  Raises Later where it cannot be read."""
    try:
        found = json.loads((home().path / "province.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as failure:
        raise Later("province.json 读不出来", unreachable=True) from failure
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}
