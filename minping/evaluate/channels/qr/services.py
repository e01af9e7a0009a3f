"""Making and retiring the windows' codes, counting dead ones, and proving a phone at a window."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_noop

from minping import law
from minping.evaluate.channels.qr.models import DeadScan, WindowCode
from minping.evaluate.channels.qr.queries import Point, points
from minping.evaluate.channels.sms.services.codes import phone_code_check
from minping.evaluate.models import Service
from minping.evaluate.queries import open_of
from minping.kernel import ids, journal
from minping.kernel.access import Actor
from minping.kernel.errors import Forbidden, NotFound, Problem
from minping.registry import queries as registry

SIGNS = "23456789abcdefghjkmnpqrstuvwxyz"  # none that is mistaken for another when typed from paper
LENGTH = 10
MOST = 20


class CodeDead(Problem):
    code = "window_code_dead"
    status = 410
    message = gettext_noop("这个二维码已经停用。")
    cure = gettext_noop("请扫窗口现在张贴的码，或用短信、回执单上的评价链接。")


def window_codes_make(*, by: Actor, at: datetime) -> list[Point]:
    """Give each live window within the actor's scope its code, keep those that are there, retire those of
    windows that are gone; returns the windows with their codes."""
    if not by.may("posters.make"):
        raise Forbidden()
    with transaction.atomic():
        codes = registry.directory(fresh=True).within(by.scopes("posters.make"))
        live = points(codes)
        missing = [point for point in live if not point.code]
        WindowCode.objects.bulk_create(
            WindowCode(
                id=ids.uuid7(at), code=_fresh(), organization_code=point.organization_code,
                window_code=point.window_code, made_at=at,
            )
            for point in missing
        )  # fmt: skip
        here = {(point.organization_code, point.window_code) for point in live}
        gone = [
            row.pk
            for row in WindowCode.objects.filter(organization_code__in=codes, retired_at=None)
            if (row.organization_code, row.window_code) not in here
        ]
        WindowCode.objects.filter(pk__in=gone, retired_at=None).update(retired_at=at)
        if missing or gone:
            journal.write("window_codes.made", at=at, actor=by.name, made=len(missing), retired=len(gone))
        return points(codes)


def _fresh() -> str:
    return "".join(secrets.choice(SIGNS) for _ in range(LENGTH))


def window_code_replace(*, code: str, by: Actor, at: datetime) -> WindowCode:
    """Retire a code (the poster was lost or tampered with) and make the window a new one.  Raises NotFound, CodeDead."""
    row = WindowCode.objects.filter(code=code).first()
    if row is None:
        raise NotFound("没有这个窗口码。", cure="请从二维码页进入。")
    by.require("posters.make", registry.place(row.organization_code).path)
    with transaction.atomic():
        if not WindowCode.objects.filter(pk=row.pk, retired_at=None).update(retired_at=at):
            raise CodeDead()
        made = WindowCode.objects.create(
            id=ids.uuid7(at), code=_fresh(), organization_code=row.organization_code, window_code=row.window_code,
            made_at=at,
        )  # fmt: skip
        journal.write(
            "window_code.replaced", at=at, actor=by.name, organization_code=row.organization_code, subject=row.pk,
            window=row.window_code,
        )  # fmt: skip
    return made


def dead_scan_count(*, code: str, at: datetime) -> None:
    """One more person met this dead code; a live one is not counted."""
    row = WindowCode.objects.filter(code=code).first()
    if row is not None and row.retired_at is None:
        return
    day = at.astimezone(law.BEIJING).date()
    with transaction.atomic():
        scan, _ = DeadScan.objects.get_or_create(code=row.code if row else "", day=day)
        DeadScan.objects.filter(pk=scan.pk).update(count=F("count") + 1)


@dataclass(frozen=True)
class Open:
    """A service of the person at this window that may be rated now."""

    service: Service
    kind: str


def services_prove(*, row: WindowCode, identifier: UUID, digits: str, at: datetime) -> list[Open]:
    """The services at this window of the phone that the right code proves, newest first.  Raises CodeWrong, CodeOver."""
    phone = phone_code_check(identifier=identifier, code=digits, purpose="window", at=at)
    found = (
        Service.objects.filter(
            applicant__phone_index=phone, organization_code=row.organization_code, window_code=row.window_code,
            closes_at__gt=at,
        )
        .prefetch_related("ratings")
        .order_by("-served_at")[:MOST]
    )  # fmt: skip
    return [Open(service, str(kind)) for service, kind in open_of(found, at)]
