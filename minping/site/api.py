"""The API that integrators call: bearer keys, one error shape, OpenAPI 3.1 (docs/api.md)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import DataError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.module_loading import import_string
from ninja import NinjaAPI, Schema
from ninja.errors import HttpError
from ninja.errors import ValidationError as NinjaValidationError
from pydantic import TypeAdapter, ValidationError

from minping import __version__
from minping.assess.api import indicators_json
from minping.evaluate import channels
from minping.evaluate.models import Service
from minping.evaluate.schemas import ServiceIn, problem_of, services_of
from minping.evaluate.services import services_receive
from minping.evaluate.states import Outcome
from minping.evaluate.tokens import invitation_urls
from minping.feedback.tickets.api import router as tickets_router
from minping.kernel import clock
from minping.kernel.api import ERRORS, Bearer, ErrorBody, NotJson, actor
from minping.kernel.errors import Invalid, NotFound, Problem
from minping.law import LawError
from minping.registry import queries as registry
from minping.upstream import queries as upstream
from minping.upstream.below.api import router as superior

MOST = 10_000


class TooManyRows(Problem):
    code = "too_many_rows"
    status = 413
    message = "一次最多报 {most} 行，这次有 {count} 行。"
    cure = "请分几次报送。"


class ReceivedOut(Schema):
    case_no: str
    service_no: int
    status: str
    invitation_url: str | None = None
    slip_code: str | None = None
    error: ErrorBody | None = None


class ServiceOut(Schema):
    organization_code: str
    case_no: str
    service_no: int
    case_state: int
    state: str
    outcome: str
    upstream_state: str
    upstream: dict[str, str]


class WithoutDefaults(Schema):
    numerator: int
    value: float | None


class IndicatorOut(Schema):
    id: str
    label: str
    clause: str
    formula: str
    numerator: int
    denominator: int
    value: float | None
    services: int
    cases: int
    ratings: int
    defaults: int
    invalid: int
    pending_revocation: int
    rule_version: str
    without_defaults: WithoutDefaults
    small_sample: bool


api = NinjaAPI(
    title="民评",
    version=__version__,
    description="政务服务“好差评”本地一环的接口。密钥由管理员生成；错误只有一种形状。",
    auth=Bearer(registry.actor_of_key),
    urls_namespace="api",
    openapi_url="/openapi.json",
    docs_url="/docs",
)


def _error(problem: Problem) -> HttpResponse:
    return JsonResponse({"error": problem.as_json()}, status=problem.status, json_dumps_params={"ensure_ascii": False})


@api.exception_handler(Problem)
def _problem(request: HttpRequest, problem: Problem) -> HttpResponse:
    return _error(problem)


@api.exception_handler(LawError)
def _law(request: HttpRequest, failure: LawError) -> HttpResponse:
    return _error(Problem(failure.message, cure=""))


@api.exception_handler(NinjaValidationError)
def _invalid(request: HttpRequest, failure: NinjaValidationError) -> HttpResponse:
    mistake = failure.errors[0]
    field = str(mistake["loc"][-1])
    problem = Problem(f"参数 {field} 缺少或不对。", cure="请按接口文档填写。", field=field)
    problem.code, problem.status = "invalid_parameter", 422
    return _error(problem)


@api.exception_handler(DataError)
@api.exception_handler(UnicodeEncodeError)
def _unstorable(request: HttpRequest, failure: Exception) -> HttpResponse:
    """A letter that no database holds (NUL, half of a pair): the caller's mistake, whichever field it stands in."""
    return _error(Invalid("内容里有不能保存的字符，或者太长。", cure="请去掉控制字符，按接口文档的长度填写。"))


@api.exception_handler(HttpError)
def _http(request: HttpRequest, failure: HttpError) -> HttpResponse:
    problem = Problem(str(failure), cure="")
    problem.status = failure.status_code
    return _error(problem)


_one = TypeAdapter(ServiceIn)


def _row(value: Any, number: int | None) -> ServiceIn | Problem:
    try:
        return _one.validate_python(value)
    except ValidationError as failure:
        problem = problem_of(failure, number)
        if isinstance(value, dict):
            number_given = value.get("service_no")
            problem.detail = {
                "case_no": str(value.get("case_no", ""))[:50],
                "service_no": number_given if isinstance(number_given, int) else 0,
            }
        return problem


