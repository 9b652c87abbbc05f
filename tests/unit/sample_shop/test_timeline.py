"""Time moves the books, and every move has its hour."""

from dataclasses import dataclass

import pytest

from sample_shop.shop import Moment, Shop
from sample_shop.timeline import Timeline


@dataclass
class HandClock:
    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def test_rate_is_books_per_minute() -> None:
    clock = HandClock()
    timeline = Timeline(Shop(), rate=12, clock=clock)
    clock.now += 30
    assert timeline.get_moment() == Moment(by_clock=6)


def test_shop_with_rate_0_never_changes() -> None:
    clock = HandClock()
    timeline = Timeline(Shop(), rate=0, clock=clock)
    clock.now += 1e7
    assert timeline.get_moment() == Moment()


def test_clock_set_back_changes_nothing() -> None:
    clock = HandClock()
    timeline = Timeline(Shop(), rate=60, clock=clock)
    clock.now -= 100
    assert timeline.get_moment() == Moment()


def test_last_change_of_a_book_is_known() -> None:
    clock = HandClock()
    shop = Shop()
    timeline = Timeline(shop, rate=60, clock=clock)
    clock.now += 10
    third = shop.clock_rota.get_book(2)
    assert timeline.find_last_change([third], timeline.get_moment()) == pytest.approx(timeline.opened_at + 3)


def test_requested_changes_have_the_time_of_the_request() -> None:
    clock = HandClock()
    timeline = Timeline(Shop(), rate=0, clock=clock)
    clock.now += 5
    first = timeline.move_books(2)[0].number
    clock.now += 5
    second = timeline.move_books(1)[0].number
    moment = timeline.get_moment()
    assert timeline.find_last_change([first], moment) == timeline.opened_at + 5
    assert timeline.find_last_change([first, second], moment) == timeline.opened_at + 10


def test_negative_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        Timeline(Shop(), rate=-1, clock=HandClock())
