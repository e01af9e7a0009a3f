"""Our own API as a superior: each message answered by itself, taken once, never for a neighbour (minan/3.1.2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from minping.evaluate.models import Applicant, DefaultOutcome, Rating, RatingRevision, Service
from minping.evaluate.services import defaults_make
from minping.feedback.models import Case
from minping.feedback.tickets.schemas import TicketIn
from minping.feedback.tickets.services import tickets_receive
from minping.kernel import clock, journal, privacy
from minping.kernel.access import Actor, Grant
from minping.kernel.models import JournalEntry
from minping.registry import queries as registry
from minping.registry.models import Organization
from minping.upstream.models import FromBelow, OutboxMessage, Task
from tests.support import levels
from tests.support.levels import case, iso, message, post, rating, service
from tests.support.world import FRIDAY

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def district(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    levels.district_world(settings)
    monkeypatch.setattr(clock, "now", lambda: FRIDAY + timedelta(days=1))


def send(*rows: Any, secret: str = "") -> list[dict[str, Any]]:
    answer = post("messages", {"messages": list(rows)}, secret or levels.key())
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["answers"]
    return found


def results(*rows: Any, secret: str = "") -> list[str]:
    return [f"{one['result']}:{one.get('code', '')}".rstrip(":") for one in send(*rows, secret=secret)]


def test_a_service_and_its_rating_become_rows_that_say_whose_they_are() -> None:
    given, word = uuid4(), uuid4()
    first, second = send(service(given), rating(word, body={"text": "很好😀𠮷"}))
    assert (first["result"], second["result"]) == ("accepted", "accepted")
    assert first["reference"].startswith("350213-")
    kept = Service.objects.get(pk=given)
    assert (kept.origin, kept.organization_code, kept.outcome) == ("minan", "minan-center", "rating")
    assert Rating.objects.get(pk=word).service_id == given
    assert journal.verify().clean
    # Onward to our own superior, in the order of the case.
    assert list(OutboxMessage.objects.order_by("id").values_list("kind", "subject")) == [
        ("service", given), ("rating", word),
    ]  # fmt: skip


def test_the_person_stays_below_and_a_four_byte_text_arrives_whole() -> None:
    given, word = uuid4(), uuid4()
    send(service(given), rating(word, body={"text": "，。|&<>😀𠮷" * 50}))
    sealed = Applicant.objects.get(service=given).sealed
    assert privacy.unseal_json(sealed, f"applicant:{given.hex}")["name"] == ""
    assert Rating.objects.get(pk=word).text == "，。|&<>😀𠮷" * 50


def test_the_same_again_is_taken_once_and_another_content_under_its_number_is_refused() -> None:
    given = service(uuid4())
    assert results(given, given) == ["accepted", "already"]
    assert results(given) == ["already"]
    assert results({**given, "body": {**given["body"], "item_name": "别的事项"}}) == ["never:content_conflict"]
    assert FromBelow.objects.count() == Service.objects.count() == 1


def test_a_neighbours_key_writes_nothing_of_ours() -> None:
    other = levels.key("neighbour")
    assert results(service(), secret=other) == ["never:organization_out_of_scope"]
    given, word = uuid4(), uuid4()
    send(service(given), rating(word))
    # Its own organisation, our numbers: neither the record nor its changes.
    own = {"organization_code": "neighbour", "area_code": levels.NEIGHBOUR}
    assert results(service(given, **own), secret=other) == ["never:not_yours"]
    assert results(service(uuid4(), **own), rating(word, level=5, revision=2, **own), secret=other) == [
        "accepted", "never:not_yours",
    ]  # fmt: skip
    assert Rating.objects.get(pk=word).level == 2
    assert journal.verify().clean


@pytest.mark.parametrize("organization", ["xiangan", "minan"])
def test_a_key_that_is_not_a_subordinates_is_refused(organization: str) -> None:
    can = "superior:write" if organization == "xiangan" else "services:write"
    answer = post("messages", {"messages": []}, levels.key(organization, can))
    assert answer.status_code == 403
    assert post("messages", {"messages": []}, "mp_nothing").status_code == 401


def test_an_older_version_after_a_newer_one_says_nothing_any_more() -> None:
    given, word = uuid4(), uuid4()
    changed = {"changed_at": iso(FRIDAY + timedelta(minutes=7)), "tags": [], "text": "改主意了。"}
    assert results(service(given), rating(word, 5, revision=2, body=changed)) == ["accepted", "accepted"]
    assert results(rating(word, 1)) == ["already"]
    assert Rating.objects.get(pk=word).level == 5


def test_a_change_of_mind_keeps_what_was_said_before_and_from_when() -> None:
    given, word = uuid4(), uuid4()
    at = FRIDAY + timedelta(minutes=7)
    send(service(given), rating(word, 1), rating(word, 4, revision=2, body={"changed_at": iso(at)}))
    before = RatingRevision.objects.get(rating=word)
    assert (before.level, before.until, Rating.objects.get(pk=word).level) == (1, at, 4)
    assert journal.verify().clean


def test_a_rating_without_its_service_waits_below() -> None:
    word = rating(uuid4())
    assert results(word) == ["later:earlier_missing"]
    assert results(service(), word) == ["accepted", "accepted"]


def test_a_time_ahead_of_our_clock_is_wanted_later_and_is_not_touched() -> None:
    at = FRIDAY + timedelta(days=1, minutes=30)
    assert results(service(at=at)) == ["later:CLOCK"]
    assert results(service(at=FRIDAY + timedelta(days=1, minutes=5))) == ["accepted"]


def test_an_organisation_that_nobody_knows_waits_visibly_and_goes_on_when_it_is_there() -> None:
    row = service(uuid4(), organization_code="minan-agent-01")
    assert results(row) == ["later:unknown_organization"]
    assert "minan-agent-01" in Task.objects.get(kind="below").text
    told = {
        "code": "minan-agent-01", "name": "甲社区便民代办点", "kind": "agent_point", "parent": "minan",
        "area_code": "350213005901", "area_name": "甲社区",
    }  # fmt: skip
    answer = post("organizations", {"organizations": [told]}, levels.key())
    assert answer.json() == {"organizations": [{"code": "minan-agent-01", "result": "created"}]}
    assert results(row) == ["accepted"]
    assert registry.place("minan-agent-01").path == "/xiangan/minan/minan-agent-01/"


@pytest.mark.parametrize(
    "told",
    [
        {"code": "x", "name": "占邻街道的", "kind": "center", "parent": "neighbour", "area_code": levels.STREET},
        {"code": "x", "name": "占上级的", "kind": "center", "parent": "xiangan", "area_code": levels.STREET},
        {"code": "neighbour", "name": "改名", "kind": "office", "parent": "minan", "area_code": levels.STREET},
        {"code": "x", "name": "别处", "kind": "center", "parent": "minan", "area_code": levels.NEIGHBOUR},
        {"code": "x", "name": "充上级", "kind": "authority", "parent": "minan", "area_code": levels.STREET},
        {"code": "a/b", "name": "斜线", "kind": "center", "parent": "minan", "area_code": levels.STREET},
        {"code": "x", "name": "", "kind": "center", "parent": "minan", "area_code": "1"},
        "不是对象",
    ],
)
def test_a_subordinate_makes_no_organisation_outside_its_own(told: Any) -> None:
    before = set(Organization.objects.values_list("code", "name"))
    answer = post("organizations", {"organizations": [told]}, levels.key())
    assert [one["result"] for one in answer.json()["organizations"]] == ["refused"]
    assert set(Organization.objects.values_list("code", "name")) == before


def test_garbage_is_answered_and_does_not_spoil_its_neighbours() -> None:
    good = service(uuid4())
    rows = [
        None, 7, "x", [], {"key": "k"}, {**service(), "subject": "nein"}, {**service(), "revision": 0},
        {**service(), "revision": True}, {**service(), "service_no": 10**12}, {**service(), "fact_at": "gestern"},
        {**service(), "fact_at": "2026-11-20T15:20:00"}, {**service(), "kind": "probe"}, service(body={"handling": "zauber"}),
        service(body={"item_name": "长" * 5000}), service(body={"unbekannt": 1}), rating(level=9), rating(body={"text": "\0"}),
        rating(body={"text": "\ud800"}), message("case", {"deep": [[[[[[[[[[1]]]]]]]]]]}), good,
    ]  # fmt: skip
    answers = results(*rows)
    assert answers[-1] == "accepted"
    assert {one.split(":")[0] for one in answers[:-1]} == {"never"}
    assert Service.objects.count() == 1
    assert journal.verify().clean


@pytest.mark.parametrize(
    ("raw", "status"),
    [(b"", 400), (b"{", 400), (b"[]", 422), (b'{"messages": 1}', 422), (b"[" * 100_000, 400), (b"\xff\xfe", 400)],
)
def test_what_is_no_list_of_messages_is_refused_as_a_whole(raw: bytes, status: int) -> None:
    assert post("messages", None, levels.key(), raw=raw).status_code == status


def test_a_huge_batch_is_refused_and_a_full_one_is_taken() -> None:
    rows = [service(uuid4(), case_no=f"MA-{number}") for number in range(501)]
    answer = post("messages", {"messages": rows}, levels.key())
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_many_messages")
    assert set(results(*rows[:500])) == {"accepted"}
    assert Service.objects.count() == 500


def test_a_case_number_of_another_record_is_a_conflict_and_is_said() -> None:
    given = uuid4()
    send(service(given))
    assert results(service(uuid4())) == ["never:service_conflict"]


def test_the_silence_is_counted_below_and_only_there() -> None:
    given = uuid4()
    send(service(given))
    assert defaults_make(at=FRIDAY + timedelta(days=60)) == 0
    made = {"level": 4, "level_system": "interface", "made_by_rule": "minan/3.4.4:7d", "made_at": iso(FRIDAY)}
    assert results(message("default", made, given)) == ["accepted"]
    assert DefaultOutcome.objects.get(service=given).rule == "minan/3.4.4:7d"
    assert Service.objects.get(pk=given).outcome == "default"
    # A word instead of it would have to change what has been counted.
    assert results(rating(uuid4())) == ["never:outcome_conflict"]
    late = rating(uuid4(), kind="supplementary", at=FRIDAY + timedelta(hours=20))
    assert results(late) == ["accepted"]
    assert journal.verify().clean


def test_a_case_comes_with_its_rounds_and_runs_no_clock_here() -> None:
    given, word, negative, order = uuid4(), uuid4(), uuid4(), uuid4()
    one = {
        "id": order.hex, "round": 1, "organization_code": "minan-center", "window_code": "03", "state": "assigned",
        "assigned_at": iso(FRIDAY), "rectify_due_at": iso(FRIDAY + timedelta(days=7)), "measures": "",
        "reported_at": None, "extended_at": None, "accepted_at": None, "followed_at": None, "follow_up": "",
        "rerating": "", "finished_at": None,
    }  # fmt: skip
    assert results(service(given), case(negative, word)) == ["accepted", "later:earlier_missing"]
    send(rating(word), case(negative, word))
    later = case(negative, word, "confirmed", 2, body={"orders": [one], "verified_at": iso(FRIDAY)})
    assert results(later) == ["accepted"]
    held = Case.objects.get(pk=negative)
    assert (held.state, held.origin, held.due_at, held.orders.get().due_at) == ("confirmed", "minan", None, None)
    assert held.orders.get().rectify_due_at == FRIDAY + timedelta(days=7)
    reported = {**one, "state": "reported", "measures": "改了。", "reported_at": iso(FRIDAY)}
    assert results(case(negative, word, "confirmed", 3, body={"orders": [reported]})) == ["accepted"]
    assert held.orders.get().measures == "改了。"
    assert journal.verify().clean


def test_what_we_hold_is_told_to_its_owner_only() -> None:
    given, word = uuid4(), uuid4()
    send(service(given), rating(word, 1), rating(word, 5, revision=2))
    mine, other = levels.key(), levels.key("neighbour")
    from django.test import Client

    def get(path: str, secret: str) -> Any:
        return Client().get(f"/api/v1/superior/{path}", headers={"Authorization": f"Bearer {secret}"}).json()

    day = "2026-11-20"
    assert get("counts", mine)["counts"] == [
        {"day": day, "kind": "rating", "level": 5, "count": 1}, {"day": day, "kind": "service", "level": None, "count": 1},
    ]  # fmt: skip
    assert get("holds?kind=rating", mine)["subjects"] == [word.hex]
    assert (get("counts", other)["counts"], get("holds?kind=service", other)["subjects"]) == ([], [])
    tags = get("dictionary", mine)["tags"]
    assert {name: tag[name] for tag in tags if tag["code"] == "210" for name in ("code", "level")} == {
        "code": "210",
        "level": 2,
    }


# --- attacks -------------------------------------------------------------------------------------


def test_no_time_within_a_message_runs_ahead_of_our_clock() -> None:
    """Else a service would stay open for ratings here, and a rating would fall into a quarter that has not begun."""
    later = iso(FRIDAY + timedelta(days=400))
    for row in (service(body={"served_at": later}), service(body={"received_at": later})):
        assert results(row) == ["later:CLOCK"]
    given = uuid4()
    assert results(service(given), rating(uuid4(), body={"rated_at": later})) == ["accepted", "later:CLOCK"]
    assert Service.objects.get().closes_at <= FRIDAY
    assert Rating.objects.count() == 0


def test_what_is_no_code_of_an_organisation_opens_no_task_and_stands_in_no_journal() -> None:
    for code in ("某甲 13800000000", "甲" * 41, "a/b", "a\nb"):
        assert results(service(organization_code=code)) == ["never:invalid_field"], code
    assert Task.objects.count() == 0
    assert not JournalEntry.objects.filter(data__contains="13800000000").exists()


@pytest.mark.parametrize("name", ["code", "parent", "name", "area_code", "area_name", "kind"])
def test_an_organisation_with_letters_that_no_database_holds_is_refused(name: str) -> None:
    told = {
        "code": "new", "name": "新中心", "kind": "center", "area_code": levels.STREET, "area_name": "民安", "parent": "minan",
    }  # fmt: skip
    for wrong in ("a\0", "\ud800", ["x"], None):
        answer = post("organizations", {"organizations": [{**told, name: wrong}]}, levels.key())
        assert answer.status_code == 200
        assert answer.json()["organizations"][0]["result"] in ("refused", "known"), wrong


def test_a_key_in_the_log_writes_no_line_of_its_own(caplog: pytest.LogCaptureFixture, monkeypatch: Any) -> None:
    monkeypatch.setattr("minping.upstream.below.intake.typed", lambda _: 1 / 0)
    assert results({**service(), "key": "a\n2026-11-20 ERROR forged"}) == ["later:internal_error"]
    assert not any("\n" in record.getMessage() for record in caplog.records)


def test_a_ticket_at_the_district_does_not_write_into_a_streets_own_case() -> None:
    given, word, number = uuid4(), uuid4(), uuid4()
    assert results(service(given), rating(word), case(number, word)) == ["accepted"] * 3
    before = Case.objects.get(pk=number)
    row = {
        "number": "XM-1", "organization_code": "minan-center", "case_no": "MA-1", "said_at": iso(FRIDAY + timedelta(hours=1)),
        "words": "证明交了两次。",
    }  # fmt: skip
    by = Actor("key:hotline", "12345", (Grant(frozenset({"tickets:hotline"}), "/xiangan/"),))
    (answer,) = tickets_receive("hotline", [TicketIn.model_validate(row)], by=by, at=clock.now())
    assert answer.ticket is not None
    after = Case.objects.get(pk=number)
    assert (after.revision, after.asked_at) == (before.revision, before.asked_at)
    assert results(case(number, word, "confirmed", revision=2)) == ["accepted"]
    assert Case.objects.get(pk=number).state == "confirmed"


def test_a_probe_is_read_and_answered_like_a_rating_and_kept_nowhere() -> None:
    told = message("probe", {"level": 1, "level_system": "interface", "text": "探针"}, organization_code="probe")
    assert results(told, told) == ["accepted", "already"]
    assert results({**told, "subject": uuid4().hex, "body": {**told["body"], "level": 9}}) == ["never:invalid_field"]
    assert not Rating.objects.exists() and not OutboxMessage.objects.exists() and not Service.objects.exists()
    assert FromBelow.objects.get().kind == "probe"


def test_a_call_looks_up_once_what_all_its_messages_speak_of(django_assert_max_num_queries: Any) -> None:
    """A hundred a call must not cost a hundred calls: beside its own row each message asks for little."""
    secret = levels.key()
    numbers = [(f"N-{n}", uuid4(), uuid4()) for n in range(50)]
    rows = [service(given, case_no=case_no) for case_no, given, _ in numbers]
    rows += [rating(word, 5, case_no=case_no, body={"text": ""}) for case_no, _, word in numbers]
    with django_assert_max_num_queries(len(rows) * 4 + 30):  # a savepoint (two), and two rows
        assert results(*rows, secret=secret) == ["accepted"] * 100
    assert journal.verify().clean
    with django_assert_max_num_queries(30):
        assert results(*rows, secret=secret) == ["already"] * 100


def test_one_bad_message_among_good_ones_leaves_no_trace_of_itself() -> None:
    """What was looked up for all is looked up anew after one was undone: nothing is built on a row that is gone."""
    given, word = uuid4(), uuid4()
    long = service(given, body={"item_name": "长" * 5000})
    assert results(long, rating(word), service(given), rating(word), rating(word, 5, revision=2)) == [
        "never:invalid_field", "later:earlier_missing", "accepted", "accepted", "accepted",
    ]  # fmt: skip
    assert (Service.objects.count(), Rating.objects.get().level, FromBelow.objects.count()) == (1, 5, 3)
    assert JournalEntry.objects.filter(action__startswith="below.").count() == 3
    assert journal.verify().clean
