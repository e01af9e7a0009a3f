"""Family (b), as Shandong and Beijing speak it: SM2 over time + mark + word, SM2 payload, service record first.

The payload is a JSON array of one object, encrypted; what the clients call a
signature is an encryption of time, mark and word (`how: encrypt`), or a real one
(`how: signature`).  interfaces.md 1.2, 1.3.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from minping.kernel import clock, sm
from minping.upstream import profile as profiles
from minping.upstream.messages import Dictionary, NotCanonical, read
from minping.upstream.port import Accepted, Later, Message
from minping.upstream.provinces.calling import json_object
from minping.upstream.provinces.family.http import Wire


class EnvelopeDriver(Wire):
    """One object in an array in an envelope."""

    @property
    def form(self) -> sm.Form:
        how = self.profile.security
        return sm.Form(
            sm.Order(how.get("order", "C1C3C2")),
            bool(how.get("prefix", True)),
            sm.Signature(how.get("signature", "DER")),
        )

    @cached_property
    def _theirs(self) -> sm.PublicKey:
        return sm.PublicKey.read(self.secret("public_key"))

    @cached_property
    def _ours(self) -> sm.PrivateKey:
        return sm.PrivateKey.read(self.secret("private_key"))

    def send(self, key: str, message: Message) -> Accepted:
        path = "service" if message.kind == "service" else "rating"
        plain = self._plain(message)
        try:
            received, answer = self._ask(path, plain)
        except Later as later:
            later.sent = plain
            raise
        reference = self._reference(answer)
        code, text = str(answer.get("code", "")), str(answer.get("text", ""))
        return self.settle(code=code, text=text, call=path, reference=reference, sent=plain, received=received)

    def prepare(self, message: Message) -> tuple[str, str, str]:
        return self._sealed(self._plain(message))

    def _plain(self, message: Message) -> str:
        return json.dumps([profiles.render(self.profile, message)], ensure_ascii=False)

    def _reference(self, answer: dict[str, Any]) -> str:
        """Their number for it: where the city numbers services, number and code, else what it gives."""
        if self.profile.security.get("numbers") == "theirs" and answer.get("serviceNumber"):
            return f"{answer['serviceNumber']}/{answer.get('serviceCode', '')}"
        return str(answer.get("reference", "") or answer.get("serviceCode", ""))

    def _ask(self, path: str, plain: str) -> tuple[str, dict[str, Any]]:
        """The raw answer, and its parts under the names code, text, reference, serviceNumber, serviceCode, data."""
        status, content, _ = self._post(path, *self._sealed(plain))
        text = content.decode("utf-8", "replace")
        return text, _parts(json_object(text, "省平台", status))

    def _sealed(self, plain: str) -> tuple[str, str, str]:
        """Time, signature and ciphertext."""
        # The real time, not a demonstration's: the superior compares it with its own clock.
        stamp = clock.beijing(datetime.fromtimestamp(clock.wall(), UTC)).strftime("%Y%m%d%H%M%S")
        said = (stamp + self.secret("app_mark") + self.secret("app_word")).encode()
        signed = self.profile.security.get("how") == "signature"
        sign = (self._ours.sign(said, self.form) if signed else self._theirs.encrypt(said, self.form)).hex()
        return stamp, sign, self._theirs.encrypt(plain.encode(), self.form).hex()

    def _post(self, path: str, stamp: str, sign: str, cipher: str) -> tuple[int, bytes, Any]:
        tenancy = {"C_Tenancy_Id": self.secret("tenancy")}
        address, mark = self.profile.paths[path], self.secret("app_mark")
        if self.profile.security.get("wrap") == "query":
            params = json.dumps({"data": cipher})
            asked = urlencode({"appMark": mark, "sign": sign, "time": stamp, "params": params})
            return self.call("POST", f"{address}?{asked}", b"", **tenancy)
        body = {
            "txnCommCom": {},
            "txnBodyCom": {"appMark": mark, "time": stamp, "sign": sign, "params": {"evaluate": [cipher]}},
        }
        return self.call("POST", address, json.dumps(body).encode(), Content_Type="application/json", **tenancy)

    def dictionary(self) -> Dictionary:
        """The tags as the superior has them now.  Raises Later."""
        received, answer = self._ask("dictionary", "[]")
        data = answer.get("data") or {}
        try:
            rows = [
                {
                    "code": str(row["normCode"]), "label": str(row["normName"]), "level": int(row["starLevel"]),
                    "base": not row["expandNorm"], "in_use": bool(row["usingStatus"]),
                }
                for row in data["norms"]
            ]  # fmt: skip
            given = {"edition": str(data["edition"]), "valid_from": str(data["validFrom"]), "tags": rows}
            found: Dictionary = read(Dictionary, given)
        except (KeyError, TypeError, ValueError, NotCanonical) as failure:
            raise Later("看不懂省平台的字典", received=received) from failure
        return found


def _parts(answer: dict[str, Any]) -> dict[str, Any]:
    """Both forms of an answer as one: C-Response-Desc and -Body, or code, success and errorMessage."""
    if "C-Response-Desc" in answer:
        desc = str(answer["C-Response-Desc"])
        try:
            body = json.loads(answer.get("C-Response-Body") or "{}")
        except ValueError:
            body = {}
        body = body if isinstance(body, dict) else {}
        return {**body, "code": "success" if desc == "success" else "", "text": "" if desc == "success" else desc}
    success = str(answer.get("success", "")).lower()
    text = str(answer.get("errorMessage") or "") or success
    return {**answer, "code": str(answer.get("code", "")), "text": text}
