"""Two real families of provincial systems, as their clients show them (facts/interfaces.md 1.1 and 1.2/1.3).

Each reads its own wire form, checks what it would check, and keeps the record in the
same store as protocol v1, so that `/received` and the page show one province.
The sandbox's credentials are derived from its token: `GET /fj/credentials` and
`GET /sd/credentials` tell them to whoever knows the token.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import itertools
import json
import re
import secrets
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree as ET

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from minping.sandbox import sm2
from minping.sandbox.masking import masked
from minping.sandbox.protocol import BEIJING, Answer, Message
from minping.sandbox.wire import Request, Response

TOKEN_SECONDS = 1800
SKEW_MOST = 600  # seconds that a sender's clock may differ when it signs in
Submit = Callable[[Message], Answer]
Known = Callable[[str], list[dict[str, Any]]]  # what is kept of the ratings of a case
TAGS = (
    ("510", "一窗受理一次办结", 5, False, True), ("513", "可以全程网上办理", 5, True, True),
    ("406", "填写一张表单就可完成申报", 4, False, True), ("307", "一次性告知需要补正的材料", 3, False, True),
    ("207", "没有提供材料样本", 2, False, True), ("210", "同样内容的证明材料被要求多次提交", 2, True, True),
    ("108", "在办事指南之外增加新的审批条件", 1, False, True), ("201", "旧指标", 2, False, False),
)  # fmt: skip


_FORM = {
    "evalProcess": 1, "affairDealNo": 10, "affairSerialNo": 50, "affairCode": 32, "affairName": 100,
    "affairDealOfficer": 50, "affairApplyTime": 14, "departmentCode": 20, "userName": 50, "contactPhone": 50,
    "userType": 1, "certificateType": 10, "certificateNo": 50,
}  # fmt: skip


class Refusal(Exception):
    """What the province says no with: a code where it has codes, and its text."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def _moment(value: str, name: str) -> datetime:
    try:
        return datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING)
    except ValueError:
        raise Refusal("400", f"{name} 格式不对") from None


def _need(fields: dict[str, Any], *names: str) -> None:
    for name in names:
        if fields.get(name) in (None, ""):
            raise Refusal("400", f"{name} 不能为空")


# What names a person in these families' own words; masked before it is kept.
_PERSONAL = {
    "userName": "user_name", "handleUserName": "handler_name", "name": "user_name", "certKey": "cert_no",
    "certKeyGOV": "cert_no_gov", "handleUserPageCode": "handler_cert_no", "contactMobile": "phone", "mobile": "mobile",
}  # fmt: skip


def _kept(fields: dict[str, Any]) -> dict[str, Any]:
    return masked({_PERSONAL.get(name, name): value for name, value in fields.items()})


