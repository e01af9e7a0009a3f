"""One service, one rating by the person's own press (minan/2.0, 3.1.3, R2, R3, R11)."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from minping.evaluate import services, tokens
from minping.evaluate.models import DefaultOutcome, Rating, RatingRevision, Service
from minping.evaluate.services import Press, defaults_make, rating_give, ratings_give
from minping.feedback.models import Case
from minping.kernel import clock
from minping.kernel.models import JournalEntry
from minping.upstream.models import OutboxMessage
from tests.support.world import FRIDAY, beijing, press, rate, receive, service_row

pytestmark = pytest.mark.django_db


@pytest.fixture
def service(world: None) -> Service:
    return receive()[0]


def test_a_press_is_a_rating_with_its_words_tags_channel_and_proof(service: Service) -> None:
    rating = rate(service, 2, text="第一行\r\n第二行，“原样”。")
    saved = Rating.objects.get()
    assert saved.pk == rating.pk
    assert (saved.level, saved.tags, saved.text) == (2, ["210"], "第一行\n第二行，“原样”。")
    assert (saved.channel, saved.proof, saved.kind) == ("mobile", "link", "first")
    service.refresh_from_db()
    assert service.outcome == "rating"


def test_a_second_rating_is_refused_and_the_first_stays(service: Service) -> None:
    rate(service, 5)
    with pytest.raises(services.AlreadyRated):
        rate(service, 1)
    assert Rating.objects.get().level == 5


def test_the_database_itself_refuses_a_second_first_rating(service: Service) -> None:
    rating = rate(service, 5)
    rating.pk, rating.receipt = service.pk, b"x" * 16
    with pytest.raises(IntegrityError), transaction.atomic():
        rating.save(force_insert=True)


def test_the_same_press_twice_is_one_rating_with_one_receipt(service: Service) -> None:
    first = rating_give(press(service, 4, tags=None, text=None))
    second = rating_give(press(service, 4, tags=None, text=None))
    assert (first.made, second.made) == (True, False)
    assert first.code == second.code
    assert Rating.objects.count() == OutboxMessage.objects.filter(kind="rating").count() == 1


def test_two_presses_in_one_batch_make_one_rating(service: Service) -> None:
    results = ratings_give([press(service, 5), press(service, 1), press(service, 5, tags=None, text=None)])
    assert [type(r).__name__ for r in results] == ["Receipt", "AlreadyRated", "Receipt"]
    assert Rating.objects.get().level == 5


def test_in_a_batch_each_is_answered_by_itself(world: None) -> None:
    one, two = receive(service_row("C-1"), service_row("C-2"))
    unknown = Press(token="x" * 24, level=5, at=one.served_at, channel="mobile", proof="link")
    results = ratings_give([press(one, 5), unknown, press(two, 9), press(two, 3)])
    assert [type(r).__name__ for r in results] == ["Receipt", "InvitationUnknown", "LevelUnknown", "Receipt"]


@pytest.mark.parametrize("level", [0, 6, -1, 100])
def test_a_level_outside_the_five_is_refused(service: Service, level: int) -> None:
    with pytest.raises(services.LevelUnknown):
        rate(service, level)
    assert not Rating.objects.exists()


@pytest.mark.parametrize("tag", ["510", "202", "999", ""], ids=["another level's", "retired", "unknown", "empty"])
def test_a_tag_that_is_not_offered_for_the_level_is_refused(service: Service, tag: str) -> None:
    with pytest.raises(services.TagMismatch):
        rate(service, 2, tags=(tag,))


def test_a_text_beyond_the_limit_is_refused_with_the_count(service: Service) -> None:
    with pytest.raises(services.TextTooLong, match="10001"):
        rate(service, 2, text="字" * 10001)
    assert rate(service, 2, text="字" * 10000).text == "字" * 10000


def test_within_minutes_the_giver_may_change_with_the_token_of_the_first_press(service: Service) -> None:
    receipt = rating_give(press(service, 5))
    at = service.served_at + timedelta(minutes=10)
    rating_give(press(service, 2, at=at, change=receipt.change_token))
    saved = Rating.objects.get()
    assert (saved.level, saved.revision) == (2, 2)
    before = RatingRevision.objects.get()
    assert (before.level, before.revision) == (5, 1)
    assert Case.objects.get().level == 2


@pytest.mark.parametrize("minutes, token", [(20, "right"), (5, "wrong")], ids=["too late", "another's token"])
def test_a_change_too_late_or_by_another_is_refused(service: Service, minutes: int, token: str) -> None:
    receipt = rating_give(press(service, 5))
    change = receipt.change_token if token == "right" else "A" * 24
    with pytest.raises(services.AlreadyRated):
        rating_give(press(service, 2, at=service.served_at + timedelta(minutes=4 + minutes), change=change))
    assert Rating.objects.get().level == 5


def test_the_invitation_token_cannot_change_a_rating(service: Service) -> None:
    rate(service, 5)
    with pytest.raises(services.AlreadyRated):
        rate(service, 2, change=tokens.invitation_token(service.pk))


def test_changing_away_from_negative_withdraws_the_case_and_both_stay_readable(service: Service) -> None:
    receipt = rating_give(press(service, 1, tags=(), text="按错了"))
    assert Case.objects.get().state == "verifying"
    rating_give(press(service, 5, tags=(), text="", change=receipt.change_token))
    case = Case.objects.get()
    assert (case.state, case.result) == ("closed", "changed_by_rater")
    assert RatingRevision.objects.get().text == "按错了"


def test_a_first_press_waits_for_its_reasons_before_it_travels(service: Service) -> None:
    receipt = rating_give(press(service, 2, tags=None, text=None, hold=True))
    message = OutboxMessage.objects.get(kind="rating")
    assert message.next_try_at - receipt.rating.rated_at == timedelta(minutes=1)
    at = receipt.rating.rated_at + timedelta(seconds=30)
    rating_give(press(service, 2, at=at, change=receipt.change_token, done=True))
    message.refresh_from_db()
    assert message.next_try_at == at


def test_skipping_the_reasons_lets_the_message_go(service: Service) -> None:
    receipt = rating_give(press(service, 2, tags=None, text=None, hold=True))
    at = receipt.rating.rated_at + timedelta(seconds=5)
    rating_give(press(service, 2, tags=None, text=None, at=at, change=receipt.change_token, done=True))
    assert OutboxMessage.objects.get(kind="rating").next_try_at == at


def test_the_seven_days_end_at_midnight_beijing_of_the_seventh_day(service: Service) -> None:
    assert service.default_due_at == beijing("2026-11-28 00:00")  # served on Friday 11-20, so Friday 11-27 24:00
    assert defaults_make(at=service.default_due_at - timedelta(microseconds=1)) == 0
    assert defaults_make(at=service.default_due_at) == 1


def test_silence_becomes_a_default_of_its_own_kind_never_a_rating(service: Service) -> None:
    defaults_make(at=service.default_due_at)
    service.refresh_from_db()
    assert service.outcome == "default"
    default = DefaultOutcome.objects.get()
    assert (default.level, default.service_id) == (4, service.pk)
    assert "minan/3.4.4" in default.rule
    assert not Rating.objects.exists()
    assert OutboxMessage.objects.get(kind="default").level == 4


def test_a_rated_service_gets_no_default_and_a_second_run_makes_none(world: None) -> None:
    rated, silent = receive(service_row("C-1"), service_row("C-2"))
    rate(rated, 1)
    at = silent.default_due_at + timedelta(days=30)
    assert (defaults_make(at=at), defaults_make(at=at)) == (1, 0)


def test_after_the_default_the_person_may_still_speak_and_a_negative_opens_a_case(service: Service) -> None:
    defaults_make(at=service.default_due_at)
    rating = rate(service, 1, tags=(), text="迟到的话", at=service.default_due_at + timedelta(days=3))
    service.refresh_from_db()
    assert (rating.kind, service.outcome) == ("supplementary", "default")
    assert Case.objects.get().rating_id == rating.pk
    assert OutboxMessage.objects.filter(kind="supplementary").count() == 1
    with pytest.raises(services.AlreadyRated):
        rate(service, 5, at=service.default_due_at + timedelta(days=4))


def test_a_link_closes_when_the_law_says_so(service: Service) -> None:
    with pytest.raises(services.InvitationClosed):
        rate(service, 5, at=service.closes_at)


def test_every_press_leaves_a_journal_row_without_the_words(service: Service) -> None:
    rate(service, 2, text="不该出现在日志里的话")
    entry = JournalEntry.objects.get(action="rating.first")
    assert entry.facts["level"] == 2
    assert "不该出现" not in entry.data


def test_the_number_of_queries_does_not_grow_with_the_batch(world: None, django_assert_max_num_queries: object) -> None:
    many = receive(*(service_row(f"C-{n}") for n in range(40)))
    with django_assert_max_num_queries(8):  # type: ignore[operator]
        ratings_give([press(service, 5) for service in many])


def test_a_press_that_a_device_sends_again_under_its_own_id_is_one_rating(service: Service) -> None:
    own, kept_at = UUID(int=7), service.served_at + timedelta(minutes=1)
    kept = {"press_id": own, "pressed_at": kept_at, "offline": True, "channel": "tablet"}
    first = rating_give(press(service, 2, **kept))
    again = rating_give(press(service, 2, **kept, at=service.served_at + timedelta(hours=3)))
    assert (first.made, again.made) == (True, False)
    saved = Rating.objects.get()
    assert (saved.press_id, saved.pressed_at, saved.offline) == (own, kept_at, True)
    assert saved.rated_at == service.served_at + timedelta(minutes=4), "the server's order of events is used"


@pytest.mark.parametrize("text", ["前\0后", "前\ud800后"])
@pytest.mark.usefixtures("world")
def test_half_a_letter_is_refused_in_a_sentence_whoever_sends_it(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: FRIDAY)
    service = receive(at=FRIDAY)[0]
    answer = Client(headers={"Accept": "application/json"}).post(
        f"/r/{tokens.invitation_token(service.pk)}", json.dumps({"level": 1, "text": text}),
        content_type="application/json",
    )  # fmt: skip
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "text_unreadable")
    assert Rating.objects.count() == 0


BODIES = (
    b"[" * 100_000, b'{"level": ' + b"[" * 100_000, b'{"level": 1, "text": [1]}', b'{"level": 1, "text": {}}',
    b'{"level": [1]}', b'{"level": 1e400}', b'{"level": "\xc2\xb2"}', b'{"level": NaN}', b'{"level": {}}',
    b'{"level": 1, "press_id": [1]}', b'{"level": 1, "tags": {"a": 1}}', b'{"level": 1, "tags": 5}',
    b'{"level": 1, "pressed_at": [1]}', b'{"level": 1, "change": [1]}', b'{"level": ' + b"9" * 5000 + b"}",
    b'{"level": 1, "step": []}', b'{"level": 1, "change_token": 5}',
)  # fmt: skip


@pytest.mark.parametrize("said", BODIES)
@pytest.mark.usefixtures("world")
def test_no_body_of_a_stranger_breaks_the_page(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: FRIDAY)
    service = receive(at=FRIDAY)[0]
    answer = Client(raise_request_exception=False).post(
        f"/r/{tokens.invitation_token(service.pk)}", said, content_type="application/json"
    )
    assert answer.status_code < 500
