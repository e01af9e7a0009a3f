"""Driver `none`: there is no interface upward.

It claims nothing: each message is written as a file for the person who enters it in
the province's own screens, and waits in the manual queue for the reference number.
"""

from __future__ import annotations

import json

from minping.kernel.clock import beijing
from minping.kernel.home import home
from minping.upstream.port import NEEDS, Accepted, Later, Message
from minping.upstream.provinces.plain import Plain


class NoneDriver(Plain):
    name: str = "none"
    label: str = "无接口（人工上送）"

    def send(self, key: str, message: Message) -> Accepted:
        raise NotImplementedError("驱动 none 不发送。")

    def write(self, key: str, message: Message) -> str:
        """Write the message's facts, without what identifies a person, as JSON; returns the file's name."""
        folder = home().outbox / f"{beijing(message.fact_at):%Y-%m-%d}"
        folder.mkdir(parents=True, exist_ok=True)
        facts = {
            "kind": message.kind,
            "revision": message.revision,
            "area_code": message.area_code,
            "organization_code": message.organization_code,
            "case_no": message.case_no,
            "service_no": message.service_no,
            **{name: value for name, value in message.body.items() if name not in message.personal},
        }
        file = folder / f"{key.replace(':', '_')}.json"
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps(facts, ensure_ascii=False, indent=1), encoding="utf-8")
        fresh.replace(file)
        return file.name


class EndDriver(NoneDriver):
    """There is no level above this one: nothing is sent, entered by hand or missing anywhere (decision 0080)."""

    name = "end"
    label = "终点（上面没有系统）"
    unneeded = frozenset({*NEEDS, "probe"})
    ends = True


class MisconfiguredDriver(NoneDriver):
    """A profile that cannot be read: everything waits, nothing is lost, and the desk says what is wrong."""

    takes = frozenset(NEEDS)
    updates = True

    def __init__(self, name: str, why: str) -> None:
        self.name, self.label, self.why = name[:40], f"省平台配置 {name} 有误", why

    def send(self, key: str, message: Message) -> Accepted:
        raise Later(f"省平台配置有误：{self.why}", unreachable=True)
