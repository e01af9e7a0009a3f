"""国密: the vectors of the standards, and the openssl command line as the other party (GB/T 32905, 32907, 32918)."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from minping.kernel import sm
from minping.kernel.sm import Form, Order, PrivateKey, PublicKey, Signature

pytestmark = pytest.mark.once
KEY = bytes.fromhex("0123456789abcdeffedcba9876543210")
# GB/T 32918.5 (recommended curve): the key pair of its examples.
SECRET = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"
POINT = (
    "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
SIGNATURE = (
    "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)
CIPHER = (
    "0404ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73e858f9d81e5430a57b36daab8f950a3c"
    "64e6ee6a63094d99283aff767e124df059983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766"
    "21886ca989ca9c7d58087307ca93092d651efa"
)


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ],
)
def test_sm3_is_the_standards(text: bytes, digest: str) -> None:
    assert sm.sm3(text).hex() == digest


def test_sm4_is_the_standards() -> None:
    assert sm.sm4_encrypt(KEY, KEY, pad="NONE").hex() == "681edf34d206965e86b3e94f536e4246"


@pytest.mark.parametrize("mode", ["ECB", "CBC", "CTR", "GCM"])
def test_sm4_comes_back_in_every_mode_and_a_wrong_key_does_not(mode: str) -> None:
    iv = b"" if mode == "ECB" else bytes(range(16))
    for size in (0, 1, 15, 16, 17, 10_000):
        text = os.urandom(size)
        assert sm.sm4_decrypt(KEY, sm.sm4_encrypt(KEY, text, mode=mode, iv=iv), mode=mode, iv=iv) == text
    with pytest.raises(sm.SmFailed):
        sm.sm4_decrypt(b"short", b"x" * 16)
    if mode == "GCM":
        with pytest.raises(sm.SmFailed):
            sm.sm4_decrypt(bytes(16), sm.sm4_encrypt(KEY, b"x", mode=mode, iv=iv), mode=mode, iv=iv)


def test_sm2_is_the_standards_signature_and_ciphertext() -> None:
    key = PrivateKey.read(SECRET)
    assert key.point.hex() == POINT
    raw = Form(signature=Signature.RAW)
    assert PublicKey.read(POINT).verify(b"message digest", bytes.fromhex(SIGNATURE), raw)
    assert not PublicKey.read(POINT).verify(b"message digesT", bytes.fromhex(SIGNATURE), raw)
    assert key.decrypt(bytes.fromhex(CIPHER)) == b"encryption standard"


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("prefix", [True, False])
@pytest.mark.parametrize("signature", Signature)
def test_sm2_comes_back_in_every_form(order: Order, prefix: bool, signature: Signature) -> None:
    form = Form(order, prefix, signature, "民评".encode())
    key = PrivateKey(os.urandom(31).rjust(32, b"\x01"))
    other = PublicKey(key.point[1:])
    for text in (b"1", "原话，。😀𠮷".encode(), os.urandom(10_000)):
        assert key.decrypt(other.encrypt(text, form), form) == text
        assert other.verify(text, key.sign(text, form), form)
        assert not other.verify(text, key.sign(text, form), Form(order, prefix, signature))  # another identity
        assert not other.verify(text + b"x", key.sign(text, form), form)


def test_what_does_not_fit_is_refused_with_a_reason() -> None:
    key = PrivateKey.read(SECRET)
    wrong: list[tuple[Order, bytes]] = [(Order.C1C3C2, b""), (Order.C1C3C2, b"\x04" * 120), (Order.ASN1, b"\x30\x00")]
    for order, data in wrong:
        with pytest.raises(sm.SmFailed):
            key.decrypt(data, Form(order))
    for text in ("zz", "00", "04" + "11" * 64):
        with pytest.raises(sm.SmFailed):
            PublicKey.read(text)
    with pytest.raises(sm.SmFailed):
        key.encrypt(b"")


# --- the openssl command line, 200 random keys and texts both ways -----------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if not shutil.which("openssl"):
        pytest.fail("这台机器没有 openssl 命令。")
    yield tmp_path_factory.mktemp("sm")


def openssl(*arguments: str, data: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


def pem(folder: Path, secret: bytes) -> tuple[str, str]:
    """The key pair as files of the command line."""
    der, private, public = folder / "k.der", folder / "k.pem", folder / "p.pem"
    der.write_bytes(sm._SEC1_HEAD + secret + sm._SEC1_TAIL)
    openssl("pkey", "-inform", "DER", "-in", str(der), "-out", str(private))
    openssl("pkey", "-in", str(private), "-pubout", "-out", str(public))
    return str(private), str(public)


ID = ("-rawin", "-digest", "sm3", "-pkeyopt", "distid:1234567812345678")


@pytest.mark.parametrize("part", range(4))
def test_sm2_interoperates_with_openssl_over_200_keys(folder: Path, part: int) -> None:
    """Fifty keys a part; each signs, verifies, encrypts and decrypts with the other."""
    folder = folder / str(part)
    folder.mkdir()
    lot = random.Random(2026 + part)
    for number in range(50):
        # Short texts, and points and keys with leading zeros, are where implementations go wrong.
        secret = lot.randbytes(32 - number % 3).rjust(32, b"\x00") if number % 3 else b"\x01" + lot.randbytes(31)
        text = lot.randbytes(lot.choice((1, 2, 31, 32, 33, 200, 3000)))
        private, public = pem(folder, secret)
        key = PrivateKey(secret)
        file, signature = folder / "t", folder / "s"
        file.write_bytes(text)
        signature.write_bytes(key.sign(text))
        told = openssl(
            "pkeyutl", "-verify", "-pubin", "-inkey", public, "-in", str(file), "-sigfile", str(signature), *ID
        )
        assert b"Successfully" in told
        theirs = openssl("pkeyutl", "-sign", "-inkey", private, "-in", str(file), *ID)
        assert key.verify(text, theirs)
        # Ours in each order, turned into the form that the command line reads; and theirs turned into each order.
        got = openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", public, data=text)
        assert key.decrypt(got, Form(Order.ASN1)) == text
        for order in (Order.C1C3C2, Order.C1C2C3):
            sent = key.encrypt(text, Form(order))
            x, y, rest = sent[1:33], sent[33:65], sent[65:]
            digest, body = (rest[:32], rest[32:]) if order is Order.C1C3C2 else (rest[-32:], rest[:-32])
            assert openssl("pkeyutl", "-decrypt", "-inkey", private, data=sm._der(x, y, digest, body)) == text
            x, y, digest, body = sm._parts(got)
            tail = digest + body if order is Order.C1C3C2 else body + digest
            assert key.decrypt(b"\x04" + x + y + tail, Form(order)) == text


def test_sm4_interoperates_with_openssl_over_200_keys() -> None:
    lot = random.Random(4)
    for number in range(200):
        key, iv, text = lot.randbytes(16), lot.randbytes(16), lot.randbytes(lot.randrange(1, 300))
        mode = ("ECB", "CBC")[number % 2]
        vector = iv if mode == "CBC" else b""
        more = ("-iv", iv.hex()) if vector else ()
        theirs = openssl("enc", f"-sm4-{mode.lower()}", "-K", key.hex(), *more, data=text)
        assert sm.sm4_encrypt(key, text, mode=mode, iv=vector) == theirs
        back = openssl("enc", "-d", f"-sm4-{mode.lower()}", "-K", key.hex(), *more, data=theirs)
        assert back == text == sm.sm4_decrypt(key, theirs, mode=mode, iv=vector)
