"""Cache of authenticated callers: a dictionary lookup instead of a signature check."""

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

_MAX_CALLERS = 50_000
_INTERNAL_SECONDS = 20.0
"""Reuse of an internal token, which is valid for a minute."""
USER_TAG = "user:"


class AuthenticatedCaller:
    """A caller with prepared headers and tokens; valid until `expires_at` (monotonic seconds) while
    `is_valid`."""

    __slots__ = (
        "_internal",
        "_internal_from",
        "caller",
        "expires_at",
        "is_valid",
        "policy_header",
        "rate_header_prefix",
        "rate_limit_subject",
    )

    def __init__(self, caller: Caller, rate_limit_subject: RateLimitSubject, *, expires_at: float) -> None:
        self.caller = caller
        self.expires_at = expires_at
        self.is_valid = True
        self.rate_limit_subject = rate_limit_subject
        self.policy_header = format_policy(caller.quota).encode()
        self.rate_header_prefix = b'ratelimit-policy: %b\r\nratelimit: "%b";r=' % (
            self.policy_header,
            caller.quota.name.encode(),
        )
        """Start of both header lines."""
        self._internal = b""
        self._internal_from = 0.0

    def get_internal_token(self, tokens: InternalTokens, now: float) -> bytes:
        """Internal token of the caller, renewed every 20 seconds and when the wall clock `now` is stepped."""
        if not 0.0 <= now - self._internal_from < _INTERNAL_SECONDS:
            caller = self.caller
            self._internal = tokens.sign(Identity(caller.user_id, caller.role, caller.scopes)).encode()
            self._internal_from = now
        return self._internal


class CallerCache:
    """Callers by the hash of their credentials, for at most `life_seconds` and never beyond the token's
    expiry, which is converted to the monotonic clock `now` at once."""

    def __init__(
        self,
        *,
        life_seconds: float,
        now: Callable[[], float],
        wall_now: Callable[[], float],
        create_subject: Callable[[str, Quota], RateLimitSubject],
    ) -> None:
        self._life = life_seconds
        self._create_subject = create_subject
        self._now, self._wall_now = now, wall_now
        self._callers: OrderedDict[bytes, AuthenticatedCaller] = OrderedDict()
        self._by_user: dict[str, set[bytes]] = {}

    def get(self, credentials: tuple[bytes | None, bytes | None]) -> AuthenticatedCaller | None:
        """The cached caller with these credentials."""
        digest = _hash_credentials(credentials)
        entry = self._callers.get(digest)
        if entry is None or entry.expires_at > self._now():
            return entry
        self._remove(digest)
        return None

    def put(self, credentials: tuple[bytes | None, bytes | None], caller: Caller) -> AuthenticatedCaller:
        """Cache a caller that was just authenticated."""
        subject = self._create_subject(build_limit_key(caller.quota, caller.user_id), caller.quota)
        entry = AuthenticatedCaller(
            caller,
            subject,
            expires_at=self._now() + min(caller.expires_at - self._wall_now(), self._life),
        )
        digest = _hash_credentials(credentials)
        self._callers[digest] = entry
        self._by_user.setdefault(caller.user_id, set()).add(digest)
        if len(self._callers) > _MAX_CALLERS:
            self._remove(next(iter(self._callers)))
        return entry

    def invalidate_user(self, user_id: str) -> None:
        """Drop all callers of a user."""
        for digest in self._by_user.pop(user_id, set()):
            entry = self._callers.pop(digest, None)
            if entry is not None:
                entry.is_valid = False

    def on_purge(self, tags: Sequence[str]) -> None:
        """Drop the users among the tags of a purge."""
        for tag in tags:
            if tag in (ALL, ALL_USERS):
                for user_id in list(self._by_user):
                    self.invalidate_user(user_id)
            elif tag.startswith(USER_TAG):
                self.invalidate_user(tag.removeprefix(USER_TAG))

    def _remove(self, digest: bytes) -> None:
        entry = self._callers.pop(digest)
        entry.is_valid = False
        digests = self._by_user.get(entry.caller.user_id, set())
        digests.discard(digest)
        if not digests:
            self._by_user.pop(entry.caller.user_id, None)


def _hash_credentials(credentials: tuple[bytes | None, bytes | None]) -> bytes:
    authorization, api_key = credentials
    return sha256(b"%b\n%b" % (authorization or b"", api_key or b"")).digest()
