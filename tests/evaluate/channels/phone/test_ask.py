"""Asking by telephone: nobody chooses whom, the order of the levels is drawn, and it is always shown as such (R8, R12)."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from django.test import Client

from minping.evaluate import tokens
from minping.evaluate.channels.phone import services
from minping.evaluate.channels.phone.models import AskCall
from minping.evaluate.channels.sms.models import OptOut
from minping.evaluate.export import ratings_write
from minping.evaluate.messages import rating_messages
from minping.evaluate.models import Rating, Service
from minping.evaluate.services import AlreadyRated
from minping.feedback.models import Case
from minping.kernel import privacy
from minping.kernel.errors import Forbidden, Invalid, NotFound, Stale
from minping.kernel.models import Account, Assignment, JournalEntry
from tests.support.world import FRIDAY, actor, rate, receive, service_row

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]

NOW = FRIDAY + timedelta(hours=20)
BY = "reviewer"


def answered(call: AskCall, level: int | str = 4, **more: str) -> Rating | None:
    said = {"outcome": "rated", "level": str(level), "words": "办得快。", "recording_no": "L-77", **more}
    return services.ask_record(call_id=call.pk, by=actor(BY), at=NOW, **said)


def asked() -> AskCall:
    return services.ask_open(by=actor(BY), at=NOW)


def test_a_level_said_on_the_telephone_is_a_rating_entered_by_an_operator() -> None:
    receive()
    rating = answered(asked(), 2)
    assert rating is not None
    assert (rating.entry, rating.channel, rating.proof, rating.level) == ("operator", "phone", "phone_reply", 2)
    assert AskCall.objects.get().rating_id == rating.pk


def test_it_is_shown_as_such_on_the_desk_the_receipt_the_export_and_the_message_upward() -> None:
    service = receive()[0]
    rating = answered(asked(), 2)
    assert rating is not None
    browser = Client()
    browser.force_login(Account.objects.get(username=BY), backend="django.contrib.auth.backends.ModelBackend")
    case = Case.objects.get(rating=rating)
    label = "人工电话代录"
    assert label in browser.get(f"/desk/verify/{case.pk}/").content.decode()
    assert label in Client().get(f"/r/{tokens.invitation_token(service.pk)}").content.decode()
    sheet = io.StringIO()
    ratings_write(sheet, FRIDAY, NOW + timedelta(days=1))
    assert label in sheet.getvalue()
    assert rating_messages([rating.pk])[rating.pk].body["entry"] == "operator"


def test_the_one_whose_time_ends_first_is_called_whoever_asks_for_the_next() -> None:
    receive(service_row("MA20261120-0002", served_at=FRIDAY))
    first = receive(service_row("MA20261120-0001", served_at=FRIDAY - timedelta(days=2)))[0]
    assert asked().service_id == first.pk


def test_an_open_call_stays_the_operators_until_it_is_written_down() -> None:
    receive(service_row("MA20261120-0001"), service_row("MA20261120-0002"))
    assert asked().pk == asked().pk
    assert AskCall.objects.count() == 1


def test_the_order_of_the_levels_is_fixed_for_a_call_and_differs_between_calls() -> None:
    receive(*(service_row(f"MA20261120-{n:04d}") for n in range(12)))
    orders = []
    for _ in range(12):
        call = asked()
        assert sorted(call.order) == [1, 2, 3, 4, 5] and asked().order == call.order
        orders.append(tuple(call.order))
        answered(call)
    assert len(set(orders)) > 1


def test_the_page_reads_the_levels_in_the_drawn_order_and_preselects_none() -> None:
    receive()
    call = asked()
    AskCall.objects.filter(pk=call.pk).update(order=[3, 1, 5, 2, 4])
    browser = Client()
    browser.force_login(Account.objects.get(username=BY), backend="django.contrib.auth.backends.ModelBackend")
    page = browser.get(f"/ask/{call.pk}").content.decode()
    assert re.findall(r'name="level" value="(\d)"', page) == ["3", "1", "5", "2", "4"]
    assert "基本满意、非常不满意、非常满意、不满意、满意" in page
    assert " checked" not in page and "tel:" not in page and "13800000000" not in page
    opened = browser.post(f"/ask/{call.pk}/phone").content.decode()
    assert "13800000000" in opened
    assert JournalEntry.objects.filter(action="identity.opened").count() == 1


def test_the_rated_person_and_the_rated_window_are_never_given_their_own() -> None:
    receive()
    reviewer = Account.objects.get(username=BY)
    Account.objects.filter(pk=reviewer.pk).update(staff_code="w03")
    with pytest.raises(NotFound):
        asked()
    Account.objects.filter(pk=reviewer.pk).update(staff_code="r01")
    Assignment.objects.create(account=reviewer, role="clerk", organization_code="minan-center", window_code="03")
    with pytest.raises(NotFound):
        asked()


@pytest.mark.parametrize("username", ["window3", "unit", "head", "operator", "auditor"])
def test_only_who_may_ask_asks(username: str) -> None:
    receive()
    with pytest.raises(Forbidden):
        services.ask_open(by=actor(username), at=NOW)


def test_a_neighbour_is_given_nobody_of_ours() -> None:
    receive()
    with pytest.raises(NotFound):
        services.ask_open(by=actor("neighbour"), at=NOW)


def test_whoever_rated_opted_out_or_has_no_telephone_is_not_called() -> None:
    rated, without = receive(service_row("MA20261120-0001"), service_row("MA20261120-0002", applicant={
        "kind": "person", "name": "群众甲", "cert_type": "111", "cert_no": "350213190001010011", "phone": "",
    }))  # fmt: skip
    rate(rated, 5)
    with pytest.raises(NotFound):
        asked()
    receive(service_row("MA20261120-0003"))
    OptOut.objects.create(phone_index=privacy.index("phone", "13800000000"), at=NOW)
    with pytest.raises(NotFound):
        asked()
    assert without.outcome == "none"


def test_nobody_is_called_more_often_than_the_rule_allows_nor_again_after_a_refusal() -> None:
    one = receive(service_row("MA20261120-0001"))[0]
    for _ in range(2):
        answered(asked(), outcome="no_answer", level="", words="", recording_no="")
    with pytest.raises(NotFound):
        asked()
    receive(service_row("MA20261120-0002"))
    answered(asked(), outcome="declined", level="", words="")
    with pytest.raises(NotFound):
        asked()
    assert Rating.objects.count() == 0 and Service.objects.get(pk=one.pk).outcome == "none"


@pytest.mark.parametrize(
    "said",
    [
        {"recording_no": " "},
        {"level": ""},
        {"level": "6"},
        {"outcome": ""},
        {"outcome": "declined"},
        {"outcome": "no_answer", "recording_no": ""},
    ],
)
def test_no_rating_without_a_recording_and_a_level_and_no_level_without_a_rating(said: dict[str, str]) -> None:
    receive()
    call = asked()
    with pytest.raises(Invalid):
        services.ask_record(
            call_id=call.pk, by=actor(BY), at=NOW,
            **{"outcome": "rated", "level": "1", "words": "", "recording_no": "L-1", **said},
        )  # fmt: skip
    assert Rating.objects.count() == 0 and AskCall.objects.get().outcome == ""


def test_a_call_is_written_down_once_and_by_who_made_it() -> None:
    receive()
    call = asked()
    answered(call)
    with pytest.raises(Stale):
        answered(call)
    with pytest.raises(NotFound):
        services.ask_get(call_id=call.pk, by=actor("neighbour"))
    assert Rating.objects.count() == 1


def test_a_rating_given_by_the_person_during_the_call_stands() -> None:
    service = receive()[0]
    call = asked()
    own = rate(service, 5)
    with pytest.raises(AlreadyRated):
        answered(call, 1)
    assert Rating.objects.get() == own and AskCall.objects.get().outcome == ""
