"""The chart of a book's prices."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree

import pytest

from bookcore.domain.money import Money
from bookcore.domain.price_figures import PriceSpan
from books_api.price_chart import PriceChart, draw_chart

NOW, DAY = datetime(2026, 11, 27, tzinfo=UTC), timedelta(days=1)
SVG = "{http://www.w3.org/2000/svg}"


def draw(spans: Sequence[PriceSpan], title: str = "A Light in the Attic") -> ElementTree.Element:
    chart = PriceChart(title, "GBP", spans, NOW - 90 * DAY, NOW, (720, 280))
    return ElementTree.fromstring(draw_chart(chart))


def make_span(amount: str, first: int, last: int) -> PriceSpan:
    """A price from so many to so many days ago."""
    return PriceSpan(Money(Decimal(amount), "GBP"), NOW - first * DAY, NOW - last * DAY)


def get_lines(drawn: ElementTree.Element) -> list[str]:
    return [path.attrib["d"] for path in drawn.iter(f"{SVG}path") if path.attrib["class"] == "line"]


def test_a_chart_is_a_step_line_with_gaps_and_lone_observations() -> None:
    spans = [
        make_span("20", 120, 60),
        make_span("10", 60, 40),
        make_span("15", 30, 30),
        make_span("18", 9, 0),
    ]
    drawn = draw(spans)
    assert [line.count("V") for line in get_lines(drawn)] == [2, 1]
    assert get_lines(drawn)[0].startswith("M58.0 ")  # what is older is cut off at the left margin
    assert [dot.attrib["class"] for dot in drawn.iter(f"{SVG}circle")] == ["dot", "low ring"]


def test_equal_neighbours_of_a_chart_are_one_step() -> None:
    drawn = draw([make_span("20", day, day - 1) for day in range(80, 0, -1)])
    assert [line.count("V") for line in get_lines(drawn)] == [1]


def test_a_chart_is_described_in_words() -> None:
    drawn = draw([make_span("20", 60, 50), make_span("15", 50, 45)])
    assert (drawn.findtext(f"{SVG}title"), drawn.attrib["role"]) == ("Price of A Light in the Attic", "img")
    assert drawn.findtext(f"{SVG}desc") == (
        "Prices in GBP from 2026-08-29 to 2026-11-27: lowest 15.00, highest 20.00, last 15.00. In a gap the"
        " price is not known."
    )


@pytest.mark.parametrize("spans", [[], [make_span("20", 120, 110)]], ids=["never", "long ago"])
def test_a_chart_without_prices_says_so(spans: list[PriceSpan]) -> None:
    drawn = draw(spans)
    assert drawn.findtext(f"{SVG}desc") == "No price in GBP was seen from 2026-08-29 to 2026-11-27."
    assert get_lines(drawn) == []


@pytest.mark.parametrize("amount", ["0", "0.0001", "999999999"])
def test_a_chart_has_room_for_any_amount(amount: str) -> None:
    assert len(get_lines(draw([make_span(amount, 60, 50)]))) == 1


@pytest.mark.parametrize(
    "title",
    ["</title><script>alert(1)</script>", "a\x00\x0b\ud800b", "&amp; \u202e", "x" * 900],
    ids=["markup", "control", "entity", "long"],
)
def test_a_title_is_text_of_the_chart_whatever_it_holds(title: str) -> None:
    drawn = draw([make_span("20", 60, 50)], title)
    assert {each.tag.removeprefix(SVG) for each in drawn.iter()} <= {
        *("svg", "title", "desc", "style", "rect", "text", "path", "circle")
    }
