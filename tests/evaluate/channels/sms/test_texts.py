"""Invitations by text: once, in the hours allowed, to whom it still matters; replies are ratings (minan/3.4.1, R3, R12)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from django.test import Client

from minping.evaluate import tokens
from minping.evaluate.channels.sms import gateways, services
from minping.evaluate.channels.sms.models import OptOut, PhoneCode, Reply, Text
from minping.evaluate.channels.sms.services.codes import CodeOver, CodesTooMany, CodeWrong, PhoneRefused
from minping.evaluate.channels.sms.services.send import TRIES
from minping.evaluate.channels.sms.states import ReplyOutcome
from minping.evaluate.models import Rating
from minping.evaluate.services import defaults_make
from minping.kernel import clock, journal, privacy
from minping.kernel.home import home
from minping.kernel.models import Account
from tests.support.world import FRIDAY, beijing, rate, receive, service_row

pytestmark = pytest.mark.django_db

PHONE = "13800000000"
SOON = FRIDAY + timedelta(minutes=25)


@dataclass
class Provider:
    """A provider over HTTP on loopback; `answer` says what becomes of a text."""

    url: str = ""
    answer: Callable[[dict[str, Any]], str] = lambda text: "OK"
    texts: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    told = Provider()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            code = told.answer(text)
            if code == "OK":
                told.texts.append(text)
            body = json.dumps({"result": {"code": code}, "no": text["id"][:8]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    told.url = f"http://127.0.0.1:{server.server_port}/send"
    settings = {
        "gateway": "https", "url": told.url, "secret": "only-in-tests", "answer": "result.code", "reference": "no",
        "accepted": ("OK",), "later": ("BUSY",), "refused": ("NO_SUCH",),
        "body": '{"id": "{id}", "to": "{phone}", "text": "{text}", "time": "{time}", "sign": "{sign}"}',
    }  # fmt: skip
    monkeypatch.setattr(gateways, "settings", lambda: settings)
    gateways._driver.cache_clear()
    yield told
    gateways._driver.cache_clear()
    server.shutdown()
    server.server_close()


def go(at: datetime) -> None:
    """The two jobs, as often as they find something."""
    while services.invitations_make(at=at):
        pass
    while services.texts_send(at=at):
        pass


def test_after_a_while_without_a_rating_the_person_is_invited_once(world: None, provider: Provider) -> None:
    service = receive()[0]
    go(FRIDAY + timedelta(minutes=5))
    assert provider.texts == [], "first the window has its chance"
    for minutes in (25, 26, 500):
        go(FRIDAY + timedelta(minutes=minutes))
    (text,) = provider.texts
    assert text["to"] == PHONE
    assert tokens.invitation_url(service.pk) in text["text"]
    assert "群众甲" not in text["text"] and service.item_name not in text["text"], "no name, no matter"
    assert Text.objects.get().state == "sent"


def test_who_has_rated_has_opted_out_or_gave_no_phone_gets_none(world: None, provider: Provider) -> None:
    rated, _, _ = receive(
        service_row("R"), service_row("N", applicant={**service_row()["applicant"], "phone": ""}),
        service_row("O", applicant={**service_row()["applicant"], "phone": "13800000001"}),
    )  # fmt: skip
    rate(rated, 5)
    OptOut.objects.create(phone_index=privacy.index("phone", "13800000001"), at=FRIDAY)
    go(SOON)
    assert provider.texts == []


def test_no_invitation_leaves_outside_the_hours_of_the_law(world: None, provider: Provider) -> None:
    evening = beijing("2026-11-20 19:50")
    receive(service_row(served_at=evening))
    go(beijing("2026-11-20 20:15"))
    go(beijing("2026-11-21 07:59"))
    assert provider.texts == []
    go(beijing("2026-11-21 08:00"))
    assert len(provider.texts) == 1


def test_a_service_whose_days_are_over_is_not_invited(world: None, provider: Provider) -> None:
    old = receive(service_row(served_at=FRIDAY), at=FRIDAY + timedelta(days=10))[0]
    go(FRIDAY + timedelta(days=10, hours=1))
    assert provider.texts == []
    assert old.outcome == "none"


def test_a_gateway_that_refuses_a_third_at_first_gets_each_text_once_in_the_hours_and_states_are_true(
    world: None, provider: Provider
) -> None:
    size = int(os.environ.get("MINPING_TEXTS", "240"))  # 10,000 in `make show-channels`
    receive(*[
        service_row(
            f"M-{n:04d}", served_at=beijing("2026-11-20 19:30"),
            applicant={**service_row()["applicant"], "phone": f"1380000{n:04d}"},
        )
        for n in range(size)
    ])  # fmt: skip
    refused: set[str] = set()

    def answer(text: dict[str, Any]) -> str:
        if int(text["to"][-4:]) % 3 == 0 and text["id"] not in refused:
            refused.add(text["id"])
            return "BUSY"
        return "OK"

    def states() -> set[tuple[str, int]]:
        return set(Text.objects.values_list("state", "attempts"))

    provider.answer = answer
    third = len(range(0, size, 3))
    go(beijing("2026-11-20 19:59"))
    assert len(provider.texts) == size - third
    assert states() == {("sent", 1), ("waiting", 1)}
    # What was refused at 19:59 is due again within seconds; but the evening has come.
    for quiet in ("2026-11-20 20:00", "2026-11-20 23:30", "2026-11-21 07:59"):
        go(beijing(quiet))
    assert len(provider.texts) == size - third
    go(beijing("2026-11-21 08:00"))
    assert sorted(t["to"] for t in provider.texts) == [f"1380000{n:04d}" for n in range(size)]
    assert states() == {("sent", 1), ("sent", 2)}


@pytest.mark.parametrize(("code", "state"), [("NO_SUCH", "failed"), ("WHAT", "unsure")])
def test_a_refusal_for_good_and_an_unknown_answer_are_told_apart(
    world: None, provider: Provider, code: str, state: str
) -> None:
    receive()
    provider.answer = lambda text: code
    for minutes in (25, 60, 200):
        go(FRIDAY + timedelta(minutes=minutes))
    text = Text.objects.get()
    assert (text.state, text.attempts) == (state, 1)
    assert code in text.error


def test_a_gateway_that_is_down_is_asked_again_and_given_up_in_the_end(world: None, provider: Provider) -> None:
    receive()
    provider.answer = lambda text: "BUSY"
    at = SOON
    for _ in range(TRIES + 2):
        go(at)
        at += timedelta(minutes=15)
    text = Text.objects.get()
    assert (text.state, text.attempts) == ("failed", TRIES)


def test_a_text_in_the_hands_of_a_dead_worker_is_not_sent_again(world: None, provider: Provider) -> None:
    receive()
    services.invitations_make(at=SOON)
    Text.objects.update(state="sending", claimed_until=clock.wall() - 1)
    go(SOON)
    assert provider.texts == []
    text = Text.objects.get()
    assert text.state == "unsure"
    services.report_receive(identifier=text.pk, delivered=True, at=SOON)
    assert Text.objects.get().state == "delivered", "a report settles what nobody knew"


@pytest.fixture
def invited(world: None, provider: Provider) -> Any:
    service = receive()[0]
    go(SOON)
    return service


def reply(words: str, number: str = "1", phone: str = PHONE, at: datetime | None = None) -> ReplyOutcome:
    return services.reply_receive(gateway_id=number, phone=phone, words=words, at=at or SOON + timedelta(minutes=9))


def test_a_reply_is_a_rating_with_its_words(invited: Any) -> None:
    assert reply("不满意，等了两小时") == "rating"
    rating = Rating.objects.get()
    assert (rating.level, rating.text, rating.channel, rating.proof) == (2, "等了两小时", "sms", "phone_reply")
    assert journal.verify().clean


def test_the_same_reply_from_the_gateway_twice_is_one(invited: Any) -> None:
    assert reply("5") == reply("5") == "rating"
    assert Rating.objects.count() == Reply.objects.count() == 1


def test_a_reply_from_another_number_is_nothing(invited: Any) -> None:
    assert reply("1", phone="13900000000") == "stranger"
    assert not Rating.objects.exists()


def test_an_ambiguous_reply_is_asked_back_once_and_kept(invited: Any, provider: Provider) -> None:
    assert reply("还行", "1") == "asked"
    assert reply("就那样吧", "2") == "kept"
    go(SOON + timedelta(minutes=10))
    assert [("没看懂" in t["text"]) for t in provider.texts] == [False, True]
    assert not Rating.objects.exists()
    assert {privacy.unseal(r.words, r.place).decode() for r in Reply.objects.all()} == {"还行", "就那样吧"}
    assert reply("4", "3") == "rating"


def test_a_late_reply_is_a_late_voice(invited: Any) -> None:
    defaults_make(at=FRIDAY + timedelta(days=9))
    assert reply("2，材料交了两次", at=FRIDAY + timedelta(days=9)) == "rating"
    assert Rating.objects.get().kind == "supplementary"


def test_a_second_reply_within_the_minutes_changes_the_first_or_adds_its_words(invited: Any) -> None:
    reply("4", "1", at=SOON)
    assert reply("2", "2", at=SOON + timedelta(minutes=2)) == "changed"
    assert reply("等了两个小时", "3", at=SOON + timedelta(minutes=3)) == "changed"
    rating = Rating.objects.get()
    assert (rating.level, rating.text, rating.revision) == (2, "等了两个小时", 3)
    assert reply("5", "4", at=SOON + timedelta(hours=2)) == "kept", "after the minutes one rating stays one rating"


def test_of_two_open_services_nobody_guesses_which_is_meant(world: None, provider: Provider) -> None:
    receive(service_row("A"), service_row("B"))
    go(SOON)
    assert reply("5") == "asked"
    assert not Rating.objects.exists()


def test_opting_out_holds_until_the_person_wants_it_again(invited: Any, provider: Provider) -> None:
    assert reply("T", "1") == "opt_out"
    later = FRIDAY + timedelta(days=1)
    receive(service_row("B", served_at=later))
    go(later + timedelta(minutes=25))
    assert len(provider.texts) == 1
    assert reply("恢复", "2") == "opt_in"
    assert not OptOut.objects.exists()


# --- phone codes -------------------------------------------------------------------------------


def ask(phone: str = PHONE, address: str = "198.51.100.7", at: datetime = SOON) -> Any:
    return services.phone_code_send(phone=phone, purpose="terminal", address=address, at=at)


def test_the_right_code_proves_the_phone_once(world: None, provider: Provider) -> None:
    receive()
    identifier = ask("138 0000 0000")
    services.texts_send(at=SOON)
    (text,) = provider.texts
    code = next(word for word in text["text"].replace("，", " ").split() if word.isdigit() and len(word) == 6)
    with pytest.raises(CodeWrong):
        services.phone_code_check(identifier=identifier, code="000000", purpose="terminal", at=SOON)
    proven = services.phone_code_check(identifier=identifier, code=code, purpose="terminal", at=SOON)
    assert proven == privacy.index("phone", PHONE)
    with pytest.raises(CodeOver):
        services.phone_code_check(identifier=identifier, code=code, purpose="terminal", at=SOON)


def test_a_code_ends_by_tries_by_time_and_holds_for_its_purpose_only(world: None) -> None:
    receive()
    tried, late, other = ask(), ask(), ask()
    for _ in range(5):
        with pytest.raises(CodeWrong):
            services.phone_code_check(identifier=tried, code="1", purpose="terminal", at=SOON)
    for identifier, purpose, at in ((tried, "terminal", SOON), (late, "terminal", SOON + timedelta(minutes=5)), (other, "window", SOON)):  # fmt: skip
        with pytest.raises(CodeOver):
            services.phone_code_check(identifier=identifier, code=tokens.phone_code(identifier), purpose=purpose, at=at)


def test_whether_a_number_is_known_is_not_told_and_no_stranger_gets_a_text(world: None, provider: Provider) -> None:
    receive()
    assert ask("13900000000") is not None
    services.texts_send(at=SOON)
    assert provider.texts == []
    assert PhoneCode.objects.count() == 1


def test_codes_are_few_an_hour_for_a_phone_and_for_an_address(world: None) -> None:
    receive()
    for _ in range(5):
        ask()
    with pytest.raises(CodesTooMany):
        ask()
    for n in range(25):
        ask(f"1390000{n:04d}")
    with pytest.raises(CodesTooMany):
        ask("13900009999")
    ask("13900009999", address="198.51.100.8")
    with pytest.raises(PhoneRefused):
        ask("12345")


# --- faces -------------------------------------------------------------------------------------


def test_without_a_gateway_texts_go_to_a_folder_and_every_page_of_the_desk_says_so(world: None, client: Client) -> None:
    gateways._driver.cache_clear()
    receive()
    go(SOON)
    lines = [json.loads(line) for file in (home().path / "sms").glob("*.jsonl") for line in file.open(encoding="utf-8")]
    assert lines[-1]["to"] == "138****0000"
    client.force_login(Account.objects.get(username="operator"), backend="django.contrib.auth.backends.ModelBackend")
    for path in ("/texts/", "/delivery/", "/registry/"):
        assert "没有接短信网关" in client.get(path).content.decode()


def test_the_desk_shows_figures_and_what_was_not_understood(
    invited: Any, client: Client, django_assert_max_num_queries: Any
) -> None:
    reply("还行")
    client.force_login(Account.objects.get(username="operator"), backend="django.contrib.auth.backends.ModelBackend")
    client.get("/texts/")
    with django_assert_max_num_queries(9):
        page = client.get("/texts/").content.decode()
    assert "还行" in page and "看不懂" in page
    client.force_login(Account.objects.get(username="window3"), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/texts/").status_code == 403


def test_a_call_back_without_the_right_secret_changes_nothing(invited: Any, client: Client) -> None:
    for path in ("/sms/kannel/reply", "/sms/https/reply", "/sms/https/report"):
        assert client.post(path, data="5", content_type="text/plain").status_code == 401
    assert client.get("/sms/kannel/report").status_code == 401
    assert not Reply.objects.exists()


def test_a_providers_signed_reply_is_taken_and_an_old_one_is_not(invited: Any, client: Client) -> None:
    import hashlib
    import hmac

    def post(seconds: float) -> int:
        body = json.dumps({"reply_id": "77", "phone": PHONE, "words": "5"}).encode()
        time = str(int((clock.wall() - seconds) * 1000))
        sign = hmac.new(b"only-in-tests", time.encode() + body, hashlib.sha256).hexdigest()
        return client.post(
            "/sms/https/reply", data=body, content_type="application/json", headers={"X-Time": time, "X-Sign": sign}
        ).status_code

    assert post(3600) == 401
    assert post(0) == 202
    assert Reply.objects.count() == 1