class Province:
    """The clock of the province, its tokens, what it numbers, its dictionary and the negatives it sends down."""

    def __init__(self, secret: str, skew: Callable[[], float]) -> None:
        self.skew = skew
        self.app_key = "sandbox"
        self.app_secret = hashlib.sha256(f"soap:{secret}".encode()).hexdigest()[:32]
        self.app_mark, self.tenancy = "SANDBOX", "350213005000"
        self.app_word = hashlib.sha256(f"word:{secret}".encode()).hexdigest()[:16]
        self.private = int.from_bytes(hashlib.sha256(f"province:{secret}".encode()).digest()) % (sm2.N - 2) + 1
        self.public = sm2.times(self.private, sm2.G)
        self.sender = int.from_bytes(hashlib.sha256(f"sender:{secret}".encode()).digest()) % (sm2.N - 2) + 1
        self.sender_public = sm2.times(self.sender, sm2.G)
        self.tokens: dict[str, float] = {}
        self.tags: list[tuple[str, str, int, bool, bool]] = list(TAGS)
        self.edition, self.valid_from = "2020", "2020-01-01"
        self.negatives: list[dict[str, Any]] = []
        self.changes: list[tuple[float, dict[str, Any]]] = []  # of the dictionary, and when each is due
        self.city_numbers: dict[str, int] = {}
        self.pages: dict[str, dict[str, str]] = {}  # by the token in a rating page's address: its case

    def now(self) -> float:
        return time.time() + self.skew()

    def credentials(self, family: str) -> dict[str, str]:
        if family == "fj":
            return {"app_key": self.app_key, "app_secret": self.app_secret}
        return {
            "app_mark": self.app_mark, "app_word": self.app_word, "tenancy": self.tenancy,
            "public_key": "04" + "".join(f"{each:064x}" for each in self.public),
            "private_key": f"{self.sender:064x}",
        }  # fmt: skip

    def expire_tokens(self) -> None:
        self.tokens.clear()

    def refused(self, call: str, code: str) -> Response:
        """No, for a reason that is in every table as final, with the code that it was told to say."""
        text = f"数据不存在（{code}）"
        if call == "form":
            return _json(200, {"code": 50000, "msg": text})
        return _soap_answer({"code": "404", "message": text}) if call == "soap" else _desc(text, {})

    def check_times(self, *moments: datetime) -> None:
        """accept ≤ service ≤ assess ≤ the province's own clock."""
        for earlier, later in itertools.pairwise(moments):
            if earlier > later:
                raise Refusal("400", "先后顺序不对")
        if moments and moments[-1].timestamp() > self.now() + 1:
            raise Refusal("400", "时间晚于省平台时间")

    # --- family (a): token, SOAP, XML Case, SM4 -------------------------------------------------

    def token(self, request: Request) -> Response:
        asked = dict(request.query)
        stamp = asked.get("timestamp", "")
        right = hashlib.md5((self.app_secret + stamp).encode(), usedforsecurity=False).hexdigest()
        if asked.get("app_key") != self.app_key or asked.get("sign", "").lower() != right:
            return _json(400, {"error": "sign"})
        if not stamp.isdigit() or abs(int(stamp) / 1000 - self.now()) > SKEW_MOST:
            return _json(400, {"error": "timestamp"})
        token = secrets.token_hex(16)
        self.tokens[token] = self.now() + TOKEN_SECONDS
        return _json(200, {"access_token": token, "expires_in": TOKEN_SECONDS, "refresh_token": "", "re_expires_in": 0})

    def soap(self, request: Request, submit: Submit, call: str = "soap", known: Known = lambda _: []) -> Response:
        """Report an evaluation (`soap`), ask for a rating page (`page`), or for what was said on it (`results`)."""
        token = request.headers.get("authorization", "").removeprefix("Basic ")
        if self.tokens.get(token, 0) < self.now():
            return Response(400, b"token", "text/plain", {"x-error-code": "access_token_invalid"})
        try:
            fields = self._case(request.body)
            if call != "soap":
                return self._asked(call, fields, known, request.headers.get("host", ""))
            reference = self._evaluation(fields, submit)
            answer = {"code": "200", "message": "成功", "evaluateUnid": reference}
        except Refusal as refusal:
            answer = {"code": refusal.code, "message": refusal.text}
        return _soap_answer(answer)

    def _asked(self, call: str, fields: dict[str, str], known: Known, host: str) -> Response:
        """The page's address, unless the case is rated already; or the evaluations of a case."""
        _need(fields, "businessCode", "projectNo", "nodeName")
        said = [one for one in known(fields["projectNo"]) if one.get("nodeName") == fields["nodeName"]]
        if call == "results":
            if not said:
                raise Refusal("404", "没有评价")
            return _soap_answer({"code": "200", "message": "成功"}, said)
        if said:
            return _soap_answer({"code": "3", "message": "该评价已存在"}, said)
        _need(fields, "businessName", "proStatus", "projectName", "regionCode", "acceptDate", "userProp", "userName",
              "userPageType", "certKey", "serviceTime", "evaluateType", "pf", "type", "contactMobile", "backUrl")  # fmt: skip
        token = secrets.token_urlsafe(18)
        self.pages[token] = fields
        return _soap_answer({"code": "200", "message": "成功", "url": f"http://{host}/fj/page/{token}"})

    def _case(self, body: bytes) -> dict[str, str]:
        try:
            call = ET.fromstring(body)
            key, cipher = call.findtext(".//appKey"), call.findtext(".//xmlStr") or ""
        except ET.ParseError:
            raise Refusal("400", "不是 SOAP") from None
        if key != self.app_key:
            raise Refusal("401", "appKey 不对")
        try:
            sm4 = Cipher(
                algorithms.SM4(hashlib.md5(self.app_secret.encode(), usedforsecurity=False).digest()), modes.ECB()
            )
            decryptor, unpadder = sm4.decryptor(), padding.PKCS7(128).unpadder()
            padded = decryptor.update(base64.b64decode(cipher)) + decryptor.finalize()
            plain = unpadder.update(padded) + unpadder.finalize()
            text = plain.decode("gb18030" if re.search(b"gb(2312|k|18030)", plain[:60].lower()) else "utf-8")
            root = ET.fromstring(text[text.index("?>") + 2 :])
        except (ValueError, binascii.Error, ET.ParseError):
            raise Refusal("400", "密文解不开") from None
        if root.tag != "Case":
            raise Refusal("400", "根元素不是 Case")
        return {one.tag: one.text or "" for one in root}

    def _evaluation(self, fields: dict[str, str], submit: Submit) -> str:
        _need(fields, "itemCode", "businessCode", "businessName", "proStatus", "regionCode", "acceptDate", "userProp",
              "userName", "userPageType", "certKey", "serviceTime", "evaluateType", "projectName", "nodeName",
              "contactMobile", "pf", "type", "alternate", "assessTime", "projectNo")  # fmt: skip
        if fields["alternate"] not in "12345":
            raise Refusal("400", "alternate 不存在")
        if fields["proStatus"] == "3":
            _need(fields, "resultDate")
        if fields["alternate"] in "12" and not (fields.get("appraisald") or fields.get("writingevalua")):
            raise Refusal("400", "差评须有原因")
        assessed = _moment(fields["assessTime"], "assessTime")
        self.check_times(
            _moment(fields["acceptDate"], "acceptDate"), _moment(fields["serviceTime"], "serviceTime"), assessed
        )
        kind = "rating" if fields["evaluateType"] == "1" else "supplementary"
        answer = submit(
            _record(
                kind,
                fields["regionCode"],
                fields["projectNo"],
                fields["nodeName"],
                int(fields["alternate"]),
                assessed,
                fields,
            )
        )
        if answer.result == "duplicate":
            raise Refusal("3", "该评价已存在")
        if answer.result != "accepted":
            raise Refusal("500", "系统繁忙")
        return answer.body["reference"]

    # --- family (b): SM2 over time, mark and word; SM2 payload; service record first -------------

    def envelope(self, request: Request, path: str, submit: Submit, *, city: bool = False) -> Response:
        try:
            rows = self._opened(request)
            if path == "getnorm":
                return _desc("success", {"data": self.dictionary()})
            body = self._service(rows, submit, city) if path == "service" else self._rated(rows, submit)
            return _desc("success", body)
        except Refusal as refusal:
            return _desc(refusal.text, {})

    def _opened(self, request: Request) -> list[dict[str, Any]]:
        if request.headers.get("c-tenancy-id") != self.tenancy:
            raise Refusal("", "租户不存在")
        try:
            if request.query:
                asked = {name: values[0] for name, values in parse_qs(request.target.partition("?")[2]).items()}
                cipher = json.loads(asked["params"])["data"]
            else:
                asked = json.loads(request.body)["txnBodyCom"]
                cipher = asked["params"]["evaluate"][0]
            said = (asked["time"] + asked["appMark"] + self.app_word).encode()
            sign = bytes.fromhex(asked["sign"])
            if asked["appMark"] != self.app_mark or not self._signed(said, sign):
                raise Refusal("", "签名不对")
            at = datetime.strptime(asked["time"], "%Y%m%d%H%M%S").replace(tzinfo=BEIJING).timestamp()
            if abs(at - self.now()) > SKEW_MOST:
                raise Refusal("", "签名已过期")
            rows = json.loads(sm2.decrypt(bytes.fromhex(cipher), self.private))
        except (KeyError, TypeError, ValueError, IndexError):
            raise Refusal("", "报文格式不对") from None
        if not isinstance(rows, list):
            raise Refusal("", "报文格式不对")
        return rows

    def _signed(self, said: bytes, sign: bytes) -> bool:
        """Both are met in the field: an encryption under our key, or a signature of theirs."""
        try:
            if sign[:1] == b"\x30":
                return sm2.verify(said, *decode_dss_signature(sign), self.sender_public)
            return sm2.decrypt(sign, self.private) == said
        except ValueError:
            return False

    def _service(self, rows: list[dict[str, Any]], submit: Submit, city: bool) -> dict[str, Any]:
        fields = rows[0]
        _need(fields, "mobile", "serviceTime", "areaCode", "taskCode", "taskName", "projectNo", "proStatus", "orgcode",
              "orgName", "userProp", "userName", "userPageType", "serviceName")  # fmt: skip
        if not (fields.get("certKey") or fields.get("certKeyGOV")):
            raise Refusal("", "certKey 不能为空")
        if len(str(fields["taskCode"])) != 31:
            raise Refusal("", "taskCode 格式不对，应为 31 位")
        served = _moment(str(fields["serviceTime"]), "serviceTime")
        self.check_times(served)
        number = str(fields.get("serviceNumber") or "")
        if city:
            key = f"{fields['projectNo']}|{fields['serviceName']}|{fields['serviceTime']}"
            number = str(self.city_numbers.setdefault(key, len(self.city_numbers) + 1))
        _need({"serviceNumber": number}, "serviceNumber")
        record = _record("service", str(fields["orgcode"]), str(fields["projectNo"]), number, None, served, fields)
        answer = submit(record)
        if answer.result == "duplicate":
            raise Refusal("", "办件服务不可重复")
        if answer.result != "accepted":
            raise Refusal("", "系统繁忙")
        given = {"serviceCode": answer.body["reference"], "serviceNumber": number} if city else {}
        return {"reference": answer.body["reference"], **given}

    def _rated(self, rows: list[dict[str, Any]], submit: Submit) -> dict[str, Any]:
        fields = rows[0]
        _need(fields, "projectNo", "serviceNumber", "satisfaction", "assessTime")
        if str(fields["satisfaction"]) not in {"1", "2", "3", "4", "5"}:
            raise Refusal("", "satisfaction 不存在")
        default = str(fields.get("isdefault", "0")) == "1"
        if (
            not default
            and int(fields["satisfaction"]) < 3
            and not (fields.get("evalDetail") or fields.get("writingEvaluation"))
        ):
            raise Refusal("", "差评原因不能为空")
        assessed = _moment(str(fields["assessTime"]), "assessTime")
        self.check_times(assessed)
        number = int(fields.get("assessNumber") or 1)
        kind = "default" if default else "rating" if number == 1 else "supplementary"
        record = _record(kind, "", str(fields["projectNo"]), str(fields["serviceNumber"]), int(fields["satisfaction"]),
                         assessed, fields)  # fmt: skip
        answer = submit(record)
        if answer.result == "duplicate":
            raise Refusal("", "评价数据不可重复")
        if answer.result == "refused":
            raise Refusal("", "办件服务不存在")
        if answer.result != "accepted":
            raise Refusal("", "系统繁忙")
        return {"reference": answer.body["reference"]}

    # --- family (c): a plain form (interfaces.md 1.6) ------------------------------------------

    def form(self, request: Request, submit: Submit) -> Response:
        """POST only; lengths are checked as documented; a second rating of a case is refused by its text."""
        fields = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        for name, most in _FORM.items():
            if not fields.get(name) or len(fields[name]) > most:
                return _json(200, {"code": 40002, "state": 0, "msg": f"{name} 缺失或超长", "data": None})
        try:
            at = datetime.strptime(fields["affairApplyTime"], "%Y%m%d%H%M%S").replace(tzinfo=BEIJING)
        except ValueError:
            return _json(200, {"code": 40002, "state": 0, "msg": "affairApplyTime 格式不对", "data": None})
        kept = {**fields, "contactMobile": fields["contactPhone"], "certKey": fields["certificateNo"]}
        del kept["contactPhone"], kept["certificateNo"]
        record = _record("service", "", fields["affairSerialNo"], fields["evalProcess"], None, at, kept)
        answer = submit(record)
        if answer.result == "duplicate":
            return _json(200, {"code": 1, "state": 0, "msg": "该办件已评价，无需重复评价", "data": None})
        if answer.result != "accepted":
            return _json(503, {"code": 503, "msg": "系统繁忙"})
        return _json(200, {"code": 0, "state": 1, "msg": "成功", "reference": answer.body["reference"]})

    # --- what it sends down ---------------------------------------------------------------------

    def dictionary(self) -> dict[str, Any]:
        """As it is now: changes that are due have happened."""
        due = [told for at, told in self.changes if at <= time.monotonic()]
        self.changes = [(at, told) for at, told in self.changes if at > time.monotonic()]
        for told in due:
            self._change(told)
        norms = [
            {"normCode": code, "normName": name, "starLevel": level, "expandNorm": more, "usingStatus": used}
            for code, name, level, more, used in self.tags
        ]
        return {"edition": self.edition, "validFrom": self.valid_from, "norms": norms}

    def change_dictionary(self, told: dict[str, Any]) -> None:
        """{"edition", "valid_from", "retire": [codes], "add": [{code, label, level}], "after": seconds}"""
        after = told.get("after", 0)
        if isinstance(after, bool) or not isinstance(after, (int, float)):
            raise TypeError("after")
        str(told["edition"]), str(told["valid_from"])
        [(one["code"], one["label"], int(one["level"])) for one in told.get("add", ())]
        self.changes.append((time.monotonic() + after, told))

    def _change(self, told: dict[str, Any]) -> None:
        retired = set(told.get("retire", ()))
        self.tags = [(c, n, lv, more, used and c not in retired) for c, n, lv, more, used in self.tags]
        self.tags += [
            (str(one["code"]), str(one["label"]), int(one["level"]), True, True) for one in told.get("add", ())
        ]
        self.edition, self.valid_from = str(told["edition"]), str(told["valid_from"])


