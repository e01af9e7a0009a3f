"""What an event says to the device: for whom by surname and the case's last four digits, never more."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.utils import translation

from minping.evaluate.channels.tablet.models import DeviceEvent
from minping.evaluate.models import Service
from minping.evaluate.states import Outcome
from minping.evaluate.view import service_view
from minping.kernel import privacy
from minping.kernel.language import LANGUAGES, SIMPLIFIED, said

# The compound surnames still met with; any other name is called by its first character.
COMPOUND = frozenset({
    "欧阳", "上官", "司马", "诸葛", "皇甫", "尉迟", "公孙", "慕容", "令狐", "司徒", "司空", "夏侯", "东方", "南宫", "西门",
    "独孤", "长孙", "宇文", "端木", "轩辕", "百里", "呼延",
})  # fmt: skip


def surname(person: dict[str, Any]) -> str:
    """How the person is addressed on a screen in a hall: `张**`; an organisation is not named."""
    if person.get("kind") != "person":
        return "单位办件"
    name = str(person.get("name", "")).strip()
    return f"{name[:2] if name[:2] in COMPOUND and len(name) > 2 else name[:1]}**"


def whom(service: Service) -> str:
    """Opened for the person in front of the device; the offer itself is on record in the journal."""
    return surname(privacy.unseal_json(service.applicant.sealed, f"applicant:{service.pk.hex}"))


def group(service: Service) -> str:
    """Says whether two services are one person's, and nothing about the person."""
    return _opaque(bytes(service.applicant.certificate_index or service.pk.bytes))


def _opaque(value: bytes) -> str:
    return privacy.keyed("index", b"tablet" + value)[:6].hex()


def event_view(event: DeviceEvent, now: datetime) -> dict[str, Any] | None:
    """The event as the device gets it; None where there is nothing to show any more."""
    shown: dict[str, Any] = {"id": event.pk, "kind": event.kind, "left": int((event.until - now).total_seconds())}
    if event.kind == DeviceEvent.Kind.CHECKED:
        return {**shown, "check": str(event.subject)}
    service = event.service
    if service is None:
        return shown
    if event.kind == DeviceEvent.Kind.RATED:
        return {**shown, "of": _opaque(service.pk.bytes)}
    if shown["left"] <= 0 or (event.kind == DeviceEvent.Kind.OFFER and service.outcome != Outcome.NONE):
        return None
    shown |= {
        **service_view(service),
        "in": _in_other_languages(service),
        "whom": whom(service),
        "group": group(service),
        "of": _opaque(service.pk.bytes),
    }
    if event.rating is not None:
        shown["level"] = event.rating.level
    return shown


def _in_other_languages(service: Service) -> dict[str, dict[str, str]]:
    """The words of the event that change with the language; the person in front chooses it."""
    found = {}
    for code in LANGUAGES:
        if code != SIMPLIFIED:
            with translation.override(code):
                names = service_view(service)
                found[code] = {"item_name": said(names["item_name"]), "served_text": names["served_text"]}
    return found


def as_sse(shown: dict[str, Any]) -> bytes:
    """One server-sent event; its id is where a reconnect goes on."""
    return f"id: {shown['id']}\ndata: {json.dumps(shown, ensure_ascii=False)}\n\n".encode()
