"""Access tokens: JWT signed with Ed25519, verified according to RFC 8725 and RFC 9068."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bookcore.kit.auth import Role
from bookcore.kit.clock import Clock
from bookcore.kit.problem import ProblemError
from gateway.auth.signing_keys import SigningKeys
from gateway.auth.step_tolerant_clock import StepTolerantClock

ISSUER = "bookstream-gateway"
AUDIENCE = "bookstream"
_ALGORITHM = "EdDSA"
_TYPE = "at+jwt"
_LONGEST = 4_096
_LEEWAY = 5
"""Tolerated difference of the clocks of two gateways, in seconds."""
_TEXT = ("sub", "jti", "sid", "role")
_TIMES = ("exp", "iat", "nbf")
_HEADER = {"typ", "alg", "kid"}
"""The only header fields. Embedded keys (jwk, jku, x5c) and extensions (crit, b64, zip) are refused."""


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """Claims of a verified token; times in whole seconds since 1970. `role`: at the time of issue.

    `expires_at` is by the wall clock of now, also when that was stepped since the token was issued.
    """

    user_id: str
    session: str
    role: Role
    jti: str
    issued_at: int
    expires_at: int


def _check_encoding(token: str) -> None:
    """Raises: ValueError for ambiguous encodings: non-canonical base64, duplicate names."""
    parts = token.split(".")
    if len(parts) != 3:
        raise ValueError("it has not three parts")
    for part in parts:
        raw = base64.urlsafe_b64decode(part.encode("ascii") + b"=" * (-len(part) % 4))
        if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
            raise ValueError("it is not plain base64url")
        if part is not parts[2]:
            json.loads(raw, object_pairs_hook=_reject_duplicates)


def _reject_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    named = dict(pairs)
    if len(named) != len(pairs):
        raise ValueError("it has a duplicate field")
    return named


def build_unauthorized(detail: str, *, is_token_bad: bool = True) -> ProblemError:
    """401 with the challenge of RFC 6750."""
    challenge = 'Bearer realm="bookstream"' + (', error="invalid_token"' if is_token_bad else "")
    return ProblemError("unauthorized", detail, headers={"WWW-Authenticate": challenge})


class AccessTokens:
    """Issues and verifies access tokens; accepts keys of the ring only.

    A token that was issued before a step of the wall clock is valid as it would have been without the step.
    """

    def __init__(self, keys: SigningKeys, *, clock: Clock, life_seconds: int) -> None:
        self._keys = keys
        self._clock = StepTolerantClock(clock, memory_seconds=life_seconds)
        self.life_seconds = life_seconds

    def issue(self, user_id: str, *, session: str, role: Role) -> str:
        """A token for the user, valid from now on."""
        now = int(self._clock.read())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user_id,
            "sid": session,
            "role": role.value,
            "jti": uuid4().hex,
            "iat": now,
            "nbf": now,
            "exp": now + self.life_seconds,
        }
        ring = self._keys.ring
        headers = {"typ": _TYPE, "kid": ring.signing_kid}
        return jwt.encode(claims, ring.signing, algorithm=_ALGORITHM, headers=headers)

    def verify(self, token: str) -> AccessClaims:
        """Raises: ProblemError(unauthorized) with the reason."""
        if len(token) > _LONGEST:
            raise build_unauthorized("the token is too long")
        try:
            _check_encoding(token)
            key = self._find_key(jwt.get_unverified_header(token))
            claims = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={
                    "require": ["iss", "aud", *_TEXT, *_TIMES],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
            raise build_unauthorized(f"invalid token: {error}") from error
        return self._read_claims(claims)

    def _find_key(self, header: Mapping[str, Any]) -> Ed25519PublicKey:
        # Any: a stranger's JSON, looked at before anything is believed
        if header.get("alg") != _ALGORITHM:
            raise build_unauthorized("the token is not signed with EdDSA")
        if str(header.get("typ")).lower() not in (_TYPE, f"application/{_TYPE}"):
            raise build_unauthorized("the token is not an access token (typ at+jwt)")
        if header.keys() - _HEADER:
            raise build_unauthorized("the token's header has fields other than typ, alg and kid")
        key = self._keys.find_public_key(str(header.get("kid")))
        if key is None:
            raise build_unauthorized("the token was signed with an unknown key; log in again")
        return key

    def _read_claims(self, claims: Mapping[str, Any]) -> AccessClaims:
        # Any: the claims of a token with a good signature, each checked here
        texts = [claims[name] for name in _TEXT]
        if not all(isinstance(text, str) and text for text in texts) or claims["role"] not in list(Role):
            raise build_unauthorized("a claim of the token is not a string")
        if not all(type(claims[name]) is int for name in _TIMES):
            raise build_unauthorized("a time in the token is not in whole seconds")
        if claims["aud"] != AUDIENCE:
            raise build_unauthorized("the token has another audience")
        now, accepted_at = self._find_accepting_time(claims)
        return AccessClaims(
            user_id=claims["sub"],
            session=claims["sid"],
            role=Role(claims["role"]),
            jti=claims["jti"],
            issued_at=claims["iat"],
            expires_at=claims["exp"] - accepted_at + now,
        )

    def _find_accepting_time(self, claims: Mapping[str, Any]) -> tuple[int, int]:
        # Any: the checked claims
        """Now, and the time at which the token is valid: the same unless the clock was stepped."""
        times = [int(time) for time in self._clock.list_times()]
        reasons = [self._find_reason(claims, time) for time in times]
        if None in reasons:
            return times[0], times[reasons.index(None)]
        raise build_unauthorized(reasons[0] or "")

    def _find_reason(self, claims: Mapping[str, Any], now: int) -> str | None:
        """Why the token is not valid at that time; None when it is. Any: the checked claims."""
        if claims["exp"] <= now:
            return "the token has expired; use the refresh token"
        if claims["exp"] > now + self.life_seconds + _LEEWAY:
            return "the lifetime of the token is too long"
        if max(claims["nbf"], claims["iat"]) > now + _LEEWAY:
            return "the token is not valid yet"
        return None
