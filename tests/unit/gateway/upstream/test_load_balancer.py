from random import Random

from gateway.upstream.load_balancer import CONSECUTIVE_FAILURES, LoadBalancer, RetryBudget


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def create_balancer(*urls: str, now: Seconds | None = None) -> LoadBalancer:
    return LoadBalancer(urls, now=now or Seconds(), random=Random(1))


def pick_urls(balancer: LoadBalancer, times: int) -> list[str]:
    return [address.url for _ in range(times) if (address := balancer.pick())]


def fail(balancer: LoadBalancer, url: str, *, is_down: bool = True) -> None:
    balancer.record_failure(balancer.addresses[url], is_unreachable=is_down)


def test_address_with_fewer_requests_is_picked_and_ties_alternate() -> None:
    two = create_balancer("a", "b")
    two.addresses["a"].outstanding = 2
    two.addresses["b"].outstanding = 1
    assert pick_urls(two, 2) == ["b", "b"]
    two.addresses["b"].outstanding = 2
    assert set(pick_urls(two, 2)) == {"a", "b"}


def test_busiest_of_many_addresses_is_never_picked() -> None:
    many = create_balancer("a", "b", "c", "d")
    many.addresses["a"].outstanding = 9
    assert set(pick_urls(many, 100)) == {"b", "c", "d"}


def test_unreachable_address_is_ejected_at_once_and_longer_each_time() -> None:
    now = Seconds()
    two = create_balancer("a", "b", now=now)
    fail(two, "a")
    assert set(pick_urls(two, 4)) == {"b"}
    now.now += 5.1
    assert set(pick_urls(two, 4)) == {"a", "b"}
    fail(two, "a")
    now.now += 5.1
    assert set(pick_urls(two, 4)) == {"b"}
    now.now += 5.0
    assert set(pick_urls(two, 4)) == {"a", "b"}


def test_consecutive_errors_eject_and_a_success_resets_them() -> None:
    two = create_balancer("a", "b")
    for _ in range(CONSECUTIVE_FAILURES - 1):
        fail(two, "a", is_down=False)
    two.record_success(two.addresses["a"])
    fail(two, "a", is_down=False)
    assert set(pick_urls(two, 4)) == {"a", "b"}
    for _ in range(CONSECUTIVE_FAILURES - 1):
        fail(two, "a", is_down=False)
    assert set(pick_urls(two, 4)) == {"b"}


def test_all_addresses_are_tried_when_all_are_ejected() -> None:
    two = create_balancer("a", "b")
    fail(two, "a")
    fail(two, "b")
    first = two.pick()
    assert first is not None
    second = two.pick({first.url})
    assert second is not None
    assert {first.url, second.url} == {"a", "b"}
    assert two.pick({"a", "b"}) is None


def test_readmitted_address_is_picked_again() -> None:
    two = create_balancer("a", "b")
    fail(two, "a")
    (resting,) = two.list_ejected()
    two.readmit(resting)
    assert set(pick_urls(two, 4)) == {"a", "b"}


def test_retry_budget_is_a_fifth_of_the_requests_above_a_reserve() -> None:
    budget = RetryBudget(percent=20, reserve=2)
    assert [budget.withdraw() for _ in range(3)] == [True, True, False]
    for _ in range(100):
        budget.deposit()
    assert sum(budget.withdraw() for _ in range(100)) == 20
