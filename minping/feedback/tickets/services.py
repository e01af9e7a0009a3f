"""Duties of the ticket: receive, update, join to the case it is about, and what a person decides of it (minan/6.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import IntegrityError, transaction

from minping import law
from minping.evaluate.models import Service
from minping.evaluate.services.identity import conflicts_of
from minping.evaluate.services.intake import OutOfScope, UnknownCode
from minping.feedback import services as feedback
from minping.feedback.events import CaseChanged, CasesOpened
from minping.feedback.models import Case
from minping.feedback.states import Arrival, CaseState
from minping.feedback.tickets.events import TicketTold
from minping.feedback.tickets.matching import Candidate, case_of, own_services, search
from minping.feedback.tickets.models import Ticket, TicketRevision
from minping.feedback.tickets.schemas import TicketIn
from minping.feedback.tickets.states import MOVES, TicketState
from minping.kernel import due, events, ids, journal, machine, privacy
from minping.kernel.access import SYSTEM, Actor
from minping.kernel.clock import beijing
from minping.kernel.errors import Invalid, NotFound, Problem, Stale
from minping.registry import queries as registry


class SourceUnknown(Problem):
    code = "source_unknown"
    status = 404
    message = "没有“{source}”这种来源。"
    cure = "可用的来源见规则库的来件来源清单。"


class TicketElsewhere(Problem):
    code = "ticket_elsewhere"
    status = 409
    message = "来件 {number} 已由别的单位办理。"
    cure = "改派请由来源先收回，再用新的编号下发。"


class NotReopened(Problem):
    code = "not_reopened"
    status = 409
    message = "原件{why}，不能重新核实。"
    cure = "请另立一件办理，或按办理结果答复。"


class Received(NamedTuple):
    """The answer to one row: its ticket, or why not; `new` where it was not here before, `changed` where it was otherwise."""

    number: str
    ticket: Ticket | None
    new: bool = False
    changed: bool = False
    problem: Problem | None = None

    @property
    def case_no(self) -> str:
        """By what a row of a file is named."""
        return self.number


def source_of(source: str, area_code: str, at: datetime) -> law.Source:
    """The source as the law of the day knows it.  Raises SourceUnknown."""
    found = law.at(area_code, beijing(at).date()).sources.get(source)
    if found is None:
        raise SourceUnknown(source=source)
    return found


def tickets_receive(
    source: str,
    rows: Sequence[TicketIn | Problem],
    *,
    by: Actor,
    at: datetime,
    permission: str = "",
    typed: bool = False,
) -> list[Received]:
    """Take tickets in, each by itself and once by (source, number); one that says something else is an update.

    `permission` is what `by` needs at the unit; a key's own is `tickets:<source>`.
    """
    answers = []
    for row in rows:
        if isinstance(row, Problem):
            answers.append(Received(str(row.detail.get("number", "")), None, problem=row))
            continue
        try:
            answers.append(_receive(source, row, by, at, permission or f"tickets:{source}", typed))
        except Problem as problem:
            answers.append(Received(row.number, None, problem=problem))
    return answers


def _receive(source: str, row: TicketIn, by: Actor, at: datetime, permission: str, typed: bool) -> Received:
    where = _place(row.organization_code, by, permission)
    source_of(source, where.area_code, at)
    item_name = _item(row)
    if row.window_code and (where.code, row.window_code) not in registry.directory().windows:
        raise UnknownCode(f"机构“{where.code}”没有窗口“{row.window_code}”。", field="window_code")
    content = privacy.keyed("index", b"ticket\0" + row.model_dump_json().encode())[:16]
    known = Ticket.objects.filter(source=source, number=row.number).first()
    if known is None:
        try:
            with transaction.atomic():
                return Received(row.number, _new(source, row, item_name, where, content, by, at, typed), new=True)
        except IntegrityError:  # another call brought it in the same moment
            known = Ticket.objects.get(source=source, number=row.number)
    if not by.can(permission, registry.place(known.organization_code).path):
        raise TicketElsewhere(number=row.number)
    if bytes(known.content) == content:
        return Received(row.number, known)
    with transaction.atomic():
        return Received(row.number, _update(known, row, item_name, where, content, by, at), changed=True)


def _place(code: str, by: Actor, permission: str) -> registry.Place:
    where = registry.directory().places.get(code) or registry.directory(fresh=True).places.get(code)
    if where is None or not where.live:
        raise UnknownCode(f"没有机构“{code}”。", field="organization_code")
    if not by.can(permission, where.path):
        raise OutOfScope(code=code, field="organization_code")
    return where


def _item(row: TicketIn) -> str:
    if not row.item_code:
        return row.item_name
    known = registry.directory().items.get(row.item_code)
    if known is None:
        raise UnknownCode(f"没有事项“{row.item_code}”。", field="item_code")
    return row.item_name or known[0]


def _facts(row: TicketIn, item_name: str, where: registry.Place, content: bytes) -> dict[str, Any]:
    """The columns that a row fills, first or again; the words and the person only as indexes."""
    phone = privacy.normal_phone(row.person.phone)
    certificate = privacy.normal_certificate(row.person.cert_no)
    return {
        "organization_code": where.code, "area_code": where.area_code, "window_code": row.window_code,
        "item_code": row.item_code, "item_name": item_name, "case_no": row.case_no, "service_no": row.service_no,
        "said_at": row.said_at, "demanded_at": row.demanded_at, "content": content,
        "phone_index": privacy.index("phone", phone) if phone else None,
        "certificate_index": (
            privacy.index("certificate", f"{row.person.cert_type}:{certificate}") if certificate else None
        ),
    }  # fmt: skip


def _sealed(ticket: Ticket, row: TicketIn) -> bytes:
    said = {"words": row.words, "person": row.person.model_dump()}
    return privacy.seal(json.dumps(said, ensure_ascii=False).encode(), ticket.place)


def _new(
    source: str, row: TicketIn, item_name: str, where: registry.Place, content: bytes, by: Actor, at: datetime,
    typed: bool,
) -> Ticket:  # fmt: skip
    ticket = Ticket(
        id=ids.uuid7(at), source=source, number=row.number, received_at=at, reported_by=by.name, typed=typed,
        state=TicketState.MATCHING, **_facts(row, item_name, where, content),
    )  # fmt: skip
    ticket.sealed = _sealed(ticket, row)
    ticket.save(force_insert=True)
    _note(ticket, "ticket.received", by, at)
    _settle(ticket, at)
    return ticket


def _update(
    ticket: Ticket, row: TicketIn, item_name: str, where: registry.Place, content: bytes, by: Actor, at: datetime
) -> Ticket:
    """Sent again with other words: the earlier version stays; what is answered already is looked at by a person."""
    if where.code != ticket.organization_code and ticket.state != TicketState.MATCHING:
        raise TicketElsewhere(number=row.number)
    earlier = TicketRevision(
        ticket=ticket, revision=ticket.revision, demanded_at=ticket.demanded_at, content=ticket.content,
        sealed=ticket.sealed, until=at,
    )  # fmt: skip
    earlier.save(force_insert=True)
    ticket.revision += 1
    changes = {**_facts(row, item_name, where, content), "revision": ticket.revision, "sealed": _sealed(ticket, row)}
    same = Ticket.objects.filter(pk=ticket.pk, revision=ticket.revision - 1, state=ticket.state)
    if same.update(**changes) != 1:
        raise Stale()
    for name, value in changes.items():
        setattr(ticket, name, value)
    _note(ticket, "ticket.updated", by, at, records=[earlier])
    if ticket.state == TicketState.MATCHING:
        _settle(ticket, at)
    elif ticket.state == TicketState.ANSWERED:
        move(ticket, "late", SYSTEM, at)
    elif ticket.case is not None and ticket.state == TicketState.JOINED:
        _voice(ticket, ticket.case, "case.ticket_updated", at)
    return ticket


def _note(ticket: Ticket, action: str, by: Actor, at: datetime, records: Sequence[Any] = (), **facts: Any) -> None:
    journal.write(
        action, at=at, actor=by.name, organization_code=ticket.organization_code, subject=ticket.case_id or ticket.pk,
        records=[ticket, *records], detail=told_of(ticket, at), **facts,
    )  # fmt: skip


def told_of(ticket: Ticket, at: datetime) -> str:
    """A ticket as people name it: its source, its number, and that it was typed in where it was."""
    label = source_of(ticket.source, ticket.area_code, at).label
    return f"{label} {ticket.number}{'（手工录入）' if ticket.typed else ''}"


# --- what it is about --------------------------------------------------------------------------


def _settle(ticket: Ticket, at: datetime) -> None:
    """Join it where exactly one thing fits; leave it to a person where that is not sure; else a case of its own."""
    found = search(ticket)
    if found.sure is not None:
        _take(ticket, found.sure, SYSTEM, at)
    elif found.why:
        Ticket.objects.filter(pk=ticket.pk).update(why=found.why)
        ticket.why = found.why
    else:
        _join(ticket, _open(ticket, None, at), "own", SYSTEM, at)


def _take(ticket: Ticket, candidate: Candidate, by: Actor, at: datetime, verb: str = "choose") -> None:
    case = candidate.case
    if case is None and candidate.service is not None:
        # Another voice of the same service may be opening its case in this moment: wait for it, and look again.
        case = case_of(Service.objects.select_for_update(no_key=True).get(pk=candidate.service.pk))
    if case is None:
        _join(ticket, _open(ticket, candidate.service, at), verb, by, at)
    elif case.state == CaseState.CLOSED:
        move(ticket, "late", SYSTEM, at, case=case, matched_by=by.name)
    else:
        _join(ticket, case, verb, by, at)


def _join(ticket: Ticket, case: Case, verb: str, by: Actor, at: datetime) -> None:
    move(ticket, verb, by, at, case=case, matched_by=by.name, why="")
    _voice(ticket, case, "case.ticket_joined", at)


def _voice(ticket: Ticket, case: Case, action: str, at: datetime) -> None:
    """The case hears of a ticket: its own clock holds, the nearest date that a ticket demands stands beside it."""
    demanded = [one for one in case.tickets.values_list("demanded_at", flat=True) if one is not None]
    asked = min(demanded, default=None)
    if not feedback.case_told(case, action, at, facts={"detail": told_of(ticket, at)}, asked_at=asked):
        raise Stale()


def _open(ticket: Ticket, service: Service | None, at: datetime) -> Case:
    """A case without a rating; the 2 working days run from its receipt like any other's (R4)."""
    source = source_of(ticket.source, ticket.area_code, at)
    identifier = ids.uuid7(at)
    clock = due.clock(ticket.area_code, "verify", ticket.received_at)
    windows = registry.directory().windows
    unit = service.organization_code if service else ticket.organization_code
    window = service.window_code if service else ticket.window_code
    case = Case(
        id=identifier, number=feedback.number_of(identifier, at, source.word), service=service,
        arrival=Arrival(ticket.source), area_code=ticket.area_code, organization_code=unit, seat_code=unit,
        window_code=window,
        window_name=service.window_name if service else windows.get((unit, window), ""),
        staff_code=service.staff_code if service else "",
        item_name=(service.item_name if service else ticket.item_name) or "（没有写明事项）",
        excerpt=f"（{source.label}来件，尾号 {ticket.number[-6:]}）", state=CaseState.VERIFYING,
        opened_at=ticket.received_at, verify_due_at=clock["due_at"], **clock,
    )  # fmt: skip
    case.save(force_insert=True)
    journal.write(
        "case.opened_by_ticket", at=at, actor=SYSTEM.name, organization_code=case.organization_code, subject=case.pk,
        records=[case], number=case.number, clause="minan/6.2", due=case.due_at,
    )  # fmt: skip
    events.publish(CasesOpened((case,), at))
    return case


