"""Where a request comes from: the person's own address, not that of the office's reverse proxies.

Limits on guessing count by it, so a header that anyone can write must never move it (decision 0075): the list in
X-Forwarded-For is read from the right, as far as the named proxies (setting `trusted_proxies`) vouch for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.core.cache import cache
from django.http import HttpRequest

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
HOPS = 16  # more than any office has proxies; what stands further left is the sender's own writing
HOUSEHOLD = 64  # bits of an IPv6 address that name a subscriber; the rest its devices choose themselves


def networks(named: Iterable[str]) -> tuple[Network, ...]:
    """The addresses and networks of the setting.  Raises ValueError, in Chinese, for what is none or is everyone."""
    found: list[Network] = []
    for name in named:
        try:
            network = ip_network(name.strip(), strict=False)
        except ValueError as failure:
            raise ValueError(
                f"trusted_proxies 里的 {name!r} 不是地址也不是网段：写成 10.20.0.5 或 10.20.0.0/24。"
            ) from failure
        if network.prefixlen == 0:
            raise ValueError(f"trusted_proxies 里的 {name!r} 是所有的地址：只写本单位反向代理的地址。")
        found.append(network)
    return tuple(found)


def address_of(text: str) -> Address | None:
    """An address as proxies write it (`10.0.0.1`, `10.0.0.1:5060`, `[2001:db8::1]:443`), or None for anything else.

    An IPv4 address in IPv6 dress is the IPv4 address.
    """
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def vouched(address: Address | None, trusted: Iterable[Network]) -> bool:
    return address is not None and any(address in network for network in trusted)


def client(peer: str, forwarded: str, trusted: Iterable[Network]) -> str:
    """Who asks: the first address from the right that is no trusted proxy, else the last one that can be vouched for.

    What follows garbage (leftwards) is worth nothing: the proxy that passed it on is then the caller.
    """
    here = address_of(peer)
    if here is None or not vouched(here, trusted):
        return str(here or peer)
    for hop in reversed(forwarded.rsplit(",", HOPS)[-HOPS:]):
        said = address_of(hop)
        if said is None:
            break
        here = said
        if not vouched(said, trusted):
            break
    return str(here)


def caller(request: HttpRequest) -> str:
    """Whose tries are counted together: an IPv4 address, or the subscriber's network of an IPv6 one."""
    address = address_of(request.META.get("REMOTE_ADDR", ""))
    if isinstance(address, IPv6Address):
        return str(ip_network((address, HOUSEHOLD), strict=False))
    return str(address or "")


# --- few tries ---------------------------------------------------------------------------------------


def too_many(what: str, most: int, request: HttpRequest) -> bool:
    """Count one try at `what` from this caller; whether that makes more than `most` a minute."""
    key = f"{what}:{caller(request)}"
    cache.add(key, 0, 60)
    try:
        return int(cache.incr(key)) > most
    except ValueError:  # the minute ended between the two
        return False


def forgive(what: str, request: HttpRequest) -> None:
    """The try was right: it costs nothing."""
    key = f"{what}:{caller(request)}"
    if cache.get(key):
        try:
            cache.decr(key)
        except ValueError:
            return
