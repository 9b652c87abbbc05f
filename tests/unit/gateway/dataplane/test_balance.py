from contextlib import suppress

from bookcore.testing.contracts.cache import MovableClock
from gateway.dataplane.balance import Balancer


def test_the_least_outstanding_address_is_picked() -> None:
    balancer = Balancer(["a", "b"], clock=MovableClock())
    with balancer.in_use("a"), balancer.in_use("a"), balancer.in_use("b"):
        assert [balancer.pick(), balancer.pick()] == ["b", "b"]
    assert {balancer.pick(), balancer.pick()} == {"a", "b"}


def test_a_failing_address_rests_for_a_while(clock: MovableClock) -> None:
    balancer = Balancer(["a", "b"], clock=clock)
    balancer.eject("a")
    assert {balancer.pick() for _ in range(4)} == {"b"}
    clock.advance(5.1)
    assert {balancer.pick() for _ in range(4)} == {"a", "b"}


def test_when_all_have_failed_all_are_tried() -> None:
    balancer = Balancer(["a", "b"], clock=MovableClock())
    balancer.eject("a")
    balancer.eject("b")
    first = balancer.pick()
    assert first is not None
    assert {first, balancer.pick({first})} == {"a", "b"}
    assert balancer.pick({"a", "b"}) is None


def test_an_address_is_free_again_when_a_request_fails() -> None:
    balancer = Balancer(["a", "b"], clock=MovableClock())
    with suppress(ConnectionError), balancer.in_use("a"):
        raise ConnectionError
    assert {balancer.pick(), balancer.pick()} == {"a", "b"}
