"""The superior's own rating page (minan/3.4.2): asked for at the person's press, and its outcome asked for afterwards.

Nothing here makes a citizen wait for a superior that is known to be silent, and no address
is followed that does not lie where the superior's pages lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from django.core.cache import cache

from minping.upstream import provinces
from minping.upstream.incoming import rating_take
from minping.upstream.models import Target
from minping.upstream.port import ASKS, Delivery, Driver, Later, Message, Never
from minping.upstream.provinces import page_driver

SILENT, SILENT_SECONDS = "rating_page.silent:", 30  # after silence nobody else is kept waiting for so long


def offered() -> bool:
    """Whether the superior has a page that a person could rate on."""
    return bool(set(ASKS["page"]) & provinces.driver().abilities)


def page_ask(service: Message, *, back: str, channel: str) -> str:
    """The address of the superior's page for one service.  Raises RatedAbove, Later, Never.

    No transaction may be open: a person waits, at most for twice `PAGE_SECONDS`, and never
    for a superior that was silent a moment ago or is switched off.
    """
    chosen = page_driver()
    if not set(ASKS["page"]) & chosen.abilities:
        raise Never("上级没有可用的评价页", code="NO_PAGE")
    known = Target.objects.filter(code=chosen.name).first()
    if (known and not known.open) or cache.get(SILENT + chosen.name):
        raise Later("省平台现在没有应答或已停用", unreachable=True)
    try:
        address = chosen.page(service, back=back, channel=channel)
    except Later as later:
        if later.unreachable:
            cache.set(SILENT + chosen.name, 1, SILENT_SECONDS)
        raise
    if origin(address) not in origins(chosen):
        raise Never("省平台给的评价页地址不在它的网站上", code="PAGE_ORIGIN")
    return address


def origin(address: str) -> str:
    """Scheme, host and port, as a browser compares them; empty where it is no web address."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc.lower()}" if parts.scheme in ("http", "https") and parts.netloc else ""


def origins(chosen: Driver | None = None) -> frozenset[str]:
    """Where the superior's pages may lie: beside its interface, and where its profile says."""
    chosen = chosen or provinces.driver()
    declared = getattr(getattr(chosen, "profile", None), "page_origins", ())
    return frozenset({origin(getattr(chosen, "address", "")), *map(origin, declared)} - {""})


def results_take(services: Sequence[Message], *, at: datetime) -> int:
    """Ask what was said on the page of each service; how many ratings were new.  Stops at the first silence."""
    chosen = provinces.driver()
    if not set(ASKS["results"]) & chosen.abilities:
        return 0
    new = 0
    for service in services:
        try:
            told = chosen.results(service)
        except Later:
            return new
        except Delivery:
            continue  # what cannot even be asked (a code that the province lacks) comes by call-back or not at all
        new += sum(rating_take(one, target=chosen.name, at=at) for one in told)
    return new
