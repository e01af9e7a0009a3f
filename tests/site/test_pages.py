"""The front pages, the frame around every page, and the journal as people read it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest, QueryDict
from django.test import Client, RequestFactory

from minping import law
from minping.evaluate.channels.hall.states import Event
from minping.evaluate.models import Rating
from minping.evaluate.services import identity_open
from minping.kernel import journal
from minping.kernel.access import Actor
from minping.kernel.errors import NotFound
from minping.kernel.models import Account, JournalEntry
from minping.kernel.paging import Page, page_of
from minping.registry.models import Item
from minping.site import context, journal_pages
from tests.support.world import FRIDAY, Story, actor, rate, receive, service_row, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
ROOT = Path(__file__).resolve().parents[2]


# --- for everyone ------------------------------------------------------------------------------


def test_the_front_page_names_the_office_and_the_ways_in() -> None:
    page = Client().get("/").content.decode()
    assert "民安街道办事处" in page
    for address in ("/about", "/receipt", "/login"):
        assert f'href="{address}"' in page


def test_every_day_number_of_the_explanation_is_the_laws(settings: Any) -> None:
    page = Client().get("/about").content.decode()
    rules = law.at(settings.MINPING_AREA, FRIDAY.date())
    for limit in ("change", "verify", "rectify", "rerate", "default", "late_voice"):
        assert f"{rules.limit(limit).text}内" in page, limit
    assert "记为默认满意" in page
    assert "厦翔民街办〔2021〕33号" in page


def test_the_public_pages_write_nothing_and_ask_only_the_registry(django_assert_max_num_queries: Any) -> None:
    client = Client()
    for address in ("/", "/about", "/login"):
        client.get(address)
        with django_assert_max_num_queries(0):  # the registry is kept for two seconds
            assert client.get(address).status_code == 200
        assert client.post(address).status_code in (405, 422)
    assert not JournalEntry.objects.exists()


# --- the frame ---------------------------------------------------------------------------------


def test_the_corner_says_who_one_is_with_role_and_place() -> None:
    def card(username: str) -> tuple[str, str, str]:
        found = context.who_card(actor(username))
        return found["name"], found["role_label"], found["unit_name"]

    assert card("reviewer") == ("复核专员", "复核专员", "民安街道办事处")
    assert card("window3") == ("窗口三号", "窗口人员", "民安街道便民服务中心 3号窗口")
    assert context.who_card(Actor("account:none", "新人"))["role_label"] == "还没有角色"


def test_the_corner_costs_no_query_beyond_the_registry(django_assert_max_num_queries: Any) -> None:
    who = actor("reviewer")
    with django_assert_max_num_queries(0):
        context.who_card(who)


def test_each_sees_only_the_sections_that_open_to_them() -> None:
    page = signed_in("auditor").get("/journal/").content.decode()
    assert 'href="/journal/"' in page and 'href="/accounts/"' not in page
    page = signed_in("operator").get("/accounts/").content.decode()
    assert 'href="/accounts/"' in page and 'href="/journal/"' not in page


# --- the journal -------------------------------------------------------------------------------


def test_every_action_that_is_written_has_a_label() -> None:
    areas = "|".join(sorted({action.partition(".")[0] for action in journal_pages.ACTIONS}))
    # Those of the known areas wherever they stand, and whatever is handed to the journal by name.
    pattern = re.compile(rf'"((?:{areas})\.[a-z_]+)"')
    direct = re.compile(r'journal\.(?:write|entry_for)\(\s*"([a-z_.]+)"')
    files = [file for file in (ROOT / "minping").rglob("*.py") if file.name != "journal_pages.py"]
    texts = [file.read_text(encoding="utf-8") for file in files]
    found = {action for text in texts for action in (*pattern.findall(text), *direct.findall(text))}
    permissions = law.at("000000", FRIDAY.date()).permissions.keys()
    written = found - permissions
    assert len(written) > 20
    other = {"registry.xlsx", *(str(event) for event in Event)}  # a file's name, and what call-backs are of
    assert written - other <= journal_pages.ACTIONS.keys()


def test_the_whole_story_of_a_case_can_be_read_by_its_number() -> None:
    order = Story().followed()
    number = order.case.number
    page = signed_in("auditor").get(f"/journal/?subject={number}").content.decode()
    for words in ("差评立件", "电话回访", "核实属实", "转办整改", "报送整改情况", "验收通过"):
        assert words in page, words
    assert page.index("验收通过") < page.index("差评立件</td>")  # newest first
    assert "收到服务</td>" not in page


def test_the_journal_shows_no_personal_data() -> None:
    story = Story()
    case = story.called()
    identity_open(service=case.service, purpose="verify", by=actor("reviewer"), at=story.later())
    page = signed_in("auditor").get("/journal/").content.decode()
    assert "查看联系方式" in page and "核实回访" in page
    for secret in ("群众甲", "13800000000", "350213190001010011", "同样的证明交了两次", "MA20261120-0417"):
        assert secret not in page, secret


def test_the_journal_can_be_narrowed_to_one_action() -> None:
    rate(receive()[0], 5)
    page = signed_in("auditor").get("/journal/?action=rating.first").content.decode()
    assert "收到评价</td>" in page and "收到服务</td>" not in page
    assert "没有符合条件的记录" in signed_in("auditor").get("/journal/?subject=没有这个编号").content.decode()


def test_rows_of_another_office_and_of_the_installation_stay_hidden_from_the_neighbour() -> None:
    from minping.kernel.models import Assignment

    Assignment.objects.create(
        account=Account.objects.get(username="neighbour"), role="auditor", organization_code="neighbour"
    )
    rate(receive()[0], 5)
    journal.write("defaults.made", at=FRIDAY, actor="system", count=3)
    assert "收到评价</td>" in signed_in("auditor").get("/journal/").content.decode()
    assert "到期记为默认</td>" in signed_in("auditor").get("/journal/").content.decode()
    assert "没有符合条件的记录" in signed_in("neighbour").get("/journal/").content.decode()


@pytest.mark.parametrize("username", ["window3", "unit", "reviewer", "head", "operator", "neighbour"])
def test_the_journal_opens_to_nobody_without_the_permission(username: str) -> None:
    assert signed_in(username).get("/journal/").status_code == 403
    assert signed_in(username).post("/journal/verify/").status_code == 403


def test_the_check_says_that_all_is_whole() -> None:
    rate(receive()[0], 5)
    journal.seal()
    page = signed_in("auditor").post("/journal/verify/").content.decode()
    assert "没有发现改动、删除或插入" in page


def test_the_check_names_a_rating_that_was_altered_by_sql() -> None:
    rating = rate(receive()[0], 2)
    journal.seal()
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {Rating._meta.db_table} SET level = 5")
    page = signed_in("auditor").post("/journal/verify/").content.decode()
    assert f"{rating.pk}" in page and "被改动过" in page and "发现 1 处" in page


def test_the_check_of_too_many_records_is_left_to_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_pages, "VERIFY_MOST", 0)
    rate(receive()[0], 5)
    assert "minping verify" in signed_in("auditor").post("/journal/verify/").content.decode()


def test_the_check_needs_a_press() -> None:
    assert signed_in("auditor").get("/journal/verify/").status_code == 405


def test_the_journal_costs_the_same_for_few_rows_and_many(django_assert_max_num_queries: Any) -> None:
    client = signed_in("auditor")
    rate(receive()[0], 5)
    client.get("/journal/")
    with django_assert_max_num_queries(6) as few:
        client.get("/journal/")
    for number in range(110):
        rate(receive(service_row(f"C-{number}"))[0], 5)
    with django_assert_max_num_queries(len(few)) as many:
        page = client.get("/journal/").content.decode()
    assert len(many) == len(few)
    assert page.count('<th scope="row"') == journal_pages.PAGE


# --- paging ------------------------------------------------------------------------------------


def _asked(**query: str) -> HttpRequest:
    return RequestFactory().get("/list/", query)


def _walk(newest_first: bool) -> tuple[list[list[str]], Page]:
    pages, asked = [], _asked(state="x")
    while True:
        page = page_of(Item.objects.all(), asked, size=4, newest_first=newest_first, key=str)
        pages.append([row.code for row in page.rows])
        if not page.next:
            return pages, page
        asked = _asked(**QueryDict(page.next.partition("?")[2]).dict())


@pytest.mark.parametrize("newest_first", [False, True], ids=["oldest first", "newest first"])
def test_paging_shows_each_row_once_and_leads_back_the_same_way(newest_first: bool) -> None:
    Item.objects.all().delete()
    codes = [f"I{number}" for number in range(10)]
    Item.objects.bulk_create(Item(code=code, name=code, kind="20") for code in codes)
    wanted = codes[::-1] if newest_first else codes
    forward, last = _walk(newest_first)
    assert forward == [wanted[:4], wanted[4:8], wanted[8:]]
    assert "state=x" in last.prev
    back = last
    for expected in (wanted[4:8], wanted[:4]):
        asked = _asked(**QueryDict(back.prev.partition("?")[2]).dict())
        back = page_of(Item.objects.all(), asked, size=4, newest_first=newest_first, key=str)
        assert [row.code for row in back.rows] == expected
        assert back.next
    assert back.prev == ""


def test_a_page_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(NotFound):
        page_of(Item.objects.all(), _asked(after="第二页"), size=4)
