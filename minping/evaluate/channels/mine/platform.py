"""The identity platform of the province or city, as an OpenID Connect provider: one login proves one person (R12).

Authlib does the protocol; what is added here is what this use must insist on: the issuer
is the one of the settings to the letter, only asymmetric signatures, our own audience, a
fresh nonce, PKCE, and in the end one certificate.  Nothing that the platform tells is
kept but the keyed hash of that certificate, and nothing of it is ever logged.

Settings `[identity]`: `issuer`, `client_id`, `client_secret`; `label` (what people call the
platform); `scope` (default "openid"); `certificate`, the claim with the number (a dotted path);
`kind`, the claim with its kind, and `kinds`, their codes to ours of `certificates.yaml`;
`default_kind` where no kind is told (default 111); `require`, a table of claims and the values
that will do, such as a level of real-name proof; `ca`, a file with the authority of the platform's
certificate where it is not a public one.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client import BaseApp, OAuth2Mixin, OpenIDMixin
from authlib.integrations.requests_client import OAuth2Session
from django.conf import settings as django_settings
from django.core.cache import cache
from django.utils.translation import gettext_noop as _
from joserfc.errors import JoseError
from requests import RequestException

from minping.evaluate.channels.sms.gateways.https import at_path
from minping.kernel import clock, privacy
from minping.kernel.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 5.0  # for each of the platform's answers
AWAY, AWAY_SECONDS = "mine.away", 10  # after a failure nobody waits for the platform for so long
METADATA_SECONDS = 3600.0
LEEWAY = 60  # seconds between the platform's clock and ours
SIGNED_BY = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class PlatformMissing(Problem):
    code = "identity_platform_missing"
    status = 404
    message = _("这里还没有接统一身份认证平台。")
    cure = _("请用别的办法评价。")


class PlatformAway(Problem):
    code = "identity_platform_away"
    status = 503
    message = _("统一身份认证平台现在连不上。")
    cure = _("请过一会儿再试，或者用别的办法评价。")


class LoginRefused(Problem):
    code = "login_refused"
    status = 403
    message = _("这次登录没有通过核对。")
    cure = _("请重新登录；还不行，请用别的办法评价。")


@dataclass(frozen=True)
class Settings:
    """`[identity]` of minping.toml, hashable."""

    issuer: str
    client_id: str
    client_secret: str
    label: str
    scope: str
    certificate: str
    kind: str
    kinds: tuple[tuple[str, str], ...]
    default_kind: str
    require: tuple[tuple[str, tuple[str, ...]], ...]
    ca: str


def settings() -> Settings:
    """What the installation says of its platform.  Raises PlatformMissing where it says nothing."""
    told = django_settings.MINPING_IDENTITY
    issuer = str(told.get("issuer", "")).rstrip("/")
    if not issuer or not told.get("client_id"):
        raise PlatformMissing()
    if not _safe(issuer, issuer):
        raise PlatformMissing(_("统一身份认证平台的网址不对：应以 https:// 开头。"))
    return Settings(
        issuer, str(told["client_id"]), str(told.get("client_secret", "")),
        str(told.get("label", "统一身份认证平台")), str(told.get("scope", "openid")),
        str(told.get("certificate", "cert_no")), str(told.get("kind", "cert_type")),
        tuple((str(theirs), str(ours)) for theirs, ours in (told.get("kinds") or {}).items()),
        str(told.get("default_kind", "111")),
        tuple((str(name), tuple(map(str, values))) for name, values in (told.get("require") or {}).items()),
        str(told.get("ca", "")),
    )  # fmt: skip


def _safe(address: str, issuer: str) -> bool:
    """https; or plain on loopback, where the issuer itself is."""
    parts, of = urlsplit(address), urlsplit(issuer)
    return parts.scheme == "https" or (parts.scheme == "http" and {parts.hostname, of.hostname} <= set(LOOPBACK))


class Client(OAuth2Mixin, OpenIDMixin, BaseApp):  # type: ignore[misc]
    """Authlib's client, whose metadata are looked at before they are believed."""

    client_cls = OAuth2Session
    server_metadata: dict[str, Any]

    def load_server_metadata(self) -> dict[str, Any]:
        fresh = "_loaded_at" not in self.server_metadata
        told: dict[str, Any] = super().load_server_metadata()
        if fresh:
            offered = told.get("id_token_signing_alg_values_supported") or ["RS256"]
            told["id_token_signing_alg_values_supported"] = [one for one in offered if one in SIGNED_BY]
            wrong = [name for name in ENDPOINTS if told.get(name) and not _safe(str(told[name]), self.name)]
            if str(told.get("issuer", "")).rstrip("/") != self.name or wrong:
                self.server_metadata = {}
                raise LoginRefused(_("这次登录没有通过核对：平台自报的名称或网址与设置不符。"))
        return told


