"""What a device reports: presses it took, what became of each event, its morning check, and how it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from minping.evaluate import tokens
from minping.evaluate.channels.tablet.models import Credential, DeviceEvent, EventNote
from minping.evaluate.channels.tablet.services.check import check_take
from minping.evaluate.channels.tablet.services.offer import CHANNEL
from minping.evaluate.models import Rating
from minping.evaluate.services import Press, rating_give
from minping.kernel import clock
from minping.kernel.errors import NotFound, Problem
from minping.registry.models import Device

PROOF = "business_system"  # the business system has just verified who stands at the window (R12)
MOST = 50


class Entry(BaseModel):
    """One thing that the device kept until it was answered; `id` is the device's own and makes it count once.

    `press`: a level on the event's service.  `words`: reasons (or another level) for the
    press `press`, or for the rating that the event asks about.  `note`: what became of an
    event.  `check`: the morning check.
    """

    model_config = ConfigDict(extra="ignore")
    id: UUID
    type: Literal["press", "words", "note", "check"]
    at: AwareDatetime
    event: int | None = None
    press: UUID | None = None
    level: int | None = None
    tags: Annotated[list[str], Field(max_length=100)] | None = None
    text: str | None = None
    what: str = ""
    offline: bool = False


class Report(BaseModel):
    """What the device sends: its own clock, how much it still keeps, and the entries in the order they were made."""

    model_config = ConfigDict(extra="ignore")
    now: AwareDatetime
    waiting: Annotated[int, Field(ge=0, le=100_000)] = 0
    entries: Annotated[list[Entry], Field(max_length=MOST)] = []


def report_take(report: Report, *, credential: Credential) -> list[dict[str, Any]]:
    """Take a report; one answer per entry, in order.  Each entry is kept when its answer says `done`.

    The order of things is the server's: an entry counts from the moment it is received,
    and the device's own time is kept beside it (the device's clock may be hours off).
    """
    at = clock.now()
    skew = max(-(2**31), min(2**31 - 1, int((report.now - at).total_seconds())))
    Credential.objects.filter(pk=credential.pk).update(seen_at=at, waiting=report.waiting, skew=skew)
    answers = []
    for entry in report.entries:
        try:
            answers.append({"id": str(entry.id), "done": True, **_TAKE[entry.type](entry, credential.device)})
        except Problem as problem:
            # A refusal is final for the device: it is told and noted, and the press is not asked again for ever.
            if entry.type == "press" and entry.event is not None:
                _note(entry.event, EventNote.What.REFUSED, credential.device, entry.at)
            answers.append({"id": str(entry.id), "done": True, "error": problem.as_json()})
    return answers


def _event(entry: Entry, device: Device) -> DeviceEvent:
    found = (
        DeviceEvent.objects.filter(pk=entry.event, device=device).select_related("service", "rating").first()
        if entry.event is not None
        else None
    )
    if found is None or found.service is None:
        raise NotFound("没有这一件。", cure="请刷新页面。")
    return found


def _press(entry: Entry, device: Device) -> dict[str, Any]:
    event = _event(entry, device)
    assert event.service_id is not None
    receipt = rating_give(
        Press(
            token=tokens.invitation_token(event.service_id), level=entry.level or 0, at=clock.now(), channel=CHANNEL,
            proof=PROOF, hold=True, device_code=device.code, press_id=entry.id, pressed_at=entry.at,
            offline=entry.offline,
        )
    )  # fmt: skip
    _note(event.pk, EventNote.What.PRESSED, device, entry.at)
    return {"receipt": receipt.code}


def _words(entry: Entry, device: Device) -> dict[str, Any]:
    if entry.press is not None:
        rating = Rating.objects.filter(press_id=entry.press, device_code=device.code).first()
    else:
        rating = _event(entry, device).rating
    if rating is None:
        raise NotFound("没有这次评价。", cure="")
    receipt = rating_give(
        Press(
            token=tokens.invitation_token(rating.service_id), level=entry.level or rating.level, at=clock.now(),
            channel=CHANNEL, proof=PROOF, tags=None if entry.tags is None else tuple(entry.tags), text=entry.text,
            change=tokens.change_token(rating.pk), done=entry.tags is not None,
        )
    )  # fmt: skip
    return {"receipt": receipt.code}


def _noted(entry: Entry, device: Device) -> dict[str, Any]:
    event = _event(entry, device)
    if entry.what in EventNote.What.values:
        _note(event.pk, EventNote.What(entry.what), device, entry.at)
    return {}


def _check(entry: Entry, device: Device) -> dict[str, Any]:
    check_take(check_id=entry.id, device=device, pressed_at=entry.at, at=clock.now())
    return {}


def _note(event_id: int, what: EventNote.What, device: Device, device_at: datetime) -> None:
    if DeviceEvent.objects.filter(pk=event_id, device=device).exists():
        EventNote.objects.bulk_create(
            [EventNote(event_id=event_id, what=what, at=clock.now(), device_at=device_at)], ignore_conflicts=True
        )


_TAKE: Mapping[str, Callable[[Entry, Device], dict[str, Any]]] = {
    "press": _press,
    "words": _words,
    "note": _noted,
    "check": _check,
}
