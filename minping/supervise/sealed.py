"""The seal before 纪检: what is handed in can be opened with the discipline organ's private key, and with nothing here.

HPKE (RFC 9180, base mode: DHKEM X25519, HKDF-SHA256, ChaCha20-Poly1305) from `cryptography`.  The private key is made
on the officer's own machine and lies there in a file under a passphrase; the installation knows the public key only.
No Django here: `minping clue open` works on a machine without an installation (docs/decisions/0056).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from minping.kernel.errors import Invalid, Problem

FORMAT = "minping-clue-1"
PREFIX = "mpclue1:"
BLOCK = 4096  # bytes: the length of the sealed says nothing of the length of the words
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


class NotOpened(Problem):
    code = "clue_not_opened"
    message = "打不开：不是封给这把私钥的，或密封件被改动过。"
    cure = "请核对公钥指纹和文件。"


class KeyLocked(Problem):
    code = "clue_key_locked"
    message = "私钥文件打不开。"
    cure = "请核对文件和口令。"


def public_text(public: bytes) -> str:
    """A public key as it is handed over and pasted."""
    return PREFIX + base64.b64encode(public).decode()


def public_of(text: str) -> bytes:
    """The 32 bytes of a pasted public key.  Raises Invalid."""
    try:
        public = base64.b64decode(text.strip().removeprefix(PREFIX), validate=True)
        X25519PublicKey.from_public_bytes(public)
    except ValueError as failure:
        raise Invalid(
            "这不是纪检公钥。", cure=f"请粘贴 minping clue keygen 打印的、以 {PREFIX} 开头的一行。", field="public"
        ) from failure
    return public


def fingerprint(public: bytes) -> str:
    """What two people compare: 32 hexadecimal digits, in fours."""
    digits = hashlib.sha256(public).hexdigest()[:32].upper()
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))


def _place(number: str) -> bytes:
    return f"{FORMAT}\0{number}".encode()


def seal(content: Mapping[str, Any], number: str, public: bytes) -> bytes:
    """Seal `content` for the key; bound to the clue's number, so that it opens under no other."""
    told = json.dumps(content, ensure_ascii=False).encode()
    told += b" " * (-len(told) % BLOCK)
    return _SUITE.encrypt(told, X25519PublicKey.from_public_bytes(public), info=_place(number))


def unseal(sealed: bytes, number: str, private: X25519PrivateKey) -> dict[str, Any]:
    """Open what was sealed under `number`.  Raises NotOpened."""
    try:
        found: dict[str, Any] = json.loads(_SUITE.decrypt(sealed, private, info=_place(number)))
    except (InvalidTag, ValueError) as failure:
        raise NotOpened() from failure
    return found


# --- the two files: the private key under its passphrase, and the sealed clue ---------------------


def key_make(passphrase: str) -> tuple[bytes, bytes]:
    """A new key: the private half as encrypted PEM, and the public half."""
    private = X25519PrivateKey.generate()
    told = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )  # fmt: skip
    return told, private.public_key().public_bytes_raw()


def key_read(pem: bytes, passphrase: str) -> X25519PrivateKey:
    """The private key of a file.  Raises KeyLocked."""
    try:
        private = serialization.load_pem_private_key(pem, passphrase.encode())
    except (ValueError, TypeError) as failure:
        raise KeyLocked() from failure
    if not isinstance(private, X25519PrivateKey):
        raise KeyLocked("这不是纪检私钥文件。")
    return private


def file_of(number: str, mark: str, sealed: bytes) -> bytes:
    """The sealed clue as a file that leaves the installation; `mark` is the fingerprint of its key."""
    told = {"format": FORMAT, "number": number, "fingerprint": mark, "sealed": base64.b64encode(sealed).decode()}
    return (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode()


def file_open(content: bytes, private: X25519PrivateKey) -> dict[str, Any]:
    """What a sealed file says.  Raises NotOpened."""
    try:
        told = json.loads(content)
        number, sealed = str(told["number"]), base64.b64decode(told["sealed"], validate=True)
        known = told["format"] == FORMAT
    except (ValueError, KeyError, TypeError) as failure:
        raise NotOpened("这不是密封件。") from failure
    if not known:
        raise NotOpened("这个密封件是别的版本写的。", cure="请用同一版本的 minping 打开。")
    return unseal(sealed, number, private)
