"""An organisation's OpenID Connect provider: its metadata, its token endpoint, and its signed ID tokens.

Metadata and keys are kept for an hour. ID tokens come from the provider itself, so one whose key isn't known
makes the keys be read again: they may have been rotated since the login began.
"""

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from bookcore.domain.errors import Forbidden, Unavailable

_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"]
"""Signatures only: with HS256 whoever knows the client secret could sign, with none anybody."""
_KEPT_SECONDS = 3_600.0
_SECONDS = 10.0
_MOST_BYTES = 1_000_000
_LEEWAY_SECONDS = 120
"""Tolerated difference of the clocks."""
Document = Mapping[str, Any]
"""JSON of the provider. Any: each field is looked at before it is used."""


@dataclass(frozen=True, slots=True)
class OidcClient:
    """This gateway at the provider; without a secret it is a public client. `domains`: those of verified
    addresses that may sign in."""

    issuer: str
    client_id: str
    redirect_uri: str
    domains: tuple[str, ...]
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SignInRequest:
    """What ties the answer to one browser: `verifier` and `nonce` are known to the gateway alone."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class OidcIdentity:
    """Who signed in; `email` is empty unless the provider has verified it."""

    issuer: str
    subject: str
    email: str


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """A provider's endpoints answer themselves."""


class OidcProvider:
    """`now`: seconds since 1970. All methods raise Unavailable while the provider is down."""

    def __init__(self, client: OidcClient, *, now: Callable[[], float]) -> None:
        self.client = client
        self._now = now
        self._opener = build_opener(_NoRedirects)
        self._metadata: Document = {}
        self._keys: KeySet | None = None
        self._read_at = 0.0

    async def build_authorization_url(self, asked: SignInRequest, *, challenge: str) -> str:
        """Where the browser is sent."""
        endpoint = str((await self._get_metadata())["authorization_endpoint"])
        query = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": self.client.redirect_uri,
            "scope": "openid email",
            "state": asked.state,
            "nonce": asked.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def fetch_identity(self, code: str, asked: SignInRequest) -> OidcIdentity:
        """The identity behind a code. Raises: Forbidden when the provider or its token doesn't hold."""
        metadata = await self._get_metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.client.redirect_uri,
            "code_verifier": asked.verifier,
        }
        headers = {}
        if not self.client.secret:
            form["client_id"] = self.client.client_id
        elif metadata.get("token_endpoint_auth_methods_supported") == ["client_secret_post"]:
            form |= {"client_id": self.client.client_id, "client_secret": self.client.secret}
        else:
            headers["Authorization"] = _build_basic(self.client)
        answer = await self._fetch(str(metadata["token_endpoint"]), urlencode(form).encode(), headers)
        return await self._verify(str(answer.get("id_token", "")), asked.nonce)

    async def _verify(self, id_token: str, nonce: str) -> OidcIdentity:
        try:
            claims = jwt.decode(id_token, await self._get_keys(), algorithms=_ALGORITHMS).claims
        except (JoseError, ValueError):  # another key since: the provider has rotated
            try:
                claims = jwt.decode(id_token, await self._read_keys(), algorithms=_ALGORITHMS).claims
            except (JoseError, ValueError) as error:
                raise Forbidden(f"the provider's ID token doesn't hold ({error})") from error
        self._check_claims(claims, nonce)
        is_verified = claims.get("email_verified") in (True, "true")
        return OidcIdentity(
            self.client.issuer, str(claims["sub"]), str(claims.get("email", "")) if is_verified else ""
        )

    def _check_claims(self, claims: Document, nonce: str) -> None:
        registry = jwt.JWTClaimsRegistry(
            now=int(self._now()),
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self.client.issuer},
            aud={"essential": True, "value": self.client.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            registry.validate(dict(claims))
        except JoseError as error:
            raise Forbidden(f"the provider's ID token doesn't hold ({error})") from error
        is_shared = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if is_shared and claims.get("azp") != self.client.client_id:
            raise Forbidden("the provider's ID token is meant for another client")

    async def _get_metadata(self) -> Document:
        if not self._metadata or abs(self._now() - self._read_at) > _KEPT_SECONDS:  # clocks are set back
            issuer = self.client.issuer
            found = await self._fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            if found.get("issuer") != issuer or not all(isinstance(found.get(name), str) for name in names):
                raise Unavailable(f"the provider's metadata is not that of {issuer}; check the setting")
            self._metadata, self._keys, self._read_at = found, None, self._now()
        return self._metadata

    async def _get_keys(self) -> KeySet:
        return self._keys or await self._read_keys()

    async def _read_keys(self) -> KeySet:
        found = await self._fetch(str((await self._get_metadata())["jwks_uri"]))
        try:
            self._keys = KeySet.import_key_set({"keys": list(found.get("keys", []))})
        except (JoseError, ValueError, TypeError) as error:
            raise Unavailable(f"the provider's keys can't be read ({error})") from error
        return self._keys

    async def _fetch(
        self, url: str, form: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Document:
        request = Request(url, form, {"Accept": "application/json", **(headers or {})})  # noqa: S310 - of the settings
        return await asyncio.to_thread(self._read, request)

    def _read(self, request: Request) -> Document:
        try:
            with self._opener.open(request, timeout=_SECONDS) as response:
                found = json.loads(response.read(_MOST_BYTES))
        except HTTPError as error:
            if error.code in (400, 401, 403) and request.data is not None:
                raise Forbidden("the provider refused the code; sign in again") from error
            raise _build_unavailable(error) from error
        except (OSError, HTTPException, ValueError) as error:
            raise _build_unavailable(error) from error
        if not isinstance(found, dict):
            raise Unavailable("the provider's answer is no JSON object")
        return found


def _build_unavailable(error: Exception) -> Unavailable:
    return Unavailable(
        f"the sign-in provider can't be reached ({error}); try again, or log in with a password",
        retry_after=5,
    )


def _build_basic(client: OidcClient) -> str:
    pair = f"{quote(client.client_id, safe='')}:{quote(client.secret, safe='')}"
    return f"Basic {b64encode(pair.encode()).decode()}"
