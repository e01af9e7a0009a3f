"""我的待评价: one login, one's own services, and every way of pretending to be somebody refused (R12)."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client

from minping.evaluate import tokens
from minping.evaluate.channels.mine import platform
from minping.evaluate.models import Rating
from minping.kernel import clock
from tests.support.identity import CLIENT, SECRET, Provider, providing
from tests.support.receiver import certificate
from tests.support.world import receive, service_row, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
NUMBER, OTHER = "350213190001010011", "350213190001010029"


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with providing() as made:
        yield made


@pytest.fixture
def provider(running: Provider, settings: Any) -> Iterator[Provider]:
    """The provider honest again, and the installation set to it."""
    fresh = Provider(port=running.port)
    running.__dict__.update(fresh.__dict__)
    running.claims = {"cert_no": NUMBER, "cert_type": "111"}
    settings.MINPING_IDENTITY = {}  # so that it is put back
    identity(issuer=running.issuer)
    yield running
    cache.clear()


def identity(**more: Any) -> None:
    django_settings.MINPING_IDENTITY = {"client_id": CLIENT, "client_secret": SECRET, "label": "闽政通", **more}
    platform._made.cache_clear()
    cache.clear()


def served(*rows: dict[str, Any]) -> list[Any]:
    at = clock.now()
    return receive(*({**service_row(served_at=at - timedelta(minutes=5)), **row} for row in rows), at=at)


def at_platform(address: str) -> str:
    """The browser at the platform: it agrees and is sent back."""
    answer = urllib3.request("GET", address, redirect=False, retries=False)
    assert answer.status == 302, answer.data
    return answer.headers["Location"]


def begin(browser: Client) -> str:
    answer = browser.get("/mine/login")
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


def come_back(browser: Client, address: str) -> Any:
    parts = urlsplit(address)
    return browser.get(f"{parts.path}?{parts.query}")


def log_in(browser: Client) -> Any:
    return come_back(browser, at_platform(begin(browser)))


def refused(answer: Any, why: str) -> None:
    page = answer.content.decode()
    assert answer.status_code in (403, 503), answer.status_code
    assert why in page and "不登录也可以评价" in page
    assert "mp_mine" not in answer.cookies
    assert answer.cookies["mp_login"].value == ""  # what was begun is over


# --- one's own, and nothing else ---------------------------------------------------------------


def test_from_login_to_ones_own_services_and_a_rating_with_its_proof(provider: Provider) -> None:
    mine, _, rated = served(
        {"case_no": "M-1"}, {"case_no": "M-2", "applicant": {**service_row()["applicant"], "cert_no": OTHER}},
        {"case_no": "M-3"},
    )  # fmt: skip
    browser = Client()
    browser.post(f"/r/{tokens.invitation_token(rated.pk)}", {"level": 5})
    answer = log_in(browser)
    assert (answer.status_code, answer["Location"]) == (302, "/mine/")
    page = browser.get("/mine/").content.decode()
    links = re.findall(r'href="(/r/[^"]+)"', page)
    assert len(links) == 1 and tokens.invitation_token(mine.pk) in links[0]
    address = links[0].replace("&amp;", "&")
    assert browser.get(address).status_code == 200
    browser.post(address, {"level": 2})
    rating = Rating.objects.get(service=mine)
    assert (rating.proof, rating.channel) == ("identity_platform", "pc")
    assert "没有待您评价的服务" in browser.get("/mine/").content.decode()


def test_an_agent_finds_what_he_saw_through_for_another(provider: Provider) -> None:
    person = service_row()["applicant"]
    agent = {**person, "name": "代办人", "cert_no": OTHER, "phone": ""}
    served({"case_no": "M-20260001", "agent": agent}, {"case_no": "M-2"})
    provider.claims["cert_no"] = OTHER.lower()
    browser = Client()
    log_in(browser)
    page = browser.get("/mine/").content.decode()
    assert page.count('href="/r/') == 1 and "0001" in page


def test_the_kind_of_certificate_counts_too(provider: Provider) -> None:
    served({"case_no": "M-1"})
    provider.claims["cert_type"] = "414"  # another kind with the same number is another person
    browser = Client()
    log_in(browser)
    assert 'href="/r/' not in browser.get("/mine/").content.decode()
    identity(issuer=provider.issuer, kinds={"SFZ": "111"})
    provider.claims["cert_type"] = "SFZ"
    log_in(browser)
    assert browser.get("/mine/").content.decode().count('href="/r/') == 1


def test_claims_may_come_from_the_userinfo_of_the_same_person_only(provider: Provider) -> None:
    served({"case_no": "M-1"})
    identity(issuer=provider.issuer, certificate="realname.idCard", kind="realname.idType")
    provider.claims = {}
    provider.userinfo = {"realname": {"idCard": NUMBER, "idType": "111"}}
    browser = Client()
    log_in(browser)
    assert browser.get("/mine/").content.decode().count('href="/r/') == 1
    provider.userinfo["sub"] = "person-2"
    refused(log_in(Client()), "不是同一个人")


def test_a_level_of_real_name_can_be_demanded(provider: Provider) -> None:
    identity(issuer=provider.issuer, require={"level": ["L3", "L4"]})
    refused(log_in(Client()), "实名等级不够")
    provider.claims["level"] = "L3"
    assert log_in(Client())["Location"] == "/mine/"
    provider.claims["cert_no"] = ""
    refused(log_in(Client()), "没有给出证件号码")


def test_it_costs_the_same_for_one_service_and_for_many(provider: Provider, django_assert_max_num_queries: Any) -> None:
    served(*({"case_no": f"M-{number}"} for number in range(30)))
    browser = Client()
    log_in(browser)
    with django_assert_max_num_queries(6):
        page = browser.get("/mine/").content.decode()
    assert page.count('href="/r/') == 30


# --- pretending --------------------------------------------------------------------------------


def test_what_is_asked_carries_state_nonce_and_pkce_and_nothing_personal(provider: Provider) -> None:
    asked = parse_qs(urlsplit(begin(Client())).query)
    assert asked["code_challenge_method"] == ["S256"] and asked["response_type"] == ["code"]
    assert asked["redirect_uri"] == ["http://127.0.0.1:8000/mine/callback"]
    assert len(asked["state"][0]) >= 20 and len(asked["nonce"][0]) >= 20 and len(asked["code_challenge"][0]) == 43
    again = parse_qs(urlsplit(begin(Client())).query)
    assert all(asked[name] != again[name] for name in ("state", "nonce", "code_challenge"))


def test_a_login_begun_in_another_browser_is_refused(provider: Provider) -> None:
    """Login CSRF: the attacker sends his own finished login to a victim, who would then see the attacker's list."""
    attackers = at_platform(begin(Client()))
    victim = Client()
    refused(come_back(victim, attackers), "不是在这个浏览器里开始的")
    begin(victim)
    refused(come_back(victim, attackers), "不是在这个浏览器里开始的")


