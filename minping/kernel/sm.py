"""国密 SM2, SM3 and SM4 behind one small interface (stack.md §4).

SM3 and SM4 come from `cryptography`; SM2 from the system's libcrypto, which it lacks.
What systems differ in are settings of the call: the order of the ciphertext's parts,
whether the point carries its leading 04, how a signature is encoded, the signer's
identity, the mode and padding of SM4.  Standards: GB/T 32905 (SM3), 32907 (SM4),
32918 (SM2), 35276 (ASN.1 forms).
"""

from __future__ import annotations

import ctypes
import ctypes.util
import weakref
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import hashes, hmac, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from minping.kernel.errors import Problem

IDENTITY = b"1234567812345678"  # GB/T 35276: the identity where none is agreed


class SmFailed(Problem):
    code = "sm_failed"
    status = 500
    message = "国密运算没有成功：{why}。"
    cure = "请核对密钥、密文顺序和编码的设置。"


class NoLibcrypto(Problem):
    code = "no_libcrypto"
    status = 500
    message = "这台机器没有可用的 OpenSSL 3（libcrypto），不能做 SM2 运算。"
    cure = "请安装系统的 libssl3 软件包。"


class Order(StrEnum):
    """How the parts of an SM2 ciphertext stand: C1 the point, C2 the text, C3 the digest."""

    C1C3C2 = "C1C3C2"
    C1C2C3 = "C1C2C3"
    ASN1 = "ASN1"


class Signature(StrEnum):
    DER = "DER"
    RAW = "RAW"  # r and s, 32 bytes each


@dataclass(frozen=True, slots=True)
class Form:
    """How one superior writes SM2: `prefix` is the 04 before the point."""

    order: Order = Order.C1C3C2
    prefix: bool = True
    signature: Signature = Signature.DER
    identity: bytes = IDENTITY


# --- SM3 and SM4 -------------------------------------------------------------------------------


def sm3(data: bytes) -> bytes:
    """Digest, 32 bytes."""
    digest = hashes.Hash(hashes.SM3())
    digest.update(data)
    return digest.finalize()


def hmac_sm3(key: bytes, data: bytes) -> bytes:
    made = hmac.HMAC(key, hashes.SM3())
    made.update(data)
    return made.finalize()


def sm4_encrypt(key: bytes, data: bytes, *, mode: str = "ECB", iv: bytes = b"", pad: str = "PKCS7") -> bytes:
    """Encrypt under a 16-byte key.  Modes ECB, CBC, CTR and GCM (whose tag follows the text); pads PKCS7, NONE."""
    cipher = _sm4(key, mode, iv)
    encryptor = cipher.encryptor()
    done = encryptor.update(_padded(data, mode, pad)) + encryptor.finalize()
    return done + encryptor.tag if mode == "GCM" else done


def sm4_decrypt(key: bytes, data: bytes, *, mode: str = "ECB", iv: bytes = b"", pad: str = "PKCS7") -> bytes:
    """The way back.  Raises SmFailed where key, mode, padding or tag do not fit."""
    tag = data[-16:] if mode == "GCM" else b""
    decryptor = _sm4(key, mode, iv, tag).decryptor()
    try:
        text = decryptor.update(data[: len(data) - len(tag)]) + decryptor.finalize()
        if mode in ("ECB", "CBC") and pad == "PKCS7":
            unpadder = padding.PKCS7(128).unpadder()
            return unpadder.update(text) + unpadder.finalize()
    except Exception as failure:  # InvalidTag, or ValueError for the padding
        raise SmFailed(why="SM4 密文解不开") from failure
    return text


def _sm4(key: bytes, mode: str, iv: bytes, tag: bytes = b"") -> Cipher[Any]:
    made: Any = {
        "ECB": lambda: modes.ECB(),
        "CBC": lambda: modes.CBC(iv),
        "CTR": lambda: modes.CTR(iv),
        "GCM": lambda: modes.GCM(iv, tag or None),
    }.get(mode)
    if made is None:
        raise SmFailed(why=f"不认识的 SM4 模式 {mode}")
    try:
        return Cipher(algorithms.SM4(key), made())
    except ValueError as failure:
        raise SmFailed(why=f"SM4 的密钥应为 16 字节、初始向量应为 16 字节（{failure}）") from failure


def _padded(data: bytes, mode: str, pad: str) -> bytes:
    if mode not in ("ECB", "CBC"):
        return data
    if pad == "PKCS7":
        padder = padding.PKCS7(128).padder()
        return padder.update(data) + padder.finalize()
    if len(data) % 16:
        raise SmFailed(why="没有填充，而内容不是 16 字节的整数倍")
    return data


# --- SM2 by libcrypto --------------------------------------------------------------------------

# DER around a key on the SM2 curve (OID 1.2.156.10197.1.301): SubjectPublicKeyInfo and ECPrivateKey.
_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
_SEC1_HEAD, _SEC1_TAIL = bytes.fromhex("30310201010420"), bytes.fromhex("a00a06082a811ccf5501822d")


