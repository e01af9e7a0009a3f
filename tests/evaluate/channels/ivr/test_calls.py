"""A telephone system's calls: it holds no rules, a key is a level only where it was pressed, and each thing counts once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from minping import law
from minping.evaluate import tokens
from minping.evaluate.channels.ivr import services
from minping.evaluate.channels.ivr.models import Call, CallEvent
from minping.evaluate.channels.ivr.states import CallState, EventKind
from minping.evaluate.channels.phone import services as by_hand
from minping.evaluate.channels.sms.models import OptOut
from minping.evaluate.models import Rating, Service
from minping.feedback.models import Case
from minping.kernel import clock, journal, privacy
from minping.kernel.access import SYSTEM, key_create
from minping.kernel.models import JournalEntry
from minping.upstream.models import OutboxMessage
from tests.support.world import FRIDAY, OTHER_ITEM, actor, beijing, rate, receive, service_row, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
PHONE = "13800000000"
MORNING = beijing("2026-11-23 10:00")


class Line:
    """A telephone system with its key, at a moment that a test may set."""

    def __init__(self, organization: str = "minan-center", permission: str = "calls:write") -> None:
        self.secret = key_create(
            organization_code=organization, permissions=[permission], label="电话系统", by=SYSTEM, at=FRIDAY
        )
        self.at = MORNING
        self.number = 0

    def post(self, path: str, **told: Any) -> tuple[int, dict[str, Any]]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clock, "now", lambda: self.at)
            answer = Client().post(
                f"/api/v1/{path}", json.dumps(told), content_type="application/json",
                headers={"Authorization": f"Bearer {self.secret}"},
            )  # fmt: skip
        assert answer["Content-Type"].startswith("application/json"), answer.content.decode()[:2000]
        return answer.status_code, answer.json()

    def rings(self, caller: str = PHONE, reference: str = "in-1") -> Talk:
        return Talk(self, self.good("calls", reference=reference, caller=caller))

    def dials(self, reference: str = "out-1") -> Talk:
        return Talk(self, self.good("calls/next", reference=reference))

    def good(self, path: str, **told: Any) -> dict[str, Any]:
        status, answer = self.post(path, **told)
        assert status == 200, answer
        return answer

    def refused(self, path: str, **told: Any) -> str:
        status, answer = self.post(path, **told)
        assert status >= 400, answer
        return str(answer["error"]["code"])


class Talk:
    """One call, as the telephone system lives it."""

    def __init__(self, line: Line, turn: dict[str, Any]) -> None:
        self.line, self.turn = line, turn

    @property
    def path(self) -> str:
        return f"calls/{self.turn['call']}/events"

    @property
    def heard(self) -> str:
        return "".join(self.turn["say"])

    @property
    def kept(self) -> Call:
        return Call.objects.get(pk=self.turn["call"])

    def told(self, kind: str, **more: Any) -> dict[str, Any]:
        self.line.number += 1
        return {"event_id": f"e{self.line.number}", "kind": kind, "step": self.turn["step"], **more}

    def event(self, kind: str, **more: Any) -> Talk:
        self.turn = self.line.good(self.path, **self.told(kind, **more))
        return self

    def key(self, key: str) -> Talk:
        return self.event("key", key=key)

    def refusal(self, kind: str, **more: Any) -> str:
        return self.line.refused(self.path, **self.told(kind, **more))


@pytest.fixture
def line() -> Line:
    return Line()


def ended(case_no: str = "MA-C-1", **more: Any) -> Service:
    return receive(service_row(case_no, **more))[0]


def rating() -> Rating:
    return Rating.objects.get()


# --- the keys ---------------------------------------------------------------------------------------


def test_the_five_keys_agree_with_the_type_of_their_code_system() -> None:
    keys = law.at("350213005", FRIDAY.date()).phone_keys
    assert keys.system == "gb39046"
    assert {key: int(law.interface_level(keys.system, int(key))) for key in keys.keys} == keys.keys
    assert sorted(keys.keys.values()) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(("key", "level"), [("1", 5), ("2", 4), ("3", 3), ("4", 2), ("5", 1)])
def test_a_key_pressed_is_the_persons_own_rating_by_telephone(line: Line, key: str, level: int) -> None:
    service = ended()
    talk = line.rings().key(key)
    label = law.InterfaceLevel(level).label
    assert f"已记下：{label}。" in talk.heard and talk.turn["take"] == "words"
    found = rating()
    assert (found.service_id, found.level, found.channel, found.entry, found.proof) == (
        service.pk, level, "phone", "person", "phone_caller",
    )  # fmt: skip
    assert (found.tags, found.text) == ([], "")


def test_each_level_is_read_with_its_own_key_from_either_end_and_alike_for_all(line: Line) -> None:
    ended()
    keys = law.at("350213005", FRIDAY.date()).phone_keys.keys
    orders = set()
    for number in range(24):
        talk = line.rings(reference=f"in-{number}")
        order = talk.kept.order
        orders.add(tuple(order))
        said = [sentence for sentence in talk.turn["say"] if "满意，请按" in sentence]
        key_of = {level: key for key, level in keys.items()}
        assert said == [f"{law.InterfaceLevel(level).label}，请按{key_of[level]}。" for level in order]
    assert orders == {(5, 4, 3, 2, 1), (1, 2, 3, 4, 5)}


def test_what_follows_a_level_is_the_same_after_a_good_and_after_a_bad_one(line: Line) -> None:
    ended()
    after = []
    talk = line.rings()
    for key in "15":
        talk.key(key)
        after.append([sentence for sentence in talk.turn["say"] if not sentence.startswith("已记下")])
        after[-1].append((talk.turn["take"], talk.turn["keys"], talk.turn["seconds"]))
        talk.key("*")
    assert after[0] == after[1]


def test_the_star_reads_the_question_again_and_costs_nothing(line: Line) -> None:
    ended()
    talk = line.rings()
    first = talk.turn["say"][2:]
    for _ in range(5):
        assert talk.key("*").turn["say"] == first
    assert talk.kept.misses == 0 and not Rating.objects.exists()
    talk.key("2")
    assert rating().level == 4


def test_a_wrong_key_is_asked_again_a_few_times_and_is_never_a_level(line: Line) -> None:
    ended()
    talk = line.rings()
    assert talk.key("7").heard.startswith("没有这个选项。") and talk.turn["take"] == "key"
    talk.key("#")
    assert talk.key("0").turn["take"] == "nothing"
    assert (talk.kept.outcome, talk.kept.rating_id) == ("offered_not_answered", None)
    assert not Rating.objects.exists() and Service.objects.get().outcome == "none"


def test_silence_is_offered_and_not_answered(line: Line) -> None:
    ended()
    talk = line.rings()
    for _ in range(3):
        talk.event("silence")
    assert talk.turn["take"] == "nothing" and talk.kept.outcome == "offered_not_answered"
    assert not Rating.objects.exists()


def test_a_level_may_be_corrected_in_the_call_and_both_words_stay_readable(line: Line) -> None:
    ended()
    line.rings().key("1").key("*").key("4")
    assert (rating().level, rating().revision) == (2, 2)
    assert [before.level for before in rating().revisions.all()] == [5]
    assert Case.objects.get().rating_id == rating().pk


# --- words and the end ------------------------------------------------------------------------------


def test_hanging_up_after_the_key_leaves_the_level_and_hanging_up_before_it_leaves_nothing(line: Line) -> None:
    ended()
    talk = line.rings().key("5")
    assert rating().level == 1  # saved with the key, not with the end of the call
    talk.event("hung_up")
    assert (talk.kept.outcome, talk.turn["take"]) == ("rated", "nothing")
    assert (rating().text, rating().tags) == ("", [])
    receive(service_row("MA-C-2"))
    before = line.rings(reference="in-2").event("hung_up")
    assert before.kept.outcome == "offered_not_answered" and Rating.objects.count() == 1


def test_the_reason_is_a_recording_under_seal_with_the_words_that_were_recognised(line: Line) -> None:
    ended()
    talk = line.rings().key("4").event("words", recording="rec-0001", text="同样的证明交了两次。")
    assert talk.heard == "您的话已经记下。谢谢您，再见。" and talk.turn["take"] == "nothing"
    assert (rating().level, rating().text) == (2, "同样的证明交了两次。")
    kept = bytes(talk.kept.said or b"")
    assert b"rec-0001" not in kept
    assert privacy.unseal_json(kept, talk.kept.place)["recording"] == "rec-0001"


def test_a_recording_without_recognised_words_puts_no_words_into_anyones_mouth(line: Line) -> None:
    ended()
    line.rings().key("4").event("words", recording="rec-0002")
    assert (rating().level, rating().text, rating().tags) == (2, "", [])


def test_the_desk_says_that_it_came_by_telephone_and_names_the_recording_to_whom_the_identity_is_opened(
    line: Line,
) -> None:
    service = ended()
    line.rings().key("4").event("words", recording="rec-0009", text="等太久。")
    case = Case.objects.get()
    desk = signed_in("reviewer")
    page = desk.get(f"/desk/verify/{case.pk}/").content.decode()
    assert "电话按键，留言由语音识别" in page and "rec-0009" not in page
    assert "电话按键" in Client().get(f"/r/{tokens.invitation_token(service.pk)}").content.decode()
    opened = desk.post(f"/cases/{case.pk}/identity/", {"purpose": "verify"}).content.decode()
    assert "rec-0009" in opened


@pytest.mark.parametrize("ending", ["key", "silence", "hung_up", "words"])
def test_the_message_upward_waits_for_words_and_no_longer(line: Line, ending: str) -> None:
    ended()
    talk = line.rings().key("4")
    assert OutboxMessage.objects.get(kind="rating").next_try_at > line.at
    talk.event(ending, **{"key": {"key": "#"}, "words": {"text": "等太久。"}}.get(ending, {}))
    assert OutboxMessage.objects.get(kind="rating").next_try_at <= line.at


def test_words_after_the_time_for_changes_stay_sealed_with_the_call(line: Line) -> None:
    ended()
    talk = line.rings().key("4")
    line.at += timedelta(minutes=20)
    talk.event("words", recording="rec-3", text="迟到的话", late=True)
    assert rating().text == ""
    assert privacy.unseal_json(bytes(talk.kept.said or b""), talk.kept.place)["text"] == "迟到的话"


def test_a_call_without_an_end_is_closed_and_what_was_kept_meanwhile_still_counts(line: Line) -> None:
    ended()
    receive(service_row("MA-C-2", applicant={**service_row()["applicant"], "phone": "13900000000"}))
    talk, rated = line.rings(), line.rings("13900000000", "in-2").key("2")
    assert services.calls_sweep(at=line.at + timedelta(minutes=16)) == 2
    assert (talk.kept.outcome, rated.kept.outcome) == ("lost", "rated")
    line.at += timedelta(hours=3)
    said = line.at - timedelta(hours=3)
    talk.event("key", key="5", device_at=said.isoformat(), late=True)
    late = Rating.objects.get(level=1)
    assert (late.offline, late.pressed_at, late.rated_at) == (True, said, line.at)
    assert talk.event("hung_up").kept.outcome == "rated"


# --- once, and in order -----------------------------------------------------------------------------


def test_the_same_event_again_is_answered_as_the_first_time(line: Line) -> None:
    ended()
    talk = line.rings()
    told = talk.told("key", key="4")
    first, again = line.good(talk.path, **told), line.good(talk.path, **told)
    assert first == again and Rating.objects.count() == 1
    assert line.good(talk.path, **{**told, "key": "1"}) == first  # the first word of an id stands
    assert rating().level == 2


def test_the_same_call_begun_again_is_the_same_call(line: Line) -> None:
    ended()
    assert line.rings().turn == line.rings().turn
    assert Call.objects.count() == 1


def test_an_event_out_of_order_is_refused_in_words(line: Line) -> None:
    ended()
    talk = line.rings()
    step = talk.turn["step"]
    talk.key("*")
    status, answer = line.post(talk.path, **talk.told("key", key="1") | {"step": step})
    assert (status, answer["error"]["code"]) == (409, "call_out_of_order")
    assert f"第 {step + 1} 步" in answer["error"]["message"]
    assert talk.refusal("key", key="1", step=step + 5) == "call_out_of_order"
    assert talk.refusal("words", text="话") == "call_event_not_asked"
    assert talk.refusal("answered") == "call_event_not_asked"
    assert not Rating.objects.exists()
    talk.key("1").event("hung_up")
    assert talk.refusal("key", key="5") == "call_over"
    assert rating().level == 5
    assert talk.event("hung_up").turn["take"] == "nothing"  # hanging up once more is no mistake


def test_two_calls_about_one_service_are_one_rating(line: Line) -> None:
    ended()
    first, second, third = (line.rings(reference=f"in-{n}") for n in range(3))
    first.key("1")
    for talk, key in ((second, "5"), (third, "1")):  # another level, and the very same one
        talk.key(key)
        assert "已经评价过了" in talk.heard and talk.turn["take"] == "nothing"
        assert (talk.kept.outcome, talk.kept.error, talk.kept.rating_id) == ("refused", "already_rated", None)
    assert (rating().level, rating().revision) == (5, 1)


def test_a_rating_given_elsewhere_during_the_call_stands(line: Line) -> None:
    service = ended()
    talk = line.rings()
    own = rate(service, 5, at=line.at)
    assert talk.key("5").kept.outcome == "refused"
    assert rating() == own


# --- whose call it is -------------------------------------------------------------------------------


def test_the_number_is_kept_only_as_a_keyed_digest(line: Line) -> None:
    ended()
    line.rings("+86 138-0000-0000").key("1")
    line.rings("13900000000", "in-2")
    kept = Call.objects.get(reference="in-2")
    assert bytes(kept.phone_index or b"") == privacy.index("phone", "13900000000")
    with connection.cursor() as cursor:
        for table in ("channel_ivr_call", "channel_ivr_callevent", "kernel_journalentry"):
            cursor.execute(f"SELECT * FROM {table}")
            rows = repr(cursor.fetchall())
            assert "13800000000" not in rows and "13900000000" not in rows


@pytest.mark.parametrize("caller", ["", "anonymous", "13900000000", "1380000000"])
def test_a_number_that_no_open_service_knows_is_told_how_else_to_rate(line: Line, caller: str) -> None:
    ended()
    talk = line.rings(caller)
    assert talk.turn["take"] == "nothing" and "二维码" in talk.heard and "再见" in talk.heard
    assert talk.kept.outcome == "no_service"
    assert talk.refusal("key", key="1") == "call_over"


def test_of_several_services_the_caller_chooses_by_the_number_read_out(line: Line) -> None:
    receive(service_row("MA-C-1", served_at=FRIDAY - timedelta(days=1)), service_row("MA-C-2", item_code=OTHER_ITEM))
    rate(ended("MA-C-3"), 4)
    talk = line.rings()
    assert "您有2次服务可以评价。" in talk.heard
    assert "11月20日办的老年优待证申领，请按1。" in talk.heard
    assert "11月19日办的城乡居民基本医疗保险参保登记，请按2。" in talk.heard
    assert talk.turn["keys"] == "12*"
    assert talk.key("3").heard.startswith("没有这个选项。")
    assert "非常满意，请按1。" in talk.key("2").heard
    talk.key("5")
    assert Rating.objects.get(level=1).service.case_no == "MA-C-1"
    one = line.rings(reference="in-2")  # one is left: it is not asked which
    assert one.turn["state"] == "level"


def test_silence_at_the_choice_ends_without_any_rating(line: Line) -> None:
    ended("MA-C-1"), ended("MA-C-2")
    talk = line.rings()
    for _ in range(3):
        talk.event("silence")
    assert talk.kept.outcome == "offered_not_answered" and not Rating.objects.exists()


def test_a_key_of_another_office_finds_nothing_of_ours_and_no_key_of_another_goes_on_with_our_call(line: Line) -> None:
    ended()
    neighbour, twin = Line("neighbour"), Line()
    assert neighbour.rings().kept.outcome == "no_service"
    talk = line.rings()
    assert neighbour.refused(talk.path, **talk.told("key", key="5")) == "call_unknown"
    assert twin.refused(talk.path, **talk.told("key", key="5")) == "call_unknown"
    for permission in ("devices:write", "services:write", "ratings:write"):
        stranger = Line(permission=permission)
        assert stranger.refused("calls", reference="x", caller=PHONE) == "forbidden"
        assert stranger.refused("calls/next", reference="x") == "forbidden"
        assert stranger.refused(talk.path, **talk.told("key", key="5")) == "forbidden"
    stranger.secret = "mp_none"
    assert stranger.refused("calls", reference="x", caller=PHONE) == "unauthorized"
    assert not Rating.objects.exists()


def test_a_late_voice_by_telephone_stands_beside_the_default(line: Line) -> None:
    from minping.evaluate.services import defaults_make

    service = ended()
    line.at = service.default_due_at + timedelta(hours=2)
    defaults_make(at=line.at)
    line.rings().key("5")
    assert (rating().kind, rating().level) == ("supplementary", 1)


# --- calls that we make -----------------------------------------------------------------------------


def test_we_dial_the_phone_on_the_record_and_tell_whoever_picks_up_neither_name_nor_matter(line: Line) -> None:
    service = ended()
    talk = line.dials()
    assert (talk.turn["phone"], talk.turn["take"], talk.turn["say"]) == (PHONE, "answer", [])
    assert JournalEntry.objects.filter(action="identity.opened").count() == 1
    talk.event("answered")
    assert service.item_name not in talk.heard and "群众" not in talk.heard and service.case_no not in talk.heard
    assert "民安街道便民服务中心" in talk.heard and "11月20日" in talk.heard
    talk.key("4")
    assert (rating().proof, rating().entry, rating().level) == ("phone_called", "person", 2)
    assert PHONE not in repr(list(CallEvent.objects.values("answer")))


def test_the_same_request_again_is_the_same_call_and_another_request_is_nobody_else_twice(line: Line) -> None:
    ended()
    first = line.dials().turn
    assert line.dials().turn == first
    assert line.refused("calls/next", reference="out-2") == "nobody_to_call"
    assert Call.objects.count() == 1


def test_no_answer_is_no_level_and_the_next_try_waits_and_ends(line: Line) -> None:
    ended()
    line.dials().event("hung_up")
    assert Call.objects.get().outcome == "no_answer"
    assert line.refused("calls/next", reference="out-2") == "nobody_to_call"  # not again on the same day
    line.at += timedelta(days=1, minutes=1)
    line.dials("out-2").event("hung_up")
    line.at += timedelta(days=1, minutes=1)
    assert line.refused("calls/next", reference="out-3") == "nobody_to_call"  # `ask_calls` times are enough
    assert not Rating.objects.exists()


def test_the_operators_calls_and_the_machines_are_counted_together(line: Line) -> None:
    ended()
    line.dials().event("hung_up")
    line.at += timedelta(days=1, minutes=1)
    call = by_hand.ask_open(by=actor("reviewer"), at=line.at)
    assert line.refused("calls/next", reference="out-2") == "nobody_to_call"  # someone speaks with him just now
    by_hand.ask_record(
        call_id=call.pk, outcome="no_answer", level="", words="", recording_no="", by=actor("reviewer"), at=line.at
    )
    assert line.refused("calls/next", reference="out-2") == "nobody_to_call"
    with pytest.raises(by_hand.NobodyToAsk):
        by_hand.ask_open(by=actor("reviewer"), at=line.at)


def test_an_operator_is_not_given_whom_the_machine_is_calling(line: Line) -> None:
    ended()
    line.dials()
    with pytest.raises(by_hand.NobodyToAsk):
        by_hand.ask_open(by=actor("reviewer"), at=line.at)


@pytest.mark.parametrize("hour", ["08:59", "19:00", "23:30", "03:00"])
def test_nobody_is_called_outside_the_hours_of_the_law(line: Line, hour: str) -> None:
    ended()
    line.at = beijing(f"2026-11-24 {hour}")
    assert line.refused("calls/next", reference="out-1") == "not_calling_hours"
    line.at = beijing("2026-11-24 09:00")
    line.dials("out-1")


def test_nobody_is_called_who_rated_opted_out_has_no_phone_or_was_served_a_moment_ago(line: Line) -> None:
    rate(ended("MA-C-1"), 5)
    ended("MA-C-2", applicant={**service_row()["applicant"], "phone": ""})
    receive(service_row("MA-C-3", served_at=line.at - timedelta(hours=1)), at=line.at)
    assert line.refused("calls/next", reference="out-1") == "nobody_to_call"
    OptOut.objects.create(phone_index=privacy.index("phone", PHONE), at=FRIDAY)
    ended("MA-C-4")
    assert line.refused("calls/next", reference="out-1") == "nobody_to_call"


def test_one_persons_phone_is_not_called_twice_a_day_though_he_has_two_services(line: Line) -> None:
    ended("MA-C-1"), ended("MA-C-2")
    line.dials().event("answered").key("1").event("hung_up")
    assert line.refused("calls/next", reference="out-2") == "nobody_to_call"


def test_nine_is_the_end_of_such_calls_and_only_in_calls_that_we_make(line: Line) -> None:
    ended()
    talk = line.dials().event("answered")
    assert "9" in talk.turn["keys"]
    assert talk.key("9").kept.outcome == "opted_out"
    assert OptOut.objects.get().phone_index and not Rating.objects.exists()
    incoming = line.rings()
    assert "9" not in incoming.turn["keys"]
    assert incoming.key("9").heard.startswith("没有这个选项。")
    incoming.key("1")  # who wants no invitations may still speak
    assert rating().level == 5


def test_the_one_whose_time_ends_first_is_called_and_nothing_in_the_request_can_name_another(line: Line) -> None:
    late = ended("MA-C-2")
    first = receive(service_row(
        "MA-C-1", served_at=FRIDAY - timedelta(days=2), applicant={**service_row()["applicant"], "phone": "13900000000"},
    ))[0]  # fmt: skip
    talk = Talk(line, line.good("calls/next", reference="out-1", case_no="MA-C-2", service=late.pk.hex))
    assert talk.kept.service_id == first.pk


# --- all of it --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in EventKind if kind is not EventKind.HUNG_UP])
@pytest.mark.parametrize("state", [state for state in CallState if state is not CallState.OVER])
def test_what_was_not_asked_is_refused_by_name_and_changes_nothing(
    line: Line, state: CallState, kind: EventKind
) -> None:
    if (state, kind) in services.MOVES:
        return
    ended()
    talk = line.rings()
    Call.objects.update(state=state)
    assert talk.refusal(kind, key="1", text="话") == "call_event_not_asked"
    assert (talk.kept.state, talk.kept.step, CallEvent.objects.count()) == (state, 1, 1)


def test_each_act_of_a_call_is_on_record_and_none_of_them_says_the_level_or_the_number(line: Line) -> None:
    ended()
    talk = line.rings()
    for kind, more in (("key", {"key": "4"}), ("words", {"text": "等太久。"})):
        line.at += timedelta(seconds=5)
        talk.event(kind, **more)
    acts = JournalEntry.objects.filter(action__startswith="call.")
    assert sorted(acts.values_list("action", flat=True)) == ["call.event", "call.event", "call.started"]
    assert not any({"key", "level", "phone", "text"} & set(act.facts) for act in acts)
    while journal.seal():
        pass
    assert journal.verify().clean


@pytest.fixture
def statements() -> Iterator[list[str]]:
    seen: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield seen


def test_the_queue_reads_sets_however_many_wait(line: Line, statements: list[str]) -> None:
    counts = []
    for rows in (1, 30):
        for number in range(rows):
            ended(f"MA-{rows}-{number}", applicant={**service_row()["applicant"], "phone": f"139000{number:05d}"})
        statements.clear()
        line.dials(f"out-{rows}")
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_the_office_sees_how_the_telephone_system_fares_and_never_a_level(line: Line, statements: list[str]) -> None:
    ended(), ended("MA-C-2", applicant={**service_row()["applicant"], "phone": "13900000000"})
    desk = signed_in("reviewer")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: line.at)
        assert "没有接入电话系统" in desk.get("/ask/").content.decode()
        statements.clear()
        desk.get("/ask/")
        few = len(statements)
        dialled = line.dials()
        other = {PHONE, "13900000000"} - {dialled.turn["phone"]}
        dialled.event("answered").key("5").event("hung_up")
        line.rings(other.pop()).event("hung_up")
        line.rings("13700000000", "in-2")
        statements.clear()
        page = desk.get("/ask/").content.decode()
        assert len([sql for sql in statements if "channel_ivr" in sql]) == 1 and len(statements) <= few + 1
    part = page[page.index("machine-h") :]
    rows = [
        (row[0], row[1], row[2])
        for row in re.findall(r'row">(.+?)</th><td class="r">(\d)</td><td class="r">(\d)<', part)
    ]
    assert rows == [("作了评价", "1", "0"), ("已邀请，未作答", "0", "1"), ("没有等着评价的服务", "0", "1")]
    assert "满意" not in part and "11月23日 周一 10:00" in part


def test_a_token_never_leaves_by_this_door(line: Line) -> None:
    service = ended()
    talk = line.rings()
    assert tokens.invitation_token(service.pk) not in json.dumps(talk.turn) and "/r/" not in talk.heard
