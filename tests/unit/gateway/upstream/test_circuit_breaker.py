from gateway.upstream.circuit_breaker import FAILURE_THRESHOLD, WINDOW_SECONDS, CircuitBreaker


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def open_breaker(now: Seconds) -> CircuitBreaker:
    breaker = CircuitBreaker(now=now)
    for _ in range(FAILURE_THRESHOLD):
        breaker.record_failure()
    return breaker


def test_open_breaker_allows_one_request_a_second_until_a_success() -> None:
    now = Seconds()
    breaker = open_breaker(now)
    assert breaker.is_open
    assert [breaker.allows_request() for _ in range(3)] == [False] * 3
    now.now += 1.0
    assert [breaker.allows_request() for _ in range(3)] == [True, False, False]
    now.now += 1.0
    assert breaker.allows_request()
    breaker.record_success()
    assert [breaker.allows_request() for _ in range(3)] == [True] * 3


def test_few_failures_or_a_minority_do_not_open_the_breaker() -> None:
    now = Seconds()
    few, minority = CircuitBreaker(now=now), CircuitBreaker(now=now)
    for _ in range(FAILURE_THRESHOLD - 1):
        few.record_failure()
    minority.record_failure()
    for _ in range(100):
        minority.record_success()
    for _ in range(FAILURE_THRESHOLD * 2):
        minority.record_failure()
    assert not few.is_open
    assert not minority.is_open


def test_failures_of_an_earlier_window_are_dropped() -> None:
    now = Seconds()
    breaker = CircuitBreaker(now=now)
    for _ in range(FAILURE_THRESHOLD * 3):
        breaker.record_failure()
        now.now += WINDOW_SECONDS / (FAILURE_THRESHOLD - 2)
    assert not breaker.is_open
