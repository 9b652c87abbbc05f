from gateway.ratelimit.address_limiter import AddressLimiter


def test_an_address_may_ask_so_often_a_minute_and_another_is_not_touched() -> None:
    now = [1_000.0]
    crowd = AddressLimiter(per_minute=60, now=lambda: now[0])
    assert [crowd.allows_request("a") for _ in range(62)] == [True] * 60 + [False] * 2
    assert crowd.allows_request("b")
    now[0] += 2.0
    assert [crowd.allows_request("a") for _ in range(3)] == [True, True, False]


def test_the_memory_of_a_crowd_is_bounded() -> None:
    now = [1_000.0]
    crowd = AddressLimiter(per_minute=60, now=lambda: now[0])
    for n in range(100_001):
        crowd.allows_request(str(n))
    assert len(crowd._idle_at) <= 100_000
