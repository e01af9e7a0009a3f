"""What is in force where and when: the plan's numbers, the nearest area, the date of the fact."""

from __future__ import annotations

import timeit
from datetime import UTC, date, datetime

import pytest

from minping import law
from minping.kernel import access
from minping.law.model import LevelRow

AREA = "350213005"
TODAY = date(2026, 11, 23)  # 周一
RULES = law.at(AREA, TODAY)

LIMITS = [
    ("default", 7, "natural_day", "minan/3.4.4"),
    ("verify", 2, "working_day", "minan/4.2.2"),
    ("rectify", 5, "working_day", "minan/4.2.3"),
    ("quarter_report", 10, "working_day", "minan/4.2.4"),
    ("change", 15, "minute", "minan/3.1.3"),
    ("settle", 1, "minute", "minan/4.2.1"),
    ("late_voice", 365, "natural_day", "R3"),
    ("rerate", 7, "natural_day", "R9"),
    ("offer", 10, "minute", "minan/4.1.3"),
    ("pairing", 10, "minute", "minan/3.4.2"),
    ("device_silent", 10, "minute", "minan/4.1.1"),
    ("window_silent", 3, "natural_day", "minan/4.1.3"),
    ("due_soon", 1, "working_day", "minan/5.2"),
    ("clock_skew", 10, "minute", "minan/4.2.1"),
    ("sms_settle", 20, "minute", "minan/3.4.1"),
    ("phone_code", 5, "minute", "R12"),
    ("proof_kept", 1095, "natural_day", "minan/3.1.4"),
    ("evidence_kept", 1095, "natural_day", "minan/4.2.3"),
    ("calls_kept", 1095, "natural_day", "minan/3.1.4"),
    ("clue_kept", 1095, "natural_day", "minan/5.2"),
    ("negative_lag", 30, "minute", "minan/4.2.1"),
    ("in_flight", 60, "minute", "minan/3.1.2"),
    ("terminal_visit", 10, "minute", "minan/3.4.2"),
    ("terminal_pause", 10, "minute", "R12"),
    ("call_settle", 1440, "minute", "minan/3.4.1"),
    ("call_again", 1440, "minute", "minan/3.4.1"),
    ("call_lost", 15, "minute", "minan/3.4.1"),
    ("notice_quiet", 5, "minute", "minan/5.2"),
    ("notice_most", 120, "minute", "minan/5.2"),
    ("extend", 5, "working_day", "minan/4.2.3"),
    ("repeat_window_days", 90, "natural_day", "minan/5.2"),
    ("repeat_staff_days", 90, "natural_day", "minan/5.2"),
    ("repeat_item_days", 90, "natural_day", "minan/5.2"),
    ("repeat_unit_days", 90, "natural_day", "minan/5.2"),
    ("inquiry_explain", 3, "working_day", "minan/5.2"),
    ("inquiry_decide", 5, "working_day", "minan/5.2"),
    ("inquiry_improve", 5, "working_day", "minan/5.2"),
    ("lead_days", 30, "natural_day", "minan/5.2"),
    ("lead_angry_days", 7, "natural_day", "minan/5.2"),
    ("callback_tried", 4320, "minute", "minan/3.4.1"),
    ("callback_secret_kept", 1440, "minute", "minan/3.4.1"),
    ("mine_visit", 10, "minute", "R12"),
    ("ticket_match", 30, "natural_day", "minan/6.2"),
]


@pytest.mark.parametrize(("id", "value", "unit", "clause"), LIMITS)
def test_the_limits_of_the_plan(id: str, value: int, unit: str, clause: str) -> None:
    limit = RULES.limit(id)
    assert (limit.value, limit.unit, limit.clause) == (value, unit, clause)
    assert limit.label and limit.starts and limit.source and limit.checked_on


def test_the_permissions_of_keys_are_those_of_the_law_file() -> None:
    keys = {row.id: row.implies for row in RULES.permissions.values() if row.holder == "key"}
    assert set(keys) == set(access.KEY_PERMISSIONS)
    assert {id: tuple(implied) for id, implied in keys.items() if implied} == access.IMPLIED


