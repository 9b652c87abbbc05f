"""Rate limits in the shared cache, so that all gateways count together."""

from hashlib import sha256

from bookcore.cache import Cache
from gateway.accounts.quota import Quota
from gateway.ratelimit.gcra import GCRA_SCRIPT, RateLimitDecision, parse_decision


def build_limit_key(quota: Quota, subject: str) -> str:
    """The cache key of a subject's count; a hash, since subjects have any length and content."""
    digest = sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"limit:{quota.name}:{digest}"


class RateLimiter:
    """One key per quota and subject; raises Unavailable while the cache is away, so requests are refused."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def take(self, quota: Quota, subject: str) -> RateLimitDecision:
        """Counts one request."""
        key = build_limit_key(quota, subject)
        values = await self._cache.eval(GCRA_SCRIPT, [key], [quota.requests, quota.window])
        return parse_decision(values)
