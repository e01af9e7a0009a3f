"""The wall before identity (minan/3.1.4): sealed values and blind indexes.

A sealed value is authenticated encryption (AES-256-GCM) bound to the place where
it stands, so that a value moved to another row does not open.  A blind index is a
keyed digest of the normalised value, one key purpose per index, so that equality
can be asked without opening anything.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from minping.kernel.errors import Problem
from minping.kernel.home import home

FORMAT = b"\x01"


class SealBroken(Problem):
    code = "seal_broken"
    status = 500
    message = "封存的内容打不开：密钥不对，或内容被改动过。"
    cure = "请管理员核对密钥文件，并运行 minping verify。"


@lru_cache(maxsize=8)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


def _key(key_id: int) -> bytes:
    return home().key("seal" if key_id == 1 else f"seal.{key_id}")


def mac(key: bytes, prefix: bytes = b"") -> Callable[[bytes], bytes]:
    """HMAC-SHA256 of `prefix + message` (RFC 2104), with the work that is the same for every message done once.

    `hmac.digest` sets its key up anew each time, which costs more than hashing a short message.
    """
    block = key.ljust(64, b"\0")
    if len(block) != 64:
        raise ValueError("a key of more than one block")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + prefix).copy
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block)).copy

    def digest(message: bytes) -> bytes:
        first, second = inner(), outer()
        first.update(message)
        second.update(first.digest())
        return second.digest()

    return digest


def seal(value: bytes, place: str) -> bytes:
    """Seal `value` for `place` (such as `identity:<service id>`)."""
    key_id = int(home().keys()["seal_id"])
    nonce = os.urandom(12)
    cipher = _cipher(_key(key_id))
    return FORMAT + bytes([key_id]) + nonce + cipher.encrypt(nonce, value, place.encode())


def unseal(sealed: bytes | memoryview, place: str) -> bytes:
    """Open what was sealed for `place`.  Raises SealBroken where key, place or content differ."""
    sealed = bytes(sealed)
    if sealed[:1] != FORMAT:
        raise SealBroken()
    try:
        return _cipher(_key(sealed[1])).decrypt(sealed[2:14], sealed[14:], place.encode())
    except (InvalidTag, KeyError) as broken:
        raise SealBroken() from broken


def unseal_json(sealed: bytes | memoryview, place: str) -> Any:
    return json.loads(unseal(sealed, place))


def sealer() -> Callable[[bytes, str], bytes]:
    """`seal` for many values in a row: the key is looked up once."""
    key_id = int(home().keys()["seal_id"])
    head, encrypt, urandom = FORMAT + bytes([key_id]), _cipher(_key(key_id)).encrypt, os.urandom

    def seal_one(value: bytes, place: str) -> bytes:
        nonce = urandom(12)
        return head + nonce + encrypt(nonce, value, place.encode())

    return seal_one


def keyed(name: str, message: bytes) -> bytes:
    """HMAC-SHA256 under the installation's key `name`."""
    return hmac.digest(home().key(name), message, "sha256")


def keyed_many(name: str, prefix: bytes = b"") -> Callable[[bytes], bytes]:
    """`keyed` for many messages in a row, each behind `prefix`: key and prefix are hashed once."""
    return mac(home().key(name), prefix)


def index(purpose: str, value: str) -> bytes:
    """Blind index (16 bytes) of an already normalised value for one purpose."""
    return keyed("index", f"{purpose}\0{value}".encode())[:16]


def normal_phone(phone: str) -> str:
    """Digits only, without the country code of China; empty where there is none."""
    digits = phone if phone.isdecimal() else re.sub(r"\D", "", phone)
    return digits[2:] if len(digits) == 13 and digits.startswith("86") else digits


def normal_certificate(number: str) -> str:
    return "".join(number.split()).upper()


def token_hash(token: str) -> bytes:
    """How a random token is stored: its plain digest suffices, for the token itself is random."""
    return hashlib.sha256(token.encode()).digest()


def masked_phone(phone: str) -> str:
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 8 else "****"


def masked_name(name: str) -> str:
    return f"{name[:1]}**" if name else ""
