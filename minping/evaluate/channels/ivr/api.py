"""`/api/v1/calls`: what a telephone system (IVR) reports, and what it is to say next (docs/api.md)."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import AwareDatetime, Field

from minping.evaluate.channels.ivr.services import PERMISSION, Heard, call_event, call_next, call_start
from minping.evaluate.channels.ivr.states import EventKind
from minping.kernel import clock
from minping.kernel.api import ERRORS, actor

router = Router()
Name = Annotated[str, Field(min_length=1, max_length=60)]


class StartIn(Schema):
    """A call has come in.  `reference` is the system's own number of it; `caller` "" where the number is withheld."""

    reference: Name
    caller: Annotated[str, Field(max_length=30)] = ""


class NextIn(Schema):
    """`reference` names this request: the same one again gives the same call, not another person."""

    reference: Name


class EventIn(Schema):
    """`step` is the number of the answer that this replies to; `late`: kept while we could not be reached."""

    event_id: Name
    kind: EventKind
    step: int
    key: Annotated[str, Field(pattern=r"^[0-9*#A-D]?$")] = ""
    recording: Annotated[str, Field(max_length=120)] = ""
    text: Annotated[str, Field(max_length=20_000)] = ""
    device_at: AwareDatetime | None = None
    late: bool = False


class TurnOut(Schema):
    """Say the sentences, then take what is named for at most `seconds`; `nothing` means hang up."""

    call: str
    step: int
    state: str
    say: list[str]
    take: str
    keys: str
    seconds: int


class NextOut(TurnOut):
    """`phone` is the number to dial, "" once the call has gone on; it is not to be kept."""

    phone: str


@router.post("/calls", response={200: TurnOut, **ERRORS}, summary="电话系统接到来电")
def start(request: HttpRequest, told: StartIn) -> Any:
    """A call came in; what to say first."""
    by = actor(request, PERMISSION)
    return 200, call_start(reference=told.reference, caller=told.caller, by=by, at=clock.now())


@router.post("/calls/next", response={200: NextOut, **ERRORS}, summary="取下一个要打的电话")
def next_call(request: HttpRequest, told: NextIn) -> Any:
    """Whom to call next is the system's to say; nobody chooses."""
    return 200, call_next(reference=told.reference, by=actor(request, PERMISSION), at=clock.now())


@router.post("/calls/{uuid:call_id}/events", response={200: TurnOut, **ERRORS}, summary="电话里的按键、留言、挂断")
def event(request: HttpRequest, call_id: UUID, told: EventIn) -> Any:
    """What was heard; what to say next."""
    by = actor(request, PERMISSION)
    return 200, call_event(call_id=call_id, heard=Heard(**told.model_dump()), by=by, at=clock.now())
