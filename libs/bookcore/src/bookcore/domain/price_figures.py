"""Figures of a book's prices over time, with how much of the time was observed; pure.

Coverage, rule 1: a price holds from its observation to the next observation or withdrawal, or to now, if that
is at most MAX_GAP later; otherwise it is known at its own moment only. A withdrawn book has no price.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from fractions import Fraction

from bookcore.domain.currencies import MINOR_DIGITS, USUAL_DIGITS
from bookcore.domain.money import Money

MAX_GAP = timedelta(days=7)
PRIOR_DAYS = 30
_MICROSECOND = timedelta(microseconds=1)
_FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PricePoint:
    """The price observed at a moment, or None: from then on it was withdrawn or had no price."""

    at: datetime
    event_id: str
    price: Money | None


@dataclass(frozen=True, slots=True)
class PriceSpan:
    """A price that was observed at `start` and is known to have held until before `end`."""

    price: Money
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Coverage:
    """For how long of the asked time the price is known."""

    asked: timedelta
    observed: timedelta

    @property
    def is_complete(self) -> bool:
        return self.observed >= self.asked


@dataclass(frozen=True, slots=True)
class PriceFigures:
    """Figures of one currency. `mean` is weighted by time and rounded half up to the currency's decimals,
    None when no time is covered. `low` and `low_coverage` are of the last days that were asked for,
    `coverage` is of the time since the first observation. `current` is None in the currency of another time.
    """

    currency: str
    lowest: Money
    highest: Money
    mean: Money | None
    current: Money | None
    coverage: Coverage
    low: Money | None
    low_coverage: Coverage
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class PriorPrice:
    """The lowest price of the 30 days before the current reduction began, or None and the reason for it.

    `percent` is counted from `price` and rounded down to one decimal.
    """

    reason: str = ""
    price: Money | None = None
    percent: Decimal | None = None
    reduced_at: datetime | None = None
    coverage: Coverage | None = None


@dataclass(frozen=True, slots=True)
class PriceReport:
    """All figures of a book; `ignored` counts observations in the future, of a wrong clock."""

    figures: Sequence[PriceFigures]
    prior: PriorPrice
    ignored: int


def compute_price_report(points: Iterable[PricePoint], *, now: datetime, days: int) -> PriceReport:
    """Points in any order; of two points of one moment the one with the greater event id holds."""
    given = list(points)
    past = _order_points(point for point in given if point.at <= now)
    spans = _build_spans(past, now)
    current = past[-1].price if past else None
    since = now - min(timedelta(days=days), now - _FIRST_MOMENT)
    figures = [
        _compute_figures([span for span in spans if span.price.currency == currency], current, since, now)
        for currency in sorted({span.price.currency for span in spans})
    ]
    ignored = sum(point.at > now for point in given)
    return PriceReport(figures, find_prior_price(past, spans), ignored)


def build_price_spans(points: Iterable[PricePoint], *, now: datetime) -> list[PriceSpan]:
    """What is known of the price until now, in time order; a span without length is a lone observation."""
    return _build_spans(_order_points(point for point in points if point.at <= now), now)


def find_prior_price(points: Sequence[PricePoint], spans: Sequence[PriceSpan]) -> PriorPrice:
    """The prior price by Directive 98/6/EC, Article 6a (2); every further reduction begins anew."""
    began = _find_last_change(points)
    if began is None:
        return PriorPrice("not_reduced")
    after, before = points[began].price, points[began - 1].price
    if after is None:
        return PriorPrice("no_price")
    if before is None:
        return PriorPrice("no_price_before")
    if before.currency != after.currency:
        return PriorPrice("currency_changed")
    if after.amount > before.amount:
        return PriorPrice("not_reduced")
    moment = points[began].at
    return _measure_reduction(after, moment, [span for span in spans if span.start < moment])


def _measure_reduction(after: Money, moment: datetime, earlier: Sequence[PriceSpan]) -> PriorPrice:
    since = moment - timedelta(days=PRIOR_DAYS)
    same = [span for span in earlier if span.price.currency == after.currency]
    coverage = _measure_coverage(same, since, moment)
    if not coverage.is_complete:
        return PriorPrice("not_covered", reduced_at=moment, coverage=coverage)
    lowest = min(span.price.amount for span in same if span.end > since)
    if lowest <= after.amount:
        return PriorPrice("not_below_the_lowest", reduced_at=moment, coverage=coverage)
    percent = (Fraction(lowest) - Fraction(after.amount)) / Fraction(lowest) * 100
    return PriorPrice(
        "", Money(lowest, after.currency), _round_fraction(percent, 1, ROUND_DOWN), moment, coverage
    )


def _order_points(points: Iterable[PricePoint]) -> list[PricePoint]:
    by_moment = {point.at: point for point in sorted(points, key=lambda each: (each.at, each.event_id))}
    return list(by_moment.values())


def _build_spans(points: Sequence[PricePoint], now: datetime) -> list[PriceSpan]:
    ends = [*(point.at for point in points[1:]), now]
    return [
        PriceSpan(point.price, point.at, end if end - point.at <= MAX_GAP else point.at)
        for point, end in zip(points, ends, strict=bool(points))
        if point.price is not None
    ]


def _find_last_change(points: Sequence[PricePoint]) -> int | None:
    """Index of the first point of the current price; None when there was no other before."""
    for index in range(len(points) - 1, 0, -1):
        if points[index].price != points[index - 1].price:
            return index
    return None


def _compute_figures(
    spans: Sequence[PriceSpan], current: Money | None, since: datetime, now: datetime
) -> PriceFigures:
    currency = spans[0].price.currency
    amounts = [span.price.amount for span in spans]
    recent = [span.price.amount for span in spans if span.end > since or span.start >= since]
    return PriceFigures(
        currency=currency,
        lowest=Money(min(amounts), currency),
        highest=Money(max(amounts), currency),
        mean=_compute_mean(spans),
        current=current if current is not None and current.currency == currency else None,
        coverage=_measure_coverage(spans, spans[0].start, now),
        low=Money(min(recent), currency) if recent else None,
        low_coverage=_measure_coverage(spans, since, now),
        first_seen_at=spans[0].start,
        last_seen_at=spans[-1].start,
    )


def _compute_mean(spans: Sequence[PriceSpan]) -> Money | None:
    weights = [(span.end - span.start) // _MICROSECOND for span in spans]
    if not any(weights):
        return None
    currency = spans[0].price.currency
    amounts = (Fraction(span.price.amount) * weight for span, weight in zip(spans, weights, strict=True))
    total = sum(amounts, Fraction())
    digits = MINOR_DIGITS.get(currency, USUAL_DIGITS)
    return Money(_round_fraction(total / sum(weights), digits, ROUND_HALF_UP), currency)


def _measure_coverage(spans: Sequence[PriceSpan], since: datetime, until: datetime) -> Coverage:
    lengths = (min(span.end, until) - max(span.start, since) for span in spans)
    return Coverage(until - since, sum((max(each, timedelta()) for each in lengths), timedelta()))


def _round_fraction(value: Fraction, digits: int, rounding: str) -> Decimal:
    scaled = value * 10**digits
    whole = scaled.numerator // scaled.denominator
    if rounding == ROUND_HALF_UP and (scaled - whole) * 2 >= 1:
        whole += 1
    return Decimal(whole).scaleb(-digits)
