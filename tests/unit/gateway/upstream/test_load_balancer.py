from random import Random

from gateway.upstream.load_balancer import CONSECUTIVE_FAILURES, LoadBalancer, RetryBudget


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def balancer(*urls: str, now: Seconds | None = None) -> LoadBalancer:
    return LoadBalancer(urls, now=now or Seconds(), random=Random(1))


def picked(balancer: LoadBalancer, times: int) -> list[str]:
    return [address.url for _ in range(times) if (address := balancer.pick())]


def fail(balancer: LoadBalancer, url: str, *, is_down: bool = True) -> None:
    balancer.record_failure(balancer.addresses[url], is_unreachable=is_down)


def test_the_less_busy_of_two_is_picked_and_equals_take_turns() -> None:
    two = balancer("a", "b")
    two.addresses["a"].outstanding = 2
    two.addresses["b"].outstanding = 1
    assert picked(two, 2) == ["b", "b"]
    two.addresses["b"].outstanding = 2
    assert set(picked(two, 2)) == {"a", "b"}


def test_of_many_two_are_looked_at_so_that_the_busiest_is_never_picked() -> None:
    many = balancer("a", "b", "c", "d")
    many.addresses["a"].outstanding = 9
    assert set(picked(many, 100)) == {"b", "c", "d"}


def test_an_address_that_is_down_rests_at_once_and_longer_each_time() -> None:
    now = Seconds()
    two = balancer("a", "b", now=now)
    fail(two, "a")
    assert set(picked(two, 4)) == {"b"}
    now.now += 5.1
    assert set(picked(two, 4)) == {"a", "b"}
    fail(two, "a")
    now.now += 5.1
    assert set(picked(two, 4)) == {"b"}
    now.now += 5.0
    assert set(picked(two, 4)) == {"a", "b"}


def test_errors_in_a_row_are_an_outlier_and_a_success_between_them_is_not() -> None:
    two = balancer("a", "b")
    for _ in range(CONSECUTIVE_FAILURES - 1):
        fail(two, "a", is_down=False)
    two.record_success(two.addresses["a"])
    fail(two, "a", is_down=False)
    assert set(picked(two, 4)) == {"a", "b"}
    for _ in range(CONSECUTIVE_FAILURES - 1):
        fail(two, "a", is_down=False)
    assert set(picked(two, 4)) == {"b"}


def test_when_all_have_failed_all_are_tried() -> None:
    two = balancer("a", "b")
    fail(two, "a")
    fail(two, "b")
    first = two.pick()
    assert first is not None
    second = two.pick({first.url})
    assert second is not None
    assert {first.url, second.url} == {"a", "b"}
    assert two.pick({"a", "b"}) is None


def test_an_address_that_is_found_well_is_picked_again() -> None:
    two = balancer("a", "b")
    fail(two, "a")
    (resting,) = two.list_ejected()
    two.readmit(resting)
    assert set(picked(two, 4)) == {"a", "b"}


def test_repeats_are_a_fifth_of_the_requests_beyond_a_reserve() -> None:
    budget = RetryBudget(percent=20, reserve=2)
    assert [budget.withdraw() for _ in range(3)] == [True, True, False]
    for _ in range(100):
        budget.deposit()
    assert sum(budget.withdraw() for _ in range(100)) == 20
