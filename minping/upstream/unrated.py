"""未评核对: the services that the superior still holds open for rating, beside ours.

Asked for where the superior has such a query (`pull_open_services`: the sandbox, and a minping above); no documented
interface of a province has one, so there a person brings the list that its screen shows (decision 0097).  What does
not agree opens a task that names the services; nothing here closes or opens a service by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from minping.kernel import clock, events, journal
from minping.kernel.access import Actor
from minping.kernel.errors import Invalid
from minping.upstream.messages import OpenService
from minping.upstream.models import OutboxMessage, Task
from minping.upstream.port import Ability, Driver, Later
from minping.upstream.provinces import driver
from minping.upstream.queries import day_bounds
from minping.upstream.states import ARRIVED, MessageState
from minping.upstream.watch import RATED, task_open

DAYS_BACK = timedelta(days=31)  # longer than anybody is given to rate
LISTED_MOST = 5000  # lines of a list that a person brings
AT_ONCE = 500  # cases in one statement

Key = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Standing:
    """One service of ours, told by the stage that owns it: whether it still waits for a word."""

    organization_code: str
    case_no: str
    service_no: int
    service: UUID
    open: bool

    @property
    def key(self) -> Key:
        return self.organization_code, self.case_no, self.service_no


@dataclass(frozen=True, slots=True)
class Unrated:
    """What was found of the services told: numbers where all is well, names where it is not."""

    told: int
    agreed: int  # open here too
    coming: int  # rated here, and that waits, is refused or in the manual queue: the desk shows it already
    unknown: tuple[str, ...]  # not here at all: nobody was invited by us
    unheard: tuple[str, ...]  # rated here, said to have arrived or never queued, and open there
    closed: tuple[str, ...]  # open here, and no longer there, though the service had arrived

    @property
    def clean(self) -> bool:
        return not (self.unknown or self.unheard or self.closed)

    @property
    def text(self) -> str:
        """In one sentence, for who asked."""
        off = ((self.unknown, "本地没有"), (self.unheard, "本地已评"), (self.closed, "上级已不列、本地未评"))
        wrong = "，".join(f"{name} {len(rows)} 件" for rows, name in off if rows)
        agreed = f"上级列为待评的 {self.told} 件：本地也待评 {self.agreed} 件，已评还没送到 {self.coming} 件"
        return f"{agreed}；{wrong}，已列入待查。" if wrong else f"{agreed}，没有差异。"


TEXTS = {
    "unknown": "省平台有 {n} 件待评的服务本地没有，服务对象收不到本地的邀请：请核对后补导入",
    "unheard": "有 {n} 件服务本地已有评价或默认、并不在途，省平台仍列为待评",
    "closed": "有 {n} 件服务省平台已不列为待评，本地还没有评价：在别处评的，结果没有取回",
}
OfCases = Callable[[Collection[str]], Iterable[Standing]]
OpenSince = Callable[[datetime], Iterable[Standing]]


def unrated_ask(*, at: datetime, chosen: Driver | None = None) -> Unrated | None:
    """Ask the superior and compare; None where it has no such query or does not answer."""
    chosen = chosen or driver()
    if Ability.PULL_OPEN_SERVICES not in chosen.abilities:
        return None
    since = clock.beijing(at - DAYS_BACK).date()
    try:
        told = chosen.open_services(since)
    except Later:
        return None
    return _settled(_compare(told, asked_at=at, since=since), chosen, by="system", at=at)


def unrated_read(text: str, *, by: Actor, at: datetime) -> Unrated:
    """Compare with a list that a person brings: it may be a part of what is open there.  Raises Invalid."""
    chosen = driver()
    return _settled(_compare(_listed(text, chosen), asked_at=at, since=None), chosen, by=by.name, at=at)


def _listed(text: str, chosen: Driver) -> list[OpenService]:
    """One service a line: case number, and where they are known service number and unit, as our records call them."""
    prefix = getattr(getattr(chosen, "profile", None), "case_key_prefix", "")
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines or len(lines) > LISTED_MOST:
        raise Invalid(f"清单有 {len(lines)} 行。", cure=f"请粘贴 1 至 {LISTED_MOST} 行，每行一件。", field="list")
    found = []
    for n, line in lines:
        parts = [part.strip() for part in line.replace("，", ",").replace("\t", ",").split(",")]
        case_no, number, organization, *more = [*parts, "", ""]
        number = number or "1"
        legible = case_no and "".join(parts).isprintable()  # no database holds a NUL
        if any(more) or not (legible and number.isdecimal() and number.isascii() and len(number) < 6):
            raise Invalid(
                f"第 {n} 行看不懂。", cure="每行写：办件编号，服务序号，机构代码；后两项可以不写。", field="list"
            )
        case_no = case_no.removeprefix(prefix)
        found.append(OpenService(organization, case_no, int(number)))
    return found


def _compare(told: Sequence[OpenService], *, asked_at: datetime, since: date | None) -> Unrated:
    """Theirs was read first: what is open here now, and had arrived before they were asked, they closed otherwise.

    `since` where they told all that is open of the services from that day on, None where it is only a part.
    """
    of_cases, open_since = events.table("STANDINGS")
    theirs = {(one.organization_code, one.case_no, one.service_no) for one in told}
    ours: dict[Key, Standing] = {}
    for one in _by_cases(of_cases, {case_no for _, case_no, _ in theirs}):
        ours[one.key] = ours["", one.case_no, one.service_no] = one  # a screen need not say the unit
    unknown = [key for key in sorted(theirs) if key not in ours]
    rated = [ours[key] for key in sorted(theirs) if key in ours and not ours[key].open]
    said = _states(rated, (*RATED, "default"), asked_at)
    silent = {"", *ARRIVED}  # of what has arrived nothing more will come; nor of what was never queued
    unheard = [one for one in rated if said.get(one.key, {""}) <= silent]
    spared = [one for one in rated if MessageState.UNNEEDED in said.get(one.key, ())]
    closed: list[Standing] = []
    if since is not None:
        gone = [one for one in open_since(day_bounds(since, since)[0]) if one.key not in theirs]
        arrived = _states(gone, ("service",), asked_at)
        closed = [one for one in gone if set(ARRIVED) & arrived.get(one.key, set())]
    return Unrated(
        told=len(theirs), agreed=len(theirs) - len(unknown) - len(rated),
        coming=len(rated) - len(unheard) - len(spared),
        unknown=tuple(" ".join((*filter(None, (organization, case_no)), str(n))) for organization, case_no, n in unknown),
        unheard=tuple(one.service.hex for one in unheard), closed=tuple(one.service.hex for one in closed),
    )  # fmt: skip


def _by_cases(ask: OfCases, cases: Collection[str]) -> Iterable[Standing]:
    ordered = sorted(cases)
    for start in range(0, len(ordered), AT_ONCE):
        yield from ask(ordered[start : start + AT_ONCE])


def _states(services: Sequence[Standing], kinds: Collection[str], before: datetime) -> dict[Key, set[str]]:
    """The states of a service's messages of some kinds; what arrived after `before` was on its way when they told."""
    found: dict[Key, set[str]] = {}
    units, ordered = {one.organization_code for one in services}, sorted({one.case_no for one in services})
    for start in range(0, len(ordered), AT_ONCE):
        rows = OutboxMessage.objects.filter(
            organization_code__in=units, case_no__in=ordered[start : start + AT_ONCE], kind__in=kinds
        )
        columns = ("organization_code", "case_no", "service_no", "state", "settled_at")
        for organization, case_no, service_no, state, settled_at in rows.values_list(*columns):
            late = state in ARRIVED and settled_at is not None and settled_at >= before
            states = found.setdefault((organization, case_no, service_no), set())
            states.add(MessageState.WAITING if late else state)
    return found


def _settled(found: Unrated, chosen: Driver, *, by: str, at: datetime) -> Unrated:
    """A task for each kind of difference, with what no open task names already, and one row in the journal."""
    named = {row for task in Task.objects.filter(kind="unrated", closed_at__isnull=True) for row in task.rows}
    for name, text in TEXTS.items():
        if rows := [row for row in getattr(found, name) if row not in named]:
            key = f"{chosen.name}:{name}:{clock.beijing(at):%Y-%m-%d}"
            task_open("unrated", key, text.format(n=len(rows)), target=chosen.name, rows=rows, at=at)
    journal.write(
        "unrated.compared", at=at, actor=by, target=chosen.name, told=found.told, agreed=found.agreed,
        coming=found.coming, unknown=len(found.unknown), unheard=len(found.unheard), closed=len(found.closed),
    )  # fmt: skip
    return found
