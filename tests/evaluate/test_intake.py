"""Services come in once each, and each row is answered by itself (R6, R11)."""

from __future__ import annotations

from typing import Any

import pytest

from minping.evaluate import tokens
from minping.evaluate.models import Applicant, Service
from minping.evaluate.schemas import ServiceIn
from minping.evaluate.services import identity_open, services_receive
from minping.kernel import privacy
from minping.kernel.access import Actor, Grant
from minping.kernel.errors import Forbidden, Problem
from minping.kernel.machine import ConflictOfInterest
from minping.kernel.models import JournalEntry
from minping.registry.models import Organization
from minping.upstream.models import OutboxMessage
from tests.support.world import FRIDAY, REPORTER, actor, beijing, receive, service_row

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]


def report(*rows: dict[str, Any], by: Actor = REPORTER) -> list[dict[str, Any]]:
    given = [ServiceIn.model_validate(row) for row in rows]
    return [answer.as_json() for answer in services_receive(given, by=by, at=FRIDAY)]


def test_a_service_is_kept_with_its_invitation_and_a_message_upward() -> None:
    (answer,) = report(service_row())
    service = Service.objects.get()
    assert answer == {
        "case_no": "MA20261120-0417", "service_no": 1, "status": "accepted",
        "invitation_url": tokens.invitation_url(service.pk), "slip_code": tokens.slip_code(service.pk),
    }  # fmt: skip
    assert OutboxMessage.objects.get().kind == "service"
    assert (service.organization_name, service.window_name) == ("民安街道便民服务中心", "3号窗口")


def test_the_same_report_gives_the_same_answer_and_one_service() -> None:
    assert report(service_row()) == report(service_row()) == report(service_row(), service_row())[1:]
    assert Service.objects.count() == OutboxMessage.objects.count() == 1


def test_the_same_instant_in_another_zone_is_the_same_report() -> None:
    row = service_row()
    utc = {**row, "served_at": "2026-11-20T07:20:00Z"}
    assert report(row) == report(utc)


def test_other_content_for_the_same_service_is_a_conflict_and_changes_nothing() -> None:
    report(service_row())
    (answer,) = report(service_row(window_code="05", staff_code="w05"))
    assert answer["error"]["code"] == "service_conflict"
    assert Service.objects.get().window_code == "03"


@pytest.mark.parametrize(
    "change, code, field",
    [
        ({"organization_code": "nowhere"}, "unknown_code", "organization_code"),
        ({"item_code": "0" * 31}, "unknown_code", "item_code"),
        ({"window_code": "99"}, "unknown_code", "window_code"),
        ({"staff_code": "w99"}, "unknown_code", "staff_code"),
        ({"organization_code": "neighbour", "window_code": "01", "staff_code": None}, "organization_out_of_scope", "organization_code"),
        ({"served_at": "2026-11-21T08:00:00+08:00"}, "times_out_of_order", "served_at"),
        ({"accepted_at": "2026-11-20T16:00:00+08:00"}, "times_out_of_order", "accepted_at"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_and_the_good_ones_are_kept(change: dict[str, Any], code: str, field: str) -> None:
    good, bad = report(service_row("C-1"), {**service_row("C-2"), **change})
    assert good["status"] == "accepted"
    assert (bad["status"], bad["error"]["code"], bad["error"]["field"], bad["error"]["row"]) == (
        "refused",
        code,
        field,
        2,
    )
    assert Service.objects.count() == 1


def test_a_retired_organisation_takes_no_services() -> None:
    Organization.objects.filter(code="minan-center").update(retired_at=FRIDAY)
    assert "已停用" in report(service_row())[0]["error"]["message"]


def test_who_received_it_is_sealed_and_found_by_blind_index_only() -> None:
    service = receive()[0]
    applicant = Applicant.objects.get(service=service)
    raw = bytes(applicant.sealed)
    assert "群众甲".encode() not in raw
    assert b"13800000000" not in raw
    assert bytes(applicant.phone_index or b"") == privacy.index("phone", "13800000000")


def test_a_sealed_value_moved_to_another_service_does_not_open() -> None:
    one, two = receive(service_row("C-1"), service_row("C-2"))
    sealed = Applicant.objects.get(service=one).sealed
    with pytest.raises(privacy.SealBroken):
        privacy.unseal(sealed, f"applicant:{two.pk.hex}")


def test_opening_an_identity_is_for_a_purpose_and_on_record() -> None:
    service = receive()[0]
    person = identity_open(service=service, purpose="verify", by=actor("reviewer"), at=FRIDAY)
    assert (person.name, person.phone) == ("群众甲", "13800000000")
    entry = JournalEntry.objects.get(action="identity.opened")
    assert (entry.actor, entry.facts["purpose"], entry.subject) == ("account:reviewer", "verify", service.pk)
    assert "13800000000" not in entry.data


@pytest.mark.parametrize("username", ["window3", "unit", "head", "operator", "auditor", "neighbour"])
def test_an_identity_is_closed_to_everyone_else(username: str) -> None:
    with pytest.raises(Forbidden):
        identity_open(service=receive()[0], purpose="verify", by=actor(username), at=FRIDAY)


def test_the_rated_person_never_sees_who_it_was_whatever_the_role() -> None:
    grants = (Grant(frozenset({"identity.open"}), "/"),)
    for party in (
        Actor("account:x", grants=grants, staff_code="w03"),
        Actor("account:y", grants=grants, windows=frozenset({("minan-center", "03")})),
    ):
        with pytest.raises(ConflictOfInterest):
            identity_open(service=receive()[0], purpose="verify", by=party, at=FRIDAY)


def test_a_service_of_before_the_plan_is_read_in_the_law_of_its_day() -> None:
    old = service_row("OLD", served_at=beijing("2020-03-02 10:00"))
    (service,) = receive(old, at=FRIDAY)
    assert service.default_due_at == beijing("2020-03-10 00:00")


def test_a_batch_of_a_thousand_is_a_fixed_number_of_queries(django_assert_max_num_queries: Any) -> None:
    rows = [ServiceIn.model_validate(service_row(f"C-{n}")) for n in range(1000)]
    report(service_row())  # the registry is read once
    with django_assert_max_num_queries(8):
        answers = services_receive(rows, by=REPORTER, at=FRIDAY)
    assert not [a for a in answers if a.problem]


def test_a_row_that_was_a_problem_stays_one() -> None:
    problem = Problem("看不懂。")
    answers = services_receive([problem, ServiceIn.model_validate(service_row())], by=REPORTER, at=FRIDAY)
    assert answers[0].problem is problem
    assert answers[1].problem is None
