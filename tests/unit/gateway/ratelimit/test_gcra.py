from hypothesis import given
from hypothesis import strategies as st

from gateway.accounts.quota import Quota
from gateway.ratelimit.gcra import SCRIPT, rate_headers, step, verdict_of

NOW = 1_767_268_800.0
quotas = st.builds(
    Quota, st.just("user"), st.integers(1, 1_000), st.sampled_from([0.5, 1.0, 60.0, 900.0, 86_400.0])
)
gaps = st.lists(st.floats(0, 100), max_size=60)


def arrivals(quota: Quota, waits: list[float]) -> list[tuple[float, bool]]:
    """When each request came and whether it was allowed."""
    tat: int | None = None
    now, seen = NOW, []
    for wait in waits:
        now += wait
        done = step(quota, tat, now=now)
        if done.verdict.allowed:
            tat = done.tat
        seen.append((now, done.verdict.allowed))
    return seen


@given(quotas)
def test_a_fresh_key_is_allowed_exactly_the_quota_at_once(quota: Quota) -> None:
    allowed = [ok for _, ok in arrivals(quota, [0.0] * (quota.requests + 3))]
    assert allowed == [True] * quota.requests + [False] * 3


@given(quotas, gaps)
def test_no_span_of_time_lets_more_through_than_the_quota_and_what_it_regains(
    quota: Quota, waits: list[float]
) -> None:
    passed = [at for at, ok in arrivals(quota, waits) if ok]
    for first, begin in enumerate(passed):
        for last, end in enumerate(passed[first:], first):
            regained = (end - begin) * quota.requests / quota.window
            assert last - first + 1 <= quota.requests + regained * 1.01 + 0.01


@given(quotas, gaps)
def test_remaining_is_the_number_of_requests_that_pass_at_that_moment(
    quota: Quota, waits: list[float]
) -> None:
    tat: int | None = None
    now = NOW
    for wait in waits:
        now += wait
        done = step(quota, tat, now=now)
        tat = done.tat
    promised = step(quota, tat, now=now).verdict
    tat = step(quota, tat, now=now).tat
    for _ in range(promised.remaining):
        done = step(quota, tat, now=now)
        assert done.verdict.allowed
        tat = done.tat
    assert not step(quota, tat, now=now).verdict.allowed


@given(quotas)
def test_whoever_waits_as_long_as_told_gets_in(quota: Quota) -> None:
    tat: int | None = None
    for _ in range(quota.requests + 1):
        done = step(quota, tat, now=NOW)
        tat = done.tat
    retry_after = step(quota, tat, now=NOW).verdict.retry_after
    assert retry_after > 0
    assert step(quota, tat, now=NOW + retry_after + 2e-6).verdict.allowed
    assert not step(quota, tat, now=NOW + retry_after * 0.9 - 2e-6).verdict.allowed


@given(quotas)
def test_the_script_of_the_cache_says_what_the_arithmetic_says(quota: Quota) -> None:
    stored: bytes | None = None
    tat: int | None = None
    for _ in range(min(quota.requests, 20) + 1):
        outcome = SCRIPT.local([stored], [quota.requests, quota.window], NOW)
        done = step(quota, tat, now=NOW)
        assert verdict_of(outcome.values) == done.verdict
        tat = done.tat
        write = outcome.writes[0]
        stored = write[0] if write else stored


def test_the_headers_are_those_of_the_draft() -> None:
    quota = Quota("user", 2)
    first = step(quota, None, now=NOW)
    second = step(quota, first.tat, now=NOW)
    third = step(quota, second.tat, now=NOW)
    assert rate_headers(quota, first.verdict) == {
        "RateLimit-Policy": '"user";q=2;w=60',
        "RateLimit": '"user";r=1;t=30',
    }
    assert rate_headers(quota, third.verdict)["Retry-After"] == "30"
