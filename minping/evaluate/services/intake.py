"""Services come in, as a set; each row is answered by itself and is taken once (R6, R11)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import IntegrityError, connection

from minping import law
from minping.evaluate import tokens
from minping.evaluate.models import Service
from minping.evaluate.schemas import ServiceIn
from minping.evaluate.services.keeping import Clocks, Taken, services_keep
from minping.kernel import bulk, privacy
from minping.kernel.access import Actor
from minping.kernel.errors import Problem
from minping.registry import queries as registry

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


class Received(NamedTuple):
    """The answer to one row: its service, or why not, under what the caller called it."""

    case_no: str
    service_no: int
    service_id: UUID | None
    problem: Problem | None = None

    def as_json(self, url: Callable[[UUID], str] = tokens.invitation_url) -> dict[str, Any]:
        """`url` gives an invitation's address: `tokens.invitation_urls()` does for many."""
        row: dict[str, Any] = {"case_no": self.case_no, "service_no": self.service_no}
        if self.problem is not None:
            return {**row, "status": "refused", "error": self.problem.as_json()}
        assert self.service_id is not None
        return {
            **row, "status": "accepted", "invitation_url": url(self.service_id),
            "slip_code": tokens.slip_code(self.service_id),
        }  # fmt: skip


_Names = tuple[registry.Place, str, str, str]  # place, item name and version, window name


class _Batch:
    """Rows of one call on their way in."""

    def __init__(self, by: Actor, at: datetime) -> None:
        self.by = by
        self.at = at
        self.directory = registry.directory()
        self.clocks: dict[tuple[str, date], Clocks] = {}
        self.places: dict[str, registry.Place | Problem] = {}
        self.known: dict[tuple[str, str, str | None, str | None], _Names] = {}

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

    def limits(self, area: str, served_at: datetime) -> Clocks:
        day = served_at.astimezone(law.BEIJING).date()
        known = self.clocks.get((area, day))
        if known is None:
            try:
                rules = law.at(area, day)
            except law.LawError as failure:
                raise RowRefused(failure.message, field="served_at", cure="") from failure
            silence = law.due(rules.limit("default"), served_at)
            limit = rules.limit("default")
            known = self.clocks[(area, day)] = Clocks(
                default_due_at=silence.at,
                default_rule=f"{limit.clause}:{limit.value}d@{limit.valid_from}",
                closes_at=law.due(rules.limit("late_voice"), served_at).at,
                skew=timedelta(minutes=rules.limit("clock_skew").value),
            )
        return known

    def names(self, row: ServiceIn) -> _Names:
        """Place, item and window of a row.  Raises RowRefused with field and cure."""
        key = (row.organization_code, row.item_code, row.window_code, row.staff_code)
        known = self.known.get(key)
        if known is None:
            known = self.known[key] = self._names(row)
        return known

    def _names(self, row: ServiceIn) -> _Names:
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
        return where, item[0], item[1], window

    def check(self, row: ServiceIn, said: bytes, content: bytes) -> Taken:
        """The row with what the registry and the law say of it.  Raises RowRefused with field and cure."""
        where, item_name, item_version, window = self.names(row)
        served, accepted, finished = row.served_at, row.accepted_at, row.finished_at
        clocks = self.limits(where.area_code, served)
        if served > self.at + clocks.skew:
            raise TimesOutOfOrder("服务时间在将来。", field="served_at", cure="请校准业务系统的时钟后重报。")
        if accepted and accepted > served:
            raise TimesOutOfOrder("受理时间晚于服务时间。", field="accepted_at")
        if accepted and finished and accepted > finished:
            raise TimesOutOfOrder("受理时间晚于办结时间。", field="finished_at")
        return Taken(row, said, content, where, clocks, row.item_name or item_name, item_version, window)


def services_receive(rows: Sequence[ServiceIn | Problem], *, by: Actor, at: datetime) -> list[Received]:
    """Take services in: per row the invitation, or the refusal (a row that is a Problem stays one).

    Idempotent on (organization_code, case_no, service_no).  Good rows are kept though
    others are refused.  All that is kept is kept in one transaction, with its journal
    row and its messages upward; what needs no transaction is done before it begins, for
    on SQLite nobody else writes meanwhile.
    """
    for attempt in range(TRIES):
        try:
            with bulk.undisturbed():
                return _receive(rows, by, at)
        except IntegrityError:  # another call reported one of them in the same moment: look again
            if attempt == TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _receive(rows: Sequence[ServiceIn | Problem], by: Actor, at: datetime) -> list[Received]:
    batch = _Batch(by, at)
    answers: list[Received | None] = [None] * len(rows)
    # Of each service its id, or for one of this call its place among those taken; and what was said of it.
    known: dict[tuple[str, str, int], tuple[UUID | int, bytes]] = {}
    known.update(_known(row for row in rows if isinstance(row, ServiceIn)))
    taken: list[Taken] = []
    placed: list[tuple[int, int]] = []  # (place in the call, place among those taken)
    to_json = ServiceIn.__pydantic_serializer__.to_json
    keyed = privacy.keyed_many("index", b"service\0")
    for number, row in enumerate(rows):
        if isinstance(row, Problem):
            row.row = number + 1 if len(rows) > 1 else row.row
            answers[number] = Received(
                str(row.detail.get("case_no", "")), int(row.detail.get("service_no", 0)), None, row
            )
            continue
        key = (row.organization_code, row.case_no, row.service_no)
        said = to_json(row)
        # Keyed digest of everything a row says: two reports of a service are the same or they conflict.
        content = keyed(said)[:16]
        earlier = known.get(key)
        try:
            if earlier is None:
                taken.append(batch.check(row, said, content))
                earlier = known[key] = (len(taken) - 1, content)
            elif earlier[1] != content or not by.can("services:write", batch.place(row.organization_code).path):
                batch.check(row, said, content)
                raise ServiceConflict(tail=row.case_no[-4:], number=row.service_no, field="service_no")
        except Problem as problem:
            refusal = type(problem)(problem.message, field=problem.field, cure=problem.cure)
            refusal.row = number + 1 if len(rows) > 1 else None
            answers[number] = Received(row.case_no, row.service_no, None, refusal)
            continue
        if isinstance(earlier[0], int):
            placed.append((number, earlier[0]))
        else:
            answers[number] = Received(row.case_no, row.service_no, earlier[0])
    made = services_keep(taken, by=by, at=at)
    for number, place in placed:
        row = taken[place].row
        answers[number] = Received(row.case_no, row.service_no, made[place])
    return [answer for answer in answers if answer is not None]


# Both forms send the numbers as one value: an IN list of thousands costs more to write than to look up.
_AMONG = {"sqlite": "IN (SELECT value FROM json_each(%s))", "postgresql": "= ANY(%s)"}


def _known(rows: Iterable[ServiceIn]) -> dict[tuple[str, str, int], tuple[UUID, bytes]]:
    """Services already here, of the cases in `rows`."""
    cases: dict[str, set[str]] = {}
    for row in rows:
        cases.setdefault(row.organization_code, set()).add(row.case_no)
    known = {}
    with connection.cursor() as cursor:
        for organization_code, numbers in cases.items():
            cursor.execute(
                f"SELECT case_no, service_no, id, content FROM {Service._meta.db_table} "
                f"WHERE organization_code = %s AND case_no {_AMONG[connection.vendor]}",
                [organization_code, bulk.raw_list(sorted(numbers))],
            )
            for case_no, service_no, identifier, content in cursor.fetchall():
                known[(organization_code, case_no, service_no)] = (bulk.identifier(identifier), bytes(content))
    return known
