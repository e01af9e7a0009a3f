"""Messages of a subordinate become rows here: each answered by itself, taken once, in any order of arrival.

The four answers are those of the port (accepted, already, later, never); nothing of a
message that is not accepted is kept, for it waits in the subordinate's own outbox, and
what a person here must mend (an organisation that nobody knows) opens a task.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from minping import law
from minping.kernel import events, journal, privacy
from minping.kernel.access import Actor
from minping.kernel.clock import BEIJING, beijing
from minping.kernel.errors import Forbidden, Problem
from minping.law.areas import ancestors
from minping.registry import queries as registry
from minping.registry.queries import Place
from minping.upstream.below.heard import subordinate_heard
from minping.upstream.messages import Content, NotCanonical, typed
from minping.upstream.models import FromBelow, OutboxMessage
from minping.upstream.port import Message
from minping.upstream.provinces import driver
from minping.upstream.services import Draft, messages_enqueue
from minping.upstream.watch import task_open

# Times that say when something was, as against when it is due: none of them can lie ahead of us.
HAPPENED = (
    "served_at", "received_at", "rated_at", "changed_at", "pressed_at", "made_at", "opened_at", "verified_at",
    "appealed_at", "supervised_at", "confirmed_at", "closed_at", "requested_at", "call_back_at", "decided_at",
)  # fmt: skip
log = logging.getLogger("minping.below")
MOST = 500  # messages of one call
PERMISSION = "superior:write"
ACCEPTED, ALREADY, LATER, NEVER = "accepted", "already", "later", "never"
# The application itself goes on only when the level that has it passes it on (feedback/authority.py).
STAYS = frozenset({"revocation"})
PROBE = "probe"  # read and answered like a rating, with a receipt, and it becomes no row
# What a person here must look at, by organisation: one task a matter, however often it comes.
ODD = {
    "unknown": "本级登记簿里没有这个机构：导入之后自动收下",
    "reach": "不归它管，已拒收：请查它的机构代码，或是不是拿了别人的数据",
}
LONG_AGO = timedelta(days=400)


class NotSubordinate(Problem):
    code = "not_subordinate"
    status = 403
    message = "机构“{code}”不是本级的下级。"
    cure = "请用下级机构的密钥；密钥由本级管理员用 minping key create 生成。"


class TooManyMessages(Problem):
    code = "too_many_messages"
    status = 413
    message = "一次最多报 {most} 条，这次有 {count} 条。"
    cure = "请分几次报送。"


class Wait(Problem):
    """Answered `later`: nothing is wrong with it, but it cannot be taken now."""

    status = 409


class Refuse(Problem):
    """Answered `never`: a person below must look at it."""

    status = 422


class Together:
    """What the messages of one call share: what a stage has looked up for all of them at once, and journal rows to come.

    `cases` and `subjects` name what the messages speak of; `memo` is a stage's own and is
    emptied whenever a message is undone, for it may speak of rows that are gone again.
    """

    def __init__(self, rows: Sequence[Any]) -> None:
        told = [row for row in rows if isinstance(row, dict)]
        self.subjects = {subject for row in told if (subject := _subject(row)) is not None}
        self.cases = {
            (row["organization_code"], row["case_no"])
            for row in told
            if isinstance(row.get("organization_code"), str) and isinstance(row.get("case_no"), str)
        }
        self.memo: dict[Any, Any] = {}
        self.entries: list[journal.Entry] = []


@dataclass(frozen=True)
class Told:
    """One message of a subordinate, read: whose it is, where it belongs here, what it says."""

    subject: UUID
    origin: str
    place: Place
    message: Message
    content: Content
    by: Actor
    at: datetime
    together: Together


@dataclass(frozen=True)
class Answer:
    """One of the four answers; `receipt` is the row whose number is the reference, once it is written."""

    key: str
    result: str
    receipt: FromBelow | None = None
    code: str = ""
    message: str = ""

    @property
    def reference(self) -> str:
        return f"{settings.MINPING_AREA}-{self.receipt.pk}" if self.receipt else ""

    def as_json(self) -> dict[str, str]:
        shown = {"key": self.key, "result": self.result, "reference": self.reference}
        return {**shown, "code": self.code, "message": self.message} if self.code else shown


Taker = Callable[[Told], bool]


def subordinate_of(by: Actor) -> Place:
    """The subordinate whose key this is.  Raises Forbidden, NotSubordinate (our own organisation's key is none)."""
    paths = [grant.path for grant in by.scopes(PERMISSION)]
    if not paths:
        raise Forbidden(f"这把密钥没有 {PERMISSION} 权限。", cure="请管理员另发一把。")
    where = next(place for place in registry.directory().places.values() if place.path == paths[0])
    if settings.MINPING_AREA not in ancestors(where.area_code)[1:]:
        raise NotSubordinate(code=where.code)
    return where


def messages_take(rows: Sequence[Any], *, by: Actor, at: datetime) -> list[Answer]:
    """Take messages up; returns an answer for each, in order.  Raises Forbidden, NotSubordinate, TooManyMessages.

    What is taken is taken in one transaction, with the messages to our own superior.
    """
    where = subordinate_of(by)
    if len(rows) > MOST:
        raise TooManyMessages(most=MOST, count=len(rows))
    with transaction.atomic():
        subordinate_heard(where.code, at=at)
        batch = _Batch(where, by, at, rows)
        answers = [batch.answer(row) for row in rows]
        batch.write()
        batch.pass_on()
    for (matter, code), count in batch.odd.items():
        text = f"下级“{where.name}”报来机构“{code}”的 {count} 条，{ODD[matter]}"
        task_open("below", f"{where.code}:{matter}:{code}", text, target=where.code, rows=[], at=at)
    return answers


class _Batch:
    def __init__(self, where: Place, by: Actor, at: datetime, rows: Sequence[Any]) -> None:
        self.where, self.by, self.at = where, by, at
        self.odd: Counter[tuple[str, str]] = Counter()
        self.drafts: list[Draft] = []
        self.takers: Mapping[str, Taker] = events.table("TAKERS")
        self.keyed = privacy.keyed_many("index", b"below\0")
        self.places = registry.directory().places
        self.together = Together(rows)
        self.receipts: list[FromBelow] = []
        self.known: dict[tuple[str, UUID], dict[int, FromBelow]] = {}
        for one in FromBelow.objects.filter(subordinate=where.code, subject__in=self.together.subjects):
            self.known.setdefault((one.kind, one.subject), {})[one.revision] = one

    def answer(self, row: Any) -> Answer:
        key = str(row.get("key", ""))[:120] if isinstance(row, dict) else ""
        written = len(self.together.entries)
        try:
            told = self._read(row)
            there = self._there(key, told)
            if there is not None:
                return there
            with transaction.atomic():
                return self._take(key, told)
        except Wait as problem:
            answer = Answer(key, LATER, None, problem.code, f"{problem.message}{problem.cure}")
        except Problem as problem:
            answer = Answer(key, NEVER, None, problem.code, f"{problem.message}{problem.cure}")
        except NotCanonical as failure:
            answer = Answer(key, NEVER, None, "invalid_field", f"{failure.field}：{failure.text}")
        except IntegrityError:
            answer = Answer(key, NEVER, None, "record_conflict", "与上级已有的记录冲突。")
        except Exception:  # a fault of ours in one message must not stop the others, nor be called taken
            log.exception("收下级消息 %r 出错", key)  # as a literal: a key of theirs begins no line of ours
            answer = Answer(key, LATER, None, "internal_error", "上级处理出错，已记下；请稍后再送。")
        del self.together.entries[written:]
        self.together.memo.clear()
        return answer

    def _read(self, row: Any) -> Told:
        """The message, strictly.  Raises Refuse, Wait, NotCanonical."""
        if not isinstance(row, dict) or not isinstance(row.get("body"), dict):
            raise Unreadable(why="应当是一个对象，内容在 body 里")
        readable(row)
        subject = _subject(row)
        revision, number = row.get("revision"), row.get("service_no")
        if subject is None:
            raise Unreadable(why="subject 应当是 32 位十六进制编号")
        if not (isinstance(revision, int) and isinstance(number, int) and _small(revision) and _small(number)):
            raise Unreadable(why="revision、service_no 应当是 1 至 32767 的整数")
        texts = {name: row.get(name) for name in ("kind", "area_code", "organization_code", "case_no")}
        for name, value in texts.items():
            if not isinstance(value, str) or not value:
                raise Unreadable(why=f"{name} 没有值")
        if not code_like(str(texts["organization_code"])):
            raise Unreadable(why="organization_code 不是机构代码")
        try:
            fact_at = datetime.fromisoformat(str(row.get("fact_at")))
        except ValueError as failure:
            raise Unreadable(why="fact_at 不是时刻") from failure
        if fact_at.tzinfo is None:
            raise Unreadable(why="fact_at 没有时区")
        message = Message(
            str(texts["kind"]), revision, str(texts["area_code"]), str(texts["organization_code"]),
            str(texts["case_no"]), number, fact_at, row["body"],
        )  # fmt: skip
        content = typed(message)
        return Told(subject, self.where.code, self._place(message), message, content, self.by, self.at, self.together)

    def _place(self, message: Message) -> Place:
        """Where it belongs in our registry: never outside the subordinate's own part of it."""
        code = message.organization_code
        if message.kind == PROBE:  # of nobody: it comes from the subordinate itself
            return self.where
        place = self.places.get(code)
        if place is None:
            self.places = registry.directory(fresh=True).places
            place = self.places.get(code)
        if place is None:
            self.odd["unknown", code] += 1
            raise UnknownOrganization(code=code)
        if not place.path.startswith(self.where.path):
            self.odd["reach", code] += 1
            raise OutOfReach(code=code)
        return place

    def _digest(self, message: Message) -> bytes:
        body = {name: value for name, value in message.body.items() if name not in ("applicant", "agent")}
        said = json.dumps([message.case_no, message.service_no, body], ensure_ascii=False, sort_keys=True)
        return self.keyed(said.encode())[:16]

    def _there(self, key: str, told: Told) -> Answer | None:
        """The answer where this version of it, or a later one, is here already.  Raises ContentConflict."""
        message = told.message
        known = self.known.get((message.kind, told.subject), {})
        same = known.get(message.revision)
        if same is not None:
            if bytes(same.digest) != self._digest(message):
                raise ContentConflict(kind=message.kind, revision=message.revision)
            return Answer(key, ALREADY, same)
        if known and max(known) > message.revision:  # a later version of it is here: this one says nothing any more
            return Answer(key, ALREADY, known[max(known)])
        return None

    def _take(self, key: str, told: Told) -> Answer:
        message = told.message
        taker = self.takers.get(message.kind)
        if taker is None and message.kind != PROBE:
            raise Unreadable(why=f"本级不收“{message.kind}”这一类")
        skew = timedelta(minutes=law.at(told.place.area_code, beijing(self.at).date()).limit("clock_skew").value)
        times = (message.fact_at, *(getattr(told.content, name, None) for name in HAPPENED))
        if any(moment is not None and moment > self.at + skew for moment in times):
            raise AheadOfClock()
        changed = taker is not None and taker(told)
        row = FromBelow(
            subordinate=self.where.code, kind=message.kind, subject=told.subject, revision=message.revision,
            organization_code=told.place.code, case_no=message.case_no, service_no=message.service_no,
            level=message.body.get("level"), fact_at=message.fact_at, received_at=self.at,
            digest=self._digest(message),
        )  # fmt: skip
        self.receipts.append(row)
        self.known.setdefault((message.kind, told.subject), {})[message.revision] = row
        if changed and message.kind not in STAYS:
            self.drafts.append(_onward(told))
        return Answer(key, ACCEPTED, row)

    def write(self) -> None:
        """The receipts and the journal of all that was taken, as sets: they stand or fall with it."""
        FromBelow.objects.bulk_create(self.receipts)
        journal.write_all(self.together.entries)

    def pass_on(self) -> None:
        """Put what was taken into our own outbox, in its order; what is there already (we told it first) stays one."""
        subjects = {draft.subject for draft in self.drafts}
        there = set(
            OutboxMessage.objects.filter(target=driver().name, subject__in=subjects).values_list(
                "subject", "kind", "revision"
            )
        )
        messages_enqueue([d for d in self.drafts if (d.subject, d.kind, d.revision) not in there], at=self.at)


def _onward(told: Told) -> Draft:
    message = told.message
    return Draft(
        kind=message.kind, subject=told.subject, area_code=told.place.area_code, organization_code=told.place.code,
        case_no=message.case_no, service_no=message.service_no, fact_at=message.fact_at,
        level=message.body.get("level"), revision=message.revision,
    )  # fmt: skip


class Unreadable(Refuse):
    code = "invalid_field"
    message = "读不懂：{why}。"
    cure = ""


class UnknownOrganization(Wait):
    code = "unknown_organization"
    message = "上级的登记簿里没有机构“{code}”。"
    cure = "请上级导入，或由本级先报送机构；在此之前它等着，不会丢。"


class OutOfReach(Refuse):
    code = "organization_out_of_scope"
    message = "机构“{code}”不归这把密钥的下级管。"
    cure = "请核对密钥和机构代码。"


class ContentConflict(Refuse):
    code = "content_conflict"
    message = "这条 {kind} 的第 {revision} 版早已收到，内容不同。"
    cure = "更正要用新的版本号；请核对是不是记录被改动过。"


class AheadOfClock(Wait):
    code = "CLOCK"
    message = "上级的时钟还没有到这个时间。"
    cure = "请等一等再送，时间不改。"


class NotOurs(Refuse):
    code = "not_yours"
    message = "这个编号在上级是别的单位的记录。"
    cure = "请核对编号是怎么来的。"


class Missing(Wait):
    code = "earlier_missing"
    message = "它前面的{what}还没有到。"
    cure = "先到的先收；请等前一条送到。"


def kept(record: models.Model) -> None:
    """Save a mirrored row after looking at each value: too long or no choice is refused by field, on either database."""
    for field in record._meta.concrete_fields:
        value = getattr(record, field.attname)
        if field.is_relation or isinstance(field, (models.BinaryField, models.JSONField)) or value in (None, ""):
            continue
        try:
            field.clean(value, record)
        except ValidationError as failure:
            raise Unreadable(why=f"{field.name} {'；'.join(failure.messages)}") from failure
    record.save()


def _small(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 32767


def _subject(row: Any) -> UUID | None:
    try:
        return UUID(hex=row["subject"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def code_like(code: str) -> bool:
    """Whether this may be the code of an organisation; anything else comes into no task, page or journal."""
    return 0 < len(code) <= 40 and code.isprintable() and not any(ch.isspace() or ch == "/" for ch in code)


def readable(value: Any, depth: int = 0) -> None:
    """No character that a database cannot hold, and no depth that a reader cannot follow.  Raises Unreadable."""
    if depth > 8:
        raise Unreadable(why="嵌套太深")
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= ch <= "\udfff" for ch in value):
            raise Unreadable(why="含有不成字符的编码")
    elif isinstance(value, dict):
        for name, one in value.items():
            readable(name, depth + 1)
            readable(one, depth + 1)
    elif isinstance(value, list):
        for one in value:
            readable(one, depth + 1)


# --- what we hold, for the subordinate's reconciliation -----------------------------------------


def _held(subordinate: str, kind: str, at: datetime) -> Iterable[tuple[Any, ...]]:
    rows = FromBelow.objects.filter(subordinate=subordinate, fact_at__gte=at - LONG_AGO)
    if kind:
        rows = rows.filter(kind=kind)
    columns = ("kind", "subject", "fact_at", "level", "organization_code", "case_no", "service_no")
    found: Iterable[tuple[Any, ...]] = rows.order_by("revision", "id").values_list(*columns).iterator()
    return found


def held_counts(subordinate: str, *, at: datetime) -> list[dict[str, Any]]:
    """How many records of a subordinate are here, by day of the fact, kind and level, as their last version says."""
    latest: dict[Any, tuple[str, str, int | None]] = {}
    for kind, subject, fact_at, level, *case in _held(subordinate, "", at):
        day = fact_at.astimezone(BEIJING).date().isoformat()
        # One's own word after the share of an overall rating is a newer version of the same record (R10).
        latest[(kind, *case) if kind == "rating" else (kind, subject)] = (day, kind, level)
    return [
        {"day": day, "kind": kind, "level": level, "count": count}
        for (day, kind, level), count in sorted(Counter(latest.values()).items(), key=lambda one: str(one[0]))
    ]


def held_subjects(subordinate: str, kind: str, *, at: datetime) -> list[str]:
    """Which records of a kind are here, by their own numbers."""
    return sorted({subject.hex for _, subject, *_ in _held(subordinate, kind, at)})


def held_open(subordinate: str, since: date) -> list[dict[str, Any]]:
    """The services from that Beijing day on of which no rating and no default has come up."""
    rows = FromBelow.objects.filter(subordinate=subordinate, fact_at__gte=datetime.combine(since, time(), BEIJING))
    case = ("organization_code", "case_no", "service_no")
    # What is said of a service is never earlier than the service: the same bound holds for both.
    closed = set(rows.filter(kind__in=("rating", "default")).values_list(*case).iterator())
    told = sorted(set(rows.filter(kind="service").values_list(*case).iterator()) - closed)
    return [dict(zip(case, one, strict=True)) for one in told]
