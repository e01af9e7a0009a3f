"""The fixed cast and situations that every test speaks of.

群众甲 rates; 窗口三号 is rated; 复核专员 verifies; 中心责任人 rectifies; 街道负责人 accepts;
邻街道管理员 must see nothing.  None of them is or was a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from django.test import Client

from minping.evaluate import tokens
from minping.evaluate.models import Rating, Service
from minping.evaluate.schemas import ServiceIn
from minping.evaluate.services import Press, rating_give, services_receive
from minping.feedback import services as feedback
from minping.feedback.models import Case
from minping.feedback.states import CallPurpose
from minping.feedback.tickets.models import Ticket
from minping.feedback.tickets.schemas import TicketIn
from minping.feedback.tickets.services import tickets_receive
from minping.kernel.access import Actor, Grant
from minping.kernel.clock import BEIJING
from minping.kernel.documents import Upload
from minping.kernel.models import Account, Assignment
from minping.rectify import services as rectify
from minping.rectify.models import Order
from minping.registry import queries as registry
from minping.registry.models import Area, Device, Item, Organization, Staff, Window

ITEM = "11350213MB1A2B3C4D4442013001001"
OTHER_ITEM = "11350213MB1A2B3C4D4442013001002"
PASSWORD = "只在测试里用的口令-2026"

ACCOUNTS = {
    # username: (name, staff code, role, organisation, window)
    "window3": ("窗口三号", "w03", "clerk", "minan-center", "03"),
    "window5": ("窗口五号", "w05", "clerk", "minan-center", "05"),
    "unit": ("中心责任人", "u01", "unit", "minan-center", ""),
    "reviewer": ("复核专员", "r01", "reviewer", "minan", ""),
    "head": ("街道负责人", "h01", "head", "minan", ""),
    "operator": ("管理员", "o01", "operator", "minan", ""),
    "auditor": ("审计员", "a01", "auditor", "minan", ""),
    "neighbour": ("邻街道管理员", "n01", "reviewer", "neighbour", ""),
}


def beijing(text: str) -> datetime:
    """`2026-11-20 15:20` Beijing, as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=BEIJING).astimezone(UTC)


FRIDAY = beijing("2026-11-20 15:20")


def registry_world() -> None:
    """民安街道 with its centre and an agent point, and a neighbouring subdistrict."""
    area, _ = Area.objects.get_or_create(code="350213005", defaults={"name": "民安街道"})
    other, _ = Area.objects.get_or_create(code="350213006", defaults={"name": "邻街道"})
    office = Organization.objects.create(code="minan", name="民安街道办事处", kind="office", area=area, path="/minan/")
    center = Organization.objects.create(
        code="minan-center", name="民安街道便民服务中心", kind="center", area=area, parent=office,
        path="/minan/minan-center/",
    )  # fmt: skip
    agent = Organization.objects.create(
        code="minan-agent-01", name="甲社区便民代办点", kind="agent_point", area=area, parent=office,
        path="/minan/minan-agent-01/",
    )  # fmt: skip
    neighbour = Organization.objects.create(
        code="neighbour", name="邻街道办事处", kind="office", area=other, path="/neighbour/"
    )
    for number in ("03", "05"):
        window = Window.objects.create(organization=center, code=number, name=f"{int(number)}号窗口")
        Staff.objects.create(organization=center, code=f"w{number}", name=f"窗口{number}", window=window)
        Device.objects.create(organization=center, code=f"d{number}", kind="tablet", window=window)
    Window.objects.create(organization=agent, code="01", name="代办窗口")
    Window.objects.create(organization=neighbour, code="01", name="1号窗口")
    Item.objects.create(code=ITEM, name="城乡居民基本医疗保险参保登记", kind="20", version="1")
    Item.objects.create(code=OTHER_ITEM, name="老年优待证申领", kind="05", version="1")
    for username, (name, staff, role, organization, window_code) in ACCOUNTS.items():
        account = Account.objects.create_account(username, name, PASSWORD, staff_code=staff)
        Assignment.objects.create(account=account, role=role, organization_code=organization, window_code=window_code)
    registry.forget()


REPORTER = Actor("key:test", "业务系统", (Grant(frozenset({"services:write", "services:read"}), "/minan/"),))


HOTLINE = Actor("key:hotline", "12345 系统", (Grant(frozenset({"tickets:hotline"}), "/minan/"),))


def ticket_row(number: str = "XM20261120000017", **more: Any) -> dict[str, Any]:
    """A ticket as the hotline sends it, of the same citizen who never was."""
    return {
        "number": number, "organization_code": "minan-center", "said_at": "2026-11-20T15:50:00+08:00",
        "demanded_at": "2026-11-27T18:00:00+08:00", "words": "同样的证明要交两次，窗口不听解释。",
        "person": {"name": "群众甲", "phone": "13800000000"}, **more,
    }  # fmt: skip


