"""Coming in: negatives pulled or pushed, call-backs, results of the superior's page, and its dictionary.

Each is taken once, by the superior's own reference, in any state of the case
(failures.md B23).  What cannot become a record here stays as a task for a person.
"""

from __future__ import annotations

import dataclasses
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from minping.kernel import events, ids, journal, privacy
from minping.kernel.errors import Problem
from minping.upstream.events import DecisionCameDown, ForwardCameDown, RatingCameDown, SupervisionCameDown
from minping.upstream.messages import (
    Dictionary,
    ForwardedDown,
    NegativeReceived,
    NotCanonical,
    ValidityContent,
    _plain,
    read,
)
from minping.upstream.models import Incoming, TagOfSuperior, Target
from minping.upstream.port import Ability, Driver, Later, SendsDown
from minping.upstream.provinces import driver
from minping.upstream.watch import task_open

CALLBACK_SKEW = timedelta(minutes=10)
TAKEN, MANUAL = "taken", "manual"
TYPED = "typed"  # the target of what a person here typed in from the superior's paper or telephone


class CallbackRefused(Problem):
    code = "callback_refused"
    status = 401
    message = "回调没有通过验证。"
    cure = "请核对密钥、时间和签名的算法，见 docs/provinces.md。"


class CallbackUnreadable(Problem):
    code = "callback_unreadable"
    status = 422
    message = "回调的内容不对：{why}。"
    cure = "请按 docs/provinces.md 的字段重报。"


@dataclass(frozen=True)
class Outcome:
    """What the stage below made of it: a state and, for a person, why."""

    state: str
    note: str = ""


def rating_take(rating: NegativeReceived, *, target: str, at: datetime) -> bool:
    """Take one rating that came down; False where it was here already.  The chain says what follows from it."""
    identifier = ids.uuid7()
    content = json.dumps({one.name: _plain(getattr(rating, one.name)) for one in dataclasses.fields(rating)})
    try:
        with transaction.atomic():
            Incoming.objects.create(
                id=identifier, target=target, reference=rating.reference, organization_code=rating.organization_code,
                case_no=rating.case_no, service_no=rating.service_no, level=int(rating.level), rated_at=rating.rated_at,
                received_at=at, content=privacy.seal(content.encode(), f"incoming:{identifier.hex}"),
            )  # fmt: skip
            journal.write(
                "incoming.received", at=at, actor="system", organization_code=rating.organization_code,
                subject=identifier, target=target, reference=rating.reference, level=int(rating.level),
            )  # fmt: skip
            events.publish(RatingCameDown(identifier, rating, at, typed=target == TYPED))
    except IntegrityError:
        known = Incoming.objects.filter(target=target, reference=rating.reference).first()
        if known is None:
            raise
        if content_of(known) != rating:  # what was taken stands; that they now say otherwise is a person's to settle
            task_open(
                "incoming", f"{target}:{rating.reference}:differs",
                f"上级以同一编号 {rating.reference} 又发来一条，内容与先前收下的不同：先前的不改，请与上级核对", target=target,
                rows=[known.pk.hex], at=at,
            )  # fmt: skip
        return False
    return True


def incoming_settle(incoming_id: Any, outcome: Outcome, *, at: datetime) -> None:
    """Note what became of it; what a person must look at opens a task."""
    row = Incoming.objects.get(pk=incoming_id)
    Incoming.objects.filter(pk=incoming_id).update(state=outcome.state, note=outcome.note[:200])
    if outcome.state == MANUAL:
        task_open(
            "incoming", f"{row.target}:{row.reference}", f"上级下发的评价（编号 {row.reference}）：{outcome.note}",
            target=row.target, rows=[row.pk.hex], at=at,
        )  # fmt: skip


def content_of(row: Incoming) -> NegativeReceived:
    found: NegativeReceived = read(NegativeReceived, privacy.unseal_json(row.content, f"incoming:{row.pk.hex}"))
    return found


# --- pulled ------------------------------------------------------------------------------------


def pull(*, at: datetime, chosen: Driver | None = None) -> int:
    """Ask the superior for negatives; returns how many were new."""
    chosen = chosen or driver()
    new = 0
    try:
        if Ability.PULL_NEGATIVES in chosen.abilities:
            new = sum(rating_take(one, target=chosen.name, at=at) for one in chosen.negatives())
        if isinstance(chosen, SendsDown) and Ability.PULL_DOWN in chosen.abilities:
            new += down_take(chosen, at=at)
    except Later:
        return new  # it does not answer: the next look asks again
    return new


def down_take(chosen: SendsDown, *, at: datetime) -> int:
    """Take what was sent down, in its order, each once; returns how many were new.  Raises Later.

    How far it has come is noted in the transaction that takes it: what is asked for twice is taken once.
    """
    name, new = getattr(chosen, "name", ""), 0
    while True:
        after = Target.objects.get_or_create(code=name)[0].cursor
        contents, cursor = chosen.down(after)
        if cursor <= after:
            return new
        with transaction.atomic():
            if not Target.objects.filter(pk=name, cursor=after).update(cursor=cursor):
                return new  # another worker has taken them
            new += sum(_take_one(content, target=name, at=at) for content in contents)


