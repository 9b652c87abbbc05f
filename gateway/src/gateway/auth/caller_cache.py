"""Callers who were identified a moment ago: a dictionary instead of a signature check."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import sha256

from bookcore.kit.auth import Identity, InternalTokens
from gateway.accounts.caller import Caller
from gateway.accounts.quota import Quota
from gateway.cache.response_cache import RateLimitSubject
from gateway.ratelimit.gcra import format_policy
from gateway.ratelimit.limiter import build_limit_key
from gateway.routing.cache_tags import ALL, ALL_USERS

_MOST = 50_000
_INTERNAL_SECONDS = 20.0
"""Of the minute that an internal token lives."""
USER_TAG = "user:"


class Known:
    """A caller with what each request needs; good until `until` (seconds since 1970) while `is_good`."""

    __slots__ = (
        "_internal",
        "_internal_until",
        "admission",
        "caller",
        "is_good",
        "policy",
        "rates",
        "until",
    )

    def __init__(self, caller: Caller, admission: RateLimitSubject, *, until: float) -> None:
        self.caller = caller
        self.until = until
        self.is_good = True
        self.admission = admission
        self.policy = format_policy(caller.quota).encode()
        self.rates = b'ratelimit-policy: %b\r\nratelimit: "%b";r=' % (self.policy, caller.quota.name.encode())
        """The beginning of the two lines."""
        self._internal = b""
        self._internal_until = 0.0

    def internal_token(self, tokens: InternalTokens, now: float) -> bytes:
        """What tells a service who asks; made anew every 20 seconds."""
        if now >= self._internal_until:
            caller = self.caller
            self._internal = tokens.sign(Identity(caller.user_id, caller.role, caller.scopes)).encode()
            self._internal_until = now + _INTERNAL_SECONDS
        return self._internal


class TokenCache:
    """By the hash of the credentials; at most `life_seconds`, never beyond the token's own end."""

    def __init__(
        self,
        *,
        life_seconds: float,
        now: Callable[[], float],
        admission_of: Callable[[str, Quota], RateLimitSubject],
    ) -> None:
        self._life = life_seconds
        self._admission_of = admission_of
        self._now = now
        self._known: OrderedDict[bytes, Known] = OrderedDict()
        self._by_user: dict[str, set[bytes]] = {}

    def get(self, credentials: tuple[bytes | None, bytes | None]) -> Known | None:
        """Who showed the same not long ago."""
        digest = _digest(credentials)
        known = self._known.get(digest)
        if known is None or known.until > self._now():
            return known
        self._drop(digest)
        return None

    def put(self, credentials: tuple[bytes | None, bytes | None], caller: Caller) -> Known:
        """Remember a caller who has just been identified."""
        admission = self._admission_of(build_limit_key(caller.quota, caller.user_id), caller.quota)
        known = Known(caller, admission, until=min(caller.expires_at, self._now() + self._life))
        digest = _digest(credentials)
        self._known[digest] = known
        self._by_user.setdefault(caller.user_id, set()).add(digest)
        if len(self._known) > _MOST:
            self._drop(next(iter(self._known)))
        return known

    def forget(self, user_id: str) -> None:
        """Identify that user anew."""
        for digest in self._by_user.pop(user_id, set()):
            known = self._known.pop(digest, None)
            if known is not None:
                known.is_good = False

    def hear(self, tags: Sequence[str]) -> None:
        """Forget the users among the tags of a purge."""
        for tag in tags:
            if tag in (ALL, ALL_USERS):
                for user_id in list(self._by_user):
                    self.forget(user_id)
            elif tag.startswith(USER_TAG):
                self.forget(tag.removeprefix(USER_TAG))

    def _drop(self, digest: bytes) -> None:
        known = self._known.pop(digest)
        known.is_good = False
        mine = self._by_user.get(known.caller.user_id, set())
        mine.discard(digest)
        if not mine:
            self._by_user.pop(known.caller.user_id, None)


def _digest(credentials: tuple[bytes | None, bytes | None]) -> bytes:
    authorization, api_key = credentials
    return sha256(b"%b\n%b" % (authorization or b"", api_key or b"")).digest()
