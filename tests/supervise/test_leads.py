"""Leads of fraud: transparent rules with the law file's numbers; for a person; nothing changes by itself (minan/5.2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from minping.evaluate.channels.phone.models import AskCall
from minping.evaluate.models import Rating, Service
from minping.evaluate.states import Entry
from minping.kernel import journal
from minping.kernel.errors import Problem
from minping.kernel.machine import ConflictOfInterest
from minping.supervise import leads
from minping.supervise.models import Lead, LeadRow
from tests.support.world import FRIDAY, actor, beijing, rate, receive, service_row, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
TONIGHT = FRIDAY + timedelta(hours=8)


def given(number: int, level: int = 5, after: float = 300, at: Any = FRIDAY, **more: Any) -> Rating:
    """The n-th service of the test and its rating, `after` seconds after its end."""
    press = {name: more.pop(name) for name in ("device_code", "entry", "text", "pressed_at") if name in more}
    row = service_row(f"MA-LEAD-{at:%m%d%H%M}-{number:04d}", served_at=at, **more)
    service = receive(row)[0]
    return rate(service, level, at=at + timedelta(seconds=after), **{"text": "", "tags": (), **press})


def person(number: int, phone: str = "") -> dict[str, Any]:
    return {
        "applicant": {
            "kind": "person", "name": "群众", "cert_type": "111", "cert_no": f"35021319000101{number:04d}",
            "phone": phone or f"1380000{number:04d}",
        }
    }  # fmt: skip


def found() -> dict[str, int]:
    leads.leads_find(at=TONIGHT)
    return {lead.rule: lead.rows.count() for lead in Lead.objects.all()}


def test_ordinary_ratings_are_no_lead() -> None:
    for number in range(12):
        given(
            number, 5 - number % 3, after=60 + 40 * number, at=FRIDAY + timedelta(minutes=9 * number), **person(number)
        )
    assert found() == {}


def test_ratings_within_seconds_of_the_end() -> None:
    for number in range(3):
        given(number, after=4, at=FRIDAY + timedelta(minutes=number * 10), **person(number))
    given(9, after=6, at=FRIDAY + timedelta(minutes=40), **person(9))
    assert found() == {"soon": 3}
    assert Lead.objects.get().reason == "同一窗口一天有 3 件评价在服务结束后 5 秒以内作出。"


def test_a_series_on_one_device_faster_than_anyone_reads() -> None:
    for number in range(5):
        given(number, after=60 + 8 * number, device_code="d03", **person(number))
    assert found() == {"series": 4}  # the first of the five may have been read


def test_a_device_that_had_to_keep_its_presses_is_judged_by_its_own_clock() -> None:
    for number in range(5):  # all arrive in the same second, pressed ten minutes apart
        pressed = FRIDAY + timedelta(minutes=10 * number)
        given(number, after=7000, device_code="d03", pressed_at=pressed, **person(number))
    assert found() == {}


def test_one_telephone_for_many_different_people() -> None:
    for number in range(5):
        given(number, at=FRIDAY + timedelta(hours=number), **person(number, "13800000000"))
    for number in range(6, 12):  # one person with many cases of their own
        given(number, at=FRIDAY + timedelta(hours=number - 6, minutes=20), **person(77, "13900000000"))
    assert found() == {"phone": 5}
    lead = Lead.objects.get()
    assert "13800000000" not in f"{lead.key}{lead.reason}"


def test_the_same_words_many_times() -> None:
    for number in range(4):
        given(number, text="服务非常热情周到，点赞！", at=FRIDAY + timedelta(hours=number), **person(number))
        given(50 + number, text="很好", at=FRIDAY + timedelta(hours=number, minutes=9), **person(50 + number))
    assert found() == {"text": 4}


def test_many_very_dissatisfied_from_one_person_in_a_short_time() -> None:
    for number in range(3):
        given(number, 1, at=FRIDAY + timedelta(hours=number), text=f"不行{number}", **person(5))
    assert found() == {"angry": 3}


def test_what_one_member_of_staff_enters_being_all_praise() -> None:
    for number in range(10):
        rating = given(number, at=FRIDAY + timedelta(minutes=20 * number), entry=Entry.OPERATOR, **person(number))
        AskCall.objects.create(
            service=rating.service, by="account:reviewer", opened_at=FRIDAY, order=[], outcome="answered",
            ended_at=FRIDAY, rating=rating,
        )  # fmt: skip
    assert found() == {"operator": 10}
    lead = Lead.objects.get()
    with pytest.raises(ConflictOfInterest):
        leads.lead_close(lead_id=lead.pk, finding="harmless", note="我自己。", by=actor("reviewer"), at=TONIGHT)
    leads.lead_close(lead_id=lead.pk, finding="harmless", note="抽听了录音。", by=actor("head"), at=TONIGHT)


@pytest.mark.parametrize(("last", "opens"), [(24, True), (19, False)])
def test_a_burst_of_praise_at_the_end_of_the_quarter(last: int, opens: bool) -> None:
    for number in range(30):  # one a day
        at = beijing("2026-11-20 10:00") + timedelta(days=number)
        given(number, at=at, **person(number))
    for number in range(last):
        at = beijing("2026-12-29 09:00") + timedelta(hours=24 * (number % 3), minutes=7 * number)
        given(100 + number, at=at, **person(100 + number))
    leads.leads_find(at=beijing("2027-01-01 02:00"))
    assert [lead.rule for lead in Lead.objects.all()] == (["burst"] if opens else [])
    leads.leads_find(at=beijing("2027-01-02 02:00"))
    assert Lead.objects.count() == int(opens)
    if opens:
        assert Lead.objects.get().rows.count() == 24


def test_running_again_doubles_nothing_and_what_follows_joins_the_open_lead() -> None:
    for number in range(3):
        given(number, 1, at=FRIDAY + timedelta(hours=number), **person(5))
    assert found() == {"angry": 3}
    before = Lead.objects.values().get()
    assert leads.leads_find(at=TONIGHT) == 0
    assert Lead.objects.values().get() == before
    given(8, 1, at=FRIDAY + timedelta(hours=7), **person(5))
    assert found() == {"angry": 4}
    assert Lead.objects.count() == 1
    assert journal.verify().clean


def test_after_a_finding_only_a_full_number_of_new_ones_is_a_lead_again() -> None:
    for number in range(3):
        given(number, 1, at=FRIDAY + timedelta(hours=number), **person(5))
    found()
    leads.lead_close(lead_id=Lead.objects.get().pk, finding="true", note="x", by=actor("head"), at=TONIGHT)
    given(8, 1, at=FRIDAY + timedelta(hours=6), **person(5))
    leads.leads_find(at=TONIGHT)
    assert Lead.objects.count() == 1


def test_neither_a_lead_nor_its_finding_changes_a_rating_or_an_outcome() -> None:
    for number in range(3):
        given(number, 1, at=FRIDAY + timedelta(hours=number), **person(5))
    before = list(Rating.objects.order_by("pk").values()), list(Service.objects.order_by("pk").values())
    found()
    leads.lead_close(lead_id=Lead.objects.get().pk, finding="true", note="同一人。", by=actor("reviewer"), at=TONIGHT)
    assert (list(Rating.objects.order_by("pk").values()), list(Service.objects.order_by("pk").values())) == before


@pytest.mark.parametrize("name", ["window3", "unit", "operator", "auditor", "discipline", "neighbour"])
def test_only_those_the_law_file_names_close_a_lead(name: str) -> None:
    for number in range(3):
        given(number, 1, at=FRIDAY + timedelta(hours=number), **person(5))
    found()
    lead = Lead.objects.get()
    with pytest.raises(Problem):
        leads.lead_close(lead_id=lead.pk, finding="true", note="x", by=actor(name), at=TONIGHT)
    assert signed_in(name).post(f"/leads/{lead.pk}/close/", {"finding": "true", "note": "x"}).status_code in (403, 404)
    lead.refresh_from_db()
    assert lead.state == "open"


def test_the_page_of_a_lead_says_why_and_takes_the_finding() -> None:
    for number in range(3):
        given(number, 1, at=FRIDAY + timedelta(hours=number), **person(5))
    found()
    lead = Lead.objects.get()
    head = signed_in("head")
    page = head.get(f"/leads/{lead.pk}/").content.decode()
    assert "同一个申请人有 3 件非常不满意。" in page
    assert "群众" not in page.split('class="scroll stacks"')[1].split("</table>")[0]
    empty = head.post(f"/leads/{lead.pk}/close/", {"finding": "true", "note": " "})
    assert empty.status_code == 422
    assert head.post(f"/leads/{lead.pk}/close/", {"finding": "unclear", "note": "电话打不通。"}).status_code == 302
    assert "查不清" in head.get("/supervise/?ended=1").content.decode()


def test_the_queries_do_not_grow_with_the_ratings_nor_with_the_leads() -> None:
    for number in range(4):
        given(number, 1, at=FRIDAY + timedelta(hours=number), **person(5))
    with CaptureQueriesContext(
        connection,
    ) as few:
        leads.leads_find(at=TONIGHT)
    assert len(few) < 45, len(few)
    for number in range(10, 40):
        given(number, 4, at=FRIDAY + timedelta(minutes=11 * number), **person(number))
    with CaptureQueriesContext(connection) as many:
        leads.leads_find(at=TONIGHT)
    assert len(many) <= len(few)
    assert LeadRow.objects.count() == 4
