import pytest

from gateway.ratelimit.address_limiter import AddressLimiter


def create_limiter(now: list[float], per_minute: int = 60) -> AddressLimiter:
    return AddressLimiter(per_minute=per_minute, now=lambda: now[0])


def test_address_limit_applies_to_each_address_separately() -> None:
    now = [1_000.0]
    crowd = create_limiter(now)
    assert [crowd.allows_request("a") for _ in range(62)] == [True] * 60 + [False] * 2
    assert crowd.allows_request("b")
    now[0] += 2.0
    assert [crowd.allows_request("a") for _ in range(3)] == [True, True, False]


def test_address_limiter_memory_is_bounded() -> None:
    now = [1_000.0]
    crowd = create_limiter(now)
    for n in range(100_001):
        crowd.allows_request(str(n))
    assert len(crowd._idle_at) <= 100_000


@pytest.mark.parametrize("step", [-50.0, -70.0, -3_600.0, 50.0, 3_600.0])
def test_step_of_the_clock_refuses_no_address_for_longer_than_a_minute(step: float) -> None:
    now = [10_000.0]
    limiter = create_limiter(now)
    for _ in range(60):
        limiter.allows_request("a")
    now[0] += step
    limiter.allows_request("a")
    now[0] += 60.0
    assert limiter.allows_request("a")


def test_step_back_by_more_than_a_minute_lets_each_address_go_on_at_once() -> None:
    now = [10_000.0]
    limiter = create_limiter(now)
    for _ in range(60):
        limiter.allows_request("a")
    now[0] -= 3_600.0
    assert [limiter.allows_request("a") for _ in range(2)] == [True, False]
    now[0] += 1.0
    assert limiter.allows_request("a")


def test_addresses_of_one_ipv6_network_are_counted_together() -> None:
    limiter = create_limiter([1_000.0], per_minute=30)
    allowed = [limiter.allows_request(f"2001:db8:0:1::{n:x}") for n in range(1, 41)]
    assert allowed == [True] * 30 + [False] * 10
    assert limiter.allows_request("2001:db8:0:2::1")


def test_ipv4_address_and_its_mapped_form_are_counted_together() -> None:
    limiter = create_limiter([1_000.0], per_minute=2)
    addresses = ["203.0.113.9", "::ffff:203.0.113.9", "::ffff:cb00:7109"]
    assert [limiter.allows_request(address) for address in addresses] == [True, True, False]
    assert limiter.allows_request("::ffff:203.0.113.10")
