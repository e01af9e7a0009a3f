"""Kannel (bearerbox and smsbox) over HTTP: an office's own gateway to an operator's SMPP line.

Settings: `url` of smsbox' sendsms, `username`, `password`, `sender` (the number it sends from); `callback`, where delivery
reports come back to, with user and password of this installation in it
(https://kannel.org: user guide, "Using the HTTP interface to SMS").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from uuid import UUID

from minping.evaluate.channels.sms.gateways import Answer, Later, Sent, Unsure, setting
from minping.evaluate.channels.sms.gateways.http import post

DELIVERED, FAILED, ACCEPTED, REFUSED = 1, 2, 8, 16  # bits of Kannel's report
MASK = DELIVERED | FAILED | REFUSED


class KannelGateway:
    name = "kannel"
    label = "Kannel 短信网关"
    real = True

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.url = setting(settings, "url")
        self.username = setting(settings, "username")
        self.password = setting(settings, "password")
        self.sender = setting(settings, "sender")
        self.callback = str(settings.get("callback", "")).rstrip("/")

    def send(self, identifier: UUID, phone: str, words: str) -> Answer:
        headers = {
            "Content-Type": "text/plain; charset=UTF-8",
            "X-Kannel-Username": self.username,
            "X-Kannel-Password": self.password,
            "X-Kannel-From": self.sender,
            "X-Kannel-To": phone,
            "X-Kannel-Coding": "2",
            "X-Kannel-Charset": "UTF-8",
        }
        if self.callback:
            headers["X-Kannel-DLR-Mask"] = str(MASK)
            headers["X-Kannel-DLR-Url"] = f"{self.callback}/sms/kannel/report?id={quote(str(identifier))}&state=%d"
        answer = post(self.url, words.encode(), headers)
        if isinstance(answer, (Later, Unsure)):
            return answer
        status, said = answer
        if status == 202:  # “0: Accepted for delivery”, or “3: Queued for later delivery”
            return Sent(str(identifier))
        # Numbers are judged by the operator, in a report; what Kannel itself refuses is its set-up, to be mended.
        return Later(f"短信网关不收（{status}：{said[:80]}）")
