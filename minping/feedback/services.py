"""Duties of 反馈: open a case, call back, confirm, close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from minping import law
from minping.evaluate.events import RatingsChanged, RatingsGiven
from minping.evaluate.models import Rating, Service
from minping.evaluate.services.identity import conflicts_of
from minping.feedback.events import CaseChanged, CaseClosed, CaseConfirmed, CasesOpened
from minping.feedback.ladder import ends_here
from minping.feedback.models import CallBack, Case
from minping.feedback.states import MOVES, Arrival, CallOutcome, CallPurpose, CaseState
from minping.feedback.tickets.models import Ticket
from minping.kernel import due, events, ids, journal, machine, moves
from minping.kernel.access import SYSTEM, Actor
from minping.kernel.clock import beijing
from minping.kernel.errors import Forbidden, Invalid, NotFound, Problem
from minping.registry import queries as registry
from minping.upstream.events import RatingCameDown
from minping.upstream.provinces import driver


class NotCalledYet(Problem):
    code = "not_called_yet"
    status = 409
    message = "还没有与评价人通上话，不能认定。"
    cure = "请先电话回访；无法联系的，至少在两天里拨打三次并逐次记录（minan/4.2.2）。"


class HandledBelow(Problem):
    code = "handled_below"
    status = 409
    message = "这一件在下级办理，本级不能“{verb}”。"
    cure = "本级可以督办；撤销申请由有权限的一级决定。"


class AnsweredByInterface(Problem):
    code = "answered_by_interface"
    status = 409
    message = "撤销申请的答复由上级系统下达，不用手工登记。"
    cure = "上级决定之后自动生效；很久没有答复的，请与上级联系。"


class DecidedHere(Problem):
    code = "decided_here"
    status = 409
    message = "上面没有更高一级，撤销申请由本级裁决，不用登记上级的答复。"
    cure = "请本级裁决人员决定。"


class KindRefused(machine.MoveRefused):
    code = "case_kind_refused"
    message = "{kind}，不能“{verb}”。"
    cure = "请按页面上的按钮办理。"


class NobodyBeside(machine.NotYours):
    code = "nobody_beside"
    message = "您管辖的范围里没有别的单位，不能“{verb}”。"
    cure = "请由管辖两个单位的人员办理。"


class NothingToTell(Problem):
    code = "nothing_to_tell"
    status = 409
    message = "还没有写给责任单位的情况。"
    cure = "来件的原话不转给被反映的单位；请先在回访记录里整理要整改什么。"


KINDS = {True: "这一件没有评价", False: "这一件是差评"}


def number_of(identifier: UUID, at: datetime, word: str = "差评") -> str:
    """A case number people can say: 差评-20261123-7K3F9Q; the tail is from the id's random bits."""
    alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
    bits = identifier.int
    tail = "".join(alphabet[(bits >> shift) & 31] for shift in range(0, 35, 5))
    return f"{word}-{beijing(at):%Y%m%d}-{tail}"


def cases_open(pairs: Sequence[tuple[Service, Rating]], *, at: datetime) -> list[Case]:
    """Open a case for each negative rating; the 2 working days run from its receipt (minan/4.2.1, R4)."""
    cases = []
    pairs = [(service, rating) for service, rating in pairs if rating.negative]
    pairs = [pair for pair in pairs if not _joins(*pair, at)]
    names = _item_names(pairs)
    for service, rating in pairs:
        identifier = ids.uuid7(at)
        clock = due.clock(service.area_code, "verify", rating.rated_at)
        cases.append(
            Case(
                id=identifier,
                number=number_of(identifier, at),
                service=service,
                rating=rating,
                arrival=Arrival.SUPERIOR if rating.proof == "superior" else Arrival.OWN,
                area_code=service.area_code,
                organization_code=service.organization_code,
                seat_code=service.organization_code,
                window_code=service.window_code,
                window_name=service.window_name,
                staff_code=service.staff_code,
                item_name=names[rating.pk],
                level=rating.level,
                excerpt=excerpt_of(rating),
                state=CaseState.VERIFYING,
                opened_at=rating.rated_at,
                verify_due_at=clock["due_at"],
                **clock,
            )
        )
    if cases:
        Case.objects.bulk_create(cases)
        journal.write_all(
            journal.entry_for(
                "case.opened", at=at, actor=SYSTEM.name, organization_code=case.organization_code, subject=case.pk,
                records=[case], number=case.number, level=case.level, clause="minan/4.2.1", due=case.due_at,
            )
            for case in cases
        )  # fmt: skip
        events.publish(CasesOpened(tuple(cases), at))
    return cases


