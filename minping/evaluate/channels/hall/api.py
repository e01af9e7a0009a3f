"""`POST /api/v1/invitations` and `POST /api/v1/ratings`: for pages and applications of others."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import AwareDatetime, Field

from minping.evaluate.channels.hall.services import invitation_address, rating_bring
from minping.evaluate.services import Press
from minping.kernel import clock
from minping.kernel.api import ERRORS, actor

router = Router()


class InvitationIn(Schema):
    """Which service, opened on what (`pc`, `mobile`), and where the person goes on afterwards."""

    organization_code: Annotated[str, Field(min_length=1, max_length=40)]
    case_no: Annotated[str, Field(min_length=1, max_length=50)]
    service_no: int
    channel: str = "mobile"
    return_url: Annotated[str, Field(max_length=500)] = ""


class InvitationOut(Schema):
    invitation_url: str


class RatingIn(Schema):
    """A rating taken on the caller's own page.  `press_id` is the caller's own id of the press: taken once."""

    token: Annotated[str, Field(min_length=1, max_length=60)]
    level: int
    tags: list[Annotated[str, Field(max_length=20)]] | None = None
    text: str | None = None
    channel: str = "mobile"
    change_token: Annotated[str, Field(max_length=60)] = ""
    press_id: UUID | None = None
    pressed_at: AwareDatetime | None = None


class RatingOut(Schema):
    """`change_token` changes this rating until `change_until`; it is told once, to the press that made it."""

    receipt: str
    kind: str
    made: bool
    rated_at: datetime
    change_token: str | None
    change_until: datetime


@router.post("/invitations", response={200: InvitationOut, **ERRORS}, summary="取得一次服务的评价页地址")
def invitation(request: HttpRequest, asked: InvitationIn) -> Any:
    """The address of the one invitation; asking again gives the same, and makes nothing (R11)."""
    return 200, {"invitation_url": invitation_address(**asked.model_dump(), by=actor(request, "invitations:read"))}


@router.post("/ratings", response={200: RatingOut, **ERRORS}, summary="报来在自己页面上收到的评价")
def rating(request: HttpRequest, told: RatingIn) -> Any:
    """Only with the token of the invitation, which is the person's; the key alone rates nothing."""
    press = Press(
        token=told.token, level=told.level, at=clock.now(), channel=told.channel, proof="link",
        tags=None if told.tags is None else tuple(told.tags), text=told.text, change=told.change_token,
        press_id=told.press_id, pressed_at=told.pressed_at,
    )  # fmt: skip
    receipt = rating_bring(press, by=actor(request, "ratings:write"))
    return 200, {
        "receipt": receipt.code,
        "kind": receipt.rating.kind,
        "made": receipt.made,
        "rated_at": clock.beijing(receipt.rating.rated_at),
        "change_token": receipt.change_token if receipt.made else None,
        "change_until": clock.beijing(receipt.rating.change_until),
    }
