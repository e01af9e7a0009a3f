"""A fresh installation to measure in: its own home, its own database, the demonstration office."""

from __future__ import annotations

import os
import tempfile
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from minping.evaluate.schemas import ServiceIn
    from minping.kernel.access import Actor

ITEM = "XN35021300520MINPINGDEMO2026001"


def environment(postgres: str) -> dict[str, str]:
    """The environment of a measurement: an empty home, and an empty database of its own where `postgres` is given."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MINPING_", "DJANGO_"))}
    env |= {
        "MINPING_HOME": tempfile.mkdtemp(prefix="minping-bench-"),
        "MINPING_SANDBOX": "1",
        "DJANGO_SETTINGS_MODULE": "minping.site.settings",
    }
    if postgres:
        import psycopg

        name = f"bench_{os.getpid()}_{datetime.now().strftime('%H%M%S%f')}"  # noqa: DTZ005 — a name, not a time
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload]
        env["MINPING_DATABASE"] = urlunsplit(urlsplit(postgres)._replace(path=f"/{name}"))
    return env


def ready() -> None:
    """Django, tables and the demonstration office, in this process."""
    import logging

    import django

    django.setup()
    logging.disable(logging.WARNING)
    from django.core.management import call_command

    from minping.kernel import clock
    from minping.kernel.access import SYSTEM
    from minping.registry import demo

    call_command("migrate", verbosity=0)
    demo.load(by=SYSTEM, at=clock.now())


def reporter() -> Actor:
    from minping.kernel.access import Actor, Grant

    return Actor("key:bench", "测速", (Grant(frozenset({"services:write"}), "/"),))


def tablets(count: int) -> list[str]:
    """As many windows with a paired tablet each; what each device proves itself by."""
    ready()
    import secrets

    from minping.evaluate.channels.tablet.models import Credential
    from minping.kernel import clock, privacy
    from minping.registry import queries as registry
    from minping.registry.models import Device, Window

    at = clock.now()
    windows = Window.objects.bulk_create(
        Window(organization_id="minan-center", code=f"b{n:04d}", name=f"测速窗口{n}") for n in range(count)
    )
    devices = Device.objects.bulk_create(
        Device(organization_id="minan-center", code=f"b{n:04d}", kind="tablet", window=window)
        for n, window in enumerate(windows)
    )
    proofs = [secrets.token_urlsafe(32) for _ in devices]
    Credential.objects.bulk_create(
        Credential(device=device, digest=privacy.token_hash(proof), made_at=at)
        for device, proof in zip(devices, proofs, strict=True)
    )
    registry.forget()
    return proofs


def rows(first: int, count: int, at: datetime) -> list[dict[str, Any]]:
    """Services as a business system reports them, of a citizen who never was."""
    first_served = at - timedelta(hours=1)

    def person(number: int) -> tuple[str, str]:
        """When this one was served, and a certificate number of its own (of nobody: born in 1900)."""
        served = first_served + timedelta(milliseconds=number % 3_000_000)
        return served.isoformat(), f"35021319000101{number % 10000:04d}"

    told = [(number, *person(number)) for number in range(first, first + count)]
    return [
        {
            "organization_code": "minan-center", "case_no": f"B-{number:09d}", "service_no": 1, "service_name": "办结",
            "item_code": ITEM, "window_code": "03", "staff_code": "w03", "handling": "hall", "case_state": 3,
            "accepted_at": served, "served_at": served, "finished_at": served,
            "applicant": {
                "kind": "person", "name": "群众甲", "cert_type": "111", "cert_no": certificate,
                "phone": f"1380000{number % 10000:04d}",
            },
        }
        for number, served, certificate in told
    ]  # fmt: skip


def parsed(first: int, count: int, at: datetime) -> list[ServiceIn]:
    from pydantic import TypeAdapter

    from minping.evaluate.schemas import ServiceIn

    return TypeAdapter(list[ServiceIn]).validate_python(rows(first, count, at))
