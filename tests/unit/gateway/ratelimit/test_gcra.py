from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from gateway.accounts.quota import Quota
from gateway.ratelimit.gcra import GCRA_SCRIPT, build_rate_headers, compute_step, parse_decision

NOW = 1_767_268_800.0
quotas = st.builds(
    Quota, st.just("user"), st.integers(1, 1_000), st.sampled_from([0.5, 1.0, 60.0, 900.0, 86_400.0])
)
gaps = st.lists(st.floats(0, 100), max_size=60)


def simulate_requests(quota: Quota, waits: list[float]) -> list[tuple[float, bool]]:
    """When each request came and whether it was allowed."""
    tat: int | None = None
    now, decisions = NOW, []
    for wait in waits:
        now += wait
        done = compute_step(quota, tat, now=now)
        if done.decision.allowed:
            tat = done.tat
        decisions.append((now, done.decision.allowed))
    return decisions


@given(quotas)
def test_new_key_may_burst_exactly_its_quota(quota: Quota) -> None:
    allowed = [ok for _, ok in simulate_requests(quota, [0.0] * (quota.requests + 3))]
    assert allowed == [True] * quota.requests + [False] * 3


@given(quotas, gaps)
def test_no_time_span_allows_more_than_burst_and_refill(quota: Quota, waits: list[float]) -> None:
    passed = [at for at, ok in simulate_requests(quota, waits) if ok]
    for first, begin in enumerate(passed):
        for last, end in enumerate(passed[first:], first):
            regained = (end - begin) * quota.requests / quota.window
            assert last - first + 1 <= quota.requests + regained * 1.01 + 0.01


@given(quotas, gaps)
def test_remaining_is_the_number_of_requests_allowed_now(quota: Quota, waits: list[float]) -> None:
    tat: int | None = None
    now = NOW
    for wait in waits:
        now += wait
        done = compute_step(quota, tat, now=now)
        tat = done.tat
    promised = compute_step(quota, tat, now=now).decision
    tat = compute_step(quota, tat, now=now).tat
    for _ in range(promised.remaining):
        done = compute_step(quota, tat, now=now)
        assert done.decision.allowed
        tat = done.tat
    assert not compute_step(quota, tat, now=now).decision.allowed


@given(quotas)
def test_request_after_retry_after_is_allowed(quota: Quota) -> None:
    tat: int | None = None
    for _ in range(quota.requests + 1):
        done = compute_step(quota, tat, now=NOW)
        tat = done.tat
    retry_after = compute_step(quota, tat, now=NOW).decision.retry_after
    assert retry_after > 0
    assert compute_step(quota, tat, now=NOW + retry_after + 2e-6).decision.allowed
    assert not compute_step(quota, tat, now=NOW + retry_after * 0.9 - 2e-6).decision.allowed


@given(quotas)
def test_gcra_script_equals_the_arithmetic(quota: Quota) -> None:
    stored: bytes | None = None
    tat: int | None = None
    for _ in range(min(quota.requests, 20) + 1):
        outcome = GCRA_SCRIPT.local([stored], [quota.requests, quota.window], NOW)
        done = compute_step(quota, tat, now=NOW)
        assert parse_decision(outcome.values) == done.decision
        tat = done.tat
        write = outcome.writes[0]
        stored = write[0] if write else stored


@given(quotas, st.lists(st.sampled_from([0.0, 0.5, 3_600.0, -50.0, -70.0, -3_600.0]), max_size=40))
def test_arrival_time_never_lies_more_than_one_window_ahead_of_a_clock_that_is_stepped(
    quota: Quota, steps: list[float]
) -> None:
    tat: int | None = None
    now = NOW
    for step in steps:
        now += step
        done = compute_step(quota, tat, now=now)
        longest = ceil(quota.window * 1e6 / quota.requests) * quota.requests
        assert done.tat <= int(now * 1e6) + longest
        assert done.decision.retry_after <= quota.window + 1e-3
        if done.decision.allowed:
            tat = done.tat


@given(quotas, st.floats(1e-3, 1e6))
def test_step_back_by_more_than_a_window_allows_one_request_at_once_and_the_next_ones_in_turn(
    quota: Quota, beyond: float
) -> None:
    full = None
    for _ in range(quota.requests):
        full = compute_step(quota, full, now=NOW).tat
    now = NOW - beyond - 1e-3
    first = compute_step(quota, full, now=now)
    second = compute_step(quota, first.tat, now=now)
    assert (first.decision.allowed, second.decision.allowed) == (True, False)
    assert compute_step(quota, first.tat, now=now + second.decision.retry_after + 2e-6).decision.allowed


def test_rate_headers_follow_the_draft() -> None:
    quota = Quota("user", 2)
    first = compute_step(quota, None, now=NOW)
    second = compute_step(quota, first.tat, now=NOW)
    third = compute_step(quota, second.tat, now=NOW)
    assert build_rate_headers(quota, first.decision) == {
        "RateLimit-Policy": '"user";q=2;w=60',
        "RateLimit": '"user";r=1;t=30',
    }
    assert build_rate_headers(quota, third.decision)["Retry-After"] == "30"
