"""Gateways to the telephone network: one small port, and the driver that this installation is set to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID

from minping.kernel.errors import Problem
from minping.kernel.home import home


@dataclass(frozen=True, slots=True)
class Sent:
    """The gateway has it; `reference` is what it calls the text."""

    reference: str = ""


@dataclass(frozen=True, slots=True)
class Later:
    """Not taken now (unreachable, busy, over its rate): to be tried again."""

    error: str


@dataclass(frozen=True, slots=True)
class Never:
    """Refused for good (no such number)."""

    error: str


@dataclass(frozen=True, slots=True)
class Unsure:
    """Asked, and the answer was lost: it may be on its way, so it is not sent again."""

    error: str


Answer = Sent | Later | Never | Unsure


class Gateway(Protocol):
    """A driver.  `real` False: nothing leaves the house, and every page of the desk says so."""

    name: str
    label: str
    real: bool

    def send(self, identifier: UUID, phone: str, words: str) -> Answer: ...


class GatewayMisconfigured(Problem):
    code = "sms_gateway_misconfigured"
    status = 500
    message = "短信网关没有配好：{what}"
    cure = "请按 docs/operate.md“短信”一节改 minping.toml 的 [sms]，再重新启动。"


def setting(settings: Mapping[str, Any], name: str) -> str:
    """A required setting of `[sms]`.  Raises GatewayMisconfigured naming it."""
    value = settings.get(name)
    if not value:
        raise GatewayMisconfigured(what=f"缺少 {name}。")
    return str(value)


@lru_cache(maxsize=1)
def _driver(items: tuple[tuple[str, Any], ...]) -> Gateway:
    from minping.evaluate.channels.sms.gateways.https import HttpsGateway
    from minping.evaluate.channels.sms.gateways.kannel import KannelGateway
    from minping.evaluate.channels.sms.gateways.none import NoGateway

    settings = dict(items)
    drivers: Mapping[str, type[Any]] = {"none": NoGateway, "kannel": KannelGateway, "https": HttpsGateway}
    name = str(settings.get("gateway", "none"))
    if name not in drivers:
        raise GatewayMisconfigured(what=f"gateway = “{name}”不认识，可用的是 {'、'.join(drivers)}。")
    made: Gateway = drivers[name](settings)
    return made


def gateway() -> Gateway:
    """The gateway of this installation, by `[sms] gateway` in minping.toml; without one, the folder."""
    return _driver(tuple(sorted(settings().items(), key=lambda item: item[0])))


def settings() -> Mapping[str, Any]:
    """The `[sms]` table of minping.toml."""
    return home().config().sms
