import base64
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi.testclient import TestClient
from tests.unit.gateway.servers import StubServices

from bookcore.kit.auth import Role
from bookcore.testing.contracts.cache import ManualClock
from gateway.auth.signing_keys import KeyRing, SigningKeys
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


def raw(keys: KeyRing, header: str, payload: str) -> str:
    """Signed with our own key, whatever the two texts are."""
    signed_part = f"{encoded(header.encode())}.{encoded(payload.encode())}"
    return f"{signed_part}.{encoded(keys.signing.sign(signed_part.encode()))}"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def header_of(keys: KeyRing) -> str:
    return json.dumps({"alg": "EdDSA", "typ": "at+jwt", "kid": keys.signing_kid})


def by_embedded_key(keys: KeyRing, claims: Claims) -> str:
    own = Ed25519PrivateKey.generate()
    x = encoded(own.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": keys.signing_kid}
    header = {"typ": "at+jwt", "kid": keys.signing_kid, "jwk": jwk}
    return jwt.encode(claims, own, algorithm="EdDSA", headers=header)


def by_rsa(keys: KeyRing, claims: Claims) -> str:
    own = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    return jwt.encode(claims, own, algorithm="RS256", headers={"typ": "at+jwt", "kid": keys.signing_kid})


def by_curve(keys: KeyRing, claims: Claims) -> str:
    own = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(claims, own, algorithm="ES256", headers={"typ": "at+jwt", "kid": keys.signing_kid})


def by_published_jwk(keys: KeyRing, claims: Claims) -> str:
    """HS256 with the key as it stands in the JWKS."""
    header = {"typ": "at+jwt", "kid": keys.signing_kid}
    return jwt.encode(claims, keys.build_jwks().keys[0].x, algorithm="HS256", headers=header)


def by_pem(keys: KeyRing, claims: Claims) -> str:
    """HS256 with the key as PEM; PyJWT itself refuses to sign so."""
    pem = keys.signing.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = json.dumps({"alg": "HS256", "typ": "at+jwt", "kid": keys.signing_kid})
    part = f"{encoded(header.encode())}.{encoded(json.dumps(claims).encode())}"
    return f"{part}.{encoded(hmac.digest(pem, part.encode(), 'sha256'))}"


def twice(name: str, value: object) -> Forge:
    """The claim given once more, before the true one."""
    return lambda keys, claims: raw(
        keys, header_of(keys), f'{{"{name}": {json.dumps(value)}, {json.dumps(claims)[1:]}'
    )


def altered(change: Callable[[str], str]) -> Forge:
    return lambda keys, claims: change(signed(keys, claims))


def part_of(number: int, change: Callable[[str], str]) -> Forge:
    def altered_part(keys: KeyRing, claims: Claims) -> str:
        parts = signed(keys, claims).split(".")
        parts[number] = change(parts[number])
        return ".".join(parts)

    return altered_part


def with_alg(alg: object) -> Forge:
    """Our own signature under another name."""
    return lambda keys, claims: raw(
        keys, json.dumps({"alg": alg, "typ": "at+jwt", "kid": keys.signing_kid}), json.dumps(claims)
    )


def spare_bits(part: str) -> str:
    """Another last letter that decodes to the same bytes."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return part[:-1] + letters[letters.index(part[-1]) ^ 1]


FORGERIES: dict[str, Forge] = {
    "signed with the JWK as a secret": by_published_jwk,
    "signed with the PEM as a secret": by_pem,
    "signed with RS256": by_rsa,
    "signed with ES256": by_curve,
    "alg None": with_alg("None"),
    "alg in small letters": with_alg("eddsa"),
    "alg a list": with_alg(["EdDSA"]),
    "alg null": with_alg(None),
    "alg Ed25519ph": with_alg("Ed25519ph"),
    "embedded jwk": by_embedded_key,
    "embedded jwk, our signature": lambda keys, claims: signed(keys, claims, jwk={"kty": "OKP"}),
    "jku": lambda keys, claims: signed(keys, claims, jku="https://evil.example/jwks.json"),
    "x5u": lambda keys, claims: signed(keys, claims, x5u="https://evil.example/x"),
    "x5c": lambda keys, claims: signed(keys, claims, x5c=["MIIB"]),
    "zip": lambda keys, claims: signed(keys, claims, zip="DEF"),
    "cty, nested": lambda keys, claims: signed(keys, {"jwt": signed(keys, claims)}, cty="JWT"),
    "a token in a token": lambda keys, claims: raw(keys, header_of(keys), signed(keys, claims)),
    "crit b64": lambda keys, claims: signed(keys, claims, crit=["b64"], b64=False),
    "b64 without crit": lambda keys, claims: signed(keys, claims, b64=False),
    "kid a path": lambda keys, claims: signed(keys, claims, kid="../../../dev/null"),
    "kid a query": lambda keys, claims: signed(keys, claims, kid="' OR 1=1 --"),
    "kid a list": lambda keys, claims: raw(
        keys, json.dumps({"alg": "EdDSA", "typ": "at+jwt", "kid": [keys.signing_kid]}), json.dumps(claims)
    ),
    "typ of the internal token": lambda keys, claims: signed(keys, claims, typ="internal+jwt"),
    "role twice": twice("role", "admin"),
    "sub twice": twice("sub", "other"),
    "exp twice": twice("exp", 2**33),
    "header twice": lambda keys, claims: raw(
        keys, '{"alg": "none", ' + header_of(keys)[1:], json.dumps(claims)
    ),
    "header a list": lambda keys, claims: raw(keys, "[]", json.dumps(claims)),
    "header null": lambda keys, claims: raw(keys, "null", json.dumps(claims)),
    "header very deep": lambda keys, claims: raw(keys, "[" * 900 + "]" * 900, json.dumps(claims)),
    "payload a list": lambda keys, claims: raw(keys, header_of(keys), json.dumps([claims])),
    "payload no JSON": lambda keys, _: raw(keys, header_of(keys), "{'sub'"),
    "payload NaN": lambda keys, claims: raw(
        keys, header_of(keys), json.dumps(claims | {"exp": float("nan")})
    ),
    "no signature": part_of(2, lambda _: ""),
    "half a signature": part_of(2, lambda part: part[:43]),
    "a longer signature": part_of(2, lambda part: part + "AAAA"),
    "spare bits of the signature": part_of(2, spare_bits),
    "padding": part_of(2, lambda part: part + "=="),
    "another alphabet": altered(lambda token: token.replace("-", "+").replace("_", "/") + "+"),
    "a payload changed": part_of(1, lambda part: part[:-8] + "AAAAAAAA"),
    "a blank inside": altered(lambda token: token[:30] + " " + token[30:]),
    "a fourth part": altered(lambda token: token + ".e30"),
    "JSON serialisation": lambda keys, claims: json.dumps({"payload": signed(keys, claims)}),
    "aud a list with others": lambda keys, claims: signed(keys, claims | {"aud": ["bookstream", "else"]}),
    "iss a list": lambda keys, claims: raw(
        keys, header_of(keys), json.dumps(claims | {"iss": ["bookstream-gateway"]})
    ),
    "exp true": with_claim(exp=True),
    "exp negative": with_claim(exp=-1),
    "exp null": with_claim(exp=None),
    "nbf a float": lambda keys, claims: signed(keys, claims | {"nbf": claims["nbf"] + 0.0}),
    "sub empty": with_claim(sub=""),
    "sid null": with_claim(sid=None),
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
    return SigningKeys(folder, clock=ManualClock(), token_seconds=600).ring


@pytest.fixture
def keys(settings: Settings, client: TestClient) -> KeyRing:
    return opened(settings.gateway_keys)


@pytest.fixture
def good(reader: dict[str, str]) -> Claims:
    """The claims of a living token."""
    token = reader["Authorization"].removeprefix("Bearer ")
    claims: Claims = jwt.decode(token, options={"verify_signature": False})
    return claims


def test_issued_token_is_accepted(client: TestClient, keys: KeyRing, good: Claims) -> None:
    headers = {"Authorization": f"Bearer {signed(keys, good)}"}
    assert client.get("/v1/users/me", headers=headers).status_code == 200


def test_forged_tokens_are_refused(client: TestClient, keys: KeyRing, good: Claims) -> None:
    """All in one, since starting a gateway costs more than asking it; the mistaken ones are named."""
    accepted, odd = [], []
    for name, forge in FORGERIES.items():
        answer = client.get("/v1/books", headers={"Authorization": f"Bearer {forge(keys, good)}"})
        if answer.status_code != 401:
            accepted.append(name)
        elif 'error="invalid_token"' not in answer.headers["www-authenticate"]:
            odd.append(name)
    assert (accepted, odd) == ([], [])
    assert len(FORGERIES) > 70


SPOOFED = [
    "X-User-Id",
    "x-user-role",
    "X-USER-SCOPES",
    "x-Internal-Token",
    "X-INTERNAL-TOKEN",
    "X-Forwarded-For",
]


@pytest.mark.parametrize("name", SPOOFED)
def test_identity_header_of_a_client_is_dropped(
    client: TestClient, reader: dict[str, str], services: StubServices, name: str
) -> None:
    for spelt in (name, name.lower(), name.upper(), name.swapcase(), name.replace("-", "_")):
        client.put("/v1/books/x", headers=reader | {spelt: "forged"})
        client.get("/v1/search", headers=reader | {spelt: "forged"})
        seen = [value for _, value in services.last_request.headers.items()]
        assert "forged" not in seen
        assert services.read_last_role() == "reader"


def test_token_expires(client: TestClient, reader: dict[str, str], clock: ManualClock) -> None:
    clock.advance(599)
    assert client.get("/v1/books", headers=reader).status_code == 200
    clock.advance(1)
    answer = client.get("/v1/books", headers=reader)
    assert (answer.status_code, answer.json()["detail"]) == (
        401,
        "the token has expired; use the refresh token",
    )


def test_token_verifies_with_the_published_keys(client: TestClient, reader: dict[str, str]) -> None:
    token = reader["Authorization"].removeprefix("Bearer ")
    published = jwt.PyJWKSet.from_dict(client.get("/.well-known/jwks.json").json())
    key = published[jwt.get_unverified_header(token)["kid"]]
    options: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}  # our clock stands in 2026
    claims = jwt.decode(token, key, algorithms=["EdDSA"], audience="bookstream", options=options)
    assert claims["role"] == Role.READER


def test_rotated_key_is_trusted_while_its_file_exists(tmp_path: Path) -> None:
    old = opened(tmp_path)
    (tmp_path / "signing.pem").rename(tmp_path / "retired.pem")
    new = opened(tmp_path)
    assert new.signing_kid != old.signing_kid
    assert set(new.believed) == {old.signing_kid, new.signing_kid}
