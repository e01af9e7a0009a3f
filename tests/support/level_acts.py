"""What people do at one level of a chain of levels, each call a process of its own on that level's home.

`python -m tests.support.level_acts VERB JSON` prints JSON.  Used by tests/journeys/test_levels.py.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import django

django.setup()

from minping.assess import services as assess  # noqa: E402
from minping.assess.api import indicators_json  # noqa: E402
from minping.assess.periods import Quarter  # noqa: E402
from minping.assess.units import unit_of  # noqa: E402
from minping.evaluate import tokens  # noqa: E402
from minping.evaluate.models import DefaultOutcome, Rating, Service  # noqa: E402
from minping.evaluate.schemas import ServiceIn  # noqa: E402
from minping.evaluate.services import Press, rating_give, services_receive  # noqa: E402
from minping.feedback import authority, below, decisions  # noqa: E402
from minping.feedback import services as feedback  # noqa: E402
from minping.feedback.models import Case, Revocation  # noqa: E402
from minping.feedback.states import CallPurpose  # noqa: E402
from minping.kernel import access, clock, journal  # noqa: E402
from minping.kernel.access import Actor, Grant  # noqa: E402
from minping.kernel.clock import BEIJING  # noqa: E402
from minping.kernel.documents import Upload  # noqa: E402
from minping.kernel.models import Account, Assignment  # noqa: E402
from minping.rectify import services as rectify  # noqa: E402
from minping.rectify.models import Order  # noqa: E402
from minping.registry import queries as registry  # noqa: E402
from minping.registry.models import Area, Item, Organization, Staff, Window  # noqa: E402
from minping.upstream.models import OutboxMessage, Target, Task  # noqa: E402

ITEM = "11350213MB1A2B3C4D4442013001001"
NAMES = {"350200": "厦门市", "350213": "翔安区"}
ROLES = {
    "street": ("reviewer", "unit", "head"),
    "authority": ("authority",),
}


def organization(code: str, name: str, kind: str, area: str, parent: str = "") -> None:
    where, _ = Area.objects.get_or_create(code=area, defaults={"name": NAMES.get(area, name)})
    above = Organization.objects.get(pk=parent) if parent else None
    Organization.objects.create(
        code=code, name=name, kind=kind, area=where, parent=above, path=f"{above.path if above else '/'}{code}/"
    )


def street(code: str, area: str) -> None:
    """A street with its centre and an agent point, its staff, and an item."""
    organization(code, f"{code}街道办事处", "office", area)
    organization(f"{code}-center", f"{code}便民服务中心", "center", area, code)
    organization(f"{code}-agent", f"{code}代办点", "agent_point", f"{area}901", code)
    for number in ("03", "05"):
        window = Window.objects.create(organization_id=f"{code}-center", code=number, name=f"{number}号窗口")
        Staff.objects.create(organization_id=f"{code}-center", code=f"w{number}", name="窗口人员", window=window)
    Item.objects.create(code=ITEM, name="城乡居民基本医疗保险参保登记", kind="20", version="1")
    for role in ROLES["street"]:
        Assignment.objects.create(account=account(role), role=role, organization_code=code)


def level(code: str, area: str, below: list[list[str]]) -> None:
    """A district or city: its own organisation and those that write to it."""
    organization(code, NAMES[area], "authority", area)
    for child, child_area, kind in below:
        organization(child, child, kind, child_area, code)
    Assignment.objects.create(account=account("authority"), role="authority", organization_code=code)


def account(name: str) -> Account:
    return Account.objects.create_account(name, name, "只在测试里用的口令-2026", staff_code=name)


def who(name: str) -> Actor:
    return registry.actor_of(Account.objects.get(username=name), clock.beijing(clock.now()).date())


def key(organization: str) -> str:
    return access.key_create(
        organization_code=organization, permissions=["superior:write"], label="下级", by=access.SYSTEM, at=clock.now()
    )


def serve(street: str, prefix: str, levels: list[int | None], more: dict[str, Any] | None = None) -> list[str]:
    """Services now, each rated with its level (None: silence); returns the numbers of the negative cases."""
    at = clock.now() - timedelta(seconds=1)
    rows = []
    for number, _ in enumerate(levels):
        place, window = (f"{street}-agent", None) if number % 4 == 3 else (f"{street}-center", "03")
        rows.append(
            {
                "organization_code": place, "case_no": f"{prefix}-{number // 2:04}", "service_no": number % 2 + 1,
                "service_name": "办结", "item_code": ITEM, "window_code": window, "staff_code": "w03" if window else None,
                "handling": "online" if number % 5 == 4 else "hall", "case_state": 3,
                "served_at": at.astimezone(BEIJING).isoformat(),
                "applicant": {
                    "kind": "person", "name": "群众甲", "cert_type": "111", "cert_no": f"35021319000101{number:04}",
                    "phone": "13800000000",
                }, **(more or {}),
            }
        )  # fmt: skip
    by = Actor("key:journey", "业务系统", (Grant(frozenset({"services:write"}), f"/{street}/"),))
    answers = services_receive([ServiceIn.model_validate(row) for row in rows], by=by, at=clock.now())
    for answer, given in zip(answers, levels, strict=True):
        assert answer.problem is None, answer.problem
        if given is None:
            continue
        press: dict[str, Any] = {
            "token": tokens.invitation_token(answer.service_id), "at": clock.now(), "channel": "mobile", "proof": "link",
            "tags": ("210",) if given == 2 else (), "text": "要交两次。😀𠮷" if given < 3 else "",
        }  # fmt: skip
        receipt = rating_give(Press(level=given, **press))
        if given == 3:  # a change of mind: the second version goes up after the first
            rating_give(
                Press(level=5, change=receipt.change_token, done=True, **{**press, "at": clock.now(), "tags": ()})
            )
    found = Case.objects.filter(service__case_no__startswith=prefix).order_by("service__case_no", "service__service_no")
    return [case.number for case in found]


def _case(number: str) -> Case:
    return Case.objects.select_related("service", "rating").get(number=number)


def heard(number: str) -> None:
    feedback.call_record(
        case_id=_case(number).pk, purpose=CallPurpose.VERIFY, outcome="answered", words="我说的是实话。", recording_no="L",
        by=who("reviewer"), at=clock.now(),
    )  # fmt: skip


def rectified(number: str, follow_up: str = "") -> None:
    """Called back, confirmed, reported, accepted; and followed up where an answer is given."""
    heard(number)
    case = feedback.case_confirm(case_id=_case(number).pk, note="", by=who("reviewer"), at=clock.now())
    order = Order.objects.get(case=case)
    uploads = [Upload("整改说明.pdf", b"%PDF-1.4 test")]
    rectify.order_report(order_id=order.pk, measures="改了。", uploads=uploads, by=who("unit"), at=clock.now())
    rectify.order_accept(order_id=order.pk, by=who("head"), at=clock.now())
    if follow_up:
        rectify.follow_up_record(
            order_id=order.pk, outcome="answered", answer=follow_up, words="好。", recording_no="L",
            by=who("reviewer"), at=clock.now(),
        )  # fmt: skip


def apply(number: str) -> None:
    """An application for revocation: called mistaken, approved, sent up."""
    heard(number)
    said = {"statement": "本人两次说点错了。", "document": "回访记录 7 号"}
    decisions.case_decide(case_id=_case(number).pk, verb="mistaken", said=said, by=who("reviewer"), at=clock.now())
    decisions.case_decide(case_id=_case(number).pk, verb="approve", said={}, by=who("head"), at=clock.now())


def confirmed(number: str) -> None:
    heard(number)
    feedback.case_confirm(case_id=_case(number).pk, note="", by=who("reviewer"), at=clock.now())


def decide(number: str, verb: str) -> str:
    said = {"text": "回访记录清楚，确属误评。"}
    authority.revocation_decide(case_id=_case(number).pk, verb=verb, said=said, by=who("authority"), at=clock.now())
    return str(Revocation.objects.filter(case=_case(number)).latest("proposed_at").reference)


def press(number: str) -> None:
    authority.case_press(case_id=_case(number).pk, text="本周内办结。", by=who("authority"), at=clock.now())


def negative(organization: str, case_no: str, service_no: int, level: int) -> str:
    return below.negative_send(
        organization_code=organization, case_no=case_no, service_no=service_no, level=level, text="打电话说的。",
        channel="phone", by=who("authority"), at=clock.now(),
    )  # fmt: skip


def report(unit: str, year: int, quarter: int) -> None:
    assess.quarter_send(unit_of(unit), Quarter(year, quarter), by=who("head"), at=clock.now())


def records(kinds: list[str] | None = None) -> dict[str, list[str]]:
    """Every record of this level by kind and level of satisfaction, by its number."""
    found: dict[str, list[str]] = {}
    for pk in Service.objects.values_list("id", flat=True):
        found.setdefault("service", []).append(pk.hex)
    for pk, kind, given in Rating.objects.values_list("id", "kind", "level"):
        found.setdefault(f"{kind}:{given}", []).append(pk.hex)
    for pk, given in DefaultOutcome.objects.values_list("service_id", "level"):
        found.setdefault(f"default:{given}", []).append(pk.hex)
    for pk, given, now in Case.objects.values_list("id", "level", "state"):
        found.setdefault(f"case:{given}:{now}", []).append(pk.hex)
    for pk, now in Order.objects.values_list("id", "state"):
        found.setdefault(f"order:{now}", []).append(pk.hex)
    for pk, answer in Revocation.objects.exclude(approved_at=None).values_list("id", "answer"):
        found.setdefault(f"revocation:{answer}", []).append(pk.hex)
    return {name: sorted(ids) for name, ids in found.items()}


def indicators(unit: str, start: str, end: str, as_of: str = "") -> list[dict[str, Any]]:
    day = date.fromisoformat(as_of) if as_of else None
    found: list[dict[str, Any]] = indicators_json(unit, date.fromisoformat(start), date.fromisoformat(end), day)
    return found


def well() -> dict[str, Any]:
    """What is wrong here, if anything."""
    return {
        "verify": [finding.message for finding in journal.verify().findings],
        "tasks": [task.text for task in Task.objects.filter(closed_at=None)],
        "errors": sorted({row.error for row in OutboxMessage.objects.filter(state__in=["refused", "waiting"])}),
        "target": [target.last_error for target in Target.objects.all()],
    }


def many(acts: list[list[Any]]) -> list[Any]:
    return [ACTS[verb](**given) for verb, given in acts]


ACTS: dict[str, Callable[..., Any]] = {
    one.__name__: one
    for one in (
        street, level, key, serve, heard, rectified, apply, confirmed, decide, press, negative, report,
        records, indicators, well, many,
    )
}  # fmt: skip

if __name__ == "__main__":
    print(json.dumps(ACTS[sys.argv[1]](**json.loads(sys.argv[2])), ensure_ascii=False))
