"""来件: those that wait for a person, one with its candidates side by side, typing in, files, and the answers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from pydantic import ValidationError

from minping import law
from minping.evaluate.files.pages import import_page
from minping.evaluate.schemas import RowInvalid, problem_of
from minping.feedback.tickets import answers, files, services, typed, view
from minping.feedback.tickets.forms import UNSAID, NegativeForm, TicketForm
from minping.feedback.tickets.matching import search
from minping.feedback.tickets.models import Answer, Ticket
from minping.feedback.tickets.schemas import TicketIn
from minping.feedback.tickets.states import MOVES, AnswerState, TicketState
from minping.kernel import clock
from minping.kernel.access import Actor
from minping.kernel.errors import NotFound, Problem
from minping.kernel.paging import page_of
from minping.kernel.web import actor, staff_page
from minping.law import InterfaceLevel
from minping.registry import queries as registry
from minping.registry.importing import cells
from minping.registry.pages import attachment
from minping.upstream.messages import NegativeReceived

PAGE = 50
OPEN = (TicketState.MATCHING, TicketState.DECIDING)
TABS = (("open", "待认定"), ("answers", "答复待送"), ("all", "全部"))


def _units(by: Actor, permission: str) -> tuple[str, ...]:
    return registry.directory().within(by.scopes(permission))


def _unsent(by: Actor) -> QuerySet[Answer]:
    waiting = Answer.objects.filter(state__in=(AnswerState.HELD, AnswerState.WAITING))
    return waiting.filter(organization_code__in=_units(by, "ticket.read"))


@staff_page("ticket.read")
@require_safe
def tickets(request: HttpRequest) -> HttpResponse:
    """What waits for a person, the answers that have not gone, and all there are; each within the reader's scope."""
    by, now = actor(request), clock.now()
    show = request.GET.get("show", "open")
    mine = Ticket.objects.filter(organization_code__in=_units(by, "ticket.read"))
    waiting, unsent = mine.filter(state__in=OPEN), _unsent(by)
    counts = {"open": waiting.count(), "answers": unsent.count(), "all": None}
    if show not in counts:
        raise NotFound("没有这个栏目。", cure="请从页面上的栏目进入。")
    context: dict[str, Any] = {
        "tabs": [
            {"label": label, "count": counts[key], "url": f"?show={key}", "active": key == show} for key, label in TABS
        ],
        "show": show,
        "may_take": by.may("ticket.take"),
        "may_answer": by.may("ticket.answer"),
        "sources": _sources(),
    }
    if show == "answers":
        page = page_of(unsent.select_related("ticket__case"), request, size=PAGE, key=UUID)
        context["answers"] = [_answer_row(row, by) for row in page.rows]
    else:
        rows = waiting if show == "open" else mine
        page = page_of(rows.select_related("case"), request, size=PAGE, newest_first=show == "all", key=UUID)
        context["rows"] = [view.line(row, now) for row in page.rows]
    context["page"] = page.links
    return render(request, "tickets/index.html", context)


def _sources() -> list[dict[str, str]]:
    rules = law.at(settings.MINPING_AREA, clock.beijing(clock.now()).date())
    return [{"id": one.id, "label": one.label} for one in rules.sources.values()]


def _answer_row(answer: Answer, by: Actor) -> dict[str, Any]:
    source = services.source_of(answer.source, answer.ticket.area_code, answer.made_at)
    return {
        "id": answer.pk, "number": answer.ticket.number, "source_label": source.label, "text": answer.text,
        "state": answer.state, "state_label": AnswerState(answer.state).label, "why": answer.why,
        "code": answers.code_of(answer), "made_text": clock.moment_text(answer.made_at),
        "case_number": answer.ticket.case.number if answer.ticket.case else "",
        "ticket_url": reverse("ticket", args=[answer.ticket_id]), "may": by.may("ticket.answer"),
        "results": [
            {"value": ours, "label": f"{theirs}", "selected": ours == answer.result}
            for ours, theirs in _distinct(source.results, answer.result)
        ],
    }  # fmt: skip


def _distinct(results: Any, chosen: str) -> list[tuple[str, str]]:
    """Each word of the source once; the one chosen under its own name."""
    found: dict[str, str] = {}
    for ours, theirs in results.items():
        if theirs not in found or ours == chosen:
            found[theirs] = ours
    return [(ours, theirs) for theirs, ours in found.items()]


