"""`/api/v1/tickets/…`: tickets of the hotline and of other windows in, their answers out (minan/6.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router, Schema
from pydantic import Field, TypeAdapter, ValidationError

from minping.evaluate.schemas import problem_of
from minping.feedback.tickets import answers, services
from minping.feedback.tickets.models import Ticket
from minping.feedback.tickets.schemas import TicketIn
from minping.feedback.tickets.states import AnswerState, TicketState
from minping.kernel import clock
from minping.kernel.api import ERRORS, ErrorBody, actor
from minping.kernel.errors import NotFound, Problem
from minping.registry import queries as registry

router = Router()
MOST = 1000


class BadTickets(Problem):
    code = "bad_tickets"
    status = 422
    message = "请求体应是一个来件，或最多 {most} 个来件的数组。"
    cure = "请按接口文档填写，UTF-8 编码。"


class TicketOut(Schema):
    number: str
    status: str
    state: str = ""
    state_label: str = ""
    case_number: str = ""
    revision: int = 0
    error: ErrorBody | None = None


class AnswerOut(Schema):
    id: UUID
    number: str
    ordinal: int
    result: str
    text: str
    answered_at: datetime
    case_number: str
    receipt_no: str = ""


class AnswersOut(Schema):
    answers: list[AnswerOut]
    after: str


class TicketWithAnswers(TicketOut):
    answers: list[AnswerOut]


class ReceiptIn(Schema):
    number: Annotated[str, Field(min_length=1, max_length=60)]
    receipt_no: Annotated[str, Field(min_length=1, max_length=80)]


class ReceiptOut(Schema):
    number: str
    status: str
    error: ErrorBody | None = None


_one = TypeAdapter(TicketIn)


def _row(value: Any, number: int | None) -> TicketIn | Problem:
    try:
        return _one.validate_python(value)
    except ValidationError as failure:
        problem = problem_of(failure, number)
        problem.detail = {"number": str(value.get("number", ""))[:60]} if isinstance(value, Mapping) else {}
        return problem


def _told(answer: services.Received) -> dict[str, Any]:
    if answer.problem is not None:
        return {"number": answer.number, "status": "refused", "error": answer.problem.as_json()}
    assert answer.ticket is not None
    status = "accepted" if answer.new else "updated" if answer.changed else "known"
    return {"number": answer.number, "status": status, **_state(answer.ticket)}


def _state(ticket: Ticket) -> dict[str, Any]:
    return {
        "state": ticket.state, "state_label": TicketState(ticket.state).label, "revision": ticket.revision,
        "case_number": ticket.case.number if ticket.case else "",
    }  # fmt: skip


TICKET_SCHEMA = TicketIn.model_json_schema(ref_template="#/components/schemas/{model}")


@router.post(
    "/tickets/{source}",
    response={200: list[TicketOut] | TicketOut, 207: list[TicketOut], **ERRORS},
    summary="报送来件（一个或最多一千个）",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "oneOf": [TICKET_SCHEMA, {"type": "array", "maxItems": MOST, "items": {"type": "object"}}]
                    }
                }
            },
        }
    },
)
def tickets_post(request: HttpRequest, source: str) -> HttpResponse:
    """Each ticket once, by its source and number; sent again with other words it is an update, with history."""
    who = actor(request, f"tickets:{source}")
    try:
        content = json.loads(request.body)
    except (ValueError, UnicodeDecodeError, RecursionError) as failure:
        raise BadTickets(most=MOST) from failure
    many = isinstance(content, list)
    values = content if many else [content]
    if not all(isinstance(value, dict) for value in values) or len(values) > MOST:
        raise BadTickets(most=MOST)
    rows = [_row(value, number + 1 if many else None) for number, value in enumerate(values)]
    told = services.tickets_receive(source, rows, by=who, at=clock.now())
    if not many and told[0].problem is not None:
        raise told[0].problem
    body: Any = [_told(one) for one in told] if many else _told(told[0])
    status = 207 if many and any(one.problem for one in told) else 200
    return JsonResponse(body, safe=False, status=status, json_dumps_params={"ensure_ascii": False})


@router.get("/tickets/{source}/answers", response={200: AnswersOut, **ERRORS}, summary="取等着送的答复（游标翻页）")
def answers_get(request: HttpRequest, source: str, after: UUID | None = None) -> Any:
    """What has no receipt yet, oldest first.  `after` turns the page; a round begins without it, so nothing is lost."""
    permission = f"tickets:{source}"
    rows = answers.answers_waiting(source, by=actor(request, permission), permission=permission, after=after)
    cursor = str(rows[-1].pk) if len(rows) == answers.PAGE else ""
    return 200, {"answers": [answers.as_json(answer) for answer in rows], "after": cursor}


@router.post(
    "/tickets/{source}/receipts",
    response={200: list[ReceiptOut], 207: list[ReceiptOut], **ERRORS},
    summary="登记答复的回执编号",
)
def receipts_post(request: HttpRequest, source: str, receipts: list[ReceiptIn]) -> Any:
    """An answer is delivered once its source says under which number it has it."""
    who, now = actor(request, f"tickets:{source}"), clock.now()
    told: list[dict[str, Any]] = []
    for one in receipts[:MOST]:
        try:
            answers.answer_receipt(source, one.number, one.receipt_no, by=who, at=now)
            told.append({"number": one.number, "status": "delivered"})
        except Problem as problem:
            told.append({"number": one.number, "status": "refused", "error": problem.as_json()})
    return 207 if any("error" in one for one in told) else 200, told


@router.get("/tickets/{source}/{number}", response={200: TicketWithAnswers, **ERRORS}, summary="查询一个来件和它的答复")
def ticket_get(request: HttpRequest, source: str, number: str) -> Any:
    """State, case and answers of a ticket; never the person."""
    who = actor(request, f"tickets:{source}")
    ticket = Ticket.objects.select_related("case").filter(source=source, number=number).first()
    if ticket is None or not who.can(f"tickets:{source}", registry.place(ticket.organization_code).path):
        raise NotFound("没有这个来件。", cure="请核对来件编号；也可能不在这把密钥的范围内。")
    rows = ticket.answers.select_related("ticket__case").order_by("ordinal")
    told = [answers.as_json(answer) for answer in rows if answer.state != AnswerState.HELD]
    return 200, {"number": ticket.number, "status": "known", **_state(ticket), "answers": told}
