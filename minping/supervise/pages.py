"""Acts on a 问责提醒, and the clues: hand in, take out, the public key."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from minping.feedback import services as feedback
from minping.kernel import clock, work
from minping.kernel.documents import download, never_on_disk, uploads_of
from minping.kernel.errors import NotFound, Problem
from minping.kernel.models import JournalEntry, account_names
from minping.kernel.web import SIGNED_IN, actor, staff_page
from minping.registry import queries as registry
from minping.supervise import clues, reader, services, view
from minping.supervise.models import Clue, ClueKey
from minping.supervise.states import MOVES, ClueState, InquiryState


@staff_page(SIGNED_IN)
@require_POST
def move(request: HttpRequest, inquiry_id: UUID, verb: str) -> HttpResponse:
    """Any move of the table, by its verb; who may is asked of the table itself."""
    by, now = actor(request), clock.now()
    if verb not in services.ACTS:
        raise NotFound()
    inquiry = services.inquiry_get(inquiry_id)
    if not view.may_read(inquiry, by):
        raise NotFound()
    here = view.HERE.get(InquiryState(inquiry.state), "mine")
    if not by.may(next((one.permission for one in view.VIEWS if one.id == here), "")):
        here = "mine"
    try:
        services.inquiry_decide(inquiry_id=inquiry.pk, verb=verb, said=request.POST.dict(), by=by, at=now)
    except Problem as problem:
        return work.refused(request, problem, here, inquiry.pk)
    messages.success(request, f"{inquiry.number} 已办：{MOVES.move(verb).label}。")
    return HttpResponseRedirect(work.onward(request, here))


# --- clues ---------------------------------------------------------------------------------------


@staff_page("clue.hand")
@never_on_disk
@require_http_methods(["GET", "HEAD", "POST"])
def hand_in(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """Hand a clue to 纪检.  What was typed goes into the seal or back onto this page, into no session and no log."""
    by, now = actor(request), clock.now()
    case = feedback.case_get(case_id)
    by.require("clue.hand", registry.place(case.organization_code).path)
    words, error = request.POST.get("words", ""), ""
    if request.method == "POST":
        try:
            clues.clue_hand_in(case=case, words=words, by=by, at=now, uploads=uploads_of(request, "files"))
        except Problem as problem:
            error = problem.message + problem.cure
        else:
            messages.success(request, "已封存，只有纪检人员打得开。请不要向任何人提起。")
            return HttpResponseRedirect(reverse("desk_case", args=["mine", case.pk]))
    context = {
        "number": case.number, "item_name": case.item_name, "key": clues.key_for(case.organization_code),
        "words": words, "error": error, "most": clues.LONGEST, "back_url": reverse("desk_case", args=["mine", case.pk]),
        "files": clues.files_rule(case.area_code, now),
    }  # fmt: skip
    return render(request, "supervise/hand_in.html", context, status=422 if error else 200)


@staff_page(SIGNED_IN)
@require_safe
def clue_list(request: HttpRequest) -> HttpResponse:
    """What waits for 纪检, and the public key; for a leader the key alone."""
    return _clues(request)


def _clues(request: HttpRequest, error: str = "", said: dict[str, str] | None = None) -> HttpResponse:
    by, now = actor(request), clock.now()
    if not any(by.may(permission) for permission in ("clue.open", "clue.key", "clue.confirm")):
        raise NotFound()
    names = account_names()
    opens = by.may("clue.open")
    codes = registry.directory().within([*by.scopes("clue.key"), *by.scopes("clue.confirm")])
    keys = ClueKey.objects.filter(organization_code__in=codes).order_by("-proposed_at")
    context = {
        "opens": opens,
        "clues": [_clue(clue) for clue in clues.clues_of(by)] if opens else [],
        "takes": _takes(by, names) if opens else [],
        "keys": [_key(key, names, clues.confirm_refusal(key, by, now) is None) for key in keys],
        "registers": by.may("clue.key"),
        "reader_mark": reader.mark() if opens or by.may("clue.key") else "",
        "units": [
            {"code": code, "name": registry.place(code).name}
            for code in registry.directory().within(by.scopes("clue.key"))
        ],
        "said": said or {},
        "error": error,
    }
    return render(request, "supervise/clues.html", context, status=422 if error else 200)


def _clue(clue: Clue) -> dict[str, Any]:
    state = ClueState(clue.state)
    return {
        "number": clue.number,
        "day_text": clues.day_of(clue.day),
        "source": "评价人反映" if clue.trace is not None else "工作人员移送",
        "state_label": f"{state.label}，保存期满已清除" if clue.removed_at else state.label,
        "key_text": clue.key.fingerprint,
        "read_url": reverse("clue_read", args=[clue.pk]) if clue.removed_at is None else "",
        "take_url": reverse("clue_take", args=[clue.pk]),
        "settle_url": reverse("clue_settle", args=[clue.pk]) if state is ClueState.TAKEN else "",
    }


def _takes(by: Any, names: dict[str, str]) -> list[dict[str, str]]:
    codes = registry.directory().within(by.scopes("clue.open"))
    rows = JournalEntry.objects.filter(action="clue.taken", organization_code__in=codes).order_by("-id")[:50]
    return [
        {
            "time_text": clock.moment_text(row.at), "who": names.get(row.actor, row.actor),
            "number": row.facts.get("number", ""), "into": clues.INTO.get(row.facts.get("into", ""), ""),
        }
        for row in rows
    ]  # fmt: skip


def _key(key: ClueKey, names: dict[str, str], may_confirm: bool) -> dict[str, Any]:
    waiting = key.confirmed_at is None and key.retired_at is None
    state = "待核对" if waiting else "已停用" if key.retired_at else "使用中"
    return {
        "name": key.name,
        "unit_name": registry.place(key.organization_code).name,
        "state_label": state,
        "waiting": waiting,
        # The person who compares types it from paper: it is not shown to be copied.
        "fingerprint": "" if waiting and may_confirm else key.fingerprint,
        "proposed": f"{clock.moment_text(key.proposed_at)} {names.get(key.proposed_by, '')}",
        "confirmed": f"{clock.moment_text(key.confirmed_at)} {names.get(key.confirmed_by, '')}"
        if key.confirmed_at
        else "",
        "confirm_url": reverse("clue_key_confirm", args=[key.pk]) if waiting and may_confirm else "",
    }


@staff_page("clue.open")
@require_POST
def take(request: HttpRequest, clue_id: UUID) -> HttpResponse:
    """The sealed file, each time on record."""
    clue, content = clues.clue_take(clue_id=clue_id, by=actor(request), at=clock.now())
    return download(f"{clue.number}.sealed.json", content)


@staff_page("clue.open")
@require_POST
def read(request: HttpRequest, clue_id: UUID) -> HttpResponse:
    """The reader with the sealed file in it, each time on record: opened by the officer's browser, not by us."""
    _, content = clues.clue_take(clue_id=clue_id, by=actor(request), at=clock.now(), into="reader")
    return _reader(content)


