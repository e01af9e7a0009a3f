"""Provinces: a folder each, a thin driver and what it declares it can do."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings

from minping.upstream.port import Driver


@lru_cache(maxsize=4)
def _driver(address: str) -> Driver:
    if address:
        from minping.upstream.provinces.sandbox.driver import SandboxDriver

        return SandboxDriver(address)
    from minping.upstream.provinces.none.driver import NoneDriver

    return NoneDriver()


def driver() -> Driver:
    """The driver this installation is set to: over HTTP where `province` is set, else `none`."""
    return _driver(settings.MINPING_PROVINCE)