UNRECTIFIED = (CaseState.VERIFYING, CaseState.CONFIRMED)  # a grievance that nobody has called done yet


def _joins(service: Service, rating: Rating, at: datetime) -> bool:
    """Whether the rating is the second voice of a grievance that came by the hotline: one case, its earlier clock."""
    case = (
        Case.objects.filter(service=service, rating__isnull=True, state__in=UNRECTIFIED).order_by("opened_at").first()
    )
    return case is not None and case_told(
        case, "case.rated", at, rating=rating, level=rating.level, excerpt=excerpt_of(rating)
    )


def case_told(case: Case, action: str, at: datetime, *, facts: Mapping[str, Any] | None = None, **changes: Any) -> bool:
    """Note what changed beside the state, and tell the superior: the case's next revision.

    False where somebody else moved the case in the same moment; then nothing was done.
    """
    changes["revision"] = case.revision + 1
    if Case.objects.filter(pk=case.pk, revision=case.revision, state=case.state).update(**changes) != 1:
        return False
    for name, value in changes.items():
        setattr(case, name, value)
    journal.write(
        action, at=at, actor=SYSTEM.name, organization_code=case.organization_code, subject=case.pk, records=[case],
        number=case.number, state=case.state, **(facts or {}),
    )  # fmt: skip
    events.publish(CaseChanged(case, at))
    return True


def excerpt_of(rating: Rating) -> str:
    """The first words for the work list: the person's own, else the first reason ticked."""
    words = " ".join(rating.text.split())
    if words:
        return words[:80]
    rules = law.at("000000", rating.rated_at.astimezone(law.BEIJING).date())
    labels = [tag.label for code in rating.tags if (tag := rules.tag(code))]
    return f"（未留言）{'、'.join(labels)}"[:80]


def _one_a_package(pairs: Sequence[tuple[Service, Rating]]) -> list[tuple[Service, Rating]]:
    """Of the shares of one overall rating only the first: one grievance is one case, which names the items (R10)."""
    packages = {rating.package_id for _, rating in pairs if rating.package_id}
    taken = set()
    if packages:
        taken = set(Case.objects.filter(rating__package__in=packages).values_list("rating__package_id", flat=True))
    kept = []
    for service, rating in pairs:
        if rating.package_id:
            if rating.package_id in taken:
                continue
            taken.add(rating.package_id)
        kept.append((service, rating))
    return kept


def _item_names(pairs: Sequence[tuple[Service, Rating]]) -> dict[UUID, str]:
    """By rating, what a case is about: its item, or the items that an overall rating reached."""
    packages: dict[UUID, list[str]] = {rating.package_id: [] for _, rating in pairs if rating.package_id}
    if packages:
        shares = Rating.objects.filter(package__in=list(packages)).order_by("service__served_at", "service__case_no")
        for package, name in shares.values_list("package_id", "service__item_name"):
            packages[package].append(name)
    named = {key: f"一件事（{len(names)} 项）：{'、'.join(names)}"[:200] for key, names in packages.items()}
    return {r.pk: named[r.package_id] if r.package_id else s.item_name for s, r in pairs}


def on_ratings_given(event: RatingsGiven) -> None:
    """A negative word of any kind opens a case like any other (R3); one under way takes a re-rating itself."""
    fresh = [(service, rating) for service, rating in event.pairs if rating.negative and rating.kind != "rerating"]
    cases_open(_one_a_package(fresh), at=event.at)