def test_no_limit_is_untested() -> None:
    assert set(RULES.limits) == {row[0] for row in LIMITS}


def test_where_the_plan_is_silent_the_source_says_ruling() -> None:
    ours = {id for id, limit in RULES.limits.items() if limit.source.startswith("ruling")}
    assert ours == {
        "change", "settle", "late_voice", "rerate", "due_soon", "clock_skew", "quarter_report", "sms_settle",
        "phone_code", "offer", "pairing", "device_silent", "window_silent", "proof_kept", "evidence_kept", "calls_kept",
        "clue_kept", "negative_lag", "in_flight", "terminal_visit", "terminal_pause", "extend", "notice_quiet",
        "notice_most", "call_settle", "call_again", "call_lost", "ticket_match",
        "repeat_window_days", "repeat_staff_days", "repeat_item_days", "repeat_unit_days",
        "inquiry_explain", "inquiry_decide", "inquiry_improve", "lead_days", "lead_angry_days",
        "callback_tried", "callback_secret_kept", "mine_visit",
    }  # fmt: skip
    assert {RULES.limit(id).source for id in ("default", "verify", "rectify")} == {"厦翔民街办〔2021〕33号"}


def test_the_street_rectifies_in_5_working_days_where_the_province_gives_10() -> None:
    assert RULES.limit("rectify").text == "5 个工作日"
    province = law.at("350000", TODAY).limit("rectify")
    assert (province.value, province.source, province.area) == (10, "闽审改办〔2019〕14号", "350000")
    assert law.at("350213", TODAY).limit("rectify") is province


@pytest.mark.parametrize(
    ("area", "version_of"),
    [
        ("350213005", "350213005"),
        ("350213005001", "350213005"),
        ("350213005000", "350213005"),
        ("350213006", "350213"),
        ("350213", "350213"),
        ("350213000000", "350213"),
        ("350299", "350200"),
        ("351234", "350000"),
        ("110101", "000000"),
    ],
)
def test_the_nearest_area_with_a_folder_wins(area: str, version_of: str) -> None:
    rules = law.at(area, TODAY)
    assert rules.version.split("@")[0] == version_of
    assert rules.chain[0].code == version_of and rules.chain[-1].code == "000000"
    same = law.at(version_of, TODAY)
    assert rules.version == same.version and rules.levels is same.levels


def test_a_community_passes_every_area_on_the_way_up() -> None:
    assert law.ancestors("350213005001") == (
        "350213005001",
        "350213005",
        "350213",
        "350200",
        "350000",
        "000000",
    )
    assert law.ancestors("000000") == ("000000",)


@pytest.mark.parametrize("bad", ["", "35", "3502130", "35021300a", "３５０２１３", "003502", "350213005001001"])
def test_what_is_no_area_code_is_refused(bad: str) -> None:
    with pytest.raises(law.LawError, match="行政区划代码"):
        law.at(bad, TODAY)


def test_law_is_read_at_the_date_of_the_fact() -> None:
    before, first = law.at(AREA, date(2021, 11, 17)), law.at(AREA, date(2021, 11, 18))  # 周三，周四
    assert (before.limit("rectify").value, first.limit("rectify").value) == (10, 5)
    assert before.limit("default").clause == "fujian/2019-14"
    assert before.version != first.version
    assert first.version == RULES.version


def test_a_rule_not_yet_in_force_says_since_when_and_what_to_do() -> None:
    with pytest.raises(law.LawError) as caught:
        law.at(AREA, date(2021, 11, 17)).limit("verify")
    assert caught.value.code == "LAW_NOT_IN_FORCE"
    for words in ("2021-11-17", "核实回访期限", "2021-11-18 起", "areas/350213005/limits/verify.yaml"):
        assert words in caught.value.message


def test_a_rule_that_no_superior_has_says_where_to_write_it() -> None:
    with pytest.raises(law.LawError) as caught:
        law.at("110101", TODAY).limit("verify")
    assert caught.value.code == "LAW_NOT_RULED"
    assert "areas/110101/limits/verify.yaml" in caught.value.message


