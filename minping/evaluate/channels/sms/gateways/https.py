"""A provider over signed HTTPS, described by a template in the configuration: no programmer is needed for a new one.

Settings of `[sms]`: `url`; `secret`; `body`, a template with {phone} {text} {id} {time}
{nonce} {sign}, each filled in as a JSON string's content; `sign`, the template of what is
signed by HMAC-SHA256 under the secret (default "{time}{nonce}{phone}"); `headers`, a table of
templates; `accepted`, `later` and `refused`, each a list of values of the answer's field
`answer` (a dotted path in its JSON); `reference`, the path of the provider's number.
An answer in none of the lists is `Unsure`: a person looks at it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from minping.evaluate.channels.sms.gateways import Answer, GatewayMisconfigured, Later, Never, Sent, Unsure, setting
from minping.evaluate.channels.sms.gateways.http import post
from minping.kernel import clock


def at_path(content: Any, path: str) -> str:
    """The value at a dotted path of a JSON answer, as text; empty where it is not."""
    for step in path.split("."):
        if isinstance(content, list) and step.isdigit() and int(step) < len(content):
            content = content[int(step)]
        elif isinstance(content, dict):
            content = content.get(step)
        else:
            return ""
    return "" if content is None else str(content)


class HttpsGateway:
    name = "https"
    label = "短信服务商（HTTPS）"
    real = True

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.url = setting(settings, "url")
        if not self.url.startswith(("https://", "http://127.0.0.1:")):
            raise GatewayMisconfigured(what="url 应以 https:// 开头。")
        self.secret = setting(settings, "secret").encode()
        self.body = setting(settings, "body")
        self.sign = str(settings.get("sign", "{time}{nonce}{phone}"))
        self.headers: Mapping[str, str] = settings.get("headers") or {}
        self.answer = setting(settings, "answer")
        self.reference = str(settings.get("reference", ""))
        self.classes = {
            name: frozenset(map(str, settings.get(name) or ())) for name in ("accepted", "later", "refused")
        }
        if not self.classes["accepted"]:
            raise GatewayMisconfigured(what="缺少 accepted（哪些答复算收下）。")

    def send(self, identifier: UUID, phone: str, words: str) -> Answer:
        facts = {
            "phone": phone, "text": words, "id": str(identifier), "nonce": secrets.token_hex(8),
            "time": str(int(clock.wall() * 1000)),
        }  # fmt: skip
        signed = hmac.new(self.secret, _filled(self.sign, facts).encode(), hashlib.sha256).hexdigest()
        facts["sign"] = signed
        body = _filled(self.body, {name: json.dumps(value, ensure_ascii=False)[1:-1] for name, value in facts.items()})
        headers = {"Content-Type": "application/json; charset=UTF-8"} | {
            name: _filled(value, facts) for name, value in self.headers.items()
        }
        answer = post(self.url, body.encode(), headers)
        if isinstance(answer, (Later, Unsure)):
            return answer
        status, said = answer
        try:
            content = json.loads(said)
        except ValueError:
            return Later(f"短信服务商答复 {status}") if status >= 500 else Unsure(f"短信服务商的答复看不懂（{status}）")
        code = at_path(content, self.answer)
        if code in self.classes["accepted"]:
            return Sent(at_path(content, self.reference)[:80] if self.reference else str(identifier))
        if code in self.classes["later"]:
            return Later(f"短信服务商暂时不收（{code}）")
        if code in self.classes["refused"]:
            return Never(f"短信服务商拒收（{code}）")
        return Unsure(f"短信服务商的答复不在约定之内（{code[:40]}）")


def _filled(template: str, facts: Mapping[str, str]) -> str:
    """Each {name} by its value; braces of the JSON around it stay as they are."""
    for name, value in facts.items():
        template = template.replace("{" + name + "}", value)
    return template
