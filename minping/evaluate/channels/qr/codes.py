"""Addresses as QR pictures."""

from __future__ import annotations

import io

import segno
from django.conf import settings
from django.urls import reverse

PNG_SCALE = 8
QUIET = 4  # modules of white around the code, as the norm of QR asks


def slip_address(token: str) -> str:
    """What the slip's code says: the invitation, marked as scanned."""
    return f"{settings.MINPING_BASE_URL}{reverse('rate', args=[token])}?via=qr"


def window_address(code: str) -> str:
    return f"{settings.MINPING_BASE_URL}{reverse('window_code', args=[code])}"


def svg(address: str) -> bytes:
    return _picture(address, "svg", 1)


def png(address: str) -> bytes:
    return _picture(address, "png", PNG_SCALE)


def _picture(address: str, kind: str, scale: int) -> bytes:
    """Error correction Q: a quarter may be soiled, as on thermal paper and at counters."""
    out = io.BytesIO()
    options = {"xmldecl": True, "svgns": True, "omitsize": True} if kind == "svg" else {}
    segno.make(address, error="q", micro=False).save(out, kind=kind, scale=scale, border=QUIET, **options)
    return out.getvalue()