def test_a_code_is_good_once(provider: Provider) -> None:
    browser = Client()
    address = at_platform(begin(browser))
    kept = browser.cookies["mp_login"].value
    assert come_back(browser, address)["Location"] == "/mine/"
    refused(come_back(browser, address), "已经用过")
    thief = Client()
    thief.cookies["mp_login"] = kept  # even with the victim's own cookie
    refused(come_back(thief, address), "已经用过")


def test_a_stolen_code_without_its_verifier_is_worth_nothing(provider: Provider) -> None:
    stolen = parse_qs(urlsplit(at_platform(begin(Client()))).query)["code"][0]
    thief = Client()
    own = parse_qs(urlsplit(begin(thief)).query)["state"][0]
    refused(thief.get(f"/mine/callback?code={stolen}&state={own}"), "没有通过核对")
    assert provider.asked[-1][0] == "/token"


@pytest.mark.parametrize(
    "lie",
    [
        {"claims": {"iss": "https://evil.example.test"}},
        {"claims": {"aud": "another-client"}},
        {"claims": {"aud": ["another-client", CLIENT]}},
        {"claims": {"azp": "another-client"}},
        {"claims": {"exp": -3600, "iat": -7200}},
        {"claims": {"nbf": 3600}},
        {"claims": {"nonce": "another"}},
        {"leave_out": ("nonce",)},
        {"leave_out": ("exp",)},
        {"leave_out": ("aud",)},
        {"leave_out": ("iss",)},
        {"leave_out": ("sub",)},
        {"leave_out": ("id_token",)},
        {"sign": "none"},
        {"sign": "none", "metadata": {"id_token_signing_alg_values_supported": ["none", "RS256"]}},
        {"sign": "HS256"},
        {"sign": "HS256", "metadata": {"id_token_signing_alg_values_supported": ["HS256", "RS256"]}},
        {"sign": "stranger"},
    ],
    ids=str,
)  # fmt: skip
def test_a_token_that_is_not_ours_fresh_and_signed_is_refused(provider: Provider, lie: dict[str, Any]) -> None:
    told = lie.get("claims", {})
    provider.claims |= {
        name: value + int(time.time()) if isinstance(value, int) else value for name, value in told.items()
    }
    for name in lie.keys() - {"claims"}:
        setattr(provider, name, lie[name])
    refused(log_in(Client()), "没有通过核对")


