from hypothesis import given
from hypothesis import strategies as st

from gateway.accounts.quota import Quota
from gateway.cache.scripts import ADMIT
from gateway.ratelimit.gcra import compute_step

MICRO = 1_000_000


@given(
    st.integers(1, 1_000),
    st.sampled_from([1.0, 60.0]),
    st.lists(st.floats(0, 5), min_size=1, max_size=50),
)
def test_admit_script_equals_the_gcra_arithmetic(requests: int, window: float, pauses: list[float]) -> None:
    now, tat, stored = 1_000_000.0, None, None
    for pause in pauses:
        now += pause
        expected = compute_step(Quota("q", requests, window), tat, now=now)
        outcome = ADMIT.local([stored, b"7"], (requests, window), now)
        allowed, remaining, wait, reset, sequence, *_ = outcome.values
        verdict = expected.decision
        assert (bool(allowed), remaining, sequence) == (verdict.allowed, verdict.remaining, 7)
        assert (wait, reset) == (round(verdict.retry_after * MICRO), round(verdict.reset_after * MICRO))
        tat = expected.tat
        if outcome.writes[0] is not None:
            stored = outcome.writes[0][0]
            assert int(stored) == tat
