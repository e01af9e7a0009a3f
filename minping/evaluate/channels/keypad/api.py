"""`POST /api/v1/devices/events`: what old devices send."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import AwareDatetime, Field

from minping.evaluate.channels.keypad.services import Pressed, keypad_event_take
from minping.kernel import clock
from minping.kernel.api import ERRORS, actor

router = Router()
Text = Annotated[str, Field(min_length=1, max_length=60)]


class KeypadEventIn(Schema):
    """`model` names the code system of `key`; `event_id` is the device's own number of the event."""

    organization_code: Text
    device_code: Text
    model: Text
    key: Annotated[str, Field(min_length=1, max_length=20)]
    event_id: Text
    device_at: AwareDatetime | None = None
    case_no: Annotated[str, Field(max_length=50)] = ""
    service_no: int | None = None


class KeypadEventOut(Schema):
    event_id: str
    result: str
    result_label: str
    received_at: datetime
    error: str = ""


@router.post("/devices/events", response={200: KeypadEventOut, **ERRORS}, summary="按键评价器等已有装置报来的按键")
def device_event(request: HttpRequest, event: KeypadEventIn) -> Any:
    """A key pressed, or the time-out of a device; the answer never says which level it was."""
    kept = keypad_event_take(Pressed(**event.model_dump()), by=actor(request, "devices:write"), at=clock.now())
    return 200, {
        "event_id": kept.event_id,
        "result": str(kept.result),
        "result_label": type(kept).Result(kept.result).label,
        "received_at": kept.received_at,
        "error": kept.error,
    }
