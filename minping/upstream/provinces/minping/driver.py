"""A superior that runs this same program: a street reports to its district, a district to its city.

Messages go in batches and each is answered by itself; what comes down is asked for, so
that a street behind a gateway needs no open port.  Who received a service stays sealed
where it was rendered, unless the rule `identity_upward` says otherwise (minan/3.1.4).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from minping import law
from minping.kernel import clock
from minping.registry import queries as registry
from minping.registry.models import Area
from minping.upstream.messages import BY_KIND, DOWNWARD, Dictionary, NotCanonical, OpenService, read
from minping.upstream.port import NEEDS, Ability, Accepted, AlreadyDone, Delivery, Later, Message, Never
from minping.upstream.provinces.calling import Caller, json_object
from minping.upstream.provinces.family.http import read_credentials
from minping.upstream.provinces.plain import Plain

LOOPBACK = ("127.0.0.1", "localhost", "::1")
PERSONAL = ("applicant", "agent")
ANSWER_MOST = 64 << 20  # bytes: the numbers of some hundred thousand records


class MinpingDriver(Plain):
    name = "minping"
    label = "上级民评"
    abilities = frozenset(
        {
            Ability.PUSH_SERVICE,
            Ability.PUSH_SERVICE_BATCH,
            Ability.PUSH_RATING,
            Ability.PUSH_LATE,
            Ability.PUSH_RECTIFICATION,
            Ability.REQUEST_REVOCATION,
            Ability.PUSH_REPORT,
            Ability.PULL_DICTIONARY,
            Ability.PULL_OPEN_SERVICES,
            Ability.PULL_DOWN,
        }
    )
    takes = frozenset({*NEEDS, "probe"})
    updates = True
    mirrors = True
    batch = 100

    def __init__(self, address: str, credentials: dict[str, str] | None = None) -> None:
        self.address = address.rstrip("/")
        self._credentials = credentials
        self.caller = Caller("上级", connect=3, read=30, most=ANSWER_MOST)

    # --- up ------------------------------------------------------------------------------------

    def send(self, key: str, message: Message) -> Accepted:
        (outcome,) = self.send_many([(key, message)])
        if isinstance(outcome, Delivery):
            raise outcome
        return outcome

    def send_many(self, rows: Sequence[tuple[str, Message]]) -> list[Accepted | Delivery]:
        """One call for all; each is answered by itself.  An organisation that the superior does not know is
        made known, and what waited for it is sent once more."""
        told = [_told(key, message) for key, message in rows]
        try:
            answers = self._messages(told)
            unknown = [n for n, answer in enumerate(answers) if answer.get("code") == "unknown_organization"]
            if unknown and self._introduce({str(told[n]["organization_code"]) for n in unknown}):
                for n, answer in zip(unknown, self._messages([told[n] for n in unknown]), strict=True):
                    answers[n] = answer
        except Later as silence:
            return [silence] * len(told)
        return [_outcome(one, answer) for one, answer in zip(told, answers, strict=True)]

    def _messages(self, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
        answers = self._called("POST", "messages", {"messages": told}).get("answers")
        if not isinstance(answers, list) or len(answers) != len(told):
            raise Later("看不懂上级的答复")
        # An answer to another message, an older one's say, is none to this one.
        return [
            answer if isinstance(answer, dict) and answer.get("key") == one["key"] else {}
            for one, answer in zip(told, answers, strict=True)
        ]

    def _introduce(self, codes: set[str]) -> bool:
        """Make the organisations known with those above them; True where any is new there."""
        places = registry.directory().places
        wanted = {code: place for code, place in places.items() if any(
            places[one].path.startswith(place.path) for one in codes if one in places
        )}  # fmt: skip
        names = dict(Area.objects.filter(code__in={p.area_code for p in wanted.values()}).values_list("code", "name"))
        rows = [
            {
                "code": place.code, "name": place.name, "kind": place.kind, "area_code": place.area_code,
                "area_name": names.get(place.area_code, ""), "parent": (place.path.split("/")[-3:-2] or [""])[0],
            }
            for place in sorted(wanted.values(), key=lambda place: place.path)
        ]  # fmt: skip
        told = self._called("POST", "organizations", {"organizations": rows}).get("organizations")
        return isinstance(told, list) and any(isinstance(row, dict) and row.get("result") == "created" for row in told)

    # --- what it holds -------------------------------------------------------------------------

    def counts(self) -> dict[tuple[str, str, int | None], int] | None:
        try:
            rows = self._called("GET", "counts")["counts"]
            return {(row["day"], row["kind"], row["level"]): int(row["count"]) for row in rows}
        except (Later, KeyError, TypeError, ValueError):
            return None

    def holds(self, kind: str) -> set[str] | None:
        try:
            return {str(one) for one in self._called("GET", f"holds?kind={kind}")["subjects"]}
        except (Later, KeyError, TypeError):
            return None

    # --- down ----------------------------------------------------------------------------------

    def down(self, after: int) -> tuple[list[Any], int]:
        """What was sent down after that number, as typed contents, and up to where that is.  Raises Later."""
        answer = self._called("POST", "down", {"after": after})
        try:
            items = [_content(item["kind"], item["content"]) for item in answer["items"]]
            return items, int(answer["cursor"])
        except (KeyError, TypeError, ValueError) as failure:
            raise Later(f"看不懂上级下发的内容：{failure}") from failure

    def open_services(self, since: date) -> list[OpenService]:
        told = self._called("GET", f"open?since={since}").get("services")
        if not isinstance(told, list):
            raise Later("看不懂上级的未评清单")
        try:
            return [read(OpenService, one) for one in told]
        except (NotCanonical, TypeError) as failure:
            raise Later(f"看不懂上级的未评清单：{failure}") from failure

    def dictionary(self) -> Dictionary:
        try:
            found: Dictionary = read(Dictionary, self._called("GET", "dictionary"))
        except NotCanonical as failure:
            raise Later(f"看不懂上级的字典：{failure}") from failure
        return found

    # --- the wire ------------------------------------------------------------------------------

    def _called(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """The answer as an object.  Raises Later for silence, a refusal of the key, and what is no answer."""
        where = urlsplit(self.address)
        if where.scheme != "https" and where.hostname not in LOOPBACK:
            raise Later("上级的地址必须是 https（只有本机可以是 http）", code="ADDRESS", unreachable=True)
        credentials = read_credentials() if self._credentials is None else self._credentials
        if not credentials.get("key"):
            raise Later("缺少上级发的密钥 key（数据目录的 province.json）", code="KEY", unreachable=True)
        answer = self.caller.ask(
            method, f"{self.address}/api/v1/superior/{path}",
            None if body is None else json.dumps(body, ensure_ascii=False).encode(),
            {"Authorization": f"Bearer {credentials['key']}", "Content-Type": "application/json"},
        )  # fmt: skip
        text = answer.text
        if answer.status in (401, 403):
            raise Later("上级不认我们的密钥", code=str(answer.status), received=text, unreachable=True)
        if answer.status != 200:
            raise Later(f"上级答复 {answer.status}，暂不可用", received=text, unreachable=answer.status >= 500)
        return json_object(text, "上级")


def _told(key: str, message: Message) -> dict[str, Any]:
    body = dict(message.body)
    if message.kind == "service" and not _names_go_up(message.area_code):
        for name in PERSONAL:
            if body.get(name):
                body[name] = {"kind": body[name]["kind"], "name": "", "cert_type": "", "cert_no": ""}
    return {
        "key": key, "subject": key.split(":")[1], "kind": message.kind, "revision": message.revision,
        "area_code": message.area_code, "organization_code": message.organization_code, "case_no": message.case_no,
        "service_no": message.service_no, "fact_at": clock.beijing(message.fact_at).isoformat(timespec="seconds"),
        "body": body,
    }  # fmt: skip


def _names_go_up(area_code: str) -> bool:
    today: date = clock.beijing(clock.now()).date()
    return bool(law.at(area_code, today).value("identity_upward").value == "full")


def _outcome(told: dict[str, Any], answer: dict[str, Any]) -> Accepted | Delivery:
    sent, received = json.dumps(told, ensure_ascii=False), json.dumps(answer, ensure_ascii=False)
    result, reference, code = answer.get("result"), str(answer.get("reference", "")), str(answer.get("code", ""))
    text = str(answer.get("message", ""))[:300]
    if result == "accepted":
        return Accepted(reference, received, sent)
    if result == "already":
        return AlreadyDone("上级已有", code=reference, received=received, sent=sent)
    if result == "later":
        return Later(text or "上级请稍后再送", code=code, received=received, sent=sent)
    if result == "never":
        return Never(text or "上级拒收", code=code, received=received, sent=sent)
    return Later("看不懂上级的答复", received=received, sent=sent)


def _content(kind: str, body: dict[str, Any]) -> Any:
    shape = BY_KIND.get(kind)
    if shape is None or (shape not in DOWNWARD and kind != "validity"):
        raise ValueError(f"不认识的类别 {kind}")
    return read(shape, body)
