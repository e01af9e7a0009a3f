"""Text of every kind, for every profile: equal at both ends where its character set can carry it, else a named task
(failures.md B12, B13, B25)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest

from minping.evaluate.models import Rating
from minping.kernel import clock, sm
from minping.law.levels import InterfaceLevel
from minping.sandbox.families import Province
from minping.sandbox.protocol import parse
from minping.upstream import messages
from minping.upstream import profile as profiles
from minping.upstream.incoming import rating_take
from minping.upstream.port import Message
from minping.upstream.profile import Profile, Unmapped
from minping.upstream.profile.loading import ROOT, names
from minping.upstream.profile.rendering import AMBIGUOUS
from minping.upstream.provinces.family.soap import document
from tests.journeys.test_messages import HARD, words
from tests.support.world import FRIDAY, receive, service_row
from tests.upstream.test_families import TEXTS

DAY = date(2026, 11, 25)
SIGNS = ("，", ",", "。", "|", "&", "<", ">", "😀", "龘", "𠮷", "\t", "\n", "\r\n", "'", '"', "\u200b", "]]>", " ")
EVERY = [*TEXTS, *HARD, *SIGNS, *(f"前{sign}中{sign}后" for sign in SIGNS)]
KEY: dict[str, Any] = {
    "area_code": "350213005", "organization_code": "minan-center", "case_no": "C-1", "service_no": 1,
    "fact_at": FRIDAY,
}  # fmt: skip
PERSON = messages.Person("person", "群众甲", "111", "350213190001010011", "13800000000")
SERVICE = messages.envelope(
    messages.ServiceContent(
        service_name="办结", item_code="XN35021300520MINPINGDEMO2026001", item_name="参保登记",
        organization_name="便民服务中心", handling="hall", case_state=3, served_at=FRIDAY, applicant=PERSON,
        staff_code="w03", accepted_at=FRIDAY - timedelta(hours=1), finished_at=FRIDAY,
    ),
    kind="service", **KEY,
)  # fmt: skip
PROVINCE = Province("words", lambda: 0.0)


def rating(text: str) -> Message:
    content = messages.RatingContent(InterfaceLevel(1), "mobile", "link", FRIDAY, 1, ("108",), text)
    return replace(messages.envelope(content, kind="rating", **KEY), service=SERVICE)


def fujian(profile: Profile, text: str) -> str:
    """Through the XML, SM4 and SOAP that leave, read by the sandbox's own readers."""
    xml = document("Case", profiles.render(profile, rating(text)), profile.charset)
    secret = hashlib.md5(PROVINCE.app_secret.encode(), usedforsecurity=False).digest()
    cipher = base64.b64encode(sm.sm4_encrypt(secret, xml)).decode()
    call = f"<a><appKey>{PROVINCE.app_key}</appKey><xmlStr>{cipher}</xmlStr></a>"
    return PROVINCE._case(call.encode())["writingevalua"]


def shandong(profile: Profile, text: str) -> str:
    """Through JSON and SM2, opened with the province's private key."""
    public = sm.PublicKey.read(PROVINCE.credentials("sd")["public_key"])
    private = sm.PrivateKey.read(f"{PROVINCE.private:064x}")
    plain = json.dumps([profiles.render(profile, rating(text))], ensure_ascii=False)
    (got,) = json.loads(private.decrypt(public.encrypt(plain.encode())))
    return str(got["writingEvaluation"])


def guangdong(profile: Profile, text: str) -> str:
    """Its ratings are given on its own page: what goes up in words is the service, as a form (percent-encoded)."""
    content = messages.typed(SERVICE)
    assert isinstance(content, messages.ServiceContent)
    message = messages.envelope(replace(content, item_name=text), kind="service", **KEY)
    body = urlencode(profiles.render(profile, message), encoding=profile.charset)
    return parse_qs(body, keep_blank_values=True, encoding="utf-8")["affairName"][0]