def _rows(body: bytes) -> tuple[Sequence[ServiceIn | Problem], bool]:
    """The rows of a call, right or wrong, and whether it was an array.  Raises NotJson, TooManyRows."""
    if (right := services_of(body, MOST)) is not None:
        return right, True
    try:
        content = json.loads(body)
    except ValueError as failure:
        raise NotJson() from failure
    many = isinstance(content, list)
    if not many and not isinstance(content, dict):
        raise NotJson()
    values = content if many else [content]
    if len(values) > MOST:
        raise TooManyRows(most=MOST, count=len(values))
    return [_row(value, number + 1 if many else None) for number, value in enumerate(values)], many


SERVICE_SCHEMA = ServiceIn.model_json_schema(ref_template="#/components/schemas/{model}")


@api.post(
    "/services",
    response={200: list[ReceivedOut] | ReceivedOut, 207: list[ReceivedOut], **ERRORS},
    summary="报送服务（一件或最多一万件）",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "oneOf": [SERVICE_SCHEMA, {"type": "array", "maxItems": MOST, "items": {"type": "object"}}]
                    }
                }
            },
        }
    },
)
def services_post(request: HttpRequest) -> HttpResponse:
    """Report services.  One object: its row, or the error with its status.  An array: a row each,
    207 where some were refused; good rows are kept though others are refused."""
    who = actor(request, "services:write")
    rows, many = _rows(request.body)
    answers = services_receive(rows, by=who, at=clock.now())
    if many:
        refused = any(answer.problem for answer in answers)
        url = invitation_urls()
        body: Any = [answer.as_json(url) for answer in answers]
        return JsonResponse(body, safe=False, status=207 if refused else 200, json_dumps_params={"ensure_ascii": False})
    if answers[0].problem is not None:
        answers[0].problem.row = None
        return _error(answers[0].problem)
    return JsonResponse(answers[0].as_json(), json_dumps_params={"ensure_ascii": False})


@api.get(
    "/services/{organization_code}/{path:case_no}/{int:service_no}",
    response={200: ServiceOut, **ERRORS},
    summary="查询一次服务的评价状态（不含个人信息）",
)
def service_get(request: HttpRequest, organization_code: str, case_no: str, service_no: int) -> Any:
    """State, outcome and upstream state of a service; never personal data."""
    who = actor(request)
    where = registry.directory().places.get(organization_code)
    if where is None or not who.can("services:read", where.path):
        raise NotFound("没有这次服务。", cure="请核对机构、办件编号和服务序号；也可能不在这把密钥的范围内。")
    service = Service.objects.filter(
        organization_code=organization_code, case_no=case_no, service_no=service_no
    ).first()
    if service is None:
        raise NotFound("没有这次服务。", cure="请核对机构、办件编号和服务序号。")
    states = upstream.states_of(organization_code, case_no, service_no)
    return 200, {
        "organization_code": organization_code,
        "case_no": case_no,
        "service_no": service_no,
        "case_state": service.case_state,
        "state": "open" if service.outcome == Outcome.NONE else "closed",
        "outcome": service.outcome,
        "upstream_state": upstream.summary(states),
        "upstream": states,
    }


@api.get("/indicators", response={200: list[IndicatorOut], **ERRORS}, summary="五项指标")
def indicators_get(request: HttpRequest, unit: str, to: date, as_of: date | None = None) -> Any:
    """The five indicators of a unit and period, each with what it is made of (R13)."""
    who = actor(request)
    start = request.GET.get("from", "")
    try:
        begin = date.fromisoformat(start)
    except ValueError as failure:
        raise BadPeriod(field="from") from failure
    if begin > to:
        raise BadPeriod("起始日晚于截止日。", field="from")
    where = registry.directory().places.get(unit.split("/")[0])
    if where is None or not who.can("indicators:read", where.path):
        raise NotFound("没有这个单位，或不在这把密钥的范围内。", cure="请核对单位代码。", field="unit")
    return 200, indicators_json(unit, begin, to, as_of)


class BadPeriod(Problem):
    code = "bad_period"
    status = 422
    message = "时段不对。"
    cure = "请写 from=2026-10-01&to=2026-12-31 这样。"


@api.get("/healthz", auth=None, summary="是否正常", response={200: dict[str, Any], 503: dict[str, Any]})
def health_get(request: HttpRequest) -> HttpResponse:
    """200 only when database, jobs and outbox are well, with their figures."""
    from minping.site.health import healthz

    return healthz()


api.add_router("", superior)
api.add_router("", tickets_router)
for module in channels.api_modules():
    api.add_router("", import_string(f"{module}.router"))