def test_a_name_that_nobody_knows_is_told_apart_from_a_missing_rule() -> None:
    for ask in (RULES.limit, RULES.value, RULES.code_map):
        with pytest.raises(law.LawError, match="没有名为“rectfy”") as caught:
            ask("rectfy")
        assert caught.value.code == "LAW_UNKNOWN"


def test_an_instant_counts_as_its_beijing_day() -> None:
    midnight = datetime(2021, 11, 17, 16, 0, tzinfo=UTC)  # 周四 00:00 in Beijing
    assert law.at(AREA, midnight).limit("rectify").value == 5
    assert law.beijing_date(midnight) == date(2021, 11, 18)
    with pytest.raises(law.LawError, match="时区"):
        law.at(AREA, datetime(2026, 1, 1))


def test_the_five_levels_of_the_plan_best_first() -> None:
    assert [(int(row.code), row.label, row.negative) for row in RULES.levels] == [
        (5, "非常满意", False),
        (4, "满意", False),
        (3, "基本满意", False),
        (2, "不满意", True),
        (1, "非常不满意", True),
    ]
    assert {row.clause for row in RULES.levels} == {"minan/3.3"}
    assert all(isinstance(row, LevelRow) for row in RULES.levels)


def test_the_default_is_satisfied_and_good_are_the_two_best() -> None:
    default = RULES.value("default_level")
    assert (default.number, default.clause) == (4, "minan/3.4.4")
    good = RULES.value("good_levels")
    assert (good.items, good.clause) == ((5, 4), "minan/5.1.2")
    assert default.items == (4,)
    with pytest.raises(law.LawError, match="整数"):
        _ = good.number


def test_the_other_parameters() -> None:
    assert {id: one.unit for id, one in RULES.values.items()} == {
        "default_level": "level",
        "good_levels": "level",
        "small_sample": "service",
        "notice_from": "hour",
        "notice_until": "hour",
        "unreachable_calls": "count",
        "unreachable_days": "count",
        "malicious_words": "character",
        "text_max": "character",
        "added_words_most": "count",
        "evidence_kinds": "suffix",
        "evidence_size": "byte",
        "evidence_count": "file",
        "evidence_unpacked": "byte",
        "clue_count": "file",
        "clue_size": "byte",
        "clue_kinds": "suffix",
        "sms_from_hour": "hour",
        "sms_until_hour": "hour",
        "phone_code_tries": "count",
        "phone_code_per_hour": "count",
        "phone_code_per_address": "count",
        "opening": "clock",
        "tablet_idle": "second",
        "tablet_countdown": "second",
        "terminal_idle": "second",
        "terminal_countdown": "second",
        "terminal_tries": "count",
        "ask_calls": "count",
        "identity_upward": "word",
        "rating_page": "page",
        "introduce": "word",
        "report_first": "word",
        "report_last": "word",
        "silence_chance": "count",
        "silence_floor": "count",
        "call_from_hour": "hour",
        "call_until_hour": "hour",
        "call_wait": "second",
        "call_words": "second",
        "call_tries": "count",
        "call_choices": "count",
        "call_script_verify": "sentence",
        "call_script_follow_up": "sentence",
        "call_script_verify_ticket": "sentence",
        "call_script_follow_up_ticket": "sentence",
        "repeat_item": "count",
        "repeat_staff": "count",
        "repeat_unit": "count",
        "repeat_window": "count",
        "reports_most": "count",
        "lead_after_end": "second",
        "lead_after_end_count": "count",
        "lead_reading": "second",
        "lead_series": "count",
        "lead_phone": "count",
        "lead_burst_days": "count",
        "lead_burst_times": "count",
        "lead_burst_least": "count",
        "lead_text": "count",
        "lead_text_least": "character",
        "lead_operator": "count",
        "lead_angry": "count",
        "own_least": "count",
    }
    assert RULES.value("text_max").value == 10000
    assert RULES.value("small_sample").source == "ruling R13"


