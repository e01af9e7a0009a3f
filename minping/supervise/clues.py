"""线索: sealed for 纪检 the moment it is handed in; opened with a key that is not here (minan/5.2).

What is kept says neither who handed it in nor about which case: both stand inside the seal.  The journal names the
act and the clue's own random number only, and its rows are shown only to those who may open clues.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from minping import law
from minping.evaluate.models import Service
from minping.feedback.models import Case
from minping.kernel import clock, documents, journal, machine, privacy
from minping.kernel.access import Actor
from minping.kernel.clock import beijing
from minping.kernel.documents import Upload
from minping.kernel.errors import Invalid, NotFound, Problem, Stale
from minping.kernel.language import day_text
from minping.kernel.moves import CONFLICTS
from minping.registry import queries as registry
from minping.supervise import sealed
from minping.supervise.models import Clue, ClueKey
from minping.supervise.states import CLUES, ClueState

UNNAMED = "sealed"  # the actor of the journal row: who it was stands inside the seal
LONGEST = 10000
ACTION = "clue."  # journal rows that only those who open clues may see


class NoClueKey(Problem):
    code = "no_clue_key"
    status = 409
    message = gettext_noop("还没有登记纪检公钥，这里不能封存线索。")
    cure = gettext_noop("请直接拨打 12388 或 12345，或向纪检机关书面反映。")


class TooManyReports(Problem):
    code = "too_many_reports"
    status = 429
    message = gettext_noop("这次服务今天已经反映过 {most} 次，都已收到。")
    cure = gettext_noop("如有新的情况，请明天再写，或拨打 12388。")


class ClueRemoved(Problem):
    code = "clue_removed"
    status = 410
    message = "这个密封件保存期满，已经清除。"
    cure = "编号、日期和办理记录长留。"


# --- the key -----------------------------------------------------------------------------------


def key_for(organization_code: str) -> ClueKey | None:
    """The key in force of the nearest organisation at or above this one."""
    path = registry.place(organization_code).path
    codes = [code for code in path.split("/") if code]
    found = {
        key.organization_code: key
        for key in ClueKey.objects.filter(
            organization_code__in=codes, confirmed_at__isnull=False, retired_at__isnull=True
        )
    }  # fmt: skip
    return next((found[code] for code in reversed(codes) if code in found), None)


def key_propose(*, organization_code: str, name: str, public: str, by: Actor, at: datetime) -> ClueKey:
    """The discipline officer registers the public half; it takes no clue until somebody else has confirmed it.

    Raises Forbidden, Invalid.
    """
    where = registry.place(organization_code)
    by.require("clue.key", where.path)
    if not name.strip():
        raise Invalid("请写明纪检机关的名称。", cure="", field="name")
    key = sealed.public_of(public)
    if ClueKey.objects.filter(public=key).exists():
        raise Invalid("这把公钥已经登记过。", cure="每次更换都要用新的一把。", field="public")
    with transaction.atomic():
        record = ClueKey.objects.create(
            organization_code=where.code, name=name.strip()[:80], public=key, fingerprint=sealed.fingerprint(key),
            proposed_at=at, proposed_by=by.name,
        )  # fmt: skip
        journal.write(
            "cluekey.proposed", at=at, actor=by.name, organization_code=where.code, records=[record],
            fingerprint=record.fingerprint,
        )  # fmt: skip
    return record


def confirm_refusal(key: ClueKey, by: Actor, at: datetime) -> Problem | None:
    """Why `by` may not confirm this key; None where it may."""
    where = registry.place(key.organization_code)
    if not by.can("clue.confirm", where.path):
        return machine.NotYours(verb="核对公钥")
    rules = law.at(where.area_code, beijing(at).date())
    if key.proposed_by == by.name and "proposer" in rules.never("clue.confirm"):
        return machine.ConflictOfInterest(why=CONFLICTS["proposer"], verb="核对公钥")
    return None


def key_confirm(*, key_id: UUID, fingerprint: str, by: Actor, at: datetime) -> ClueKey:
    """A second person has compared the fingerprint with the one the officer gave on paper: the key is in force.

    An earlier one is retired; what was sealed for it stays sealed for it.  Raises NotFound, the machine's refusals,
    Invalid, Stale.
    """
    key = ClueKey.objects.filter(pk=key_id).first()
    if key is None:
        raise NotFound()
    refused = confirm_refusal(key, by, at)
    if refused is not None:
        raise refused
    if "".join(fingerprint.split()).upper() != key.fingerprint.replace(" ", ""):
        raise Invalid(
            "指纹不一致，没有启用。", cure="请照纪检人员当面或书面给您的指纹填写；不一致的，立即联系纪检机关。",
            field="fingerprint",
        )  # fmt: skip
    with transaction.atomic():
        retired = list(
            ClueKey.objects.select_for_update().filter(
                organization_code=key.organization_code, confirmed_at__isnull=False, retired_at__isnull=True
            )
        )
        for old in retired:
            old.retired_at = at
            old.save(update_fields=["retired_at"])
        changed = ClueKey.objects.filter(pk=key.pk, confirmed_at__isnull=True, retired_at__isnull=True)
        if changed.update(confirmed_at=at, confirmed_by=by.name) != 1:
            raise Stale()
        key.confirmed_at, key.confirmed_by = at, by.name
        journal.write(
            "cluekey.confirmed", at=at, actor=by.name, organization_code=key.organization_code, subject=key.pk,
            records=[key, *retired], fingerprint=key.fingerprint,
        )  # fmt: skip
    return key


# --- handing in ----------------------------------------------------------------------------------


def _seal(key: ClueKey, content: dict[str, Any], at: datetime, trace: bytes | None = None) -> Clue:
    identifier = uuid.uuid4()
    number = f"线索-{identifier.hex[:10].upper()}"
    day = beijing(at).date()
    told = {"number": number, "handed_in": beijing(at).isoformat(timespec="minutes"), **content}
    clue = Clue(
        id=identifier, number=number, key=key, organization_code=key.organization_code, day=day,
        sealed=sealed.seal(told, number, bytes(key.public)), trace=trace, state=ClueState.SEALED,
    )  # fmt: skip
    try:
        with transaction.atomic():
            clue.save(force_insert=True)
            journal.write(
                "clue.sealed", at=at, actor=UNNAMED, organization_code=key.organization_code, records=[clue],
                number=number,
            )  # fmt: skip
    except IntegrityError as failure:
        raise Stale() from failure
    return clue


def _words(words: str) -> str:
    text = words.strip()
    if not text:
        raise Invalid(gettext_noop("请写下发生了什么。"), cure="", field="words")
    if len(text) > LONGEST:
        raise Invalid(
            gettext_noop("留言有 {count} 个字，最多 {most} 个字。"),
            cure=gettext_noop("请删减后再提交，您写的内容还在页面上。"),
            field="words",
            count=len(text),
            most=LONGEST,
        )
    return text


def _about(service: Service) -> dict[str, str]:
    return {
        "organization": service.organization_name, "window": service.window_name, "item": service.item_name,
        "case_no": service.case_no, "served": clock.day_text(service.served_at),
    }  # fmt: skip


def _case_about(case: Case) -> dict[str, str]:
    """The service behind a case, or of a grievance without one what the case itself says."""
    if case.service is not None:
        return _about(case.service)
    return {
        "organization": registry.place(case.organization_code).name, "window": case.window_name,
        "item": case.item_name, "case_no": "", "served": "",
    }  # fmt: skip


def _files(uploads: Sequence[Upload], area_code: str, at: datetime) -> list[dict[str, str]]:
    """What is attached, judged and scanned as any document is; it stands in the seal and nowhere else."""
    kinds = documents.checked(uploads, area_code, at, "clue")
    return [
        {"name": upload.name[-120:], "kind": kind, "content": base64.b64encode(upload.content).decode()}
        for upload, kind in zip(uploads, kinds, strict=True)
    ]


def files_rule(area_code: str, at: datetime) -> dict[str, Any]:
    """What may be attached, as a page says it."""
    rules = law.at(area_code, beijing(at).date())
    kinds = rules.value("clue_kinds").value
    return {
        "most": rules.value("clue_count").number, "megabytes": rules.value("clue_size").number // 1024 // 1024,
        "kinds": " ".join(kinds), "accept": ",".join(f".{kind}" for kind in kinds),
    }  # fmt: skip


def clue_hand_in(*, case: Case, words: str, by: Actor, at: datetime, uploads: Sequence[Upload] = ()) -> Clue:
    """Staff hand in a clue of a violation found with a case.

    Raises Forbidden, NoClueKey, Invalid, EvidenceRefused, ScannerAway.
    """
    by.require("clue.hand", registry.place(case.organization_code).path)
    key = key_for(case.organization_code)
    if key is None:
        raise NoClueKey()
    content = {
        "from": "staff", "by": f"{by.label}（{by.name}）", "case": case.number, "service": _case_about(case),
        "words": _words(words), "files": _files(uploads, case.area_code, at),
    }  # fmt: skip
    return _seal(key, content, at)


def _trace(service: Service) -> bytes:
    return privacy.index("clue", service.pk.hex)


def report_hand_in(*, service: Service, words: str, contact: str, at: datetime, uploads: Sequence[Upload] = ()) -> Clue:
    """A rater reports retaliation or pressure, straight into the seal.

    Raises NoClueKey, TooManyReports, Invalid, EvidenceRefused, ScannerAway.
    """
    key = key_for(service.organization_code)
    if key is None:
        raise NoClueKey()
    text = _words(words)
    most = law.at(service.area_code, beijing(at).date()).value("reports_most").number
    trace = _trace(service)
    if Clue.objects.filter(trace=trace, day=beijing(at).date()).count() >= most:
        raise TooManyReports(most=most)
    cases = list(Case.objects.filter(service=service).values_list("number", flat=True))
    content = {
        "from": "rater", "case": "、".join(cases), "service": _about(service), "words": text,
        "contact": contact.strip()[:200], "files": _files(uploads, service.area_code, at),
    }  # fmt: skip
    return _seal(key, content, at, trace)


def day_of(day: date) -> str:
    """A date with its weekday."""
    return clock.day_text(datetime.combine(day, time(12), law.BEIJING))


def said_day(day: date) -> str:
    """`day_of` in the language of the page."""
    return day_text(datetime.combine(day, time(12), clock.BEIJING))


def reports_of(service: Service) -> list[dict[str, str]]:
    """What the receipt says of the reports about this service: when, and how far; never what."""
    found = Clue.objects.filter(trace=_trace(service)).order_by("day", "number").values_list("day", "state")
    return [
        {"day_text": said_day(day), "state_label": _(RECEIPT_LABEL[ClueState(state)])} for day, state in found
    ]  # fmt: skip


RECEIPT_LABEL = {  # that 纪检 has closed it is for 纪检 to tell
    ClueState.SEALED: gettext_noop("已收到"), ClueState.TAKEN: gettext_noop("已转交"), ClueState.SETTLED: gettext_noop("已转交"),
}  # fmt: skip


# --- the discipline officer ----------------------------------------------------------------------


def clue_get(clue_id: UUID, by: Actor) -> Clue:
    """A clue for whoever may open it; for all others there is none."""
    clue = Clue.objects.select_related("key").filter(pk=clue_id).first()
    if clue is None or not by.can("clue.open", registry.place(clue.organization_code).path):
        raise NotFound()
    return clue


def refusal(verb: str, clue: Clue, by: Actor, at: datetime) -> Problem | None:
    where = registry.place(clue.organization_code)
    return machine.refusal(
        CLUES.move(verb), state=clue.state, by=by, path=where.path, window_code="", conflicts=(),
        rules=law.at(where.area_code, beijing(at).date()),
    )  # fmt: skip


def _move(clue: Clue, verb: str, by: Actor, at: datetime, **changes: Any) -> None:
    refused = refusal(verb, clue, by, at)
    if refused is not None:
        raise refused
    move = CLUES.move(verb)
    machine.advance(Clue.objects.filter(pk=clue.pk), move, state=clue.state, **changes)
    for name, value in [("state", move.target), *changes.items()]:
        setattr(clue, name, value)


INTO = {"file": "取出文件", "reader": "在浏览器里打开"}


def clue_take(*, clue_id: UUID, by: Actor, at: datetime, into: str = "file") -> tuple[Clue, bytes]:
    """Hand out the sealed file, each time on record; the first time the clue counts as handed over.

    Raises NotFound, ClueRemoved.  What is handed out is ciphertext: the reader in the officer's browser opens it, or `minping
    clue open`, where the private key is.  `into` says in the journal which of the two was asked for.
    """
    clue = clue_get(clue_id, by)
    if clue.removed_at is not None:
        raise ClueRemoved()
    with transaction.atomic():
        if clue.state == ClueState.SEALED:
            _move(clue, "take", by, at, taken_at=at, taken_by=by.name)
        journal.write(
            "clue.taken", at=at, actor=by.name, organization_code=clue.organization_code, subject=clue.pk,
            records=[clue], number=clue.number, into=into,
        )  # fmt: skip
    return clue, sealed.file_of(clue.number, clue.key.fingerprint, bytes(clue.sealed))


def clue_settle(*, clue_id: UUID, by: Actor, at: datetime) -> Clue:
    """纪检 is done with it; with what result is not kept here.  Raises NotFound, the machine's refusals, Stale."""
    clue = clue_get(clue_id, by)
    with transaction.atomic():
        _move(clue, "settle", by, at, settled_at=at)
        journal.write(
            "clue.settled", at=at, actor=by.name, organization_code=clue.organization_code, subject=clue.pk,
            records=[clue], number=clue.number,
        )  # fmt: skip
    return clue


def clues_of(by: Actor) -> Sequence[Clue]:
    """The clues that `by` may open, the untouched first."""
    codes = registry.directory().within(by.scopes("clue.open"))
    rows = Clue.objects.filter(organization_code__in=codes).select_related("key").defer("sealed")
    return list(rows.order_by("settled_at", "day", "number")[:MOST])


MOST = 200


def clues_expire(*, area_code: str, at: datetime) -> int:
    """Remove the ciphertext of clues that 纪检 closed longer ago than the law keeps it (law: clue_kept)."""
    days = law.at(area_code, beijing(at).date()).limit("clue_kept").value
    with transaction.atomic():
        old = list(Clue.objects.filter(removed_at__isnull=True, settled_at__lt=at - timedelta(days=days))[:MOST])
        for clue in old:
            clue.sealed, clue.removed_at = b"", at
            clue.save(update_fields=["sealed", "removed_at"])
            journal.write(
                "clue.removed", at=at, actor="system", organization_code=clue.organization_code, subject=clue.pk,
                records=[clue], number=clue.number, after_days=days,
            )  # fmt: skip
    return len(old)