@staff_page(SIGNED_IN)
@require_safe
def reader_page(request: HttpRequest) -> HttpResponse:
    """The reader alone, to make a key or to be kept on the officer's own machine."""
    if not any(actor(request).may(permission) for permission in ("clue.open", "clue.key")):
        raise NotFound()
    if request.GET.get("keep"):
        return download("reader.html", reader.page(), "text/html; charset=utf-8")
    return _reader()


def _reader(content: bytes = b"") -> HttpResponse:
    response = HttpResponse(reader.page(content), content_type="text/html; charset=utf-8")
    # Stricter than any other page: its own script alone, and no connection anywhere, not even back to us.
    response.headers["Content-Security-Policy"] = f"{reader.policy()}; frame-ancestors 'none'"
    response.headers["Cache-Control"] = "no-store"
    return response


@staff_page("clue.open")
@require_POST
def settle(request: HttpRequest, clue_id: UUID) -> HttpResponse:
    clue = clues.clue_settle(clue_id=clue_id, by=actor(request), at=clock.now())
    messages.success(request, f"{clue.number} 已办结。")
    return HttpResponseRedirect(reverse("clues"))


@staff_page("clue.key")
@require_POST
def key_propose(request: HttpRequest) -> HttpResponse:
    """The officer registers the public key; a second person must compare its fingerprint."""
    said = {name: request.POST.get(name, "") for name in ("organization_code", "name", "public")}
    try:
        key = clues.key_propose(**said, by=actor(request), at=clock.now())
    except Problem as problem:
        return _clues(request, problem.message + problem.cure, said)
    messages.success(request, f"公钥已登记，等负责人核对指纹后启用。指纹：{key.fingerprint}")
    return HttpResponseRedirect(reverse("clues"))


@staff_page("clue.confirm")
@require_POST
def key_confirm(request: HttpRequest, key_id: UUID) -> HttpResponse:
    try:
        clues.key_confirm(
            key_id=key_id, fingerprint=request.POST.get("fingerprint", ""), by=actor(request), at=clock.now()
        )
    except Problem as problem:
        return _clues(request, problem.message + problem.cure)
    messages.success(request, "指纹一致，公钥已启用。")
    return HttpResponseRedirect(reverse("clues"))