def on_ratings_changed(event: RatingsChanged) -> None:
    """Within the minutes of change a level may turn negative (opens a case) or stop being so (closes it)."""
    for (service, rating), before in zip(event.pairs, event.before, strict=True):
        was, now = law.InterfaceLevel(before).negative, rating.negative
        case = Case.objects.filter(rating=rating).first()
        if case is None:
            if now and rating.kind != "rerating":
                cases_open(_one_a_package([(service, rating)]), at=event.at)
            continue
        Case.objects.filter(pk=case.pk).update(level=rating.level, excerpt=excerpt_of(rating))
        case.level = rating.level
        if case.state == CaseState.CLOSED and case.result == WITHDRAWN and now:
            clock = due.clock(case.area_code, "verify", event.at)
            case_move(
                case, "restore", SYSTEM, event.at, facts={}, closed_at=None, result="", verify_due_at=clock["due_at"],
                **clock,
            )  # fmt: skip
        elif case.state == CaseState.VERIFYING and was and not now:
            case_move(case, "withdraw", SYSTEM, event.at, facts={}, closed_at=event.at, result=WITHDRAWN, **due.STOPPED)
        else:
            _set(case, event.at, SYSTEM, "case.rating_changed")
            continue
        events.publish(CaseChanged(case, event.at))


def on_rating_came_down(event: RatingCameDown) -> None:
    """A negative that the superior sent is received when it comes here: its 2 working days run from then (R4)."""
    told = event.rating
    case = Case.objects.filter(
        service__organization_code=told.organization_code, service__case_no=told.case_no,
        service__service_no=told.service_no, rating__proof="superior", state=CaseState.VERIFYING, revision=1,
    ).first()  # fmt: skip
    if case is None or beijing(case.opened_at).date() == beijing(event.at).date():
        return
    clock = due.clock(case.area_code, "verify", event.at)
    case_told(case, "case.came_late", event.at, facts={"due": clock["due_at"]}, verify_due_at=clock["due_at"], **clock)


def _set(case: Case, at: datetime, by: Actor, action: str, **changes: object) -> None:
    for name, value in changes.items():
        setattr(case, name, value)
    case.revision += 1
    case.save(update_fields=[*changes, "revision"])
    journal.write(
        action, at=at, actor=by.name, organization_code=case.organization_code, subject=case.pk, records=[case],
        number=case.number, state=case.state,
    )  # fmt: skip
    events.publish(CaseChanged(case, at))


def case_get(case_id: UUID) -> Case:
    case = Case.objects.select_related("service", "rating").filter(pk=case_id).first()
    if case is None:
        raise NotFound()
    return case


ASSIGN = MOVES.move("assign").permission


def seat(case: Case, permission: str = "") -> registry.Place:
    """The unit that has the case now; to appeal is the rated unit's own, wherever the case went."""
    return registry.place(case.organization_code if permission == "case.appeal" else case.seat_code)


def readable(case: Case, by: Actor) -> bool:
    """Whether `by` may read the case: where it was rated, and where it went."""
    return any(by.can("case.read", registry.place(code).path) for code in {case.organization_code, case.seat_code})


def read_require(case: Case, by: Actor) -> None:
    """Raises Forbidden where `by` may not read the case."""
    if not readable(case, by):
        raise Forbidden()


def units_beside(code: str, permission: str, by: Actor) -> list[registry.Place]:
    """The units to which `by` may hand what is at `code`: live ones within the person's own scope, below or beside."""
    here = registry.place(code)
    paths = [grant.path for grant in by.scopes(permission) if here.path.startswith(grant.path)]
    return [
        place
        for place in sorted(registry.directory().places.values(), key=lambda place: place.path)
        if place.live and place.code != here.code and any(place.path.startswith(path) for path in paths)
    ]


def unit_chosen(places: Sequence[registry.Place], code: str) -> registry.Place:
    """The one of them that was chosen.  Raises Invalid."""
    found = next((place for place in places if place.code == code), None)
    if found is None:
        raise Invalid("请从列出的单位里选一个。", cure="只能转给您管辖范围内的其他单位。", field="organization_code")
    return found


def unit_of(by: Actor, permission: str, path: str) -> str:
    """For which organisation somebody acts on a thing at `path`: the nearest that gave the permission."""
    paths = (grant.path for grant in by.scopes(permission) if path.startswith(grant.path))
    return max(paths, key=len, default="")


def conflicts(case: Case, by: Actor, permission: str) -> frozenset[str]:
    """How `by` is party to this case: the rated, or somebody who had a hand in the open application (R8)."""
    found = set(conflicts_of(case, by))
    open_one = case.revocations.filter(ended_at__isnull=True).first()
    if open_one is not None:
        path = seat(case).path
        party = {
            "proposer": open_one.proposed_by == by.name,
            "seconder": open_one.seconded_by == by.name,
            "approver": open_one.approved_by == by.name,
            "same_unit": open_one.proposed_unit == unit_of(by, permission, path),
        }
        found.update(name for name, is_so in party.items() if is_so)
    return frozenset(found)