def _record(
    kind: str, organization: str, case_no: str, number: str, level: int | None, at: datetime, fields: dict[str, Any]
) -> Message:
    """The store's own form; ratings find their service by case and number alone."""
    extra = str(fields.get("assessNumber") or "") if kind == "supplementary" else ""
    return Message(
        id=f"{kind}|{case_no}|{number}|{extra}", kind=kind, revision=1, organization_code="", case_no=case_no,
        service_no=number, case_number=extra, level=level, day=at.date().isoformat(),
        body={"kind": kind, "revision": 1, "case_no": case_no, "service_no": number, "level": level,
              "organization": organization, **_kept(fields)},
        alone=organization != "" and kind != "service",
    )  # fmt: skip


def page_record(case: dict[str, str], level: int, text: str, at: datetime) -> Message:
    """What was said on the province's own page: the same record that a report of it would make."""
    said = {"alternate": str(level), "assessTime": f"{at:%Y-%m-%d %H:%M:%S}", "writingevalua": text, "appraisald": ""}
    kept = {name: value for name, value in case.items() if name != "backUrl"}
    return _record("rating", case["regionCode"], case["projectNo"], case["nodeName"], level, at, {**kept, **said})


def _json(status: int, body: object) -> Response:
    return Response(status, json.dumps(body, ensure_ascii=False).encode())


