"""A province as dated data: faults name file, key and cure; codes both ways; nothing is guessed (failures.md B26, B27)."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from minping.cli import main
from minping.kernel.home import home
from minping.law.errors import LawError
from minping.upstream import messages, profile
from minping.upstream.models import Exchange, OutboxMessage
from minping.upstream.port import Message
from minping.upstream.profile.loading import ROOT
from tests.support.world import FRIDAY, rate, receive, service_row
from tests.upstream.test_messages import UPWARD

TODAY = date(2026, 11, 24)
SHIPPED = pytest.mark.parametrize("name", profile.names())


@SHIPPED
def test_each_shipped_profile_is_whole_and_says_its_source(name: str) -> None:
    found = profile.load(name, on=TODAY)
    assert found.source and found.id == name and found.answers


def shandong(tmp_path: Path, change: Callable[[Any], None]) -> Path:
    """The Shandong profile with one thing changed."""
    data = yaml.safe_load((ROOT / "370000" / "profile.yaml").read_text("utf-8"))
    change(data)
    file = tmp_path / "mine" / "profile.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return file


def version(data: Any) -> Any:
    return data["versions"][0]


def first_field(data: Any) -> Any:
    return version(data)["messages"]["rating"]["fields"][0]


FAULTS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "missing charset": (lambda d: version(d).pop("charset"), "versions[0].charset"),
    "unknown key": (lambda d: version(d).update(speed=9), "versions[0].speed"),
    "unknown family": (lambda d: d.update(family="ftp"), "family"),
    "unknown ability": (lambda d: version(d)["abilities"].append("fly"), "versions[0].abilities"),
    "ability without a path": (lambda d: version(d)["paths"].pop("dictionary"), "versions[0].paths.dictionary"),
    "an ability that no family has": (lambda d: version(d)["abilities"].append("pull_open_services"), "abilities"),
    "message without its ability": (lambda d: version(d)["abilities"].remove("push_service"), "messages.service"),
    "unknown code table": (lambda d: version(d)["codes"].update(mood={"a": "b"}), "codes.mood"),
    "unknown code of ours": (lambda d: version(d)["codes"]["level"].update({"6": "6"}), "codes.level.6"),
    "number as a code": (lambda d: version(d)["codes"]["level"].update({"5": 5}), "codes.level.5"),
    "field without a source": (lambda d: first_field(d).pop("take"), "messages.rating.fields[0]"),
    "field with a table that is none": (lambda d: first_field(d).update(code="certificates"), "fields[0].code"),
    "words cut short": (lambda d: first_field(d).update(take="text", first=50), "fields[0].first"),
    "field twice": (lambda d: version(d)["messages"]["default"]["fields"].append({"to": "projectNo", "take": "key"}),
                    "messages.default.fields"),
    "unknown answer class": (lambda d: version(d)["answers"].append({"code": "9", "is": "fine"}), "answers[10].is"),
    "answer without a sign": (lambda d: version(d)["answers"].append({"is": "accepted"}), "answers[10]"),
    "versions that overlap": (lambda d: d["versions"].append({**version(d), "from": date(2021, 1, 1)}), "versions"),
    "pulled codes that are not clear": (
        lambda d: (version(d)["abilities"].append("pull_negatives"), version(d)["paths"].update(negatives="/n")), "back.handling.2"),
    "results without their fields": (
        lambda d: (version(d)["abilities"].append("pull_ratings"), version(d)["paths"].update(results="/r")), "messages.results"),
    "a page without its fields": (
        lambda d: (version(d)["abilities"].append("get_page"), version(d)["paths"].update(page="/p")), "messages.page"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_names_the_file_the_key_and_the_cure(fault: str, tmp_path: Path) -> None:
    change, key = FAULTS[fault]
    with pytest.raises(LawError) as told:
        profile.load(str(shandong(tmp_path, change)), on=TODAY)
    assert "mine/profile.yaml" in told.value.message and key in told.value.message, told.value.message
    assert told.value.message.count("。") >= 2  # what is wrong, and what to do


def test_a_profile_is_dated_and_the_version_of_the_day_counts(tmp_path: Path) -> None:
    def two(data: Any) -> None:
        old = version(data)
        data["versions"] = [{**old, "to": date(2025, 12, 31)}, {**old, "from": date(2026, 1, 1), "per_second": 7}]

    file = str(shandong(tmp_path, two))
    assert profile.load(file, on=date(2025, 6, 1)).per_second == 20
    assert profile.load(file, on=TODAY).per_second == 7
    with pytest.raises(LawError):
        profile.load(file, on=date(2018, 1, 1))


@SHIPPED
def test_b27_codes_go_both_ways_and_an_unknown_one_stays_unknown(name: str) -> None:
    found = profile.load(name, on=TODAY)
    for table, rows in found.codes.items():
        theirs = list(rows.values())
        for ours, code in rows.items():
            if theirs.count(code) == 1:
                assert profile.reverse(found, table, code) == ours
        assert profile.reverse(found, table, "9527") is None


def test_b26_two_calls_of_one_system_may_say_yes_in_their_own_ways(tmp_path: Path) -> None:
    rules = [
        {"call": "types", "code": "1", "is": "accepted"},
        {"call": "submit", "text": "false", "is": "accepted"},
        {"call": "submit", "code": "1", "is": "never"},
    ]
    found = profile.load(str(shandong(tmp_path, lambda d: version(d).update(answers=rules))), on=TODAY)
    assert profile.classify(found, code="1", text="", call="types") == "accepted"
    assert profile.classify(found, code="", text="false", call="submit") == "accepted"
    assert profile.classify(found, code="1", text="", call="submit") == "never"
    assert profile.classify(found, code="", text="true", call="submit") == "unknown"


def message(kind: str, case_no: str = "C-1", **change: Any) -> Message:
    key: dict[str, Any] = {
        "area_code": "350213005", "organization_code": "minan-center", "case_no": case_no, "service_no": 1,
        "fact_at": FRIDAY,
    }  # fmt: skip
    made = messages.envelope(UPWARD[kind], kind=kind, **key)
    body = {**made.body, **change}
    service = None if kind == "service" else messages.envelope(UPWARD["service"], kind="service", **key)
    return Message(kind, 1, **key, body=body, personal=made.personal, service=service)


@pytest.mark.parametrize(
    ("kind", "change", "code"),
    [
        ("rating", {"level": None}, "LOCAL_CONTENT"),
        ("rating", {"tags": [], "text": ""}, "LOCAL_REQUIRED"),
        ("rating", {"tags": ["108,109"]}, "LOCAL_CONTENT"),
        ("rating", {"text": "响铃\x07"}, "LOCAL_CHARSET"),
        ("rating", {"channel": "keypad"}, "LOCAL_CODE"),
        ("service", {"item_name": ""}, "LOCAL_REQUIRED"),
        ("service", {"applicant": {**messages._plain(UPWARD["service"].applicant), "cert_type": "821"}}, "LOCAL_CODE"),
        ("revocation", {}, "LOCAL_KIND"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_stops_by_name(kind: str, change: dict[str, Any], code: str) -> None:
    with pytest.raises(profile.Unmapped) as stop:
        profile.render(profile.load("370000", on=TODAY), message(kind, **change))
    assert stop.value.code == code
    assert "350213190001010011" not in stop.value.reason and "群众甲" not in stop.value.reason


def test_a_key_too_long_for_the_province_stops() -> None:
    with pytest.raises(profile.Unmapped) as stop:
        profile.render(profile.load("370000", on=TODAY), message("rating", "C" * 49))
    assert stop.value.code == "LOCAL_LENGTH"


def test_a_code_of_33_digits_goes_in_both_its_forms() -> None:
    found = profile.load("370000", on=TODAY)
    sent = profile.render(found, message("service", item_code="1" * 31 + "02"))
    assert (sent["taskCode"], sent["taskHandleItem"]) == ("1" * 31, "1" * 31 + "02")
    assert "taskHandleItem" not in profile.render(found, message("service"))


# --- the commands ------------------------------------------------------------------------------


def test_check_explains_a_profile_and_names_codes_that_it_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["province", "check", "350000"]) == 0
    told = capsys.readouterr().out
    for words in (
        "福建省好差评网关",
        "能 报送评价",
        "差评办理：人工上送",
        "服务：省里不单独要",
        "channel 的“keypad”",
        "app_secret",
    ):
        assert words in told, words


def test_check_of_a_broken_profile_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["province", "check", str(shandong(tmp_path, FAULTS["unknown key"][0]))]) == 1
    assert "versions[0].speed" in capsys.readouterr().err
    assert main(["province", "check", "990000"]) == 1
    assert "350000" in capsys.readouterr().err


@pytest.mark.django_db
@pytest.mark.usefixtures("world")
def test_preflight_rehearses_on_real_rows_and_sends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = receive(service_row("C-1"), service_row("C-2"))
    rate(good, 5)
    rate(bad, 5, channel="keypad", proof="link")
    before = list(OutboxMessage.objects.order_by("id").values())
    assert main(["province", "preflight", "--profile", "370000"]) == 1
    told = capsys.readouterr().out
    assert "服务：2 条可以送" in told and "评价：1 条可以送" in told
    assert "评价：1 条会停下" in told and "keypad" in told
    assert list(OutboxMessage.objects.order_by("id").values()) == before
    assert not Exchange.objects.exists()
    assert "群众甲" not in told


@pytest.mark.django_db
@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("name", [*profile.names(), "minping", "end"])
def test_preflight_of_every_profile_reads_real_rows_and_sends_nothing(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = receive(service_row("C-1"), service_row("C-2", service_name="办结（一）"))
    rate(one, 5)
    rate(two, 1, text="慢😀")
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("发出去了"))
    before = list(OutboxMessage.objects.order_by("id").values())
    assert main(["province", "preflight", "--profile", name]) in (0, 1)
    told = capsys.readouterr().out
    assert "不用试排" in told or "什么也不送" in told or "一条也没有发出" in told
    if "试排最近" in told:
        assert "可以送" in told
    assert list(OutboxMessage.objects.order_by("id").values()) == before and not Exchange.objects.exists()
    assert main(["province", "check", name]) == 0


def test_b14_the_credentials_come_from_one_file_and_are_named_when_missing(
    settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.MINPING_PROVINCE_PROFILE = "370000"
    assert main(["province", "check", "370000"]) == 1
    assert "缺少凭证：app_mark、app_word、public_key、private_key、tenancy" in capsys.readouterr().out
    file = home().path / "province.json"
    file.write_text(json.dumps(dict.fromkeys(profile.load("370000", on=TODAY).credentials, "x")))
    try:
        assert main(["province", "check", "370000"]) == 0
    finally:
        file.unlink()
