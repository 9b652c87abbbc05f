"""Quotas, counted in the cache port so that all gateways on one cache count together."""

from hashlib import sha256

from bookcore.cache import Cache
from gateway.accounts.quota import Quota
from gateway.ratelimit.gcra import GCRA_SCRIPT, RateLimitDecision, parse_decision


def build_limit_key(quota: Quota, subject: str) -> str:
    """Where a subject, of any length and content, is counted against a quota."""
    digest = sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"limit:{quota.name}:{digest}"


class RateLimiter:
    """One key for each quota and subject; closed when the cache is away, since Unavailable passes through."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def take(self, quota: Quota, subject: str) -> RateLimitDecision:
        """Count one request of the subject against the quota."""
        key = build_limit_key(quota, subject)
        answer = await self._cache.eval(GCRA_SCRIPT, [key], [quota.requests, quota.window])
        return parse_decision(answer)
