"""A small OpenID Connect provider on loopback: real HTTP, real keys, authorization code with PKCE."""

import json
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT_ID, CLIENT_SECRET = "bookstream", "a secret/of:the client"


@dataclass
class Person:
    """Who is logged in at the provider."""

    subject: str = "s1"
    email: str = "jane@corp.example"
    is_verified: bool = True


@dataclass
class _Grant:
    query: dict[str, str]
    person: Person


@dataclass
class Provider:
    """`claims` replaces claims of the next ID tokens; `signs` False signs with a key that isn't published;
    `issuer` is what the metadata say instead of the address."""

    address: str = ""
    issuer: str = ""
    now: float = 0.0
    person: Person = field(default_factory=Person)
    claims: dict[str, Any] = field(default_factory=dict)  # Any: whatever a bad provider may claim
    is_down: bool = False
    signs: bool = True
    keys: list[RSAKey] = field(default_factory=list)
    grants: dict[str, _Grant] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    def rotate_keys(self) -> None:
        """A new key in place of the old one."""
        self.keys = [RSAKey.generate_key(2048, {"use": "sig", "kid": secrets.token_hex(4)})]

    def authorize(self, url: str) -> dict[str, str]:
        """Somebody's consent: the parameters that come back to the redirect URI."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert (query["response_type"], query["client_id"]) == ("code", CLIENT_ID)
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.grants[code] = _Grant(query, self.person)
        return {"code": code, "state": query["state"], "iss": self.address, "session_state": "x"}

    def build_metadata(self) -> dict[str, object]:
        return {
            "issuer": self.issuer or self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
        }

    def redeem(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, object]]:
        user, _, password = b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        if (unquote(user), unquote(password)) != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        grant = self.grants.pop(form["code"], None)
        digest = sha256(form["code_verifier"].encode()).digest()
        challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
        if grant is None or grant.query["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant"}
        if grant.query["redirect_uri"] != form["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        return 200, {"token_type": "Bearer", "access_token": "x", "id_token": self.sign(grant)}

    def sign(self, grant: _Grant) -> str:
        claims = {
            "iss": self.address,
            "aud": CLIENT_ID,
            "sub": grant.person.subject,
            "email": grant.person.email,
            "email_verified": grant.person.is_verified,
            "nonce": grant.query["nonce"],
            "iat": int(self.now),
            "exp": int(self.now) + 300,
            **self.claims,
        }
        key = self.keys[0] if self.signs else RSAKey.generate_key(2048, {"kid": str(self.keys[0].kid)})
        return jwt.encode({"alg": "RS256", "kid": self.keys[0].kid}, claims, key)


@contextmanager
def run_provider(now: float) -> Iterator[Provider]:
    """Serves until the end of the block; `now`: its clock, in seconds since 1970."""
    provider = Provider(now=now)
    provider.rotate_keys()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.requests.append(self.path)
            if self.path == "/keys":
                self.answer(200, KeySet(list(provider.keys)).as_dict(private=False))
            else:
                assert self.path == "/.well-known/openid-configuration"
                self.answer(200, provider.build_metadata())

        def do_POST(self) -> None:
            provider.requests.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self.answer(*provider.redeem(form, self.headers.get("Authorization", "")))

        def answer(self, status: int, document: object) -> None:
            body = json.dumps(document).encode()
            self.send_response(503 if provider.is_down else status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield provider
        server.shutdown()
        thread.join()


def build_callback(parameters: dict[str, str]) -> str:
    """The address where the browser is sent back."""
    return f"/v1/auth/oidc/callback?{urlencode(parameters)}"
