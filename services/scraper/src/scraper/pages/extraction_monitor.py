"""Detects page objects that no longer understand the site."""

from bookcore.domain.normalise import PrintedBook

_MIN_PAGES = 20
_REQUIRED = ("title", "price", "upc")


def find_missing_fields(printed: PrintedBook) -> list[str]:
    """Required fields that the page doesn't print."""
    return [name for name in _REQUIRED if not getattr(printed, name)]


class ExtractionMonitor:
    """Counts book pages without a required field, over one process."""

    def __init__(self) -> None:
        self._pages = 0
        self._incomplete = 0

    def record(self, printed: PrintedBook) -> str | None:
        """One line for people when more than half of 20 or more pages lack a required field, else None."""
        missing = find_missing_fields(printed)
        self._pages += 1
        self._incomplete += bool(missing)
        if self._pages < _MIN_PAGES or self._incomplete * 2 <= self._pages:
            return None
        fields = " and ".join(missing or _REQUIRED)
        return f"{self._incomplete} of {self._pages} book pages lack required fields (last: {fields})"