def refusal(verb: str, case: Case, by: Actor, at: datetime) -> Problem | None:
    """Why `by` may not make the move now (table, role, place, conflict of interest); None where it may."""
    move = MOVES.move(verb)
    if case.origin:
        return HandledBelow(verb=move.label)
    if move.permission == "case.answer" and by.name != SYSTEM.name and driver().mirrors:
        return AnsweredByInterface()
    if move.permission == "case.answer" and by.name != SYSTEM.name and ends_here():
        return DecidedHere()
    if move.rated is not None and move.rated != (case.rating_id is not None):
        return KindRefused(kind=KINDS[move.rated], verb=move.label)
    if move.permission == ASSIGN and by.can(ASSIGN, seat(case).path) and not units_beside(case.seat_code, ASSIGN, by):
        return NobodyBeside(verb=move.label)
    return machine.refusal(
        move,
        state=case.state,
        by=by,
        path=seat(case, move.permission).path,
        window_code=case.window_code,
        conflicts=conflicts(case, by, move.permission),
        rules=law.at(case.area_code, beijing(at).date()),
    )


def case_move(case: Case, verb: str, by: Actor, at: datetime, *, facts: Mapping[str, Any], **changes: Any) -> None:
    """Check, compare and set, journal: the one way a case moves.  In the caller's transaction."""
    refused = refusal(verb, case, by, at)
    if refused is not None:
        raise refused
    move = MOVES.move(verb)
    changes["revision"] = case.revision + 1
    machine.advance(Case.objects.filter(pk=case.pk, revision=case.revision), move, state=case.state, **changes)
    for name, value in [("state", move.target), *changes.items()]:
        setattr(case, name, value)
    journal.write(
        JOURNAL_OF.get(verb, f"case.{verb}"), at=at, actor=by.name, organization_code=case.organization_code,
        subject=case.pk, records=[case], number=case.number, clause=move.clause, **facts,
    )  # fmt: skip


# The names under which the first moves stand in journals already written.
JOURNAL_OF = {
    "confirm": "case.confirmed", "close": "case.closed", "withdraw": "case.withdrawn", "restore": "case.opened",
}  # fmt: skip
WITHDRAWN = "changed_by_rater"


def verified_by_call(case: Case, purpose: CallPurpose, at: datetime) -> bool:
    """The person was heard, or tried for as often and on as many days as the law file asks (minan/4.2.2).

    Where nobody left a telephone there is nobody to call: what came in has to do.
    """
    if not reachable(case):
        return True
    calls = list(case.calls.filter(purpose=purpose).values_list("outcome", "at"))
    if any(CallOutcome(outcome).heard for outcome, _ in calls):
        return True
    return unreachable(calls, law.at(case.area_code, beijing(at).date()))


def reachable(case: Case) -> bool:
    """Whether a telephone may be known: the applicant's, or one that a ticket gave."""
    return case.service_id is not None or Ticket.objects.filter(case=case, phone_index__isnull=False).exists()


def unreachable(calls: Sequence[tuple[str, datetime]], rules: law.Rules) -> bool:
    """Whether attempts that reached nobody are enough to say 无法联系."""
    days = {beijing(at).date() for _, at in calls}
    return len(calls) >= rules.value("unreachable_calls").number and len(days) >= rules.value("unreachable_days").number


def call_refusal(case: Case, by: Actor, at: datetime) -> Problem | None:
    """Why `by` may not call the person of this case back (R8)."""
    if case.origin:
        return HandledBelow(verb="回访")
    if not by.can("case.call", seat(case).path):
        return machine.NotYours(verb="回访")
    rules = law.at(case.area_code, beijing(at).date())
    for conflict in sorted(rules.never("case.call") & conflicts_of(case, by)):
        return machine.ConflictOfInterest(why=moves.CONFLICTS[conflict], verb="回访")
    if case.state == CaseState.CLOSED:
        return machine.MoveRefused(state=CaseState.CLOSED.label, verb="回访")
    return None


