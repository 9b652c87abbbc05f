"""The generic cell rate algorithm: one number per key, and the exact time to wait.

The number is the theoretical arrival time (TAT): when the key would be idle again. A request moves it on by
`window / requests` seconds and is refused when that would bring it further ahead of now than `window`.
Counted in whole microseconds: sums of floats drift by a request in some hundred.

A TAT further ahead than `window` was stored before the clock went back. It becomes one that allows a single
request now, so that the key is neither locked for as long as the step nor unlimited.
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
    """The TAT to store, in microseconds of the caller's clock, and the decision."""

    tat: int
    decision: RateLimitDecision


def compute_step(quota: Quota, tat: int | None, *, now: float) -> GcraStep:
    """Counts one request at `now` (seconds); `tat` None for a new key. A refused request is not counted."""
    after, remaining, wait, reset = advance_tat(quota.requests, quota.window, tat or 0, int(now * _MICRO))
    decision = RateLimitDecision(
        allowed=wait == 0, remaining=remaining, retry_after=wait / _MICRO, reset_after=reset / _MICRO
    )
    return GcraStep(after, decision)


def advance_tat(requests: int, window: float, tat: int, instant: int) -> tuple[int, int, int, int]:
    """(TAT, remaining, wait, reset) after a request at `instant`; `wait` is 0 when it is allowed.

    `window` is in seconds, all other times in microseconds. The only arithmetic of rate limits in Python;
    GCRA_LUA is the same for the cache server, and a property test compares them.
    """
    cost = ceil(window * _MICRO / requests)
    behind = max(instant, tat)
    if behind - instant > cost * requests:
        behind = instant + cost * (requests - 1)
    room = cost * requests - (behind - instant)
    if room < cost:
        return behind, 0, cost - room, behind - instant
    after = behind + cost
    return after, room // cost - 1, 0, after - instant


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


GCRA_LUA = """
local function gcra(key, requests, span)
  local instant = math.floor(now * 1000000)
  local cost = math.ceil(span * 1000000 / requests)
  local behind = math.max(instant, tonumber(redis.call('GET', key) or '0'))
  if behind - instant > cost * requests then behind = instant + cost * (requests - 1) end
  local room = cost * requests - (behind - instant)
  if room < cost then return 0, 0, cost - room, behind - instant end
  local after = behind + cost
  local life = math.max(1, math.ceil((after - instant) / 1000))
  redis.call('SET', key, string.format('%.0f', after), 'PX', life)
  return 1, math.floor(room / cost) - 1, 0, after - instant
end
"""
"""A function of scripts: counts a request and returns allowed (1 or 0), remaining, wait and reset in
microseconds.
"""
_LUA = f"""{GCRA_LUA}
local allowed, remaining, wait, reset = gcra(KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]))
return {{number(allowed), number(remaining), number(wait / 1000000), number(reset / 1000000)}}
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
