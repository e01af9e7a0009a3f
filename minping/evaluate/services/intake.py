"""Services come in, as a set; each row is answered by itself and is taken once (R6, R11)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from minping import law
from minping.evaluate import tokens
from minping.evaluate.events import ServicesReceived
from minping.evaluate.models import Applicant, Service
from minping.evaluate.schemas import ServiceIn
from minping.evaluate.states import Outcome
from minping.kernel import bulk, events, ids, journal, privacy
from minping.kernel.access import Actor
from minping.kernel.errors import Problem
from minping.kernel.home import home
from minping.registry import queries as registry
from minping.upstream.services import Draft, messages_enqueue

CHUNK = 5000
TRIES = 5


class RowRefused(Problem):
    status = 422


class UnknownCode(RowRefused):
    code = "unknown_code"
    cure = "请先在登记簿导入，或核对代码。"


class OutOfScope(RowRefused):
    code = "organization_out_of_scope"
    status = 403
    message = "这把密钥不能为机构“{code}”报送。"
    cure = "请用该机构或其上级的密钥。"


class TimesOutOfOrder(RowRefused):
    code = "times_out_of_order"
    cure = "应为：受理时间 ≤ 服务时间，受理时间 ≤ 办结时间。请核对后重报，系统不会替您改时间。"


class ServiceConflict(Problem):
    code = "service_conflict"
    status = 409
    message = "办件 {tail} 的第 {number} 次服务已经报过，内容不同。"
    cure = "同一次服务只收一次；如需更正，请用新的服务序号重报，或联系管理员。"


@dataclass(frozen=True)
class Received:
    """The answer to one row: its service, or why not.  `given` is what the caller called it."""

    case_no: str
    service_no: int
    service_id: UUID | None
    problem: Problem | None = None

    def as_json(self) -> dict[str, Any]:
        row: dict[str, Any] = {"case_no": self.case_no, "service_no": self.service_no}
        if self.problem is not None:
            return {**row, "status": "refused", "error": self.problem.as_json()}
        assert self.service_id is not None
        return {
            **row, "status": "accepted", "invitation_url": tokens.invitation_url(self.service_id),
            "slip_code": tokens.slip_code(self.service_id),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Clocks:
    """The limits of one area and day, resolved once per batch."""

    default_due_at: datetime
    default_rule: str
    closes_at: datetime
    skew: timedelta


class _Batch:
    """Rows of one call on their way in."""

    def __init__(self, by: Actor, at: datetime) -> None:
        self.by = by
        self.at = at
        self.directory = registry.directory()
        self.clocks: dict[tuple[str, date], _Clocks] = {}
        self.places: dict[str, registry.Place | Problem] = {}

    def place(self, code: str) -> registry.Place:
        found = self.places.get(code)
        if found is None:
            found = self.places[code] = self._place(code)
        if isinstance(found, Problem):
            raise found
        return found

    def _place(self, code: str) -> registry.Place | Problem:
        where = self.directory.places.get(code)
        if where is None or not where.live:
            self.directory = registry.directory(fresh=True)
            where = self.directory.places.get(code)
        if where is None:
            return UnknownCode(f"没有机构“{code}”。", field="organization_code")
        if not where.live:
            return UnknownCode(f"机构“{code}”已停用。", field="organization_code")
        if not self.by.can("services:write", where.path):
            return OutOfScope(code=code, field="organization_code")
        return where

    def limits(self, area: str, served_at: datetime) -> _Clocks:
        day = served_at.astimezone(law.BEIJING).date()
        known = self.clocks.get((area, day))
        if known is None:
            try:
                rules = law.at(area, day)
            except law.LawError as failure:
                raise RowRefused(failure.message, field="served_at", cure="") from failure
            silence = law.due(rules.limit("default"), served_at)
            limit = rules.limit("default")
            known = self.clocks[(area, day)] = _Clocks(
                default_due_at=silence.at,
                default_rule=f"{limit.clause}:{limit.value}d@{limit.valid_from}",
                closes_at=law.due(rules.limit("late_voice"), served_at).at,
                skew=timedelta(minutes=rules.limit("clock_skew").value),
            )
        return known

    def check(self, row: ServiceIn) -> tuple[registry.Place, _Clocks, str, str, str]:
        """Place, limits, item name and version, window name.  Raises RowRefused with field and cure."""
        where = self.place(row.organization_code)
        item = self.directory.items.get(row.item_code)
        if item is None:
            raise UnknownCode(f"没有事项“{row.item_code}”。", field="item_code")
        window = ""
        if row.window_code:
            known = self.directory.windows.get((where.code, row.window_code))
            if known is None:
                raise UnknownCode(f"机构“{where.code}”没有窗口“{row.window_code}”。", field="window_code")
            window = known
        if row.staff_code and (where.code, row.staff_code) not in self.directory.staff:
            raise UnknownCode(f"机构“{where.code}”没有工号“{row.staff_code}”。", field="staff_code")
        clocks = self.limits(where.area_code, row.served_at)
        if row.served_at > self.at + clocks.skew:
            raise TimesOutOfOrder("服务时间在将来。", field="served_at", cure="请校准业务系统的时钟后重报。")
        if row.accepted_at and row.accepted_at > row.served_at:
            raise TimesOutOfOrder("受理时间晚于服务时间。", field="accepted_at")
        if row.accepted_at and row.finished_at and row.accepted_at > row.finished_at:
            raise TimesOutOfOrder("受理时间晚于办结时间。", field="finished_at")
        return where, clocks, row.item_name or item[0], item[1], window


def _content(row: ServiceIn) -> bytes:
    """Keyed digest of everything a row says: two reports of a service are the same or they conflict."""
    return privacy.keyed("index", b"service\0" + row.model_dump_json().encode())[:16]


def services_receive(rows: Sequence[ServiceIn | Problem], *, by: Actor, at: datetime) -> list[Received]:
    """Take services in: per row the invitation, or the refusal (a row that is a Problem stays one).

    Idempotent on (organization_code, case_no, service_no).  Good rows are kept though
    others are refused.  All that is kept is kept in one transaction, with its journal
    row and its messages upward.
    """
    for attempt in range(TRIES):
        try:
            with transaction.atomic():
                return _receive(rows, by, at)
        except IntegrityError:  # another call reported one of them in the same moment: look again
            if attempt == TRIES - 1:
                raise
    raise AssertionError("unreachable")


_SERVICE = (
    "id", "area_code", "organization_code", "organization_name", "case_no", "service_no", "service_name", "item_code",
    "item_name", "item_version", "window_code", "window_name", "staff_code", "handling", "case_state", "package_no",
    "accepted_at", "served_at", "finished_at", "received_at", "reported_by", "content", "token", "default_due_at",
    "default_rule", "closes_at", "outcome",
)  # fmt: skip
_APPLICANT = ("service", "sealed", "phone_index", "certificate_index")


def _receive(rows: Sequence[ServiceIn | Problem], by: Actor, at: datetime) -> list[Received]:
    batch = _Batch(by, at)
    answers: list[Received | None] = [None] * len(rows)
    known = _known(row for row in rows if isinstance(row, ServiceIn))
    services: list[tuple[Any, ...]] = []
    applicants: list[tuple[Any, ...]] = []
    drafts: list[Draft] = []
    leaves: list[bytes] = []
    label = Service._meta.label_lower
    journal_key = home().key("journal")
    for number, row in enumerate(rows):
        if isinstance(row, Problem):
            row.row = number + 1 if len(rows) > 1 else row.row
            answers[number] = Received(
                str(row.detail.get("case_no", "")), int(row.detail.get("service_no", 0)), None, row
            )
            continue
        key = (row.organization_code, row.case_no, row.service_no)
        content = _content(row)
        if key in known:
            identifier, before = known[key]
            if before == content and by.can("services:write", batch.place(row.organization_code).path):
                answers[number] = Received(row.case_no, row.service_no, identifier)
                continue
        try:
            where, clocks, item_name, item_version, window_name = batch.check(row)
            if key in known:
                raise ServiceConflict(tail=row.case_no[-4:], number=row.service_no, field="service_no")
        except Problem as problem:
            problem = type(problem)(problem.message, field=problem.field, cure=problem.cure)
            problem.row = number + 1 if len(rows) > 1 else None
            answers[number] = Received(row.case_no, row.service_no, None, problem)
            continue
        identifier = ids.uuid7(at)
        token = tokens.stored(tokens.invitation_token(identifier))
        sealed, phone, certificate = _sealed(identifier, row)
        services.append((
            identifier, where.area_code, where.code, where.name, row.case_no, row.service_no, row.service_name,
            row.item_code, item_name, item_version, row.window_code or "", window_name, row.staff_code or "",
            row.handling, row.case_state, row.package_no or "", row.accepted_at, row.served_at, row.finished_at,
            at, by.name, content, token, clocks.default_due_at, clocks.default_rule, clocks.closes_at, Outcome.NONE,
        ))  # fmt: skip
        applicants.append((identifier, sealed, phone, certificate))
        leaves.append(
            identifier.bytes
            + journal.digest(
                label,
                (
                    where.code, row.case_no, row.service_no, row.item_code, row.window_code or "",
                    row.staff_code or "", row.handling, row.served_at, content, token, clocks.default_due_at, sealed,
                ),
                journal_key,
            )
        )  # fmt: skip
        drafts.append(
            Draft("service", identifier, where.area_code, where.code, row.case_no, row.service_no, row.served_at)
        )
        known[key] = (identifier, content)
        answers[number] = Received(row.case_no, row.service_no, identifier)
    if services:
        bulk.insert(Service, _SERVICE, services)
        bulk.insert(Applicant, _APPLICANT, applicants)
        messages_enqueue(drafts, at=at)
        journal.write(
            "services.received", at=at, actor=by.name, organization_code=services[0][2],
            subject=services[0][0] if len(services) == 1 else None, leaves=b"".join(leaves), count=len(services),
        )  # fmt: skip
        events.publish(ServicesReceived(tuple(row[0] for row in services), at))
    return [answer for answer in answers if answer is not None]


def _known(rows: Iterable[ServiceIn]) -> dict[tuple[str, str, int], tuple[UUID, bytes]]:
    """Services already here, of the cases in `rows`."""
    cases: dict[str, set[str]] = {}
    for row in rows:
        cases.setdefault(row.organization_code, set()).add(row.case_no)
    known = {}
    for organization_code, numbers in cases.items():
        wanted = sorted(numbers)
        for start in range(0, len(wanted), CHUNK):
            found = Service.objects.filter(
                organization_code=organization_code, case_no__in=wanted[start : start + CHUNK]
            ).values_list("case_no", "service_no", "id", "content")
            for case_no, service_no, identifier, content in found:
                known[(organization_code, case_no, service_no)] = (identifier, bytes(content))
    return known


def _sealed(identifier: UUID, row: ServiceIn) -> tuple[bytes, bytes | None, bytes | None]:
    """The applicant (and agent) sealed for this service, with the two blind indexes."""
    person = row.applicant
    value = person.model_dump_json()
    if row.agent is not None:
        value = json.dumps({**person.__dict__, "agent": row.agent.__dict__}, ensure_ascii=False)
    sealed = privacy.seal(value.encode(), f"applicant:{identifier.hex}")
    phone = privacy.normal_phone(person.phone)
    return (
        sealed,
        privacy.index("phone", phone) if phone else None,
        privacy.index("certificate", f"{person.cert_type}:{privacy.normal_certificate(person.cert_no)}"),
    )