@lru_cache(maxsize=4)
def _made(told: Settings, hour: int) -> Client:
    return Client(
        None, told.issuer, client_id=told.client_id, client_secret=told.client_secret,
        server_metadata_url=f"{told.issuer}/.well-known/openid-configuration",
        client_kwargs={
            "scope": told.scope, "code_challenge_method": "S256", "default_timeout": SECONDS, "max_redirects": 0,
            "trust_env": False, "verify": told.ca or True,
        },
    )  # fmt: skip


def _client(told: Settings) -> Client:
    return _made(told, int(clock.wall() // METADATA_SECONDS))


@contextmanager
def _asking() -> Iterator[None]:
    """Every way in which the platform can fail, as one of our sentences; no word of its own is passed on."""
    try:
        yield
    except (RequestException, OSError, RuntimeError, KeyError) as failure:
        raise PlatformAway() from failure
    except AuthlibBaseError as failure:
        raise LoginRefused(_("这次登录没有通过核对：登录没有完成、已经用过或过了时间。")) from failure
    except (JoseError, ValueError, TypeError, AttributeError) as failure:
        raise LoginRefused(_("这次登录没有通过核对：平台给的凭证不对或已过期。")) from failure


def login_begin(back: str) -> tuple[str, dict[str, str]]:
    """The platform's address to go to, and what this browser must show when it comes back.

    Raises PlatformMissing, PlatformAway, LoginRefused.
    """
    told = settings()
    # Only here: at the end a stranger's made-up code could make the platform stumble, and shut everybody out.
    if cache.get(AWAY):
        raise PlatformAway()
    try:
        with _asking():
            made = _client(told).create_authorization_url(back)
    except PlatformAway:
        cache.set(AWAY, True, AWAY_SECONDS)
        raise
    return str(made["url"]), {name: str(made[name]) for name in ("state", "nonce", "code_verifier")}


def login_end(asked: Mapping[str, str], kept: Mapping[str, str], back: str) -> bytes:
    """The blind index of the certificate of whoever has logged in.

    `asked` is what came with the address, `kept` what this browser was given at the
    beginning.  Raises PlatformMissing, PlatformAway, LoginRefused.
    """
    told = settings()
    if not kept.get("state") or not hmac.compare_digest(asked.get("state", "").encode(), kept["state"].encode()):
        raise LoginRefused(_("这次登录没有通过核对：它不是在这个浏览器里开始的，或者已经用过。"))
    if asked.get("iss", told.issuer).rstrip("/") != told.issuer:
        raise LoginRefused(_("这次登录没有通过核对：它来自另一个平台。"))
    if asked.get("error") or not asked.get("code"):
        raise LoginRefused(_("这次登录没有通过核对：您在平台上取消了，或平台没有同意。"))
    client = _client(told)
    with _asking():
        token = client.fetch_access_token(back, code=asked["code"], code_verifier=kept["code_verifier"])
        if not token.get("id_token"):
            raise LoginRefused(_("这次登录没有通过核对：平台没有给出签名的凭证。"))
        claims = _claims(client, told, token, kept["nonce"])
        if not at_path(claims, told.certificate) and client.load_server_metadata().get("userinfo_endpoint"):
            more = client.userinfo(token=token)
            if more.get("sub") != claims["sub"]:
                raise LoginRefused(_("这次登录没有通过核对：平台给的两份资料不是同一个人。"))
            claims = {**more, **claims}
    return _person(told, claims)


def _claims(client: Client, told: Settings, token: Mapping[str, Any], nonce: str) -> dict[str, Any]:
    essential = {"essential": True}
    options = {
        "iss": {"essential": True, "values": [client.load_server_metadata()["issuer"]]},
        "aud": {"essential": True, "value": told.client_id},
        "exp": essential, "iat": essential, "nonce": {"essential": True, "value": nonce},
    }  # fmt: skip
    return dict(client.parse_id_token(token, nonce=nonce, claims_options=options, leeway=LEEWAY))


def _person(told: Settings, claims: Mapping[str, Any]) -> bytes:
    for name, values in told.require:
        if at_path(claims, name) not in values:
            raise LoginRefused(
                _("这次登录没有通过核对：平台上的实名等级不够。"),
                cure=_("请先在平台上完成实名认证，再登录；或者用别的办法评价。"),
            )
    number = privacy.normal_certificate(at_path(claims, told.certificate))
    kind = at_path(claims, told.kind)
    ours = dict(told.kinds).get(kind, kind) if kind else told.default_kind
    if not number:
        raise LoginRefused(
            _("这次登录没有通过核对：平台没有给出证件号码。"), cure=_("请先在平台上完成实名认证，或者用别的办法评价。")
        )
    return privacy.index("certificate", f"{ours}:{number}")


def logout_address(after: str) -> str:
    """Where one ends the login at the platform itself; empty where it does not offer that or is away."""
    try:
        told = settings()
        with _asking():
            end = _client(told).load_server_metadata().get("end_session_endpoint", "")
    except Problem:
        return ""
    query = urlencode({"client_id": told.client_id, "post_logout_redirect_uri": after})
    return f"{end}{'&' if '?' in end else '?'}{query}" if end else ""