def test_channels_proofs_and_handlings() -> None:
    assert list(RULES.channels) == ["pc", "mobile", "qr", "tablet", "terminal", "phone", "sms", "keypad"]
    assert list(RULES.handlings) == ["hall", "agent_point", "terminal", "online"]
    assert {id: row.real_name for id, row in RULES.proofs.items()} == {
        "business_system": True,
        "identity_platform": True,
        "phone_code": True,
        "link": True,
        "phone_reply": True,
        "phone_called": True,
        "phone_caller": True,
        "superior": True,
        "none": False,
    }
    assert RULES.channels["qr"].clause == "minan/3.4.1"
    assert RULES.handlings["agent_point"].clause == "minan/2.0"
    assert RULES.certificates["111"].label == "居民身份证" and RULES.certificates["001"].who == "legal"
    assert list(RULES.applicants) == ["person", "legal"]


def test_channel_codes_go_out_and_come_back_by_the_named_system() -> None:
    pf = RULES.code_map("fujian_pf")
    assert {id: pf.code(id) for id in ("pc", "mobile", "qr", "tablet", "terminal", "phone", "sms")} == {
        "pc": "1",
        "mobile": "2",
        "qr": "3",
        "tablet": "4",
        "terminal": "5",
        "phone": "6",
        "sms": "7",
    }
    assert all(pf.id_of(pf.code(id)) == id for id in pf.codes)


@pytest.mark.parametrize("ask", ["code", "id_of"])
def test_an_unknown_channel_code_stops_instead_of_becoming_another(ask: str) -> None:
    with pytest.raises(law.LawError, match=r"fujian_pf\.yaml"):
        getattr(RULES.code_map("fujian_pf"), ask)("8" if ask == "id_of" else "keypad")


def test_another_province_does_not_get_fujian_codes() -> None:
    with pytest.raises(law.LawError) as caught:
        law.at("330000", TODAY).code_map("fujian_pf")
    assert caught.value.code == "LAW_NOT_RULED"


def test_the_five_indicators_in_the_order_of_the_text() -> None:
    assert [(one.id, one.label, one.clause) for one in RULES.indicators] == [
        ("participation", "实体大厅年度办件评价参与度", "minan/5.1.1"),
        ("praise", "年度评价好评率", "minan/5.1.2"),
        ("rectified", "差评整改办结率", "minan/5.1.3"),
        ("follow_up", "差评回访整改率", "minan/5.1.4"),
        ("reporting", "好差评通报情况", "minan/5.1.5"),
    ]
    assert [one.id for one in RULES.indicators if one.defaults_count] == ["praise"]
    assert all(one.formula and one.numerator and one.denominator for one in RULES.indicators)


def test_every_ruling_is_data_and_says_so() -> None:
    assert list(RULES.rulings) == [f"R{n}" for n in range(1, 14)]
    assert all(one.text and one.label for one in RULES.rulings.values())


ROLES = {
    "clerk": "order.read order.report case.appeal own.read own.answer notice.answer",
    "unit": "order.read order.report case.appeal indicators.read notice.read notice.answer",
    "reviewer": "case.read case.verify case.call case.second case.assign case.answer rating.ask identity.open order.read order.accept"
    " order.return order.transfer order.follow_up templates.manage indicators.read notice.read clue.hand lead.read lead.close"
    " ticket.read ticket.take ticket.match ticket.answer",
    "head": "case.read case.second case.assign case.approve case.answer case.supervise order.read order.accept order.return"
    " order.transfer order.extend templates.manage indicators.read quarter.send delivery.read delivery.check registry.read posters.make device.read"
    " notice.read notice.decide notice.raise clue.hand clue.confirm lead.read lead.close ticket.read ticket.answer",
    "operator": "registry.read registry.import posters.make delivery.read delivery.act delivery.check account.read"
    " account.manage indicators.read device.read device.manage callback.manage",
    "auditor": "journal.read case.read order.read delivery.read indicators.read notice.read lead.read ticket.read",
    "discipline": "clue.open clue.key case.read order.read notice.read",
    "authority": "case.read case.decide case.supervise negative.send order.read indicators.read below.read delivery.read",
}


