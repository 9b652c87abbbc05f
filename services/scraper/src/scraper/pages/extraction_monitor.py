"""Detects a reading that no longer understands the site."""

from bookcore.domain.normalise import PrintedBook
from bookcore.domain.printed_listing import PrintedListing

_MIN_PAGES = 20
_REQUIRED = ("title", "price", "upc")


def find_missing_fields(
    printed: PrintedBook | PrintedListing, required: tuple[str, ...] = _REQUIRED
) -> list[str]:
    """Required fields that the page doesn't print."""
    return [name for name in required if not _has_field(printed, name)]


def _has_field(printed: PrintedBook | PrintedListing, name: str) -> bool:
    if isinstance(printed, PrintedBook):
        return bool(getattr(printed, name, None))
    if name == "price":
        return any(offer.price or offer.unpriced for offer in printed.offers)
    if name == "availability":
        return any(offer.availability for offer in printed.offers)
    if name == "author":
        return bool(printed.contributors)
    if name == "cover":
        return bool(printed.covers)
    return bool(printed.identifiers.get(name) or getattr(printed, name, None))


class ExtractionMonitor:
    """Counts book pages without a required field, over one process."""

    def __init__(self, required: tuple[str, ...] = _REQUIRED) -> None:
        self._required = required
        self._pages = 0
        self._incomplete = 0

    def record(self, printed: PrintedBook | PrintedListing) -> str | None:
        """One line for people when more than half of 20 or more pages lack a required field, else None."""
        missing = find_missing_fields(printed, self._required)
        self._pages += 1
        self._incomplete += bool(missing)
        if self._pages < _MIN_PAGES or self._incomplete * 2 <= self._pages:
            return None
        fields = " and ".join(missing or self._required)
        return f"{self._incomplete} of {self._pages} book pages lack required fields (last: {fields})"
