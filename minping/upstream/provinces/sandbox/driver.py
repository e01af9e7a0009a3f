"""The first province: JSON over HTTP, as the sandbox province speaks it (docs/provinces.md)."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from minping.kernel.home import home
from minping.upstream.messages import Dictionary, NegativeReceived, NotCanonical, OpenService, read
from minping.upstream.port import NEEDS, Ability, Accepted, AlreadyDone, Later, Message, Never
from minping.upstream.provinces.calling import Caller, json_object
from minping.upstream.provinces.plain import Plain

ANSWER_MOST = 64 << 20  # bytes: the list of what it holds


class SandboxDriver(Plain):
    name = "sandbox"
    label = "沙盒省平台"
    abilities = frozenset(
        {
            Ability.PUSH_SERVICE,
            Ability.PUSH_RATING,
            Ability.PUSH_RECTIFICATION,
            Ability.REQUEST_REVOCATION,
            Ability.PULL_NEGATIVES,
            Ability.PULL_DICTIONARY,
            Ability.PULL_OPEN_SERVICES,
            Ability.RECEIVE_CALLBACK,
        }
    )
    takes = frozenset({*NEEDS, "probe"})
    updates = True

    def __init__(self, address: str) -> None:
        self.address = address
        self.caller = Caller(
            "省平台", connect=3, read=10, most=ANSWER_MOST,
            headers={
                "Authorization": f"Bearer {home().keys()['province']}",
                "Content-Type": "application/json; charset=utf-8",
            },
        )  # fmt: skip

    def send(self, key: str, message: Message) -> Accepted:
        """Send one message.  A lost answer is `Later`: the next try finds it already there."""
        content = {
            "id": key,
            "kind": message.kind,
            "revision": message.revision,
            "area_code": message.area_code,
            "organization_code": message.organization_code,
            "case_no": message.case_no,
            "service_no": message.service_no,
            **message.body,
        }
        status, text = self._call("POST", "/v1/messages", json.dumps(content, ensure_ascii=False).encode())
        answer = json_object(text, "省平台", status)
        result = answer.get("result")
        if result == "accepted":
            return Accepted(str(answer.get("reference", "")), text)
        if result == "duplicate":
            raise AlreadyDone("省平台已有", code=str(answer.get("reference", "")), received=text)
        if status == 401:
            raise Later("省平台不认我们的口令", received=text, unreachable=True)
        if result == "refused":
            code = str(answer.get("code", ""))
            raise Never(str(answer.get("message", "拒收")), code=code, received=text)
        raise Later(f"省平台答复 {status}，暂不可用", received=text, unreachable=status == 503)

    def _call(self, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
        answer = self.caller.ask(method, self.address + path, body)
        return answer.status, answer.text

    def counts(self) -> dict[tuple[str, str, int | None], int] | None:
        """What the sandbox holds, by day of the fact, kind and level; None while it does not answer."""
        try:
            status, text = self._call("GET", "/received/counts")
        except Later:
            return None
        if status != 200:
            return None
        return {(row["day"], row["kind"], row["level"]): int(row["count"]) for row in json.loads(text)}

    def holds(self, kind: str) -> set[str] | None:
        """Which records it holds, by the subject in our key; None while it does not answer."""
        try:
            status, text = self._call("GET", f"/received?kind={kind}")
        except Later:
            return None
        if status != 200:
            return None
        return {str(row["id"]).split(":")[1] for row in json.loads(text) if str(row["id"]).count(":") == 2}

    def negatives(self) -> list[NegativeReceived]:
        answer = self._got("/negatives")
        return [self._read(NegativeReceived, one) for one in answer.get("negatives", [])]

    def open_services(self, since: date) -> list[OpenService]:
        told = self._got(f"/open?from={since}").get("services", [])
        return [self._read(OpenService, one) for one in told]

    def dictionary(self) -> Dictionary:
        answer = self._got("/dictionary")
        try:
            tags = [
                {
                    "code": row["normCode"], "label": row["normName"], "level": row["starLevel"],
                    "base": not row["expandNorm"], "in_use": row["usingStatus"],
                }
                for row in answer["norms"]
            ]  # fmt: skip
            told = {"edition": answer["edition"], "valid_from": answer["validFrom"], "tags": tags}
        except (KeyError, TypeError) as failure:
            raise Later("看不懂省平台的字典") from failure
        found: Dictionary = self._read(Dictionary, told)
        return found

    def _got(self, path: str) -> dict[str, Any]:
        status, text = self._call("GET", path)
        if status != 200:
            raise Later(f"省平台答复 {status}", received=text)
        return json_object(text, "省平台", status)

    @staticmethod
    def _read(shape: type[Any], body: dict[str, Any]) -> Any:
        try:
            return read(shape, body)
        except NotCanonical as failure:
            raise Later(f"看不懂省平台下发的内容：{failure}") from failure
