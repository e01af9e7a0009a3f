"""The demonstration office's last month: services, ratings and negatives in every stage of their way.

Whoever starts 民评 for the first time meets an office at work, not an empty one.  Everything goes through the
same duties as real work does, at the moments at which it would have been done; nothing is written past them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any

import yaml

from minping import law
from minping.evaluate import tokens
from minping.evaluate.models import Service
from minping.evaluate.schemas import ServiceIn
from minping.evaluate.services import Press, rating_give, services_receive
from minping.feedback import decisions, services
from minping.feedback.models import Case
from minping.feedback.states import CallPurpose
from minping.kernel import paper
from minping.kernel.access import Actor, Grant
from minping.kernel.clock import BEIJING, beijing
from minping.kernel.documents import Upload
from minping.kernel.models import Account
from minping.rectify import services as rectify
from minping.rectify.models import Order
from minping.registry import queries as registry
from minping.registry.models import Item

FILE = Path(__file__).with_name("story.yaml")
CENTER = "minan-center"
REPORTER = Actor("business", "业务系统", (Grant(frozenset({"services:write"}), f"/minan/{CENTER}/"),))
DAYS, A_DAY = 30, 5  # working days of ordinary services, and how many a day
RATED = 0.45  # of the ordinary services
OPENS, CLOSES = time(9, 0), time(17, 0)


def tell(*, at: datetime) -> int:
    """Tell the month before `at`, where no service is known yet; returns how many services there are then."""
    if Service.objects.exists():
        return 0
    told = yaml.safe_load(FILE.read_text("utf-8"))
    days = _working_days(beijing(at).date(), DAYS)
    events = sorted([*_ordinary(told, days), *_negatives(told, days)], key=lambda event: event.at)
    past = [event for event in events if event.at < at]
    for number, event in enumerate(past):
        event.service = _service(number, event)
        _Way(event, told["said"], until=at).go()
    return len(past)


@dataclass
class Event:
    """One service: when, at which window, what was said of it, and how far its negative has come."""

    at: datetime
    window: str
    item: str
    said: Mapping[str, Any] | None
    steps: tuple[str, ...] = ()
    service: Service | None = None


def _working_days(today: date, count: int) -> list[date]:
    """Today, and the `count` working days before it, latest first."""
    calendar, found, day = law.calendar(), [today], today
    while len(found) <= count:
        day -= timedelta(days=1)
        if calendar.is_working_day(day):
            found.append(day)
    return found


def _ordinary(told: Mapping[str, Any], days: list[date]) -> list[Event]:
    draw = Random(2026)  # the same month at every start
    items = _items()
    return [
        Event(
            at=datetime.combine(day, OPENS, BEIJING) + timedelta(minutes=30 + 80 * number + draw.randrange(60)),
            window=f"0{draw.randint(1, 6)}", item=draw.choice(items),
            said=draw.choice(told["others"]) if draw.random() < RATED else None,
        )
        for day in days[1:]
        for number in range(A_DAY)
    ]  # fmt: skip


def _negatives(told: Mapping[str, Any], days: list[date]) -> list[Event]:
    items = _items()
    return [
        Event(
            at=datetime.combine(days[row["days"]], time(9, 20 + number), BEIJING), window=row["window"],
            item=next(code for code in items if code.endswith(row["item"])), said=row, steps=tuple(row["steps"]),
        )
        for number, row in enumerate(told["negatives"])
    ]  # fmt: skip


def _items() -> list[str]:
    return list(Item.objects.order_by("code").values_list("code", flat=True))


def _service(number: int, event: Event) -> Service:
    """Report one service as a business system does."""
    given = ServiceIn.model_validate({
        "organization_code": CENTER, "case_no": f"YS{event.at:%Y%m%d}-{number:04d}", "service_no": 1,
        "service_name": "办结", "item_code": event.item, "window_code": event.window,
        "staff_code": f"w{event.window}", "handling": "hall", "case_state": 3,
        "accepted_at": event.at - timedelta(minutes=25), "served_at": event.at, "finished_at": event.at,
        "applicant": {
            "kind": "person", "name": f"演示{'甲乙丙丁戊己庚辛'[number % 8]}", "cert_type": "111",
            "cert_no": f"TEST-{number:04d}", "phone": f"1380000{number:04d}",
        },
    })  # fmt: skip
    (answer,) = services_receive([given], by=REPORTER, at=event.at + timedelta(seconds=20))
    if answer.problem is not None:
        raise answer.problem
    assert answer.service_id is not None
    return Service.objects.get(pk=answer.service_id)


def _actor(username: str, at: datetime) -> Actor:
    return registry.actor_of(Account.objects.get(username=username), beijing(at).date())


class _Way:
    """The way of one service from its rating on, step by step in working hours, up to the present."""

    def __init__(self, event: Event, said: Mapping[str, str], until: datetime) -> None:
        self.event, self.said, self.until = event, said, until
        assert event.service is not None
        self.service = event.service
        self.at = event.at

    def go(self) -> None:
        if self.event.said is None or not self._later(minutes=6):
            return
        self._rate(self.event.said, "qr")
        for step in self.event.steps:
            if not self._later(hours=5):
                return
            STEPS[step](self)

    def _later(self, **by: float) -> bool:
        """On by so much, to the next working hour; False where that is not yet."""
        moment = self.at + timedelta(**by)
        if beijing(moment).time() >= CLOSES:
            moment = datetime.combine(beijing(moment).date() + timedelta(days=1), OPENS, BEIJING) + timedelta(hours=1)
            while not law.calendar().is_working_day(moment.date()):
                moment += timedelta(days=1)
        self.at = moment
        return moment < self.until

    def _rate(self, said: Mapping[str, Any], channel: str) -> None:
        rating_give(
            Press(
                token=tokens.invitation_token(self.service.pk), level=said["level"], at=self.at, channel=channel,
                proof="link", tags=tuple(said["tags"]), text=said["words"], done=True,
            )
        )  # fmt: skip

    @property
    def case(self) -> Case:
        return Case.objects.get(service=self.service)

    @property
    def order(self) -> Order:
        return Order.objects.filter(case=self.case).latest("round")

    def call(self) -> None:
        services.call_record(
            case_id=self.case.pk, purpose=CallPurpose.VERIFY, outcome="answered", words=self.said["call"],
            recording_no=f"LY{self.at:%m%d%H%M}", by=_actor("reviewer", self.at), at=self.at,
        )  # fmt: skip

    def confirm(self) -> None:
        services.case_confirm(case_id=self.case.pk, note="", by=_actor("reviewer", self.at), at=self.at)

    def decide(self, verb: str, username: str, **said: str) -> None:
        decisions.case_decide(
            case_id=self.case.pk, verb=verb, said=said, by=_actor(username, self.at), at=self.at
        )  # fmt: skip

    def report(self, verb: str = "report") -> None:
        told = paper.Paper("整改说明（演示）", "", [paper.Section("说明", remark=self.said[verb])])
        rectify.order_report(
            order_id=self.order.pk, measures=self.said[verb], by=_actor("unit", self.at), at=self.at, verb=verb,
            uploads=[Upload("整改说明.docx", paper.make(told, paper.DOCX))],
        )  # fmt: skip

    def accept(self) -> None:
        rectify.order_accept(order_id=self.order.pk, by=_actor("head", self.at), at=self.at)

    def follow(self, answer: str) -> None:
        rectify.follow_up_record(
            order_id=self.order.pk, outcome="answered", answer=answer, words=self.said[answer],
            recording_no=f"LY{self.at:%m%d%H%M}", by=_actor("reviewer", self.at), at=self.at,
        )  # fmt: skip


STEPS: Mapping[str, Callable[[_Way], None]] = {
    "call": _Way.call,
    "confirm": _Way.confirm,
    "mistaken": lambda way: way.decide("mistaken", "reviewer", statement=way.said["mistaken"]),
    "approve": lambda way: way.decide("approve", "head"),
    "appeal": lambda way: way.decide("appeal", "unit", reason=way.said["appeal"]),
    "report": _Way.report,
    "explain": lambda way: way.report("explain"),
    "accept": _Way.accept,
    "solved": lambda way: way.follow("solved"),
    "unsolved": lambda way: way.follow("unsolved"),
    "rerate": lambda way: way._rate({"level": 4, "tags": ["411"], "words": ""}, "mobile"),
}
