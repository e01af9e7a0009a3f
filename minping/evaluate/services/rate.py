"""A person's press becomes a rating: once per service, saved at the first press, changeable for some minutes.

The work is set-based: one call takes the presses that waited for the same commit
(see kernel/writer.py) and answers each by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_noop

from minping import law
from minping.evaluate import tokens
from minping.evaluate.events import RatingsChanged, RatingsGiven
from minping.evaluate.models import Rating, RatingRevision, ReratingInvitation, Service
from minping.evaluate.queries import reason_missing
from minping.evaluate.states import Entry, Outcome, RatingKind, next_kind
from minping.kernel import bulk, events, ids, journal, statements
from minping.kernel.access import RATER
from minping.kernel.errors import Problem
from minping.kernel.writer import GroupWriter
from minping.upstream.services import message_release


class InvitationUnknown(Problem):
    code = "invitation_unknown"
    status = 404
    message = gettext_noop("这个评价链接不存在。")
    cure = gettext_noop("请核对链接是否完整；也可以请办事窗口重新提供。")


class InvitationClosed(Problem):
    code = "invitation_closed"
    status = 410
    message = gettext_noop("这次服务的评价已经截止。")
    cure = gettext_noop("如仍有意见，请拨打 12345 或到大厅反映。")


class AlreadyRated(Problem):
    code = "already_rated"
    status = 409
    message = gettext_noop("这次服务已经评价过了，一次服务只评价一次。")
    cure = gettext_noop("打开原链接可以看到回执。")


class LevelUnknown(Problem):
    code = "level_unknown"
    status = 422
    message = gettext_noop("请从五个等级里选一个。")
    cure = ""


class TagMismatch(Problem):
    code = "tag_mismatch"
    status = 422
    message = gettext_noop("“{tag}”不是“{level}”的理由。")
    cure = gettext_noop("请在所选等级下重新勾选。")


class TextTooLong(Problem):
    code = "text_too_long"
    status = 422
    message = gettext_noop("留言有 {count} 个字，最多 {most} 个字。")
    cure = gettext_noop("请删减后再提交，您写的内容还在页面上。")


class TextUnreadable(Problem):
    code = "text_unreadable"
    status = 422
    message = gettext_noop("留言里有系统不能保存的控制字符。")
    cure = gettext_noop("请删去后再提交。")


@dataclass(frozen=True, slots=True)
class Press:
    """One press on a tile.  `change` is the change token of an earlier press; `hold` says that reasons
    are about to follow, so that the message upward may wait for them (limit `settle`); `done` ends the wait.
    `tags` or `text` None: not said, keep what was said before.  `press_id`, `pressed_at` and `offline`
    are the device's own account of a press that it may have had to keep: the same id is taken once.
    `package_id` makes it a share of that overall rating, which never stands in for a word already said (R10)."""

    token: str
    level: int
    at: datetime
    channel: str
    proof: str
    tags: tuple[str, ...] | None = None
    text: str | None = None
    change: str = ""
    hold: bool = False
    done: bool = False
    entry: Entry = Entry.PERSON
    device_code: str = ""
    press_id: UUID | None = None
    pressed_at: datetime | None = None
    offline: bool = False
    package_id: UUID | None = None


@dataclass(frozen=True)
class Receipt:
    """What the presser gets: the saved rating, and whether this press was the one that made or changed it."""

    service: Service
    rating: Rating
    made: bool
    changed: bool = False

    @property
    def code(self) -> str:
        return tokens.receipt_code(self.rating.pk)

    @property
    def change_token(self) -> str:
        return tokens.change_token(self.rating.pk)


def rating_give(press: Press) -> Receipt:
    """Save one press; returns when it is durable.  Raises the refusals of this module."""
    return _writer.submit(press)


def ratings_give(presses: list[Press]) -> list[Receipt | Exception]:
    """Save presses in the caller's transaction; each is answered by a Receipt or a named refusal."""
    batch = _Batch(presses)
    results: list[Receipt | Exception] = []
    for press in presses:
        try:
            results.append(batch.take(press))
        except Problem as problem:
            results.append(problem)
    batch.save()
    return results


_writer: GroupWriter[Press, Receipt] = GroupWriter("ratings", ratings_give)


_COLUMNS = (
    "id", "service_id", "ordinal", "kind", "level", "tags", "tags_version", "text", "channel", "proof", "rated_at",
    "revision", "change_token", "change_until", "receipt", "entry", "device_code", "press_id", "pressed_at", "offline",
    "package_id",
)  # fmt: skip