def test_each_role_may_what_its_duty_needs_and_no_more() -> None:
    assert {id: role.may for id, role in RULES.roles.items()} == {
        id: frozenset(may.split()) for id, may in ROLES.items()
    }


@pytest.mark.parametrize(
    "permission",
    [
        "case.verify",
        "case.call",
        "case.second",
        "case.approve",
        "case.answer",
        "rating.ask",
        "identity.open",
        "order.follow_up",
        "order.extend",
        "order.transfer",
        "case.decide",
    ],
)
def test_the_rated_never_handle_their_own_case(permission: str) -> None:
    assert RULES.never(permission) >= {"rated_person", "rated_window"}


@pytest.mark.parametrize(
    "permission", ["order.accept", "order.return", "order.follow_up", "order.extend", "order.transfer"]
)
def test_who_reported_a_rectification_never_decides_on_it(permission: str) -> None:
    assert RULES.never(permission) == {"rated_person", "rated_window", "reporter"}


def test_other_permissions_know_no_conflict_and_unknown_ones_are_refused() -> None:
    assert RULES.never("case.read") == frozenset()
    assert RULES.never("services:write") == frozenset()
    with pytest.raises(law.LawError, match="没有名为"):
        RULES.never("case.delete")


def test_api_keys_have_permissions_of_their_own() -> None:
    keys = {id: one.implies for id, one in RULES.permissions.items() if one.holder == "key"}
    assert keys == {
        "services:read": frozenset(),
        "services:write": frozenset({"services:read"}),
        "invitations:read": frozenset(),
        "ratings:write": frozenset(),
        "devices:write": frozenset(),
        "calls:write": frozenset(),
        "tickets:hotline": frozenset(),
        "tickets:window": frozenset(),
        "indicators:read": frozenset(),
        "superior:write": frozenset(),
    }
    assert not any(":" in one for role in RULES.roles.values() for one in role.may)


def test_the_shipped_folder_is_clean() -> None:
    assert law.check() == []


def test_the_version_is_short_stable_and_shared_by_days_without_a_change() -> None:
    assert len(RULES.version) == len("350213005@3f2a9c1d")
    assert law.at(AREA, date(2022, 1, 1)).version == RULES.version
    assert law.at("350213", TODAY).version != RULES.version


def test_the_rules_cannot_be_changed_by_a_reader() -> None:
    with pytest.raises(AttributeError):
        RULES.limit("rectify").value = 6  # type: ignore[misc]
    with pytest.raises(TypeError):
        RULES.channels["fax"] = RULES.channels["pc"]  # type: ignore[index]


def test_asking_is_cheap_enough_for_a_million_defaults() -> None:
    start = datetime(2026, 9, 29, 7, tzinfo=UTC)  # 周二

    def ask() -> None:
        law.due(law.at(AREA, start).limit("default"), start)

    ask()
    # About 3 µs each on one slow core; the bound only catches a lost cache.
    assert min(timeit.repeat(ask, number=2000, repeat=3)) / 2000 < 100e-6


def test_a_key_is_read_in_the_code_system_of_its_model_and_an_unknown_one_stops() -> None:
    five, four = RULES.keypads["five_keys"], RULES.keypads["four_keys"]
    assert [int(five.level(key) or 0) for key in ("3", "2", "1", "0", "5")] == [5, 4, 3, 2, 1]
    assert [int(four.level(key) or 0) for key in "1234"] == [5, 4, 3, 2]
    assert five.level("-2") is None
    with pytest.raises(law.LawError, match="没有按键代码“4”"):
        five.level("4")


def test_the_five_keys_agree_with_the_type_of_their_code_system() -> None:
    five = RULES.keypads["five_keys"]
    assert {key: int(law.KeypadLevel(int(key)).to_interface()) for key in five.keys} == five.keys


def test_the_tablet_waits_a_minute_counts_down_half_a_minute_and_the_door_opens_at_half_past_eight() -> None:
    assert (RULES.value("tablet_idle").number, RULES.value("tablet_countdown").number) == (60, 30)
    assert RULES.value("opening").value == "08:30"
