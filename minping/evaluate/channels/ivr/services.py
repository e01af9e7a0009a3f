"""The duties of the channel: a call begins, is given out, goes on by what is heard, and ends.

The telephone system holds no rules: each answer says what to say and which keys may follow.
Whatever was said before the line broke stands: a level is saved with the key that said it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from minping import law
from minping.evaluate import tokens
from minping.evaluate.channels.ivr import words
from minping.evaluate.channels.ivr.models import Call, CallEvent
from minping.evaluate.channels.ivr.states import (
    FINISH,
    OPT_OUT,
    REPEAT,
    CallOutcome,
    CallState,
    Direction,
    EventKind,
)
from minping.evaluate.channels.phone import queue
from minping.evaluate.channels.sms.hours import within
from minping.evaluate.channels.sms.models import OptOut
from minping.evaluate.models import Applicant, Service
from minping.evaluate.queries import open_of
from minping.evaluate.services import AlreadyRated, Press, rating_give
from minping.kernel import clock, ids, journal, privacy
from minping.kernel.access import SYSTEM, Actor
from minping.kernel.errors import Forbidden, Invalid, NotFound, Problem, Stale
from minping.registry import queries as registry

PERMISSION = "calls:write"
CHANNEL = "phone"
PROOFS = {Direction.OUTGOING: "phone_called", Direction.INCOMING: "phone_caller"}  # proofs.yaml (R12)
MOST = 20  # services of one phone that are looked at, the latest first


class CallUnknown(NotFound):
    code = "call_unknown"
    message = "没有这次电话。"
    cure = "请用开始这次电话时得到的编号；它只属于开始它的那把密钥。"


class NobodyToCall(NotFound):
    code = "nobody_to_call"
    message = "现在没有要自动打电话请评的服务。"
    cure = "没有登记电话的、已退订的、已经评价的、打够次数的和刚打过的都不打，请过几分钟再问。"


class NotTheHour(Problem):
    code = "not_calling_hours"
    status = 409
    message = "现在不是打电话的时候，{when}以后再打。"
    cure = "时间由规则 call_from_hour、call_until_hour 规定。"


class OutOfOrder(Problem):
    code = "call_out_of_order"
    status = 409
    message = "这次电话现在是第 {now} 步，报来的是第 {given} 步。"
    cure = "请按顺序报来：每一件事写它所回答的那一步的编号；没听到答复的，用同一个 event_id 原样再报。"


class CallOver(Problem):
    code = "call_over"
    status = 409
    message = "这次电话已经结束，不能再报按键或留言。"
    cure = "已经按下的照样算数；要再评，请重新打一次。"


class NotAsked(Problem):
    code = "call_event_not_asked"
    status = 409
    message = "这次电话现在是“{state}”，不能报“{kind}”。"
    cure = "请按上一次答复里的 take 报来。"


@dataclass(frozen=True)
class Heard:
    """What a telephone system reports.  `step` is that of the question answered; `late`: kept while we were away."""

    event_id: str
    kind: EventKind
    step: int
    key: str = ""
    recording: str = ""
    text: str = ""
    device_at: datetime | None = None
    late: bool = False


# --- begin ------------------------------------------------------------------------------------------


def call_start(*, reference: str, caller: str, by: Actor, at: datetime) -> dict[str, Any]:
    """A phone rings us.  The service is that of its number; of several the caller chooses, of none it is told so.

    The number is kept as a keyed digest only.  The same `reference` again is answered as the
    first time.  Raises Forbidden.
    """
    if not by.may(PERMISSION):
        raise Forbidden()
    if (known := _begun(reference, by)) is not None:
        return _first(known)
    number = privacy.normal_phone(caller)
    phone = privacy.index("phone", number) if number else None
    call = _new(reference, Direction.INCOMING, phone, by, at)
    try:
        with transaction.atomic():
            return _opened(call, _arrive(call, phone, by, at), by, at)
    except IntegrityError:  # the same call twice in one moment: the first counts
        return _first(Call.objects.get(by=by.name, reference=reference))


def _arrive(call: Call, phone: bytes | None, by: Actor, at: datetime) -> Sequence[str]:
    codes = registry.directory().within(by.scopes(PERMISSION))
    found = _open_services(phone, codes, at)
    rules = _rules(found[0] if found else None, at)
    offered = found[: int(rules.value("call_choices").value)]
    if not offered:
        return _end(call, CallOutcome.NO_SERVICE, words.NO_SERVICE)
    hello = words.welcome(offered[0])
    if len(offered) == 1:
        call.service, call.state = offered[0], CallState.LEVEL
    else:
        call.choices, call.state = [service.pk.hex for service in offered], CallState.WHICH
    return (*hello, *_question(call, at))


def _open_services(phone: bytes | None, codes: Sequence[str], at: datetime) -> list[Service]:
    """The services on whose record this phone stands and that take a word now, the latest first."""
    if phone is None:
        return []
    found = Service.objects.filter(applicant__phone_index=phone, organization_code__in=codes, closes_at__gt=at)
    return [service for service, _ in open_of(found.prefetch_related("ratings").order_by("-served_at")[:MOST], at)]


def call_next(*, reference: str, by: Actor, at: datetime) -> dict[str, Any]:
    """Give out the next call to be made: whom, is the system's to say, within the hours of the law.

    The answer holds the number to dial, which is opened on record and nowhere kept in the clear.
    The same `reference` again is the same call.  Raises Forbidden, NotTheHour, NobodyToCall.
    """
    if not by.may(PERMISSION):
        raise Forbidden()
    calls_sweep(at=at)
    known = _begun(reference, by)
    if known is not None:
        return {**_first(known), "phone": _number(known, by, at)}
    rules = _rules(None, at)
    start = within(rules, at, "call")
    if start != at:
        raise NotTheHour(when=clock.moment_text(start))
    for service in _candidates(rules, by, at):
        call = _new(reference, Direction.OUTGOING, queue.phone_of(service), by, at)
        call.service, call.state = service, CallState.DIALLING
        try:
            with transaction.atomic():
                return {**_opened(call, (), by, at), "phone": _number(call, by, at)}
        except IntegrityError:  # another has it, or this very request came twice
            if (twin := _begun(reference, by)) is not None:
                return {**_first(twin), "phone": _number(twin, by, at)}
    raise NobodyToCall()


def _candidates(rules: law.Rules, by: Actor, at: datetime) -> list[Service]:
    codes = registry.directory().within(by.scopes(PERMISSION))
    settle, again = (timedelta(minutes=rules.limit(name).value) for name in ("call_settle", "call_again"))
    lately = Call.objects.filter(direction=Direction.OUTGOING, started_at__gt=at - again)
    waiting = queue.waiting(codes, rules, at).filter(served_at__lte=at - settle)
    return queue.willing(waiting.exclude(applicant__phone_index__in=lately.values("phone_index"))[: queue.LOOK])


def _new(reference: str, direction: Direction, phone: bytes | None, by: Actor, at: datetime) -> Call:
    order = [int(level) for level in law.InterfaceLevel]
    if secrets.randbelow(2):
        order.reverse()
    return Call(
        id=ids.uuid7(at), by=by.name, reference=reference, direction=direction, phone_index=phone, order=order,
        started_at=at,
    )  # fmt: skip


def _begun(reference: str, by: Actor) -> Call | None:
    return Call.objects.filter(by=by.name, reference=reference).first()


def _first(call: Call) -> dict[str, Any]:
    answer: dict[str, Any] = call.events.get(event_id="").answer
    return answer


def _opened(call: Call, say: Sequence[str], by: Actor, at: datetime) -> dict[str, Any]:
    if call.outcome:
        call.ended_at = at
    call.save(force_insert=True)
    answer = _answer(call, say, at)
    CallEvent.objects.create(
        id=ids.uuid7(at), call=call, event_id="", kind="start", step=0, received_at=at, answer=answer
    )
    journal.write(
        "call.started", at=at, actor=by.name, organization_code=_organization(call), subject=call.pk,
        direction=str(call.direction), service=call.service_id.hex if call.service_id else "", order=call.order,
    )  # fmt: skip
    return answer


def _number(call: Call, by: Actor, at: datetime) -> str:
    """The number to dial, while the call is still to be made.  Opening it is on record (minan/3.1.4)."""
    if call.state != CallState.DIALLING or call.outcome:
        return ""
    assert call.service is not None
    with transaction.atomic():
        sealed = Applicant.objects.values_list("sealed", flat=True).get(service=call.service)
        person = privacy.unseal_json(sealed, f"applicant:{call.service.pk.hex}")
        journal.write(
            "identity.opened", at=at, actor=by.name, organization_code=call.service.organization_code,
            subject=call.service.pk, purpose="call",
        )  # fmt: skip
    return privacy.normal_phone(person["phone"])


# --- go on ------------------------------------------------------------------------------------------


def call_event(*, call_id: UUID, heard: Heard, by: Actor, at: datetime) -> dict[str, Any]:
    """Take in what was heard and answer what to say next; the same `event_id` again is answered as the first time.

    Raises Forbidden, CallUnknown, OutOfOrder, CallOver, NotAsked, Invalid, TextTooLong, Stale.
    """
    if not by.may(PERMISSION):
        raise Forbidden()
    call = Call.objects.filter(pk=call_id, by=by.name).first()
    if call is None:
        raise CallUnknown()
    known = CallEvent.objects.filter(call=call, event_id=heard.event_id)
    if (before := known.first()) is not None:
        return dict(before.answer)
    try:
        with transaction.atomic():
            return _take(call.pk, heard, by, at)
    except IntegrityError:  # the same event twice in one moment: the first counts
        return dict(known.get().answer)


def _take(call_id: UUID, heard: Heard, by: Actor, at: datetime) -> dict[str, Any]:
    call = Call.objects.select_for_update(of=("self",)).select_related("service", "rating").get(pk=call_id)
    step, over = call.step, call.state == CallState.OVER
    if heard.kind is EventKind.HUNG_UP:
        say: Sequence[str] = () if over else _hung_up(call, heard, at)
    else:
        if over:
            raise CallOver()
        if heard.step != step:
            raise OutOfOrder(now=step, given=heard.step, field="step")
        act = MOVES.get((CallState(call.state), heard.kind))
        if act is None:
            raise NotAsked(state=CallState(call.state).label, kind=str(heard.kind), field="kind")
        say = act(call, heard, at)
    call.step = step + 1
    if call.state == CallState.OVER and call.ended_at is None:
        call.ended_at = at
    answer = _answer(call, say, at)
    CallEvent.objects.create(
        id=ids.uuid7(at), call=call, event_id=heard.event_id, kind=heard.kind, key=heard.key, step=step,
        device_at=heard.device_at, received_at=at, answer=answer,
    )  # fmt: skip
    _save(call, step)
    journal.write(
        "call.event", at=at, actor=by.name, organization_code=_organization(call), subject=call.pk,
        kind=str(heard.kind), step=step, state=str(call.state), outcome=str(call.outcome), late=heard.late,
    )  # fmt: skip
    return answer


def _save(call: Call, step: int) -> None:
    fields = ("service", "state", "step", "misses", "outcome", "error", "ended_at", "rating", "said")
    moved = Call.objects.filter(pk=call.pk, step=step).update(**{name: getattr(call, name) for name in fields})
    if moved != 1:
        raise Stale()


def _answered(call: Call, heard: Heard, at: datetime) -> Sequence[str]:
    assert call.service is not None
    call.state = CallState.LEVEL
    return (*words.greeting(call.service), *_question(call, at))


def _which(call: Call, heard: Heard, at: datetime) -> Sequence[str]:
    if heard.key == REPEAT:
        return _question(call, at)
    if not heard.key.isdecimal() or not 1 <= int(heard.key) <= len(call.choices):
        return _missed(call, words.REFUSED_KEY, at)
    call.service = Service.objects.get(pk=call.choices[int(heard.key) - 1])
    call.state, call.misses = CallState.LEVEL, 0
    return _question(call, at)


def _level(call: Call, heard: Heard, at: datetime) -> Sequence[str]:
    keys = _rules(call.service, at).phone_keys
    if heard.key == REPEAT:
        return _question(call, at)
    if heard.key == OPT_OUT and _may_opt_out(call):
        assert call.phone_index is not None
        OptOut.objects.get_or_create(phone_index=bytes(call.phone_index), defaults={"at": at})
        return _end(call, CallOutcome.OPTED_OUT, (words.OPTED_OUT,))
    if heard.key not in keys.keys:
        return _missed(call, words.REFUSED_KEY, at)
    level = keys.level(heard.key)
    assert level is not None
    try:
        receipt = rating_give(_press(call, heard, at, int(level), hold=True))
        if call.rating is None and not receipt.made:  # the same level, but said elsewhere: not this call's to change
            raise AlreadyRated()
    except Problem as problem:
        call.error = problem.code
        return _end(call, CallOutcome.REFUSED, (problem.message, words.THANKS))
    call.rating = receipt.rating
    call.state, call.misses = CallState.WORDS, 0
    return words.ask_words(level.label)


def _words(call: Call, heard: Heard, at: datetime) -> Sequence[str]:
    text, recording = heard.text.strip(), heard.recording.strip()
    if not text and not recording:
        raise Invalid("留言要有录音编号或识别出的文字。", cure="没有留言的，报 silence 或 hung_up。", field="recording")
    said = {"recording": recording, "text": text}
    call.said = privacy.seal(json.dumps(said, ensure_ascii=False).encode(), call.place)
    _settle(call, heard, at, text)
    return _end(call, CallOutcome.RATED, (words.KEPT, words.THANKS))


def _after(call: Call, heard: Heard, at: datetime) -> Sequence[str]:
    """A key instead of words: the level once more, or done."""
    if heard.key == REPEAT:
        call.state, call.misses = CallState.LEVEL, 0
        return _question(call, at)
    return _without_words(call, heard, at)


def _without_words(call: Call, heard: Heard, at: datetime) -> Sequence[str]:
    _settle(call, heard, at)
    return _end(call, CallOutcome.RATED, (words.THANKS,))


def _silence(call: Call, heard: Heard, at: datetime) -> Sequence[str]:
    return _missed(call, words.NOTHING_HEARD, at)


def _missed(call: Call, why: str, at: datetime) -> Sequence[str]:
    """Ask again, a few times; after that nothing has been answered, which is no level."""
    call.misses += 1
    if call.misses < int(_rules(call.service, at).value("call_tries").value):
        return (why, *_question(call, at))
    if call.rating is not None:
        return _end(call, CallOutcome.RATED, (words.THANKS,))
    return _end(call, CallOutcome.SILENT, (words.GOODBYE,))


def _hung_up(call: Call, heard: Heard, at: datetime) -> Sequence[str]:
    """What was said until then stands."""
    if call.state == CallState.DIALLING:
        return _end(call, CallOutcome.NO_ANSWER, ())
    if call.rating is None:
        return _end(call, CallOutcome.SILENT, ())
    _settle(call, heard, at)
    return _end(call, CallOutcome.RATED, ())


MOVES: Mapping[tuple[CallState, EventKind], Callable[[Call, Heard, datetime], Sequence[str]]] = {
    (CallState.DIALLING, EventKind.ANSWERED): _answered,
    (CallState.WHICH, EventKind.KEY): _which,
    (CallState.WHICH, EventKind.SILENCE): _silence,
    (CallState.LEVEL, EventKind.KEY): _level,
    (CallState.LEVEL, EventKind.SILENCE): _silence,
    (CallState.WORDS, EventKind.WORDS): _words,
    (CallState.WORDS, EventKind.KEY): _after,
    (CallState.WORDS, EventKind.SILENCE): _without_words,
}


def _end(call: Call, outcome: CallOutcome, say: Sequence[str]) -> Sequence[str]:
    call.state, call.outcome = CallState.OVER, outcome
    return say


def _press(call: Call, heard: Heard, at: datetime, level: int, **more: Any) -> Press:
    """A change token is ours to use for as long as the call goes on: it is the same person at the same phone."""
    assert call.service is not None
    return Press(
        token=tokens.invitation_token(call.service.pk), level=level, at=at, channel=CHANNEL,
        proof=PROOFS[Direction(call.direction)], press_id=uuid5(call.pk, heard.event_id), pressed_at=heard.device_at,
        change=tokens.change_token(call.rating.pk) if call.rating else "", offline=heard.late, **more,
    )  # fmt: skip


def _settle(call: Call, heard: Heard, at: datetime, text: str = "") -> None:
    """The words, and that no more will follow, so that the message upward need not wait.

    Words that come when a change is no longer taken stay sealed with the call.
    """
    assert call.rating is not None
    if at < call.rating.change_until:
        rating_give(_press(call, heard, at, call.rating.level, text=text or None, done=True))


# --- what to say ------------------------------------------------------------------------------------


def _question(call: Call, at: datetime) -> Sequence[str]:
    """The question of the call's state."""
    if call.state == CallState.WHICH:
        found = Service.objects.in_bulk([UUID(one) for one in call.choices])
        return words.ask_which([found[UUID(one)] for one in call.choices])
    assert call.service is not None
    rules = _rules(call.service, at)
    return words.ask_level(call.service, rules, call.order, rules.phone_keys.keys, _may_opt_out(call))