@dataclass
class _Known:
    """A service and what has been said of it, including by presses earlier in the same batch."""

    service: Service
    ratings: list[Rating] = field(default_factory=list)
    rerating: ReratingInvitation | None = None


class _Batch:
    def __init__(self, presses: Sequence[Press]) -> None:
        self.at = max(press.at for press in presses)
        hashes = {tokens.stored(press.token) for press in presses}
        found = statements.locked(Service, "token", hashes)
        self.known: dict[bytes, _Known] = {bytes(service.token): _Known(service) for service in found}
        spoken = {k.service.pk: k for k in self.known.values() if k.service.outcome != Outcome.NONE}
        if spoken:
            for rating in Rating.objects.filter(service__in=list(spoken)).order_by("ordinal"):
                spoken[rating.service_id].ratings.append(rating)
            for invitation in ReratingInvitation.objects.filter(service__in=list(spoken), rating=None).order_by("id"):
                spoken[invitation.service_id].rerating = invitation
        self.new: list[tuple[Service, Rating, Press]] = []
        self.changed: list[tuple[Service, Rating, RatingRevision, Press]] = []
        self.rerated: list[tuple[ReratingInvitation, Rating]] = []
        self.settled: list[Rating] = []
        self.spent: list[UUID] = []

    def take(self, press: Press) -> Receipt:
        known = self.known.get(tokens.stored(press.token))
        if known is None:
            raise InvitationUnknown()
        if press.press_id is not None:
            for rating in known.ratings:
                if rating.press_id == press.press_id:
                    return Receipt(known.service, rating, made=False)  # the device did not hear the first answer
        if press.at >= known.service.closes_at:
            raise InvitationClosed()
        level, tags, text, version = said(press, known.service)
        last = known.ratings[-1] if known.ratings else None
        if last is not None and (press.change or _gives_reason(press, level, last)):
            return self._change(known, last, press, level, tags, text, version)
        kind = self._kind(known, press)
        if kind is None:
            if last is not None and last.level == level and press.tags is None and press.text is None:
                return Receipt(known.service, last, made=False)  # the same press twice
            raise AlreadyRated()
        return self._make(known, kind, press, level, tags or (), text or "", version)

    @staticmethod
    def _kind(known: _Known, press: Press) -> RatingKind | None:
        """Which kind of word this would be, or None where the service has had its one rating."""
        if press.package_id is not None:
            return RatingKind.PACKAGE if known.service.outcome == Outcome.NONE else None
        again = known.rerating is not None and press.at < known.rerating.until
        return next_kind(known.service.outcome, [rating.kind for rating in known.ratings], again)

    def _make(
        self, known: _Known, kind: RatingKind, press: Press, level: int, tags: tuple[str, ...], text: str, version: str
    ) -> Receipt:
        service = known.service
        rules = law.at(service.area_code, press.at.astimezone(law.BEIJING).date())
        identifier = ids.uuid7(press.at)
        share = next((rating for rating in known.ratings if rating.kind == RatingKind.PACKAGE), None)
        rating = Rating(
            id=identifier,
            service=service,
            ordinal=0 if kind is RatingKind.PACKAGE else len(known.ratings) + 1 - bool(share),
            kind=kind,
            level=level,
            tags=list(tags),
            tags_version=version,
            text=text,
            channel=press.channel,
            proof=press.proof,
            rated_at=press.at,
            # One's own word follows the package's share upward as the newer version of the same record (R10).
            revision=share.revision + 1 if share and kind is RatingKind.FIRST else 1,
            change_token=tokens.stored(tokens.change_token(identifier)),
            change_until=law.due(rules.limit("change"), press.at).at,
            receipt=tokens.receipt_index(tokens.receipt_code(identifier)),
            entry=press.entry,
            device_code=press.device_code,
            press_id=press.press_id,
            pressed_at=press.pressed_at,
            offline=press.offline,
            package_id=press.package_id,
        )
        if service.outcome == Outcome.NONE:
            service.outcome, service.outcome_at = Outcome.RATING, press.at
            self.spent.append(service.pk)
        if kind is RatingKind.RERATING:
            assert known.rerating is not None
            self.rerated.append((known.rerating, rating))
            known.rerating = None
        known.ratings.append(rating)
        self.new.append((service, rating, press))
        return Receipt(service, rating, made=True)

    def _change(
        self, known: _Known, rating: Rating, press: Press, level: int, tags: Any, text: Any, version: str
    ) -> Receipt:
        proven = not press.change or tokens.stored(press.change) == bytes(rating.change_token)
        if not proven or press.at >= rating.change_until:
            raise AlreadyRated()
        if tags is None:  # the level alone was pressed: reasons of another level no longer fit
            tags = tuple(rating.tags) if level == rating.level else ()
        text = rating.text if text is None else text
        if (level, list(tags), text) == (rating.level, rating.tags, rating.text):
            if press.done:
                self.settled.append(rating)
            return Receipt(known.service, rating, made=False)
        if any(rating is fresh for _, fresh, _ in self.new):
            raise AlreadyRated()
        before = RatingRevision(
            rating=rating, revision=rating.revision, level=rating.level, tags=rating.tags, text=rating.text,
            until=press.at,
        )  # fmt: skip
        rating.level, rating.tags, rating.text, rating.tags_version = level, list(tags), text, version
        rating.revision += 1
        self.changed.append((known.service, rating, before, press))
        return Receipt(known.service, rating, made=False, changed=True)

    def save(self) -> None:
        """Write the batch as sets and publish what happened."""
        for rating in self.settled:
            message_release(subject=rating.pk, level=rating.level, at=self.at)
        if not self.new and not self.changed:
            return
        at = self.at
        if self.spent:
            spent = statements.update(
                Service, self.spent, {"outcome": Outcome.RATING, "outcome_at": at}, outcome=Outcome.NONE
            )
            assert spent == len(self.spent), "locked services changed their outcome"
        bulk.insert(Rating, _COLUMNS, [[getattr(rating, name) for name in _COLUMNS] for _, rating, _ in self.new])
        for invitation, rating in self.rerated:
            ReratingInvitation.objects.filter(pk=invitation.pk).update(rating=rating)
        for _, rating, before, _ in self.changed:
            before.save(force_insert=True)
            rating.save(update_fields=["level", "tags", "text", "tags_version", "revision"])
        entries = [
            _entry(f"rating.{rating.kind}", service, rating, press, [rating]) for service, rating, press in self.new
        ]
        entries += [
            _entry("rating.changed", service, rating, press, [rating, before], level_before=before.level)
            for service, rating, before, press in self.changed
        ]
        journal.write_all(entries)
        holds = {rating.pk for _, rating, press in self.new if press.hold}
        if self.new:
            events.publish(RatingsGiven(tuple((s, r) for s, r, _ in self.new), at, frozenset(holds)))
        if self.changed:
            events.publish(
                RatingsChanged(
                    tuple((s, r) for s, r, _, _ in self.changed),
                    tuple(before.level for _, _, before, _ in self.changed),
                    at,
                )
            )


