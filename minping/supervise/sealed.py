"""The seal before 纪检: what is handed in can be opened with the discipline organ's private key, and with nothing here.

A clue is a JWE (RFC 7516: RSA-OAEP-256, A256GCM), the private key an encrypted JWK (RFC 7517 appendix C: PBES2, A256KW):
written by `joserfc`, and read by any browser's own WebCrypto as well (supervise/reader).  The private key is made on
the officer's own machine and lies there in a file under a passphrase; the installation knows the public key only.
No Django here: `minping clue open` works on a machine without an installation (docs/decisions/0056, 0070).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey, RSAKey

from minping.kernel.errors import Invalid, Problem

FORMAT = "minping-clue-2"
PREFIX = "mpclue2:"
BITS = 3072
STRETCH = 300_000  # rounds of PBKDF2-HMAC-SHA-512 over the passphrase
BLOCK, LARGE = 4096, 262_144  # bytes: the length of the sealed says little of the length of what was handed in
_SEAL, _LOCK, _ENCRYPTION = "RSA-OAEP-256", "PBES2-HS512+A256KW", "A256GCM"


class _Registry(jwe.JWERegistry):
    max_ciphertext_length = 64 * 1024 * 1024  # bytes, with what was attached


_SEALED, _LOCKED = _Registry(algorithms=[_SEAL, _ENCRYPTION]), _Registry(algorithms=[_LOCK, _ENCRYPTION])
Private = RSAKey


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
    """The public key (SubjectPublicKeyInfo, DER) that was pasted.  Raises Invalid."""
    try:
        public = base64.b64decode("".join(text.split()).removeprefix(PREFIX), validate=True)
        found = serialization.load_der_public_key(public)
    except ValueError as failure:
        raise _no_key() from failure
    if not isinstance(found, RSAPublicKey) or found.key_size < BITS:
        raise _no_key()
    return found.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _no_key() -> Invalid:
    return Invalid(
        "这不是纪检公钥。", cure=f"请粘贴阅读器或 minping clue keygen 给出的、以 {PREFIX} 开头的一行。", field="public"
    )


def fingerprint(public: bytes) -> str:
    """What two people compare: 32 hexadecimal digits, in fours."""
    digits = hashlib.sha256(public).hexdigest()[:32].upper()
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))


def seal(content: Mapping[str, Any], number: str, public: bytes) -> bytes:
    """Seal `content` for the key; its number stands inside, so that it opens under no other."""
    told = json.dumps({**content, "number": number}, ensure_ascii=False).encode()
    told += b" " * (-len(told) % (BLOCK if len(told) <= LARGE else LARGE))
    header = {"alg": _SEAL, "enc": _ENCRYPTION, "kid": fingerprint(public).replace(" ", "")}
    return jwe.encrypt_compact(header, told, RSAKey.import_key(public), registry=_SEALED).encode()


def unseal(sealed: bytes, number: str, private: Private) -> dict[str, Any]:
    """Open what was sealed under `number`.  Raises NotOpened."""
    try:
        told = jwe.decrypt_compact(sealed, private, registry=_SEALED).plaintext
        found: dict[str, Any] = json.loads(told or b"")
    except (JoseError, ValueError) as failure:
        raise NotOpened() from failure
    if found.get("number") != number:
        raise NotOpened()
    return found


# --- the two files: the private key under its passphrase, and the sealed clue ---------------------


def key_make(passphrase: str) -> tuple[bytes, bytes]:
    """A new key: the private half as an encrypted JWK, and the public half."""
    private = RSAKey.generate_key(BITS, private=True)
    header = {"alg": _LOCK, "enc": _ENCRYPTION, "cty": "jwk+json", "p2c": STRETCH}
    told = json.dumps(private.as_dict(private=True)).encode()
    locked = jwe.encrypt_compact(header, told, OctKey.import_key(passphrase), registry=_LOCKED)
    return (locked + "\n").encode(), public_half(private)


def public_half(private: Private) -> bytes:
    return private.public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )  # fmt: skip


def key_read(file: bytes, passphrase: str) -> Private:
    """The private key of a file.  Raises KeyLocked."""
    try:
        told = jwe.decrypt_compact(file.strip(), OctKey.import_key(passphrase), registry=_LOCKED)
        return RSAKey.import_key(json.loads(told.plaintext or b""))
    except (JoseError, ValueError) as failure:
        raise KeyLocked() from failure


def file_of(number: str, mark: str, sealed: bytes) -> bytes:
    """The sealed clue as a file that leaves the installation; `mark` is the fingerprint of its key."""
    told = {"format": FORMAT, "number": number, "fingerprint": mark, "sealed": sealed.decode()}
    return (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode()


def file_open(content: bytes, private: Private) -> dict[str, Any]:
    """What a sealed file says.  Raises NotOpened."""
    try:
        told = json.loads(content)
        number, sealed = str(told["number"]), str(told["sealed"]).encode()
        known = told["format"] == FORMAT
    except (ValueError, KeyError, TypeError) as failure:
        raise NotOpened("这不是密封件。") from failure
    if not known:
        raise NotOpened("这个密封件是别的版本写的。", cure="请用同一版本的 minping 打开。")
    return unseal(sealed, number, private)
