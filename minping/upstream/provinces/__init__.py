"""Provinces: a profile each (data), a family of drivers, and what a driver declares it can do."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings

from minping.kernel import clock
from minping.law.errors import LawError
from minping.upstream.port import Driver


@lru_cache(maxsize=4)
def _driver(address: str, profile: str, day: str) -> Driver:
    if address and profile == "minping":
        from minping.upstream.provinces.minping.driver import MinpingDriver

        return MinpingDriver(address)
    if address and profile:
        try:
            return of_profile(address, profile, day)
        except LawError as fault:
            from minping.upstream.provinces.none.driver import MisconfiguredDriver

            return MisconfiguredDriver(profile, fault.message)
    if address:
        from minping.upstream.provinces.sandbox.driver import SandboxDriver

        return SandboxDriver(address)
    from minping.upstream.provinces.none.driver import EndDriver, MisconfiguredDriver, NoneDriver

    if profile == EndDriver.name:
        return EndDriver()
    if profile:  # a slip of the pen for `end`, or an address forgotten: neither may fill the manual queue
        return MisconfiguredDriver(profile, "minping.toml 里写了 province_profile，却没有 province 地址（终点写 end）")
    return NoneDriver()


def of_profile(
    address: str, profile: str, day: str, credentials: dict[str, str] | None = None, seconds: float = 0
) -> Driver:
    """The driver of a profile's family, with the version in force on a day; `seconds` shortens its patience.

    Raises LawError.
    """
    from dataclasses import replace
    from datetime import date

    from minping.upstream import profile as profiles
    from minping.upstream.provinces.family.envelope import EnvelopeDriver
    from minping.upstream.provinces.family.form import FormDriver
    from minping.upstream.provinces.family.http import Wire
    from minping.upstream.provinces.family.soap import SoapDriver

    found = profiles.load(profile, on=date.fromisoformat(day))
    if seconds:
        found = replace(
            found,
            connect_seconds=min(seconds, found.connect_seconds),
            read_seconds=min(seconds, found.read_seconds),
        )
    families: dict[str, type[Wire]] = {"soap": SoapDriver, "envelope": EnvelopeDriver, "form": FormDriver}
    made: Driver = families[found.family](address, found, credentials)
    return made


PAGE_SECONDS = 2.0  # of connecting, and of waiting for an answer: a person is waiting too


@lru_cache(maxsize=4)
def _page_driver(address: str, profile: str, day: str) -> Driver:
    if address and profile:
        try:
            return of_profile(address, profile, day, seconds=PAGE_SECONDS)
        except LawError:
            pass
    return _driver(address, profile, day)


def page_driver() -> Driver:
    """The same superior with little patience, for what a person waits for at their own press."""
    day = clock.beijing(clock.now()).date().isoformat()
    return _page_driver(settings.MINPING_PROVINCE, settings.MINPING_PROVINCE_PROFILE, day)


def driver() -> Driver:
    """The driver this installation is set to: this same program, a profile, the sandbox's own protocol, or `none`."""
    day = clock.beijing(clock.now()).date().isoformat()
    return _driver(settings.MINPING_PROVINCE, settings.MINPING_PROVINCE_PROFILE, day)
