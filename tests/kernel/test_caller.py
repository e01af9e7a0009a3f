"""Behind a reverse proxy each citizen is counted alone, and no header that anyone can write moves a count."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from axes.models import AccessAttempt
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.test import Client

from minping.kernel.caller import caller, client, networks
from minping.site.middleware import FromWhere

PROXIES = networks(["10.0.0.5", "10.1.0.0/24", "2001:db8:ffff::/48"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "who"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # nobody we trust says so
        ("10.0.0.6", "198.51.100.1", "10.0.0.6"),  # beside the proxy is not the proxy
        ("10.0.0.5", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.5", "", "10.0.0.5"),
        ("10.0.0.5", "1.1.1.1, 2.2.2.2, 198.51.100.1", "198.51.100.1"),  # the sender's own writing stands left
        ("10.0.0.5", "6.6.6.6, 198.51.100.1, 10.1.0.77", "198.51.100.1"),  # a chain of ours
        ("10.0.0.5", "10.1.0.1, 10.1.0.2", "10.1.0.1"),  # asked from within
        ("10.0.0.5", "198.51.100.1, unknown", "10.0.0.5"),
        ("10.0.0.5", "198.51.100.1, 10.1.0.9, <script>", "10.0.0.5"),
        ("10.0.0.5", ", ,", "10.0.0.5"),
        ("10.0.0.5", "198.51.100.1:50123", "198.51.100.1"),
        ("10.0.0.5", '"[2001:db8::7]:443"', "2001:db8::7"),
        ("10.0.0.5", "fe80::1%eth0", "fe80::1"),
        ("10.0.0.5", "::ffff:198.51.100.1", "198.51.100.1"),
        ("::ffff:10.0.0.5", "198.51.100.1", "198.51.100.1"),
        ("2001:db8:ffff::1", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.5", "010.1.0.1", "10.0.0.5"),  # octal or decimal: nobody guesses
        ("10.0.0.5", "١٠.١.٠.١", "10.0.0.5"),
        ("", "198.51.100.1", ""),
    ],
)
def test_the_list_is_read_from_the_right_as_far_as_named_proxies_vouch_for_it(
    peer: str, forwarded: str, who: str
) -> None:
    assert client(peer, forwarded, PROXIES) == who


def test_nothing_is_trusted_unless_the_office_says_so() -> None:
    assert client("127.0.0.1", "198.51.100.1", networks([])) == "127.0.0.1"


def test_an_absurdly_long_header_costs_nothing_and_moves_nothing() -> None:
    long = "10.1.0.1," * 200_000
    begun = time.perf_counter()
    assert client("10.0.0.5", long + "198.51.100.1", PROXIES) == "198.51.100.1"
    assert client("10.0.0.5", "6.6.6.6," + long + "10.1.0.1", PROXIES) == "10.1.0.1"
    assert client("10.0.0.5", "9" * 2_000_000, PROXIES) == "10.0.0.5"
    assert time.perf_counter() - begun < 1


@pytest.mark.parametrize("named", ["office", "10.0.0.5:80", "10.0.0.256", "", "0.0.0.0/0", "::/0"])
def test_a_setting_that_is_no_address_or_is_everyone_is_refused_at_the_start(named: str) -> None:
    with pytest.raises(ValueError, match="trusted_proxies"):
        networks([named])


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("198.51.100.1", "198.51.100.2", False),
        ("198.51.100.1", "::ffff:198.51.100.1", True),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),  # one household's devices
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
    ],
)
def test_an_ipv6_subscriber_is_one_caller_whatever_address_its_device_makes_up(
    one: str, other: str, together: bool
) -> None:
    def of(address: str) -> str:
        request = HttpRequest()
        request.META["REMOTE_ADDR"] = address
        return caller(request)

    assert (of(one) == of(other)) is together


# --- the whole way, through the pages -------------------------------------------------------------


@pytest.fixture
def behind(settings: object) -> Callable[..., Client]:
    """A browser behind the office's proxy, which adds the address that it saw to what it was told."""
    cache.clear()
    settings.MINPING_TRUSTED_PROXIES = PROXIES  # type: ignore[attr-defined]

    def browser(address: str, said: str = "", peer: str = "10.0.0.5", **more: str) -> Client:
        return Client(REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=f"{said}, {address}" if said else address, **more)

    return browser


def wrong_code(browser: Client) -> int:
    return browser.post("/receipt", {"code": "1"}).status_code


pages = pytest.mark.usefixtures("world")


@pages
@pytest.mark.django_db
def test_one_citizens_wrong_codes_keep_no_other_waiting(behind: Callable[..., Client]) -> None:
    guesser = behind("198.51.100.1")
    assert {wrong_code(guesser) for _ in range(20)} == {404}
    assert wrong_code(guesser) == 429
    assert wrong_code(behind("198.51.100.2")) == 404


@pages
@pytest.mark.django_db
def test_a_guesser_stays_counted_whatever_it_writes_into_the_header(behind: Callable[..., Client]) -> None:
    answers = [wrong_code(behind("198.51.100.1", said=f"7.7.7.{n}, 10.1.0.{n}")) for n in range(21)]
    assert answers == [404] * 20 + [429]
    straight = [wrong_code(behind(f"7.7.7.{n}", peer="203.0.113.9")) for n in range(21)]
    assert straight == [404] * 20 + [429], "past the proxy the header is nobody's word"


@pages
@pytest.mark.django_db
def test_the_way_in_of_staff_counts_the_same_address(behind: Callable[..., Client]) -> None:
    behind("198.51.100.1", said="6.6.6.6").post("/login", {"username": "window3", "password": "没有猜中的口令"})
    assert AccessAttempt.objects.get().ip_address == "198.51.100.1"


@pytest.mark.parametrize(
    ("peer", "told", "scheme"),
    [
        ("10.0.0.5", "https", "https"),
        ("10.0.0.5", "HTTPS ", "https"),
        ("10.0.0.5", "https, http", "http"),  # two words are nobody's
        ("10.0.0.5", "javascript", "http"),
        ("10.0.0.5", "", "http"),
        ("203.0.113.9", "https", "http"),
    ],
)
def test_https_is_believed_of_a_named_proxy_alone(
    behind: Callable[..., Client], peer: str, told: str, scheme: str
) -> None:
    def page(request: HttpRequest) -> HttpResponse:
        return HttpResponse(str(request.scheme))

    request = HttpRequest()
    request.META.update(REMOTE_ADDR=peer, HTTP_X_FORWARDED_PROTO=told)
    request.META["wsgi.url_scheme"] = "http"
    FromWhere(page)(request)
    assert request.META["wsgi.url_scheme"] == scheme


@pages
@pytest.mark.django_db
def test_behind_https_a_form_of_our_own_is_taken_and_its_cookies_are_secure(behind: Callable[..., Client]) -> None:
    browser = behind("198.51.100.1", HTTP_X_FORWARDED_PROTO="https", HTTP_HOST="127.0.0.1")
    assert browser.get("/?lang=en").cookies["mp_lang"]["secure"]
    strict = Client(
        enforce_csrf_checks=True, REMOTE_ADDR="10.0.0.5", HTTP_X_FORWARDED_PROTO="https", HTTP_HOST="127.0.0.1"
    )
    token = strict.get("/login").context["csrf_token"]
    typed = {"username": "window3", "password": "没有猜中的口令", "csrfmiddlewaretoken": str(token)}
    assert strict.post("/login", typed, HTTP_ORIGIN="https://127.0.0.1").status_code == 422
    assert strict.post("/login", typed, HTTP_ORIGIN="https://evil.example").status_code == 403