# --- what a person decides ---------------------------------------------------------------------


def ticket_get(ticket_id: UUID) -> Ticket:
    ticket = Ticket.objects.select_related("case__service").filter(pk=ticket_id).first()
    if ticket is None:
        raise NotFound()
    return ticket


def refusal(verb: str, ticket: Ticket, by: Actor, at: datetime, about: Any = None) -> Problem | None:
    """Why `by` may not make the move now; `about` is the service or case that was chosen (R8)."""
    return machine.refusal(
        MOVES.move(verb), state=ticket.state, by=by, path=registry.place(ticket.organization_code).path,
        window_code=(about or ticket.case or ticket).window_code, conflicts=conflicts(ticket, by, about),
        rules=law.at(ticket.area_code, beijing(at).date()),
    )  # fmt: skip


def conflicts(ticket: Ticket, by: Actor, about: Any = None) -> frozenset[str]:
    """How `by` is party to what the ticket is about; before that is known, to the window that it names (R8)."""
    rated = about or ticket.case
    if rated is not None:
        return conflicts_of(rated, by)
    return frozenset({"rated_window"} if (ticket.organization_code, ticket.window_code) in by.windows else ())


def move(ticket: Ticket, verb: str, by: Actor, at: datetime, **changes: Any) -> None:
    """Compare and set, journal: the one way a ticket moves.  In the caller's transaction; who may is asked before."""
    row = MOVES.move(verb)
    if ticket.state not in row.source:
        raise machine.MoveRefused(state=TicketState(ticket.state).label, verb=row.label)
    machine.advance(Ticket.objects.filter(pk=ticket.pk, revision=ticket.revision), row, state=ticket.state, **changes)
    for name, value in [("state", row.target), *changes.items()]:
        setattr(ticket, name, value)
    _note(ticket, f"ticket.{verb}", by, at, clause=row.clause)


