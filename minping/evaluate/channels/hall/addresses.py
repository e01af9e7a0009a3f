"""Where call-backs may go: only where the installation has said so, and never by a detour into its own network.

A name is resolved once for each sending and the connection goes to the very address that was looked
at, so that a name cannot mean one place when asked and another when called (DNS rebinding).
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from django.conf import settings

from minping.evaluate.arrival import origin_named
from minping.kernel.errors import Problem

LOOPBACK = ("127.0.0.1", "[::1]", "localhost")
# Prefixes of IPv6 that carry an IPv4 address in them: a way round every other look.
CARRIERS = tuple(map(IPv6Network, ("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16")))
MOST = 300


class AddressRefused(Problem):
    code = "callback_address_refused"
    status = 422
    message = "这个回调地址不能用：{why}。"
    cure = "来源（协议、主机、端口）须由管理员写进 minping.toml 的 callback_origins，并且是 https，或者本机。"


@dataclass(frozen=True)
class Place:
    """An address taken apart; `ips` are the addresses that its host has now, each of them looked at."""

    secure: bool
    host: str
    port: int
    path: str
    ips: tuple[str, ...] = ()


def place_of(address: str) -> Place:
    """The parts of an address that a call-back may go to, by its letters alone.  Raises AddressRefused."""
    if len(address) > MOST or not address.isascii() or any(ch <= " " for ch in address):
        raise AddressRefused(why="太长，或含有空格、汉字", field="address")
    if not origin_named(address, settings.MINPING_CALLBACK_ORIGINS):
        raise AddressRefused(why="它的来源不在允许的名单里", field="address")
    parts = urlsplit(address)
    host = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        raise AddressRefused(why="不是 https", field="address")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise AddressRefused(why="地址里不能带参数或口令", field="address")
    secure = parts.scheme == "https"
    return Place(secure, host.strip("[]"), parts.port or (443 if secure else 80), parts.path or "/")


def found(place: Place) -> Place:
    """The same with the IP addresses of its host.  Raises AddressRefused where one of them is not to be called."""
    try:
        told = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as failure:
        raise AddressRefused(why=f"找不到主机 {place.host}") from failure
    ips = tuple(dict.fromkeys(str(row[4][0]) for row in told))
    for ip in ips:
        if not _open(ip, place.host):
            raise AddressRefused(
                why=f"{place.host} 指向内部地址，没有发出", cure="确属内部系统的，写进 callback_networks。"
            )
    return Place(place.secure, place.host, place.port, place.path, ips)


def _open(told: str, host: str) -> bool:
    ip: IPv4Address | IPv6Address = ip_address(told.partition("%")[0])
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    if host == str(ip) or (host == "localhost" and ip.is_loopback):
        return True  # named to the letter in callback_origins
    if any(ip in ip_network(network, strict=False) for network in settings.MINPING_CALLBACK_NETWORKS):
        return True
    carried = isinstance(ip, IPv6Address) and any(ip in network for network in CARRIERS)
    return ip.is_global and not ip.is_multicast and not carried
