"""The gateway's one file of settings (TOML), read once; secrets stand in files of their own."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Address = tuple[str, int]


class Misconfigured(Exception):
    """One sentence that says which setting is wrong and how to mend it."""


@dataclass(frozen=True)
class Account:
    """How we are known to a SIP server: user and password (RFC 7616)."""

    user: str
    password: str


@dataclass(frozen=True)
class Outgoing:
    """Calls that we make: through which SIP server, from which number, with which sign for an outside line."""

    to: Address
    caller: str
    prefix: str = ""
    poll: float = 60.0  # seconds between two questions when there is nobody to call
    ring: float = 45.0  # seconds a phone may ring
    account: Account | None = None


@dataclass(frozen=True)
class Register:
    """Make ourselves known to a registrar under an address of record."""

    registrar: Address
    aor: str
    account: Account | None = None


@dataclass(frozen=True)
class Config:
    """`peers`: addresses of the SIP servers whose calls are taken; anyone else could name any caller's number."""

    url: str
    key: str
    folder: Path
    listen: Address = ("127.0.0.1", 5060)
    advertise: str = ""
    peers: frozenset[str] = frozenset({"127.0.0.1"})
    transport: str = "udp"
    lines: int = 10
    ports: tuple[int, int] = (20000, 20200)
    patience: float = 6.0  # seconds to try again before a caller is told that we are away
    speak: tuple[str, ...] = ("espeak-ng", "-v", "cmn", "-s", "220", "--stdin", "--stdout")
    outgoing: Outgoing | None = None
    register: Register | None = None


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise Misconfigured(f"“{text}”不是“主机:端口”。")
    return host.strip("[]"), int(port)


def _account(table: dict[str, Any], base: Path) -> Account | None:
    if "user" not in table:
        return None
    return Account(table["user"], _secret(base / table["password_file"]))


def _secret(file: Path) -> str:
    try:
        return file.read_text("utf-8").strip()
    except OSError as failure:
        raise Misconfigured(f"读不了 {file}：{failure.strerror}。密钥和口令各放在一个 0600 的文件里。") from failure


def read(file: Path) -> Config:
    """The settings of `file`; relative paths are relative to it.  Raises Misconfigured."""
    base = file.resolve().parent
    try:
        told = tomllib.loads(file.read_text("utf-8"))
        minping, sip, out, reg = (told.get(name, {}) for name in ("minping", "sip", "outgoing", "register"))
        more = {name: sip[name] for name in ("advertise", "transport", "lines") if name in sip}
        if "speak" in told:
            more["speak"] = tuple(told["speak"])
        return Config(
            url=str(minping["url"]).rstrip("/"),
            key=_secret(base / minping["key_file"]),
            folder=base / told.get("folder", "data"),
            listen=_address(sip.get("listen", "127.0.0.1:5060")),
            peers=frozenset(sip.get("peers", ["127.0.0.1"])),
            ports=tuple(sip.get("rtp_ports", (20000, 20200))),
            patience=float(minping.get("patience", 6.0)),
            outgoing=Outgoing(
                to=_address(out["to"]), caller=out["caller"], prefix=out.get("prefix", ""),
                poll=float(out.get("poll", 60)), ring=float(out.get("ring", 45)), account=_account(out, base),
            ) if out else None,
            register=Register(_address(reg["registrar"]), reg["aor"], _account(reg, base)) if reg else None,
            **more,
        )  # fmt: skip
    except KeyError as missing:
        raise Misconfigured(f"{file.name} 缺少 {missing.args[0]}。") from missing
    except (OSError, tomllib.TOMLDecodeError, TypeError, ValueError) as failure:
        raise Misconfigured(f"{file.name} 读不了：{failure}") from failure