def ticket(*, at: datetime, by: Actor = HOTLINE, source: str = "hotline", **more: Any) -> Ticket:
    """Take one ticket in and return it as it stands in the database."""
    (answer,) = tickets_receive(source, [TicketIn.model_validate(ticket_row(**more))], by=by, at=at)
    if answer.problem is not None:
        raise answer.problem
    assert answer.ticket is not None
    return Ticket.objects.select_related("case").get(pk=answer.ticket.pk)


def actor(username: str, on: datetime = FRIDAY) -> Actor:
    return registry.actor_of(Account.objects.get(username=username), on.astimezone(BEIJING).date())


def signed_in(username: str) -> Client:
    """A browser at the work place, past the sign-in page."""
    browser = Client()
    browser.force_login(Account.objects.get(username=username), backend="django.contrib.auth.backends.ModelBackend")
    return browser


def service_row(case_no: str = "MA20261120-0417", *, served_at: datetime = FRIDAY, **more: Any) -> dict[str, Any]:
    """A service as a business system reports it, of a citizen who never was."""
    return {
        "organization_code": "minan-center",
        "case_no": case_no,
        "service_no": 1,
        "service_name": "办结",
        "item_code": ITEM,
        "window_code": "03",
        "staff_code": "w03",
        "handling": "hall",
        "case_state": 3,
        "accepted_at": (served_at - timedelta(hours=1)).astimezone(BEIJING).isoformat(),
        "served_at": served_at.astimezone(BEIJING).isoformat(),
        "finished_at": served_at.astimezone(BEIJING).isoformat(),
        "applicant": {
            "kind": "person", "name": "群众甲", "cert_type": "111", "cert_no": "350213190001010011",
            "phone": "13800000000",
        },
        **more,
    }  # fmt: skip


def receive(*rows: dict[str, Any], at: datetime | None = None) -> list[Service]:
    """Report services and return them as they stand in the database."""
    given = [ServiceIn.model_validate(row) for row in rows or (service_row(),)]
    answers = services_receive(given, by=REPORTER, at=at or max(row.served_at for row in given))
    for answer in answers:
        if answer.problem is not None:
            raise answer.problem
    found = Service.objects.in_bulk([answer.service_id for answer in answers])
    return [found[answer.service_id] for answer in answers if answer.service_id]


def press(service: Service, level: int = 2, **more: Any) -> Press:
    values: dict[str, Any] = {
        "at": service.served_at + timedelta(minutes=4), "channel": "mobile", "proof": "link",
        "tags": ("210",) if level == 2 else (), "text": "同样的证明交了两次。" if level < 3 else "",
    }  # fmt: skip
    return Press(token=tokens.invitation_token(service.pk), level=level, **{**values, **more})


def rate(service: Service, level: int = 2, **more: Any) -> Rating:
    return rating_give(press(service, level, **more)).rating


@dataclass
class Story:
    """A negative case taken as far as a test wants it, each step an hour after the last."""

    case_no: str = "MA20261120-0417"
    at: datetime = FRIDAY

    def later(self, **by: float) -> datetime:
        self.at += timedelta(**(by or {"hours": 1}))
        return self.at

    @cached_property
    def service(self) -> Service:
        return receive(service_row(self.case_no, served_at=self.at))[0]

    def negative(self, level: int = 2) -> Case:
        rating = rate(self.service, level, at=self.later())
        return Case.objects.get(rating=rating)

    def called(self, **more: Any) -> Case:
        case = self.negative(**more)
        feedback.call_record(
            case_id=case.pk, purpose=CallPurpose.VERIFY, outcome="answered", words="情况属实。", recording_no="L-1",
            by=actor("reviewer", self.at), at=self.later(),
        )  # fmt: skip
        return case

    def confirmed(self, **more: Any) -> Order:
        case = self.called(**more)
        feedback.case_confirm(case_id=case.pk, note="", by=actor("reviewer", self.at), at=self.later())
        return self.order(case)

    def order(self, case: Case) -> Order:
        return Order.objects.filter(case=case).latest("round")

    def reported(self, **more: Any) -> Order:
        order = self.confirmed(**more)
        return rectify.order_report(
            order_id=order.pk, measures="已改为系统内核验，不再要求重复提交。",
            uploads=[Upload("整改说明.pdf", b"%PDF-1.4 test")], by=actor("unit", self.at), at=self.later(),
        )  # fmt: skip

    def accepted(self, **more: Any) -> Order:
        order = self.reported(**more)
        return rectify.order_accept(order_id=order.pk, by=actor("head", self.at), at=self.later())

    def followed(self, answer: str = "solved", **more: Any) -> Order:
        order = self.accepted(**more)
        return rectify.follow_up_record(
            order_id=order.pk, outcome="answered", answer=answer, words="可以了。", recording_no="L-2",
            by=actor("reviewer", self.at), at=self.later(),
        )  # fmt: skip