@pytest.mark.parametrize(
    "lie",
    [
        {"issuer": "https://evil.example.test"}, {"token_endpoint": "http://evil.example.test/token"},
        {"authorization_endpoint": "javascript:alert(1)"}, {"jwks_uri": "http://10.0.0.1/jwks"},
    ],
    ids=str,
)  # fmt: skip
def test_a_platform_that_names_another_or_leads_elsewhere_is_not_believed(
    provider: Provider, lie: dict[str, str]
) -> None:
    provider.metadata = lie
    answer = Client().get("/mine/login")
    assert answer.status_code == 403 and "与设置不符" in answer.content.decode()


def test_an_answer_of_another_platform_is_refused(provider: Provider) -> None:
    browser = Client()
    address = at_platform(begin(browser))
    refused(come_back(browser, f"{address}&iss=https://evil.example.test"), "来自另一个平台")


def test_one_who_says_no_at_the_platform_gets_the_other_ways(provider: Provider) -> None:
    browser = Client()
    state = parse_qs(urlsplit(begin(browser)).query)["state"][0]
    refused(browser.get(f"/mine/callback?error=access_denied&state={state}"), "您在平台上取消了")


def test_the_platform_may_change_its_keys(provider: Provider) -> None:
    assert log_in(Client())["Location"] == "/mine/"
    provider.rotate()
    assert log_in(Client())["Location"] == "/mine/"
    provider.rotate("ES256")
    provider.metadata = {"id_token_signing_alg_values_supported": ["ES256"]}
    platform._made.cache_clear()
    assert log_in(Client())["Location"] == "/mine/"


# --- what is kept ------------------------------------------------------------------------------


