"""The generic cell rate algorithm: one number per key, and the exact time to wait.

The number is the theoretical arrival time (TAT): when the key would be idle again. A request moves it on by
`window / requests` seconds and is refused when that would bring it further ahead of now than `window`.
Counted in whole microseconds: sums of floats drift by a request in some hundred.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from bookcore.cache import Script, ScriptResult
from gateway.accounts.quota import Quota

_MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class RateLimitDecision:
    """`remaining` more are allowed now; `retry_after` (0 when allowed) and `reset_after` in seconds."""

    allowed: bool
    remaining: int
    retry_after: float
    reset_after: float


@dataclass(frozen=True, slots=True)
class GcraStep:
    """The TAT to store, in microseconds since 1970, and the decision."""

    tat: int
    decision: RateLimitDecision


def compute_step(quota: Quota, tat: int | None, *, now: float) -> GcraStep:
    """Counts one request at `now` (seconds); `tat` None for a new key. A refused request is not counted."""
    instant = int(now * _MICRO)
    cost = ceil(quota.window * _MICRO / quota.requests)
    window = cost * quota.requests
    behind = max(instant, tat or 0)
    room = window - (behind - instant)
    if room < cost:
        wait = (cost - room) / _MICRO
        reset_after = (behind - instant) / _MICRO
        return GcraStep(
            behind, RateLimitDecision(allowed=False, remaining=0, retry_after=wait, reset_after=reset_after)
        )
    after = behind + cost
    reset_after = (after - instant) / _MICRO
    remaining = room // cost - 1
    return GcraStep(
        after, RateLimitDecision(allowed=True, remaining=remaining, retry_after=0.0, reset_after=reset_after)
    )


def _run_locally(values: Sequence[bytes | None], args: Sequence[float], now: float) -> ScriptResult:
    stored = values[0]
    step = compute_step(Quota("", int(args[0]), args[1]), None if stored is None else int(stored), now=now)
    decision = step.decision
    write = (str(step.tat).encode(), max(decision.reset_after, 0.001)) if decision.allowed else None
    fields = [
        float(decision.allowed),
        float(decision.remaining),
        decision.retry_after,
        decision.reset_after,
    ]
    return ScriptResult([write], fields)


_LUA = """
local instant = math.floor(now * 1000000)
local requests, span = tonumber(ARGV[1]), tonumber(ARGV[2])
local cost = math.ceil(span * 1000000 / requests)
local window = cost * requests
local behind = math.max(instant, tonumber(redis.call('GET', KEYS[1]) or '0'))
local room = window - (behind - instant)
if room < cost then
  return {number(0), number(0), number((cost - room) / 1000000), number((behind - instant) / 1000000)}
end
local after = behind + cost
local life = math.max(1, math.ceil((after - instant) / 1000))
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', life)
return {number(1), number(math.floor(room / cost) - 1), number(0), number((after - instant) / 1000000)}
"""
GCRA_SCRIPT = Script("gcra", _LUA, _run_locally)
"""One key; arguments: requests, window. Returns the fields of RateLimitDecision as numbers."""


def parse_decision(values: Sequence[float]) -> RateLimitDecision:
    """Parses a script's result."""
    return RateLimitDecision(
        allowed=bool(values[0]), remaining=int(values[1]), retry_after=values[2], reset_after=values[3]
    )


def format_policy(quota: Quota) -> str:
    """The value of RateLimit-Policy."""
    return ", ".join(f'"{q.name}";q={q.requests};w={ceil(q.window)}' for q in (quota, *quota.beside))


def build_rate_headers(quota: Quota, decision: RateLimitDecision) -> dict[str, str]:
    """RateLimit and RateLimit-Policy of draft-ietf-httpapi-ratelimit-headers-11; Retry-After when refused."""
    headers = {
        "RateLimit-Policy": format_policy(quota),
        "RateLimit": f'"{quota.name}";r={decision.remaining};t={ceil(decision.reset_after)}',
    }
    if not decision.allowed:
        headers["Retry-After"] = str(max(1, ceil(decision.retry_after)))
    return headers
