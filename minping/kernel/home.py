"""The one folder of an installation: settings, keys, database, evidence, logs.

Nothing outside this folder is written, so that a backup is a copy of it and a
removal is its deletion.  No Django here: the settings module reads this first.
"""

from __future__ import annotations

import json
import os
import secrets
import tomllib
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
KEY_NAMES = ("django", "seal", "index", "invitation", "receipt", "journal", "province")


def default_home() -> Path:
    """`MINPING_HOME`, else `.minping` in the checkout (which git ignores)."""
    return Path(os.environ.get("MINPING_HOME") or CHECKOUT / ".minping").expanduser().resolve()


@dataclass(frozen=True)
class Config:
    """What an installation has decided about itself; kept in `minping.toml`.

    `database` is a URL (`sqlite:///…` or `postgresql://…`), `base_url` the public
    address that invitations carry, `province` the address of the superior system
    (empty: driver `none`), `province_profile` how it speaks (docs/provinces.md), `stream`
    the public address of the devices' open lines (empty: the same host, on the port after
    the next), `sandbox` whether the clock may be moved, `return_origins` the sites (scheme, host,
    port) to which a person may go back after rating (evaluate/arrival.py), `callback_origins` the sites that
    may be registered for call-backs and `callback_networks` the inner networks they may stand in
    (evaluate/channels/hall/addresses.py), `sms` the table of the short
    message gateway (evaluate/channels/sms/gateways), `identity` that of the identity platform
    (evaluate/channels/mine/platform.py), `clamd` the virus scanner, a socket or host:port
    (empty: Debian's socket, where it exists), `terminal_paired_only` whether a browser must be paired to be
    used as a self-service terminal (evaluate/channels/terminal/device.py), `trusted_proxies` the addresses and
    networks of the reverse proxies whose word on the caller is taken (kernel/caller.py), `import_unpacked_mb` how
    many megabytes a workbook may hold once unpacked (registry/importing/cells.py).
    """

    database: str = ""
    base_url: str = "http://127.0.0.1:8000"
    province: str = ""
    province_profile: str = ""
    stream: str = ""
    sandbox: bool = False
    area: str = "350213005"
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    return_origins: tuple[str, ...] = ()
    callback_origins: tuple[str, ...] = ()
    callback_networks: tuple[str, ...] = ()
    sms: dict[str, Any] = field(default_factory=dict)
    identity: dict[str, Any] = field(default_factory=dict)
    clamd: str = ""
    terminal_paired_only: bool = False
    trusted_proxies: tuple[str, ...] = ()
    import_unpacked_mb: int = 100


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(v)}" for key, v in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)  # a JSON string is a valid TOML basic string


@dataclass
class Home:
    """Paths and keys of one installation."""

    path: Path
    _keys: dict[str, str] = field(default_factory=dict)
    _bytes: dict[str, bytes] = field(default_factory=dict)

    @property
    def config_file(self) -> Path:
        return self.path / "minping.toml"

    @cached_property
    def clock_file(self) -> Path:
        return self.path / "clock.json"

    @property
    def law(self) -> Path:
        return self.path / "law"

    @property
    def evidence(self) -> Path:
        return self.path / "evidence"

    @property
    def outbox(self) -> Path:
        return self.path / "outbox"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def static(self) -> Path:
        return self.path / "static"

    @property
    def heads(self) -> Path:
        """Heads of the journal, outside the database, so that a cut tail shows."""
        return self.path / "journal.heads"

    def make(self) -> None:
        """Create the folder and its keys; a second call changes nothing."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (self.law, self.evidence, self.outbox, self.log, self.static):
            folder.mkdir(exist_ok=True, mode=0o700)
        self.keys()

    def config(self) -> Config:
        """The file's settings, each of which the environment may override."""
        stored: dict[str, object] = {}
        if self.config_file.exists():
            stored = tomllib.loads(self.config_file.read_text(encoding="utf-8"))
        env = os.environ
        if env.get("MINPING_DATABASE"):
            stored["database"] = env["MINPING_DATABASE"]
        if env.get("MINPING_BASE_URL"):
            stored["base_url"] = env["MINPING_BASE_URL"]
        if "MINPING_PROVINCE" in env:
            stored["province"] = env["MINPING_PROVINCE"]
        if "MINPING_PROVINCE_PROFILE" in env:
            stored["province_profile"] = env["MINPING_PROVINCE_PROFILE"]
        if env.get("MINPING_STREAM"):
            stored["stream"] = env["MINPING_STREAM"]
        if env.get("MINPING_SANDBOX"):
            stored["sandbox"] = env["MINPING_SANDBOX"] == "1"
        known = {
            name: tuple(map(str, value)) if isinstance(value, list) else value
            for name, value in stored.items()
            if name in Config.__dataclass_fields__
        }
        config = Config(**known)  # type: ignore[arg-type]
        if not config.database:
            config = Config(**{**config.__dict__, "database": f"sqlite:///{self.path / 'minping.sqlite3'}"})
        return config

    def save(self, config: Config) -> None:
        """Write `minping.toml` whole, by rename, so that a crash leaves the old one."""
        plain = {name: value for name, value in config.__dict__.items() if not isinstance(value, dict)}
        tables = {name: value for name, value in config.__dict__.items() if isinstance(value, dict) and value}
        text = "".join(f"{name} = {_toml(value)}\n" for name, value in plain.items())
        for name, table in tables.items():  # a table comes last: what follows it would belong to it
            text += f"\n[{name}]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in table.items())
        fresh = self.config_file.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self.config_file)

    def keys(self) -> dict[str, str]:
        """Secret keys by name (hex, 256 bits); made once, mode 0600, never logged."""
        if self._keys:
            return self._keys
        file = self.path / "keys.json"
        try:
            self._keys = json.loads(file.read_text(encoding="utf-8"))
            return self._keys
        except FileNotFoundError:
            pass
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = {name: secrets.token_hex(32) for name in KEY_NAMES}
        made["seal_id"] = "1"
        draft = self.path / f"keys.{os.getpid()}.new"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(made, stream, indent=1)
        with suppress(FileExistsError):  # another process was first: then its keys count
            os.link(draft, file)
        draft.unlink()
        self._keys = json.loads(file.read_text(encoding="utf-8"))
        return self._keys

    def key(self, name: str) -> bytes:
        """A secret key's 32 bytes.  Raises KeyError for an unknown name."""
        found = self._bytes.get(name)
        if found is None:
            found = self._bytes[name] = bytes.fromhex(self.keys()[name])
        return found


_current: tuple[str | None, Home] | None = None


def home() -> Home:
    """The installation this process works for (asked many times a request: no file is touched)."""
    global _current
    asked = os.environ.get("MINPING_HOME")
    if _current is None or _current[0] != asked:
        _current = (asked, Home(default_home()))
    return _current[1]