@lru_cache(maxsize=1)
def _library() -> Any:
    """libcrypto of OpenSSL 3, with the signatures of what is used."""
    name = ctypes.util.find_library("crypto") or "libcrypto.so.3"
    try:
        library = ctypes.CDLL(name)
        library.EVP_sm3.restype = ctypes.c_void_p
        if library.OpenSSL_version_num() >> 28 < 3:
            raise OSError("OpenSSL 1")
    except (OSError, AttributeError) as failure:
        raise NoLibcrypto() from failure
    pointer, size, text = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p
    for function, result, arguments in (
        ("d2i_PUBKEY", pointer, [pointer, pointer, ctypes.c_long]),
        ("d2i_AutoPrivateKey", pointer, [pointer, pointer, ctypes.c_long]),
        ("i2d_PUBKEY", ctypes.c_int, [pointer, pointer]),
        ("EVP_PKEY_free", None, [pointer]),
        ("EVP_MD_CTX_new", pointer, []),
        ("EVP_MD_CTX_free", None, [pointer]),
        ("EVP_MD_CTX_set_pkey_ctx", None, [pointer, pointer]),
        ("EVP_PKEY_CTX_new", pointer, [pointer, pointer]),
        ("EVP_PKEY_CTX_free", None, [pointer]),
        ("EVP_PKEY_CTX_set1_id", ctypes.c_int, [pointer, text, ctypes.c_int]),
        ("EVP_DigestSignInit", ctypes.c_int, [pointer] * 5),
        ("EVP_DigestSign", ctypes.c_int, [pointer, pointer, pointer, text, size]),
        ("EVP_DigestVerifyInit", ctypes.c_int, [pointer] * 5),
        ("EVP_DigestVerify", ctypes.c_int, [pointer, text, size, text, size]),
        ("EVP_PKEY_encrypt_init", ctypes.c_int, [pointer]),
        ("EVP_PKEY_encrypt", ctypes.c_int, [pointer, pointer, pointer, text, size]),
        ("EVP_PKEY_decrypt_init", ctypes.c_int, [pointer]),
        ("EVP_PKEY_decrypt", ctypes.c_int, [pointer, pointer, pointer, text, size]),
        ("ERR_clear_error", None, []),
    ):
        known = getattr(library, function)
        known.restype, known.argtypes = result, arguments
    return library


def _key(kind: str, der: bytes) -> int:
    library = _library()
    holder = ctypes.create_string_buffer(der, len(der))
    place = ctypes.c_void_p(ctypes.addressof(holder))
    found: int | None = getattr(library, kind)(None, ctypes.byref(place), len(der))
    if not found:
        library.ERR_clear_error()
        raise SmFailed(why="SM2 密钥读不出来")
    return found


class PublicKey:
    """A superior's public key: it encrypts for them and checks their signatures."""

    def __init__(self, point: bytes) -> None:
        if len(point) == 64:
            point = b"\x04" + point
        if len(point) != 65 or point[0] != 4:
            raise SmFailed(why="SM2 公钥应为 64 字节，或以 04 开头的 65 字节")
        self.point = point
        self._own(_key("d2i_PUBKEY", _SPKI + point))

    def _own(self, handle: int) -> None:
        self._handle = handle
        weakref.finalize(self, _library().EVP_PKEY_free, handle)

    @classmethod
    def read(cls, text: str) -> PublicKey:
        """From hex, as provinces hand it out."""
        return cls(_hex(text))

    def verify(self, data: bytes, signature: bytes, form: Form = Form()) -> bool:
        """Whether `signature` over `data` is this key's; a broken one is simply not."""
        if form.signature is Signature.RAW:
            if len(signature) != 64:
                return False
            signature = encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
        library = _library()
        with _Contexts(self._handle, form.identity) as (context, _):
            if library.EVP_DigestVerifyInit(context, None, library.EVP_sm3(), None, self._handle) != 1:
                raise SmFailed(why="不能验签")
            right = library.EVP_DigestVerify(context, signature, len(signature), data, len(data)) == 1
        library.ERR_clear_error()
        return bool(right)

    def encrypt(self, data: bytes, form: Form = Form()) -> bytes:
        """Encrypt for the holder of the private key.  Raises SmFailed for nothing to encrypt."""
        if not data:
            raise SmFailed(why="没有要加密的内容")
        while True:
            x, y, digest, text = _parts(_crypt(self._handle, "encrypt", data))
            if text != data:  # the standard begins anew where the key stream is all zero; libcrypto does not
                break
        if form.order is Order.ASN1:
            return _der(x, y, digest, text)
        point = (b"\x04" if form.prefix else b"") + x + y
        return point + (digest + text if form.order is Order.C1C3C2 else text + digest)