def _ticket(request: HttpRequest, ticket_id: UUID) -> Ticket:
    ticket = services.ticket_get(ticket_id)
    actor(request).require("ticket.read", registry.place(ticket.organization_code).path)
    return ticket


@staff_page("ticket.read")
@require_safe
def ticket(request: HttpRequest, ticket_id: UUID) -> HttpResponse:
    """One ticket: its words, and beside them whatever it may be about; a person decides."""
    return _show(request, _ticket(request, ticket_id))


def _show(request: HttpRequest, found: Ticket, problem: Problem | None = None) -> HttpResponse:
    by, now = actor(request), clock.now()
    told = search(found) if found.state == TicketState.MATCHING else None
    verbs = {}
    for move in MOVES.from_state(found.state):
        if move.permission:
            refused = services.refusal(move.verb, found, by, now)
            verbs[move.verb] = {"label": move.label, "reason": refused.message if refused else ""}
    context = {
        "ticket": view.shown(found, by, now, found.case),
        "candidates": view.candidates(told.candidates) if told else [],
        "case": view.case_line(found.case) if found.case else None,
        "verbs": {verb: one for verb, one in verbs.items() if not one["reason"]},
        "refusals": [one for one in verbs.values() if one["reason"]],
        "error": f"{problem.message}{problem.cure}" if problem else "",
        "case_no": request.POST.get("case_no", ""),
    }
    return render(request, "tickets/ticket.html", context, status=problem.status if problem else 200)


@staff_page("ticket.match")
@require_POST
def decide(request: HttpRequest, ticket_id: UUID, verb: str) -> HttpResponse:
    """What a person decides of a ticket; done, on to the next that waits."""
    found = _ticket(request, ticket_id)
    if verb not in {move.verb for move in MOVES.moves if move.permission}:
        raise NotFound()
    try:
        done = services.ticket_decide(
            ticket_id=found.pk, verb=verb, said=request.POST.dict(), by=actor(request), at=clock.now()
        )
    except Problem as problem:
        return _show(request, _ticket(request, ticket_id), problem)
    number = f"（{done.case.number}）" if done.case else ""
    messages.success(request, f"{done.number} {TicketState(done.state).label}{number}。")
    return HttpResponseRedirect(reverse("tickets"))


# --- typed in ------------------------------------------------------------------------------------


def _choices(by: Actor) -> list[tuple[str, str]]:
    units = set(_units(by, "ticket.take"))
    places = sorted(registry.directory().places.values(), key=lambda place: place.path)
    return [(place.code, place.name) for place in places if place.live and place.code in units]


@staff_page("ticket.take")
@require_http_methods(["GET", "HEAD", "POST"])
def ticket_new(request: HttpRequest) -> HttpResponse:
    """A ticket known only from paper or a telephone."""
    by = actor(request)
    sources = [(one["id"], one["label"]) for one in _sources()]
    form = TicketForm(request.POST or None, units=_choices(by), sources=sources)
    if request.method == "POST" and form.is_valid():
        (answer,) = services.tickets_receive(
            form.cleaned_data["source"], [_typed(form.cleaned_data)], by=by, at=clock.now(),
            permission=files.PERMISSION, typed=True,
        )  # fmt: skip
        if answer.ticket is not None:
            messages.success(request, f"{answer.number} {TicketState(answer.ticket.state).label}。")
            return HttpResponseRedirect(reverse("ticket", args=[answer.ticket.pk]))
        if answer.problem is not None:
            _refuse(form, answer.problem)
    return _typing(
        request, form, "录入来件", "12345、“办不成事”窗口只有纸面或电话的，在这里录入；每一件都注明是手工录入的。"
    )


def _typed(said: dict[str, Any]) -> TicketIn | Problem:
    """What was typed in, in the form that every ticket has; or which field is not as it must be."""
    row = {
        name: said[name] for name in ("organization_code", "item_name", "case_no", "said_at", "demanded_at", "words")
    }
    person = {name: said[name] for name in ("name", "phone")}
    try:
        return TicketIn.model_validate({**row, "number": "".join(said["number"].split()), "person": person})
    except ValidationError as failure:
        return problem_of(failure)


