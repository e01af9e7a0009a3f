"""No gateway: the texts are written to the folder `sms` of the home, for a demonstration or an office without one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from minping.evaluate.channels.sms.gateways import Answer, Sent
from minping.kernel import clock, privacy
from minping.kernel.home import home


class NoGateway:
    name = "none"
    label = "没有短信网关（只写进文件夹）"
    real = False

    def __init__(self, settings: Mapping[str, Any]) -> None:
        pass

    def send(self, identifier: UUID, phone: str, words: str) -> Answer:
        """Append the text to the file of the day; the number is masked, for the file is read by people."""
        folder = home().path / "sms"
        folder.mkdir(exist_ok=True, mode=0o700)
        now = clock.beijing(clock.now())
        line = {"id": str(identifier), "at": now.isoformat(timespec="seconds"), "to": privacy.masked_phone(phone)}
        descriptor = os.open(folder / f"{now:%Y-%m-%d}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as stream:
            stream.write(json.dumps({**line, "text": words}, ensure_ascii=False) + "\n")
        return Sent(str(identifier))