@dataclass(frozen=True)
class Consent:
    """What the person said of passing the words on: to the unit, and to others such as the superior (minan/3.1.4)."""

    to_unit: bool
    to_others: bool


def consent_of(said: Mapping[str, str]) -> Consent | None:
    """What the page says was answered; None where it was not asked, which passes nothing on."""
    if said.get("to_unit") not in ("yes", "no") and said.get("to_others") not in ("yes", "no"):
        return None
    return Consent(to_unit=said.get("to_unit") == "yes", to_others=said.get("to_others") == "yes")


def call_record(
    *,
    case_id: UUID,
    purpose: CallPurpose,
    outcome: str,
    words: str,
    recording_no: str,
    by: Actor,
    at: datetime,
    consent: Consent | None = None,
    summary: str = "",
) -> CallBack:
    """Record one attempt to reach the person.

    Without `consent` the words go to nobody: neither the unit nor the superior is shown them.
    Raises NotFound, NotYours, ConflictOfInterest, Invalid.
    """
    case = case_get(case_id)
    refused = call_refusal(case, by, at)
    if refused is not None:
        raise refused
    if outcome not in set(CallOutcome):
        raise Invalid("请选择通话结果。", cure="", field="outcome")
    if outcome == CallOutcome.ANSWERED and not words.strip():
        raise Invalid("接通了，请把对方的话记下来。", cure="", field="words")
    with transaction.atomic():
        call = CallBack.objects.create(
            case=case, purpose=purpose, at=at, by=by.name, by_label=by.label, outcome=outcome, words=words.strip(),
            recording_no=recording_no.strip()[:60], to_unit=consent.to_unit if consent else None,
            to_others=consent.to_others if consent else None, summary=summary.strip()[:2000],
        )  # fmt: skip
        journal.write(
            "case.called", at=at, actor=by.name, organization_code=case.organization_code, subject=case.pk,
            records=[call], purpose=purpose, outcome=outcome, to_unit=call.to_unit, to_others=call.to_others,
        )  # fmt: skip
    return call


def case_confirm(*, case_id: UUID, note: str, by: Actor, at: datetime) -> Case:
    """Confirm the negative after a call-back: it is handed over for rectification (minan/4.2.3)."""
    case = case_get(case_id)
    return case_uphold(case, "confirm", note, by, at)


def case_uphold(case: Case, verb: str, note: str, by: Actor, at: datetime, **more: Any) -> Case:
    """The negative stands, with or against an appeal; the 5 working days run from here (R5)."""
    refused = refusal(verb, case, by, at)
    if refused is not None:
        raise refused
    if not verified_by_call(case, CallPurpose.VERIFY, at):
        raise NotCalledYet()
    if case.rating_id is None and not case.calls.exclude(summary="").exists():
        raise NothingToTell()
    with transaction.atomic():
        case_move(
            case, verb, by, at, facts={"note": len(note.strip())}, verified_at=at,
            confirmed_at=case.confirmed_at or at, confirmed_by=by.name, **more, **due.STOPPED,
        )  # fmt: skip
        events.publish(CaseConfirmed(case, at, by.name))
    return case


def case_step(*, case_id: UUID) -> Case:
    """The case with a new revision, because something about its rectification changed that a superior is told."""
    Case.objects.filter(pk=case_id).update(revision=F("revision") + 1)
    return case_get(case_id)


def case_accept(*, case: Case, at: datetime) -> None:
    """Its rectification was accepted by someone else: the time for an appeal is over (R4)."""
    case.refresh_from_db()
    case_move(case, "accept", SYSTEM, at, facts={})
    events.publish(CaseChanged(case, at))


def case_reopen(*, case: Case, at: datetime) -> None:
    """Not solved: rectified anew, and the superior is told (minan/5.1.4)."""
    case.refresh_from_db()
    case_move(case, "reopen", SYSTEM, at, facts={})
    events.publish(CaseChanged(case, at))


def case_close(*, case: Case, result: str, at: datetime) -> None:
    """Close a case whose rectification is done and called back; only the chain does this."""
    case.refresh_from_db()
    case_move(case, "close", SYSTEM, at, facts={"result": result}, closed_at=at, result=result)
    events.publish(CaseClosed(case, at))
