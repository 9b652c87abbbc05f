"""Draws the prices of a book over time as SVG 1.1: a step line with gaps where the price isn't known.

Colours are attributes, so that the chart is whole without its style, which only adds those for a dark page.
"""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from hashlib import sha256
from html import escape
from math import ceil, floor, log10

from bookcore.domain.money import Money
from bookcore.domain.price_figures import PriceSpan

MEDIA_TYPE = "image/svg+xml"
STYLE = (
    "@media (prefers-color-scheme:dark){.bg{fill:#15191e}.ink{fill:#e8ecf1}.dim{fill:#9aa6b2}"
    ".grid{stroke:#2b323a}.line{stroke:#6cb0ff}.area,.dot{fill:#6cb0ff}.low{fill:#4fce78}.ring{stroke:#15191e}}"
)
CONTENT_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
)
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 18, 62, 30
_CHARACTER = 9.3
_INK, _DIM, _GRID, _LINE, _LOW = "#18202a", "#5d6875", "#e4e8ed", "#1667d9", "#15803d"


@dataclass(frozen=True)
class PriceChart:
    """What is drawn: spans of one currency in time order; `size` is (width, height) in pixels."""

    title: str
    currency: str
    spans: Sequence[PriceSpan]
    since: datetime
    until: datetime
    size: tuple[int, int]

    @cached_property
    def range(self) -> tuple[float, float]:
        """Lowest and highest drawn amount; never equal."""
        amounts = [float(span.price.amount) for span in self.spans] or [0.0]
        low, high = min(amounts), max(amounts)
        margin = (high - low) * 0.12 or max(high * 0.1, 1.0)
        return max(low - margin, 0.0), high + margin

    def locate_moment(self, moment: datetime) -> float:
        """The x of a moment."""
        share = (moment - self.since) / (self.until - self.since)
        return round(_LEFT + share * (self.size[0] - _LEFT - _RIGHT), 1)

    def locate_amount(self, amount: Decimal | float) -> float:
        """The y of an amount."""
        low, high = self.range
        share = (float(amount) - low) / (high - low)
        return round(self.size[1] - _BOTTOM - share * (self.size[1] - _TOP - _BOTTOM), 1)


def draw_chart(chart: PriceChart) -> str:
    """A whole SVG document with a title and a description for screen readers."""
    shown = replace(chart, title=_clean_text(chart.title), spans=_crop_spans(chart))
    width, height = shown.size
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img" aria-labelledby="title desc" font-size="12"'
        ' font-family="system-ui,-apple-system,Segoe UI,Roboto,sans-serif">',
        f'<title id="title">Price of {escape(shown.title)}</title>',
        f'<desc id="desc">{escape(describe_chart(shown))}</desc><style>{STYLE}</style>',
        f'<rect class="bg" width="{width}" height="{height}" rx="8" fill="#fff"/>',
        *_draw_headings(shown),
        *_draw_axes(shown),
        *_draw_prices(shown),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def describe_chart(chart: PriceChart) -> str:
    """The chart in words."""
    period = f"from {chart.since:%Y-%m-%d} to {chart.until:%Y-%m-%d}"
    if not chart.spans:
        return f"No price in {chart.currency} was seen {period}."
    low, last = _find_low(chart), chart.spans[-1]
    high = max((span.price for span in chart.spans), key=lambda price: price.amount)
    return (
        f"Prices in {chart.currency} {period}: lowest {low.price.plain}, highest {high.plain},"
        f" last {last.price.plain}. In a gap the price is not known."
    )


def _crop_spans(chart: PriceChart) -> list[PriceSpan]:
    """The spans since the chart's beginning; equal neighbours without a gap are merged."""
    cropped: list[PriceSpan] = []
    for span in chart.spans:
        if span.end <= chart.since and span.start < chart.since:
            continue
        if cropped and cropped[-1].end == span.start and cropped[-1].price == span.price:
            cropped[-1] = replace(cropped[-1], end=span.end)
        else:
            cropped.append(replace(span, start=max(span.start, chart.since)))
    return cropped


def _find_low(chart: PriceChart) -> PriceSpan:
    return min(reversed(chart.spans), key=lambda span: span.price.amount)


