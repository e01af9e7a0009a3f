"""The delivery desk: what waits and why, acts by a person, and the numbers that must agree."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from openpyxl import load_workbook

from minping.evaluate.queries import counts_by_day_level
from minping.evaluate.services import defaults_make
from minping.kernel import clock, privacy
from minping.kernel.models import Account, Assignment, JournalEntry
from minping.upstream import queries, reading, watch
from minping.upstream.models import Exchange, OutboxMessage, Target, Task
from minping.upstream.pages import delivery, lists, manual, reconciliation
from minping.upstream.pages.lists import TABS
from minping.upstream.states import MessageState
from tests.support.world import FRIDAY, beijing, rate, receive, service_row, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
DAY = FRIDAY.astimezone(clock.BEIJING).date()  # Friday
PERIOD = f"from={DAY}&to={DAY}"


class Province:
    """A superior as the desk asks it: a name, what it takes, what it holds."""

    abilities: frozenset[Any] = frozenset()
    name, label = "sandbox", "沙盒省平台"
    takes = frozenset({"service", "rating", "default", "case"})
    unneeded: frozenset[str] = frozenset()
    ends = False

    def __init__(self, held: dict[tuple[str, str, int | None], int] | None = None) -> None:
        self.held = held

    def holds(self, kind: str) -> set[str] | None:
        return None

    def counts(self) -> dict[tuple[str, str, int | None], int] | None:
        return self.held


@pytest.fixture(autouse=True)
def province(monkeypatch: pytest.MonkeyPatch) -> Province:
    found = Province()
    for module in (delivery, lists, reconciliation, queries, watch):
        monkeypatch.setattr(module, "driver", lambda: found)
    return found


def text(client: Client, address: str, **query: str) -> str:
    return str(client.get(address, query).content.decode())


def outbox(kind: str = "rating", **changes: Any) -> OutboxMessage:
    row = OutboxMessage.objects.filter(kind=kind).latest("id")
    if changes:
        OutboxMessage.objects.filter(pk=row.pk).update(**changes)
        row.refresh_from_db()
    return row


REFUSED = {
    "state": MessageState.REFUSED, "error_code": "E_NO_SERVICE", "error": "没有这次服务", "settled_at": FRIDAY,
    "attempts": 1,
}  # fmt: skip


# --- the lists ---------------------------------------------------------------------------------


def test_the_desk_says_what_waits_since_when_and_why() -> None:
    rate(receive()[0], 5)
    page = text(signed_in("head"), "/delivery/")
    assert page.count("<tr") == 3  # head and the two messages of the case
    assert "11月20日 周五 15:20" in page
    assert "等待上送" in page
    assert "0417" in page


def test_what_follows_a_refused_message_of_its_case_says_what_holds_it_back() -> None:
    rate(receive()[0], 5)
    outbox("service", **REFUSED)
    client = signed_in("operator")
    assert "同一办件的前一条被拒收" in text(client, "/delivery/")
    page = text(client, "/delivery/", state="refused")
    assert "没有这次服务（E_NO_SERVICE）" in page
    assert "重发全部 E_NO_SERVICE（1 条）" in page


def test_each_list_shows_its_own_state_and_the_badges_count() -> None:
    for number in range(4):
        receive(service_row(f"C-{number}"))
    rows = list(OutboxMessage.objects.order_by("id"))
    for row, state in zip(rows, ("waiting", "refused", "manual", "accepted"), strict=True):
        OutboxMessage.objects.filter(pk=row.pk).update(state=state)
    client = signed_in("operator")
    for row, state in zip(rows, ("waiting", "refused", "manual", "accepted"), strict=True):
        page = text(client, "/delivery/", state=state)
        assert page.count(f">{row.case_no[-4:]}<") == 1, state
        assert page.count('<th scope="row"') == 1
    assert text(client, "/delivery/").count('<span class="num">1</span>') == 3


def test_the_neighbour_sees_nothing_of_it() -> None:
    Assignment.objects.create(
        account=Account.objects.get(username="neighbour"), role="operator", organization_code="neighbour"
    )
    rate(receive()[0], 5)
    row = outbox(**REFUSED)
    client = signed_in("neighbour")
    for tab in TABS:
        assert "0417" not in text(client, "/delivery/", state=tab.id)
    page = text(client, f"/delivery/?{PERIOD}")
    assert "对账是全街道的" in page and "省平台收据" not in page
    assert client.get(f"/delivery/{row.pk}/").status_code == 403
    assert client.post(f"/delivery/{row.pk}/", {"verb": "open"}).status_code == 403
    assert client.post(f"/delivery/{row.pk}/replay/").status_code == 403
    assert client.post("/delivery/targets/sandbox/", {"verb": "off", "reason": "x"}).status_code == 403
    assert client.post(f"/delivery/manual/{row.pk}/", {"reference": "1"}).status_code == 403
    client.post("/delivery/replay/", {"code": "E_NO_SERVICE"})
    assert "0417" not in text(client, "/delivery/manual/")
    row.refresh_from_db()
    assert row.state == MessageState.REFUSED


@pytest.mark.parametrize("username", ["window3", "unit", "reviewer"])
def test_the_desk_opens_to_nobody_without_the_permission(username: str) -> None:
    client = signed_in(username)
    for address in ("/delivery/", "/delivery/manual/", "/delivery/1/"):
        assert client.get(address).status_code == 403


@pytest.mark.parametrize("username", ["head", "auditor"])
def test_who_may_only_read_finds_no_act_on_the_desk_and_none_behind_it(username: str) -> None:
    receive()
    row = outbox("service", **REFUSED)
    client = signed_in(username)
    page = text(client, "/delivery/", state="refused")
    assert "E_NO_SERVICE" in page
    assert "重发" not in page and "停用" not in page and f"/delivery/{row.pk}/" not in page
    for address in ("replay/", f"{row.pk}/", f"{row.pk}/replay/", "targets/sandbox/", f"manual/{row.pk}/"):
        assert client.post(f"/delivery/{address}", {"verb": "open", "reference": "1"}).status_code == 403


@pytest.mark.parametrize("state", [tab.id for tab in TABS])
def test_a_list_costs_the_same_for_few_and_many(state: str, django_assert_max_num_queries: Any) -> None:
    stored = state
    client = signed_in("operator")
    receive()
    OutboxMessage.objects.update(state=stored)
    text(client, "/delivery/", state=state)
    with django_assert_max_num_queries(10) as few:
        text(client, "/delivery/", state=state)
    receive(*(service_row(f"C-{number}") for number in range(120)))
    OutboxMessage.objects.update(state=stored)
    with django_assert_max_num_queries(len(few)) as many:
        page = text(client, "/delivery/", state=state)
    assert len(many) == len(few)
    assert page.count('<th scope="row"') == delivery.PAGE


# --- targets -----------------------------------------------------------------------------------


def test_a_target_is_up_down_or_stopped_since_when_and_why() -> None:
    client = signed_in("operator")
    assert "还没有上送过" in text(client, "/delivery/")
    target = Target.objects.create(code="sandbox", last_ok_at=FRIDAY)
    assert "最近送达 11月20日 周五 15:20" in text(client, "/delivery/")
    Target.objects.filter(pk=target.pk).update(silent_since=FRIDAY, last_error="连不上省平台")
    page = text(client, "/delivery/")
    assert "自 11月20日 周五 15:20 起没有应答" in page and "连不上省平台" in page


def test_a_target_is_switched_with_a_reason_and_the_switch_is_on_record() -> None:
    client = signed_in("operator")
    address = "/delivery/targets/sandbox/"
    client.post(address, {"verb": "off", "reason": " "})
    assert "请写明理由" in text(client, "/delivery/")
    assert not JournalEntry.objects.exists()
    client.post(address, {"verb": "off", "reason": "省平台通知停机维护"})
    page = text(client, "/delivery/")
    assert "停用" in page and "省平台通知停机维护" in page and "恢复沙盒省平台" in page
    client.post(address, {"verb": "on", "reason": "维护结束"})
    assert Target.objects.get().enabled
    assert [entry.facts["enabled"] for entry in JournalEntry.objects.order_by("id")] == [False, True]


def test_an_unknown_target_is_not_made_by_asking() -> None:
    answer = signed_in("operator").post("/delivery/targets/elsewhere/", {"verb": "off", "reason": "x"})
    assert answer.status_code == 404
    assert not Target.objects.exists()


# --- sending again -----------------------------------------------------------------------------


def test_one_refused_message_is_sent_again() -> None:
    receive()
    row = outbox("service", **REFUSED)
    signed_in("operator").post(f"/delivery/{row.pk}/replay/")
    row.refresh_from_db()
    assert row.state == MessageState.WAITING


def test_all_messages_refused_with_one_code_are_sent_again_and_no_others() -> None:
    receive(*(service_row(f"C-{number}") for number in range(3)))
    rows = list(OutboxMessage.objects.order_by("id"))
    for row, code in zip(rows, ("E_NO_SERVICE", "E_NO_SERVICE", "E_ITEM"), strict=True):
        OutboxMessage.objects.filter(pk=row.pk).update(**{**REFUSED, "error_code": code})
    client = signed_in("operator")
    client.post("/delivery/replay/", {"code": "E_NO_SERVICE"})
    assert list(OutboxMessage.objects.order_by("id").values_list("state", flat=True)) == [
        "waiting", "waiting", "refused",
    ]  # fmt: skip
    assert "2 条已重新排队。" in text(client, "/delivery/")
    assert JournalEntry.objects.filter(action="message.replayed").count() == 2


def test_a_press_takes_so_many_and_says_how_many_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "REPLAY_MOST", 2)
    receive(*(service_row(f"C-{number}") for number in range(3)))
    OutboxMessage.objects.update(**REFUSED)
    client = signed_in("operator")
    client.post("/delivery/replay/", {"code": "E_NO_SERVICE"})
    assert "2 条已重新排队。还有 1 条" in text(client, "/delivery/")


def test_a_message_that_has_arrived_is_not_sent_again() -> None:
    receive()
    row = outbox("service", state=MessageState.ACCEPTED)
    assert signed_in("operator").post(f"/delivery/{row.pk}/replay/").status_code == 409


# --- one message -------------------------------------------------------------------------------


def proof(row: OutboxMessage, sent: dict[str, Any], received: str, outcome: str = "Never") -> None:
    exchange = Exchange(message=row, at=FRIDAY, outcome=outcome)
    place = f"exchange:{exchange.pk}"
    exchange.sent = privacy.seal(json.dumps(sent, ensure_ascii=False).encode(), place)
    exchange.received = privacy.seal(received.encode(), place)
    exchange.save()


SECRETS = ("群众甲", "13800000000", "350213190001010011")


def test_opening_a_message_writes_nothing_and_shows_no_text_until_it_is_pressed() -> None:
    rate(receive()[0], 2)
    row = outbox("rating", **REFUSED)
    proof(row, {"text": "同样的证明交了两次。"}, '{"result": "refused"}')
    before = JournalEntry.objects.count()
    page = text(signed_in("operator"), f"/delivery/{row.pk}/")
    assert "查看原文（记入日志）" in page
    assert "同样的证明交了两次" not in page
    assert JournalEntry.objects.count() == before


def test_a_press_shows_exactly_what_was_sent_and_answered_and_is_on_record() -> None:
    rate(receive()[0], 2, text="第一行\n第二行，“原样”。")
    row = outbox("rating", **REFUSED)
    proof(row, {"text": "第一行\n第二行，“原样”。", "level": 2}, '{"result":"refused","code":"E_NO_SERVICE"}')
    answer = signed_in("operator").post(f"/delivery/{row.pk}/", {"verb": "open"})
    page = answer.content.decode()
    assert "第一行\\n第二行，“原样”。" in page
    assert "E_NO_SERVICE&quot;}" in page
    entry = JournalEntry.objects.get(action="message.opened")
    assert (entry.actor, entry.subject, entry.facts) == ("account:operator", row.subject, {"kind": "rating"})


def test_personal_fields_are_masked_even_where_the_superior_repeats_them() -> None:
    receive()
    row = outbox("service", **REFUSED)
    applicant = {
        "kind": "person", "name": SECRETS[0], "cert_type": "111", "cert_no": SECRETS[2], "phone": SECRETS[1],
        "agent": {"name": "群众乙", "phone": "13900000000"},
    }  # fmt: skip
    proof(row, {"item_name": "参保", "applicant": applicant}, f"{SECRETS[0]} 的证件 {SECRETS[2]} 与 {SECRETS[1]} 不符")
    page = signed_in("operator").post(f"/delivery/{row.pk}/", {"verb": "open"}).content.decode()
    for secret in (*SECRETS, "群众乙", "13900000000"):
        assert secret not in page, secret
    assert "参保" in page and "138****0000" in page and "群**" in page and "不符" in page


def test_before_the_first_try_the_text_to_be_sent_is_shown_masked() -> None:
    receive()
    page = signed_in("operator").post(f"/delivery/{outbox('service').pk}/", {"verb": "open"}).content.decode()
    assert "将要发出的原文" in page and "城乡居民基本医疗保险参保登记" in page
    assert not any(secret in page for secret in SECRETS)


def test_a_refused_message_may_be_entered_by_hand_under_the_provinces_number() -> None:
    receive()
    row = outbox("service", **REFUSED)
    client = signed_in("operator")
    answer = client.post(f"/delivery/{row.pk}/", {"verb": "by_hand", "reference": " "})
    assert answer.status_code == 422
    assert "还没有填省平台的编号" in answer.content.decode()
    client.post(f"/delivery/{row.pk}/", {"verb": "by_hand", "reference": "FJ-2026-1"})
    row.refresh_from_db()
    assert (row.state, row.reference) == (MessageState.CHECKING, "FJ-2026-1")


def test_a_message_that_is_none_is_not_found() -> None:
    client = signed_in("operator")
    assert client.get("/delivery/999999/").status_code == 404
    assert client.post("/delivery/999999/", {"verb": "open"}).status_code == 404


# --- by hand -----------------------------------------------------------------------------------


def test_the_manual_queue_shows_the_facts_to_copy_and_no_person() -> None:
    rate(receive()[0], 2, text="第一行\n第二行")
    OutboxMessage.objects.update(state=MessageState.MANUAL)
    page = text(signed_in("operator"), "/delivery/manual/")
    for fact in (
        "MA20261120-0417", "城乡居民基本医疗保险参保登记", "不满意（2）", "第一行\n第二行", "手机网页或应用",
        "11月20日 周五 15:24",
    ):  # fmt: skip
        assert fact in page, fact
    assert "210 " in page  # the reason, with its words
    assert not any(secret in page for secret in SECRETS)


def test_a_number_of_the_province_settles_it_and_an_empty_one_is_asked_again() -> None:
    receive()
    row = outbox("service", state=MessageState.MANUAL)
    client = signed_in("operator")
    answer = client.post(f"/delivery/manual/{row.pk}/", {"reference": ""})
    assert (answer.status_code, "还没有填省平台的编号" in answer.content.decode()) == (422, True)
    assert client.post(f"/delivery/manual/{row.pk}/", {"reference": "FJ-1"}).status_code == 303
    assert "这一条是您录入的" in text(client, "/delivery/manual/")
    assert client.post(f"/delivery/manual/{row.pk}/checked/", {"verb": "right"}).status_code == 403
    second = signed_in("head")
    assert "FJ-1" in text(second, "/delivery/manual/") and "省系统编号</label>" not in text(second, "/delivery/manual/")
    assert second.post(f"/delivery/manual/{row.pk}/checked/", {"verb": "right"}).status_code == 303
    assert "没有要手工上报的" in text(client, "/delivery/manual/")
    assert client.post(f"/delivery/manual/{row.pk}/", {"reference": "FJ-2"}).status_code == 409


def test_the_work_list_can_be_taken_along_and_names_nobody() -> None:
    rate(receive()[0], 2, text="=1+1 的原话")
    OutboxMessage.objects.update(state=MessageState.MANUAL)
    answer = signed_in("operator").post("/delivery/manual/export/")
    book = load_workbook(BytesIO(answer.content))
    cells = [cell.value for row in book.active.iter_rows() for cell in row]
    assert "=1+1 的原话" in cells and "MA20261120-0417" in cells and "省平台编号" in cells
    assert not any(secret in str(cell) for cell in cells for secret in SECRETS)
    assert JournalEntry.objects.filter(action="manual.exported").exists()
    assert signed_in("head").post("/delivery/manual/export/").status_code == 403


def test_the_manual_queue_costs_the_same_for_few_and_many(django_assert_max_num_queries: Any) -> None:
    client = signed_in("operator")
    receive()
    OutboxMessage.objects.update(state=MessageState.MANUAL)
    text(client, "/delivery/manual/")
    with django_assert_max_num_queries(6) as few:
        text(client, "/delivery/manual/")
    receive(*(service_row(f"C-{number}") for number in range(30)))
    OutboxMessage.objects.update(state=MessageState.MANUAL)
    with django_assert_max_num_queries(len(few)) as many:
        page = text(client, "/delivery/manual/")
    assert len(many) == len(few)
    assert page.count('id="ref-') == manual.PAGE


def test_every_field_of_a_message_has_a_label_for_the_person_who_copies_it() -> None:
    from tests.support.world import Story

    story = Story()
    story.followed()
    defaults_make_for = receive(service_row("SILENT"))
    defaults_make(at=defaults_make_for[0].default_due_at + timedelta(minutes=1))
    from minping.upstream.building import build

    internal = {"level_system", "fact_at"}  # the code system is said with the level; the time with its own name
    for message in build(OutboxMessage.objects.all()).values():
        unknown = message.body.keys() - reading.FIELDS.keys() - reading.PERSONAL - internal
        assert not unknown, (message.kind, unknown)
        assert all(fact["value"] for fact in reading.facts(message))


# --- reconciliation ----------------------------------------------------------------------------


def test_counts_come_from_the_records_by_beijing_day_kind_and_level() -> None:
    late = beijing("2026-11-20 23:50")  # Friday
    first, second, silent = receive(service_row("C-1"), service_row("C-2", served_at=late), service_row("C-3"), at=late)
    rate(first, 2)
    rate(second, 5, at=late + timedelta(minutes=20))  # Saturday 11-21, 00:10
    defaults_make(at=silent.default_due_at + timedelta(minutes=1))
    start, end = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)
    friday, saturday = DAY, DAY + timedelta(days=1)
    assert counts_by_day_level(start, end) == {
        (friday, "service", None): 3,
        (friday, "rating", 2): 1,
        (saturday, "rating", 5): 1,
        ((silent.default_due_at).astimezone(clock.BEIJING).date(), "default", 4): 1,
    }
    assert counts_by_day_level(end, end + timedelta(days=9)) == {}


def test_a_rating_that_was_changed_counts_once_under_its_present_level() -> None:
    from minping.evaluate.services import rating_give
    from tests.support.world import press

    service = receive()[0]
    receipt = rating_give(press(service, 5))
    rating_give(press(service, 3, tags=(), change=receipt.change_token))
    found = counts_by_day_level(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
    assert {key: n for key, n in found.items() if key[1] == "rating"} == {(DAY, "rating", 3): 1}


def rows_of(page: str) -> list[list[str]]:
    import re

    table = page.split("省平台收据</th>")[1].split("</table>")[0]
    return [re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", row) for row in table.split("<tr")[1:]]


def test_without_a_period_the_superior_is_not_asked(province: Province) -> None:
    province.counts = pytest.fail  # type: ignore[method-assign,assignment]
    page = text(signed_in("head"), "/delivery/")
    assert 'name="from"' in page


def test_equal_numbers_are_level_day_by_day(province: Province) -> None:
    rate(receive()[0], 2)
    OutboxMessage.objects.update(state=MessageState.ACCEPTED)
    province.held = {(str(DAY), "service", None): 1, (str(DAY), "rating", 2): 1, (str(DAY), "case", 2): 1}
    found = rows_of(text(signed_in("auditor"), f"/delivery/?{PERIOD}"))
    day = "11月20日 周五"
    assert found == [
        [day, "差评办理", "不满意", "1", "1", "1", "平"],
        [day, "评价", "不满意", "1", "1", "1", "平"],
        [day, "服务", "", "1", "1", "1", "平"],
        ["合计", "", "", "3", "3", "3", "平"],
    ]


def test_what_one_side_lacks_is_a_difference_whichever_side(province: Province) -> None:
    rate(receive()[0], 5)
    OutboxMessage.objects.filter(kind="rating").delete()  # a record without its message
    OutboxMessage.objects.update(state=MessageState.ACCEPTED)
    province.held = {(str(DAY), "service", None): 1, (str(DAY), "default", 4): 1, ("2026-01-01", "service", None): 9}
    found = {row[1]: row[3:] for row in rows_of(text(signed_in("head"), f"/delivery/?{PERIOD}"))}
    assert found["评价"] == ["1", "0", "0", "差 1"]
    assert found["默认"] == ["0", "0", "1", "差 -1"]  # the superior has what we never made
    assert found["服务"][-1] == "平"
    assert found[""] == ["2", "1", "2", "差 2"]  # a surplus does not make up for a gap


def test_while_the_superior_does_not_answer_its_receipts_are_compared() -> None:
    receive()
    OutboxMessage.objects.update(state=MessageState.ACCEPTED)
    page = text(signed_in("head"), f"/delivery/?{PERIOD}")
    assert "省平台现在查不到" in page
    assert rows_of(page)[0][3:] == ["1", "1", "—", "平"]


@pytest.mark.parametrize(
    ("start", "end", "sentence"),
    [
        ("2026-11-20", "", "日期不对"),
        ("昨天", "2026-11-20", "日期不对"),
        ("2026-11-21", "2026-11-20", "起始日晚于截止日"),
        ("2026-01-01", "2026-11-20", "时段太长"),
    ],
)
def test_a_period_that_is_none_is_refused_with_its_reason(start: str, end: str, sentence: str) -> None:
    assert sentence in text(signed_in("head"), "/delivery/", **{"from": start, "to": end})


# --- what must be looked at --------------------------------------------------------------------


def test_a_difference_becomes_a_task_on_the_desk_that_names_its_rows_and_is_closed_with_a_finding() -> None:
    rating = rate(receive()[0], 1, text="慢")
    client = signed_in("operator")
    client.post("/delivery/reconcile/", {"from": DAY.isoformat(), "to": DAY.isoformat()})
    page = text(client, "/delivery/")
    assert "对账差异" in page and rating.pk.hex in page and "非常不满意" in page
    task = Task.objects.get(kind="difference", rows=[rating.pk.hex])
    client.post(f"/delivery/tasks/{task.pk}/", {"finding": ""})
    task.refresh_from_db()
    assert task.closed_at is None
    assert "查到了什么" not in text(signed_in("auditor"), "/delivery/")  # who may only read closes nothing
    assert signed_in("auditor").post(f"/delivery/tasks/{task.pk}/", {"finding": "x"}).status_code == 403
    assert signed_in("head").post("/delivery/reconcile/", {"from": str(DAY), "to": str(DAY)}).status_code == 403
    client.post(f"/delivery/tasks/{task.pk}/", {"finding": "省平台停机，已补送"})
    assert rating.pk.hex not in text(client, "/delivery/")
    assert JournalEntry.objects.filter(action="task.closed", data__contains="已补送").exists()


def test_the_reconciliation_is_by_channel_and_by_unit_too() -> None:
    rate(receive()[0], 5, channel="qr")
    OutboxMessage.objects.update(state=MessageState.ACCEPTED)
    page = text(signed_in("operator"), f"/delivery/?{PERIOD}")
    assert "扫二维码" in page and "民安街道便民服务中心" in page and "不分渠道" in page
    assert page.count(">省平台查到</th>") == 3  # the days, the channels, the units


def test_the_neighbour_sees_no_task() -> None:
    Assignment.objects.create(
        account=Account.objects.get(username="neighbour"), role="operator", organization_code="neighbour"
    )
    watch.task_open("lag", "k", "有 3 条差评没有送到", target="sandbox", rows=[], at=clock.now())
    assert "差评落后" not in text(signed_in("neighbour"), "/delivery/")