def chosen(ticket: Ticket, said: Mapping[str, str]) -> Candidate:
    """The candidate that was pressed, or the one service with the number that was typed.  Raises Invalid."""
    number = said.get("case_no", "").strip()
    if number:
        units = registry.directory().below(registry.place(ticket.organization_code).path)
        rows = list(own_services(units, number)[:2])
        if len(rows) != 1:
            text = "这个单位没有这个办件编号。" if not rows else "这个办件有几次服务，请从列出的里面选。"
            raise Invalid(text, cure="请核对编号。", field="case_no")
        return Candidate(rows[0], case_of(rows[0]))
    found = next((one for one in search(ticket).candidates if one.key == said.get("about", "")), None)
    if found is None:
        raise Invalid("请从列出的里面选一件。", cure="都不是的，可以填办件编号，或另立一件。", field="about")
    return found


def ticket_decide(*, ticket_id: UUID, verb: str, said: Mapping[str, str], by: Actor, at: datetime) -> Ticket:
    """A person says which case it is, or what is to become of one whose case is closed.

    Raises NotFound, the machine's refusals, Stale, Invalid, NotReopened.
    """
    ticket = ticket_get(ticket_id)
    candidate = None
    refused = refusal(verb, ticket, by, at)
    if refused is None and verb == "choose":
        candidate = chosen(ticket, said)
        refused = refusal(verb, ticket, by, at, candidate.service or candidate.case)
    if refused is not None:
        raise refused
    with transaction.atomic():
        if candidate is not None:
            _take(ticket, candidate, by, at)
        elif verb == "own":
            service = ticket.case.service if ticket.case else None
            _join(ticket, _open(ticket, service, at), "own", by, at)
        elif verb == "reopen" and ticket.case is not None:
            _reopen(ticket, ticket.case, by, at)
        else:
            move(ticket, "told", by, at)
            events.publish(TicketTold(ticket, at, by))
    return ticket


