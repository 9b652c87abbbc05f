"""The generic cell rate algorithm: one number per key, no window to game, the exact time to wait.

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
    """`remaining` more are allowed at once; `retry_after` (0 when allowed), `reset_after` in seconds."""

    allowed: bool
    remaining: int
    retry_after: float
    reset_after: float


@dataclass(frozen=True, slots=True)
class GcraStep:
    """The TAT to keep, in whole microseconds since 1970, and what to answer."""

    tat: int
    decision: RateLimitDecision


def compute_step(quota: Quota, tat: int | None, *, now: float) -> GcraStep:
    """One request at `now` (seconds); `tat` None for a key never seen. A refused request costs nothing."""
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
    done = compute_step(Quota("", int(args[0]), args[1]), None if stored is None else int(stored), now=now)
    verdict = done.decision
    write = (str(done.tat).encode(), max(verdict.reset_after, 0.001)) if verdict.allowed else None
    answer = [float(verdict.allowed), float(verdict.remaining), verdict.retry_after, verdict.reset_after]
    return ScriptResult(writes=[write], answer=answer)


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
"""Key: one; arguments: requests, window. Answers the fields of Verdict as numbers."""


def parse_decision(answer: Sequence[float]) -> RateLimitDecision:
    """The verdict in a script's answer."""
    return RateLimitDecision(
        allowed=bool(answer[0]), remaining=int(answer[1]), retry_after=answer[2], reset_after=answer[3]
    )


def format_policy(quota: Quota) -> str:
    """The value of RateLimit-Policy."""
    return ", ".join(f'"{q.name}";q={q.requests};w={ceil(q.window)}' for q in (quota, *quota.beside))


def build_rate_headers(quota: Quota, verdict: RateLimitDecision) -> dict[str, str]:
    """RateLimit and RateLimit-Policy in the form of draft-ietf-httpapi-ratelimit-headers-11."""
    headers = {
        "RateLimit-Policy": format_policy(quota),
        "RateLimit": f'"{quota.name}";r={verdict.remaining};t={ceil(verdict.reset_after)}',
    }
    if not verdict.allowed:
        headers["Retry-After"] = str(max(1, ceil(verdict.retry_after)))
    return headers
