"""The posters: an A4 page for each window and agent point, all in one PDF (minan/6.3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from django.conf import settings
from django.urls import reverse

from minping import law
from minping.evaluate.channels.qr import codes
from minping.evaluate.channels.qr.queries import Point
from minping.kernel.pdf import pdf
from minping.registry import queries as registry

TEMPLATE = Path(__file__).with_name("poster.typ")


def posters_pdf(points: Sequence[Point], on: date) -> bytes:
    """One page a window, in the law of the day.  Raises PdfNotMade."""
    pages = []
    pictures = {}
    for number, point in enumerate(points):
        picture = f"{number}.svg"
        address = codes.window_address(point.code)
        pictures[picture] = codes.svg(address)
        rules = law.at(registry.place(point.organization_code).area_code, on)
        verify, rectify = rules.limit("verify"), rules.limit("rectify")
        pages.append(
            {
                "place": point.organization_name,
                "window": point.window_name,
                "picture": picture,
                "address": address,
                "about": f"{settings.MINPING_BASE_URL}{reverse('about')}",
                "levels": [row.label for row in rules.levels],
                "verify": verify.value,
                "rectify": rectify.value,
            }
        )
    return pdf(TEMPLATE, {"pages": pages}, pictures)