def _take_one(content: Any, *, target: str, at: datetime) -> bool:
    if isinstance(content, NegativeReceived):
        return rating_take(content, target=target, at=at)
    if isinstance(content, ValidityContent):
        return decision_take(content, at=at)
    reference = f"{content.KIND[0]}:{content.reference}"
    event = ForwardCameDown(content, at) if isinstance(content, ForwardedDown) else SupervisionCameDown(content, at)
    return _follow(
        event, f"上级对 {content.case_number} 的下发（编号 {content.reference}）", reference, number=content.case_number
    )


# --- pushed ------------------------------------------------------------------------------------


def callback_sign(key: bytes, stamp: str, body: bytes) -> str:
    """HMAC-SHA256 over time and body, hex: what the superior puts into X-Minping-Signature."""
    return hmac.digest(key, stamp.encode() + b"." + body, "sha256").hex()


def callback_take(headers: Mapping[str, str], body: bytes, *, key: bytes, at: datetime) -> bool:
    """A call-back: proven, not old, read strictly, taken once.  Raises CallbackRefused, CallbackUnreadable."""
    stamp, signature = headers.get("X-Minping-Time", ""), headers.get("X-Minping-Signature", "")
    if not stamp.isdecimal() or len(stamp) > 12 or abs(at.timestamp() - int(stamp)) > CALLBACK_SKEW.total_seconds():
        raise CallbackRefused()
    if not hmac.compare_digest(signature.encode(), callback_sign(key, stamp, body).encode()):
        raise CallbackRefused()
    try:
        told = json.loads(body)
        if isinstance(told, dict) and "validity" in told:
            return decision_take(read(ValidityContent, told), at=at)
        rating: NegativeReceived = read(NegativeReceived, told)
    except NotCanonical as failure:
        raise CallbackUnreadable(why=f"{failure.field} {failure.text}") from failure
    except (ValueError, TypeError, RecursionError) as failure:
        raise CallbackUnreadable(why="不是 JSON 对象") from failure
    return rating_take(rating, target=driver().name, at=at)


def decision_take(decision: ValidityContent, *, at: datetime) -> bool:
    """A decision on a revocation: the chain says what follows; what no application waits for is looked at.

    True where it was new here.  Raises CallbackUnreadable for one without its number.
    """
    if not decision.decision_reference.strip():
        raise CallbackUnreadable(why="decision_reference 没有值")
    return _follow(
        DecisionCameDown(decision, at),
        f"上级对 {decision.case_number} 的决定（编号 {decision.decision_reference}）",
        f"decision:{decision.decision_reference}",
        number=decision.case_number, validity=decision.validity,
    )  # fmt: skip


def _follow(event: Any, what: str, reference: str, **facts: Any) -> bool:
    """What follows from something that came down, or a task for a person where it cannot follow."""
    kind, _, number = reference.partition(":")
    try:
        with transaction.atomic():
            journal.write(f"incoming.{kind}", at=event.at, actor="system", reference=number, **facts)
            events.publish(event)
    except Problem as problem:
        task_open("incoming", reference[:120], f"{what}：{problem.message}", target=driver().name, rows=[], at=event.at)
        return False
    return True


# --- the dictionary ----------------------------------------------------------------------------


def dictionary_ask(*, at: datetime, chosen: Driver | None = None) -> bool:
    """Take the superior's tags as of now; False where it did not tell them, so that it is asked again."""
    chosen = chosen or driver()
    if Ability.PULL_DICTIONARY in chosen.abilities:
        try:
            dictionary_take(chosen.dictionary(), target=chosen.name, at=at)
        except Later:
            return False
    return True


def dictionary_take(told: Dictionary, *, target: str, at: datetime) -> int:
    """Keep an edition: new tags begin, those gone or out of use end the day before; returns how many changed."""
    if TagOfSuperior.objects.filter(target=target, edition=told.edition).exists():
        return 0
    live = {one.code: one for one in TagOfSuperior.objects.filter(target=target, valid_to__isnull=True)}
    wanted = {one.code: one for one in told.tags if one.in_use}
    changed = 0
    with transaction.atomic():
        for code, old in live.items():
            new = wanted.get(code)
            if new is None or (new.label, int(new.level)) != (old.label, old.level):
                TagOfSuperior.objects.filter(pk=old.pk).update(valid_to=told.valid_from - timedelta(days=1))
                changed += 1
            else:
                del wanted[code]
        TagOfSuperior.objects.bulk_create(
            TagOfSuperior(
                target=target, code=one.code, label=one.label, level=int(one.level), base=one.base,
                edition=told.edition, valid_from=told.valid_from,
            )
            for one in wanted.values()
        )  # fmt: skip
        changed += len(wanted)
        if changed:
            journal.write(
                "dictionary.received", at=at, actor="system", target=target, edition=told.edition, changed=changed
            )
    return changed


def tag_text(code: str, on: date, *, target: str = "") -> str:
    """A tag's words on a day; a retired one says so, an unknown one is shown by its code and as unknown."""
    rows = TagOfSuperior.objects.filter(code=code, target=target or driver().name, valid_from__lte=on)
    row = rows.order_by("-valid_from").first()
    if row is None:
        return f"{code}（字典里没有）"
    return row.label if row.valid_to is None or row.valid_to >= on else f"{row.label}（已停用）"


def callback_key() -> bytes:
    """The key that the superior signs its call-backs with: the installation's `province` key."""
    from minping.kernel.home import home

    return home().key("province")
