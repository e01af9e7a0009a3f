"""Our own API as a superior: `/api/v1/superior/…` (docs/api.md)."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from ninja import Router

from minping import law
from minping.kernel import clock
from minping.kernel.api import ERRORS, actor, json_body
from minping.kernel.errors import Problem
from minping.upstream.below import down, intake, organizations

router = Router()
PERMISSION = intake.PERMISSION


class NotAList(Problem):
    code = "invalid_field"
    status = 422
    message = "{name} 应当是列表。"
    cure = "请按 docs/api.md 的样子填写。"


def _list(request: HttpRequest, name: str) -> list[Any]:
    body = json_body(request)
    rows = body.get(name) if isinstance(body, dict) else None
    if not isinstance(rows, list):
        raise NotAList(name=name, field=name)
    return rows


def _answer(body: Any) -> JsonResponse:
    return JsonResponse(body, json_dumps_params={"ensure_ascii": False})


@router.post("/superior/messages", response={200: dict[str, Any], **ERRORS}, summary="下级报来消息（一次最多五百条）")
def messages_post(request: HttpRequest) -> JsonResponse:
    """Each message is answered by itself: accepted, already, later or never, with a code."""
    who = actor(request, PERMISSION)
    answers = intake.messages_take(_list(request, "messages"), by=who, at=clock.now())
    return _answer({"answers": [answer.as_json() for answer in answers]})


@router.post("/superior/organizations", response={200: dict[str, Any], **ERRORS}, summary="下级报来自己的机构")
def organizations_post(request: HttpRequest) -> JsonResponse:
    who = actor(request, PERMISSION)
    found = organizations.organizations_take(_list(request, "organizations"), by=who, at=clock.now())
    return _answer({"organizations": found})


@router.post("/superior/down", response={200: dict[str, Any], **ERRORS}, summary="下级取走下发的差评、决定和督办")
def down_post(request: HttpRequest) -> JsonResponse:
    """What follows `after`; to ask is to say that all up to it have been taken, hence no GET."""
    who = actor(request, PERMISSION)
    where = intake.subordinate_of(who)
    body = json_body(request)
    after = body.get("after") if isinstance(body, dict) else None
    if not isinstance(after, int) or isinstance(after, bool) or not 0 <= after < 2**62:
        raise NotAList("after 应当是上一次取到的序号。", field="after")
    return _answer(down.take_down(where.code, after, at=clock.now()))


@router.get("/superior/counts", response={200: dict[str, Any], **ERRORS}, summary="本级收到了下级的多少条")
def counts_get(request: HttpRequest) -> JsonResponse:
    where = intake.subordinate_of(actor(request, PERMISSION))
    return _answer({"counts": intake.held_counts(where.code, at=clock.now())})


@router.get("/superior/holds", response={200: dict[str, Any], **ERRORS}, summary="本级收到了下级的哪些记录")
def holds_get(request: HttpRequest, kind: str) -> JsonResponse:
    where = intake.subordinate_of(actor(request, PERMISSION))
    return _answer({"subjects": intake.held_subjects(where.code, kind, at=clock.now())})


@router.get("/superior/open", response={200: dict[str, Any], **ERRORS}, summary="本级还没有收到评价或默认的服务")
def open_get(request: HttpRequest, since: date) -> JsonResponse:
    """Of the subordinate's services from that Beijing day on."""
    where = intake.subordinate_of(actor(request, PERMISSION))
    return _answer({"services": intake.held_open(where.code, since)})


@router.get("/superior/dictionary", response={200: dict[str, Any], **ERRORS}, summary="本级现行的评价原因字典")
def dictionary_get(request: HttpRequest) -> JsonResponse:
    intake.subordinate_of(actor(request, PERMISSION))
    today = clock.beijing(clock.now()).date()
    tags = [tag for level in law.InterfaceLevel for tag in law.at(settings.MINPING_AREA, today).tags(level)]
    return _answer(
        {
            "edition": tags[0].version if tags else "",
            "valid_from": max((tag.valid_from for tag in tags), default=today).isoformat(),
            "tags": [{"code": tag.code, "label": tag.label, "level": int(tag.level), "base": tag.base} for tag in tags],
        }
    )
