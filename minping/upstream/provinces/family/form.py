"""Family (c): a plain form over POST, answered with code and text, as Guangdong's hall middleware (interfaces.md 1.6).

Only POST, although the middleware also takes GET: nothing personal goes into an address (failures.md B21).
"""

from __future__ import annotations

import json
from urllib.parse import urlencode

from minping.upstream import profile as profiles
from minping.upstream.port import NEEDS, Accepted, Later, Message
from minping.upstream.profile.loading import PATHS
from minping.upstream.provinces.calling import json_object
from minping.upstream.provinces.family.http import Wire


class FormDriver(Wire):
    """One call per message."""

    def prepare(self, message: Message) -> tuple[str, bytes]:
        """The fields as a person reads them, and as the form holds them."""
        fields = profiles.render(self.profile, message)
        return json.dumps(fields, ensure_ascii=False), urlencode(fields, encoding=self.profile.charset).encode("ascii")

    def send(self, key: str, message: Message) -> Accepted:
        call = PATHS[NEEDS[message.kind]]
        sent, body = self.prepare(message)
        try:
            status, content, _ = self.call(
                "POST", self.profile.paths[call], body,
                Content_Type=f"application/x-www-form-urlencoded; charset={self.profile.charset}",
            )  # fmt: skip
            received = content.decode(self.profile.charset, "replace")
            answer = json_object(received, "省平台", status)
        except Later as later:
            later.sent = sent
            raise
        text = str(answer.get("msg") or answer.get("message") or "")
        reference = str(answer.get("reference") or "")
        return self.settle(
            code=str(answer.get("code", "")), text=text, call=call, reference=reference, sent=sent, received=received
        )
