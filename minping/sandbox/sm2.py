"""SM2 written out in plain Python: on purpose another implementation than the sender's, so that no mistake is made
twice in the same way.  Not for secrets of anyone: it takes no care of timing."""

from __future__ import annotations

import secrets

from cryptography.hazmat.primitives import hashes

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
IDENTITY = b"1234567812345678"
Point = tuple[int, int]
_Jacobian = tuple[int, int, int]


class Sm2Error(ValueError):
    """Not a ciphertext or signature of this key."""


def sm3(data: bytes) -> bytes:
    digest = hashes.Hash(hashes.SM3())
    digest.update(data)
    return digest.finalize()


def _double(point: _Jacobian) -> _Jacobian:
    x, y, z = point
    if not y:
        return 0, 1, 0
    square = y * y % P
    s = 4 * x * square % P
    m = (3 * x * x + A * pow(z, 4, P)) % P
    new = (m * m - 2 * s) % P
    return new, (m * (s - new) - 8 * square * square) % P, 2 * y * z % P


def _add(one: _Jacobian, two: _Jacobian) -> _Jacobian:
    if not one[2]:
        return two
    if not two[2]:
        return one
    a, b = one[2] ** 2 % P, two[2] ** 2 % P
    u, v = one[0] * b % P, two[0] * a % P
    s, t = one[1] * b * two[2] % P, two[1] * a * one[2] % P
    if u == v:
        return _double(one) if s == t else (0, 1, 0)
    h, r = (v - u) % P, (t - s) % P
    h2 = h * h % P
    h3 = h2 * h % P
    x = (r * r - h3 - 2 * u * h2) % P
    return x, (r * (u * h2 - x) - s * h3) % P, h * one[2] * two[2] % P


def times(number: int, point: Point) -> Point:
    """number · point."""
    total: _Jacobian = (0, 1, 0)
    base: _Jacobian = (*point, 1)
    for bit in bin(number)[2:]:
        total = _double(total)
        if bit == "1":
            total = _add(total, base)
    inverse = pow(total[2], -1, P)
    square = inverse * inverse % P
    return total[0] * square % P, total[1] * square * inverse % P


def on_curve(point: Point) -> bool:
    x, y = point
    return (y * y - x * x * x - A * x - B) % P == 0


def _stream(seed: bytes, size: int) -> bytes:
    blocks = [sm3(seed + count.to_bytes(4)) for count in range(1, size // 32 + 2)]
    return b"".join(blocks)[:size]


def _bytes(point: Point) -> bytes:
    return point[0].to_bytes(32) + point[1].to_bytes(32)


def key_pair() -> tuple[int, Point]:
    secret = secrets.randbelow(N - 2) + 1
    return secret, times(secret, G)


def encrypt(data: bytes, point: Point, order: str = "C1C3C2") -> bytes:
    """04 and the parts in the order asked for."""
    while True:
        k = secrets.randbelow(N - 1) + 1
        shared = _bytes(times(k, point))
        stream = _stream(shared, len(data))
        if any(stream):
            break
    text = bytes(a ^ b for a, b in zip(data, stream, strict=True))
    check = sm3(shared[:32] + data + shared[32:])
    head = b"\x04" + _bytes(times(k, G))
    return head + (check + text if order == "C1C3C2" else text + check)


def decrypt(data: bytes, secret: int, order: str = "C1C3C2") -> bytes:
    """Raises Sm2Error where anything does not fit."""
    if len(data) <= 97 or data[0] != 4:
        raise Sm2Error("密文太短，或开头不是 04")
    point = int.from_bytes(data[1:33]), int.from_bytes(data[33:65])
    if not on_curve(point):
        raise Sm2Error("点不在曲线上")
    check, text = (data[65:97], data[97:]) if order == "C1C3C2" else (data[-32:], data[65:-32])
    shared = _bytes(times(secret, point))
    plain = bytes(a ^ b for a, b in zip(text, _stream(shared, len(text)), strict=True))
    if sm3(shared[:32] + plain + shared[32:]) != check:
        raise Sm2Error("校验不符：密钥、顺序或内容不对")
    return plain


def verify(data: bytes, r: int, s: int, point: Point, identity: bytes = IDENTITY) -> bool:
    if not (0 < r < N and 0 < s < N):
        return False
    curve = b"".join(each.to_bytes(32) for each in (A, B, *G))
    z = sm3((len(identity) * 8).to_bytes(2) + identity + curve + _bytes(point))
    e = int.from_bytes(sm3(z + data))
    t = (r + s) % N
    if not t:
        return False
    left, right = (*times(s, G), 1), (*times(t, point), 1)
    total = _add(left, right)
    if not total[2]:
        return False
    x = total[0] * pow(total[2], -2, P) % P
    return (e + x) % N == r