def _may_opt_out(call: Call) -> bool:
    return call.direction == Direction.OUTGOING and call.rating is None


def _answer(call: Call, say: Sequence[str], at: datetime) -> dict[str, Any]:
    """What the telephone system does next: `say` the sentences, then `take` what is named for `seconds`."""
    state, rules = CallState(call.state), _rules(call.service, at)
    wait, most = int(rules.value("call_wait").value), int(rules.value("call_words").value)
    levels = "".join(rules.phone_keys.keys) + REPEAT + (OPT_OUT if _may_opt_out(call) else "")
    numbers = "".join(str(number) for number in range(1, len(call.choices) + 1)) + REPEAT
    take, keys, seconds = {
        CallState.DIALLING: ("answer", "", 60),
        CallState.WHICH: ("key", numbers, wait),
        CallState.LEVEL: ("key", levels, wait),
        CallState.WORDS: ("words", REPEAT + FINISH, most),
        CallState.OVER: ("nothing", "", 0),
    }[state]
    return {
        "call": str(call.pk), "step": call.step, "state": str(state), "say": list(say), "take": take, "keys": keys,
        "seconds": seconds,
    }  # fmt: skip


def _rules(service: Service | None, at: datetime) -> law.Rules:
    return law.at(service.area_code if service else settings.MINPING_AREA, at.astimezone(law.BEIJING).date())


def _organization(call: Call) -> str:
    return call.service.organization_code if call.service else ""


# --- calls that nobody ended ------------------------------------------------------------------------


def calls_sweep(*, at: datetime) -> int:
    """Close the calls of which nothing was heard for the limit `call_lost`; what was said in them stands, and
    what a telephone system kept meanwhile is still taken."""
    since = at - timedelta(minutes=_rules(None, at).limit("call_lost").value)
    lost = Call.objects.filter(outcome="", started_at__lte=since)
    rated = lost.filter(~Q(rating=None)).update(outcome=CallOutcome.RATED, ended_at=at)
    gone = lost.update(outcome=CallOutcome.LOST, ended_at=at)
    if rated or gone:
        with transaction.atomic():
            journal.write("calls.lost", at=at, actor=SYSTEM.name, lost=gone, rated=rated)
    return rated + gone
