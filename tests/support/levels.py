"""A district as the superior of two streets, and the messages that a street sends it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.test import Client

from minping.kernel import access
from minping.kernel.clock import BEIJING
from minping.kernel.models import Account, Assignment
from minping.registry import queries as registry
from minping.registry.models import Area, Organization
from tests.support.world import FRIDAY, ITEM, PASSWORD

DISTRICT, STREET, NEIGHBOUR = "350213", "350213005", "350213006"


def district_world(settings: Any) -> None:
    """翔安区 over 民安街道 (with its centre) and a neighbouring street; a person with the authority, and a reader."""
    settings.MINPING_AREA = DISTRICT
    district = Area.objects.create(code=DISTRICT, name="翔安区")
    top = Organization.objects.create(
        code="xiangan", name="翔安区政务服务管理机构", kind="authority", area=district, path="/xiangan/"
    )
    for code, name, area_code in (("minan", "民安街道", STREET), ("neighbour", "邻街道", NEIGHBOUR)):
        area = Area.objects.create(code=area_code, name=name, parent=district)
        Organization.objects.create(
            code=code, name=f"{name}办事处", kind="office", area=area, parent=top, path=f"/xiangan/{code}/"
        )
    Organization.objects.create(
        code="minan-center", name="民安街道便民服务中心", kind="center", area_id=STREET, parent_id="minan",
        path="/xiangan/minan/minan-center/",
    )  # fmt: skip
    for username, role in (("authority", "authority"), ("auditor", "auditor")):
        account = Account.objects.create_account(username, username, PASSWORD, staff_code=username)
        Assignment.objects.create(account=account, role=role, organization_code="xiangan")
    registry.forget()


def key(organization: str = "minan", can: str = "superior:write") -> str:
    return access.key_create(
        organization_code=organization, permissions=can.split(","), label=organization, by=access.SYSTEM, at=FRIDAY
    )


def post(path: str, body: Any, secret: str, raw: bytes | None = None) -> Any:
    content = json.dumps(body).encode() if raw is None else raw
    return Client().post(
        f"/api/v1/superior/{path}", content, "application/json", headers={"Authorization": f"Bearer {secret}"}
    )


def iso(moment: datetime) -> str:
    return moment.astimezone(BEIJING).isoformat(timespec="seconds")


def message(kind: str, body: dict[str, Any], subject: UUID | None = None, revision: int = 1, **more: Any) -> Any:
    """One message as the driver of a street writes it."""
    subject = subject or uuid4()
    told = {
        "key": f"{kind}:{subject.hex}:{revision}", "subject": subject.hex, "kind": kind, "revision": revision,
        "area_code": STREET, "organization_code": "minan-center", "case_no": "MA-1", "service_no": 1,
        "fact_at": iso(FRIDAY), **more,
    }  # fmt: skip
    return {**told, "body": {"fact_at": told["fact_at"], **body}}


def service(subject: UUID | None = None, **more: Any) -> Any:
    at = more.pop("at", FRIDAY)
    body = {
        "service_name": "办结", "item_code": ITEM, "item_name": "参保登记", "organization_name": "民安街道便民服务中心",
        "window_code": "03", "window_name": "3号窗口", "staff_code": "w03", "handling": "hall", "case_state": 3,
        "package_no": "", "accepted_at": None, "served_at": iso(at), "finished_at": None,
        "received_at": iso(at), "applicant": {"kind": "person", "name": "", "cert_type": "", "cert_no": ""},
    }  # fmt: skip
    return message("service", {**body, **more.pop("body", {})}, subject, fact_at=iso(at), **more)


def rating(subject: UUID | None = None, level: int = 2, **more: Any) -> Any:
    at = more.pop("at", FRIDAY + timedelta(minutes=4))
    body = {
        "level": level, "level_system": "interface", "tags": ["210"] if level == 2 else [], "text": "交了两次。",
        "channel": "mobile", "proof": "link", "rated_at": iso(at), "assess_no": 1, **more.pop("body", {}),
    }  # fmt: skip
    return message(more.pop("kind", "rating"), body, subject, fact_at=iso(at), **more)


def case(subject: UUID, of: UUID, state: str = "verifying", revision: int = 1, **more: Any) -> Any:
    at = FRIDAY + timedelta(minutes=4)
    body = {
        "case_number": "差评-20261120-AAAAAAA", "level": 2, "level_system": "interface", "state": state,
        "opened_at": iso(at), "confirmed_at": None, "closed_at": None, "result": "", "rounds": 0, "measures": "",
        "rectified_at": None, "follow_up": "", "rerated": False, "rating": of.hex,
        "verify_due_at": iso(at + timedelta(days=4)), "verified_at": None, "appealed_at": None, "supervised_at": None,
        "orders": [], **more.pop("body", {}),
    }  # fmt: skip
    return message("case", body, subject, revision, fact_at=iso(at), **more)


def application(subject: UUID, ground: str = "mistaken", **more: Any) -> Any:
    body = {
        "case_number": "差评-20261120-AAAAAAA", "level": 2, "level_system": "interface", "ground": ground,
        "requested_at": iso(FRIDAY + timedelta(hours=5)), "statement": "两次回访均称点错。",
        "call_back_at": iso(FRIDAY + timedelta(hours=3)), "call_back_words": "我点错了。", "evidence": ["回访记录 3 号"],
        "applicant_role": "head", **more.pop("body", {}),
    }  # fmt: skip
    return message("revocation", body, subject, **more)


def validity(subject: UUID, validity: str = "disputed", revision: int = 1, **more: Any) -> Any:
    body = {
        "case_number": "差评-20261120-AAAAAAA", "level": 2, "level_system": "interface", "validity": validity,
        "decided_at": iso(FRIDAY + timedelta(hours=5)), "ground": "mistaken", **more.pop("body", {}),
    }  # fmt: skip
    return message("validity", body, subject, revision, **more)