def test_nothing_personal_in_address_log_cookie_or_session(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    provider.claims |= {"name": "群众甲", "phone_number": "13800000000"}
    caplog.set_level(logging.DEBUG)
    browser = Client()
    answer = log_in(browser)
    page = browser.get("/mine/")
    told = "".join(
        [caplog.text, answer["Location"], page.content.decode(), *(c.OutputString() for c in browser.cookies.values())]
    )
    assert not any(word in told for word in (NUMBER, "群众甲", "13800000000", "person-1"))
    assert "sessionid" not in browser.cookies and not Session.objects.exists()
    kept = answer.cookies["mp_mine"]
    assert kept["httponly"] and kept["samesite"] == "Lax" and kept["path"] == "/mine/"
    assert page["Cache-Control"] == "no-store"


def test_a_citizens_login_opens_no_page_of_the_staff_and_a_clerks_opens_no_list(provider: Provider) -> None:
    browser = Client()
    log_in(browser)
    for address in ("/desk/", "/delivery/", "/callbacks/"):
        assert browser.get(address)["Location"].startswith("/login")
    clerk = signed_in("window3")
    assert "用闽政通登录" in clerk.get("/mine/").content.decode()


def test_it_ends_by_itself_and_by_the_button_and_a_changed_cookie_is_none(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    served({"case_no": "M-1"})
    browser = Client()
    log_in(browser)
    kept = browser.cookies["mp_mine"].value
    assert 'href="/r/' in browser.get("/mine/").content.decode()
    later = clock.now() + timedelta(minutes=11)
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: later)
        assert 'href="/r/' not in browser.get("/mine/").content.decode()
    out = browser.post("/mine/logout")
    assert out.cookies["mp_mine"].value == "" and out["Clear-Site-Data"] == '"cache"'
    page = out.content.decode()
    assert "已退出" in page and f"{provider.issuer}/logout?client_id=minping" in page
    assert 'href="/r/' not in browser.get("/mine/").content.decode()
    for changed in (kept[:-6] + "AAAAAA", "", "x", "é", kept[8:]):
        browser.cookies["mp_mine"] = changed
        assert 'href="/r/' not in browser.get("/mine/").content.decode()
    assert Client(enforce_csrf_checks=True).post("/mine/logout").status_code == 403


def test_what_is_kept_for_the_way_there_is_no_login(provider: Provider) -> None:
    browser = Client()
    begin(browser)
    browser.cookies["mp_mine"] = browser.cookies["mp_login"].value
    assert "用闽政通登录" in browser.get("/mine/").content.decode()


# --- without it --------------------------------------------------------------------------------


def test_the_platform_away_leads_to_a_sentence_and_the_other_ways(provider: Provider) -> None:
    browser = Client()
    address = at_platform(begin(browser))
    provider.status = 500
    refused(come_back(browser, address), "现在连不上")
    provider.status = 200
    assert log_in(Client())["Location"] == "/mine/"  # one who made it stumble shuts nobody else out
    provider.status = 500
    platform._made.cache_clear()
    answer = Client().get("/mine/login")
    assert answer.status_code == 503 and "不登录也可以评价" in answer.content.decode()
    asked = len(provider.asked)
    assert Client().get("/mine/login").status_code == 503
    assert len(provider.asked) == asked  # for some seconds nobody waits for it
    cache.clear()
    provider.status = 302
    assert Client().get("/mine/login").status_code == 503
    identity(issuer="http://127.0.0.1:9")
    assert Client().get("/mine/login").status_code == 503
    assert "用闽政通登录" in Client().get("/mine/").content.decode()


def test_where_none_is_set_the_page_says_so_and_offers_the_other_ways() -> None:
    for address in ("/mine/", "/mine/login", "/mine/callback?code=x&state=y"):
        answer = Client().get(address)
        page = answer.content.decode()
        assert answer.status_code == 200 and "还没有接统一身份认证平台" in page and "不登录也可以评价" in page
        assert 'href="/mine/login"' not in page


def test_the_certificate_of_the_platform_is_checked_and_an_authority_can_be_named(
    provider: Provider, tmp_path: Path
) -> None:
    pem = certificate(tmp_path, "localhost")
    with providing(pem, claims={"cert_no": NUMBER}) as secure:
        identity(issuer=secure.issuer)
        assert Client().get("/mine/login").status_code == 503
        assert secure.asked == []
        identity(issuer=secure.issuer, ca=str(pem))
        browser = Client()
        address = begin(browser)
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert come_back(browser, secure.authorize(query))["Location"] == "/mine/"
        identity(issuer=secure.issuer, ca=str(tmp_path / "none.pem"))
        assert Client().get("/mine/login").status_code == 503


def test_a_platform_without_https_is_not_used(provider: Provider) -> None:
    identity(issuer="http://login.example.test")
    page = Client().get("/mine/").content.decode()
    assert "应以 https:// 开头" in page and 'href="/mine/login"' not in page
