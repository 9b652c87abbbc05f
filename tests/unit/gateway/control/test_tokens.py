from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi.testclient import TestClient

from bookcore.kit.auth import Role
from bookcore.testing.contracts.cache import MovableClock
from gateway.control.keys import KeyFolder, KeyRing
from gateway.settings import Settings

Claims = dict[str, Any]
Forge = Callable[[KeyRing, Claims], str]
DAY = 86_400


def signed(keys: KeyRing, claims: Claims, **headers: Any) -> str:
    header = {"typ": "at+jwt", "kid": keys.signing_kid, **headers}
    return jwt.encode(claims, keys.signing, algorithm="EdDSA", headers=header)


def by_public_key(keys: KeyRing, claims: Claims) -> str:
    raw = keys.signing.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return jwt.encode(claims, raw, algorithm="HS256", headers={"typ": "at+jwt", "kid": keys.signing_kid})


def by_stranger(keys: KeyRing, claims: Claims) -> str:
    header = {"typ": "at+jwt", "kid": keys.signing_kid}
    return jwt.encode(claims, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers=header)


def without(name: str) -> Forge:
    return lambda keys, claims: signed(keys, {k: v for k, v in claims.items() if k != name})


def with_claim(**changes: Any) -> Forge:
    return lambda keys, claims: signed(keys, claims | changes)


FORGERIES: dict[str, Forge] = {
    "alg none": lambda _, claims: jwt.encode(claims, "", algorithm="none", headers={"typ": "at+jwt"}),
    "signed with the public key": by_public_key,
    "signed by a stranger": by_stranger,
    "unknown kid": lambda keys, claims: signed(keys, claims, kid="other"),
    "no kid": lambda keys, claims: signed(keys, claims, kid=""),
    "another typ": lambda keys, claims: signed(keys, claims, typ="JWT"),
    "crit": lambda keys, claims: signed(keys, claims, crit=["exp"]),
    "another issuer": with_claim(iss="else"),
    "another audience": with_claim(aud="else"),
    "no exp": without("exp"),
    "no sub": without("sub"),
    "no aud": without("aud"),
    "no iss": without("iss"),
    "no jti": without("jti"),
    "exp as a float": lambda keys, claims: signed(keys, claims | {"exp": claims["exp"] + 0.5}),
    "exp as text": lambda keys, claims: signed(keys, claims | {"exp": str(claims["exp"])}),
    "exp endless": with_claim(exp=float("inf")),
    "exp huge": with_claim(exp=10**30),
    "exp past": lambda keys, claims: signed(keys, claims | {"exp": claims["exp"] - DAY}),
    "nbf in the future": lambda keys, claims: signed(keys, claims | {"nbf": claims["nbf"] + 60}),
    "iat in the future": lambda keys, claims: signed(keys, claims | {"iat": claims["iat"] + 60}),
    "sub a number": with_claim(sub=5),
    "unknown role": with_claim(role="root"),
    "unknown session": with_claim(sid="other"),
    "another user": with_claim(sub="other"),
    "no token": lambda *_: "x",
    "two dots": lambda *_: "..",
    "endless": lambda *_: "a" * 10_000,
}


def opened(folder: Path) -> KeyRing:
    return KeyFolder(folder, clock=MovableClock(), token_seconds=600).ring


@pytest.fixture
def keys(settings: Settings, client: TestClient) -> KeyRing:
    return opened(settings.gateway_keys)


@pytest.fixture
def good(reader: dict[str, str]) -> Claims:
    """The claims of a living token."""
    token = reader["Authorization"].removeprefix("Bearer ")
    claims: Claims = jwt.decode(token, options={"verify_signature": False})
    return claims


def test_the_claims_of_a_token_made_by_us_pass(client: TestClient, keys: KeyRing, good: Claims) -> None:
    headers = {"Authorization": f"Bearer {signed(keys, good)}"}
    assert client.get("/v1/users/me", headers=headers).status_code == 200


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token_is_refused(client: TestClient, keys: KeyRing, good: Claims, forgery: str) -> None:
    answer = client.get("/v1/books", headers={"Authorization": f"Bearer {FORGERIES[forgery](keys, good)}"})
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthorized")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_token_expires(client: TestClient, reader: dict[str, str], clock: MovableClock) -> None:
    clock.advance(599)
    assert client.get("/v1/books", headers=reader).status_code == 200
    clock.advance(1)
    answer = client.get("/v1/books", headers=reader)
    assert (answer.status_code, answer.json()["detail"]) == (
        401,
        "the token has expired; use the refresh token",
    )


def test_anyone_can_check_a_token_by_the_published_keys(client: TestClient, reader: dict[str, str]) -> None:
    token = reader["Authorization"].removeprefix("Bearer ")
    published = jwt.PyJWKSet.from_dict(client.get("/.well-known/jwks.json").json())
    key = published[jwt.get_unverified_header(token)["kid"]]
    options: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}  # our clock stands in 2026
    claims = jwt.decode(token, key, algorithms=["EdDSA"], audience="bookstream", options=options)
    assert claims["role"] == Role.READER


def test_a_rotated_key_is_believed_as_long_as_its_file_is_there(tmp_path: Path) -> None:
    old = opened(tmp_path)
    (tmp_path / "signing.pem").rename(tmp_path / "retired.pem")
    new = opened(tmp_path)
    assert new.signing_kid != old.signing_kid
    assert set(new.believed) == {old.signing_kid, new.signing_kid}
