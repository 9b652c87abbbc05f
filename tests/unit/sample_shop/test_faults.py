"""Faults happen to the share they were told, to the pages they may touch, and end when told."""

import pytest

from sample_shop.addresses import parse_path
from sample_shop.faults import Fault, FaultInjector, FaultKind, parse_fault

PRODUCT = "/catalogue/a-book_1/index.html"


def hits(desk: FaultInjector, path: str, requests: int) -> list[bool]:
    return [desk.draw(path, parse_path(path)) is not None for _ in range(requests)]


def test_fault_affects_about_its_share_of_requests() -> None:
    desk = FaultInjector.create(1, [Fault(FaultKind.FAILURE, 0.1)])
    assert 400 <= sum(hits(desk, "/", 5000)) <= 600


def test_same_seed_affects_the_same_requests() -> None:
    desks = [FaultInjector.create(3, [Fault(FaultKind.SLOW, 0.5)]) for _ in range(2)]
    assert hits(desks[0], "/", 200) == hits(desks[1], "/", 200)


def test_fault_with_a_count_ends_after_it() -> None:
    desk = FaultInjector.create(1, [Fault(FaultKind.TOO_MANY, 1, count=2)])
    assert hits(desk, "/", 4) == [True, True, False, False]
    assert desk.list_active() == ()


def test_path_prefix_limits_a_fault() -> None:
    desk = FaultInjector.create(1, [Fault(FaultKind.FAILURE, 1, path_prefix="/catalogue/a-")])
    assert hits(desk, PRODUCT, 1) == [True]
    assert hits(desk, "/", 1) == [False]


@pytest.mark.parametrize("path", ["/robots.txt", "/static/shop.css", "/nowhere"])
def test_fault_affects_html_pages_only_without_a_prefix(path: str) -> None:
    assert hits(FaultInjector.create(1, [Fault(FaultKind.FAILURE, 1)]), path, 1) == [False]
    assert hits(FaultInjector.create(1, [Fault(FaultKind.FAILURE, 1, path_prefix=path)]), path, 1) == [True]


def test_price_fault_does_not_affect_listings() -> None:
    desk = FaultInjector.create(1, [Fault(FaultKind.BAD_PRICE, 1)])
    assert hits(desk, "/", 1) + hits(desk, PRODUCT, 1) == [False, True]


def test_activating_a_fault_again_replaces_it() -> None:
    desk = FaultInjector.create(1, [Fault(FaultKind.FAILURE, 1)])
    desk.activate(Fault(FaultKind.FAILURE, 0))
    assert hits(desk, "/", 3) == [False] * 3


def test_fault_is_read_from_kind_and_share() -> None:
    assert parse_fault("429:0.05") == Fault(FaultKind.TOO_MANY, 0.05)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("429", "KIND:SHARE"),
        ("429:often", "KIND:SHARE"),
        ("flood:0.1", "no fault is called 'flood'"),
        ("500:2", "from 0 to 1"),
        ("500:nan", "from 0 to 1"),
    ],
)
def test_invalid_fault_text_is_refused_with_a_reason(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_fault(text)
