"""A key pressed on an old device becomes a rating of the service that has just ended at its window (minan/3.4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_OID, UUID, uuid5

from django.db import IntegrityError, transaction

from minping import law
from minping.evaluate import tokens
from minping.evaluate.channels.keypad.events import ReasonMissing
from minping.evaluate.channels.keypad.models import KeypadEvent
from minping.evaluate.models import Service
from minping.evaluate.services import Press, ratings_give
from minping.evaluate.states import Outcome
from minping.kernel import clock, events, journal
from minping.kernel.access import Actor
from minping.kernel.errors import Problem
from minping.law import InterfaceLevel, LawError
from minping.registry import queries as registry
from minping.registry.models import Device

CHANNEL, PROOF = "keypad", "business_system"
Result = KeypadEvent.Result


class KeypadUnknown(Problem):
    code = "device_not_registered"
    status = 422
    message = "机构“{organization}”没有编号为“{device}”的在用按键评价器，或者它没有登记窗口。"
    cure = "请先在登记簿里补上。"


class KeyUnknown(Problem):
    code = "key_unknown"
    status = 422
    message = "{why}"
    cure = ""


@dataclass(frozen=True)
class Pressed:
    """What a device sent.  `event_id` is its own number of the event, by which a repeated call is known."""

    organization_code: str
    device_code: str
    model: str
    key: str
    event_id: str
    device_at: datetime | None = None
    case_no: str = ""
    service_no: int | None = None


def keypad_event_take(pressed: Pressed, *, by: Actor, at: datetime) -> KeypadEvent:
    """Keep the event and what it means; the same event again is answered as the first time.

    Raises Forbidden, KeypadUnknown, KeyUnknown.  A code for silence is recorded as
    offered and not answered, never as a level; a key for which no service waits is
    recorded as such and rates nothing.
    """
    where = registry.place(pressed.organization_code)
    by.require("devices:write", where.path)
    device = (
        Device.objects.filter(
            organization_id=where.code, code=pressed.device_code, kind="keypad", retired_at=None, window__isnull=False
        )
        .select_related("window")
        .first()
    )
    if device is None:
        raise KeypadUnknown(organization=where.code, device=pressed.device_code, field="device_code")
    rules = law.at(where.area_code, clock.beijing(at).date())
    model = rules.keypads.get(pressed.model)
    if model is None:
        raise KeyUnknown(why=f"没有型号“{pressed.model}”。可用的是：{'、'.join(rules.keypads)}。", field="model")
    try:
        level = model.level(pressed.key)
    except LawError as unknown:
        raise KeyUnknown(why=unknown.message, field="key") from unknown
    before = KeypadEvent.objects.filter(device=device, event_id=pressed.event_id).first()
    if before is not None:
        return before
    kept = KeypadEvent(
        device=device, event_id=pressed.event_id, model=model.id, system=model.system, key=pressed.key,
        device_at=pressed.device_at, received_at=at,
    )  # fmt: skip
    try:
        with transaction.atomic():
            _take(kept, device, pressed, level, timedelta(minutes=rules.limit("offer").value), at)
    except IntegrityError:  # the same event twice in one moment: the first counts
        return KeypadEvent.objects.get(device=device, event_id=pressed.event_id)
    return kept


def _take(
    kept: KeypadEvent, device: Device, pressed: Pressed, level: InterfaceLevel | None, limit: timedelta, at: datetime
) -> None:
    service = _service(device, pressed, at - limit)
    kept.service = service
    missing = None
    if level is None:
        kept.result = Result.SILENT
    elif service is None:
        kept.result = Result.NO_SERVICE
    else:
        (answer,) = ratings_give([_press(kept, service, level, device, pressed, at)])
        if isinstance(answer, Problem):
            kept.result, kept.error = Result.REFUSED, answer.code
        elif isinstance(answer, Exception):
            raise answer
        else:
            kept.result, kept.rating = Result.RATED, answer.rating
            if level.negative and answer.made:
                missing = (answer.service, answer.rating)
    kept.save(force_insert=True)
    journal.write(
        "device.keypad", at=at, actor=f"device:{device.code}", organization_code=device.organization_id,
        subject=device.pk, device=device.code, result=str(kept.result), model=kept.model,
    )  # fmt: skip
    if missing is not None:
        events.publish(ReasonMissing((missing,), at))


def _press(
    kept: KeypadEvent, service: Service, level: InterfaceLevel, device: Device, pressed: Pressed, at: datetime
) -> Press:
    return Press(
        token=tokens.invitation_token(service.pk), level=int(level), at=at, channel=CHANNEL, proof=PROOF,
        hold=level.negative, device_code=device.code, press_id=_press_id(device, pressed.event_id),
        pressed_at=pressed.device_at,
    )  # fmt: skip


def _press_id(device: Device, event_id: str) -> UUID:
    return uuid5(NAMESPACE_OID, f"{device.pk.hex}:{event_id}")


def _service(device: Device, pressed: Pressed, since: datetime) -> Service | None:
    """The service that the device names, else the last one to end at its window within the limit `offer`."""
    assert device.window is not None
    rows = Service.objects.filter(
        organization_code=device.organization_id, window_code=device.window.code, served_at__gte=since
    )
    if pressed.case_no:
        rows = rows.filter(case_no=pressed.case_no)
        if pressed.service_no is not None:
            rows = rows.filter(service_no=pressed.service_no)
    else:
        rows = rows.filter(outcome=Outcome.NONE)
    return rows.order_by("-served_at", "-pk").first()
