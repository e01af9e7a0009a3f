"""The driver to a superior that runs this same program.

Its calls go through the superior's whole request path in this process; over loopback,
between processes, they go in tests/journeys/test_levels.py.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from minping import law
from minping.evaluate.models import Applicant, Service
from minping.kernel import clock, journal, privacy
from minping.kernel.access import SYSTEM
from minping.registry import queries as registry
from minping.upstream.below import api
from minping.upstream.below.down import send_down
from minping.upstream.messages import Dictionary, NegativeReceived, ServiceContent, envelope, read
from minping.upstream.models import FromBelow, Subordinate
from minping.upstream.port import Accepted, AlreadyDone, Later, Message
from minping.upstream.provinces.calling import Answer
from minping.upstream.provinces.minping import driver as drivers
from minping.upstream.provinces.minping.driver import MinpingDriver
from tests.support import levels
from tests.support.world import FRIDAY

pytestmark = pytest.mark.django_db

ADDRESS = "http://127.0.0.1"
PERSON = {
    "kind": "person",
    "name": "群众甲",
    "cert_type": "111",
    "cert_no": "350213190001010011",
    "phone": "13800000000",
}


class Inside:
    """In place of the caller: the same request, handed to the site without a socket."""

    raises = True

    def ask(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        path = url.removeprefix(ADDRESS)
        answer = Client(raise_request_exception=self.raises).generic(
            method, path, body or b"", "application/json", headers=headers
        )
        return Answer(answer.status_code, answer.content, {})


def driver(key: str) -> MinpingDriver:
    made = MinpingDriver(ADDRESS, {"key": key})
    made.caller = Inside()  # type: ignore[assignment]
    return made


@pytest.fixture
def superior(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> MinpingDriver:
    levels.district_world(settings)
    monkeypatch.setattr(clock, "now", lambda: FRIDAY + timedelta(days=1))
    return driver(levels.key())


def service(case_no: str = "MA-1", organization: str = "minan-center") -> tuple[str, Message]:
    row = levels.service(case_no=case_no, organization_code=organization)
    body = {name: value for name, value in row["body"].items() if name != "fact_at"}
    content = read(ServiceContent, {**body, "applicant": PERSON})
    made = envelope(
        content, kind="service", area_code=levels.STREET, organization_code=organization, case_no=case_no,
        service_no=1, fact_at=FRIDAY,
    )  # fmt: skip
    return row["key"], made


def test_a_batch_is_answered_one_by_one_and_the_second_time_is_already_done(superior: MinpingDriver) -> None:
    rows = [service("MA-1"), service("MA-2"), service("MA-1")]
    first, second, third = superior.send_many(rows)
    assert isinstance(first, Accepted) and isinstance(second, Accepted)
    assert (getattr(third, "code", ""), Service.objects.count()) == ("service_conflict", 2)
    again = superior.send_many(rows[:1])[0]
    assert isinstance(again, AlreadyDone) and again.code == first.reference
    assert superior.holds("service") == {key.split(":")[1] for key, _ in rows[:2]}
    assert superior.counts() == {("2026-11-20", "service", None): 2}


@pytest.mark.parametrize(("rule", "name"), [("kind", ""), ("full", "群众甲")])
def test_who_it_was_stays_below_unless_the_rule_says_otherwise(
    superior: MinpingDriver, monkeypatch: pytest.MonkeyPatch, rule: str, name: str
) -> None:
    monkeypatch.setattr(drivers, "_names_go_up", lambda area: rule == "full")
    sent = superior.send(*service()).sent
    assert ("群众甲" in sent, "13800000000" in sent) == ((rule == "full"),) * 2
    applicant = Applicant.objects.get()
    told = privacy.unseal_json(applicant.sealed, f"applicant:{applicant.pk.hex}")
    assert (told["name"], told["kind"]) == (name, "person")


def test_the_rule_as_shipped_keeps_names_below() -> None:
    assert drivers._names_go_up(levels.STREET) is False


def test_an_organisation_unknown_above_is_made_known_and_its_messages_go_on(
    superior: MinpingDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = registry.Place(
        "minan-agent-01", "甲社区便民代办点", "agent_point", "/minan/minan-agent-01/", levels.STREET, True
    )
    office = registry.Place("minan", "民安街道办事处", "office", "/minan/", levels.STREET, True)
    ours = registry.Directory({"minan": office, "minan-agent-01": place}, {}, {}, {})
    monkeypatch.setattr(registry, "directory", lambda fresh=False: ours)
    rows = superior._introduce  # the superior shares this process: only the driver is to see the street's registry
    with monkeypatch.context() as street:
        street.setattr(superior, "_introduce", rows)
        told: list[Any] = []
        street.setattr(
            superior, "_called", lambda *given: told.append(given) or {"organizations": [{"result": "created"}]}
        )
        assert rows({"minan-agent-01"}) is True
    (_, path, body), = told  # fmt: skip
    assert path == "organizations"
    assert [(one["code"], one["parent"]) for one in body["organizations"]] == [
        ("minan", ""),
        ("minan-agent-01", "minan"),
    ]


def test_what_is_sent_down_is_asked_for_in_order_and_taken_once(superior: MinpingDriver) -> None:
    assert superior.down(0) == ([], 0)
    for number in range(1, 4):
        told = NegativeReceived(f"XA-{number}", "minan-center", "MA-1", 1, law.InterfaceLevel(1), FRIDAY, text="很慢")
        with transaction.atomic():
            assert send_down("minan", told, reference=told.reference, by=SYSTEM, at=FRIDAY)
            assert send_down("minan", told, reference=told.reference, by=SYSTEM, at=FRIDAY) is None
    contents, cursor = superior.down(0)
    assert ([one.reference for one in contents], cursor) == (["XA-1", "XA-2", "XA-3"], 3)
    assert [one.reference for one in superior.down(2)[0]] == ["XA-3"]
    superior.down(3)
    superior.down(99)  # a number never given is no receipt
    assert Subordinate.objects.get(pk="minan").taken == 3
    assert driver(levels.key("neighbour")).down(0) == ([], 0)


def test_what_is_still_unrated_above_is_told_to_its_owner_only_and_from_a_day_on(superior: MinpingDriver) -> None:
    (one, first), (two, second) = service("MA-1"), service("MA-2")
    superior.send_many([(one, first), (two, second)])
    day = clock.beijing(FRIDAY).date()
    assert [found.case_no for found in superior.open_services(day)] == ["MA-1", "MA-2"]
    assert superior.open_services(day + timedelta(days=1)) == []
    said = levels.post("messages", {"messages": [levels.rating(case_no="MA-1")]}, levels.key())
    assert [one["result"] for one in said.json()["answers"]] == ["accepted"]
    assert [(found.case_no, found.service_no) for found in superior.open_services(day)] == [("MA-2", 1)]
    assert driver(levels.key("neighbour")).open_services(day) == []


@pytest.mark.parametrize(
    "told", [{}, {"services": "MA-1"}, {"services": ["MA-1"]}, {"services": [{"case_no": "MA-1"}]}]
)
def test_a_list_of_what_is_unrated_that_cannot_be_read_is_no_list(
    superior: MinpingDriver, monkeypatch: pytest.MonkeyPatch, told: Any
) -> None:
    monkeypatch.setattr(superior, "_called", lambda *_: told)
    with pytest.raises(Later):
        superior.open_services(clock.beijing(FRIDAY).date())


def test_its_dictionary_is_ours(superior: MinpingDriver) -> None:
    told = superior.dictionary()
    assert isinstance(told, Dictionary) and {tag.code for tag in told.tags} >= {"108", "210", "510"}


@pytest.mark.parametrize(
    ("address", "credentials"),
    [
        ("http://minping.example.gov.cn", {"key": "mp_x"}),
        ("http://127.0.0.1:9", {"key": "mp_x"}),
        ("http://127.0.0.1:9", {}),
    ],
)
def test_silence_a_missing_key_and_a_plain_address_hold_everything_back(
    address: str, credentials: dict[str, str]
) -> None:
    superior = MinpingDriver(address, credentials)
    (outcome,) = superior.send_many([service()])
    assert isinstance(outcome, Later) and outcome.unreachable
    assert (superior.counts(), superior.holds("service")) == (None, None)


def test_a_key_that_the_superior_does_not_know_holds_everything_back(superior: MinpingDriver) -> None:
    (outcome,) = driver("mp_wrong").send_many([service()])
    assert isinstance(outcome, Later) and outcome.unreachable and outcome.code == "401"


def test_a_superior_that_dies_between_its_commit_and_its_answer_has_each_message_once(
    superior: MinpingDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [service(f"MA-{n}") for n in range(5)]
    answered, lost = api._answer, [True]

    def die(body: Any) -> Any:
        if lost and lost.pop():
            raise RuntimeError("掉电")
        return answered(body)

    monkeypatch.setattr(api, "_answer", die)
    superior.caller.raises = False  # type: ignore[attr-defined]
    first = superior.send_many(rows)
    assert {type(one) for one in first} == {Later} and Service.objects.count() == 5
    assert {type(one) for one in superior.send_many(rows)} == {AlreadyDone}
    assert (Service.objects.count(), FromBelow.objects.count()) == (5, 5)
    assert journal.verify().clean


@pytest.mark.parametrize(
    "told",
    [
        {}, {"answers": None}, {"answers": []}, {"answers": [None, 1]}, {"answers": [{}, {"result": "ACCEPTED"}]},
        {"answers": [{"result": True}, {"result": ["accepted"]}]}, {"answers": "accepted"},
    ],
)  # fmt: skip
def test_an_answer_that_says_nothing_clear_accepts_nothing(
    superior: MinpingDriver, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(superior, "_called", lambda *_: told)
    assert {type(one) for one in superior.send_many([service("MA-1"), service("MA-2")])} == {Later}


def test_answers_in_another_order_or_of_older_messages_are_not_taken_for_these(
    superior: MinpingDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [service("MA-1"), service("MA-2")]
    swapped = [
        {"key": rows[n][0], "result": result, "reference": f"R-{n}"} for n, result in ((1, "accepted"), (0, "never"))
    ]
    monkeypatch.setattr(superior, "_called", lambda *_: {"answers": swapped})
    assert {type(one) for one in superior.send_many(rows)} == {Later}
    older = [{"key": "service:0:1", "result": "accepted", "reference": "R"}] * 2
    monkeypatch.setattr(superior, "_called", lambda *_: {"answers": older})
    assert {type(one) for one in superior.send_many(rows)} == {Later}
