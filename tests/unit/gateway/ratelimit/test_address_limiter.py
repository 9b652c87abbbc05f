from gateway.ratelimit.address_limiter import AddressLimiter


def test_address_limit_applies_to_each_address_separately() -> None:
    now = [1_000.0]
    crowd = AddressLimiter(per_minute=60, now=lambda: now[0])
    assert [crowd.allows_request("a") for _ in range(62)] == [True] * 60 + [False] * 2
    assert crowd.allows_request("b")
    now[0] += 2.0
    assert [crowd.allows_request("a") for _ in range(3)] == [True, True, False]


def test_address_limiter_memory_is_bounded() -> None:
    now = [1_000.0]
    crowd = AddressLimiter(per_minute=60, now=lambda: now[0])
    for n in range(100_001):
        crowd.allows_request(str(n))
    assert len(crowd._idle_at) <= 100_000
