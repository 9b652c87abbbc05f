"""Whether the page objects still understand the site."""

from bookcore.domain.normalise import PrintedBook

_MIN_PAGES = 20
_REQUIRED = ("title", "price", "upc")


def find_missing_fields(printed: PrintedBook) -> list[str]:
    """The required fields that the page doesn't print."""
    return [name for name in _REQUIRED if not getattr(printed, name)]


class ExtractionMonitor:
    """Counts, over one process, how often a required field was missing."""

    def __init__(self) -> None:
        self._pages = 0
        self._incomplete = 0

    def record(self, printed: PrintedBook) -> str | None:
        """From the 20th page on: one line when more than half of the pages lack something, else None."""
        missing = find_missing_fields(printed)
        self._pages += 1
        self._incomplete += bool(missing)
        if self._pages < _MIN_PAGES or self._incomplete * 2 <= self._pages:
            return None
        fields = " and ".join(missing or _REQUIRED)
        return f"{self._incomplete} of {self._pages} book pages lack required fields (last: {fields})"