def sandbox(_: Profile | None, text: str) -> str:
    """Its own protocol: JSON, as the driver writes it and the sandbox checks it."""
    message = rating(text)
    sent = {"id": "rating:1:1", "kind": "rating", "revision": 1, "area_code": "350213005",
            "organization_code": "minan-center", "case_no": "C-1", "service_no": 1, **message.body}  # fmt: skip
    return str(parse(json.dumps(sent, ensure_ascii=False).encode()).body["text"])


CARRY: dict[str, Callable[[Any, str], str]] = {"350000": fujian, "370000": shandong, "440000": guangdong}


def test_no_shipped_profile_is_left_out() -> None:
    assert set(names()) == set(CARRY)


@pytest.mark.once
@pytest.mark.parametrize("name", [*CARRY, "sandbox"])
def test_b12_b13_b25_every_kind_of_text_and_every_real_message_is_equal_at_both_ends(name: str) -> None:
    profile = profiles.load(name, on=DAY) if name in CARRY else None
    carry, longest = CARRY.get(name, sandbox), 100 if name == "440000" else 10_000
    equal = long = 0
    for text in [*EVERY, *words()]:
        if len(text) > longest:
            with pytest.raises(Unmapped) as stopped:  # whole or not at all: never cut
                carry(profile, text)
            assert stopped.value.code == "LOCAL_LENGTH"
            assert "affairName" in stopped.value.reason
            long += 1
            continue
        assert carry(profile, text) == text
        equal += 1
    assert equal + long == len(EVERY) + len(words())
    assert equal > len(EVERY) / 2
    if not words():
        pytest.skip("没有 shared/data/messages：只用难写的文字测了，真实留言未测。")


@pytest.mark.once
@pytest.mark.parametrize("charset", ["gb2312", "gbk", "gb18030", "utf-8"])
def test_b25_what_a_character_set_cannot_carry_is_a_task_that_names_field_and_sign(
    charset: str, tmp_path: Path
) -> None:
    """A gateway that reads no character references: each text is equal, or stops by name; none comes out changed."""
    shipped = (ROOT / "350000" / "profile.yaml").read_text("utf-8")
    file = tmp_path / "strict" / "profile.yaml"
    file.parent.mkdir()
    changed = shipped.replace("references: true ", "references: false ").replace(
        "charset: gb2312", f"charset: {charset}"
    )
    file.write_text(changed, encoding="utf-8")
    profile = profiles.load(str(file), on=DAY)
    assert not profile.references
    carried = stopped = 0
    for text in [*EVERY, *words()]:
        lacking = {sign for sign in text if not _fits(sign, charset)}
        if not lacking:
            assert fujian(profile, text) == text
            carried += 1
            continue
        with pytest.raises(Unmapped) as stop:
            fujian(profile, text)
        assert stop.value.code == "LOCAL_CHARSET"
        assert "writingevalua" in stop.value.reason
        assert any(f"U+{ord(sign):04X}" in stop.value.reason for sign in lacking)
        stopped += 1
    assert carried > 10
    assert bool(stopped) == (charset in ("gb2312", "gbk"))


def _fits(sign: str, charset: str) -> bool:
    if sign in AMBIGUOUS.get(charset, ""):
        return False
    try:
        return sign.encode(charset).decode(charset) == sign
    except UnicodeEncodeError:
        return False


@pytest.mark.django_db
@pytest.mark.usefixtures("world")
def test_words_that_come_down_are_kept_as_they_came() -> None:
    """Guangdong's way round: said on the superior's page, brought by call-back."""
    texts = [text for text in [*EVERY, *words()[:300]] if "\0" not in text]
    given = receive(*(service_row(f"C-{number}") for number in range(len(texts))))
    for number, text in enumerate(texts):
        told = messages.read(
            messages.NegativeReceived,
            {"reference": f"R-{number}", "organization_code": "minan-center", "case_no": f"C-{number}", "service_no": 1,
             "level": 2, "rated_at": FRIDAY + timedelta(minutes=5), "text": text},
        )  # fmt: skip
        assert rating_take(told, target="440000", at=clock.now())
    kept = dict(Rating.objects.values_list("service__case_no", "text"))
    assert len(given) == len(kept)
    assert kept == {f"C-{number}": text.replace("\r\n", "\n") for number, text in enumerate(texts)}
