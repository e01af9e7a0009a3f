"""Family (a), as Fujian's gateway speaks it: token by MD5, SOAP, XML `Case`, SM4 payload (interfaces.md 1.1).

Documents are built and read by an XML library on both levels, never joined or cut
out (failures.md B25).  A token is used until it expires and renewed once when the
gateway says that it is no longer good (failures.md B5).
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Mapping
from datetime import datetime
from xml.etree import ElementTree as ET

from minping.kernel import clock, sm
from minping.upstream import profile as profiles
from minping.upstream.messages import NegativeReceived, NotCanonical, read
from minping.upstream.port import Ability, Accepted, AlreadyDone, Later, Message, RatedAbove
from minping.upstream.profile.rendering import AMBIGUOUS
from minping.upstream.provinces.calling import json_object
from minping.upstream.provinces.family.http import Wire

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
ET.register_namespace("soapenv", SOAP)
MOMENT = "%Y-%m-%d %H:%M:%S"  # Beijing time
MARGIN = 30.0  # seconds before its end that a token is no longer used


class TokenInvalid(Exception):
    """The gateway does not know our token any more."""


class Unreadable(ValueError):
    """Not the XML that was agreed."""


def document(root: str, fields: Mapping[str, str | int], charset: str) -> bytes:
    """One flat XML document.  What the charset lacks, or what a reader may take for another character, becomes a
    character reference; so does a carriage return, which a reader would else turn into a line feed."""
    top = ET.Element(root)
    for name, value in fields.items():
        ET.SubElement(top, name).text = str(value)
    text = ET.tostring(top, encoding="unicode")  # escaped by the serialiser; from here on only characters are written
    for sign in ("\r", *AMBIGUOUS.get(charset, "")):
        text = text.replace(sign, f"&#{ord(sign)};")
    return f'<?xml version="1.0" encoding="{charset.upper()}"?>\n{text}'.encode(charset, "xmlcharrefreplace")


def parsed(data: bytes) -> ET.Element:
    """Raises Unreadable; a document type is refused, so that no entity can grow."""
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data or b"\0" in data:  # two-byte letters would hide the words
        raise Unreadable("带有文档类型声明")
    try:
        return ET.fromstring(data)
    except (ET.ParseError, ValueError):
        pass
    try:  # expat reads no multi-byte Chinese charset: read the characters first, the declaration aside
        text = data.decode(_declared(data))
        return ET.fromstring(text[text.index("?>") + 2 :] if text.lstrip().startswith("<?xml") else text)
    except (ET.ParseError, ValueError, LookupError) as failure:
        raise Unreadable("不是 XML") from failure


def _declared(data: bytes) -> str:
    head = data[:200].split(b"?>")[0].decode("ascii", "replace")
    _, found, rest = head.partition("encoding=")
    name = rest[1:].split(rest[:1])[0].lower() if found and rest else "utf-8"
    return "gb18030" if name in ("gb2312", "gbk") else name


def text_of(root: ET.Element, name: str) -> str:
    """The text of the first element with this local name, "" where there is none."""
    for one in root.iter():
        if one.tag.rpartition("}")[2] == name:
            return "".join(one.itertext())
    return ""


class SoapDriver(Wire):
    """Token, envelope, ciphertext."""

    def __init__(self, *arguments: object, **more: object) -> None:
        super().__init__(*arguments, **more)  # type: ignore[arg-type]
        self._lock = threading.Lock()
        self._token, self._token_end = "", 0.0

    def send(self, key: str, message: Message) -> Accepted:
        plain = self._plain(message)
        sent = plain.decode(_declared(plain))
        try:
            answer = self._ask(self.reporting_path(message), plain)
        except Later as later:
            later.sent = sent
            raise
        received = ET.tostring(answer, encoding="unicode")
        code, text = text_of(answer, "code"), text_of(answer, "message")
        reference = text_of(answer, "evaluateUnid")
        return self.settle(code=code, text=text, call="rating", reference=reference, sent=sent, received=received)

    def prepare(self, message: Message) -> bytes:
        """With a token, which is renewed here where it is over."""
        return self._envelope(self.reporting_path(message), self._encrypted(self._plain(message)))

    def _plain(self, message: Message) -> bytes:
        return document("Case", profiles.render(self.profile, message), self.profile.charset)

    def page(self, service: Message, *, back: str, channel: str) -> str:
        """Ask for the page; a service that was rated there already is answered with what was said."""
        if "page" not in self.profile.paths or Ability.GET_PAGE not in self.abilities:
            return super().page(service, back=back, channel=channel)
        fields = profiles.render(self.profile, service, "page", {"back": back, "channel": channel})
        plain = document("Case", fields, self.profile.charset)
        answer = self._ask("page", plain)
        received, sent = ET.tostring(answer, encoding="unicode"), plain.decode(_declared(plain))
        code, text, address = (text_of(answer, name) for name in ("code", "message", "url"))
        try:
            self.settle(code=code, text=text, call="page", reference="", sent=sent, received=received)
        except AlreadyDone:
            rated = self._rated(answer, service)
            if not rated:
                raise
            raise RatedAbove(rated[0], sent=sent, received=received) from None
        if not address:
            raise Later("省平台没有给评价页的地址", sent=sent, received=received)
        return address

    def results(self, service: Message) -> list[NegativeReceived]:
        fields = profiles.render(self.profile, service, "results")
        answer = self._ask("results", document("Case", fields, self.profile.charset))
        code, text = text_of(answer, "code"), text_of(answer, "message")
        kind = profiles.classify(self.profile, code=code, text=text, call="results")
        if kind == "never":
            return []  # nobody has rated there
        if kind not in ("accepted", "already"):
            raise Later(f"省平台没有给评价结果：{text or code}", received=ET.tostring(answer, encoding="unicode"))
        return self._rated(answer, service)

    def _rated(self, answer: ET.Element, service: Message) -> list[NegativeReceived]:
        """Each evaluation in an answer, our codes for theirs.  Raises Later where one cannot be read."""
        found = []
        for one in answer.iter():
            if one.tag.rpartition("}")[2] != "evaluation":
                continue
            level = profiles.reverse(self.profile, "level", text_of(one, "alternate"))
            try:
                body = {
                    "reference": text_of(one, "evaluateUnid"), "organization_code": service.organization_code,
                    "case_no": service.case_no, "service_no": service.service_no, "level": int(level or 0),
                    "rated_at": datetime.strptime(text_of(one, "assessTime"), MOMENT).replace(tzinfo=clock.BEIJING),
                    "tags": [code for code in text_of(one, "appraisald").split(",") if code],
                    "text": text_of(one, "writingevalua"),
                    "channel": profiles.reverse(self.profile, "channel", text_of(one, "pf")) or "",
                }  # fmt: skip
                found.append(read(NegativeReceived, body))
            except (NotCanonical, ValueError) as failure:
                raise Later(
                    f"看不懂省平台的评价结果：{failure}", received=ET.tostring(answer, encoding="unicode")
                ) from None
        return found

    def _ask(self, path: str, plain: bytes) -> ET.Element:
        """The inner answer document of one call.  Raises Later."""
        body = self._envelope(path, self._encrypted(plain))
        try:
            content = self._post(path, body, self._fresh_token())
        except TokenInvalid:
            self._forget_token()
            try:
                content = self._post(path, self._envelope(path, self._encrypted(plain)), self._fresh_token())
            except TokenInvalid as failure:
                raise Later("省平台不认刚换的口令", unreachable=True) from failure
        try:
            return parsed(text_of(parsed(content), "return").encode())
        except Unreadable as failure:
            text = content.decode("utf-8", "replace")
            raise Later("看不懂省平台的答复", received=text) from failure

    def _envelope(self, path: str, cipher: str) -> bytes:
        top = ET.Element(f"{{{SOAP}}}Envelope")
        header = ET.SubElement(top, f"{{{SOAP}}}Header")
        ET.SubElement(header, "Authorization").text = f"Basic {self._fresh_token()}"
        call = ET.SubElement(ET.SubElement(top, f"{{{SOAP}}}Body"), self.profile.paths[path].rpartition("/")[2])
        ET.SubElement(call, "appKey").text = self.secret("app_key")
        ET.SubElement(call, "xmlStr").text = cipher
        return bytes(ET.tostring(top, encoding="utf-8", xml_declaration=True))

    def _encrypted(self, plain: bytes) -> str:
        how = self.profile.security
        key = hashlib.md5(self.secret("app_secret").encode(), usedforsecurity=False).digest()
        cipher = sm.sm4_encrypt(key, plain, mode=how.get("mode", "ECB"), pad=how.get("pad", "PKCS7"))
        return cipher.hex() if how.get("text") == "hex" else base64.b64encode(cipher).decode()

    def _post(self, path: str, body: bytes, token: str) -> bytes:
        status, content, headers = self.call(
            "POST", self.profile.paths[path], body, Content_Type="text/xml; charset=utf-8", SOAPAction='""',
            Authorization=f"Basic {token}",
        )  # fmt: skip
        if headers.get("x-error-code") == "access_token_invalid" or b"access_token_invalid" in content:
            raise TokenInvalid()
        if status != 200:
            raise Later(f"省平台答复 {status}", received=content.decode("utf-8", "replace"))
        return content

    def _forget_token(self) -> None:
        with self._lock:
            self._token_end = 0.0

    def _fresh_token(self) -> str:
        with self._lock:
            if clock.wall() < self._token_end:
                return self._token
            stamp = str(int(clock.wall() * 1000))
            digest = hashlib.md5((self.secret("app_secret") + stamp).encode(), usedforsecurity=False).hexdigest()
            sign = digest.upper() if self.profile.security.get("upper") else digest
            address = f"{self.profile.paths['token']}?app_key={self.secret('app_key')}&timestamp={stamp}&sign={sign}"
            _, content, _ = self.call("GET", address)
            text = content.decode("utf-8", "replace")
            try:
                answer = json_object(text, "省平台")
                self._token = str(answer["access_token"])
                self._token_end = clock.wall() + float(answer["expires_in"]) - MARGIN
            except (Later, ValueError, KeyError, TypeError) as failure:
                raise Later("省平台没有给口令", received=text, unreachable=True) from failure
            return self._token
