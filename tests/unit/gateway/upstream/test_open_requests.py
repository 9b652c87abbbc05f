"""Shares of a service's connections."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.open_requests import FairShare, Holder, OpenRequests, StreamLimit


def fill(share: FairShare, key: str) -> int:
    """Takes all that the holder gets."""
    count = 0
    while share.has_room(key):
        share.acquire(key)
        count += 1
    return count


def test_single_holder_gets_two_thirds() -> None:
    assert fill(FairShare(256, alpha=2), "a") == 171


def test_newcomer_gets_a_share_beside_holders_that_took_theirs() -> None:
    share = FairShare(256, alpha=2)
    fill(share, "a")
    assert fill(share, "b") > 40


def test_holder_of_a_few_requests_may_always_wait_for_a_connection() -> None:
    share = FairShare(16, alpha=2)
    for key in "abcdef":
        fill(share, key)
    assert fill(share, "late") == 8


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=200))
def test_released_slots_are_free_again(steps: list[tuple[str, bool]]) -> None:
    limit = StreamLimit(per_caller=3, per_network=5)
    requests, held = OpenRequests(32, limit), list[Holder]()
    for caller_id, is_end in steps:
        if is_end and held:
            requests.release(held.pop())
        else:
            holder = Holder(caller_id, "network", is_export=True)
            if requests.acquire(holder):
                held.append(holder)
    assert len(held) <= 5
    for holder in held:
        requests.release(holder)
    assert requests.acquire(Holder("d", "network", is_export=True))
    assert not StreamLimit(per_caller=0, per_network=1).has_room("d", "network")
