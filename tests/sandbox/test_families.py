"""The sandbox's own SM2 is another implementation than the sender's, and its moods can be told by schedule."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from minping.kernel import sm
from minping.sandbox import Server, sm2
from tests.kernel.test_sm import CIPHER, POINT, SECRET, SIGNATURE
from tests.sandbox.conftest import TOKEN, Sender

pytestmark = pytest.mark.once


def test_the_plain_sm2_is_the_standards_too() -> None:
    secret = int(SECRET, 16)
    assert sm2._bytes(sm2.times(secret, sm2.G)).hex() == POINT[2:]
    assert sm2.decrypt(bytes.fromhex(CIPHER), secret) == b"encryption standard"
    point = (int(POINT[2:66], 16), int(POINT[66:], 16))
    assert sm2.verify(b"message digest", int(SIGNATURE[:64], 16), int(SIGNATURE[64:], 16), point)
    assert not sm2.verify(b"message digesT", int(SIGNATURE[:64], 16), int(SIGNATURE[64:], 16), point)


@pytest.mark.parametrize("order", ["C1C3C2", "C1C2C3"])
def test_two_implementations_read_each_other(order: str) -> None:
    form = sm.Form(sm.Order(order))
    for size in (1, 2, 31, 32, 33, 500):
        secret, point = sm2.key_pair()
        ours, text = sm.PrivateKey(secret.to_bytes(32)), bytes(range(256))[:size] * (1 if size <= 256 else 2)
        assert ours.point[1:] == sm2._bytes(point)
        assert ours.decrypt(sm2.encrypt(text, point, order), form) == text
        assert sm2.decrypt(ours.encrypt(text, form), secret, order) == text
        assert sm2.verify(text, *decode_dss_signature(ours.sign(text)), point)


def test_what_was_tampered_with_is_refused() -> None:
    secret, point = sm2.key_pair()
    cipher = bytearray(sm2.encrypt("原话".encode(), point))
    cipher[-1] ^= 1
    with pytest.raises(sm2.Sm2Error):
        sm2.decrypt(bytes(cipher), secret)
    with pytest.raises(sm2.Sm2Error):
        sm2.decrypt(b"\x04" + b"\x01" * 120, secret)


def test_its_clock_can_be_skewed_also_by_schedule(province: Server, sender: Sender) -> None:
    assert sender.post("/behaviour", {"skew": -300}).status == 200
    assert abs(province.province.now() - time.time() + 300) < 1
    told: dict[str, Any] = {"schedule": [{"after": 0, "behaviour": {"skew": 60}}]}
    assert sender.post("/behaviour", told).status == 200
    assert abs(province.province.now() - time.time() - 60) < 1
    assert sender.post("/behaviour", {"skew": "gestern"}).status == 400


def test_a_negative_goes_down_when_it_is_due_and_the_dictionary_changes(province: Server, sender: Sender) -> None:
    body = {"reference": "N-1", "case_no": "C-1", "level": 1}
    assert sender.post("/negatives", {**body, "after": 3600}).status == 200
    assert sender.post("/negatives", {**body, "reference": "N-2"}).status == 200
    assert [one["reference"] for one in sender.get("/negatives")["negatives"]] == ["N-2"]
    assert sender.post("/negatives", {"level": 1}).status == 400
    change = {"edition": "2027", "valid_from": "2027-01-01", "retire": ["207"], "add": []}
    assert sender.post("/dictionary", change).status == 200
    shown = {row["normCode"]: row["usingStatus"] for row in sender.get("/dictionary")["norms"]}
    assert (shown["207"], shown["108"]) == (False, True)


def test_credentials_are_told_only_to_who_knows_the_token(province: Server, sender: Sender) -> None:
    def ask(token: str) -> Any:
        return sender.pool.request("GET", sender.url + "/fj/credentials", headers={"Authorization": f"Bearer {token}"})

    assert ask("wrong").status == 401
    assert set(json.loads(ask(TOKEN).data)) == {"app_key", "app_secret"}


def test_an_unsigned_or_unreadable_envelope_is_refused_by_text(province: Server, sender: Sender) -> None:
    headers = {"C-Tenancy-Id": province.province.tenancy}
    answer = sender.pool.request("POST", sender.url + "/sd/service", body=b"{}", headers=headers)
    assert "格式不对" in json.loads(answer.data)["C-Response-Desc"]
    answer = sender.pool.request("POST", sender.url + "/sd/service", body=b"{}")
    assert "租户" in json.loads(answer.data)["C-Response-Desc"]
    answer = sender.pool.request("POST", sender.url + "/fj/wailian/webservice/getSaveEvaluation", body=b"<x/>")
    assert (answer.status, answer.headers["x-error-code"]) == (400, "access_token_invalid")
