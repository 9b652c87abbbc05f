"""When the page objects no longer understand the site."""

from bookcore.domain.normalise import PrintedBook
from scraper.pages.extraction_monitor import ExtractionMonitor

_GOOD = PrintedBook(title="A", price="£1.00", upc="1")
_POOR = PrintedBook(title="A", upc="1")


def _complaints(pages: list[PrintedBook]) -> list[str | None]:
    extraction = ExtractionMonitor()
    return [extraction.record(page) for page in pages]


def test_monitor_reports_nothing_before_20_pages() -> None:
    *before, last = _complaints([_POOR] * 20)
    assert before == [None] * 19
    assert last == "20 of 20 book pages lack required fields (last: price)"


def test_monitor_accepts_half_of_the_pages_without_required_fields() -> None:
    assert _complaints([_GOOD, _POOR] * 50) == [None] * 100


def test_monitor_reports_more_than_half_of_the_pages_without_required_fields() -> None:
    assert (
        _complaints([_GOOD] * 10 + [_POOR] * 11)[-1]
        == "11 of 21 book pages lack required fields (last: price)"
    )
