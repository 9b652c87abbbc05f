"""Figures of prices over time, and how much of the time was observed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bookcore.domain.money import Money
from bookcore.domain.price_figures import PriceFigures, PricePoint, PriceReport, compute_price_report

NOW = datetime(2026, 11, 27, tzinfo=UTC)
DAY = timedelta(days=1)


def make_points(text: str) -> list[PricePoint]:
    """`40:5EUR 3:gone 90..5:20`: days ago and price, GBP by default; `a..b` is every third day."""
    points: list[PricePoint] = []
    for number, part in enumerate(text.split()):
        moments, printed = part.split(":")
        first, _, last = moments.partition("..")
        price = None
        if printed != "gone":
            amount, currency = (printed[:-3], printed[-3:]) if printed[-1].isalpha() else (printed, "GBP")
            price = Money(Decimal(amount), currency)
        days = range(int(first), int(last or first) - 1, -3) if last else [float(first)]
        points += [PricePoint(NOW - day * DAY, f"e{number}", price) for day in days]
    return points


def compute(text: str, days: int = 30) -> PriceReport:
    return compute_price_report(make_points(text), now=NOW, days=days)


def get_only(report: PriceReport) -> PriceFigures:
    (figures,) = report.figures
    return figures


def test_a_book_never_priced_has_no_figures() -> None:
    report = compute("")
    assert (report.figures, report.prior.reason) == ([], "not_reduced")


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ("2:9.99", "9.99 9.99 9.99 9.99 2/2 low 9.99 2/30"),
        ("2:0", "0.00 0.00 0.00 0.00 2/2 low 0.00 2/30"),
        ("2:10 4:20 3:10", "10.00 20.00 12.50 10.00 4/4 low 10.00 4/30"),  # unsorted
        ("20:10", "10.00 10.00 None 10.00 0/20 low 10.00 0/30"),  # too long ago to say that it held
        ("20:10 2:20", "10.00 20.00 20.00 20.00 2/20 low 10.00 2/30"),
        ("7:10 0:20", "10.00 20.00 10.00 20.00 7/7 low 10.00 7/30"),
        ("90:5 35:8 31:10 28:12", "5.00 12.00 8.86 12.00 7/90 low 10.00 2/30"),  # 10 reaches into the days
        ("90:5", "5.00 5.00 None 5.00 0/90 low None 0/30"),
        ("6:10 4:gone 1:20", "10.00 20.00 13.33 20.00 3/6 low 10.00 3/30"),  # not offered in between
        ("6:10 4:gone", "10.00 10.00 10.00 None 2/6 low 10.00 2/30"),
        ("4:10 4:7", "7.00 7.00 7.00 7.00 4/4 low 7.00 4/30"),  # one moment: the greater event id holds
        ("4:10 -5:1", "10.00 10.00 10.00 10.00 4/4 low 10.00 4/30"),  # a wrong clock
        ("3:1000JPY 2:1001JPY 0:1001JPY", "1000 1001 1001 1001 3/3 low 1000 3/30"),
    ],
)
def test_figures_of_one_currency_tell_what_was_observed(points: str, expected: str) -> None:
    found = get_only(compute(points))
    shown = [
        each and each.plain for each in (found.lowest, found.highest, found.mean, found.current, found.low)
    ]
    times = (found.coverage, found.low_coverage)
    whole, recent = (f"{each.observed // DAY}/{each.asked // DAY}" for each in times)
    assert "{} {} {} {}".format(*shown) + f" {whole} low {shown[4]} {recent}" == expected


def test_currencies_are_never_mixed() -> None:
    pounds_then_euros = compute("6:10 4:20EUR 1:18EUR")
    shown = [(f.currency, f.lowest.plain, f.current and f.current.plain) for f in pounds_then_euros.figures]
    assert shown == [("EUR", "18.00", "18.00"), ("GBP", "10.00", None)]
    assert pounds_then_euros.figures[1].coverage.observed == 2 * DAY


def test_observations_in_the_future_are_counted_apart() -> None:
    report = compute("4:10 -5:1 -6:gone")
    assert (report.ignored, report.figures[0].current) == (2, Money(Decimal(10), "GBP"))


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ("62..2:20 1:15", "20.00 25.0 "),
        ("62..2:20 1:0", "20.00 100.0 "),
        ("62..2:3 1:2", "3.00 33.3 "),  # rounded down
        ("62..20:20 17..5:10 2:5", "10.00 50.0 "),  # each further reduction begins anew
        ("62..29:10 26..5:20 2:15", "None None not_below_the_lowest"),  # raised first, then "reduced"
        ("95..41:8 38..5:20 2:15", "20.00 25.0 "),  # the low is older than the 30 days
        ("92..62:20 59..2:15", "20.00 25.0 "),  # counted before the reduction, not before now
        ("62..2:20 1:25", "None None not_reduced"),
        ("62..2:20", "None None not_reduced"),
        ("20..2:20 1:15", "None None not_covered"),
        ("62..20:20 5..2:20 1:15", "None None not_covered"),
        ("62..20:20 18:gone 17..2:20 1:15", "None None not_covered"),
        ("62..2:20 1:gone", "None None no_price"),
        ("62..5:20 4:gone 1:15", "None None no_price_before"),
        ("62..2:20 1:15EUR", "None None currency_changed"),
        ("62..20:20EUR 17..2:20 1:15", "None None not_covered"),
    ],
)
def test_the_prior_price_is_the_lowest_of_thirty_covered_days_before_the_reduction(
    points: str, expected: str
) -> None:
    prior = compute(points).prior
    assert f"{prior.price and prior.price.plain} {prior.percent} {prior.reason}" == expected


def test_the_longest_period_asked_reaches_no_further_back_than_the_calendar() -> None:
    early = datetime(5, 1, 1, tzinfo=UTC)
    report = compute_price_report([PricePoint(early, "e", Money(Decimal(1), "GBP"))], now=early, days=3650)
    assert get_only(report).low == Money(Decimal(1), "GBP")
