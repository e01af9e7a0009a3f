"""An OpenID Connect provider on loopback that can be told to lie in each way that a client must notice.

The provider of the browser journey is a real one (`oidc_provider_mock`); this one is for the attacks, and
checks on its side what a good client sends: PKCE, the redirect address, each code once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from tests.support.services import free_port

CLIENT, SECRET = "minping", "a-secret-of-the-test"


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@cache
def _first() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})


@dataclass
class Provider:
    """`claims` go into the token, `userinfo` to its end point; the rest are the lies."""

    port: int = field(default_factory=free_port)
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    key: Any = field(default_factory=_first)
    sign: str = "RS256"  # or none, HS256, stranger
    metadata: dict[str, Any] = field(default_factory=dict)
    leave_out: tuple[str, ...] = ()
    status: int = 200
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    tls: bool = False

    @property
    def issuer(self) -> str:
        return f"https://localhost:{self.port}" if self.tls else f"http://127.0.0.1:{self.port}"

    def configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo", "end_session_endpoint": f"{self.issuer}/logout",
            "id_token_signing_alg_values_supported": ["RS256"], **self.metadata,
        }  # fmt: skip

    def authorize(self, query: dict[str, str]) -> str:
        """The person agrees: a code, bound to what was asked."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form: dict[str, str], basic: str) -> tuple[int, dict[str, Any]]:
        query = self.codes.pop(form.get("code", ""), None)
        expected = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        challenge = _b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if query is None or basic != expected or query["redirect_uri"] != form.get("redirect_uri"):
            return 400, {"error": "invalid_grant"}
        if query.get("code_challenge_method") != "S256" or query.get("code_challenge") != challenge:
            return 400, {"error": "invalid_grant", "error_description": "PKCE"}
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer, "sub": "person-1", "aud": CLIENT, "iat": now, "exp": now + 300,
            "nonce": query["nonce"], **self.claims,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if name not in self.leave_out}
        told = {
            "access_token": "at-" + secrets.token_urlsafe(8),
            "token_type": "Bearer",
            "id_token": self._signed(claims),
        }
        return 200, {name: value for name, value in told.items() if name not in self.leave_out}

    def _signed(self, claims: dict[str, Any]) -> str:
        if self.sign == "none":
            return f"{_b64(json.dumps({'alg': 'none'}).encode())}.{_b64(json.dumps(claims).encode())}."
        if self.sign == "HS256":  # signed with what everybody can read
            text = f"{_b64(json.dumps({'alg': 'HS256', 'kid': self.key.kid}).encode())}.{_b64(json.dumps(claims).encode())}"
            return f"{text}.{_b64(hmac.digest(self.key.as_pem(private=False), text.encode(), 'sha256'))}"
        if self.sign == "stranger":
            stranger = RSAKey.generate_key(2048, {"kid": "one"})
            return jwt.encode({"alg": "RS256", "kid": "one"}, claims, stranger)
        return jwt.encode({"alg": self.sign, "kid": self.key.kid}, claims, self.key, algorithms=[self.sign])

    def rotate(self, kind: str = "RS256") -> None:
        """Sign with a new key from now on."""
        made = (
            ECKey.generate_key("P-256", {"kid": "two"})
            if kind == "ES256"
            else RSAKey.generate_key(2048, {"kid": "two"})
        )
        self.key, self.sign = made, kind

    def answer(self, method: str, path: str, query: dict[str, str], basic: str) -> tuple[int, Any, str]:
        self.asked.append((path, query))
        if self.status != 200 and path != "/authorize":
            return self.status, {}, f"{self.issuer}/elsewhere" if self.status == 302 else ""
        if path == "/.well-known/openid-configuration":
            return 200, self.configuration(), ""
        if path == "/jwks":
            return 200, KeySet([self.key]).as_dict(private=False), ""
        if path == "/authorize":
            return 302, {}, self.authorize(query)
        if path == "/token" and method == "POST":
            return (*self.token(query, basic), "")
        if path == "/userinfo" and basic.startswith("Bearer at-"):
            return 200, {"sub": "person-1", **self.userinfo}, ""
        return 404, {}, ""


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(length).decode() if length else parts.query
            query = {name: values[0] for name, values in parse_qs(text).items()}
            basic = self.headers.get("Authorization", "")
            status, content, location = provider.answer(self.command, parts.path, query, basic)
            body = json.dumps(content).encode()
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _do

        def log_message(self, *_: Any) -> None:
            return

    return Handler


@contextmanager
def providing(pem: Path | None = None, **given: Any) -> Iterator[Provider]:
    """A provider for the length of the block; with `pem` it speaks TLS as `localhost`."""
    provider = Provider(tls=pem is not None, **given)
    server = ThreadingHTTPServer(("127.0.0.1", provider.port), _handler(provider))
    if pem is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