def _draw_headings(chart: PriceChart) -> Iterator[str]:
    room = int((chart.size[0] - 32) / _CHARACTER)
    title = chart.title if len(chart.title) <= room else chart.title[: room - 1].rstrip() + "…"
    yield _draw_text((16, 24), title, 'class="ink" font-size="14" font-weight="600"', _INK)
    text = f"{chart.currency} · no price seen"
    if chart.spans:
        text = f"{chart.currency} · last {chart.spans[-1].price.plain} · low {_find_low(chart).price.plain}"
    yield _draw_text((16, 43), text, 'class="dim"', _DIM)


def _draw_axes(chart: PriceChart) -> Iterator[str]:
    width, height = chart.size
    low, high = chart.range
    rows = max(2, min(5, (height - _TOP - _BOTTOM) // 40))
    for amount in _choose_ticks(low, high, rows) if chart.spans else ():
        y = chart.locate_amount(amount)
        yield f'<path class="grid" d="M{_LEFT} {y}H{width - _RIGHT}" stroke="{_GRID}"/>'
        label = _format_amount(amount, chart.currency)
        yield _draw_text((_LEFT - 8, y + 4), label, 'class="dim" text-anchor="end"', _DIM)
    columns = max(1, min(6, (width - _LEFT - _RIGHT) // 140))
    for column in range(columns + 1):
        moment = chart.since + (chart.until - chart.since) * column / columns
        anchor = "start" if column == 0 else "end" if column == columns else "middle"
        where = (chart.locate_moment(moment), height - 10)
        yield _draw_text(where, f"{moment:%Y-%m-%d}", f'class="dim" text-anchor="{anchor}"', _DIM)


def _format_amount(amount: float, currency: str) -> str:
    """Short enough for the margin: 19.50, 25000, 2.5M."""
    if amount >= 1_000_000:
        return f"{amount / 1_000_000:g}M"
    return f"{amount:.0f}" if amount >= 10_000 else Money(Decimal(f"{amount:.2f}"), currency).plain


def _choose_ticks(low: float, high: float, rows: int) -> list[float]:
    """Round amounts from low to high, at most `rows` steps of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** floor(log10((high - low) / rows))
    step = next(power * times for times in (1, 2, 5, 10) if power * times * rows >= high - low)
    return [step * count for count in range(ceil(low / step), floor(high / step) + 1)]


def _draw_prices(chart: PriceChart) -> Iterator[str]:
    bottom = chart.size[1] - _BOTTOM
    for run in _split_runs(chart.spans):
        first, last = chart.locate_moment(run[0].start), chart.locate_moment(run[-1].end)
        if first == last:
            y = chart.locate_amount(run[0].price.amount)
            yield f'<circle class="dot" cx="{first}" cy="{y}" r="2.5" fill="{_LINE}"/>'
            continue
        steps = "".join(
            f"V{chart.locate_amount(span.price.amount)}H{chart.locate_moment(span.end)}" for span in run
        )
        yield f'<path class="area" d="M{first} {bottom}{steps}V{bottom}Z" fill="{_LINE}" fill-opacity=".1"/>'
        line = f"M{first} {chart.locate_amount(run[0].price.amount)}{steps}"
        yield f'<path class="line" d="{line}" fill="none" stroke="{_LINE}" stroke-width="2"/>'
    if chart.spans:
        yield from _draw_low(chart)


def _draw_low(chart: PriceChart) -> Iterator[str]:
    low = _find_low(chart)
    x, y = chart.locate_moment(low.start), chart.locate_amount(low.price.amount)
    anchor = "end" if x > chart.size[0] * 0.7 else "start"
    yield (f'<circle class="low ring" cx="{x}" cy="{y}" r="5" fill="{_LOW}" stroke="#fff" stroke-width="2"/>')
    kind = f'class="low" font-weight="600" text-anchor="{anchor}"'
    yield _draw_text((x + (8 if anchor == "start" else -8), y - 8), f"low {low.price.plain}", kind, _LOW)


def _split_runs(spans: Sequence[PriceSpan]) -> list[list[PriceSpan]]:
    """Spans that follow each other without a gap."""
    runs: list[list[PriceSpan]] = []
    for span in spans:
        if runs and runs[-1][-1].end == span.start:
            runs[-1].append(span)
        else:
            runs.append([span])
    return runs


def _draw_text(where: tuple[float, float], text: str, attributes: str, colour: str) -> str:
    return f'<text x="{where[0]}" y="{where[1]}" {attributes} fill="{colour}">{escape(text)}</text>'


def _clean_text(text: str) -> str:
    """Without characters that XML can't hold."""
    return "".join(each if each.isprintable() else " " for each in text)
