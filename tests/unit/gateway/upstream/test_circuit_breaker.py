from gateway.upstream.circuit_breaker import FAILURES, WINDOW_SECONDS, Breaker


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(now: Seconds) -> Breaker:
    breaker = Breaker(now=now)
    for _ in range(FAILURES):
        breaker.failed()
    return breaker


def test_a_service_that_mostly_fails_is_asked_once_a_second_until_it_answers() -> None:
    now = Seconds()
    breaker = opened(now)
    assert breaker.is_open
    assert [breaker.lets() for _ in range(3)] == [False] * 3
    now.now += 1.0
    assert [breaker.lets() for _ in range(3)] == [True, False, False]
    now.now += 1.0
    assert breaker.lets()
    breaker.succeeded()
    assert [breaker.lets() for _ in range(3)] == [True] * 3


def test_a_few_failures_and_a_minority_of_them_open_nothing() -> None:
    now = Seconds()
    few, minority = Breaker(now=now), Breaker(now=now)
    for _ in range(FAILURES - 1):
        few.failed()
    minority.failed()
    for _ in range(100):
        minority.succeeded()
    for _ in range(FAILURES * 2):
        minority.failed()
    assert not few.is_open
    assert not minority.is_open


def test_failures_of_long_ago_are_forgotten() -> None:
    now = Seconds()
    breaker = Breaker(now=now)
    for _ in range(FAILURES * 3):
        breaker.failed()
        now.now += WINDOW_SECONDS / (FAILURES - 2)
    assert not breaker.is_open