ENDED = {"revoked": "的评价已由上级撤销", feedback.WITHDRAWN: "的评价已由本人改好"}


def _reopen(ticket: Ticket, case: Case, by: Actor, at: datetime) -> None:
    """Not solved, says the ticket: verified anew, with a clock from now (minan/5.1.4)."""
    if case.state != CaseState.CLOSED:  # another ticket reopened it meanwhile
        _join(ticket, case, "reopen", by, at)
        return
    if case.result in ENDED:
        raise NotReopened(why=ENDED[case.result])
    clock = due.clock(case.area_code, "verify", at)
    feedback.case_move(
        case, "reconsider", SYSTEM, at, facts={"detail": told_of(ticket, at), "decided_by": by.name}, closed_at=None,
        result="", verified_at=None, verify_due_at=clock["due_at"], **clock,
    )  # fmt: skip
    _join(ticket, case, "reopen", by, at)


def on_case_changed(event: CaseChanged) -> None:
    """The rater took a negative back, the hotline did not: its tickets go on in a case without a rating."""
    case = event.case
    if case.state != CaseState.CLOSED or case.result != feedback.WITHDRAWN:
        return
    new: Case | None = None
    for ticket in Ticket.objects.filter(case=case, state=TicketState.JOINED).order_by("received_at"):
        new = new or _open(ticket, case.service, event.at)
        Ticket.objects.filter(pk=ticket.pk).update(case=new)
        ticket.case = new
        _note(ticket, "ticket.kept", SYSTEM, event.at)
        _voice(ticket, new, "case.ticket_joined", event.at)
