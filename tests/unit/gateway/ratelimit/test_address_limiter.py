from gateway.ratelimit.address_limiter import Crowd


def test_an_address_may_ask_so_often_a_minute_and_another_is_not_touched() -> None:
    now = [1_000.0]
    crowd = Crowd(per_minute=60, now=lambda: now[0])
    assert [crowd.admits("a") for _ in range(62)] == [True] * 60 + [False] * 2
    assert crowd.admits("b")
    now[0] += 2.0
    assert [crowd.admits("a") for _ in range(3)] == [True, True, False]


def test_the_memory_of_a_crowd_is_bounded() -> None:
    now = [1_000.0]
    crowd = Crowd(per_minute=60, now=lambda: now[0])
    for n in range(100_001):
        crowd.admits(str(n))
    assert len(crowd._idle_at) <= 100_000
