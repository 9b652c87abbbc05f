import pytest

from bookcore.domain.book import BookId
from bookcore.search.elasticsearch.bulk import BulkResult, RetryPolicy, split_requests
from bookcore.search.elasticsearch.documents import BulkItem


def an_item(name: str, *, size: int = 10) -> BulkItem:
    return BulkItem(BookId(name), b"", b"x" * (size - 2))


def outcome(status: int) -> BulkResult:
    found = BulkResult()
    found.add(an_item("shop:u1"), status=status, reason="because")
    return found


@pytest.mark.parametrize("status", [200, 201])
def test_an_accepted_item_counts_as_newer(status: int) -> None:
    assert outcome(status) == BulkResult(newer=1)


def test_an_outdated_item_is_a_success_that_does_not_count() -> None:
    assert outcome(409) == BulkResult()


@pytest.mark.parametrize("status", [403, 404, 429, 502, 503, 504])
def test_a_retryable_status_is_retried(status: int) -> None:
    assert outcome(status) == BulkResult(retryable=[an_item("shop:u1")], reason=f"{status} because")


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_rejected_book_is_named_with_the_reason(status: int) -> None:
    assert outcome(status) == BulkResult(refused={BookId("shop:u1"): "because"})


def test_requests_are_split_by_number_and_size_without_loss() -> None:
    many = [an_item(f"shop:u{n}") for n in range(4_500)]
    assert [len(request) for request in split_requests(many)] == [2_000, 2_000, 500]
    large = [an_item(f"shop:u{n}", size=3 * 2**20) for n in range(5)]
    assert [len(request) for request in split_requests(large)] == [2, 2, 1]
    assert [item for request in split_requests(large) for item in request] == large
    assert [len(request) for request in split_requests([an_item("shop:u1", size=2**24)])] == [1]
    assert list(split_requests([])) == []


def test_the_first_try_is_at_once_and_later_ones_wait_longer_at_random() -> None:
    patience = RetryPolicy(first=0.1)
    assert patience.compute_delay(0) == 0
    for attempt, longest in ((1, 0.1), (2, 0.2), (5, 1.6)):
        pauses = {patience.compute_delay(attempt) for _ in range(50)}
        assert len(pauses) > 1
        assert max(pauses) <= longest