def _desc(desc: str, body: dict[str, Any]) -> Response:
    return _json(200, {"C-Response-Desc": desc, "C-Response-Body": json.dumps(body, ensure_ascii=False)})


_TOLD = ("alternate", "assessTime", "appraisald", "writingevalua", "pf")


def _soap_answer(answer: dict[str, str], said: Iterable[dict[str, Any]] = ()) -> Response:
    inner = ET.Element("Result")
    ET.SubElement(inner, "code").text = answer["code"]
    ET.SubElement(inner, "message").text = answer["message"]
    if "evaluateUnid" in answer:
        ET.SubElement(ET.SubElement(inner, "data"), "evaluateUnid").text = answer["evaluateUnid"]
    if "url" in answer:
        ET.SubElement(ET.SubElement(inner, "data"), "url").text = answer["url"]
    for one in said:
        row = ET.SubElement(inner, "evaluation")
        ET.SubElement(row, "evaluateUnid").text = one["reference"]
        for name in _TOLD:
            ET.SubElement(row, name).text = str(one.get(name, ""))
    space = "http://schemas.xmlsoap.org/soap/envelope/"
    top = ET.Element(f"{{{space}}}Envelope")
    call = ET.SubElement(ET.SubElement(top, f"{{{space}}}Body"), "response")
    ET.SubElement(call, "return").text = ET.tostring(inner, encoding="unicode")
    return Response(200, ET.tostring(top, encoding="utf-8", xml_declaration=True), "text/xml; charset=utf-8")