@staff_page("ticket.take")
@require_http_methods(["GET", "HEAD", "POST"])
def negative_new(request: HttpRequest) -> HttpResponse:
    """A negative that the superior told of on paper or by telephone."""
    by = actor(request)
    levels = [(str(int(level)), level.label) for level in sorted(InterfaceLevel, reverse=True) if level.negative]
    channels = [(one.id, one.label) for one in law.at("000000", clock.now()).channels.values()]
    form = NegativeForm(request.POST or None, units=_choices(by), levels=levels, channels=channels)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        told = NegativeReceived(
            reference=said["reference"], organization_code=said["organization_code"], case_no=said["case_no"],
            service_no=said["service_no"], level=InterfaceLevel(int(said["level"])), rated_at=said["rated_at"],
            text=said["words"], channel="" if said["channel"] == UNSAID else said["channel"],
        )  # fmt: skip
        try:
            case = typed.negative_take(told, by=by, at=clock.now())
        except Problem as problem:
            _refuse(form, problem)
        else:
            messages.success(request, f"已录入，立件 {case.number}。")
            return HttpResponseRedirect(reverse("desk_case", args=["verify", case.pk]))
    note = (
        "上级来文、来电告知的差评，本地还没有的，在这里录入。它是一条评价，注明“上级转来，手工录入”，照常核实和计入。"
    )
    return _typing(request, form, "录入上级转来的差评", note)


def _refuse(form: forms.Form, problem: Problem) -> None:
    name = (problem.field or "").rpartition(".")[2]
    field = name if name in form.fields else None
    text = problem.message.partition("：")[2] if isinstance(problem, RowInvalid) and field else problem.message
    form.add_error(field, f"{text}{problem.cure}")


def _typing(request: HttpRequest, form: forms.Form, title: str, note: str) -> HttpResponse:
    context = {"form": form, "title": title, "note": note, "back_url": reverse("tickets")}
    return render(request, "tickets/new.html", context, status=422 if form.is_bound and form.errors else 200)


# --- files ---------------------------------------------------------------------------------------


@staff_page("ticket.take")
@require_http_methods(["GET", "HEAD", "POST"])
def tickets_import(request: HttpRequest, source: str) -> HttpResponse:
    """Choose a file, see what each row would answer, confirm."""
    by, now = actor(request), clock.now()
    label = services.source_of(source, settings.MINPING_AREA, now).label
    context = {
        "back_url": reverse("tickets"), "back_label": "返回来件", "action": reverse("tickets_import", args=[source]), "label": label,
        "template_url": reverse("tickets_template"),
    }  # fmt: skip
    return import_page(
        request, "tickets/import.html", context, noun="来件",
        check=lambda data, name: files.check_data(source, data, name, by=by, at=now),
        take=lambda data, name: files.import_data(source, data, name, by=by, at=now),
    )  # fmt: skip


@staff_page("ticket.take")
@require_safe
def tickets_template(request: HttpRequest) -> HttpResponse:
    """The empty form to download."""
    return attachment(files.FORM.template(), "tickets-form.xlsx")


# --- answers -------------------------------------------------------------------------------------


@staff_page("ticket.answer")
@require_POST
def answers_export(request: HttpRequest, source: str) -> HttpResponse:
    """The waiting answers of a source as a file to hand in; the receipt numbers are entered afterwards."""
    label = services.source_of(source, settings.MINPING_AREA, clock.now()).label
    rows = answers.answers_export(source, by=actor(request), at=clock.now())
    return attachment(cells.written([(f"{label}答复"[:31], answers.HEADINGS, rows)]), f"answers-{source}.xlsx")


@staff_page("ticket.answer")
@require_POST
def answer_write(request: HttpRequest, answer_id: UUID) -> HttpResponse:
    """Put an answer right that is held, or that has not gone yet."""
    said = request.POST
    return _answered(
        request, "答复已存，等来源取走。",
        lambda by: answers.answer_write(
            answer_id=answer_id, result=said.get("result", ""), text=said.get("text", ""), by=by, at=clock.now()
        ),
    )  # fmt: skip


@staff_page("ticket.answer")
@require_POST
def answer_delivered(request: HttpRequest, answer_id: UUID) -> HttpResponse:
    """It was entered on the source's own screens, or handed in with the file: under which receipt number."""
    return _answered(
        request, "已登记回执。",
        lambda by: answers.answer_delivered_by_hand(
            answer_id=answer_id, receipt_no=request.POST.get("receipt_no", ""), by=by, at=clock.now()
        ),
    )  # fmt: skip


def _answered(request: HttpRequest, done: str, act: Any) -> HttpResponse:
    try:
        act(actor(request))
    except Problem as problem:
        messages.error(request, f"{problem.message}{problem.cure}")
    else:
        messages.success(request, done)
    return HttpResponseRedirect(f"{reverse('tickets')}?show=answers")