def _entry(
    action: str, service: Service, rating: Rating, press: Press, records: list[Any], **more: Any
) -> journal.Entry:
    return journal.entry_for(
        action, at=press.at, actor=RATER.name, organization_code=service.organization_code, subject=rating.pk,
        records=records, service=service.pk.hex, level=rating.level, tags=list(rating.tags), channel=press.channel,
        words=len(rating.text), revision=rating.revision, **more,
    )  # fmt: skip


def _gives_reason(press: Press, level: int, last: Rating) -> bool:
    """Whether the invitation's holder adds the reason that the device had no room for (failures.md A7), and that alone."""
    return reason_missing(last, press.at) and level == last.level and bool(press.tags or press.text)


def readable(text: str, rules: law.Rules) -> str:
    """The words as they are kept.  Raises TextTooLong, TextUnreadable."""
    text = text.replace("\r\n", "\n")  # how a browser submits the line break that the person typed
    most = int(rules.value("text_max").value)
    if len(text) > most:
        raise TextTooLong(field="text", count=len(text), most=most)
    if any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in text):
        raise TextUnreadable(field="text")
    return text


def said(press: Press, service: Service) -> tuple[int, tuple[str, ...] | None, str | None, str]:
    """Level, tags, words and catalogue version, checked against the law of the day."""
    rules = law.at(service.area_code, press.at.astimezone(law.BEIJING).date())
    try:
        level = law.InterfaceLevel(press.level)
    except ValueError as failure:
        raise LevelUnknown(field="level") from failure
    text = None if press.text is None else readable(press.text, rules)
    tags, version = press.tags, ""
    if tags is not None:
        offered = {tag.code: tag for tag in rules.tags(level)}
        tags = tuple(dict.fromkeys(tags))
        for code in tags:
            if code not in offered:
                other = rules.tag(code)
                raise TagMismatch(tag=other.label if other else code, level=level.label, field="tags")
        version = rules.version[:20]
    return int(level), tags, text, version


def rerating_invite(*, service_id: UUID, at: datetime, until: datetime) -> ReratingInvitation:
    """Let the person rate again after a rectification, by the same link, until `until` (minan/4.2.3)."""
    return ReratingInvitation.objects.create(service_id=service_id, opened_at=at, until=until)
