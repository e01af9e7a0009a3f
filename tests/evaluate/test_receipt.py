"""The receipt by its code: found by who was given it, by nobody else; a word added stands beside the rating."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from minping.evaluate import services, tokens
from minping.evaluate.models import AddedWord, Rating
from minping.feedback.models import Case
from minping.kernel import clock, journal
from minping.upstream.models import OutboxMessage
from tests.support.world import FRIDAY, Story, rate, receive, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    at(monkeypatch, FRIDAY + timedelta(hours=1))


def at(monkeypatch: pytest.MonkeyPatch, moment: object) -> None:
    monkeypatch.setattr(clock, "now", lambda: moment)


def look_up(code: str, address: str = "10.0.0.1", **more: str) -> HttpResponse:
    found: HttpResponse = Client(REMOTE_ADDR=address).post("/receipt", {"code": code, **more})
    return found


@pytest.fixture
def rating() -> Rating:
    return rate(receive()[0], 2)


def code_of(rating: Rating) -> str:
    return tokens.receipt_code(rating.pk)


@pytest.mark.parametrize(
    "written",
    [
        "{}", " {} ", "{dashes}", "{together}", "{wide}", "回执号：{}", "{}\r\n", "{letters}", "{lines}",
    ],
)  # fmt: skip
def test_a_code_is_understood_as_people_write_it(rating: Rating, written: str) -> None:
    code = code_of(rating)
    typed = written.format(
        code, dashes=code.replace(" ", "-"), together=code.replace(" ", ""), lines=code.replace(" ", "\n"),
        wide=code.translate({ord(str(n)): chr(0xFF10 + n) for n in range(10)}),
        letters=code.replace("0", "O").replace("1", "l"),
    )  # fmt: skip
    page = look_up(typed)
    assert page.status_code == 200
    assert "同样的证明交了两次。" in page.content.decode()


@pytest.mark.parametrize("typed", ["", "0", "1234 5678 9012 3456", "%", "' OR 1=1 --", "\0", "１" * 100_000, "²" * 16])
def test_another_code_gets_one_sentence_and_learns_nothing(rating: Rating, typed: str) -> None:
    page = look_up(typed)
    assert page.status_code == 404
    body = page.content.decode()
    assert "没有找到这个回执号。请核对 16 位数字。" in body
    assert "1234 5678 9012 3456" in body or typed not in body  # the placeholder; what was typed is not sent back
    assert rating.service.item_name not in body


def test_one_digit_beside_is_as_far_as_any(rating: Rating) -> None:
    digits = code_of(rating).replace(" ", "")
    for place in range(16):
        other = digits[:place] + str((int(digits[place]) + 1) % 10) + digits[place + 1 :]
        assert look_up(other, address=f"10.0.1.{place}").status_code == 404


def test_guessing_is_stopped_by_the_minute_and_the_right_code_costs_nothing(rating: Rating) -> None:
    for _ in range(30):
        assert look_up(code_of(rating)).status_code == 200
    answers = [look_up(f"{n:016d}").status_code for n in range(25)]
    assert answers[:20] == [404] * 20
    assert set(answers[20:]) == {429}
    assert look_up(code_of(rating)).status_code == 429, "nor does a right code open the door again"
    assert look_up(code_of(rating), address="10.0.0.2").status_code == 200, "and nobody shuts it for others"


def test_codes_are_spread_over_all_sixteen_digits() -> None:
    """Ten million ratings, twenty guesses a minute: one hit in about 95 years from one address."""
    from minping.kernel import ids

    codes = {tokens.receipt_code(ids.uuid7(FRIDAY)).replace(" ", "") for _ in range(2000)}
    assert len(codes) == 2000
    for place in range(16):
        seen = [sum(code[place] == str(n) for code in codes) for n in range(10)]
        assert min(seen) > 130 and max(seen) < 275, "expected about 200 of each digit"


def test_the_code_stands_in_no_address_and_no_log(rating: Rating, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    code = code_of(rating)
    page = look_up(code)
    body = page.content.decode()
    digits = code.replace(" ", "")
    assert digits not in body.replace(code, ""), "shown as a code and nowhere else"
    assert f"={digits}" not in body and "receipt/" not in body
    assert digits not in caplog.text and code not in caplog.text
    assert Client().get("/receipt", {"code": code}).content.decode().count("同样的证明") == 0, (
        "an address opens nothing"
    )
    assert page.headers["Cache-Control"] == "no-store"


def test_nothing_personal_is_on_it(rating: Rating) -> None:
    body = look_up(code_of(rating)).content.decode()
    for personal in ("群众甲", "13800000000", "350213190001010011", rating.service.case_no):
        assert personal not in body


def test_an_old_receipt_shows_nothing_of_a_later_word(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story()
    story.followed()
    at(monkeypatch, story.at)
    first = Rating.objects.get(service=story.service)
    page = look_up(code_of(first)).content.decode()
    assert "整改之后，再评一次" in page, "invited: the way there is on the receipt"
    again = rate(story.service, 4, at=story.later(), text="后来好了。")
    at(monkeypatch, story.at)
    assert "后来好了。" not in look_up(code_of(first)).content.decode()
    page = look_up(code_of(again), address="10.0.0.9").content.decode()
    assert "后来好了。" in page and "同样的证明交了两次。" in page
    assert "整改之后，再评一次" not in page


def test_the_case_is_told_in_plain_words_with_its_due_date(rating: Rating) -> None:
    page = look_up(code_of(rating)).content.decode()
    assert "专人电话回访，核对情况。" in page
    assert "11月24日 周二 24:00 前" in page


# --- a word added ----------------------------------------------------------------------------------


def add(rating: Rating, text: str) -> HttpResponse:
    return look_up(code_of(rating), step="add", text=text)


def test_a_word_is_added_beside_the_rating_which_stays_as_it_was(rating: Rating) -> None:
    before = {name: getattr(rating, name) for name in Rating.JOURNALLED}
    sent = sorted(OutboxMessage.objects.values_list("kind", "revision"))
    page = add(rating, "后来又让我跑了一趟。").content.decode()
    assert "原来的评价没有变" in page and "后来又让我跑了一趟。" in page
    rating.refresh_from_db()
    assert {name: getattr(rating, name) for name in Rating.JOURNALLED} == before
    assert sorted(OutboxMessage.objects.values_list("kind", "revision")) == sent
    case = Case.objects.get()
    desk = signed_in("reviewer").get(f"/desk/verify/{case.pk}/")
    assert "后来又让我跑了一趟。" in desk.content.decode()
    assert "评价人补充了一句话" in desk.content.decode()
    journal.seal()
    assert not journal.verify().findings


def test_the_same_words_sent_twice_are_one_and_five_are_enough(rating: Rating) -> None:
    add(rating, "第一句。")
    add(rating, "第一句。")
    assert AddedWord.objects.count() == 1
    for number in range(2, 6):
        assert add(rating, f"第 {number} 句。").status_code == 200
    page = add(rating, "还有一句。")
    assert page.status_code == 409
    assert "已经补充过 5 次" in page.content.decode() and "还有一句。</textarea>" in page.content.decode()
    assert AddedWord.objects.count() == 5


@pytest.mark.parametrize(("text", "sentence"), [("  \r\n ", "请写下要补充的话。"), ("长" * 10_001, "最多 10000 个字")])
def test_what_cannot_be_kept_is_said_and_stays_on_the_page(rating: Rating, text: str, sentence: str) -> None:
    page = add(rating, text)
    assert page.status_code == 409 and sentence in page.content.decode()
    assert text.strip()[:50] in page.content.decode()
    assert AddedWord.objects.count() == 0


def test_words_are_shown_as_words(rating: Rating) -> None:
    page = add(rating, "<script>alert(1)</script>").content.decode()
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page


def test_nobody_adds_without_the_code(rating: Rating) -> None:
    assert look_up("1234567890123456", step="add", text="不是我。").status_code == 404
    with pytest.raises(services.NothingSaid):
        services.word_add(rating=rating, text="", at=FRIDAY)
    guarded = Client(enforce_csrf_checks=True).post(
        "/receipt", {"code": code_of(rating), "step": "add", "text": "别的网站。"}
    )
    assert guarded.status_code == 403
    assert AddedWord.objects.count() == 0
