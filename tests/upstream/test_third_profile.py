"""A third province added by following docs/provinces.md alone: Guangdong's documented fields (interfaces.md 1.6)."""

from __future__ import annotations

from typing import Any

import pytest

from minping.evaluate.models import Rating
from minping.kernel import clock
from minping.upstream import incoming
from minping.upstream.models import OutboxMessage
from tests.support.world import FRIDAY, receive, service_row
from tests.upstream.conftest import Speak, drain
from tests.upstream.test_incoming import call_back, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]


@pytest.fixture
def province(speaking: Speak) -> Any:
    return speaking("440000", "/gd")


def test_the_service_is_told_and_the_rating_given_on_the_provinces_page_comes_back(province: Any) -> None:
    receive()
    drain()
    (record,) = province.received(kind="service")
    assert (record["case_no"], record["evalProcess"], record["affairDealNo"]) == ("MA20261120-0417", "2", "w03")
    assert call_back(told(level=2, tags=["210"], text="交了两次")).status_code == 200
    rating = Rating.objects.get()
    assert (rating.level, rating.text, rating.proof) == (2, "交了两次", "superior")
    drain()
    assert OutboxMessage.objects.get(kind="rating").state == "unneeded"
    assert incoming.pull(at=clock.now()) == 0


def test_the_same_page_asked_for_twice_is_there_already(province: Any) -> None:
    province.behave(lose=1)
    receive()
    drain(2)
    province.behave(mode="up")
    drain()
    assert OutboxMessage.objects.get().state == "accepted"
    assert len(province.received()) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"item_name": "长" * 101}, "LOCAL_LENGTH"),
        ({"staff_code": ""}, "LOCAL_REQUIRED"),
        ({"applicant": {**service_row()["applicant"], "cert_type": "414", "cert_no": "E00000001"}}, "LOCAL_CODE"),
    ],
)
def test_a_documented_length_a_missing_field_and_an_unknown_code_stop_by_name(
    province: Any, change: dict[str, Any], code: str
) -> None:
    receive(service_row("C-1", served_at=FRIDAY, **change))
    drain(3)
    row = OutboxMessage.objects.get()
    assert (row.state, row.error_code) == ("refused", code)
    assert province.received() == []
