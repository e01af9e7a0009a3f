"""The work list (工作台) as every stage fills it: views, rows, and how time left is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse

from minping import law
from minping.kernel import clock
from minping.kernel.access import Grant
from minping.kernel.errors import Problem

CAP = 999  # a badge says "999+" beyond: nobody works from the exact number
PAGE = 20  # lines of a list: two screens of a desk; fifty took twice as long, and half of them nobody reached


@dataclass(frozen=True)
class View:
    """One entry of the side bar.  `order` is how rows are sorted: by the time left, or newest first."""

    id: str
    label: str
    permission: str
    newest_first: bool = False
    optional: bool = False  # may be done, need not: never among 待我办


@dataclass(frozen=True)
class Row:
    """One line: level, item, first words, time left.  `key` is the record that waits, a case or its order."""

    key: UUID
    case_id: UUID
    level: int | None  # None: no rating; then `arrival_label` stands where the level would
    item_name: str
    excerpt: str
    state_label: str
    window_name: str
    due_at: datetime | None
    number: str
    next_text: str  # what is to be done next, and by whom if not by the reader
    place: str = ""  # its key in the view (kernel/queues)
    arrival_label: str = ""

    @property
    def level_label(self) -> str:
        return self.arrival_label if self.level is None else law.InterfaceLevel(self.level).label


@dataclass(frozen=True)
class Scope:
    """Where an actor's permission reaches: whole organisations, and single windows."""

    organizations: tuple[str, ...]
    windows: tuple[tuple[str, str], ...]

    def covers(self, organization: str, window: str) -> bool:
        """Whether an organisation and a window lie within this scope."""
        return organization in self.organizations or (organization, window) in self.windows

    def filter(self, rows: Any, field: str = "organization_code") -> Any:
        """Rows of a model with an organisation in `field`, and window_code, within this scope."""
        wanted = Q(**{f"{field}__in": self.organizations})
        for code, window in self.windows:
            wanted |= Q(**{field: code, "window_code": window})
        return rows.filter(wanted)


def scope_of(grants: Iterable[Grant], places: Iterable[tuple[str, str]]) -> Scope:
    """The scope of grants among `places` (code, path)."""
    known = list(places)
    granted = list(grants)
    whole = tuple(code for code, path in known if any(not g.window_code and path.startswith(g.path) for g in granted))
    windows = tuple((code, g.window_code) for g in granted if g.window_code for code, path in known if path == g.path)
    return Scope(whole, windows)


def left(due_at: datetime | None, area_code: str, now: datetime) -> tuple[str, str]:
    """How much is left, as text, and its kind: over, soon, ok or stopped."""
    if due_at is None:
        return "", "stopped"
    told = law.left(due_at, now)
    if told.overdue:
        return told.text, "over"
    limit = law.at(area_code, clock.beijing(now).date()).limit("due_soon")
    return told.text, "soon" if told.soon(limit) else "ok"


def soon_until(area_code: str, now: datetime) -> datetime:
    """The instant up to which a due time counts as 将超时 now."""
    limit = law.at(area_code, clock.beijing(now).date()).limit("due_soon")
    return law.due(limit, now).at


def clock_context(record: Any, now: datetime) -> dict[str, Any] | None:
    """A running clock as its panel shows it: time left, due, rule, clause, calendar."""
    if record.due_at is None:
        return None
    text, kind = left(record.due_at, record.area_code, now)
    return {
        "left_text": text,
        "kind": kind,
        "due_text": clock.due_text(record.due_at),
        "rule_text": record.due_rule,
        "clause": record.due_clause,
        "edition": record.due_edition,
        "provisional": record.due_provisional,
    }


# --- from a case back into the view from which it was opened -------------------------------------

FROM, LINE = "from", "line"


def trail(view: str, line: str) -> str:
    """What the address of an act carries: the view it was opened from and the line it stood on (no personal data)."""
    return "?" + urlencode({name: value for name, value in ((FROM, view), (LINE, line)) if value})


def trail_of(request: HttpRequest) -> str:
    """The same, as this request carries it; empty where it was not opened from a view."""
    view = opened_from(request, "")
    return trail(view, request.GET.get(LINE, "")) if view else ""


def opened_from(request: HttpRequest, otherwise: str) -> str:
    """The view that an act was opened from, else `otherwise`."""
    view = request.GET.get(FROM, "")
    return view if view.isidentifier() else otherwise


def onward(request: HttpRequest, otherwise: str) -> str:
    """Where to go after a decision: the line behind the one decided on, in the view it was opened from."""
    view = opened_from(request, "")
    line = request.GET.get(LINE, "") if view else ""
    return f"{reverse('desk_view', args=[view or otherwise])}?{urlencode({'next': line or '1'})}"


# --- what was typed, when it is refused ----------------------------------------------------------

SAID = "said"
NOT_SAID = frozenset({"csrfmiddlewaretoken", "verb", "into", "template"})


def refused(request: HttpRequest, problem: Problem, otherwise: str, case_id: UUID) -> HttpResponseRedirect:
    """Back to the case with the sentence, and with what was typed: it is shown again once, and nothing is lost."""
    messages.error(request, problem.message + problem.cure)
    fields = {name: request.POST[name] for name in request.POST if name not in NOT_SAID}
    keep(request, case_id, request.POST.get("verb", ""), fields)
    back = reverse("desk_case", args=[opened_from(request, otherwise), case_id])
    return HttpResponseRedirect(back + trail_of(request))


def keep(request: HttpRequest, case_id: UUID, verb: str, fields: Mapping[str, str]) -> None:
    """Keep what was typed into the form of a move for the next look at its case."""
    request.session[SAID] = {"case": str(case_id), "verb": verb, "fields": dict(fields)}


def refill(request: HttpRequest, case_id: UUID, actions: Iterable[dict[str, Any]]) -> None:
    """Open the form that was refused on this case and put back what was typed into it."""
    said = request.session.get(SAID)
    if said is None or said["case"] != str(case_id):
        return
    del request.session[SAID]
    for action in actions:
        if action["verb"] != said["verb"]:
            continue
        action["open"] = True
        for field in action.get("fields", ()):
            field["value"] = said["fields"].get(field["name"], "")
            if "options" in field:
                field["options"] = [{**o, "selected": o["value"] == field["value"]} for o in field["options"]]