class PrivateKey(PublicKey):
    """Our own key pair."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != 32:
            raise SmFailed(why="SM2 私钥应为 32 字节")
        handle = _key("d2i_AutoPrivateKey", _SEC1_HEAD + secret + _SEC1_TAIL)
        self._own(handle)
        library = _library()
        buffer = ctypes.create_string_buffer(256)
        place = ctypes.c_void_p(ctypes.addressof(buffer))
        length = library.i2d_PUBKEY(handle, ctypes.byref(place))
        self.point = buffer.raw[:length][-65:]
        if length != len(_SPKI) + 65:
            raise SmFailed(why="SM2 私钥不对")

    @classmethod
    def read(cls, text: str) -> PrivateKey:
        return cls(_hex(text))

    def sign(self, data: bytes, form: Form = Form()) -> bytes:
        library = _library()
        length = ctypes.c_size_t(128)
        buffer = ctypes.create_string_buffer(128)
        with _Contexts(self._handle, form.identity) as (context, _):
            if (
                library.EVP_DigestSignInit(context, None, library.EVP_sm3(), None, self._handle) != 1
                or library.EVP_DigestSign(context, buffer, ctypes.byref(length), data, len(data)) != 1
            ):
                library.ERR_clear_error()
                raise SmFailed(why="不能签名")
        signature = buffer.raw[: length.value]
        if form.signature is Signature.DER:
            return signature
        r, s = decode_dss_signature(signature)
        return r.to_bytes(32) + s.to_bytes(32)

    def decrypt(self, data: bytes, form: Form = Form()) -> bytes:
        """Raises SmFailed where key, order or content do not fit."""
        if form.order is not Order.ASN1:
            body = data[1:] if form.prefix else data
            if len(body) <= 96 or (form.prefix and data[0] != 4):
                raise SmFailed(why="SM2 密文太短，或开头不对")
            x, y = body[:32], body[32:64]
            first = form.order is Order.C1C3C2
            digest, text = (body[64:96], body[96:]) if first else (body[-32:], body[64:-32])
            data = _der(x, y, digest, text)
        return _crypt(self._handle, "decrypt", data)


class _Contexts:
    """A digest context with its key context, told the signer's identity, and both freed."""

    def __init__(self, handle: int, identity: bytes) -> None:
        self.handle, self.identity = handle, identity

    def __enter__(self) -> tuple[int, int]:
        library = _library()
        self.context, self.key = library.EVP_MD_CTX_new(), library.EVP_PKEY_CTX_new(self.handle, None)
        if library.EVP_PKEY_CTX_set1_id(self.key, self.identity, len(self.identity)) != 1:
            raise SmFailed(why="签名者标识不对")
        library.EVP_MD_CTX_set_pkey_ctx(self.context, self.key)
        return self.context, self.key

    def __exit__(self, *_: object) -> None:
        _library().EVP_MD_CTX_free(self.context)
        _library().EVP_PKEY_CTX_free(self.key)


def _crypt(handle: int, verb: str, data: bytes) -> bytes:
    library = _library()
    context = library.EVP_PKEY_CTX_new(handle, None)
    try:
        run = getattr(library, f"EVP_PKEY_{verb}")
        length = ctypes.c_size_t(0)
        if (
            getattr(library, f"EVP_PKEY_{verb}_init")(context) != 1
            or run(context, None, ctypes.byref(length), data, len(data)) != 1
        ):
            raise SmFailed(why="SM2 密文解不开" if verb == "decrypt" else "SM2 不能加密")
        length.value = max(length.value, len(data) + 256)
        buffer = ctypes.create_string_buffer(length.value)
        if run(context, buffer, ctypes.byref(length), data, len(data)) != 1:
            raise SmFailed(why="SM2 密文解不开" if verb == "decrypt" else "SM2 不能加密")
        return buffer.raw[: length.value]
    finally:
        library.ERR_clear_error()
        library.EVP_PKEY_CTX_free(context)


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text.strip())
    except ValueError as failure:
        raise SmFailed(why="密钥应写成十六进制") from failure


# --- the ASN.1 form: SEQUENCE { x INTEGER, y INTEGER, C3 OCTET STRING, C2 OCTET STRING } --------


def _length(size: int) -> bytes:
    if size < 128:
        return bytes([size])
    written = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([0x80 | len(written)]) + written


def _item(tag: int, content: bytes) -> bytes:
    return bytes([tag]) + _length(len(content)) + content


def _integer(value: bytes) -> bytes:
    short = value.lstrip(b"\x00") or b"\x00"
    return _item(2, (b"\x00" if short[0] & 0x80 else b"") + short)


def _der(x: bytes, y: bytes, digest: bytes, text: bytes) -> bytes:
    return _item(0x30, _integer(x) + _integer(y) + _item(4, digest) + _item(4, text))


def _parts(der: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    found, at = [], 0
    body = _read_item(der, 0)[0]
    while at < len(body):
        value, at = _read_item(body, at)
        found.append(value)
    x, y, digest, text = found
    return _fixed(x), _fixed(y), digest, text


def _fixed(value: bytes) -> bytes:
    return int.from_bytes(value).to_bytes(32)


def _read_item(data: bytes, at: int) -> tuple[bytes, int]:
    size, at = data[at + 1], at + 2
    if size & 0x80:
        width = size & 0x7F
        size, at = int.from_bytes(data[at : at + width]), at + width
    return data[at : at + size], at + size
