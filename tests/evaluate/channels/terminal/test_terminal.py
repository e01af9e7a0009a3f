"""A screen for many people: two doors, few tries, nothing kept (minan/3.4.2, 3.1.4, R12)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core import signing
from django.test import Client
from django.urls import reverse

from minping.evaluate import tokens
from minping.evaluate.channels.terminal import services, visit
from minping.evaluate.channels.terminal.models import Attempt
from minping.evaluate.models import Rating, Service
from minping.kernel import clock
from tests.support.world import FRIDAY, rate, receive, service_row

pytestmark = pytest.mark.django_db
SOON = FRIDAY + timedelta(minutes=5)


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """The clock stands at Friday afternoon; call to move it."""
    told = [SOON]
    monkeypatch.setattr(clock, "now", lambda: told[0])
    return lambda at: told.__setitem__(0, at)


def at_terminal(code: str) -> Client:
    client = Client()
    answer = client.post("/terminal/", {"code": code})
    assert answer.status_code == 303, answer.content.decode()
    return client


def page(client: Client, path: str = "/terminal/rate") -> str:
    return client.get(path).content.decode()


def asked(client: Client, case_no: str = "MA20261120-0417", phone: str = "13800000000") -> str:
    """Ask for a code at the terminal; returns the code that belongs to it, sent or not."""
    answer = client.post("/terminal/case", {"case_no": case_no, "phone": phone})
    assert answer.status_code == 303, answer.content.decode()
    kept = signing.loads(client.cookies[visit.COOKIE].value, salt=visit.SALT)
    return tokens.phone_code(UUID(kept["asked"]))


# --- the slip ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        lambda s: tokens.slip_code(s.pk),
        lambda s: tokens.slip_code(s.pk).replace(" ", ""),
        lambda s: "".join(chr(ord(sign) + 0xFEE0) if sign.isdigit() else sign for sign in tokens.slip_code(s.pk)),
        lambda s: tokens.invitation_url(s.pk),
        lambda s: tokens.invitation_token(s.pk),
    ],
    ids=["in fours", "in one", "full width", "scanned", "token"],
)
def test_the_slip_opens_its_service_typed_or_scanned(world: None, typed: Callable[[Service], str]) -> None:
    other, service = receive(service_row("A"), service_row("MA20261120-0417"))
    shown = page(at_terminal(typed(service)))
    assert service.item_name in shown and "0417" in shown
    assert other.pk != service.pk and tokens.invitation_token(service.pk) not in shown


def test_the_slip_holds_as_long_as_the_invitation_and_services_of_a_minute_are_told_apart(world: None) -> None:
    many = receive(*[service_row(f"M{n}") for n in range(20)])
    late = many[0].closes_at - timedelta(hours=1)
    for service in many:
        found = services.slip_open(code=tokens.slip_code(service.pk), address="a", at=late)
        assert found.pk == service.pk
    assert len({tokens.slip_code(service.pk) for service in many}) == 20


def test_a_press_is_the_one_rating_with_channel_and_proof_and_its_words(world: None) -> None:
    service = receive()[0]
    client = at_terminal(tokens.slip_code(service.pk))
    assert "checked" not in page(client), "nothing is preselected"
    client.post("/terminal/rate", {"step": "level", "level": "2"})
    assert "已保存：不满意" in page(client)
    answer = client.post("/terminal/rate", {"step": "reasons", "level": "2", "tags": ["210"], "text": "跑了两趟"})
    rating = Rating.objects.get()
    assert (rating.level, rating.tags, rating.text) == (2, ["210"], "跑了两趟")
    assert (rating.channel, rating.proof, rating.entry) == ("terminal", "link", "person")
    shown = page(client, answer["Location"])
    assert tokens.receipt_code(rating.pk) in shown and "不满意" not in shown and "跑了两趟" not in shown, (
        "the receipt may be read over a shoulder"
    )


def test_a_second_press_of_the_visit_is_a_change_of_mind_and_not_a_second_rating(world: None) -> None:
    client = at_terminal(tokens.slip_code(receive()[0].pk))
    for level in ("2", "5"):
        client.post("/terminal/rate", {"step": "level", "level": level})
    rating = Rating.objects.get()
    assert (rating.level, rating.revision) == (5, 2)


def test_who_has_rated_elsewhere_is_told_so_and_sees_nothing_of_it(world: None) -> None:
    service = receive()[0]
    rate(service, 1, text="三个窗口都不受理")
    shown = page(at_terminal(tokens.slip_code(service.pk)))
    assert "已经评价过了" in shown and "三个窗口都不受理" not in shown and "非常不满意" not in shown


def test_what_is_wrong_is_said_where_it_happened_and_what_was_typed_stays(world: None) -> None:
    client = at_terminal(tokens.slip_code(receive()[0].pk))
    assert client.post("/terminal/rate", {"step": "level", "level": "9"}).status_code == 422
    client.post("/terminal/rate", {"step": "level", "level": "2"})
    answer = client.post("/terminal/rate", {"step": "reasons", "level": "2", "text": "长" * 10001})
    assert answer.status_code == 422 and "长长长" in answer.content.decode()
    assert Rating.objects.get().text == ""


# --- case number and phone ---------------------------------------------------------------------


def test_case_number_and_the_phone_on_its_record_open_the_service(world: None) -> None:
    service = receive()[0]
    client = Client()
    code = asked(client)
    assert client.post("/terminal/code", {"code": code}).status_code == 303
    assert service.item_name in page(client)
    client.post("/terminal/rate", {"step": "level", "level": "4"})
    assert Rating.objects.get().proof == "phone_code"


def test_of_several_services_the_person_says_which_and_only_those_proven_can_be_chosen(world: None) -> None:
    first, second, strange = receive(
        service_row(), service_row(service_no=2, service_name="领证"), service_row("OTHER")
    )  # fmt: skip
    client = Client()
    client.post("/terminal/code", {"code": asked(client)})
    assert "评价哪一次服务" in page(client) and "领证" in page(client)
    client.post("/terminal/rate", {"step": "which", "service": strange.pk.hex})
    assert "评价哪一次服务" in page(client)
    client.post("/terminal/rate", {"step": "which", "service": second.pk.hex})
    client.post("/terminal/rate", {"step": "level", "level": "3"})
    assert Rating.objects.get().service_id == second.pk != first.pk


def test_a_case_of_someone_else_and_a_case_that_never_was_are_told_in_the_same_words(world: None) -> None:
    other = {**service_row()["applicant"], "phone": "13800000001"}
    receive(service_row("MINE"), service_row("THEIRS", applicant=other))
    told = set()
    for case_no in ("THEIRS", "NEVER"):
        client = Client()
        answer = client.post("/terminal/code", {"code": asked(client, case_no)})
        assert answer.status_code == 404
        told.add(re.search(r'role="alert"><svg.*?<p>(.*?)</p>', answer.content.decode(), re.DOTALL)[1])  # type: ignore[index]
    assert told == {"办件编号和手机号对不上。请核对办件编号，并用办事时登记的手机号重新获取验证码。"}


def test_before_the_code_nobody_is_told_whether_case_or_phone_are_known(world: None) -> None:
    receive()
    pages = set()
    for case_no, phone in (("MA20261120-0417", "13800000000"), ("MA20261120-0417", "13800000009")):
        client = Client()
        asked(client, case_no, phone)
        pages.add(re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page(client, "/terminal/code")))
    assert len(pages) == 1


# --- few tries ---------------------------------------------------------------------------------


def test_after_ten_wrong_tries_the_right_code_waits_too_and_the_pause_ends_by_itself(
    world: None, now: Callable[[datetime], None]
) -> None:
    service = receive()[0]
    client = Client()
    for number in range(10):
        answer = client.post("/terminal/", {"code": f"{number:016d}"})
        assert answer.status_code == 404
    right = {"code": tokens.slip_code(service.pk)}
    for _ in range(3):
        answer = client.post("/terminal/", right)
        assert answer.status_code == 429 and "先停 10 分钟" in answer.content.decode()
    elsewhere = Client(REMOTE_ADDR="10.0.0.9")
    assert elsewhere.post("/terminal/", right).status_code == 303, "another terminal is open"
    now(SOON + timedelta(minutes=10))
    assert client.post("/terminal/", right).status_code == 303, "tries during the pause do not lengthen it"
    assert not Attempt.objects.exists(), "nothing of it is kept"


def test_right_codes_cost_no_try(world: None) -> None:
    code = tokens.slip_code(receive()[0].pk)
    for _ in range(30):
        at_terminal(code)


def test_case_numbers_count_as_tries_with_any_number_of_phones(world: None) -> None:
    receive(
        *[service_row(f"P{n}", applicant={**service_row()["applicant"], "phone": f"1380000000{n}"}) for n in range(5)]
    )
    states = []
    for number in range(12):
        client = Client()
        code = asked(client, f"GUESS-{number}", f"1380000000{number % 5}")
        states.append(client.post("/terminal/code", {"code": code}).status_code)
    assert states == [404] * 10 + [429] * 2


# --- nothing kept ------------------------------------------------------------------------------


def test_the_first_page_ends_the_visit_of_the_person_before(world: None) -> None:
    service = receive()[0]
    client = at_terminal(tokens.slip_code(service.pk))
    client.post("/terminal/rate", {"step": "level", "level": "1"})
    client.get("/terminal/")
    answer = client.get("/terminal/rate")
    assert (answer.status_code, answer["Location"]) == (303, reverse("terminal"))
    assert client.post("/terminal/rate", {"step": "level", "level": "5"})["Location"] == reverse("terminal")
    assert Rating.objects.get().level == 1


def test_a_visit_left_alone_ends_by_itself_and_the_invitation_stays_open(
    world: None, now: Callable[[datetime], None]
) -> None:
    service = receive()[0]
    client = at_terminal(tokens.slip_code(service.pk))
    now(SOON + timedelta(minutes=10))
    assert client.post("/terminal/rate", {"step": "level", "level": "1"})["Location"] == reverse("terminal")
    assert not Rating.objects.exists()
    assert Client().get(f"/r/{tokens.invitation_token(service.pk)}").status_code == 200


def test_a_cookie_that_is_not_ours_opens_nothing(world: None) -> None:
    service = receive()[0]
    client = at_terminal(tokens.slip_code(service.pk))
    kept = client.cookies[visit.COOKIE].value
    for forged in (kept[:-1] + ("A" if kept[-1] != "A" else "B"), "", json.dumps({"service": service.pk.hex})):
        client.cookies[visit.COOKIE] = forged
        assert client.get("/terminal/rate")["Location"] == reverse("terminal")


@pytest.mark.parametrize("path", ["/terminal/", "/terminal/case", "/terminal/code", "/terminal/rate"])
def test_no_browser_keeps_a_page_of_the_terminal_and_no_address_says_anything(world: None, path: str) -> None:
    service = receive()[0]
    client = at_terminal(tokens.slip_code(service.pk)) if path == "/terminal/rate" else Client()
    if path == "/terminal/code":
        asked(client)
    answer = client.get(path)
    assert answer.status_code == 200 and "no-store" in answer["Cache-Control"]
    content = answer.content.decode()
    assert 'data-idle="60" data-countdown="30"' in content and "90;url=/terminal/" in content
    cookie: Any = client.cookies.get(visit.COOKIE)
    if path in ("/terminal/code", "/terminal/rate"):
        assert cookie["httponly"] and cookie["path"] == "/terminal/" and cookie["samesite"] == "Strict"
    assert "13800000000" not in content and "群众甲" not in content


def test_a_form_of_another_site_cannot_press(world: None) -> None:
    service = receive()[0]
    client = Client(enforce_csrf_checks=True)
    assert client.post("/terminal/", {"code": tokens.slip_code(service.pk)}).status_code == 403


def test_without_a_gateway_a_real_office_is_not_promised_a_code(world: None, settings: Any) -> None:
    settings.MINPING_SANDBOX = False
    assert "没有凭条" not in page(Client(), "/terminal/")
    assert "暂时不能发验证码" in page(Client(), "/terminal/case")
    settings.MINPING_SANDBOX = True
    assert "验证码写在数据目录" in page(Client(), "/terminal/case")
