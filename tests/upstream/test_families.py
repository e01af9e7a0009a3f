"""Two real families of provinces, whole, against a real server on loopback (interfaces.md 1.1–1.3; failures.md B)."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from minping.evaluate.services import defaults_make
from minping.kernel import clock, privacy
from minping.kernel.home import home
from minping.upstream import provinces, reading, services
from minping.upstream.desk import message_replay
from minping.upstream.models import Exchange, OutboxMessage, Target
from minping.upstream.profile.loading import ROOT
from minping.upstream.provinces.family.http import Wire
from tests.support.world import FRIDAY, actor, rate, receive, service_row
from tests.upstream.conftest import SPEAKS, Speak, drain

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
FAMILIES = pytest.mark.parametrize("profile", SPEAKS)
TEXTS = (
    "一，二。三|四&<五>“六”；七,八.",
    "]]> <!-- &amp; <![CDATA[ </Case>",
    "第一行\n第二行\r\n第三行\t完 ",
    "😀👨‍👩‍👧 emoji 与四字节𠮷𪚥",
    "生僻字：㛃㵘䶮龘䲜",
    "长" * 10_000,
    "同码异读：— ― · ・",  # A1AA and A1A4 of GB 2312 are two characters each, by whose table one reads
)


def states() -> Counter[str]:
    return Counter(OutboxMessage.objects.values_list("state", flat=True))


def sent_text(proof: Exchange) -> str:
    kept = json.loads(privacy.unseal(bytes(proof.sent), f"exchange:{proof.pk}"))
    return str(kept[services.WIRE])


@FAMILIES
def test_every_level_arrives_once_by_the_same_road(speaking: Speak, profile: str) -> None:
    province = speaking(profile)
    for level, service in enumerate(receive(*(service_row(f"C-{n}") for n in range(1, 6))), start=1):
        rate(service, level, text="有话" if level < 3 else "")
    drain()
    ratings = province.received(kind="rating")
    assert sorted(one["level"] for one in ratings) == [1, 2, 3, 4, 5]
    assert all(one["times_received"] == 1 for one in ratings)
    references = {one["reference"] for one in ratings}
    assert set(OutboxMessage.objects.filter(kind="rating").values_list("reference", flat=True)) == references
    # What it has no interface for is a person's work, never called delivered: here the handling of the negatives.
    assert set(OutboxMessage.objects.filter(kind="case").values_list("state", flat=True)) == {"manual"}


@FAMILIES
def test_b12_b13_b25_words_of_every_kind_arrive_equal(speaking: Speak, profile: str) -> None:
    province = speaking(profile)
    for number, text in enumerate(TEXTS):
        rating = rate(receive(service_row(f"C-{number}"))[0], 2)
        type(rating).objects.filter(pk=rating.pk).update(text=text)  # as it stands in the record, past any form
    OutboxMessage.objects.filter(kind="rating").update(level=2)
    drain()
    field = "writingevalua" if profile == "350000" else "writingEvaluation"
    got = {one["case_no"].removeprefix("37").removeprefix("C-"): one[field] for one in province.received(kind="rating")}
    assert got == {str(number): text for number, text in enumerate(TEXTS)}


def test_b25_what_a_strict_charset_cannot_write_stops_as_a_named_task(speaking: Speak, tmp_path: Any) -> None:
    shipped = (ROOT / "350000" / "profile.yaml").read_text("utf-8")
    strict = tmp_path / "strict" / "profile.yaml"
    strict.parent.mkdir()
    strict.write_text(shipped.replace("references: true ", "references: false "), encoding="utf-8")
    province = speaking(str(strict), "/fj")
    plain, rare = receive(service_row("C-1"), service_row("C-2"))
    rate(plain, 2, text="普通的话")
    rate(rare, 2, text="😀")
    drain()
    assert [one["case_no"] for one in province.received(kind="rating")] == ["C-1"]
    row = OutboxMessage.objects.get(kind="rating", case_no="C-2")
    assert (row.state, row.error_code) == ("refused", "LOCAL_CHARSET")
    assert "writingevalua" in row.error and "U+1F600" in row.error


@FAMILIES
def test_b27_an_unknown_code_stops_that_message_and_never_becomes_another(speaking: Speak, profile: str) -> None:
    province = speaking(profile)
    one, two = receive(service_row("C-1"), service_row("C-2"))
    rate(one, 5, channel="phone", proof="link")
    rate(two, 5)
    drain()
    row = OutboxMessage.objects.get(kind="rating", case_no="C-1")
    assert (row.state, row.error_code) == ("refused", "LOCAL_CODE")
    assert "phone" in row.error and "channel" in row.error
    assert len(province.received(kind="rating")) == 1


@FAMILIES
def test_b3_a_duplicate_by_its_text_or_number_is_success_and_makes_no_second(speaking: Speak, profile: str) -> None:
    province = speaking(profile)
    province.behave(lose=0.5)
    for service in receive(*(service_row(f"C-{n}") for n in range(8))):
        rate(service, 4)
    drain()
    assert len(province.received(kind="rating")) == 8
    assert Exchange.objects.filter(outcome="AlreadyDone").exists()
    assert states()["accepted"] + states()["unneeded"] == 16


def test_b5_a_token_is_kept_until_it_ends_and_renewed_once_when_it_is_refused(speaking: Speak) -> None:
    province = speaking("350000")
    services_ = receive(*(service_row(f"C-{n}") for n in range(3)))
    rate(services_[0], 5)
    drain()
    assert len(province.province.tokens) == 1
    rate(services_[1], 5)
    drain()
    assert len(province.province.tokens) == 1  # not a new one for each message
    province.province.expire_tokens()  # early, whatever expires_in had said
    rate(services_[2], 5)
    drain()
    assert len(province.received(kind="rating")) == 3
    assert OutboxMessage.objects.filter(kind="rating").values_list("attempts", flat=True).distinct().get() == 1


def test_b5_tokens_that_always_expire_early_only_slow_things_down(speaking: Speak) -> None:
    province = speaking("350000")
    province.behave(expire=0.5)
    for service in receive(*(service_row(f"C-{n}") for n in range(6))):
        rate(service, 3)
    for _ in range(100):  # on a machine so busy that a token is half a second old before it is used
        drain()
        if len(province.received(kind="rating")) == 6:
            break
    assert len(province.received(kind="rating")) == 6


@FAMILIES
def test_b11_a_time_ahead_of_the_provinces_clock_is_held_and_never_changed(speaking: Speak, profile: str) -> None:
    province = speaking(profile)
    at = clock.now() - timedelta(minutes=2)
    service = receive(service_row("C-1", served_at=at), at=clock.now())[0]
    rate(service, 1, at=at + timedelta(minutes=1), text="慢")
    province.behave(skew=-300)  # its clock is five minutes behind: it refuses what has not yet been there
    drain(3)
    held = OutboxMessage.objects.filter(state="waiting", error_code="CLOCK")
    assert held.exists()
    assert Target.objects.get().silent_since is None  # it answers: only this message waits
    province.behave(mode="up")
    drain()
    field = province.received(kind="rating")[0]["assessTime"]
    assert field == clock.beijing(at + timedelta(minutes=1)).strftime("%Y-%m-%d %H:%M:%S")


@FAMILIES
def test_b4_garbage_is_not_success_and_an_unknown_answer_stops_and_tells(
    speaking: Speak, profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    province = speaking(profile)
    rate(receive()[0], 5)
    province.behave(mode="garbage")
    drain(4)
    assert states()["accepted"] == 0 and OutboxMessage.objects.filter(state="waiting").exists()
    province.behave(mode="up")
    monkeypatch.setattr(type(province.province), "_evaluation", lambda *_: (_ for _ in ()).throw(_odd()))
    monkeypatch.setattr(type(province.province), "_service", lambda *_: (_ for _ in ()).throw(_odd()))
    drain(4)
    row = OutboxMessage.objects.get(state="refused")
    assert "看不懂" in row.error and "9527" in row.error + row.error_code


def _odd() -> Exception:
    from minping.sandbox.families import Refusal

    return Refusal("9527", "9527 天气不好")


@pytest.mark.parametrize(("days", "late"), [(6, False), (8, True)])
def test_a_rating_that_waited_long_is_reported_as_late_with_its_own_time(
    speaking: Speak, days: int, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    province = speaking("350000")
    asked: list[str] = []
    call = Wire.call

    def noted(self: Wire, method: str, path: str, *rest: Any, **headers: str) -> Any:
        asked.append(path.partition("?")[0].rpartition("/")[2])
        return call(self, method, path, *rest, **headers)

    monkeypatch.setattr(Wire, "call", noted)
    at = clock.now() - timedelta(days=days)
    rating = rate(receive(service_row(served_at=at), at=at)[0], 5, at=at)
    drain()
    assert ("getEvaluationSupplement" if late else "getSaveEvaluation") in asked
    assert ("getSaveEvaluation" if late else "getEvaluationSupplement") not in asked
    (got,) = province.received(kind="rating")
    assert clock.beijing(rating.rated_at).strftime("%Y-%m-%d %H:%M:%S") in json.dumps(got, ensure_ascii=False)


@FAMILIES
@pytest.mark.parametrize("mood", [{"mode": "down"}, {"mode": "unavailable"}, {"mode": "slow", "delay": 0.01}])
def test_the_other_moods_end_well_too(speaking: Speak, profile: str, mood: dict[str, Any]) -> None:
    province = speaking(profile)
    province.behave(**mood)
    for service in receive(service_row("C-1"), service_row("C-2")):
        rate(service, 1, text="慢")
    drain(4)
    province.behave(mode="up")
    drain()
    assert len(province.received(kind="rating")) == 2


@FAMILIES
def test_b24_transforms_happen_at_the_edge_and_the_original_stays(speaking: Speak, profile: str) -> None:
    province = speaking(profile)
    row = service_row("C-1", item_name="参保登记（城乡居民）")
    service = receive(row)[0]
    rate(service, 5)
    drain()
    service.refresh_from_db()
    assert service.item_name == "参保登记（城乡居民）"
    told = province.received(kind="rating" if profile == "350000" else "service")[0]
    assert told["businessName" if profile == "350000" else "taskName"] == (
        "参保登记(城乡居民)" if profile == "350000" else "参保登记（城乡居民）"
    )


def test_b19_the_case_number_has_its_province_form_once_however_often_it_is_sent(speaking: Speak) -> None:
    province = speaking("370000")
    province.behave(lose=0.5)
    rate(receive(service_row("3700000001"))[0], 5)  # begins like the prefix, and still gets it exactly once
    drain()
    assert {one["case_no"] for one in province.received()} == {"373700000001"}


def test_b14_each_field_has_its_own_source(speaking: Speak) -> None:
    """The agent's certificate is the agent's, the operator is not the citizen, the phone is the one on the record."""
    speaking("370000")
    receive(service_row("C-1"))
    drain()
    (sent,) = json.loads(sent_text(Exchange.objects.get()))
    assert (sent["certKeyGOV"], sent["mobile"], sent["userName"]) == ("350213190001010011", "13800000000", "群众甲")
    assert "certKey" not in sent and "handleUserPageCode" not in sent
    assert sent["orgcode"] == "350213005000_minan-center"


def test_a_service_goes_before_its_rating_and_the_city_may_number_it(speaking: Speak, tmp_path: Any) -> None:
    """Family (b), Beijing: the answer to the service record brings the number that the rating must carry."""
    source = (ROOT / "370000" / "profile.yaml").read_text("utf-8")
    theirs = tmp_path / "theirs" / "profile.yaml"
    theirs.parent.mkdir()
    theirs.write_text(
        source.replace("numbers: ours", "numbers: theirs")
        .replace("wrap: body", "wrap: query")
        .replace("how: encrypt", "how: signature")
        .replace(
            "          - {to: projectNo, take: key, required: true}\n          - {to: serviceNumber, take: service_no, number: true, required: true}\n          - {to: satisfaction",
            "          - {to: projectNo, take: key, required: true}\n          - {to: serviceNumber, take: service_number_above, number: true, required: true}\n          - {to: satisfaction",
        ),
        encoding="utf-8",
    )
    province = speaking(str(theirs), "/bj")
    first, second = receive(service_row("C-1"), service_row("C-2", service_no=7))
    rate(first, 5)
    rate(second, 1, text="慢")
    drain()
    numbers = {one["case_no"]: one["service_no"] for one in province.received(kind="service")}
    assert sorted(numbers.values()) == ["1", "2"]  # theirs, not our 7
    assert {one["case_no"]: one["service_no"] for one in province.received(kind="rating")} == numbers


def test_a_default_goes_marked_where_it_is_taken_and_by_hand_where_it_is_not(speaking: Speak) -> None:
    province = speaking("370000")
    early = FRIDAY - timedelta(days=14)  # so that the default is not ahead of the province's clock
    service = receive(service_row("C-1", served_at=early))[0]
    defaults_make(at=service.default_due_at)
    drain()
    (record,) = province.received(kind="default")
    assert (record["level"], record["isdefault"]) == (4, "1")
    speaking("350000")
    other = receive(service_row("C-2", served_at=early))[0]
    defaults_make(at=other.default_due_at)
    drain()
    assert OutboxMessage.objects.get(kind="default", case_no="C-2").state == "manual"


@FAMILIES
def test_a_change_of_what_has_gone_is_told_by_hand_where_already_there_would_hide_it(
    speaking: Speak, profile: str
) -> None:
    from minping.evaluate.services import rating_give
    from tests.support.world import press

    province = speaking(profile)
    service = receive()[0]
    receipt = rating_give(press(service, 5))
    drain()
    later = receipt.rating.rated_at + timedelta(minutes=5)
    rating_give(press(service, 2, change=receipt.change_token, at=later))
    drain()
    assert province.received(kind="rating")[0]["level"] == 5
    assert OutboxMessage.objects.get(kind="rating", revision=2).state == "manual"


@FAMILIES
def test_a13_b21_nothing_personal_in_addresses_or_logs(
    speaking: Speak, profile: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    province = speaking(profile)
    seen: list[str] = []
    answer = province._answer
    province._listener.answer = lambda request: (seen.append(request.target), answer(request))[1]
    rate(receive()[0], 2)
    province.behave(mode="refuse", code="E_ODD")
    drain(2)
    province.behave(mode="up")
    drain()
    said = "".join(capfd.readouterr()) + caplog.text + "".join(unquote(one) for one in seen)
    assert seen and not re.search("群众甲|350213190001010011|13800000000", said)


@FAMILIES
def test_the_proof_is_the_text_as_it_left_and_a_page_masks_it(speaking: Speak, profile: str) -> None:
    speaking(profile)
    rate(receive()[0], 5)
    drain()
    proof = Exchange.objects.filter(message__kind="rating" if profile == "350000" else "service").get()
    assert "群众甲" in sent_text(proof) and "群众甲".encode() not in bytes(proof.sent)
    attempts, _ = reading.message_open(message_id=proof.message_id, by=actor("operator"), at=clock.now())
    shown = attempts[0].sent + attempts[0].received
    assert "projectNo" in shown and not re.search("群众甲|350213190001010011|13800000000", shown)


@FAMILIES
def test_without_credentials_nothing_is_lost_and_the_desk_says_what_is_missing(speaking: Speak, profile: str) -> None:
    speaking(profile)
    (home().path / "province.json").write_text("{}")
    provinces._driver.cache_clear()
    rate(receive()[0], 5)
    drain(2)
    assert OutboxMessage.objects.filter(state="waiting").exists()
    assert "缺少接入凭证" in Target.objects.get().last_error
    province = speaking(profile)  # the file is mended, and counts at once
    drain()
    assert len(province.received(kind="rating")) == 1


def test_a_profile_that_cannot_be_read_loses_nothing_and_the_desk_says_what_is_wrong(
    speaking: Speak, tmp_path: Any
) -> None:
    broken = tmp_path / "broken" / "profile.yaml"
    broken.parent.mkdir()
    broken.write_text((ROOT / "370000" / "profile.yaml").read_text("utf-8").replace("charset:", "charsets:"), "utf-8")
    speaking(str(broken), "/sd")
    receive()
    drain(2)
    assert OutboxMessage.objects.get().state == "waiting"
    assert "broken/profile.yaml" in Target.objects.get().last_error and "charset" in Target.objects.get().last_error
    speaking("370000")  # mended: what waited for the old name waits for the present one, and goes
    assert services.messages_readdress(at=clock.now()) == 1
    assert services.messages_readdress(at=clock.now()) == 0
    drain()
    assert OutboxMessage.objects.get().state == "accepted"


@FAMILIES
def test_a_refusal_is_loud_and_a_replay_sends_it(speaking: Speak, profile: str) -> None:
    province = speaking(profile)
    rate(receive()[0], 5)
    province.behave(mode="refuse", code="E_ITEM")
    drain(3)
    row = OutboxMessage.objects.get(state="refused")
    assert "E_ITEM" in row.error
    province.behave(mode="up")
    message_replay(message_id=row.pk, by=actor("operator"), at=clock.now())
    drain()
    assert len(province.received(kind="rating")) == 1
